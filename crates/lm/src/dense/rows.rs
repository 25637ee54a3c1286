//! Element-wise steps of the decoder and their gradients, row by row, compiled for the processor's vectors.

use crate::kernel::by_level;
use crate::ops::math;

by_level! {
    /// h = x / rms(x) * w for rows of `w.len()` values.
    pub(super) fn rms_norm(x: &[f32], w: &[f32], eps: f32, h: &mut [f32]) {
        for (x, h) in x.chunks_exact(w.len()).zip(h.chunks_exact_mut(w.len())) {
            let inverse = inverse_rms(x, eps);
            for ((h, x), w) in h.iter_mut().zip(x).zip(w) {
                *h = x * inverse * w;
            }
        }
    }
}

by_level! {
    /// The gradient of [`rms_norm`]: with r = 1 / rms and g = dh, dw += g x r, dx += r (g w - x r^2 mean(g w x)).
    pub(super) fn rms_norm_backward(x: &[f32], w: &[f32], eps: f32, dh: &[f32], dx: &mut [f32], dw: &mut [f32]) {
        let n = w.len();
        let dw = &mut dw[..n];
        for ((x, g), dx) in x.chunks_exact(n).zip(dh.chunks_exact(n)).zip(dx.chunks_exact_mut(n)) {
            let r = inverse_rms(x, eps);
            let mean = weighted_dot(g, w, x) * r * r / n as f32;
            for i in 0..n {
                dw[i] += g[i] * x[i] * r;
                dx[i] += r * (g[i] * w[i] - x[i] * mean);
            }
        }
    }
}

#[inline(always)]
fn inverse_rms(x: &[f32], eps: f32) -> f32 {
    1.0 / (math::wide_dot(x, x) / x.len() as f32 + eps).sqrt()
}

/// Sum of a b c in sixteen lanes.
#[inline(always)]
fn weighted_dot(a: &[f32], b: &[f32], c: &[f32]) -> f32 {
    let mut lanes = [0f32; 16];
    let (a_chunks, a_rest) = a.as_chunks::<16>();
    let (b_chunks, b_rest) = b.as_chunks::<16>();
    let (c_chunks, c_rest) = c.as_chunks::<16>();
    for ((x, y), z) in a_chunks.iter().zip(b_chunks).zip(c_chunks) {
        for i in 0..16 {
            lanes[i] += x[i] * y[i] * z[i];
        }
    }
    let mut rest = 0.0;
    for ((x, y), z) in a_rest.iter().zip(b_rest).zip(c_rest) {
        rest += x * y * z;
    }
    lanes.iter().sum::<f32>() + rest
}

#[inline(always)]
fn sigmoid(z: f32) -> f32 {
    1.0 / (1.0 + math::exp(-z))
}

by_level! {
    /// act = silu(gate) up, for rows of (gate, up) side by side.
    pub(super) fn swiglu(gate_up: &[f32], ffn: usize, act: &mut [f32]) {
        for (gate_up, act) in gate_up.chunks_exact(2 * ffn).zip(act.chunks_exact_mut(ffn)) {
            let (gate, up) = gate_up.split_at(ffn);
            for ((act, &g), &u) in act.iter_mut().zip(gate).zip(up) {
                *act = g * sigmoid(g) * u;
            }
        }
    }
}

by_level! {
    /// [`swiglu`] again, and its gradient: with s = sigmoid(g), d act / dg = u s (1 + g (1 - s)), d act / du = g s.
    pub(super) fn swiglu_backward(gate_up: &[f32], ffn: usize, d_act: &[f32], act: &mut [f32], d_gate_up: &mut [f32]) {
        let rows = gate_up.chunks_exact(2 * ffn).zip(d_act.chunks_exact(ffn));
        let out = act.chunks_exact_mut(ffn).zip(d_gate_up.chunks_exact_mut(2 * ffn));
        for ((gate_up, d_act), (act, d_gate_up)) in rows.zip(out) {
            let (gate, up) = gate_up.split_at(ffn);
            let (d_gate, d_up) = d_gate_up.split_at_mut(ffn);
            let (up, d_act, act) = (&up[..ffn], &d_act[..ffn], &mut act[..ffn]);
            let d_up = &mut d_up[..ffn];
            for i in 0..ffn {
                let (g, u, d) = (gate[i], up[i], d_act[i]);
                let s = sigmoid(g);
                act[i] = g * s * u;
                d_up[i] = d * g * s;
                d_gate[i] = d * u * s * (1.0 + g * (1.0 - s));
            }
        }
    }
}

by_level! {
    /// Softmax over the first `prefix` values and over `own` values from `own_at` on, scaled first; the values between and
    /// those after it become 0. What the values between and after it were does not matter.
    pub(super) fn masked_softmax(row: &mut [f32], scale: f32, prefix: usize, own_at: usize, own: usize) {
        // Rounding keeps order: the largest product is that of the largest value.
        let shift = scale * {
            let (a, b) = (math::max_of(&row[..own_at], prefix), math::max_of(&row[own_at..], own));
            if a > b { a } else { b }
        };
        let sum = math::exp_and_sum_of(&mut row[..own_at], prefix, scale, shift)
            + math::exp_and_sum_of(&mut row[own_at..], own, scale, shift);
        row[prefix..own_at].fill(0.0);
        row[own_at + own..].fill(0.0);
        let inverse = 1.0 / sum;
        // Whole vectors: the zeros behind the last value stay what they are.
        let end = (own_at + own).next_multiple_of(16).min(row.len());
        for x in row[..end].iter_mut() {
            *x *= inverse;
        }
    }
}

by_level! {
    /// From probabilities p and their gradient dp to the gradient of the unscaled scores: p (dp - sum p dp) scale, in dp.
    pub(super) fn softmax_backward(p: &[f32], dp: &mut [f32], scale: f32) {
        let mean = math::wide_dot(p, dp);
        for (dp, p) in dp.iter_mut().zip(p) {
            *dp = p * (*dp - mean) * scale;
        }
    }
}

by_level! {
    /// What one token's logits say of it: (ln p, entropy, whether it is the likeliest). The logits become e^(x - max);
    /// the sum of these comes last.
    pub(super) fn score_token(logits: &mut [f32], target: usize) -> (f32, f32, bool, f32) {
        let shift = math::max(logits);
        let chosen = logits[target] - shift;
        let first = logits.iter().position(|&x| x == shift);
        // Sum of e^y and of y e^y with y = x - max, in sixteen lanes each. At -inf the weight is 0 and the product must exist.
        let (mut sums, mut means) = ([0f32; 16], [0f32; 16]);
        let (chunks, rest) = logits.as_chunks_mut::<16>();
        for x in chunks {
            for i in 0..16 {
                let y = x[i] - shift;
                let y = if y < -1e5 { -1e5 } else { y };
                x[i] = math::exp(y);
                sums[i] += x[i];
                means[i] += x[i] * y;
            }
        }
        let (mut sum, mut mean) = (sums.iter().sum::<f32>(), means.iter().sum::<f32>());
        for x in rest {
            let y = (*x - shift).max(-1e5);
            *x = math::exp(y);
            sum += *x;
            mean += *x * y;
        }
        let log_sum = sum.ln();
        (chosen - log_sum, log_sum - mean / sum, first == Some(target), sum)
    }
}

by_level! {
    /// The gradient of ln p(target) times `g`, from e^(x - max) and their sum: g (1[target] - p), in place.
    pub(super) fn score_token_backward(exps: &mut [f32], target: usize, sum: f32, g: f32) {
        let scale = -g / sum;
        for x in exps.iter_mut() {
            *x *= scale;
        }
        exps[target] += g;
    }
}

by_level! {
    /// y += x
    pub(super) fn add(y: &mut [f32], x: &[f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y += x;
        }
    }
}
