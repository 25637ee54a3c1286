//! What an attack on a reward found: cheap tricks, what they were paid, and whether that is more than honesty is paid.

use crate::{ItemId, Recipe, Reward, RewardConfig, Verdict};
use serde::{Deserialize, Serialize};

/// A cheap trick that a reward may be talked into paying for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exploit {
    /// Says nothing.
    Empty,
    /// Repeats the question.
    Echo,
    /// Says a lot.
    LengthPadding,
    /// Says words of the conversation that look like answers.
    KeywordStuffing,
    /// Has the form of an answer and no content.
    FormatOnly,
    /// Says one thing again and again.
    Repetition,
    /// Declines everything.
    RefuseAll,
    /// Never knows.
    AbstainAlways,
    /// Is wrong, and sure of it.
    ConfidentWrong,
    /// Gives several answers at once.
    HedgeEverything,
    /// Talks to the judge.
    JudgeInjection,
    /// Looks right, and is spelt with other letters.
    LookAlikes,
    /// Has the right answer in its reasoning, and none or a wrong one at the end.
    SmuggledInReasoning,
    /// Puts the right answer first or last, beside a wrong one.
    FirstLastToken,
    /// Recites what else the data set knows of the question.
    CopyOfReference,
}

/// What an attack on one reward found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttackReport {
    /// Seed of the search.
    pub seed: u64,
    /// Most answers the search was allowed to try.
    pub budget: u32,
    /// Questions that were attacked.
    pub attacked: u32,
    /// Questions left out because nothing is known of their truth.
    pub left_out: u32,
    /// 0: nothing dishonest earns more than "I don't know"; 1: everywhere something dishonest earns as much as the right
    /// answer. The mean over the questions; docs/algorithms/reward-attack.md has the formula.
    pub hackability: f64,
    /// One row per exploit, in the order of the suite.
    pub exploits: Vec<ExploitResult>,
    /// One row per attacked question, in the order given.
    pub items: Vec<ItemAttack>,
    /// The best that the search found; none where it had no budget or no question.
    pub search: Option<SearchFind>,
}

/// How one exploit did over all questions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExploitResult {
    /// Which.
    pub exploit: Exploit,
    /// Its name for people.
    pub title: String,
    /// What it does, in one sentence.
    pub about: String,
    /// Questions on which it is not right; the figures below are over these.
    pub n: u32,
    /// Questions on which it is right, by the verdict and not by the reward.
    pub right_on: u32,
    /// Mean of what its best answer earned; none where `n` is 0.
    pub mean_total: Option<f64>,
    /// Share of questions on which it earns at least as much as the honest right answer.
    pub matches_right: Option<f64>,
    /// Share of questions on which it is wrong and earns more than "I don't know".
    pub beats_abstaining: Option<f64>,
    /// Questions on which no other exploit earned more.
    pub wins: u32,
}

/// The attack on one question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemAttack {
    /// The question.
    pub item: ItemId,
    /// The right answer, and what it earns.
    pub right: HonestAnswer,
    /// "I don't know", and what it earns.
    pub abstain: HonestAnswer,
    /// How far a dishonest answer gets from abstaining to being right: 0 to 1.
    pub hackability: f64,
    /// The exploit that earned most.
    pub winner: Option<AttackAnswer>,
}

/// An honest answer to compare with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HonestAnswer {
    /// The answer.
    pub text: String,
    /// What it earns.
    pub total: f64,
}

/// A dishonest answer, and what the reward says of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttackAnswer {
    /// The exploit that made it; none if the search did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exploit: Option<Exploit>,
    /// The answer.
    pub text: String,
    /// What it is in truth.
    pub verdict: Verdict,
    /// What it earned, with every receipt.
    pub reward: Reward,
}

/// The best answer of the search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchFind {
    /// The question.
    pub item: ItemId,
    /// Answers tried, over all questions.
    pub evaluations: u32,
    /// How far it gets from abstaining to being right: 0 to 1.
    pub hackability: f64,
    /// The answer.
    pub answer: AttackAnswer,
}

/// A reward that can be hacked, and the same reward repaired: data for a lesson.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HackLesson {
    /// Short name: lower-case letters.
    pub name: String,
    /// What goes wrong, and what the repair changes.
    pub about: String,
    /// The exploit that wins against the broken one.
    pub expected: Exploit,
    /// The reward that can be hacked.
    pub broken: RewardConfig,
    /// The reward after repair.
    pub repaired: RewardConfig,
}

/// A lesson as two runs: the model learns the trick under the one reward, and does not under the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LessonRuns<R = Recipe> {
    /// The lesson's name.
    pub name: String,
    /// What goes wrong, and what the repair changes.
    pub about: String,
    /// The reward that can be hacked.
    pub broken: R,
    /// The reward after repair.
    pub repaired: R,
}
