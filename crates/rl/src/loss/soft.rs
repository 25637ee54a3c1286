//! Policy losses without a hard stop of the gradient. With ratio r, advantage A and sg the stop-gradient:
//!
//! - [`policy_gradient`], REINFORCE and GPG (arXiv 2504.02546): `-A ln pi`; no ratio, so only for answers of this very policy;
//! - [`cispo`] (arXiv 2506.13585): `-sg[min(r, cap)] A ln pi`: a token beyond the cap weighs no more, but still learns. The
//!   cap is absolute and there is none below, as in TRL;
//! - [`sapo`] (arXiv 2511.20347): `-(4/tau) sigmoid(tau (r - 1)) A`, tau per sign of the advantage: the gradient fades as r
//!   leaves 1, faster for punished tokens. At r = 1 it is the policy gradient's.
//!
//! All give [`LossOut`]; `clipped_high` of CISPO marks rewarded tokens at the cap (`cispo_clip_ratio`), the others cut nothing.

use super::{LossOut, both, spread};
use crate::{Result, logistic, shape};
use candle_core::Tensor;

/// How fast SAPO's gradient fades.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SapoConfig {
    /// For tokens of positive advantage; above 0.
    pub tau_positive: f64,
    /// For tokens of negative advantage; above 0. Larger than the other, because pushing one token down pushes all others up.
    pub tau_negative: f64,
}

impl Default for SapoConfig {
    /// The paper's values.
    fn default() -> Self {
        Self { tau_positive: 1.0, tau_negative: 1.05 }
    }
}

/// `-A ln pi`. `logp` is `[B, T]`, `advantages` `[B, 1]` or `[B, T]`. Its `ratio` is 1.
///
/// # Errors
/// Shapes that do not fit.
pub fn policy_gradient(logp: &Tensor, advantages: &Tensor) -> Result<LossOut> {
    let advantages = spread("policy_gradient", advantages, "logp", logp)?;
    uncut((logp * advantages)?.neg()?, logp.ones_like()?.detach())
}

/// `-sg[min(r, cap)] A ln pi`. `ratio` and `logp` are `[B, T]`, `advantages` `[B, 1]` or `[B, T]`.
///
/// # Errors
/// Shapes that do not fit; a cap that is not above 0.
pub fn cispo(ratio: &Tensor, logp: &Tensor, advantages: &Tensor, cap: f64) -> Result<LossOut> {
    const OP: &str = "cispo";
    shape::positive(OP, "cap", cap)?;
    let advantages = spread(OP, advantages, "ratio", ratio)?;
    shape::same(OP, "logp", logp, "ratio", ratio)?;
    let fixed = ratio.detach();
    let weight = fixed.clamp(0f64, cap)?;
    let clipped_high = both(&fixed.gt(cap)?, &advantages.gt(0f64)?, ratio)?;
    let mut out = uncut(((weight * advantages)? * logp)?.neg()?, fixed)?;
    out.clipped_high = clipped_high;
    Ok(out)
}

/// `-(4/tau) sigmoid(tau (r - 1)) A`. `ratio` is `[B, T]`, `advantages` `[B, 1]` or `[B, T]`.
///
/// # Errors
/// Shapes that do not fit; a tau that is not above 0.
pub fn sapo(ratio: &Tensor, advantages: &Tensor, config: &SapoConfig) -> Result<LossOut> {
    const OP: &str = "sapo";
    shape::positive(OP, "tau_positive", config.tau_positive)?;
    shape::positive(OP, "tau_negative", config.tau_negative)?;
    let advantages = spread(OP, advantages, "ratio", ratio)?;
    let ones = advantages.ones_like()?;
    let tau = advantages.gt(0f64)?.where_cond(&(&ones * config.tau_positive)?, &(ones * config.tau_negative)?)?;
    let gate = logistic::sigmoid(&((ratio - 1.0)? * &tau)?)?;
    uncut((((gate * 4.0)? / tau)? * advantages)?.neg()?, ratio.detach())
}

fn uncut(per_token: Tensor, ratio: Tensor) -> Result<LossOut> {
    let none = ratio.zeros_like()?;
    Ok(LossOut { per_token, ratio, clipped_low: none.clone(), clipped_high: none.clone(), capped: none })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::ratio;
    use crate::testing::{assert_close, check_gradient, gradient, matrix, noise, values};

    fn sum(out: &LossOut) -> Tensor {
        out.per_token.sum_all().unwrap()
    }

    #[test]
    fn table() {
        // (ratio, ln pi, advantage, REINFORCE, CISPO with cap 2, SAPO with tau 1 and 1.05), by hand.
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let rows = [
            (1.0, -0.5, 2.0, 1.0, 1.0, -4.0),
            (3.0, -0.5, 1.0, 0.5, 1.0, -4.0 * sigmoid(2.0)),
            (3.0, -0.5, -1.0, -0.5, -1.0, 4.0 / 1.05 * sigmoid(2.1)),
            (0.5, -1.0, -1.0, -1.0, -0.5, 4.0 / 1.05 * sigmoid(-0.525)),
            (0.5, -1.0, 0.0, 0.0, 0.0, 0.0),
        ];
        for (r, l, a, reinforce, capped, soft) in rows {
            let (r, l, a) = (matrix(&[&[r]]), matrix(&[&[l]]), matrix(&[&[a]]));
            assert_close(&values(&policy_gradient(&l, &a).unwrap().per_token), &[reinforce], 1e-12);
            assert_close(&values(&cispo(&r, &l, &a, 2.0).unwrap().per_token), &[capped], 1e-12);
            assert_close(&values(&sapo(&r, &a, &SapoConfig::default()).unwrap().per_token), &[soft], 1e-12);
        }
    }

    #[test]
    fn slow_twins() {
        let (logp, old, a) = (noise(1, &[4, 5], 1.0), noise(2, &[4, 5], 1.0), noise(3, &[4, 1], 1.0));
        let r = ratio::token(&logp, &old).unwrap();
        let (x, y, w) = (values(&logp), values(&r), values(&a));
        let twin = |f: &dyn Fn(f64, f64, f64) -> f64| (0..20).map(|i| f(x[i], y[i], w[i / 5])).collect::<Vec<f64>>();
        let c = cispo(&r, &logp, &a, 1.5).unwrap();
        assert_close(&values(&c.per_token), &twin(&|l, r, a| -r.min(1.5) * a * l), 1e-12);
        assert_close(&values(&c.clipped_high), &twin(&|_, r, a| f64::from(u8::from(r > 1.5 && a > 0.0))), 0.0);
        let config = SapoConfig { tau_positive: 0.7, tau_negative: 2.0 };
        let soft = twin(&|_, r, a| {
            let tau = if a > 0.0 { 0.7 } else { 2.0 };
            -4.0 / tau / (1.0 + (-tau * (r - 1.0)).exp()) * a
        });
        assert_close(&values(&sapo(&r, &a, &config).unwrap().per_token), &soft, 1e-12);
    }

    #[test]
    fn gradients() {
        let (x, r, a) = (noise(1, &[3, 4], 1.0), noise(2, &[3, 4], 1.0).exp().unwrap(), noise(3, &[3, 4], 1.0));
        check_gradient(&x, |x| sum(&policy_gradient(x, &a).unwrap()));
        check_gradient(&x, |x| sum(&cispo(&r, x, &a, 1.2).unwrap()));
        check_gradient(&r, |r| sum(&sapo(r, &a, &SapoConfig::default()).unwrap()));
        // The weight of CISPO is fixed.
        assert!(gradient(&r, |r| sum(&cispo(r, &x, &a, 1.2).unwrap())).iter().all(|g| *g == 0.0));
        for into in [
            gradient(&a, |a| sum(&policy_gradient(&x, a).unwrap())),
            gradient(&a, |a| sum(&cispo(&r, &x, a, 1.2).unwrap())),
            gradient(&a, |a| sum(&sapo(&r, a, &SapoConfig::default()).unwrap())),
        ] {
            assert!(into.iter().all(|g| *g == 0.0));
        }
    }

    #[test]
    fn on_policy_all_have_the_policy_gradient() {
        let (x, a) = (noise(1, &[3, 4], 1.0), noise(2, &[3, 1], 1.0));
        let expected: Vec<f64> = values(&a).iter().flat_map(|a| [-a; 4]).collect();
        let r = |p: &Tensor| ratio::token(p, &x).unwrap();
        assert_close(&gradient(&x, |p| sum(&policy_gradient(p, &a).unwrap())), &expected, 1e-12);
        assert_close(&gradient(&x, |p| sum(&cispo(&r(p), p, &a, 5.0).unwrap())), &expected, 1e-12);
        assert_close(&gradient(&x, |p| sum(&sapo(&r(p), &a, &SapoConfig::default()).unwrap())), &expected, 1e-12);
    }

    #[test]
    fn refusals() {
        let x = noise(1, &[2, 3], 1.0);
        let a = noise(1, &[2, 1], 1.0);
        assert!(cispo(&x, &x, &a, 0.0).is_err());
        assert!(cispo(&x, &noise(1, &[2, 4], 1.0), &a, 1.0).is_err());
        assert!(policy_gradient(&x, &noise(1, &[3, 1], 1.0)).is_err());
        let e = sapo(&x, &a, &SapoConfig { tau_positive: 1.0, tau_negative: 0.0 }).unwrap_err().to_string();
        assert!(e.contains("tau_negative"), "{e}");
    }
}
