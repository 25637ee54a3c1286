//! Use cases, one file per noun; the run queue and its worker. The page's buttons and the JSON API both end here, so they
//! cannot diverge.
//!
//! Reading order: [`ServiceConfig`] says what a service is made of and [`Service::open`] makes it; `world`, `checkpoints`,
//! `objects`, `runs`, `follow`, `presets`, `feedback`, `rewards`, `evaluations`, `explain`, `reviews` and `grading` are the use cases; `queue` knows
//! who may work on which run, `worker` does the work, `comparisons` runs many of them against each other, and `sink` makes each of its
//! steps durable; `judge` lets a model answer a grader, and `judges` keeps
//! the models that do. [`headless`] is what the command line does without a server.
//!
//! This crate never knows HTTP, cookies or a user interface.
#![warn(missing_docs)]

mod builtin;
mod checkpoints;
mod comparisons;
mod config;
mod error;
mod evaluations;
mod explain;
mod exports;
mod feedback;
mod follow;
mod grading;
pub mod headless;
mod ids;
mod judge;
mod judges;
mod objects;
mod open;
mod presets;
mod queue;
mod reviews;
mod rewards;
mod runs;
mod sink;
mod worker;
mod world;

pub use clicker_dataset::check::{Fixes, Report, Spread, Voice};
pub use clicker_dataset::{ExportCounts, ExportFormat, ReviewCounts};
pub use clicker_store::{Backend, ObjectRead};
pub use clicker_train::{CheckpointBytes, Control, Outcome, Sink, Start, StepRecord};
pub use comparisons::asked::ComparisonOrder;
pub use config::{Clock, Quantizer, ServiceConfig, Trainer};
pub use error::ServiceError;
pub use explain::{Asked, Question};
pub use exports::{RunExport, RunFormat};
pub use feedback::FeedbackExport;
pub use follow::RunEvents;
pub use ids::new_token;
pub use open::Service;
pub use reviews::ReviewExport;
pub use rewards::{Attacked, Compared, NamedReward};
