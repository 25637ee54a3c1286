//! SQL (one file per table), migrations, and objects with typed keys.
//!
//! Layout: [`Store`] holds the pool and the [`Objects`]; `runs`, `events`, `checkpoints`, `feedback`, `rewards`, `evals`, `comparisons` and
//! `reviews` are the tables;
//! `queue` is the lease on a run, `steps` the one transaction that makes a training step durable; `objects` and `digest` are the
//! bytes beside the database.
//!
//! This crate never knows tensors, algorithms or HTTP, and never reads the clock: times are arguments.
#![warn(missing_docs)]

mod checkpoints;
mod codec;
mod comparisons;
mod database;
mod digest;
mod error;
mod evals;
mod events;
mod feedback;
mod objects;
mod queue;
mod reviews;
mod rewards;
mod runs;
mod steps;

pub use comparisons::QueuedPart;
pub use database::{Backend, Store};
pub use digest::Digest;
pub use error::StoreError;
pub use feedback::Insertion;
pub use objects::{Key, ObjectRead, Objects};
pub use queue::{Claim, Finish, Wanted};
pub use reviews::Filed;
pub use steps::{StateRef, StepCommit};
