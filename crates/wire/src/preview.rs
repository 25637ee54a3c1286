//! What the reward lab asks the engine and the server: a reward previewed on some answers, and rewards that are kept.

use crate::{Histogram, Item, Reward, RewardConfig};
use serde::{Deserialize, Serialize};

/// One answer to look at, with its question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabSample {
    /// The question.
    pub item: Item,
    /// The answer.
    pub text: String,
}

/// A reward on a list of answers: numbers for all of them, whole receipts for those that were asked for. A preview is
/// sent at every keystroke, so it is small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// One total per answer, in order.
    pub totals: Vec<f64>,
    /// Per answer the score of each grader, in the order of the configuration; none where it does not apply.
    pub scores: Vec<Vec<Option<f64>>>,
    /// Per answer what each grader adds to the total, before what the notes say.
    pub worth: Vec<Vec<f64>>,
    /// Receipts of the answers that were asked for, by index.
    pub receipts: Vec<(u32, Reward)>,
    /// The totals, counted in bins.
    pub total: Histogram,
    /// The scores of each grader, counted in bins.
    pub graders: Vec<Histogram>,
    /// Spearman's rank correlation between the scores of two graders over the answers to which both apply; the last row
    /// and column are the total. None where one of the two is constant.
    pub agreement: Vec<Vec<Option<f64>>>,
    /// How often a model has still to be asked: until it was, its graders do not apply.
    #[serde(default, skip_serializing_if = "crate::engine::is_zero")]
    pub judging: u32,
}

/// What the engine answers to a preview: a message of its own, so that only who asks for previews has to read them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PreviewReply {
    /// A reward on the answers.
    Previewed {
        /// Request id.
        id: u64,
        /// The result.
        preview: Preview,
    },
}

/// A reward to keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRewardVersion {
    /// Its name for people.
    pub name: String,
    /// What is new about it; may be empty.
    #[serde(default)]
    pub note: String,
    /// The reward.
    pub reward: RewardConfig,
}

/// A reward that is kept. What it says never changes; a change is another version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewardVersion {
    /// The sha256 of the reward's canonical JSON: two versions say the same exactly when their hashes are equal.
    pub hash: String,
    /// Its name for people.
    pub name: String,
    /// What is new about it.
    pub note: String,
    /// When it was kept, Unix milliseconds.
    pub saved_ms: i64,
    /// The reward.
    pub reward: RewardConfig,
}

/// A reward to start from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewardPreset {
    /// Its name for people.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// The reward.
    pub reward: RewardConfig,
}
