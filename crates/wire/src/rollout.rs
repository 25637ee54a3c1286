//! One sampled answer with the sampler's own numbers.

use crate::ItemId;
use serde::{Deserialize, Serialize};

/// One completion of one prompt, with everything needed to replay and to audit it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// The question it answers.
    pub item: ItemId,
    /// Index within the group, from 0.
    pub sample: u32,
    /// The answer as text, without the end marker.
    pub text: String,
    /// Every sampled token, the end marker included.
    pub tokens: Vec<TokenInfo>,
    /// Why sampling ended.
    pub stop: StopReason,
    /// The settings it was drawn with; `seed` is the group's.
    pub sampling: Sampling,
}

impl Rollout {
    /// Sum of the tokens' log-probabilities under the model that sampled them.
    #[must_use]
    pub fn logprob(&self) -> f64 {
        self.tokens.iter().map(|t| f64::from(t.logprob)).sum()
    }
}

/// One sampled token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// Id in the tokenizer's vocabulary.
    pub id: u32,
    /// The text that this token adds. Bytes of an unfinished character are held back until it is complete.
    pub text: String,
    /// ln p of this token under the model's own distribution (temperature 1, no truncation), nats.
    pub logprob: f32,
    /// Entropy of that distribution, nats.
    pub entropy: f32,
    /// The likeliest tokens at this position, best first; empty unless asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<TokenAlternative>,
}

/// A token that could have been sampled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenAlternative {
    /// Id in the tokenizer's vocabulary.
    pub id: u32,
    /// Its text.
    pub text: String,
    /// ln p under the model's own distribution, nats.
    pub logprob: f32,
}

/// Why sampling ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The model wrote its end marker.
    End,
    /// The token limit was reached; the answer is cut off.
    Length,
    /// A person or a program asked to stop.
    Cancelled,
}

/// How tokens are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// 0 means greedy; 1 means the model's own distribution.
    pub temperature: f32,
    /// Keep only the k likeliest tokens; 0 keeps all.
    #[serde(default)]
    pub top_k: u32,
    /// Keep the smallest set of tokens whose probability reaches this; 1 keeps all.
    #[serde(default = "one")]
    pub top_p: f32,
    /// Of what is left, keep only tokens at least this many times as likely as the likeliest; 0 keeps all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_p: f32,
    /// Divides the positive logits of tokens that the text already has and multiplies the negative ones; 1 changes nothing.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub repetition_penalty: f32,
    /// At most this many new tokens.
    pub max_new_tokens: u32,
    /// Seed of the group. Sample i of step s of prompt p draws from a stream of its own derived from (seed, s, p, i).
    #[serde(default)]
    pub seed: u64,
}

fn one() -> f32 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_one(x: &f32) -> bool {
    *x == 1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(x: &f32) -> bool {
    *x == 0.0
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            max_new_tokens: 24,
            seed: 0,
        }
    }
}
