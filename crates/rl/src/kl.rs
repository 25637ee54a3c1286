//! Estimates of KL(pi || ref) from tokens that pi sampled (Schulman 2020). With x = ln ref - ln pi:
//!
//! - k1 = -x: unbiased, noisy, can be negative;
//! - k2 = x^2 / 2: biased value, but its gradient is that of the true reverse KL;
//! - k3 = e^x - x - 1: unbiased and never negative; what GRPO (arXiv 2402.03300, eq. 4) adds to the loss.
//!
//! As a loss only k2 has the gradient of the true reverse KL on tokens of this very policy; [`with_k2_gradient`] gives the
//! value of any estimate that gradient (verl's "k1+", "k3+"). On tokens of an older policy [`corrected`] weighs an estimate
//! by the ratio (arXiv 2512.02556). A KL in the reward instead: [`returns`](crate::advantage::returns).
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

/// The value of an estimate with the gradient of k2: `k2 - sg[k2] + sg[value]`, per token; any one shape for all.
///
/// # Errors
/// Shapes that differ.
pub fn with_k2_gradient(value: &Tensor, logp: &Tensor, ref_logp: &Tensor) -> Result<Tensor> {
    const OP: &str = "with_k2_gradient";
    shape::same(OP, "value", value, "logp", logp)?;
    let back = k2(logp, ref_logp)?;
    Ok(((&back - back.detach())? + value.detach())?)
}

/// An estimate from tokens of an older policy, weighed by pi / old; the gradient runs through both. Any one shape.
///
/// # Errors
/// Shapes that differ.
pub fn corrected(estimate: &Tensor, ratio: &Tensor) -> Result<Tensor> {
    shape::same("corrected", "ratio", ratio, "estimate", estimate)?;
    Ok((estimate * ratio)?)
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

    #[test]
    fn as_a_loss_k2_is_the_true_gradient_and_others_can_borrow_it() {
        // A softmax over three tokens. Exact reverse KL: sum_v p_v (ln p_v - ln q_v); its gradient in ln p's logits is
        // sum_v p_v (ln p_v - ln q_v) d ln p_v, because sum_v p_v d ln p_v = 0. That is what the mean of k2's gradient over
        // sampled tokens, sum_v p_v (ln p_v - ln q_v) d ln p_v, gives; k1's mean gradient is sum_v p_v d ln p_v = 0.
        let logits = noise(5, &[1, 3], 1.0);
        let q = log_softmax(&noise(6, &[1, 3], 1.0));
        let p = |x: &Tensor| log_softmax(x);
        let exact = gradient(&logits, |x| {
            let l = p(x);
            (l.exp().unwrap() * (&l - &q).unwrap()).unwrap().sum_all().unwrap()
        });
        // Expectation of the estimate's gradient: every token once, weighed by its probability held fixed.
        let mean = |estimate: &dyn Fn(&Tensor) -> Tensor| {
            gradient(&logits, |x| (p(x).detach().exp().unwrap() * estimate(&p(x))).unwrap().sum_all().unwrap())
        };
        assert_close(&mean(&|l| k2(l, &q).unwrap()), &exact, 1e-12);
        assert_close(&mean(&|l| k1(l, &q).unwrap()), &[0.0; 3], 1e-12);
        for f in [k1, k3] {
            assert_close(&mean(&|l| with_k2_gradient(&f(l, &q).unwrap(), l, &q).unwrap()), &exact, 1e-12);
        }
        // The value stays the estimate's own.
        let l = p(&logits);
        assert_close(
            &values(&with_k2_gradient(&k3(&l, &q).unwrap(), &l, &q).unwrap()),
            &values(&k3(&l, &q).unwrap()),
            1e-15,
        );
        // On tokens of another policy, corrected k3 has the true value and the true gradient.
        let old = log_softmax(&noise(7, &[1, 3], 1.0));
        let corrected_mean = |x: &Tensor| {
            let l = p(x);
            let ratio = (&l - &old).unwrap().exp().unwrap();
            (old.exp().unwrap() * corrected(&k3(&l, &q).unwrap(), &ratio).unwrap()).unwrap().sum_all().unwrap()
        };
        let value = (l.exp().unwrap() * (&l - &q).unwrap()).unwrap().sum_all().unwrap();
        assert_close(&values(&corrected_mean(&logits)), &values(&value), 1e-12);
        assert_close(&gradient(&logits, corrected_mean), &exact, 1e-12);
        check_gradient(&noise(8, &[1, 3], 0.5), |x| {
            corrected(&k3(x, &q).unwrap(), &x.exp().unwrap()).unwrap().sum_all().unwrap()
        });
        assert!(corrected(&q, &noise(1, &[3, 1], 1.0)).is_err());
        assert!(with_k2_gradient(&noise(1, &[3, 1], 1.0), &q, &q).is_err());
    }

    fn log_softmax(x: &Tensor) -> Tensor {
        let sum = x.exp().unwrap().sum_keepdim(1).unwrap().log().unwrap();
        x.broadcast_sub(&sum).unwrap()
    }
}
