//! Causal grouped-query attention over packed rows and its gradient, as small matrix products: blocks of queries against
//! panels of keys. The probabilities are computed again in the backward pass instead of being kept.
//!
//! Columns of a score matrix are the prefix's keys, filled up to whole panels, then the segment's own.

use super::Shape;
use crate::kernel::{Left, MR, NR, Panels, Store, View, tile};
use crate::ops::AttentionShape;
use crate::{RowPlan, Segment, dense::rows};

/// Queries whose score gradients are kept together in the backward pass; a multiple of [`MR`].
const BLOCK: usize = 96;

/// Packed keys and values of one key head.
#[derive(Default)]
struct HeadPanels {
    /// [d, columns]
    keys_turned: Panels,
    /// [columns, d]
    values: Panels,
    /// [columns, d]; backward only.
    keys: Panels,
    /// [d, columns]; backward only.
    values_turned: Panels,
}

/// Attention over one plan, with its working space.
pub(super) struct Attention<'a> {
    shape: Shape,
    plan: &'a RowPlan,
    heads: Vec<HeadPanels>,
    /// Values in a row of scores.
    step: usize,
    scores: Vec<f32>,
    d_scores: Vec<f32>,
    packed: Vec<f32>,
    queries: Panels,
    gradients: Panels,
}

/// Where a segment's keys stand: rows of the prefix, columns before its own keys, its own rows.
#[derive(Clone, Copy)]
struct Place {
    prefix_start: usize,
    prefix: usize,
    own_at: usize,
    start: usize,
    len: usize,
}

impl<'a> Attention<'a> {
    pub(super) fn new(shape: Shape, plan: &'a RowPlan) -> Self {
        let place = |s| Place::of(plan, s);
        let columns = plan.segments().iter().map(|s| place(s).own_at + s.len).max().unwrap_or(0);
        let step = columns.next_multiple_of(NR);
        Self {
            shape,
            plan,
            heads: (0..shape.attention.kv_heads).map(|_| HeadPanels::default()).collect(),
            step,
            scores: vec![0.0; BLOCK * step],
            d_scores: Vec::new(),
            packed: Vec::new(),
            queries: Panels::default(),
            gradients: Panels::default(),
        }
    }

    /// qkv [N, (H + 2 K) d] to out [N, H d].
    pub(super) fn forward(&mut self, qkv: &[f32], out: &mut [f32]) {
        let AttentionShape { heads, head_dim: d, .. } = self.shape.attention;
        let mut keys = KeyPacking::new(&mut self.heads, self.shape, self.step, false);
        for segment in self.plan.segments() {
            let place = Place::of(self.plan, segment);
            keys.pack(&mut self.heads, qkv, segment, place);
            for i in (0..place.len).step_by(MR) {
                let count = MR.min(place.len - i);
                for h in 0..heads {
                    let panels = &self.heads[self.shape.attention.group(h)];
                    let scores = &mut self.scores[..count * self.step];
                    let q = query_rows(qkv, self.shape, place.start + i, count, h);
                    place.scores(q, (i, count), &panels.keys_turned, d, &mut self.packed, (scores, self.step));
                    let used = place.own_at + i + count;
                    for (r, row) in scores.chunks_exact_mut(self.step).enumerate() {
                        let row = &mut row[..used.next_multiple_of(NR)];
                        rows::masked_softmax(row, self.shape.attention.scale(), place.prefix, place.own_at, i + r + 1);
                    }
                    let scores = View::strided(scores, count, used, self.step);
                    let scores = scores.group(0..count, 0..used, &mut self.packed).rows(0);
                    for n in (0..d).step_by(NR) {
                        let at = (place.start + i) * self.shape.q + h * d + n;
                        let c = (&mut out[at..], self.shape.q, NR.min(d - n));
                        tile(used, scores, panels.values.panel(n / NR, 0, used), c, Store::Set);
                    }
                }
            }
        }
    }

    /// From the gradient of the output [N, H d] to that of qkv.
    ///
    /// With p the probabilities of a row and g its output's gradient: dv_j = p_j g, dp_j = g v_j, ds_j = p_j (dp_j - sum_i
    /// p_i dp_i) / sqrt(d), dq = sum_j ds_j k_j, dk_j = ds_j q.
    pub(super) fn backward(&mut self, qkv: &[f32], d_out: &[f32], d_qkv: &mut [f32]) {
        d_qkv.fill(0.0);
        self.d_scores.resize(BLOCK * self.step, 0.0);
        let mut keys = KeyPacking::new(&mut self.heads, self.shape, self.step, true);
        for segment in self.plan.segments() {
            let place = Place::of(self.plan, segment);
            keys.pack(&mut self.heads, qkv, segment, place);
            for i in (0..place.len).step_by(BLOCK) {
                let block = (i, BLOCK.min(place.len - i));
                for h in 0..self.shape.attention.heads {
                    self.backward_block(place, block, h, qkv, d_out, d_qkv);
                }
            }
        }
    }

    fn backward_block(
        &mut self,
        place: Place,
        (first, count): (usize, usize),
        h: usize,
        qkv: &[f32],
        d_out: &[f32],
        d_qkv: &mut [f32],
    ) {
        let (shape, step) = (self.shape, self.step);
        let (d, scale, width) = (shape.attention.head_dim, shape.attention.scale(), shape.qkv());
        let panels = &self.heads[shape.attention.group(h)];
        let used = place.own_at + first + count;
        let whole = used.next_multiple_of(NR);
        for i in (first..first + count).step_by(MR) {
            let few = MR.min(first + count - i);
            let rows_at = (i - first) * step..(i - first + few) * step;
            let (p, dp) = (&mut self.scores[rows_at.clone()], &mut self.d_scores[rows_at]);
            let q = query_rows(qkv, shape, place.start + i, few, h);
            let g = View::strided(&d_out[(place.start + i) * shape.q + h * d..], few, d, shape.q);
            place.scores(q, (i, few), &panels.keys_turned, d, &mut self.packed, (&mut *p, step));
            place.scores(g, (i, few), &panels.values_turned, d, &mut self.packed, (&mut *dp, step));
            let seen = place.own_at + i + few;
            for (r, (p, dp)) in p.chunks_exact_mut(step).zip(dp.chunks_exact_mut(step)).enumerate() {
                let (p, dp) = (&mut p[..whole], &mut dp[..whole]);
                rows::masked_softmax(p, scale, place.prefix, place.own_at, i + r + 1);
                dp[seen..].fill(0.0);
                rows::softmax_backward(p, dp, scale);
            }
            let dp = View::strided(dp, few, seen, step).group(0..few, 0..seen, &mut self.packed).rows(0);
            for n in (0..d).step_by(NR) {
                let c = (&mut d_qkv[(place.start + i) * width + h * d + n..], width, NR.min(d - n));
                tile(seen, dp, panels.keys.panel(n / NR, 0, seen), c, Store::Set);
            }
        }
        self.queries.pack(query_rows(qkv, shape, place.start + first, count, h));
        self.gradients.pack(View::strided(&d_out[(place.start + first) * shape.q + h * d..], count, d, shape.q));
        let key_at = shape.q + shape.attention.group(h) * d;
        let own = first + count;
        let prefix = (0..place.prefix).step_by(MR).map(|j| (j, place.prefix_start + j, MR.min(place.prefix - j)));
        let own = (0..own).step_by(MR).map(|j| (place.own_at + j, place.start + j, MR.min(own - j)));
        for (column, row, keys) in prefix.chain(own) {
            for n in (0..d).step_by(NR) {
                let columns = NR.min(d - n);
                for (a, b, at) in
                    [(&self.d_scores, &self.queries, key_at), (&self.scores, &self.gradients, key_at + shape.kv)]
                {
                    let c = (&mut d_qkv[row * width + at + n..], width, columns);
                    let a = Left { values: &a[column..], column_step: step, row_step: 1, rows: keys };
                    tile(count, a, b.panel(n / NR, 0, count), c, Store::Add);
                }
            }
        }
    }
}

fn query_rows(qkv: &[f32], shape: Shape, row: usize, count: usize, h: usize) -> View<'_> {
    let d = shape.attention.head_dim;
    View::strided(&qkv[row * shape.qkv() + h * d..], count, d, shape.qkv())
}

impl Place {
    fn of(plan: &RowPlan, segment: &Segment) -> Self {
        let (prefix_start, prefix) = plan.prefix_rows(segment);
        let own_at = prefix.next_multiple_of(NR);
        Self { prefix_start, prefix, own_at, start: segment.start, len: segment.len }
    }

    /// Rows [count, d] times packed keys [d, columns], for all columns that one of the rows i..i + count sees.
    fn scores(
        &self,
        x: View<'_>,
        (i, count): (usize, usize),
        keys: &Panels,
        d: usize,
        packed: &mut Vec<f32>,
        (out, step): (&mut [f32], usize),
    ) {
        let x = x.group(0..count, 0..d, packed).rows(0);
        for n in (0..self.own_at + i + count).step_by(NR) {
            tile(d, x, keys.panel(n / NR, 0, d), (&mut out[n..], step, NR), Store::Set);
        }
    }
}

/// Packs the keys and values of one segment after the other; a prefix that stays the same is packed once.
struct KeyPacking {
    shape: Shape,
    backward: bool,
    prefix: Option<usize>,
}

impl KeyPacking {
    fn new(heads: &mut [HeadPanels], shape: Shape, columns: usize, backward: bool) -> Self {
        let d = shape.attention.head_dim;
        for panels in heads {
            panels.keys_turned.clear(d, columns);
            panels.values.clear(columns, d);
            if backward {
                panels.keys.clear(columns, d);
                panels.values_turned.clear(d, columns);
            }
        }
        Self { shape, backward, prefix: None }
    }

    fn pack(&mut self, heads: &mut [HeadPanels], qkv: &[f32], segment: &Segment, place: Place) {
        if segment.prefix.is_some() && segment.prefix != self.prefix {
            self.fill(heads, qkv, place.prefix_start, place.prefix, 0);
            for panels in heads.iter_mut() {
                // Probabilities of the columns between are 0, and 0 times what is left over there must be 0.
                panels.values.zero_rows(place.prefix..place.own_at);
                if self.backward {
                    panels.keys.zero_rows(place.prefix..place.own_at);
                }
            }
        }
        self.fill(heads, qkv, place.start, place.len, place.own_at);
        // Without a prefix the segment's own keys stand where a prefix would.
        self.prefix = segment.prefix;
    }

    fn fill(&self, heads: &mut [HeadPanels], qkv: &[f32], row: usize, rows: usize, column: usize) {
        let (width, d) = (self.shape.qkv(), self.shape.attention.head_dim);
        for (g, panels) in heads.iter_mut().enumerate() {
            let part = |at: usize| View::strided(&qkv[row * width + at + g * d..], rows, d, width);
            let (keys, values) = (part(self.shape.q), part(self.shape.q + self.shape.kv));
            panels.keys_turned.fill(keys.turned(), 0, column);
            panels.values.fill(values, column, 0);
            if self.backward {
                panels.keys.fill(keys, column, 0);
                panels.values_turned.fill(values.turned(), 0, column);
            }
        }
    }
}
