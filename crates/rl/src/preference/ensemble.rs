//! Several reward models as one reward: how far to trust where they disagree. For one answer, r_k the score of member k:
//!
//! - [`mean`]: the average (its error falls, its blind spots stay);
//! - [`worst`]: `min_k r_k` (arXiv 2310.02743), the most pessimistic;
//! - [`less_variance`]: `mean - lambda var` (the same paper's uncertainty-weighted form; var divided by K);
//! - [`soft_worst`]: `-b ln mean_k e^(-r_k / b)`, between the two: b to 0 is the worst, b to infinity the mean.
//!
//! What all members get wrong survives all of them (arXiv 2312.09244). Never knows tensors.

use crate::{Result, RlError, shape};

/// The average.
///
/// # Errors
/// No members; a score that is not finite.
pub fn mean(scores: &[f64]) -> Result<f64> {
    check(scores)?;
    Ok(scores.iter().sum::<f64>() / scores.len() as f64)
}

/// The lowest.
///
/// # Errors
/// As [`mean`].
pub fn worst(scores: &[f64]) -> Result<f64> {
    check(scores)?;
    Ok(scores.iter().copied().fold(f64::INFINITY, f64::min))
}

/// The average less `lambda` times the variance.
///
/// # Errors
/// As [`mean`]; a lambda that is negative or not finite.
pub fn less_variance(scores: &[f64], lambda: f64) -> Result<f64> {
    let mean = mean(scores)?;
    if !(lambda.is_finite() && lambda >= 0.0) {
        let got = lambda.to_string();
        return Err(RlError::Value { op: "ensemble", what: "lambda", got, expected: "0 or more" });
    }
    let variance = scores.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / scores.len() as f64;
    Ok(mean - lambda * variance)
}

/// The soft minimum at temperature `b`.
///
/// # Errors
/// As [`mean`]; a temperature that is not above 0.
pub fn soft_worst(scores: &[f64], b: f64) -> Result<f64> {
    shape::positive("ensemble", "the temperature", b)?;
    // Around the lowest score, so that no exponential overflows.
    let low = worst(scores)?;
    let mean = scores.iter().map(|r| ((low - r) / b).exp()).sum::<f64>() / scores.len() as f64;
    Ok(low - b * mean.ln())
}

fn check(scores: &[f64]) -> Result<()> {
    let what = "the members' scores";
    if scores.is_empty() {
        return Err(RlError::Shape { op: "ensemble", what, got: vec![0], expected: "[K], K at least 1".into() });
    }
    match scores.iter().find(|r| !r.is_finite()) {
        None => Ok(()),
        Some(bad) => Err(RlError::Value { op: "ensemble", what, got: bad.to_string(), expected: "finite numbers" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn table() {
        // Scores 1, 2, 6: mean 3, variance (4 + 1 + 9) / 3, by hand.
        let r = [1.0, 2.0, 6.0];
        assert_eq!((mean(&r).unwrap(), worst(&r).unwrap()), (3.0, 1.0));
        assert_close(&[less_variance(&r, 0.3).unwrap()], &[3.0 - 0.3 * 14.0 / 3.0], 1e-12);
        let twin = -2.0 * (r.iter().map(|r| (-r / 2.0).exp()).sum::<f64>() / 3.0).ln();
        assert_close(&[soft_worst(&r, 2.0).unwrap()], &[twin], 1e-12);
        assert_close(&[soft_worst(&r, 1e-3).unwrap()], &[1.0], 2e-3);
        assert_close(&[soft_worst(&r, 1e6).unwrap()], &[3.0], 1e-4);
        assert!(soft_worst(&[-4000.0, 4000.0], 1e-3).unwrap().is_finite());
    }

    #[test]
    fn one_member_is_itself_and_refusals() {
        for f in [mean, worst, |r: &[f64]| less_variance(r, 2.0), |r: &[f64]| soft_worst(r, 0.5)] {
            assert_close(&[f(&[0.7]).unwrap()], &[0.7], 1e-12);
            assert!(f(&[]).is_err() && f(&[f64::NAN, 1.0]).is_err());
        }
        assert!(less_variance(&[1.0], -1.0).is_err() && soft_worst(&[1.0], 0.0).is_err());
    }
}
