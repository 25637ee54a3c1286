//! Questions and answers as data: the built-in question world, item lists as JSONL, leak and quality checks, and people's
//! feedback in the shapes that preference trainers read.
//!
//! Everything here is a function from values to values. This crate never knows tensors, files, clocks or models: seeds, bytes
//! and times are arguments.
#![warn(missing_docs)]

pub mod error;
pub mod world;

pub use error::Error;
pub use world::World;
