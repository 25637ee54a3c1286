//! Sums and means over the tokens that count.
//!
//! Values under a 0 of the mask are never looked at: they may be anything, NaN included. Their gradient is exactly 0,
//! as long as the values themselves are finite (0 times an infinite derivative is NaN), so pad with finite numbers.

use crate::{Result, shape};
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
}
