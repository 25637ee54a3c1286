//! The logistic function and its logarithm, in a form that neither overflows nor has a wrong gradient at 0.
//!
//! `ln sigmoid(x) = (x - |x|) / 2 - ln(1 + e^-|x|)`. |x| is x times its sign, the sign held fixed (+1 at 0): candle's own
//! `abs` and `minimum` together would give a gradient of 1 instead of 1/2 at exactly 0, which is where every preference
//! loss starts, because policy and reference are then one.

use crate::Result;
use candle_core::Tensor;

/// `ln(1 / (1 + e^-x))`, any shape; never above 0. Differentiable: `1 - sigmoid(x)`.
///
/// # Errors
/// Tensor arithmetic.
pub(crate) fn log_sigmoid(x: &Tensor) -> Result<Tensor> {
    let ones = x.ones_like()?.detach();
    let sign = x.detach().ge(0f64)?.where_cond(&ones, &ones.neg()?)?;
    let size = (x * sign)?;
    let tail = (size.neg()?.exp()? + 1.0)?.log()?;
    Ok((((x - size)? * 0.5)? - tail)?)
}

/// `1 / (1 + e^-x)`, any shape. Differentiable.
///
/// # Errors
/// Tensor arithmetic.
pub(crate) fn sigmoid(x: &Tensor) -> Result<Tensor> {
    Ok(log_sigmoid(x)?.exp()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradient, gradient, matrix, values};
    use candle_core::DType;

    #[test]
    fn table() {
        // x, ln sigmoid: -ln 2 at 0; x + ln 3 - ln 4 at ln 3 is ln(3/4); far out it is 0 or x itself.
        let x = matrix(&[&[0.0, 3f64.ln(), -(3f64.ln()), 800.0, -800.0]]);
        let expected = [-(2f64.ln()), 0.75f64.ln(), 0.25f64.ln(), 0.0, -800.0];
        assert_close(&values(&log_sigmoid(&x).unwrap()), &expected, 1e-12);
        assert_close(&values(&sigmoid(&x).unwrap()), &[0.5, 0.75, 0.25, 1.0, 0.0], 1e-12);
        let single = x.to_dtype(DType::F32).unwrap();
        assert_close(&values(&log_sigmoid(&single).unwrap()), &expected, 1e-6);
    }

    #[test]
    fn gradients() {
        let x = matrix(&[&[0.0, 1.3, -0.7, 4.0, -6.0]]);
        check_gradient(&x, |x| log_sigmoid(x).unwrap().sum_all().unwrap());
        check_gradient(&x, |x| sigmoid(x).unwrap().sum_all().unwrap());
        assert_eq!(gradient(&matrix(&[&[0.0]]), |x| log_sigmoid(x).unwrap().sum_all().unwrap()), [0.5]);
    }
}
