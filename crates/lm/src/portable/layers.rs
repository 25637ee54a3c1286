//! The parts of a decoder composed of candle's differentiable operations alone, so that they run wherever candle does. The
//! formulas are those of [`crate::ops`], which is what the tests hold them to.

use super::Spec;
use super::grid::{Grid, Rectangle, Turn};
use crate::Result;
use crate::dense::COMMON;
use candle_core::{D, DType, Tensor};

/// A stored weight as f32.
fn wide(weight: &Tensor) -> Result<Tensor> {
    Ok(match weight.dtype() {
        DType::F32 => weight.clone(),
        _ => weight.to_dtype(DType::F32)?,
    })
}

/// x [N, in] by a matrix [out, in].
pub(super) fn linear(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    Ok(x.matmul(&wide(weight)?.t()?)?)
}

/// Token vectors, [N, D].
pub(super) fn embed(table: &Tensor, ids: &Tensor) -> Result<Tensor> {
    wide(&table.index_select(ids, 0)?)
}

/// y = x / sqrt(mean(x^2) + eps) * w over the last dimension.
pub(super) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    let root = (x.sqr()?.mean_keepdim(D::Minus1)? + f64::from(eps))?.sqrt()?;
    Ok(x.broadcast_div(&root)?.broadcast_mul(weight)?)
}

/// Every head of x [N, heads d] turned by its row's position.
fn turned(x: &Tensor, turn: &Turn, head_dim: usize) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    let (heads, half) = (x.reshape((rows, width / head_dim, head_dim))?, head_dim / 2);
    let (a, b) = (heads.narrow(2, 0, half)?, heads.narrow(2, half, half)?);
    let (cos, sin) = (&turn.cos, &turn.sin);
    let first = (a.broadcast_mul(cos)? - b.broadcast_mul(sin)?)?;
    let second = (b.broadcast_mul(cos)? + a.broadcast_mul(sin)?)?;
    Ok(Tensor::cat(&[first, second], 2)?.reshape((rows, width))?)
}

/// Probabilities over the last dimension.
pub(super) fn softmax(scores: &Tensor) -> Result<Tensor> {
    let weights = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?.detach())?.exp()?;
    Ok(weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?)
}

/// What attention does with the queries [N, H d], keys and values [N, K d] of a block: [N, H d].
pub(super) type Attend<'a> = dyn FnMut(&Tensor, &Tensor, &Tensor) -> Result<Tensor> + 'a;

/// One block on the residual stream x [N, D]; `w` are its tensors in file order.
pub(super) fn block(spec: &Spec, w: &[Tensor], x: &Tensor, turn: &Turn, attend: &mut Attend<'_>) -> Result<Tensor> {
    let (eps, d) = (spec.eps, spec.attention.head_dim);
    let h = rms_norm(x, &w[0], eps)?;
    let (mut q, mut k, mut v) = (linear(&h, &w[1])?, linear(&h, &w[2])?, linear(&h, &w[3])?);
    match &w[COMMON..] {
        [bq, bk, bv] => (q, k, v) = (q.broadcast_add(bq)?, k.broadcast_add(bk)?, v.broadcast_add(bv)?),
        [nq, nk] => {
            let normed = |x: &Tensor, by: &Tensor| -> Result<Tensor> {
                Ok(rms_norm(&x.reshape(((), d))?, by, eps)?.reshape(x.shape())?)
            };
            (q, k) = (normed(&q, nq)?, normed(&k, nk)?);
        }
        _ => (),
    }
    let a = attend(&turned(&q, turn, d)?, &turned(&k, turn, d)?, &v)?;
    let x = (x + linear(&a, &w[4])?)?;
    let h = rms_norm(&x, &w[5], eps)?;
    let h = (linear(&h, &w[6])?.silu()? * linear(&h, &w[7])?)?;
    Ok((x + linear(&h, &w[8])?)?)
}

/// Keys or values [texts len, K d] by head, [texts, K, len, d].
pub(super) fn by_head(x: &Tensor, texts: usize, len: usize, spec: &Spec) -> Result<Tensor> {
    let shape = (texts, len, spec.attention.kv_heads, spec.attention.head_dim);
    Ok(x.reshape(shape)?.transpose(1, 2)?.contiguous()?)
}

/// Causal attention over a grid; the roots' keys and values by head come back with the result.
pub(super) fn attention(spec: &Spec, grid: &Grid, q: &Tensor, k: &Tensor, v: &Tensor) -> Result<(Tensor, [Tensor; 2])> {
    let Rectangle { count, len, .. } = grid.roots;
    let rows = count * len;
    let part = |x: &Tensor, from: usize, rows: usize| x.narrow(0, from, rows);
    let keys = [by_head(&part(k, 0, rows)?, count, len, spec)?, by_head(&part(v, 0, rows)?, count, len, spec)?];
    let roots = rectangle(spec, &grid.roots, &part(q, 0, rows)?, &keys)?;
    let Some(tails) = &grid.tails else { return Ok((roots, keys)) };
    let Rectangle { count, len, .. } = tails.rectangle;
    let behind = |x: &Tensor, root: &Tensor| -> Result<Tensor> {
        let own = by_head(&part(x, rows, count * len)?, count, len, spec)?;
        Ok(Tensor::cat(&[root.index_select(&tails.parents, 0)?, own], 2)?)
    };
    let seen = [behind(k, &keys[0])?, behind(v, &keys[1])?];
    let continued = rectangle(spec, &tails.rectangle, &part(q, rows, count * len)?, &seen)?;
    Ok((Tensor::cat(&[roots, continued], 0)?, keys))
}

/// Queries [texts len, H d] over keys and values [texts, K, S, d]: [texts len, H d].
fn rectangle(spec: &Spec, texts: &Rectangle, q: &Tensor, [k, v]: &[Tensor; 2]) -> Result<Tensor> {
    let (heads, kv, d) = (spec.attention.heads, spec.attention.kv_heads, spec.attention.head_dim);
    let (count, len, group) = (texts.count, texts.len, heads / kv);
    let q = q.reshape((count, len, kv, group, d))?.permute((0, 2, 3, 1, 4))?.contiguous()?;
    let scores = (q.reshape((count, kv, group * len, d))?.matmul(&k.t()?)? * f64::from(spec.attention.scale()))?;
    let seen = k.dim(2)?;
    let scores = scores.reshape((count, kv, group, len, seen))?.broadcast_add(&texts.mask)?;
    let out = softmax(&scores)?.reshape((count, kv, group * len, seen))?.matmul(v)?;
    let out = out.reshape((count, kv, group, len, d))?.permute((0, 3, 1, 2, 4))?.contiguous()?;
    Ok(out.reshape((count * len, heads * d))?)
}

/// Logits [M, V] of final states [M, D] that are not yet normalised.
pub(super) fn logits(spec: &Spec, norm: &Tensor, head: &Tensor, states: &Tensor) -> Result<Tensor> {
    linear(&rms_norm(states, norm, spec.eps)?, head)
}

/// What logits [M, V] say of tokens [M].
pub(super) struct Said {
    /// ln p, [M]; differentiable.
    pub(super) logprobs: Tensor,
    /// Entropy, nats, [M].
    pub(super) entropies: Tensor,
    /// The likeliest token, [M], u32.
    pub(super) likeliest: Tensor,
}

/// Weigh tokens.
pub(super) fn say(logits: &Tensor, tokens: &Tensor) -> Result<Said> {
    let shifted = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?;
    let log_sum = shifted.exp()?.sum(1)?.log()?;
    let chosen = shifted.gather(&tokens.unsqueeze(1)?, 1)?.squeeze(1)?;
    let still = shifted.detach();
    let mean = ((still.exp()? * &still)?.sum(1)? / still.exp()?.sum(1)?)?;
    Ok(Said {
        logprobs: (chosen - &log_sum)?,
        entropies: (log_sum.detach() - mean)?,
        likeliest: logits.detach().argmax(1)?,
    })
}
