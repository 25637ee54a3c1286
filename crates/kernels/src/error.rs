//! What weights can be that no kernel can work with.

/// Any error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// A weight, or a block's scale, that is infinite or NaN.
    #[error("weight {at} of the part just read is not a finite number; the file is damaged, or its training diverged")]
    NotFinite {
        /// Counted from the beginning of the part.
        at: usize,
    },
}

/// Result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, KernelError>;
