//! A model on the graphics card: a wasm package of its own beside the engine's, which fetches it when somebody asks for the card.
//!
//! The engine stays in charge: it reads text, draws tokens and says what came of it. This package gets token ids and returns logits
//! ([`Session`]). It reads the same GGUF file, lays every format out as one of a few ([`Layout`]), and computes with kernels in WGSL. It
//! never knows text, sampling, a page, HTTP, or whether its results are trusted: the engine's own are what they are held against.
//!
//! Everything but the layouts needs the browser's WebGPU and is compiled for wasm32 alone.

mod layout;
#[cfg(target_arch = "wasm32")]
mod model;
#[cfg(target_arch = "wasm32")]
mod ops;
#[cfg(target_arch = "wasm32")]
mod processor;
#[cfg(target_arch = "wasm32")]
mod session;

pub use layout::Layout;
#[cfg(target_arch = "wasm32")]
pub use model::{Card, Loading};
#[cfg(target_arch = "wasm32")]
pub use session::Session;
