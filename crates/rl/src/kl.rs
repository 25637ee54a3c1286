//! Estimates of KL(pi || ref) from tokens that pi sampled (Schulman 2020). With x = ln ref - ln pi:
//!
//! - k1 = -x: unbiased, noisy, can be negative;
//! - k2 = x^2 / 2: biased value, but its gradient is that of the true reverse KL;
//! - k3 = e^x - x - 1: unbiased and never negative; what GRPO (arXiv 2402.03300, eq. 4) adds to the loss.
//!
//! Departures: x is clamped to +-[`LOG_RATIO_LIMIT`](crate::LOG_RATIO_LIMIT) (so beyond it the gradient is 0), and for
//! |x| < 0.1 k3 is its Taylor series, because in f32 `e^x - x - 1` cancels to noise of either sign just where a policy
//! near its reference lives.
//!
//! No gradient ever runs into the reference.

use crate::{LOG_RATIO_LIMIT, Result, shape};
use candle_core::Tensor;

/// k1, per token; any one shape for both inputs. Nats.
///
/// # Errors
/// Shapes that differ.
pub fn k1(logp: &Tensor, ref_logp: &Tensor) -> Result<Tensor> {
    Ok(log_ratio("k1", logp, ref_logp)?.neg()?)
}

/// k2, per token; any one shape for both inputs. Nats.
///
/// # Errors
/// Shapes that differ.
pub fn k2(logp: &Tensor, ref_logp: &Tensor) -> Result<Tensor> {
    Ok((log_ratio("k2", logp, ref_logp)?.sqr()? * 0.5)?)
}

/// k3, per token; any one shape for both inputs. Nats.
///
/// # Errors
/// Shapes that differ.
pub fn k3(logp: &Tensor, ref_logp: &Tensor) -> Result<Tensor> {
    let x = log_ratio("k3", logp, ref_logp)?;
    let direct = ((x.exp()? - &x)? - 1.0)?;
    // x^2/2! + x^3/3! + ... + x^7/7!; the first term left out is below 3e-13 for |x| < 0.1.
    let mut series = (&x * (1.0 / 5040.0))?;
    for factorial in [720.0, 120.0, 24.0, 6.0] {
        series = ((series + 1.0 / factorial)? * &x)?;
    }
    let series = ((series + 0.5)? * x.sqr()?)?;
    Ok(x.detach().abs()?.lt(0.1f64)?.where_cond(&series, &direct)?)
}

fn log_ratio(op: &'static str, logp: &Tensor, ref_logp: &Tensor) -> Result<Tensor> {
    shape::same(op, "ref_logp", ref_logp, "logp", logp)?;
    Ok((ref_logp.detach() - logp)?.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradient, gradient, matrix, noise, values};
    use candle_core::DType;

    #[test]
    fn table() {
        // (ln pi, ln ref, k1, k2, k3); x = ln ref - ln pi, by hand.
        let rows = [
            (-1.0, -1.0, 0.0, 0.0, 0.0),
            // x = ln 2: k1 = -ln 2, k2 = ln(2)^2 / 2, k3 = 2 - ln 2 - 1.
            (0.25f64.ln(), 0.5f64.ln(), -(2f64.ln()), 2f64.ln().powi(2) / 2.0, 1.0 - 2f64.ln()),
            // x = -1: k3 = 1/e + 1 - 1.
            (-1.0, -2.0, 1.0, 0.5, (-1f64).exp()),
            // x = 30 is clamped to 20.
            (-31.0, -1.0, -20.0, 200.0, 20f64.exp() - 21.0),
        ];
        for (pi, reference, a, b, c) in rows {
            let (pi, reference) = (matrix(&[&[pi]]), matrix(&[&[reference]]));
            assert_close(&values(&k1(&pi, &reference).unwrap()), &[a], 1e-12);
            assert_close(&values(&k2(&pi, &reference).unwrap()), &[b], 1e-12);
            assert_close(&values(&k3(&pi, &reference).unwrap()), &[c], 1e-12);
        }
    }

    #[test]
    fn k3_is_smooth_and_never_negative() {
        let x: Vec<f64> = (-4000..4000).map(|i| f64::from(i) * 1e-4).collect();
        let logp = matrix(&[&x]);
        let zero = logp.zeros_like().unwrap();
        let twin: Vec<f64> = x.iter().map(|x| (-x).exp_m1() + x).collect();
        assert_close(&values(&k3(&logp, &zero).unwrap()), &twin, 1e-12);
        let single = k3(&logp.to_dtype(DType::F32).unwrap(), &zero.to_dtype(DType::F32).unwrap()).unwrap();
        assert!(values(&single).iter().all(|v| *v >= 0.0));
        assert_close(&values(&single), &twin, 1e-6);
    }

    #[test]
    fn gradients() {
        let reference = noise(2, &[2, 3], 1.0);
        for f in [k1, k2, k3] {
            check_gradient(&noise(1, &[2, 3], 1.0), |x| f(x, &reference).unwrap().sum_all().unwrap());
            check_gradient(&(&reference + 0.03).unwrap(), |x| f(x, &reference).unwrap().sum_all().unwrap());
        }
        // No gradient into the reference, none at equality, none beyond the clamp.
        let same = noise(1, &[2, 3], 1.0);
        assert!(gradient(&same, |x| k3(&same, x).unwrap().sum_all().unwrap()).iter().all(|g| *g == 0.0));
        assert!(gradient(&same, |x| k3(x, &same).unwrap().sum_all().unwrap()).iter().all(|g| *g == 0.0));
        let far = (&same + 25.0).unwrap();
        assert!(gradient(&far, |x| k3(x, &same).unwrap().sum_all().unwrap()).iter().all(|g| *g == 0.0));
    }
}
