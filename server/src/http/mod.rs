//! Handlers of the JSON API, one file per noun: unpack, one service call, pack.

pub(crate) mod checkpoints;
pub(crate) mod comparisons;
pub(crate) mod envelope;
pub(crate) mod error;
pub(crate) mod evals;
pub(crate) mod events;
mod extract;
pub(crate) mod feedback;
pub(crate) mod graders;
pub(crate) mod health;
pub(crate) mod objects;
pub(crate) mod owner;
mod range;
pub(crate) mod reviews;
pub(crate) mod rewards;
pub(crate) mod runs;
pub(crate) mod world;

pub(crate) use error::HttpError;
