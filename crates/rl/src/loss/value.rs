//! The value network's loss in PPO (arXiv 1707.06347, and its usual implementation), and how good its guesses are.
//!
//! `1/2 max((V - G)^2, (clip(V, V_old - c, V_old + c) - G)^2)` with G the return: like the policy, the value may move only
//! by c per batch in the direction that it is rewarded for.

use crate::{Result, RlError, shape};
use candle_core::Tensor;

/// A value loss per token and where it was clipped.
#[derive(Clone, Debug)]
pub struct ValueOut {
    /// `[B, T]`; carries the gradient.
    pub per_token: Tensor,
    /// 1 where the clipped guess was the worse one, so that there is no gradient. `[B, T]`.
    pub clipped: Tensor,
}

/// The clipped squared error. `values`, `old_values` (at sampling time) and `returns` are `[B, T]`; no gradient runs into
/// the last two.
///
/// # Errors
/// Shapes that do not fit; a clip range that is not above 0.
pub fn clipped_error(values: &Tensor, old_values: &Tensor, returns: &Tensor, clip_range: f64) -> Result<ValueOut> {
    const OP: &str = "value::clipped_error";
    shape::matrix(OP, "values", values, "[B, T]")?;
    shape::same(OP, "old_values", old_values, "values", values)?;
    shape::same(OP, "returns", returns, "values", values)?;
    shape::positive(OP, "clip_range", clip_range)?;
    let (old, returns) = (old_values.detach(), returns.detach());
    let free = (values - &returns)?.sqr()?;
    let held = (&old + (values.detach() - &old)?.clamp(-clip_range, clip_range)?)?;
    let held = (held - &returns)?.sqr()?;
    // The held error can exceed the free one only where the clamp is active, so its gradient is 0.
    let clipped = held.gt(&free.detach())?;
    let per_token = (clipped.where_cond(&held, &free)? * 0.5)?;
    Ok(ValueOut { per_token, clipped: clipped.to_dtype(values.dtype())? })
}

/// `1 - Var(G - V) / Var(G)` over the counted tokens: 1 is a perfect guess, 0 no better than a constant, below 0 worse. None
/// where the returns do not vary.
///
/// # Errors
/// Slices of different lengths; a value that is not finite.
pub fn explained_variance(values: &[f64], returns: &[f64]) -> Result<Option<f64>> {
    const OP: &str = "value::explained_variance";
    shape::same_len(OP, "returns", returns.len(), "values", values.len())?;
    if let Some(bad) = values.iter().chain(returns).find(|x| !x.is_finite()) {
        return Err(RlError::Value {
            op: OP,
            what: "a value or return",
            got: bad.to_string(),
            expected: "a finite number",
        });
    }
    let left: Vec<f64> = returns.iter().zip(values).map(|(g, v)| g - v).collect();
    let whole = variance(returns);
    Ok((whole > 1e-12).then(|| 1.0 - variance(&left) / whole))
}

fn variance(x: &[f64]) -> f64 {
    let n = x.len().max(1) as f64;
    let mean = x.iter().sum::<f64>() / n;
    x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradient, gradient, matrix, noise, values};

    #[test]
    fn table() {
        // (V, V_old, G, loss with c = 0.2, clipped), by hand.
        let rows = [
            (1.0, 1.0, 0.0, 0.5, 0.),
            // It moved from 1 to 0.5 towards 0; allowed was 0.8: the worse error is 0.64 / 2, without gradient.
            (0.5, 1.0, 0.0, 0.32, 1.),
            // It moved away: its own error, with gradient.
            (1.5, 1.0, 0.0, 1.125, 0.),
            (1.1, 1.0, 2.0, 0.405, 0.),
        ];
        for (v, old, g, loss, clipped) in rows {
            let out = clipped_error(&matrix(&[&[v]]), &matrix(&[&[old]]), &matrix(&[&[g]]), 0.2).unwrap();
            assert_close(&values(&out.per_token), &[loss], 1e-12);
            assert_eq!(values(&out.clipped), [clipped]);
        }
    }

    #[test]
    fn slow_twin_and_gradient() {
        let (v, old, g) = (noise(1, &[4, 5], 1.0), noise(2, &[4, 5], 1.0), noise(3, &[4, 5], 1.0));
        let out = clipped_error(&v, &old, &g, 0.3).unwrap();
        let (x, y, z) = (values(&v), values(&old), values(&g));
        let twin: Vec<f64> = (0..20)
            .map(|i| {
                let held = x[i].clamp(y[i] - 0.3, y[i] + 0.3);
                0.5 * (x[i] - z[i]).powi(2).max((held - z[i]).powi(2))
            })
            .collect();
        assert_close(&values(&out.per_token), &twin, 1e-12);
        let loss = |v: &Tensor| clipped_error(v, &old, &g, 0.3).unwrap().per_token.sum_all().unwrap();
        check_gradient(&v, loss);
        let (slopes, cut) = (gradient(&v, loss), values(&out.clipped));
        assert!(cut.contains(&1.0) && cut.contains(&0.0));
        assert!(slopes.iter().zip(&cut).all(|(g, c)| (*g == 0.0) == (*c == 1.0)));
        assert!(
            clipped_error(&v, &old, &g, 0.0).is_err() && clipped_error(&v, &noise(1, &[4, 4], 1.0), &g, 0.3).is_err()
        );
    }

    #[test]
    fn explained() {
        let g = [1.0, 2.0, 3.0];
        assert_eq!(explained_variance(&g, &g).unwrap(), Some(1.0));
        assert_eq!(explained_variance(&[7.0; 3], &g).unwrap(), Some(0.0), "a constant, however wrong");
        // Errors 0, 0, 3 around mean 1: variance 2 against 2/3.
        assert_close(&[explained_variance(&[1.0, 2.0, 0.0], &g).unwrap().unwrap()], &[-2.0], 1e-12);
        assert_eq!(explained_variance(&[1.0, 2.0], &[5.0, 5.0]).unwrap(), None);
        assert!(explained_variance(&[1.0], &[]).is_err() && explained_variance(&[f64::NAN], &[1.0]).is_err());
    }
}
