//! Controllers: coefficients that follow what a step measured, and the reference that follows the policy. Each is a function
//! from the old value to the new one, so its whole state is the number that it returns; whoever runs a loop keeps and saves
//! it.
//!
//! - [`kl_coefficient`] (arXiv 1909.08593): `e = clip(KL / target - 1, -0.2, 0.2)`, `b <- b (1 + e n / horizon)`, n answers
//!   of the step;
//! - [`entropy_coefficient`] (arXiv 2505.22312): one step of size d up while the entropy is at or below its target, down
//!   while it is above, between two bounds; the bonus itself acts only at or below the target ([`entropy_bonus_acts`]);
//! - [`mixed`] (arXiv 2404.09656): `ref <- a pi + (1 - a) ref` every so many steps ([`due`]).

use crate::{Result, RlError, shape};
use candle_core::Tensor;

/// Where the KL is to be held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KlTarget {
    /// The KL aimed at, nats, measured as the caller measures it (per token or per answer).
    pub target: f64,
    /// Answers over which a full error of 1 would double the coefficient; larger is slower.
    pub horizon: f64,
}

/// The next coefficient after a step of `answers` answers with a mean KL of `kl`. Never negative while `answers` is at most
/// five horizons.
///
/// # Errors
/// A target, horizon or coefficient that is not above 0; a KL that is not finite; a step of more than a horizon's answers.
pub fn kl_coefficient(coefficient: f64, kl: f64, answers: f64, config: &KlTarget) -> Result<f64> {
    const OP: &str = "kl_coefficient";
    shape::positive(OP, "coefficient", coefficient)?;
    shape::positive(OP, "target", config.target)?;
    shape::positive(OP, "horizon", config.horizon)?;
    number(OP, "kl", kl)?;
    if !(0.0..=config.horizon).contains(&answers) {
        let expected = "at most the horizon: raise the horizon to several steps' answers";
        return Err(RlError::Value { op: OP, what: "answers", got: answers.to_string(), expected });
    }
    let error = (kl / config.target - 1.0).clamp(-0.2, 0.2);
    Ok(coefficient * (1.0 + error * answers / config.horizon))
}

/// Where the entropy is to be held, and how fast its coefficient follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EntropyTarget {
    /// Entropy per token below which the bonus acts, nats.
    pub target: f64,
    /// Change of the coefficient per step.
    pub step: f64,
    /// Its least value.
    pub min: f64,
    /// Its largest value.
    pub max: f64,
}

/// The next coefficient after a step with this mean entropy per token.
///
/// # Errors
/// A negative step or bound; bounds in the wrong order; an entropy that is not finite.
pub fn entropy_coefficient(coefficient: f64, entropy: f64, config: &EntropyTarget) -> Result<f64> {
    const OP: &str = "entropy_coefficient";
    number(OP, "entropy", entropy)?;
    number(OP, "coefficient", coefficient)?;
    if !(config.step >= 0.0 && config.min >= 0.0 && config.max >= config.min && config.max.is_finite()) {
        let got = format!("step {}, min {}, max {}", config.step, config.min, config.max);
        return Err(RlError::Value { op: OP, what: "the controller", got, expected: "step >= 0 and 0 <= min <= max" });
    }
    let change = if entropy_bonus_acts(entropy, config) { config.step } else { -config.step };
    Ok((coefficient + change).clamp(config.min, config.max))
}

/// Whether the bonus is part of the loss at this entropy.
#[must_use]
pub fn entropy_bonus_acts(entropy: f64, config: &EntropyTarget) -> bool {
    entropy <= config.target
}

/// One tensor of the next reference: `a policy + (1 - a) reference`, without gradient and sharing no storage.
///
/// # Errors
/// Shapes that differ; a share outside 0 to 1.
pub fn mixed(reference: &Tensor, policy: &Tensor, share: f64) -> Result<Tensor> {
    const OP: &str = "reference::mixed";
    shape::same(OP, "policy", policy, "reference", reference)?;
    if !(0.0..=1.0).contains(&share) {
        return Err(RlError::Value { op: OP, what: "share", got: share.to_string(), expected: "0 to 1" });
    }
    Ok(((policy.detach() * share)? + (reference.detach() * (1.0 - share))?)?)
}

/// Whether something that happens every `every` steps is due after step `step` (from 1); never where `every` is 0.
#[must_use]
pub fn due(step: u32, every: u32) -> bool {
    every > 0 && step > 0 && step.is_multiple_of(every)
}

fn number(op: &'static str, what: &'static str, value: f64) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(RlError::Value { op, what, got: value.to_string(), expected: "a finite number" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, gradient, noise, values};

    const KL: KlTarget = KlTarget { target: 0.1, horizon: 1000.0 };
    const ENTROPY: EntropyTarget = EntropyTarget { target: 0.2, step: 0.005, min: 0.0, max: 0.012 };

    #[test]
    fn kl_table() {
        // (b, KL, answers, next), by hand.
        let rows = [
            (0.01, 0.1, 100.0, 0.01),
            // Half as much again: error clipped from 0.5 to 0.2.
            (0.01, 0.15, 100.0, 0.01 * 1.02),
            (0.01, 0.11, 100.0, 0.01 * 1.01),
            (0.01, 0.0, 100.0, 0.01 * 0.98),
            // k1 can be negative.
            (0.01, -3.0, 1000.0, 0.008),
            (0.01, 5.0, 0.0, 0.01),
        ];
        for (b, kl, n, next) in rows {
            assert_close(&[kl_coefficient(b, kl, n, &KL).unwrap()], &[next], 1e-12);
        }
        for (b, kl, n) in [(0.0, 0.1, 1.0), (0.1, f64::NAN, 1.0), (0.1, 0.1, 1001.0), (0.1, 0.1, -1.0)] {
            assert!(kl_coefficient(b, kl, n, &KL).is_err());
        }
    }

    #[test]
    fn the_kl_is_held_where_it_should_be() {
        // A toy in which the KL is inversely proportional to its price.
        let mut b = 1.0;
        for _ in 0..2000 {
            b = kl_coefficient(b, 0.02 / b, 100.0, &KL).unwrap();
        }
        assert_close(&[0.02 / b], &[0.1], 1e-3);
    }

    #[test]
    fn entropy_table() {
        let mut c = 0.0;
        let seen: Vec<f64> = [0.1, 0.2, 0.1, 0.3, 0.3, 0.3]
            .map(|h| {
                c = entropy_coefficient(c, h, &ENTROPY).unwrap();
                c
            })
            .to_vec();
        // Up by 0.005 at or below 0.2 (to at most 0.012), down above (to at least 0), by hand.
        assert_close(&seen, &[0.005, 0.01, 0.012, 0.007, 0.002, 0.0], 1e-12);
        assert!(entropy_coefficient(0.0, f64::NAN, &ENTROPY).is_err());
        assert!(entropy_coefficient(0.0, 0.1, &EntropyTarget { max: -1.0, ..ENTROPY }).is_err());
        assert!(entropy_bonus_acts(0.2, &ENTROPY) && !entropy_bonus_acts(0.21, &ENTROPY));
    }

    #[test]
    fn mixing() {
        let (r, p) = (noise(1, &[2, 3], 1.0), noise(2, &[2, 3], 1.0));
        let twin: Vec<f64> = values(&r).iter().zip(values(&p)).map(|(r, p)| 0.6 * p + 0.4 * r).collect();
        assert_close(&values(&mixed(&r, &p, 0.6).unwrap()), &twin, 1e-15);
        assert_eq!(values(&mixed(&r, &p, 0.0).unwrap()), values(&r));
        assert_eq!(values(&mixed(&r, &p, 1.0).unwrap()), values(&p));
        assert!(gradient(&p, |p| mixed(&r, p, 0.6).unwrap().sum_all().unwrap()).iter().all(|g| *g == 0.0));
        assert!(mixed(&r, &p, 1.5).is_err() && mixed(&r, &noise(1, &[3, 2], 1.0), 0.5).is_err());
        assert!(due(512, 512) && !due(511, 512) && !due(512, 0) && !due(0, 512));
    }
}
