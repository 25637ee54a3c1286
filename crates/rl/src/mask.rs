//! Sums and means over the tokens that count.
//!
//! Values under a 0 of the mask are never looked at: they may be anything, NaN included. Their gradient is exactly 0,
//! as long as the values themselves are finite (0 times an infinite derivative is NaN), so pad with finite numbers.

use crate::{Result, RlError, shape};
use candle_core::Tensor;

/// How many tokens of `mask` (any shape) count: the N of the DAPO denominator.
///
/// # Errors
/// A failing tensor operation.
pub fn active_tokens(mask: &Tensor) -> Result<f64> {
    let ones = mask.ne(0f64)?.to_dtype(candle_core::DType::F64)?;
    Ok(ones.sum_all()?.to_scalar::<f64>()?)
}

/// `values` where the mask is not 0, and 0 elsewhere; both of one shape.
///
/// # Errors
/// Shapes that differ.
pub fn masked(values: &Tensor, mask: &Tensor) -> Result<Tensor> {
    shape::same("masked", "mask", mask, "values", values)?;
    Ok(mask.ne(0f64)?.where_cond(values, &values.zeros_like()?)?)
}

/// Mean of `values` over the tokens that count, a scalar; 0 where none does. Differentiable.
///
/// # Errors
/// Shapes that differ.
pub fn masked_mean(values: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let n = active_tokens(mask)?.max(1.0);
    Ok((masked(values, mask)?.sum_all()? / n)?)
}

/// The counted tokens whose entropy is in the top share `top` of all counted tokens (arXiv 2506.01939: most of what is
/// learnt is decided at the few tokens where the model hesitates); `entropies` and `mask` `[B, T]`, without gradient.
///
/// The threshold is TRL's: the quantile `1 - top` of the counted entropies with linear interpolation, at least met. Whole
/// batches only: a micro-batch has a threshold of its own.
///
/// # Errors
/// Shapes that differ; a share outside 0 (exclusive) to 1.
pub fn top_entropy(entropies: &Tensor, mask: &Tensor, top: f64) -> Result<Tensor> {
    const OP: &str = "top_entropy";
    shape::same(OP, "mask", mask, "entropies", entropies)?;
    let threshold = top_entropy_threshold(&crate::metrics::active_values(entropies, mask)?, top)?;
    let Some(threshold) = threshold else { return Ok(mask.zeros_like()?) };
    let high = entropies.detach().ge(threshold)?.to_dtype(mask.dtype())?;
    masked(&high, mask)
}

/// The entropy that a token of [`top_entropy`] has at least; none without tokens.
///
/// # Errors
/// A share outside 0 (exclusive) to 1.
pub fn top_entropy_threshold(entropies: &[f64], top: f64) -> Result<Option<f64>> {
    if !(top > 0.0 && top <= 1.0) {
        let expected = "above 0 and at most 1, the share of tokens that learn";
        return Err(RlError::Value { op: "top_entropy", what: "top", got: top.to_string(), expected });
    }
    let mut sorted = entropies.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return Ok(None) };
    let place = (1.0 - top) * last as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(last);
    Ok(Some(sorted[below] + share * (sorted[above] - sorted[below])))
}

/// 1 for answers that may be learnt from `[B, 1]`, 0 for punished ones that the policy has left behind: advantage below 0
/// and a mean of `ln old - ln pi` over the answer's counted tokens above `limit` (off-policy sequence masking, arXiv
/// 2512.02556). Without gradient.
///
/// # Errors
/// Shapes that do not fit; a limit that is negative or not a number.
pub fn off_policy(logp: &Tensor, old_logp: &Tensor, mask: &Tensor, advantages: &Tensor, limit: f64) -> Result<Tensor> {
    const OP: &str = "off_policy";
    let (b, _) = shape::matrix(OP, "logp", logp, "[B, T]")?;
    shape::same(OP, "old_logp", old_logp, "logp", logp)?;
    if advantages.dims() != [b, 1] {
        let expected = format!("[{b}, 1], one per row of logp {:?}", logp.dims());
        return Err(RlError::Shape { op: OP, what: "advantages", got: advantages.dims().to_vec(), expected });
    }
    if limit.is_nan() || limit < 0.0 {
        return Err(RlError::Value {
            op: OP,
            what: "limit",
            got: limit.to_string(),
            expected: "0 or more, nats per token",
        });
    }
    let gone = masked(&(old_logp - logp)?.detach(), mask)?.sum_keepdim(1)?;
    let tokens = mask.ne(0f64)?.to_dtype(logp.dtype())?.sum_keepdim(1)?.maximum(1f64)?;
    let dtype = logp.dtype();
    let far = (gone / tokens)?.gt(limit)?.to_dtype(dtype)?;
    let dropped = (far * advantages.detach().lt(0f64)?.to_dtype(dtype)?)?;
    Ok(dropped.affine(-1.0, 1.0)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradient, gradient, matrix, noise, values};

    #[test]
    fn means() {
        let v = matrix(&[&[1., 2., f64::NAN], &[4., 50., 60.]]);
        let m = matrix(&[&[1., 1., 0.], &[1., 0., 0.]]);
        assert_eq!(active_tokens(&m).unwrap(), 3.0);
        assert_close(&values(&masked_mean(&v, &m).unwrap()), &[7.0 / 3.0], 1e-15);
        assert_eq!(values(&masked_mean(&v, &m.zeros_like().unwrap()).unwrap()), [0.0]);
        let u8_mask = m.to_dtype(candle_core::DType::U8).unwrap();
        assert_eq!(active_tokens(&u8_mask).unwrap(), 3.0);
    }

    #[test]
    fn masked_tokens_have_no_gradient() {
        let m = matrix(&[&[1., 0., 1.]]);
        let x = noise(1, &[1, 3], 1.0);
        check_gradient(&x, |x| masked_mean(&x.sqr().unwrap(), &m).unwrap());
        assert_eq!(gradient(&x, |x| masked_mean(&x.sqr().unwrap(), &m).unwrap())[1], 0.0);
    }

    #[test]
    fn refuses_other_shapes() {
        let e = masked_mean(&noise(1, &[2, 3], 1.0), &noise(1, &[3, 2], 1.0)).unwrap_err().to_string();
        assert!(e.contains("[3, 2]") && e.contains("[2, 3]"), "{e}");
    }

    #[test]
    fn the_hesitant_tokens() {
        // Entropies 0, 1, 2, 3, 4 and a masked 9. Quantile 0.8 of five values lies at place 3.2: 3.2; by hand.
        let h = matrix(&[&[0., 3., 9.], &[4., 1., 2.]]);
        let m = matrix(&[&[1., 1., 0.], &[1., 1., 1.]]);
        let kept = |top: f64| values(&top_entropy(&h, &m, top).unwrap());
        assert_close(&[top_entropy_threshold(&[0., 3., 4., 1., 2.], 0.2).unwrap().unwrap()], &[3.2], 1e-12);
        assert_eq!(kept(0.2), [0., 0., 0., 1., 0., 0.]);
        assert_eq!(kept(0.5), [0., 1., 0., 1., 0., 1.]);
        assert_eq!(kept(1.0), values(&m));
        assert_eq!(values(&top_entropy(&h, &m.zeros_like().unwrap(), 0.5).unwrap()), [0.0; 6]);
        for bad in [0.0, 1.1, f64::NAN] {
            assert!(top_entropy(&h, &m, bad).is_err());
        }
    }

    #[test]
    fn answers_left_behind() {
        // Mean of ln old - ln pi: 1.0 (the masked 50 is not looked at), 0.2, 1.0; only the punished far one goes.
        let old = matrix(&[&[1., 50.], &[0.2, 0.2], &[0.5, 1.5]]);
        let (logp, m) = (old.zeros_like().unwrap(), matrix(&[&[1., 0.], &[1., 1.], &[1., 1.]]));
        let a = matrix(&[&[-1.], &[-1.], &[1.]]);
        assert_eq!(values(&off_policy(&logp, &old, &m, &a, 0.5).unwrap()), [0., 1., 1.]);
        assert_eq!(values(&off_policy(&logp, &old, &m, &a, 1.0).unwrap()), [1., 1., 1.]);
        assert!(off_policy(&logp, &old, &m, &a, -1.0).is_err());
        assert!(off_policy(&logp, &old, &m, &old, 0.5).is_err());
    }
}
