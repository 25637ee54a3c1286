//! What training did to one answer, in numbers: the tokens of an answer under two models, an answer over the checkpoints of a
//! run, and which rollouts of a run pushed towards it. Data only; the formulas are in the crate that computes them.

use crate::{Item, Reward, SampledReply, TokenAlternative, Verdict};
use serde::{Deserialize, Serialize};

/// One answer under the model before and the model after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenView {
    /// The question; its truth is known where it is one of the world's.
    pub item: Item,
    /// The answer whose tokens are weighed, without the end marker.
    pub answer: String,
    /// Whether somebody gave the answer; else it is the greedy answer of the model after.
    pub given: bool,
    /// The model before.
    pub before: AnswerReading,
    /// The model after.
    pub after: AnswerReading,
    /// Every token of the answer, the end marker included.
    pub tokens: Vec<TokenShift>,
    /// Index of the first token before which the two models' likeliest tokens differ; none where they never do.
    pub parts_at: Option<u32>,
    /// What the numbers say, in plain words.
    pub words: Vec<String>,
}

/// What one model makes of the question and of the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerReading {
    /// Name of the model, for people.
    pub model: String,
    /// Its own greedy answer.
    pub greedy: String,
    /// ln p of that answer, end marker included, nats.
    pub greedy_logprob: f64,
    /// What that answer is; none where nothing is known about the truth.
    pub verdict: Option<Verdict>,
    /// ln p of the answer that is looked at, end marker included, nats.
    pub logprob: f64,
}

/// One token of the answer under both models, given the question and the tokens before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenShift {
    /// Id in the tokenizer's vocabulary.
    pub id: u32,
    /// The text that it adds; empty for the end marker.
    pub text: String,
    /// Under the model before.
    pub before: TokenReading,
    /// Under the model after.
    pub after: TokenReading,
}

impl TokenShift {
    /// ln p after minus ln p before, nats: above 0 where training made the token likelier.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.after.logprob - self.before.logprob
    }
}

/// One token under one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenReading {
    /// ln p, nats.
    pub logprob: f64,
    /// Its place among all tokens by probability, from 1.
    pub rank: u32,
    /// Entropy of the distribution, nats.
    pub entropy: f64,
    /// The five likeliest tokens, best first.
    pub top: Vec<TokenAlternative>,
}

/// One question over the checkpoints of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// The question.
    pub item: Item,
    /// The accepted answer whose probability is followed, as a sentence of the world; none where none is known.
    pub accepted: Option<String>,
    /// One entry per checkpoint, in the order of their steps; step 0 is the model that the run started from.
    pub points: Vec<TimelinePoint>,
    /// The step of the first checkpoint whose greedy answer says "I don't know".
    pub first_unknown: Option<u32>,
    /// What the numbers say, in plain words.
    pub words: Vec<String>,
}

/// One checkpoint of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelinePoint {
    /// Optimizer steps done.
    pub step: u32,
    /// The checkpoint: an id or a file.
    pub model: String,
    /// The greedy answer.
    pub answer: String,
    /// ln p of it, end marker included, nats.
    pub logprob: f64,
    /// What it is; none where nothing is known about the truth.
    pub verdict: Option<Verdict>,
    /// Whether it says "I don't know" in one of the known wordings.
    pub abstains: bool,
    /// ln p of "I don't know." as the whole answer, nats.
    pub abstain_logprob: f64,
    /// ln p of the accepted answer as the whole answer, nats.
    pub accepted_logprob: Option<f64>,
}

/// Which parameters a similarity of gradients is taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InfluenceOver {
    /// The output projection alone, its use as an embedding left out: exact, one forward pass per rollout.
    #[default]
    Head,
    /// All weights: the derivative along the answer's gradient, from two forward passes per rollout.
    All,
}

/// Which rollouts of a run pushed towards an answer, and which away from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Influence {
    /// The question.
    pub item: Item,
    /// The answer whose log-probability is asked about.
    pub answer: String,
    /// ln p of it at the checkpoint, nats.
    pub logprob: f64,
    /// Where the gradients are taken: the checkpoint.
    pub model: String,
    /// Over which parameters.
    pub over: InfluenceOver,
    /// Rollouts that were compared.
    pub rollouts: u32,
    /// Rollouts that the run stored and that could not be compared: without token ids, or with an advantage that is none.
    pub left_out: u32,
    /// The strongest that push towards the answer, strongest first.
    pub towards: Vec<Influencer>,
    /// The strongest that push away from it, strongest first.
    pub away: Vec<Influencer>,
    /// The pushes of all compared rollouts, each shared out by what set the rollout apart from its group.
    pub graders: Vec<GraderPush>,
    /// What the numbers say, in plain words.
    pub words: Vec<String>,
}

/// One rollout and its push.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Influencer {
    /// The step in which it was trained on.
    pub step: u32,
    /// Which of the step's stored groups, from 0.
    pub group: u32,
    /// Which of the group's answers, from 0.
    pub sample: u32,
    /// Its question.
    pub question: String,
    /// Its answer.
    pub text: String,
    /// Its advantage in training.
    pub advantage: f64,
    /// What it was worth, by grader.
    pub reward: Reward,
    /// First-order change of the answer's ln p per unit of learning rate that a plain gradient step on this rollout's loss alone
    /// makes, at the checkpoint.
    pub push: f64,
    /// The same over the lengths of both gradients, -1 to 1; none where all weights are asked about, whose gradients are not made.
    pub cosine: Option<f64>,
}

/// What one grader's payments come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GraderPush {
    /// The grader.
    pub grader: String,
    /// Sum over all compared rollouts of the push times the grader's share of what set the rollout's reward apart from its group's
    /// mean; exact where the reward is the graders' sum.
    pub push: f64,
    /// Rollouts that it set apart from their group.
    pub rollouts: u32,
}

/// One stored answer of a training step, token by token, as the recipe's loss sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// The step.
    pub step: u32,
    /// Which of the step's stored groups, from 0.
    pub group: u32,
    /// Which of the group's answers, from 0.
    pub sample: u32,
    /// Its question.
    pub item: Item,
    /// Its text.
    pub text: String,
    /// What it was worth.
    pub reward: Reward,
    /// Its advantage.
    pub advantage: f64,
    /// The loss's name, and the paper that it is from.
    pub loss: String,
    /// The formula of one token's loss, in symbols.
    pub formula: String,
    /// What a token's loss is divided by before all are added, in symbols with the step's numbers, where these are stored.
    pub divisor: String,
    /// The weight of the KL; 0 without.
    pub beta: f64,
    /// Its tokens.
    pub tokens: Vec<TokenTerm>,
    /// What a user said between them, where it is a dialogue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<SampledReply>,
    /// What of this is stored, what is computed again, and what cannot be known.
    pub provenance: Vec<String>,
}

/// One token's part of the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenTerm {
    /// Its text.
    pub text: String,
    /// ln p under the model that sampled it, nats.
    pub old_logprob: f64,
    /// ln p under the model being trained, before the step's update, nats.
    pub logprob: f64,
    /// ln p under the reference; none where there is none.
    pub ref_logprob: Option<f64>,
    /// The ratio that the loss uses.
    pub ratio: f64,
    /// The advantage that the loss uses.
    pub advantage: f64,
    /// Loss of the token without the KL.
    pub policy: f64,
    /// KL of the token, before its weight; none where the loss has none.
    pub kl: Option<f64>,
    /// Loss of the token: `policy` plus `beta` times `kl`.
    pub total: f64,
    /// d total / d ln p: below 0 where the update makes the token likelier.
    pub slope: f64,
    /// Whether the clip holds the token: no gradient comes from the advantage.
    pub clipped: bool,
    /// The formula with this token's numbers.
    pub written: String,
}
