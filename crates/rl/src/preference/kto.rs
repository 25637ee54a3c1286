//! KTO (arXiv 2402.01306): learning from single answers that someone called good or bad, thumbs up and down.
//!
//! With h = ln pi - ln ref of a whole answer, b the strength and z0 how far the policy has moved in general:
//!
//! - good: `w_D (1 - sig(b (h - z0)))`, bad: `w_U (1 - sig(b (z0 - h)))`;
//! - `z0 = max(0, mean of h over mismatched pairs)`, each prompt with the answer to another one, without gradient: an
//!   estimate of the KL from answers that nobody judged.
//!
//! The weights make up for unequal numbers: `w_D n_D / (w_U n_U)` should lie in 1 to 4/3 ([`balance`]).

use super::vector;
use crate::logistic::sigmoid;
use crate::{Result, RlError, shape};
use candle_core::{DType, Tensor};

/// Strength and weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KtoConfig {
    /// b, above 0.
    pub beta: f64,
    /// w_D, of good answers; at least 0.
    pub desirable_weight: f64,
    /// w_U, of bad answers; at least 0.
    pub undesirable_weight: f64,
}

/// Loss per answer, `[N]`. `ratios` is h `[N]`, `good` is `[N]`, not 0 for good answers; `z0` comes from [`reference_point`].
///
/// # Errors
/// Shapes that do not fit; a beta that is not above 0; a weight or z0 that is negative.
pub fn kto(ratios: &Tensor, good: &Tensor, z0: f64, config: &KtoConfig) -> Result<Tensor> {
    const OP: &str = "kto";
    vector(OP, "ratios", ratios)?;
    shape::same(OP, "good", good, "ratios", ratios)?;
    shape::positive(OP, "beta", config.beta)?;
    for (what, value) in
        [("z0", z0), ("desirable_weight", config.desirable_weight), ("undesirable_weight", config.undesirable_weight)]
    {
        if !(value.is_finite() && value >= 0.0) {
            return Err(RlError::Value { op: OP, what, got: value.to_string(), expected: "0 or more" });
        }
    }
    let good = good.ne(0f64)?;
    let ones = ratios.ones_like()?.detach();
    let sign = good.where_cond(&ones, &ones.neg()?)?;
    let weight = good.where_cond(&(&ones * config.desirable_weight)?, &(ones * config.undesirable_weight)?)?;
    // 1 - sig(x) = sig(-x).
    Ok((sigmoid(&(((ratios - z0)? * sign)? * -config.beta)?)? * weight)?)
}

/// z0 from h of mismatched pairs, over the whole step.
///
/// # Errors
/// No pairs; a value that is not finite.
pub fn reference_point(mismatched: &[f64]) -> Result<f64> {
    const OP: &str = "kto::reference_point";
    if mismatched.is_empty() {
        let expected = "[N], N at least 1: a step needs two prompts to mismatch".into();
        return Err(RlError::Shape { op: OP, what: "mismatched", got: vec![0], expected });
    }
    let mean = mismatched.iter().sum::<f64>() / mismatched.len() as f64;
    if !mean.is_finite() {
        return Err(RlError::Value { op: OP, what: "the mean", got: mean.to_string(), expected: "a finite number" });
    }
    Ok(mean.max(0.0))
}

/// `w_D n_D / (w_U n_U)`: below 1 bad answers rule, above 4/3 good ones do. None without bad answers or their weight.
#[must_use]
pub fn balance(config: &KtoConfig, good: usize, bad: usize) -> Option<f64> {
    let bad = config.undesirable_weight * bad as f64;
    (bad > 0.0).then(|| config.desirable_weight * good as f64 / bad)
}

/// Which answer stands in for each in a mismatched pair: the next one of the step, round and round. [N]
#[must_use]
pub fn mismatched(n: usize) -> Vec<usize> {
    (0..n).map(|i| (i + 1) % n.max(1)).collect()
}

/// Rewards that the model implies, `b h`, as numbers for metrics.
///
/// # Errors
/// Tensor arithmetic.
pub fn rewards(ratios: &Tensor, config: &KtoConfig) -> Result<Vec<f64>> {
    Ok((ratios.detach() * config.beta)?.to_dtype(DType::F64)?.to_vec1::<f64>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradient, gradient, noise, values};
    use candle_core::Device;

    const CONFIG: KtoConfig = KtoConfig { beta: 0.5, desirable_weight: 1.0, undesirable_weight: 2.0 };

    fn vector(x: &[f64]) -> Tensor {
        Tensor::new(x, &Device::Cpu).unwrap()
    }

    #[test]
    fn table() {
        // b = 0.5, z0 = 1: at h = z0 both are half their weight; h - z0 = 2 ln 3 gives sig(ln 3) = 3/4, by hand.
        let far = 1.0 + 2.0 * 3f64.ln();
        let h = vector(&[1.0, 1.0, far, far]);
        let loss = kto(&h, &vector(&[1., 0., 1., 0.]), 1.0, &CONFIG).unwrap();
        assert_close(&values(&loss), &[0.5, 1.0, 0.25, 1.5], 1e-12);
        assert_close(&rewards(&h, &CONFIG).unwrap()[..2], &[0.5, 0.5], 1e-12);
        assert_eq!(reference_point(&[1.0, 2.0]).unwrap(), 1.5);
        assert_eq!(reference_point(&[1.0, -4.0]).unwrap(), 0.0);
    }

    #[test]
    fn slow_twin_and_gradient() {
        let (h, good) = (noise(1, &[7], 3.0), vector(&[1., 0., 0., 1., 1., 0., 1.]));
        let twin: Vec<f64> = values(&h)
            .iter()
            .zip(values(&good))
            .map(|(h, good)| {
                let sig = |x: f64| 1.0 / (1.0 + (-x).exp());
                if good == 1.0 { 1.0 - sig(0.5 * (h - 0.3)) } else { 2.0 * (1.0 - sig(0.5 * (0.3 - h))) }
            })
            .collect();
        assert_close(&values(&kto(&h, &good, 0.3, &CONFIG).unwrap()), &twin, 1e-12);
        check_gradient(&h, |h| kto(h, &good, 0.3, &CONFIG).unwrap().sum_all().unwrap());
        // Good answers are pushed up, bad ones down; neither where the model is already sure.
        let g = gradient(&h, |h| kto(h, &good, 0.3, &CONFIG).unwrap().sum_all().unwrap());
        assert!(g.iter().zip(values(&good)).all(|(g, good)| (*g < 0.0) == (good == 1.0)));
        let g = gradient(&vector(&[60.0]), |h| kto(h, &vector(&[1.0]), 0.0, &CONFIG).unwrap().sum_all().unwrap());
        assert!(g[0].abs() < 1e-12);
    }

    #[test]
    fn pairs_and_balance() {
        assert_eq!(mismatched(3), [1, 2, 0]);
        assert_eq!(mismatched(0), [0; 0]);
        assert_eq!(balance(&CONFIG, 8, 3), Some(8.0 / 6.0));
        assert_eq!(balance(&CONFIG, 8, 0), None);
    }

    #[test]
    fn refusals() {
        let h = vector(&[1.0, 2.0]);
        assert!(kto(&h, &vector(&[1.0]), 0.0, &CONFIG).is_err());
        assert!(kto(&h, &h, -1.0, &CONFIG).is_err() && kto(&h, &h, f64::NAN, &CONFIG).is_err());
        assert!(kto(&h, &h, 0.0, &KtoConfig { beta: 0.0, ..CONFIG }).is_err());
        assert!(kto(&h, &h, 0.0, &KtoConfig { desirable_weight: -1.0, ..CONFIG }).is_err());
        assert!(reference_point(&[]).is_err() && reference_point(&[f64::NAN]).is_err());
    }
}
