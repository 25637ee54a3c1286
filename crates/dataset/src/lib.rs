//! Questions and answers as data: the built-in question world, item lists and rows of one's own as JSONL, leak and quality
//! checks, and people's feedback in the shapes that preference trainers read.
//!
//! Everything here is a function from values to values. This crate never knows tensors, files, clocks or models: seeds, bytes
//! and times are arguments.
#![warn(missing_docs)]

pub mod check;
pub mod comparisons;
pub mod dialogue;
pub mod error;
pub mod jsonl;
pub mod leaks;
pub mod perturb;
pub mod preference;
pub mod quality;
pub mod review;
pub mod rows;
mod text;
mod trl;
pub mod world;

pub use comparisons::{Comparison, Judgement};
pub use error::Error;
pub use leaks::{Leak, LeakKind, leaks};
pub use preference::{ExportCounts, ExportFormat, export};
pub use quality::{Quality, quality};
pub use review::{ReviewCounts, export_reviews};
pub use rows::Rows;
pub use world::World;
