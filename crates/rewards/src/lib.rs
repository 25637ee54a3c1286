//! What an answer is worth, and why: graders, their weighted sum, and the receipts people read.
//!
//! Every function is a pure function of text: the same bytes give the same result natively and in the browser, so what
//! the playground previews is what training uses ([`fixtures`] lets a test compare the two builds byte for byte).
//! A bad answer is data: it gets a score and a reason, never an error. Only a bad configuration is an error, and only
//! [`compose::validate`] reports it.
//!
//! This crate never knows token ids, tensors, devices, files, clocks or random numbers.
#![warn(missing_docs)]

pub mod adaptive;
#[cfg(feature = "attack")]
pub mod attack;
pub mod bench;
mod case;
pub mod compose;
pub mod confidence;
pub mod constitution;
pub mod constraints;
pub mod dialogue;
mod error;
pub mod fixtures;
pub mod graders;
pub mod group;
pub mod judge;
pub mod matching;
pub mod nearest;
pub mod normalise;
pub mod number;
pub mod objectives;
#[cfg(feature = "openai")]
pub mod openai;
pub mod outside;
mod phrases;
pub mod rank;
mod spans;
pub mod verdict;
pub mod versions;
pub mod votes;

pub use compose::{Scorer, hash_input, reward, reward_group, validate};
pub use error::RewardError;
pub use graders::Graded;
pub use graders::program::complaint as script_complaint;
pub use outside::{Outside, RewardModels};
pub use verdict::{is_abstention, is_refusal, verdict};

/// Whether this build runs the scripts of `program` graders. Where it does not, they do not apply, and nothing may be trained.
pub const RUNS_PROGRAMS: bool = cfg!(feature = "programs");
/// Whether this build runs `openai` graders; as above.
pub const RUNS_OPENAI: bool = cfg!(feature = "openai");
/// Longest answer that is looked at, bytes. Anything longer scores 0 and says so.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
