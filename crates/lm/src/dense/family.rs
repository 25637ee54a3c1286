//! What the Qwen families do to queries, keys and values before they turn: Qwen2 adds a bias, Qwen3 normalises every head of
//! queries and keys. Each with its gradient.

use super::weights::Layer;
use super::{Shape, rows};

/// Change rows of queries, keys and values [n, (H + 2 K) d] in place; where heads are normalised, what queries and keys were
/// before it goes to `before` [n, (H + K) d], if that has room for it.
pub(super) fn forward(shape: Shape, w: &Layer<'_>, qkv: &mut [f32], before: &mut [f32]) {
    if let Some(biases) = &w.biases {
        for row in qkv.chunks_exact_mut(shape.qkv()) {
            let mut at = 0;
            for bias in biases {
                rows::add(&mut row[at..at + bias.len()], bias);
                at += bias.len();
            }
        }
    }
    let Some(norms) = &w.head_norms else { return };
    let normed = shape.q + shape.kv;
    let mut plain = vec![0f32; normed];
    let mut kept = before.chunks_exact_mut(normed);
    for row in qkv.chunks_exact_mut(shape.qkv()) {
        let row = &mut row[..normed];
        plain.copy_from_slice(row);
        for (norm, span) in norms.iter().zip([0..shape.q, shape.q..normed]) {
            rows::rms_norm(&plain[span.clone()], norm, shape.eps, &mut row[span]);
        }
        if let Some(kept) = kept.next() {
            kept.copy_from_slice(&plain);
        }
    }
}

/// `d_qkv` [n, (H + 2 K) d] comes in as the gradient of what [`forward`] gave and leaves as that of what it was given.
/// `gradients` of the biases of q, k and v, or of the norms of q and k, are added up over rows.
pub(super) fn backward(shape: Shape, w: &Layer<'_>, before: &[f32], d_qkv: &mut [f32], gradients: &mut [Vec<f32>]) {
    if let Some(norms) = &w.head_norms {
        let normed = shape.q + shape.kv;
        let mut out = vec![0f32; normed];
        for (before, row) in before.chunks_exact(normed).zip(d_qkv.chunks_exact_mut(shape.qkv())) {
            let row = &mut row[..normed];
            out.copy_from_slice(row);
            row.fill(0.0);
            let spans = [0..shape.q, shape.q..normed];
            for ((norm, gradient), span) in norms.iter().zip(gradients.iter_mut()).zip(spans) {
                let (before, out) = (&before[span.clone()], &out[span.clone()]);
                rows::rms_norm_backward(before, norm, shape.eps, out, &mut row[span], gradient);
            }
        }
    }
    if w.biases.is_none() {
        return;
    }
    for row in d_qkv.chunks_exact(shape.qkv()) {
        let mut at = 0;
        for gradient in gradients.iter_mut() {
            let len = gradient.len();
            rows::add(gradient, &row[at..at + len]);
            at += len;
        }
    }
}
