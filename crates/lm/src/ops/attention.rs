//! Causal grouped-query attention over packed rows: softmax(q k / sqrt(d)) v, with an exact backward pass that recomputes
//! the probabilities instead of keeping them.
//!
//! A row sees the rows of its segment's prefix and its own segment up to itself (see [`RowPlan`]), so neither padding
//! nor a mask exists, and a prompt that several answers continue is computed once.

use super::{math, slice, with_slice};
use crate::RowPlan;
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use std::sync::Arc;

pub use clicker_kernels::attention::AttentionShape;

/// Attend within every segment of the plan: q [N, H d], k and v [N, K d] give [N, H d].
///
/// # Errors
/// Shapes that fit neither each other nor the plan, or tensors that are not f32 on the CPU.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, plan: &Arc<RowPlan>, shape: AttentionShape) -> Result<Tensor> {
    q.apply_op3(k, v, Attention { plan: plan.clone(), shape })
}

/// Keys and values that one row sees: those of the prompt, then its own, [rows, K d] each.
pub(crate) struct Keys<'a> {
    pub(crate) prefix_k: &'a [f32],
    pub(crate) prefix_v: &'a [f32],
    pub(crate) own_k: &'a [f32],
    pub(crate) own_v: &'a [f32],
}

crate::kernel::by_level! {
    /// One row's attention; `scores` is scratch space that is reused between rows.
    pub(crate) fn attend_row(
        q: &[f32],
        keys: &Keys<'_>,
        shape: AttentionShape,
        scores: &mut Vec<f32>,
        out: &mut [f32],
    ) {
        let (d, width) = (shape.head_dim, shape.kv_width());
        let count = (keys.prefix_k.len() + keys.own_k.len()) / width;
        if scores.len() < count {
            scores.resize(count, 0.0);
        }
        let scores = &mut scores[..count];
        for h in 0..shape.heads {
            let (q, out) = (&q[h * d..(h + 1) * d], &mut out[h * d..(h + 1) * d]);
            let at = shape.kv_offset(h);
            fill_probabilities(q, keys, shape, at, scores);
            out.fill(0.0);
            let (prefix, own) = scores.split_at(keys.prefix_k.len() / width);
            for (scores, values) in [(prefix, keys.prefix_v), (own, keys.own_v)] {
                for (p, row) in scores.iter().zip(values.chunks_exact(width)) {
                    math::axpy(out, *p, &row[at..at + d]);
                }
            }
        }
    }
}

fn probabilities(q: &[f32], keys: &Keys<'_>, shape: AttentionShape, at: usize, scores: &mut Vec<f32>) {
    scores.clear();
    scores.resize((keys.prefix_k.len() + keys.own_k.len()) / shape.kv_width(), 0.0);
    fill_probabilities(q, keys, shape, at, scores);
}

#[inline(always)]
fn fill_probabilities(q: &[f32], keys: &Keys<'_>, shape: AttentionShape, at: usize, scores: &mut [f32]) {
    let (d, width, scale) = (shape.head_dim, shape.kv_width(), shape.scale());
    let (prefix, own) = scores.split_at_mut(keys.prefix_k.len() / width);
    for (scores, keys) in [(prefix, keys.prefix_k), (own, keys.own_k)] {
        for (score, row) in scores.iter_mut().zip(keys.chunks_exact(width)) {
            *score = math::dot(q, &row[at..at + d]) * scale;
        }
    }
    math::softmax(scores);
}

/// [`attention`] of plain rows that fit the plan and the heads.
pub(crate) fn attention_rows(q: &[f32], k: &[f32], v: &[f32], plan: &RowPlan, shape: AttentionShape) -> Vec<f32> {
    let (width, mut scores) = (shape.q_width(), Vec::new());
    let mut out = vec![0f32; q.len()];
    for_rows(plan, shape, k, v, |row, keys, _, _| {
        let span = row * width..(row + 1) * width;
        attend_row(&q[span.clone()], &keys, shape, &mut scores, &mut out[span]);
    });
    out
}

/// Call `f(row, keys of the row, first prefix row, first own row)` for every row, in order.
fn for_rows<'a>(
    plan: &RowPlan,
    shape: AttentionShape,
    k: &'a [f32],
    v: &'a [f32],
    mut f: impl FnMut(usize, Keys<'a>, usize, usize),
) {
    let width = shape.kv_width();
    let rows = |x: &'a [f32], start: usize, len: usize| &x[start * width..(start + len) * width];
    for segment in plan.segments() {
        let (prefix, prefix_len) = plan.prefix_rows(segment);
        for i in 0..segment.len {
            let keys = Keys {
                prefix_k: rows(k, prefix, prefix_len),
                prefix_v: rows(v, prefix, prefix_len),
                own_k: rows(k, segment.start, i + 1),
                own_v: rows(v, segment.start, i + 1),
            };
            f(segment.start + i, keys, prefix, segment.start);
        }
    }
}

struct Attention {
    plan: Arc<RowPlan>,
    shape: AttentionShape,
}

impl Attention {
    fn check(&self, q: &[usize], k: &[usize], v: &[usize]) -> Result<()> {
        let n = self.plan.rows();
        let (want_q, want_kv) = ([n, self.shape.q_width()], [n, self.shape.kv_width()]);
        if q != want_q || k != want_kv || v != want_kv {
            candle_core::bail!(
                "attention: q {q:?}, k {k:?}, v {v:?}; the plan and the heads ask for {want_q:?} and {want_kv:?}"
            );
        }
        Ok(())
    }

    /// With p the probabilities of a row and g its output's gradient: dv_j = p_j g, dp_j = g v_j,
    /// ds_j = p_j (dp_j - sum_i p_i dp_i) / sqrt(d), dq = sum_j ds_j k_j, dk_j = ds_j q.
    fn backward(&self, q: &[f32], k: &[f32], v: &[f32], grad: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let (d, q_width, kv_width) = (self.shape.head_dim, self.shape.q_width(), self.shape.kv_width());
        let (mut dq, mut dk, mut dv) = (vec![0f32; q.len()], vec![0f32; k.len()], vec![0f32; v.len()]);
        let (mut p, mut dp) = (Vec::new(), Vec::new());
        for_rows(&self.plan, self.shape, k, v, |row, keys, prefix, own| {
            let prefix_len = keys.prefix_k.len() / kv_width;
            for h in 0..self.shape.heads {
                let head = row * q_width + h * d..row * q_width + (h + 1) * d;
                let (q, g, at) = (&q[head.clone()], &grad[head.clone()], self.shape.kv_offset(h));
                probabilities(q, &keys, self.shape, at, &mut p);
                dp.clear();
                let values = keys.prefix_v.chunks_exact(kv_width).chain(keys.own_v.chunks_exact(kv_width));
                dp.extend(values.map(|v| math::dot(g, &v[at..at + d])));
                let mean = math::dot(&p, &dp);
                let dq = &mut dq[head];
                for j in 0..p.len() {
                    let row_j = if j < prefix_len { prefix + j } else { own + j - prefix_len };
                    let span = row_j * kv_width + at..row_j * kv_width + at + d;
                    let ds = p[j] * (dp[j] - mean) * self.shape.scale();
                    math::axpy(&mut dv[span.clone()], p[j], g);
                    math::axpy(&mut dk[span.clone()], ds, q);
                    math::axpy(dq, ds, &k[span]);
                }
            }
        });
        (dq, dk, dv)
    }
}

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        qs: &CpuStorage,
        ql: &Layout,
        ks: &CpuStorage,
        kl: &Layout,
        vs: &CpuStorage,
        vl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.check(ql.dims(), kl.dims(), vl.dims())?;
        let (q, k, v) = (slice(qs, ql, "attention")?, slice(ks, kl, "attention")?, slice(vs, vl, "attention")?);
        let out = attention_rows(q, k, v, &self.plan, self.shape);
        Ok((CpuStorage::F32(out), ql.shape().clone()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (dq, dk, dv) = with_slice(q, "attention", |q| {
            with_slice(k, "attention", |k| {
                with_slice(v, "attention", |v| with_slice(grad, "attention", |g| self.backward(q, k, v, g)))
            })
        })????;
        Ok((
            Some(Tensor::from_vec(dq, q.shape(), q.device())?),
            Some(Tensor::from_vec(dk, k.shape(), k.device())?),
            Some(Tensor::from_vec(dv, v.shape(), v.device())?),
        ))
    }
}
