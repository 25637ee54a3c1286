//! The decoder's own fused operations, each with its backward pass.
//!
//! candle's fused ops (`rms_norm`, `rope`, `softmax_last_dim`, `sdpa`, `QMatMul`) cut the gradient silently: backward
//! succeeds and whatever lies behind them learns nothing. So the decoder uses none of them: here is one
//! implementation of each operation for training and inference alike, which makes the choice between two paths, and
//! the mistake of taking the wrong one, impossible. Only f32 on the CPU; every function takes contiguous rows.
//!
//! Arithmetic is written in lanes of eight with a fixed order of summation and a polynomial exponential, so that wasm and
//! native compute the same bits here.

mod attention;
pub(crate) mod math;
mod rms_norm;
mod rope;
mod swiglu;

#[cfg(test)]
pub(crate) use attention::attention_rows;
pub use attention::{AttentionShape, attention};
pub use rms_norm::rms_norm;
#[cfg(test)]
pub(crate) use rms_norm::rms_norm_rows;
pub use rope::frequencies as rope_frequencies;
pub(crate) use rope::rope_in_place;
pub use rope::{RopeTable, rope};
pub use swiglu::swiglu;
#[cfg(test)]
pub(crate) use swiglu::swiglu_rows;

use candle_core::{CpuStorage, Layout, Result, Tensor};

/// The contiguous f32 elements behind a custom op's argument.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout, op: &'static str) -> Result<&'a [f32]> {
    let data = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&data[start..end]),
        None => candle_core::bail!("{op}: arguments must be contiguous"),
    }
}

/// Read a contiguous f32 tensor in place.
pub(crate) fn with_slice<R>(tensor: &Tensor, op: &'static str, f: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        candle_core::Storage::Cpu(cpu) => Ok(f(slice(cpu, layout, op)?)),
        _ => candle_core::bail!("{op}: only the CPU is supported"),
    }
}
