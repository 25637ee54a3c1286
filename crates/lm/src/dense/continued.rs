//! Attention of rows that continue a text, one row at a time: what a segment's attention does (see
//! [`attention`](super::attention)), with the same bits, over keys that are packed when they come and stay packed.
//!
//! Knows no layers and no batches: [`KvCache`](crate::KvCache) says who sees which stretch.

use super::rows;
use crate::kernel::{Left, MR, NR, Panels, Store, View, tile_ahead};
use crate::ops::AttentionShape;

/// Keys and values of consecutive positions of one text.
#[derive(Debug, Default)]
pub(crate) struct Stretch {
    /// [K d, positions]
    keys: Panels,
    /// [positions, K d'], where d' is d filled up to whole panels.
    values: Panels,
}

/// What one row sees: the first `before` positions of a prefix and the first `len` of its own. What the next row sees, prefix and own, is
/// fetched into the cache meanwhile: the keys of many texts do not stay there from one token to the next.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) prefix: &'a Stretch,
    pub(crate) before: usize,
    pub(crate) len: usize,
    pub(crate) next: (&'a Stretch, &'a Stretch),
}

/// Working space of [`Stretch::attend`].
#[derive(Debug, Default)]
pub(crate) struct Space {
    scores: Vec<f32>,
}

impl Stretch {
    /// Room for so many positions.
    pub(crate) fn new(shape: AttentionShape, positions: usize) -> Self {
        let mut new = Self::default();
        new.keys.clear(shape.kv_width(), positions);
        new.values.clear(positions, shape.kv_heads * padded(shape));
        new
    }

    /// Keep keys and values [n, K d] of the positions from `at` on.
    pub(crate) fn put(&mut self, shape: AttentionShape, at: usize, keys: &[f32], values: &[f32]) {
        let (width, d) = (shape.kv_width(), shape.head_dim);
        let n = keys.len() / width;
        self.keys.fill(View::new(keys, n, width).turned(), 0, at);
        for g in 0..shape.kv_heads {
            self.values.fill(View::strided(&values[g * d..], n, d, width), at, g * padded(shape));
        }
    }

    /// One row's attention over what it sees of a prefix and of these positions: q [H d] gives [H d].
    pub(crate) fn attend(&self, shape: AttentionShape, seen: Seen<'_>, q: &[f32], out: &mut [f32], space: &mut Space) {
        let Seen { prefix, before, len, next } = seen;
        let d = shape.head_dim;
        let heads = shape.heads / shape.kv_heads;
        // Columns of a row of scores lie as they do in training: the prefix, filled up to whole panels, then these.
        let own_at = before.next_multiple_of(NR);
        let step = (own_at + len).next_multiple_of(NR);
        let scores = &mut space.scores;
        if scores.len() < MR * step {
            scores.resize(MR * step, 0.0);
        }
        for h in (0..shape.heads).step_by(heads).flat_map(|first| (first..first + heads).step_by(MR)) {
            let g = shape.group(h);
            let count = MR.min((g + 1) * heads - h);
            let q = Left { values: &q[h * d..], column_step: 1, row_step: d, rows: count };
            for (stretch, next, at, columns) in [(prefix, next.0, 0, before), (self, next.1, own_at, len)] {
                for n in (0..columns).step_by(NR) {
                    let keys = pair(&stretch.keys, &next.keys, n / NR, g * d, d);
                    tile_ahead(d, q, keys, (&mut scores[at + n..], step, NR), Store::Set);
                }
            }
            for row in scores.chunks_exact_mut(step).take(count) {
                rows::masked_softmax(row, shape.scale(), before, own_at, len);
            }
            let scores = |at: usize| Left { values: &scores[at..], column_step: 1, row_step: step, rows: count };
            for n in (0..d).step_by(NR) {
                let (panel, columns) = ((g * padded(shape) + n) / NR, NR.min(d - n));
                let out = &mut out[h * d + n..];
                let values = pair(&prefix.values, &next.0.values, panel, 0, before);
                tile_ahead(before, scores(0), values, (&mut *out, d, columns), Store::Set);
                let values = pair(&self.values, &next.1.values, panel, 0, len);
                tile_ahead(len, scores(own_at), values, (out, d, columns), Store::GoOn);
            }
        }
    }
}

/// A part of some panels and the same part of others, if they have it.
fn pair<'a>(here: &'a Panels, next: &'a Panels, panel: usize, k0: usize, kc: usize) -> (&'a [f32], &'a [f32]) {
    let here = here.panel(panel, k0, kc);
    (here, next.find_panel(panel, k0, kc).unwrap_or(here))
}

/// Columns that one head's values take.
fn padded(shape: AttentionShape) -> usize {
    shape.head_dim.next_multiple_of(NR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dense::Shape;
    use crate::dense::attention::Attention;
    use crate::{Architecture, RowPlan};

    #[test]
    fn a_row_that_continues_has_the_bits_that_its_segment_has_in_training() {
        for (heads, kv_heads, d) in [(8, 4, 32), (6, 2, 24), (14, 1, 40), (1, 1, 2)] {
            let attention = AttentionShape { heads, kv_heads, head_dim: d };
            let (q, kv) = (heads * d, kv_heads * d);
            let shape = Shape {
                width: q,
                q,
                kv,
                ffn: 1,
                vocab: 1,
                layers: 1,
                attention,
                eps: 1e-5,
                family: Architecture::Llama,
            };
            for (before, len) in [(1, 1), (32, 5), (45, 40)] {
                let mut plan = RowPlan::new();
                let prompt = plan.push_root(before);
                plan.push_continuation(prompt, len).unwrap();
                let width = shape.qkv();
                let qkv: Vec<f32> =
                    (0..(before + len) * width).map(|i| ((i * 7919) % 1009) as f32 / 504.0 - 1.0).collect();
                let mut want = vec![0f32; (before + len) * q];
                Attention::new(shape, &plan).forward(&qkv, &mut want);
                let (mut prefix, mut own) = (Stretch::new(attention, before), Stretch::new(attention, len));
                let (mut got, mut space) = (vec![0f32; q], Space::default());
                for (i, row) in qkv.chunks_exact(width).enumerate() {
                    let (keys, values) = row[q..].split_at(kv);
                    if i < before {
                        prefix.put(attention, i, keys, values);
                        continue;
                    }
                    own.put(attention, i - before, keys, values);
                    let seen = Seen { prefix: &prefix, before, len: i - before + 1, next: (&prefix, &own) };
                    own.attend(attention, seen, &row[..q], &mut got, &mut space);
                    assert_eq!(got, want[i * q..(i + 1) * q], "{heads} heads of {d}, row {i}");
                }
            }
        }
    }
}
