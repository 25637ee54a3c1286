//! Two versions of a reward: what changed between them in words and as data, and what that does to the same answers.
//!
//! A version is its canonical JSON ([`crate::hash_input`]); two versions without a difference have the same bytes, hence
//! the same hash.

mod compare;
mod diff;

pub use compare::{compare, compare_totals};
pub use diff::diff;
