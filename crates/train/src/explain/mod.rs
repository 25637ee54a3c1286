//! Explaining what training did: one answer token by token under two models ([`tokens`]), one question over a run's
//! checkpoints ([`timeline`]), which rollouts moved an answer ([`influence`]), and one training answer under its loss
//! ([`inspect`]). Nothing here trains; everything is computed from weights and from what runs store.

mod head;
pub mod influence;
pub mod inspect;
mod read;
mod say;
pub mod timeline;
pub mod tokens;

pub use read::{MAX_ANSWER, Subject};
