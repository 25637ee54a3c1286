//! How much likelier the policy makes what was said than the model that said it: pi / old, per token `[B, T]`.
//!
//! With l_it = ln pi - ln old of token t and T_i counted tokens of answer i:
//!
//! - [`token`]: `exp(l_it)` (PPO, GRPO);
//! - [`sequence_mean`]: `s_i = exp((1/T_i) sum_t l_it)` at every token (GSPO, arXiv 2507.18071): the geometric mean, so that
//!   long answers do not explode;
//! - [`sequence_token`]: the value of s_i with the gradient of its own token, `sg[s_i] pi / sg[pi]` (GSPO-token);
//! - [`sequence_sum`]: `exp(sum_t l_it)`, the answer's probability ratio (RLOO, arXiv 2402.14740).
//!
//! Log-ratios are clamped to +-[`LOG_RATIO_LIMIT`](crate::LOG_RATIO_LIMIT) before `exp`, after the sum or mean. No gradient
//! runs into `old_logp`. Tokens outside the mask have no part in a sequence's ratio, though it stands at their place.

use crate::{LOG_RATIO_LIMIT, Result, mask::masked, shape};
use candle_core::{D, Tensor};

/// Of each token. `logp` and `old_logp` are `[B, T]`; so is the result.
///
/// # Errors
/// Shapes that do not fit.
pub fn token(logp: &Tensor, old_logp: &Tensor) -> Result<Tensor> {
    exp(&difference("ratio::token", logp, old_logp)?)
}

/// Of each answer, per token on average: one value in all places of a row. All `[B, T]`.
///
/// # Errors
/// Shapes that do not fit.
pub fn sequence_mean(logp: &Tensor, old_logp: &Tensor, mask: &Tensor) -> Result<Tensor> {
    everywhere(&exp(&mean_difference("ratio::sequence_mean", logp, old_logp, mask)?)?, logp)
}

/// The value of [`sequence_mean`], with a gradient into each token of its own. All `[B, T]`. With advantages per token it
/// can weigh them differently; with one advantage per answer its gradient is that of [`sequence_mean`] where the losses of
/// an answer are averaged over its tokens.
///
/// # Errors
/// Shapes that do not fit.
pub fn sequence_token(logp: &Tensor, old_logp: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let mean = mean_difference("ratio::sequence_token", logp, old_logp, mask)?.detach();
    let own = (logp - logp.detach())?;
    exp(&own.broadcast_add(&mean)?)
}

/// Of each answer as a whole: one value in all places of a row. All `[B, T]`.
///
/// # Errors
/// Shapes that do not fit.
pub fn sequence_sum(logp: &Tensor, old_logp: &Tensor, mask: &Tensor) -> Result<Tensor> {
    const OP: &str = "ratio::sequence_sum";
    let difference = difference(OP, logp, old_logp)?;
    shape::same(OP, "mask", mask, "logp", logp)?;
    everywhere(&exp(&masked(&difference, mask)?.sum_keepdim(D::Minus1)?)?, logp)
}

fn difference(op: &'static str, logp: &Tensor, old_logp: &Tensor) -> Result<Tensor> {
    shape::matrix(op, "logp", logp, "[B, T]")?;
    shape::same(op, "old_logp", old_logp, "logp", logp)?;
    Ok((logp - old_logp.detach())?)
}

/// [B, 1]; 0 for an answer of which no token counts.
fn mean_difference(op: &'static str, logp: &Tensor, old_logp: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let difference = difference(op, logp, old_logp)?;
    shape::same(op, "mask", mask, "logp", logp)?;
    let tokens = mask.ne(0f64)?.to_dtype(logp.dtype())?.sum_keepdim(D::Minus1)?.maximum(1f64)?;
    Ok((masked(&difference, mask)?.sum_keepdim(D::Minus1)? / tokens)?)
}

fn exp(log_ratio: &Tensor) -> Result<Tensor> {
    Ok(log_ratio.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)?.exp()?)
}

fn everywhere(ratio: &Tensor, like: &Tensor) -> Result<Tensor> {
    Ok(ratio.broadcast_as(like.shape())?.contiguous()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{ClipConfig, surrogate};
    use crate::testing::{assert_close, check_gradient, gradient, matrix, noise, values};
    use crate::{Aggregation, aggregate};

    const CLIP: ClipConfig = ClipConfig { epsilon_low: 0.2, epsilon_high: 0.3 };

    fn ragged() -> Tensor {
        matrix(&[&[1., 1., 1., 0.], &[1., 0., 0., 0.], &[1., 1., 1., 1.]])
    }

    #[test]
    fn table() {
        // Two tokens with log-ratios ln 2 and ln 8, a third outside the mask, by hand: the geometric mean is 4, the product 16.
        let (logp, old) = (matrix(&[&[2f64.ln(), 8f64.ln(), 5.0]]), matrix(&[&[0., 0., 0.]]));
        let m = matrix(&[&[1., 1., 0.]]);
        assert_close(&values(&token(&logp, &old).unwrap())[..2], &[2., 8.], 1e-12);
        assert_close(&values(&sequence_mean(&logp, &old, &m).unwrap()), &[4.; 3], 1e-12);
        assert_close(&values(&sequence_token(&logp, &old, &m).unwrap()), &[4.; 3], 1e-12);
        assert_close(&values(&sequence_sum(&logp, &old, &m).unwrap()), &[16.; 3], 1e-12);
        // An answer of which nothing counts: ratio 1, not NaN.
        let none = m.zeros_like().unwrap();
        for f in [sequence_mean, sequence_sum, sequence_token] {
            assert_close(&values(&f(&logp, &old, &none).unwrap()), &[1.; 3], 1e-12);
        }
    }

    #[test]
    fn slow_twin() {
        let (logp, old, m) = (noise(1, &[3, 4], 0.5), noise(2, &[3, 4], 0.5), ragged());
        let (x, y, k) = (values(&logp), values(&old), values(&m));
        let row = |i: usize| i / 4 * 4..i / 4 * 4 + 4;
        let sum = |i: usize| row(i).map(|j| k[j] * (x[j] - y[j])).sum::<f64>();
        let count = |i: usize| row(i).map(|j| k[j]).sum::<f64>();
        let twin = |f: &dyn Fn(usize) -> f64| (0..12).map(f).collect::<Vec<f64>>();
        assert_close(&values(&token(&logp, &old).unwrap()), &twin(&|i| (x[i] - y[i]).exp()), 1e-12);
        assert_close(&values(&sequence_sum(&logp, &old, &m).unwrap()), &twin(&|i| sum(i).exp()), 1e-12);
        let mean = twin(&|i| (sum(i) / count(i)).exp());
        assert_close(&values(&sequence_mean(&logp, &old, &m).unwrap()), &mean, 1e-12);
        assert_close(&values(&sequence_token(&logp, &old, &m).unwrap()), &mean, 1e-12);
    }

    #[test]
    fn gradients() {
        let (old, m, weight) = (noise(2, &[3, 4], 0.4), ragged(), noise(3, &[3, 4], 1.0));
        let weighed = |r: Tensor| (r * &weight).unwrap().sum_all().unwrap();
        let x = noise(1, &[3, 4], 0.4);
        check_gradient(&x, |x| weighed(token(x, &old).unwrap()));
        check_gradient(&x, |x| weighed(sequence_mean(x, &old, &m).unwrap()));
        check_gradient(&x, |x| weighed(sequence_sum(x, &old, &m).unwrap()));
        // The gradient of the token form is by definition not that of its value: d/dlogp_t = s_i w_t, by hand.
        let s = values(&sequence_mean(&x, &old, &m).unwrap());
        let expected: Vec<f64> = s.iter().zip(values(&weight)).map(|(s, w)| s * w).collect();
        assert_close(&gradient(&x, |x| weighed(sequence_token(x, &old, &m).unwrap())), &expected, 1e-12);
        for f in [sequence_mean, sequence_sum, sequence_token] {
            assert!(gradient(&old, |old| weighed(f(&x, old, &m).unwrap())).iter().all(|g| *g == 0.0));
        }
    }

    #[test]
    fn gspo_and_its_token_form_agree_with_one_advantage_per_answer() {
        let (logp, old, m, a) = (noise(1, &[3, 4], 0.2), noise(2, &[3, 4], 0.2), ragged(), noise(4, &[3, 1], 1.0));
        let loss = |ratio: fn(&Tensor, &Tensor, &Tensor) -> Result<Tensor>, x: &Tensor| {
            let out = surrogate::clip(&ratio(x, &old, &m).unwrap(), &a, &CLIP).unwrap();
            aggregate(&out.per_token, &m, Aggregation::Grpo { sequences: 3.0 }).unwrap()
        };
        let (g, t) = (gradient(&logp, |x| loss(sequence_mean, x)), gradient(&logp, |x| loss(sequence_token, x)));
        assert!(g.iter().any(|g| *g != 0.0));
        assert_close(&g, &t, 1e-12);
    }

    #[test]
    fn at_the_sampler_all_are_one_and_extremes_stay_finite() {
        let (x, m) = (noise(1, &[3, 4], 1.0), ragged());
        for r in [token(&x, &x), sequence_mean(&x, &x, &m), sequence_sum(&x, &x, &m), sequence_token(&x, &x, &m)] {
            assert_eq!(values(&r.unwrap()), [1.0; 12]);
        }
        let far = (x.to_dtype(candle_core::DType::F32).unwrap() + 300.0).unwrap();
        let zero = far.zeros_like().unwrap();
        let m = m.to_dtype(candle_core::DType::F32).unwrap();
        for r in [token(&far, &zero), sequence_sum(&far, &zero, &m), sequence_sum(&zero, &far, &m)] {
            assert!(values(&r.unwrap()).iter().all(|v| v.is_finite() && *v > 0.0));
        }
    }

    #[test]
    fn refusals() {
        let x = noise(1, &[2, 3], 1.0);
        let other = noise(1, &[2, 4], 1.0);
        assert!(token(&x, &other).is_err());
        let e = sequence_mean(&x, &x, &other).unwrap_err().to_string();
        assert!(e.contains("mask") && e.contains("[2, 4]") && e.contains("[2, 3]"), "{e}");
        assert!(sequence_sum(&x, &x, &other).is_err() && sequence_token(&x, &x, &other).is_err());
    }
}
