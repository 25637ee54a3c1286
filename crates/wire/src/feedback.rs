//! What people say about answers, with everything needed to replay the very same answers.

use crate::{CheckpointId, FeedbackId, Item, Sampling};
use serde::{Deserialize, Serialize};

/// One vote. The client chooses the id, so that sending it again after a cut connection stores it once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// Idempotency key: 32 lower-case hex digits.
    pub id: FeedbackId,
    /// The question that was asked.
    pub item: Item,
    /// The model that answered.
    pub checkpoint: CheckpointId,
    /// How its answers were drawn (with the seed).
    pub sampling: Sampling,
    /// What was said.
    pub body: FeedbackBody,
    /// When the person said it, by their own clock, Unix milliseconds.
    pub said_ms: i64,
    /// Milliseconds between seeing the answers and saying it.
    pub dwell_ms: u32,
    /// Pseudonym of the person, chosen by their browser.
    pub annotator: String,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FeedbackBody {
    /// Two answers compared.
    Pair {
        /// The answer shown first.
        a: SampleRef,
        /// The answer shown second.
        b: SampleRef,
        /// Which is better.
        choice: PairChoice,
    },
    /// One answer judged good or bad.
    Thumbs {
        /// The answer.
        sample: SampleRef,
        /// Good.
        up: bool,
    },
    /// What the model should have said.
    Correction {
        /// The answer.
        sample: SampleRef,
        /// The better text.
        corrected: String,
    },
    /// Something is the matter with an answer.
    Flag {
        /// The answer.
        sample: SampleRef,
        /// What.
        reason: FlagReason,
        /// In the person's words; may be empty.
        #[serde(default)]
        note: String,
    },
}

/// One answer of a group: where it comes from and what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleRef {
    /// Index within the group.
    pub sample: u32,
    /// Its text.
    pub text: String,
    /// Sum of its tokens' log-probabilities, nats.
    pub logprob: f64,
}

/// Which of two answers is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairChoice {
    /// The first.
    A,
    /// The second.
    B,
    /// Equally good.
    Tie,
    /// Neither is acceptable.
    BothBad,
}

/// What is the matter with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagReason {
    /// It is false.
    Wrong,
    /// It should not be said.
    Unsafe,
    /// It cannot be understood.
    Unclear,
}

/// A stored vote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeedbackRow {
    /// When the server stored it, Unix milliseconds.
    pub stored_ms: i64,
    /// The vote.
    pub feedback: Feedback,
}

/// Kinds of votes, for filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackKind {
    /// Two answers compared.
    Pair,
    /// One answer judged good or bad.
    Thumbs,
    /// A better text.
    Correction,
    /// A warning about an answer.
    Flag,
}

impl FeedbackKind {
    /// The kind's name, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::Thumbs => "thumbs",
            Self::Correction => "correction",
            Self::Flag => "flag",
        }
    }
}

impl FeedbackBody {
    /// Which kind of vote this is.
    #[must_use]
    pub fn kind(&self) -> FeedbackKind {
        match self {
            Self::Pair { .. } => FeedbackKind::Pair,
            Self::Thumbs { .. } => FeedbackKind::Thumbs,
            Self::Correction { .. } => FeedbackKind::Correction,
            Self::Flag { .. } => FeedbackKind::Flag,
        }
    }
}

/// Which stored votes to list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedbackFilter {
    /// Only this kind.
    pub kind: Option<FeedbackKind>,
    /// Only votes on this model's answers.
    pub checkpoint: Option<CheckpointId>,
    /// At most so many; none means 100, the most is 1000.
    pub limit: Option<u32>,
    /// Only votes stored before this one: the last id of the previous page.
    pub before: Option<FeedbackId>,
}
