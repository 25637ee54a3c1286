//! The language model: tokenizer, chat template, decoder, KV cache, sampling, generation, weights in and out.
//!
//! Reading order: [`ModelConfig`] says what shape a model has, [`Weights`] hold its tensors by Hugging Face name,
//! [`Decoder`] computes with them, [`Policy`] is a decoder that can be trained and [`PolicySnapshot`] one that cannot
//! change, [`Generator`] draws answers from a snapshot (or from the browser's [`Engine`]), and [`LoadedModel`] is all of it from one file or folder.
//! [`Compute`] says where: on the processor, or on a card.
//!
//! This crate never knows rewards, optimizers, HTTP or SQL; no clock, no thread, no global randomness.
#![warn(missing_docs)]

mod cache;
mod chat;
mod choosing;
mod compute;
mod config;
mod constrain;
mod decoder;
mod dense;
pub mod engine;
mod error;
mod generate;
mod kernel;
mod likelihood;
mod linear;
mod loaded;
pub mod lora;
pub mod ops;
mod plan;
mod policy;
mod portable;
mod sample;
mod strung;
mod tokenizer;
pub mod weights;

pub use cache::{KvCache, RowCache};
pub use chat::{ChatTemplate, RenderedChat, SPECIAL_TOKENS};
pub use clicker_kernels::{crew, is_exact};
pub use compute::Compute;
pub use config::{Architecture, ModelConfig, RopeScaling};
pub use constrain::{Constraint, Rule};
pub use decoder::Decoder;
pub use dense::{PassMemory, TokenScores};
pub use engine::{Adaptation, Engine, EngineAdapter, EngineCache, Loading, PromptPass, Spoken};
pub use error::LmError;
pub use generate::{Draw, Drawn, GenerateOptions, Generator, Inference, Prompts, generate};
pub use likelihood::log_likelihoods;
pub use linear::{Embedding, Linear};
pub use loaded::{LoadedModel, Precision};
pub use plan::{RowPlan, Segment};
pub use policy::{Policy, PolicySnapshot};
pub use sample::{Sampler, stream_seed};
#[cfg(not(target_arch = "wasm32"))]
pub use tokenizer::train_bpe;
pub use tokenizer::{TextStream, Tokenizer};
pub use weights::{StoredAdapter, Weights};

/// Result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, LmError>;
