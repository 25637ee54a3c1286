//! Answers that a person should look at, and what people decided about them.

use crate::{CheckpointId, Item, Sampling};
use serde::{Deserialize, Serialize};

/// One answer in the queue, with why it is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewEntry {
    /// Idempotency key: 32 lower-case hex digits. A scan derives it from what it asked, so that the same scan files nothing twice.
    pub id: String,
    /// The question that was asked.
    pub item: Item,
    /// The model that answered.
    pub checkpoint: CheckpointId,
    /// How it came here.
    pub source: ReviewSource,
    /// How the drawn answers were drawn (with the seed).
    pub sampling: Sampling,
    /// The answers, the one that is decided about first: the greedy one, or the one that was handed in.
    pub answers: Vec<ReviewAnswer>,
    /// Why it is here.
    #[serde(default)]
    pub reasons: Vec<ReviewReason>,
    /// Pseudonym of the person who handed it in; empty for a scan.
    #[serde(default)]
    pub by: String,
    /// In that person's words; may be empty.
    #[serde(default)]
    pub note: String,
}

/// How an answer came into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewSource {
    /// The server asked and filed what it was not sure of.
    Scan,
    /// A person handed it in.
    HandedIn,
}

impl ReviewSource {
    /// The source's name, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::HandedIn => "handed_in",
        }
    }
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewAnswer {
    /// Its text.
    pub text: String,
    /// Sum of its tokens' log-probabilities, nats; none where the person who handed it in did not know it.
    #[serde(default)]
    pub logprob: Option<f64>,
}

/// Why an answer is here, with the numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ReviewReason {
    /// Too few of the drawn answers say what the greedy answer says.
    LowAgreement {
        /// Share of the drawn answers that agree with it.
        agreement: f64,
        /// The bound.
        threshold: f64,
    },
    /// The greedy answer's own probability, all its tokens multiplied, is too small.
    LowProbability {
        /// The probability.
        probability: f64,
        /// The bound.
        threshold: f64,
    },
    /// No answer has more than half of the drawn ones behind it.
    NoMajority {
        /// Different answers among the drawn ones.
        different: u32,
        /// Drawn answers.
        samples: u32,
    },
    /// The greedy answer keeps a stated rule, a drawn one does not.
    NearMiss {
        /// The rule.
        rule: String,
        /// Drawn answers that break it.
        broken: u32,
        /// Drawn answers.
        samples: u32,
    },
    /// The greedy answer itself breaks a stated rule.
    RuleBroken {
        /// The rule.
        rule: String,
    },
}

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewDecision {
    /// Idempotency key: 32 lower-case hex digits.
    pub id: String,
    /// The entry.
    pub review: String,
    /// What was decided.
    pub verdict: ReviewVerdict,
    /// Pseudonym of the person, as with votes; `owner` for the owner of the server.
    pub reviewer: String,
    /// Whether it was the owner of the server; the server says so, whatever is sent.
    #[serde(default)]
    pub owner: bool,
    /// When it was stored, Unix milliseconds; the server says so, whatever is sent.
    #[serde(default)]
    pub decided_ms: i64,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ReviewVerdict {
    /// The answer is good.
    Right,
    /// The answer is bad; what would be right is left open.
    Wrong,
    /// It should have said that it does not know.
    ShouldAbstain,
    /// It should have declined.
    ShouldDecline,
    /// It should have said this.
    Corrected {
        /// The better text.
        text: String,
    },
    /// This person does not decide.
    Skip,
}

impl ReviewVerdict {
    /// In plain words.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::ShouldAbstain => "should say “I don't know”",
            Self::ShouldDecline => "should decline",
            Self::Corrected { .. } => "corrected",
            Self::Skip => "skipped",
        }
    }
}

/// An entry with all that was decided about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reviewed {
    /// When the entry was stored, Unix milliseconds.
    pub stored_ms: i64,
    /// The entry.
    pub entry: ReviewEntry,
    /// Each person's last decision, in the order of their storing.
    pub decisions: Vec<ReviewDecision>,
}

impl Reviewed {
    /// Where it stands. The owner's word settles it; without it, people have to be of one mind.
    #[must_use]
    pub fn standing(&self) -> Standing<'_> {
        let counts = || self.decisions.iter().filter(|d| d.verdict != ReviewVerdict::Skip);
        if let Some(owner) = counts().rfind(|d| d.owner) {
            return Standing::Decided(owner);
        }
        match counts().next_back() {
            None => Standing::Open,
            Some(last) if counts().all(|d| d.verdict == last.verdict) => Standing::Decided(last),
            Some(_) => Standing::Disputed,
        }
    }
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standing<'a> {
    /// Nobody has decided.
    Open,
    /// People decided differently, and the owner has not.
    Disputed,
    /// This decision holds.
    Decided(&'a ReviewDecision),
}

/// What a scan asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReviewScan {
    /// The model: `builtin` or the id of a checkpoint of this server.
    pub checkpoint: String,
    /// Questions to ask, of those that reward training may see, never of the held-out ones.
    pub questions: u32,
    /// Answers drawn per question beside the greedy one, at temperature 1.
    pub samples: u32,
    /// Seed of the choice of questions and of the draws.
    pub seed: u64,
    /// File answers with less agreement than this.
    pub agreement: f64,
    /// File answers whose own probability is below this. None means the threshold that an evaluation chose for this checkpoint, and
    /// [`ReviewScan::PROBABILITY`] where there was none.
    pub probability: Option<f64>,
}

impl ReviewScan {
    /// The bound on the probability of checkpoints that nobody has measured.
    pub const PROBABILITY: f64 = 0.3;
}

impl Default for ReviewScan {
    fn default() -> Self {
        Self { checkpoint: "builtin".into(), questions: 40, samples: 4, seed: 1, agreement: 0.5, probability: None }
    }
}

/// What a scan found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewScanned {
    /// Questions asked.
    pub asked: u32,
    /// Answers that had a reason to be filed.
    pub found: u32,
    /// Of those, the ones that were not in the queue already.
    pub filed: u32,
}
