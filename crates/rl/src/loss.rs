//! Losses per token, to be minimised. Making one number of them is [`aggregate`](crate::aggregate::aggregate)'s job, so
//! that variants of an algorithm combine instead of branching. Three choices are free of each other:
//!
//! 1. whose probabilities are compared, a [`ratio`]: of tokens or of whole answers;
//! 2. what is made of ratio and advantage: [`surrogate`] (clipped, capped) or [`soft`] (REINFORCE, CISPO, SAPO);
//! 3. the aggregation.
//!
//! [`ppo_clip`] is the usual pair of the first two. The loss of a value network: [`value`].

pub mod ratio;
pub mod soft;
pub mod surrogate;
pub mod value;

use crate::{Result, RlError, logprob, shape};
use candle_core::Tensor;

/// How far the probability ratio may move before its gradient stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipConfig {
    /// Clipped below at 1 - this; 0 to 1.
    pub epsilon_low: f64,
    /// Clipped above at 1 + this; at least 0. Above `epsilon_low` it is the "clip-higher" of DAPO (arXiv 2503.14476).
    pub epsilon_high: f64,
}

/// A loss per token and what happened on the way. All `[B, T]`, in the dtype of the log-probabilities.
#[derive(Clone, Debug)]
pub struct LossOut {
    /// The loss; carries the gradient.
    pub per_token: Tensor,
    /// pi / old, without gradient.
    pub ratio: Tensor,
    /// 1 where the lower bound cut the gradient: ratio below 1 - epsilon_low and a negative advantage.
    pub clipped_low: Tensor,
    /// 1 where the upper bound cut the gradient: ratio above 1 + epsilon_high and a positive advantage.
    pub clipped_high: Tensor,
    /// 1 where the cap of [`surrogate::two_sided`] cut the gradient: ratio above delta and a negative advantage.
    pub capped: Tensor,
}

/// The clipped objective of PPO (arXiv 1707.06347, eq. 7), negated: `-min(r A, clip(r, 1 - el, 1 + eh) A)`, r = pi /
/// old.
///
/// `logp` and `old_logp` are `[B, T]`; `advantages` is `[B, 1]` (one per answer, as in GRPO) or `[B, T]`. No gradient
/// runs into `old_logp` or `advantages`. The log-ratio is clamped to +-[`LOG_RATIO_LIMIT`](crate::LOG_RATIO_LIMIT) before `exp`.
///
/// # Errors
/// Shapes that do not fit; epsilons outside their range.
pub fn ppo_clip(logp: &Tensor, old_logp: &Tensor, advantages: &Tensor, config: &ClipConfig) -> Result<LossOut> {
    surrogate::clip(&ratio::token(logp, old_logp)?, advantages, config)
}

/// Advantages as `[B, T]`, without gradient: one per answer is given to all its tokens.
fn spread(op: &'static str, advantages: &Tensor, like_name: &'static str, like: &Tensor) -> Result<Tensor> {
    let (b, t) = shape::matrix(op, like_name, like, "[B, T]")?;
    if advantages.dims() != [b, 1] && advantages.dims() != [b, t] {
        let expected = format!("[{b}, 1] or [{b}, {t}], because {like_name} has shape [{b}, {t}]");
        return Err(RlError::Shape { op, what: "advantages", got: advantages.dims().to_vec(), expected });
    }
    Ok(advantages.detach().broadcast_as((b, t))?.contiguous()?)
}

/// 1 where both hold, in the dtype of the losses.
fn both(a: &Tensor, b: &Tensor, like: &Tensor) -> Result<Tensor> {
    Ok((a.to_dtype(like.dtype())? * b.to_dtype(like.dtype())?)?)
}

/// Supervised fine-tuning: `-ln p(id)` per row, nats. `logits` is `[N, V]`, `ids` is `[N]`; gives `[N]`.
///
/// # Errors
/// As [`logprob::token_logprobs`].
pub fn cross_entropy(logits: &Tensor, ids: &Tensor) -> Result<Tensor> {
    Ok(logprob::token_logprobs(logits, ids)?.neg()?)
}

impl ClipConfig {
    fn bounds(&self, op: &'static str) -> Result<(f64, f64)> {
        let (low, high) = (self.epsilon_low, self.epsilon_high);
        if !(0.0..=1.0).contains(&low) {
            return Err(RlError::Value { op, what: "epsilon_low", got: low.to_string(), expected: "0 to 1" });
        }
        if !(high.is_finite() && high >= 0.0) {
            return Err(RlError::Value { op, what: "epsilon_high", got: high.to_string(), expected: "0 or more" });
        }
        Ok((1.0 - low, 1.0 + high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradient, gradient, matrix, noise, values};
    use candle_core::Device;

    const CLIP: ClipConfig = ClipConfig { epsilon_low: 0.2, epsilon_high: 0.3 };

    #[test]
    fn table() {
        // (ratio, advantage, loss, low, high): -min(r A, clip(r, 0.8, 1.3) A), by hand.
        let rows = [
            (1.0, 2.0, -2.0, 0., 0.),
            (1.2, 1.0, -1.2, 0., 0.),
            // Better than before and rewarded: the gain stops at 1.3.
            (1.5, 1.0, -1.3, 0., 1.),
            // More likely than before and punished: no bound, so that it can come back.
            (1.5, -1.0, 1.5, 0., 0.),
            // Less likely and punished: stops at 0.8.
            (0.5, -1.0, 0.8, 1., 0.),
            (0.5, 1.0, -0.5, 0., 0.),
            (1.5, 0.0, 0.0, 0., 0.),
        ];
        for (ratio, a, loss, low, high) in rows {
            let out = ppo_clip(&matrix(&[&[f64::ln(ratio)]]), &matrix(&[&[0.0]]), &matrix(&[&[a]]), &CLIP).unwrap();
            assert_close(&values(&out.per_token), &[loss], 1e-12);
            assert_close(&values(&out.ratio), &[ratio], 1e-12);
            assert_eq!((values(&out.clipped_low), values(&out.clipped_high)), (vec![low], vec![high]), "{ratio} {a}");
        }
    }

    #[test]
    fn slow_twin() {
        let (logp, old, a) = (noise(1, &[4, 6], 0.5), noise(2, &[4, 6], 0.5), noise(3, &[4, 1], 1.0));
        let out = ppo_clip(&logp, &old, &a, &CLIP).unwrap();
        let (x, y, a) = (values(&logp), values(&old), values(&a));
        let twin: Vec<f64> = (0..24)
            .map(|i| {
                let r = (x[i] - y[i]).exp();
                -f64::min(r * a[i / 6], r.clamp(0.8, 1.3) * a[i / 6])
            })
            .collect();
        assert_close(&values(&out.per_token), &twin, 1e-12);
        // The masks are exactly where the gradient is 0.
        let g = gradient(&logp, |x| {
            ppo_clip(x, &old, &noise(3, &[4, 1], 1.0), &CLIP).unwrap().per_token.sum_all().unwrap()
        });
        let clipped = values(&(out.clipped_low + out.clipped_high).unwrap());
        assert!(clipped.contains(&1.0) && clipped.contains(&0.0));
        assert!(g.iter().zip(&clipped).all(|(g, c)| (*g == 0.0) == (*c == 1.0)));
    }

    #[test]
    fn gradients() {
        let (old, a) = (noise(2, &[3, 5], 0.4), noise(3, &[3, 5], 1.0));
        check_gradient(&noise(1, &[3, 5], 0.4), |x| ppo_clip(x, &old, &a, &CLIP).unwrap().per_token.sum_all().unwrap());
        let ids = Tensor::new(&[1u32, 0], &Device::Cpu).unwrap();
        check_gradient(&noise(4, &[2, 3], 1.0), |x| cross_entropy(x, &ids).unwrap().sum_all().unwrap());
    }

    #[test]
    fn at_ratio_one_the_gradient_is_the_policy_gradient() {
        let (logp, a) = (noise(1, &[3, 4], 1.0), noise(2, &[3, 1], 1.0));
        // REINFORCE: d/dlogp of -A ln pi is -A. Also with no room to move at all.
        let expected: Vec<f64> = values(&a).iter().flat_map(|a| [-a; 4]).collect();
        for config in [CLIP, ClipConfig { epsilon_low: 0.0, epsilon_high: 0.0 }] {
            let g = gradient(&logp, |x| ppo_clip(x, &logp, &a, &config).unwrap().per_token.sum_all().unwrap());
            assert_close(&g, &expected, 1e-12);
        }
    }

    #[test]
    fn absurd_ratios_stay_finite_in_single_precision() {
        let logp = Tensor::new(&[[0f32, -500.0]], &Device::Cpu).unwrap();
        let old = Tensor::new(&[[-500f32, 0.0]], &Device::Cpu).unwrap();
        for a in [1f32, -1.0] {
            let a = Tensor::new(&[[a]], &Device::Cpu).unwrap();
            assert!(values(&ppo_clip(&logp, &old, &a, &CLIP).unwrap().per_token).iter().all(|v| v.is_finite()));
        }
    }

    #[test]
    fn nothing_flows_into_old_or_advantage() {
        let (logp, old, a) = (noise(1, &[2, 2], 0.1), noise(2, &[2, 2], 0.1), noise(3, &[2, 1], 1.0));
        let into_old = gradient(&old, |x| ppo_clip(&logp, x, &a, &CLIP).unwrap().per_token.sum_all().unwrap());
        let into_a = gradient(&a, |x| ppo_clip(&logp, &old, x, &CLIP).unwrap().per_token.sum_all().unwrap());
        assert!(into_old.iter().chain(&into_a).all(|g| *g == 0.0));
    }

    #[test]
    fn refusals_name_both_sides() {
        let x = noise(1, &[2, 3], 1.0);
        let e = ppo_clip(&x, &noise(1, &[2, 4], 1.0), &noise(1, &[2, 1], 1.0), &CLIP).unwrap_err().to_string();
        assert!(e.contains("old_logp") && e.contains("[2, 4]") && e.contains("[2, 3]"), "{e}");
        let e = ppo_clip(&x, &x, &noise(1, &[3, 1], 1.0), &CLIP).unwrap_err().to_string();
        assert!(e.contains("[3, 1]") && e.contains("[2, 1] or [2, 3]"), "{e}");
        for bad in [(-0.1, 0.2), (1.1, 0.2), (0.2, -0.1), (0.2, f64::NAN)] {
            let config = ClipConfig { epsilon_low: bad.0, epsilon_high: bad.1 };
            assert!(ppo_clip(&x, &x, &noise(1, &[2, 1], 1.0), &config).is_err());
        }
    }
}
