//! Use cases, one file per noun; the run queue and its worker. The page's buttons and the JSON API both end here, so they
//! cannot diverge.
//!
//! This crate never knows HTTP, cookies or a user interface.
#![warn(missing_docs)]

mod error;
mod signatures;

pub use error::ServiceError;
pub use signatures::{RunEvents, Service};
