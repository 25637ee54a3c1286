//! The innermost loops of the browser's engine: products of quantized matrices, attention over a cache, norms, softmax and what drawing needs
//! of a row of logits. Slices in, slices out.
//!
//! A crate of its own because it is what has to be fast: of all that the engine links, this alone is compiled for speed, and the rest
//! for size (`wasm-worker` in the root Cargo.toml). Weights lie in tiles made for the kernels (`formats`), activations are rounded to 8 bits once
//! for all matrices that share them ([`activations`]). All is written on vectors of four lanes, which are WebAssembly's in the browser and
//! arrays elsewhere, with the same bits.
//!
//! This crate never knows models, layers, files, text or candle.
#![warn(missing_docs)]

pub mod activations;
pub mod attention;
mod bundle;
pub mod crew;
pub mod distribution;
mod error;
mod floats;
mod formats;
mod fours;
mod integers;
mod kind;
mod matrix;
mod quads;
#[cfg_attr(all(target_arch = "wasm32", target_feature = "simd128"), path = "simd_wasm.rs")]
#[cfg_attr(not(all(target_arch = "wasm32", target_feature = "simd128")), path = "simd_plain.rs")]
mod simd;
pub mod vector;

pub use activations::Activations;
pub use error::{KernelError, Result};
pub use integers::Integers;
pub use kind::Kind;
pub use matrix::Matrix;
pub use quads::is_exact;
