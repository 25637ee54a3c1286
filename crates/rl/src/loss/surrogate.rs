//! The clipped objective of PPO (arXiv 1707.06347, eq. 7), negated, and its form with a cap. With ratio r of any kind
//! ([`ratio`](super::ratio)), advantage A and bounds `1 - el`, `1 + eh`:
//!
//! - [`clip`]: `-min(r A, clip(r) A)`. A punished token that has become likelier (r large, A below 0) keeps its whole
//!   gradient, however large r is;
//! - [`two_sided`] (arXiv 2505.07291): `-min(min(r, delta) A, clip(r) A)`, delta above 1 + eh, bounds that one too. The
//!   dual-clip PPO (arXiv 1912.09729), which caps the loss of punished tokens at `-c A`, is the same function with c = delta.
//!
//! No gradient runs into advantages.

use super::{ClipConfig, LossOut, both, spread};
use crate::{Result, RlError};
use candle_core::Tensor;

/// The clipped loss per token. `ratio` is `[B, T]` and carries the gradient; `advantages` is `[B, 1]` or `[B, T]`.
///
/// # Errors
/// Shapes that do not fit; epsilons outside their range.
pub fn clip(ratio: &Tensor, advantages: &Tensor, config: &ClipConfig) -> Result<LossOut> {
    const OP: &str = "surrogate::clip";
    let (low, high) = config.bounds(OP)?;
    let advantages = spread(OP, advantages, "ratio", ratio)?;
    let fixed = ratio.detach();
    // Masks instead of `minimum`: at a tie candle halves the gradient between its arguments, a mask says what is meant.
    let clipped_low = both(&fixed.lt(low)?, &advantages.lt(0f64)?, ratio)?;
    let clipped_high = both(&fixed.gt(high)?, &advantages.gt(0f64)?, ratio)?;
    let clipped = (&clipped_low + &clipped_high)?.ne(0f64)?;
    let used = clipped.where_cond(&fixed.clamp(low, high)?, ratio)?;
    let per_token = (used * advantages)?.neg()?;
    Ok(LossOut { per_token, capped: fixed.zeros_like()?, ratio: fixed, clipped_low, clipped_high })
}

/// [`clip`] with the ratio of punished tokens capped at `delta` as well.
///
/// # Errors
/// As [`clip`]; a delta that is not above 1 + epsilon_high.
pub fn two_sided(ratio: &Tensor, advantages: &Tensor, config: &ClipConfig, delta: f64) -> Result<LossOut> {
    const OP: &str = "surrogate::two_sided";
    let (_, high) = config.bounds(OP)?;
    if !(delta.is_finite() && delta > high) {
        let expected = "a finite number above 1 + epsilon_high, or the cap would cut where the clip already does";
        return Err(RlError::Value { op: OP, what: "delta", got: delta.to_string(), expected });
    }
    let mut out = clip(ratio, advantages, config)?;
    let advantages = spread(OP, advantages, "ratio", ratio)?;
    out.capped = both(&out.ratio.gt(delta)?, &advantages.lt(0f64)?, ratio)?;
    out.per_token = out.capped.ne(0f64)?.where_cond(&(advantages * -delta)?, &out.per_token)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradient, gradient, matrix, noise, values};

    const CLIP: ClipConfig = ClipConfig { epsilon_low: 0.2, epsilon_high: 0.3 };

    #[test]
    fn table() {
        // (ratio, advantage, clipped loss, with delta 3, capped), by hand.
        let rows = [
            (1.0, 2.0, -2.0, -2.0, 0.),
            (1.5, 1.0, -1.3, -1.3, 0.),
            (5.0, 1.0, -1.3, -1.3, 0.),
            (1.5, -1.0, 1.5, 1.5, 0.),
            // Likelier by five and punished: the loss stops at 3.
            (5.0, -2.0, 10.0, 6.0, 1.),
            (0.5, -1.0, 0.8, 0.8, 0.),
        ];
        for (ratio, a, loss, capped_loss, capped) in rows {
            let (r, a) = (matrix(&[&[ratio]]), matrix(&[&[a]]));
            assert_close(&values(&clip(&r, &a, &CLIP).unwrap().per_token), &[loss], 1e-12);
            let out = two_sided(&r, &a, &CLIP, 3.0).unwrap();
            assert_close(&values(&out.per_token), &[capped_loss], 1e-12);
            assert_eq!(values(&out.capped), [capped]);
        }
    }

    /// Ratios from e^-2 to e^2: every branch occurs.
    fn ratios() -> Tensor {
        noise(1, &[5, 6], 2.0).exp().unwrap()
    }

    #[test]
    fn slow_twin_and_dual_clip() {
        let (r, a) = (ratios(), noise(2, &[5, 6], 1.0));
        let out = two_sided(&r, &a, &CLIP, 3.0).unwrap();
        let pairs: Vec<(f64, f64)> = values(&r).into_iter().zip(values(&a)).collect();
        let twin: Vec<f64> = pairs.iter().map(|&(r, a)| -f64::min(r.min(3.0) * a, r.clamp(0.8, 1.3) * a)).collect();
        assert_close(&values(&out.per_token), &twin, 1e-12);
        // Dual clip as its paper writes it: for A < 0 the objective is at least c A.
        let dual: Vec<f64> = pairs
            .iter()
            .map(|&(r, a)| {
                let objective = f64::min(r * a, r.clamp(0.8, 1.3) * a);
                -(if a < 0.0 { objective.max(3.0 * a) } else { objective })
            })
            .collect();
        assert_close(&values(&out.per_token), &dual, 1e-12);
        // Every mask is where the gradient is 0, and each occurs.
        let g = gradient(&r, |r| two_sided(r, &a, &CLIP, 3.0).unwrap().per_token.sum_all().unwrap());
        let cut = [&out.clipped_low, &out.clipped_high, &out.capped].map(values);
        assert!(cut.iter().all(|c| c.contains(&1.0)));
        assert!((0..30).all(|i| (g[i] == 0.0) == cut.iter().any(|c| c[i] == 1.0)));
    }

    #[test]
    fn gradients() {
        let (r, a) = (ratios(), noise(2, &[5, 6], 1.0));
        check_gradient(&r, |r| clip(r, &a, &CLIP).unwrap().per_token.sum_all().unwrap());
        check_gradient(&r, |r| two_sided(r, &a, &CLIP, 3.0).unwrap().per_token.sum_all().unwrap());
        let into_a = gradient(&a, |a| two_sided(&r, a, &CLIP, 3.0).unwrap().per_token.sum_all().unwrap());
        assert!(into_a.iter().all(|g| *g == 0.0));
    }

    #[test]
    fn refusals() {
        let (r, a) = (ratios(), noise(2, &[5, 1], 1.0));
        for delta in [1.3, 0.5, f64::NAN, f64::INFINITY] {
            let e = two_sided(&r, &a, &CLIP, delta).unwrap_err().to_string();
            assert!(e.contains("delta") && e.contains("1 + epsilon_high"), "{e}");
        }
        let e = clip(&r, &noise(1, &[4, 1], 1.0), &CLIP).unwrap_err().to_string();
        assert!(e.contains("[4, 1]") && e.contains("[5, 1] or [5, 6]"), "{e}");
    }
}
