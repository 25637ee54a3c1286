//! Attention over keys that lie in tiles of four positions, [position / 4][d][4], so that four scores come out in four lanes; values are rows
//! [position][d]. The query heads that share a key head are worked on together, so that a key is read once for all of them.
//!
//! Never knows prompts or samples, only stretches of positions.

use crate::crew::{self, Parted};
use crate::simd::F4;
use crate::vector;
use std::cell::Cell;

/// Heads of the attention.
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape {
    /// Query heads (H).
    pub heads: usize,
    /// Key and value heads (K); divides `heads`.
    pub kv_heads: usize,
    /// Width of one head (d).
    pub head_dim: usize,
}

impl AttentionShape {
    /// Width of a row of queries, H d.
    #[inline]
    #[must_use]
    pub fn q_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Width of a row of keys or values, K d.
    #[inline]
    #[must_use]
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// What scores are multiplied with, 1 / sqrt(d).
    #[inline]
    #[must_use]
    pub fn scale(&self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt()
    }

    /// The key head that query head `h` looks at.
    #[inline]
    #[must_use]
    pub fn group(&self, h: usize) -> usize {
        h / (self.heads / self.kv_heads)
    }

    /// Where the keys of query head `h` start within a row.
    #[inline]
    #[must_use]
    pub fn kv_offset(&self, h: usize) -> usize {
        self.group(h) * self.head_dim
    }
}

/// Keys and values of one run of positions in one layer.
#[derive(Clone, Debug, Default)]
pub struct Stretch {
    /// [K][capacity / 4][d][4]
    keys: Vec<f32>,
    /// [K][capacity][d]
    values: Vec<f32>,
    capacity: usize,
}

impl Stretch {
    /// Room for so many positions.
    #[must_use]
    pub fn new(shape: AttentionShape, positions: usize) -> Self {
        let capacity = positions.next_multiple_of(4);
        let zeros = || vec![0f32; capacity * shape.kv_width()];
        Self { keys: zeros(), values: zeros(), capacity }
    }

    /// One position's key and value, [K d] each.
    pub fn put(&mut self, shape: AttentionShape, position: usize, k: &[f32], v: &[f32]) {
        let d = shape.head_dim;
        for (head, (k, v)) in k.chunks_exact(d).zip(v.chunks_exact(d)).enumerate() {
            let start = (head * self.capacity + position) * d;
            self.values[start..start + d].copy_from_slice(v);
            let tile = (head * self.capacity + position / 4 * 4) * d;
            for (i, &k) in k.iter().enumerate() {
                self.keys[tile + 4 * i + position % 4] = k;
            }
        }
    }

    /// Copy positions, whole tiles of them: both places begin a tile, and what is copied beyond is not looked at before it is written.
    pub fn take(&mut self, at: usize, from: &Self, start: usize, positions: usize, d: usize) {
        let count = positions.next_multiple_of(4) * d;
        let heads = self.keys.len() / (self.capacity * d).max(1);
        for head in 0..heads {
            let (to, of) = ((head * self.capacity + at) * d, (head * from.capacity + start) * d);
            self.keys[to..to + count].copy_from_slice(&from.keys[of..of + count]);
            self.values[to..to + count].copy_from_slice(&from.values[of..of + count]);
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        (self.keys.capacity() + self.values.capacity()) * size_of::<f32>()
    }

    /// Keys of one head up to a position, in tiles.
    fn tiles(&self, head: usize, d: usize, len: usize) -> &[f32] {
        let start = head * self.capacity * d;
        &self.keys[start..start + len.next_multiple_of(4) * d]
    }

    fn rows(&self, head: usize, d: usize, len: usize) -> &[f32] {
        let start = head * self.capacity * d;
        &self.values[start..start + len * d]
    }
}

thread_local! {
    static SCORES: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Attention of rows q [N, H d] to out [N, H d]; `seen` gives what row n looks at, two stretches up to a length each.
#[expect(unsafe_code, reason = "several threads write one result, each the heads of its own rows")]
pub fn attend<'a>(
    shape: AttentionShape,
    q: &[f32],
    seen: impl Fn(usize) -> [(&'a Stretch, usize); 2] + Sync,
    out: &mut [f32],
) {
    let (width, kv_heads) = (shape.q_width(), shape.kv_heads);
    let (rows, per_head) = (q.len() / width, width / kv_heads);
    let out = Parted::new(out);
    let positions = || (0..rows).flat_map(&seen).map(|(_, len)| len).sum::<usize>();
    crew::share(
        rows * kv_heads,
        // Once for the scores, once for the values.
        || 2 * positions() * width,
        |units| {
            let mut scores = SCORES.take();
            for unit in units {
                let (row, kv) = (unit / kv_heads, unit % kv_heads);
                let start = row * width + kv * per_head;
                // SAFETY: nobody else has this row's heads.
                let out = unsafe { out.at(start, per_head) };
                attend_group(shape, kv, &q[start..start + per_head], seen(row), &mut scores, out);
            }
            SCORES.set(scores);
        },
    );
}

/// All query heads that share key head `kv`.
fn attend_group(
    shape: AttentionShape,
    kv: usize,
    q: &[f32],
    seen: [(&Stretch, usize); 2],
    scores: &mut Vec<f32>,
    out: &mut [f32],
) {
    let (d, sharing) = (shape.head_dim, shape.heads / shape.kv_heads);
    let mut first = 0;
    while first < sharing {
        let span = |heads: usize| first * d..(first + heads) * d;
        first += match sharing - first {
            1 => attend_heads::<1>(d, kv, &q[span(1)], seen, scores, &mut out[span(1)]),
            2 => attend_heads::<2>(d, kv, &q[span(2)], seen, scores, &mut out[span(2)]),
            _ => attend_heads::<3>(d, kv, &q[span(3)], seen, scores, &mut out[span(3)]),
        };
    }
}

/// Dot products of queries [d] with the keys of some tiles [d][4].
#[inline(always)]
fn scores_of<const H: usize, const T: usize>(tiles: [&[f32]; T], q: [&[f32]; H]) -> [[F4; H]; T] {
    let mut acc = [[F4::splat(0.0); H]; T];
    let d = q[0].len();
    let (tiles, q) = (tiles.map(|tile| &tile.as_chunks::<4>().0[..d]), q.map(|q| &q[..d]));
    for i in 0..d {
        let k: [F4; T] = std::array::from_fn(|t| F4::load(&tiles[t][i]));
        for h in 0..H {
            let q = F4::splat(q[h][i]);
            for t in 0..T {
                acc[t][h] = acc[t][h].add(k[t].mul(q));
            }
        }
    }
    acc
}

/// `H` query heads that share key head `kv`: returns H.
fn attend_heads<const H: usize>(
    d: usize,
    kv: usize,
    q: &[f32],
    seen: [(&Stretch, usize); 2],
    scores: &mut Vec<f32>,
    out: &mut [f32],
) -> usize {
    let padded: usize = seen.iter().map(|(_, len)| len.next_multiple_of(4)).sum();
    scores.resize(H * padded, 0.0);
    let scale = F4::splat(1.0 / (d as f32).sqrt());
    let q: [&[f32]; H] = std::array::from_fn(|h| &q[h * d..(h + 1) * d]);
    let mut at = 0;
    for (part, len) in seen {
        let mut put = |acc: [F4; H]| {
            for h in 0..H {
                if let Some(four) = scores[h * padded + at..].first_chunk_mut() {
                    acc[h].mul(scale).store(four);
                }
            }
            at += 4;
        };
        // Two tiles side by side, so that an addition need not wait for the one before.
        let twos = part.tiles(kv, d, len).chunks_exact(8 * d);
        let rest = twos.remainder();
        for two in twos {
            let (a, b) = two.split_at(4 * d);
            scores_of([a, b], q).into_iter().for_each(&mut put);
        }
        if !rest.is_empty() {
            scores_of([rest], q).into_iter().for_each(&mut put);
        }
        // Positions that fill up the last tile are not there.
        for h in 0..H {
            let end = h * padded + at;
            scores[end - (len.next_multiple_of(4) - len)..end].fill(f32::NEG_INFINITY);
        }
    }
    scores.chunks_exact_mut(padded).for_each(vector::softmax);

    let p: [&[f32]; H] = std::array::from_fn(|h| &scores[h * padded..(h + 1) * padded]);
    let values = seen.map(|(part, len)| part.rows(kv, d, len));
    let mut column = 0;
    while column + 8 <= d {
        let mut acc = [[F4::splat(0.0); 2]; H];
        let mut start = 0;
        for ((_, len), values) in seen.iter().zip(values) {
            for (i, row) in values.chunks_exact(d).enumerate() {
                let Some((v, _)) = row[column..].split_first_chunk::<8>() else { continue };
                let [low, high] = [F4::load(four(v, 0)), F4::load(four(v, 4))];
                for h in 0..H {
                    let p = F4::splat(p[h][start + i]);
                    acc[h] = [acc[h][0].add(low.mul(p)), acc[h][1].add(high.mul(p))];
                }
            }
            start += len.next_multiple_of(4);
        }
        for h in 0..H {
            let out = &mut out[h * d + column..h * d + column + 8];
            for (acc, out) in acc[h].into_iter().zip(out.as_chunks_mut::<4>().0) {
                acc.store(out);
            }
        }
        column += 8;
    }
    // Heads whose width is no multiple of eight.
    for column in column..d {
        for h in 0..H {
            let (mut sum, mut start) = (0.0, 0);
            for ((_, len), values) in seen.iter().zip(values) {
                sum += (0..*len).map(|i| p[h][start + i] * values[i * d + column]).sum::<f32>();
                start += len.next_multiple_of(4);
            }
            out[h * d + column] = sum;
        }
    }
    H
}

#[inline(always)]
fn four(x: &[f32; 8], start: usize) -> &[f32; 4] {
    match x[start..].first_chunk() {
        Some(four) => four,
        None => &[0.0; 4],
    }
}
