//! What can go wrong in this crate: shapes that do not fit, values outside their range, and candle's own errors.

/// Result of every fallible function here.
pub type Result<T> = std::result::Result<T, RlError>;

/// Names the operation, the subject, what was given and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum RlError {
    /// A tensor or slice has the wrong shape.
    #[error("{op}: {what} has shape {got:?}, expected {expected}; pass inputs whose shapes match")]
    Shape {
        /// The operation.
        op: &'static str,
        /// The input.
        what: &'static str,
        /// Its shape.
        got: Vec<usize>,
        /// What it has to be, with the other input's shape where there is one.
        expected: String,
    },
    /// A group is too small to be compared with itself.
    #[error(
        "{op}: a group has {got} answer(s), expected at least 2, because an advantage compares answers; raise the group size"
    )]
    GroupTooSmall {
        /// The operation.
        op: &'static str,
        /// Answers in the group.
        got: usize,
    },
    /// A number is outside its range.
    #[error("{op}: {what} is {got}, expected {expected}")]
    Value {
        /// The operation.
        op: &'static str,
        /// The input.
        what: &'static str,
        /// Its value.
        got: String,
        /// The range, and what to do.
        expected: &'static str,
    },
    /// A tensor operation failed, in candle's words. They are kept as text: a build that never computes with tensors then links nothing of candle.
    #[error("tensor operation failed: {0}")]
    Tensor(String),
}

impl From<candle_core::Error> for RlError {
    fn from(error: candle_core::Error) -> Self {
        Self::Tensor(error.to_string())
    }
}
