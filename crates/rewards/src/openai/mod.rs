//! OpenAI's graders: the JSON of their reinforcement fine-tuning, checked and run here.
//!
//! [`validate`] turns JSON into a [`Grader`] or says which field is wrong and what stands nearest; [`run`] grades one
//! sample and gives the receipt of OpenAI's `graders/run`, error flags included. A grader that goes wrong on a sample is
//! data: a flag, a sentence and a reward of 0. Both are pure functions; models are asked through a [`Judge`] that the
//! caller passes. docs/algorithms/openai-graders.md lists every type, formula and departure.
//!
//! This module never knows a model, a clock, a network or Python.

mod choosing;
mod error;
pub mod formula;
mod grading;
mod judge;
mod pacing;
mod parts;
mod python;
mod run;
mod schema;
pub mod similarity;
pub mod template;
mod validate;

pub use choosing::{Chooser, Panel, Seat};
pub use clicker_wire::grader_run::RunResult;
pub use clicker_wire::openai_grader::Grader;
pub use error::GraderError;
pub use judge::{Judge, JudgeError, JudgeReply, JudgeRequest, Verdict};
pub use pacing::{Patient, Replies};
pub use parts::part_names;
pub use python::python_instead;
pub use run::{Run, Sample, run};
pub use validate::{parse, validate};

/// Longest text that is looked at, bytes: an answer, a field after its templates are filled, a judge's reply.
pub const MAX_TEXT_BYTES: usize = crate::MAX_TEXT_BYTES;

/// A Python source must stay below this, bytes.
pub const MAX_SOURCE_BYTES: usize = 256 * 1024;

/// Most parts of a `multi`.
pub const MAX_PARTS: usize = 64;

/// Most messages of a model grader, parts of one message, and labels.
pub const MAX_LIST: usize = 256;

/// Longest name of a grader, model or part, bytes.
pub const MAX_NAME_BYTES: usize = 256;
