//! Shape checks at the entry of functions, so that a mismatch names both sides instead of a candle internal.

use crate::{Result, RlError};
use candle_core::Tensor;

/// Both sizes of a matrix; `expected` names the axes, e.g. `[B, T]`.
pub(crate) fn matrix(op: &'static str, what: &'static str, t: &Tensor, expected: &str) -> Result<(usize, usize)> {
    match *t.dims() {
        [a, b] if a > 0 && b > 0 => Ok((a, b)),
        _ => {
            let expected = format!("{expected} with no empty axis");
            Err(RlError::Shape { op, what, got: t.dims().to_vec(), expected })
        }
    }
}

/// `t` must have the shape of `like`.
pub(crate) fn same(
    op: &'static str,
    what: &'static str,
    t: &Tensor,
    like_name: &'static str,
    like: &Tensor,
) -> Result<()> {
    if t.dims() == like.dims() {
        return Ok(());
    }
    let expected = format!("{:?}, the shape of {like_name}", like.dims());
    Err(RlError::Shape { op, what, got: t.dims().to_vec(), expected })
}

/// Two slices must be equally long.
pub(crate) fn same_len(
    op: &'static str,
    what: &'static str,
    len: usize,
    like_name: &'static str,
    like: usize,
) -> Result<()> {
    if len == like {
        return Ok(());
    }
    let expected = format!("[{like}], the length of {like_name}");
    Err(RlError::Shape { op, what, got: vec![len], expected })
}

/// A divisor must be finite and above 0.
pub(crate) fn positive(op: &'static str, what: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(RlError::Value { op, what, got: value.to_string(), expected: "a finite number above 0" })
}
