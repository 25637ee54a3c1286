//! What OpenAI's two grader endpoints take and give: the requests, the receipt, its error flags.

use crate::openai_grader::Grader;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Body of `POST /fine_tuning/alpha/graders/validate`. The grader is kept as it came, so that whoever checks it can name
/// the place of a mistake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidateRequest {
    /// The grader to check.
    pub grader: serde_json::Value,
}

/// Answer of `POST /fine_tuning/alpha/graders/validate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidateResponse {
    /// The grader as it was understood.
    pub grader: Grader,
}

/// Body of `POST /fine_tuning/alpha/graders/run`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// The grader to run.
    pub grader: serde_json::Value,
    /// The answer to grade; where it is JSON it also fills `sample.output_json`.
    pub model_sample: String,
    /// The row of the dataset that templates read as `item`.
    #[serde(default)]
    pub item: serde_json::Value,
}

/// Answer of `POST /fine_tuning/alpha/graders/run`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The score; 0 where an error flag is set.
    pub reward: f64,
    /// The score of each part of a `multi` that gave one, by its name in the formula.
    pub sub_rewards: BTreeMap<String, f64>,
    /// Tokens that judging models used, by model.
    pub model_grader_token_usage_per_model: BTreeMap<String, TokenUsage>,
    /// How it came about.
    pub metadata: RunMetadata,
}

/// How a [`RunResult`] came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunMetadata {
    /// Name of the grader.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Seconds, measured by whoever has a clock.
    pub execution_time: f64,
    /// The same as `sub_rewards`.
    pub scores: BTreeMap<String, f64>,
    /// Tokens of all judging models together; null where none was asked.
    pub token_usage: Option<TokenUsage>,
    /// The judging model, where exactly one was asked.
    pub sampled_model_name: Option<String>,
    /// What went wrong.
    pub errors: RunErrors,
}

/// What went wrong in a run. All 14 fields are always present: eleven flags, three texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunErrors {
    /// `calculate_output` is not a formula.
    pub formula_parse_error: bool,
    /// The sample is not the JSON that a template wants it to be.
    pub sample_parse_error: bool,
    /// A text is longer than is looked at.
    pub truncated_observation_error: bool,
    /// A judging model gave no answer in time.
    pub unresponsive_reward_error: bool,
    /// A template or formula names what is not there.
    pub invalid_variable_error: bool,
    /// Anything else, such as a formula whose value is not a finite number.
    pub other_error: bool,
    /// Python could not be run.
    pub python_grader_server_error: bool,
    /// Why not.
    pub python_grader_server_error_type: Option<String>,
    /// The Python function failed.
    pub python_grader_runtime_error: bool,
    /// How.
    pub python_grader_runtime_error_details: Option<String>,
    /// A judging model could not be asked.
    pub model_grader_server_error: bool,
    /// A judging model declined to judge.
    pub model_grader_refusal_error: bool,
    /// A judging model's answer is no score or label.
    pub model_grader_parse_error: bool,
    /// Why a judging model could not be asked.
    pub model_grader_server_error_details: Option<String>,
}

impl RunErrors {
    /// Whether any flag is set.
    #[must_use]
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// Tokens used. The reference types it as a number, its examples show counts: both are read, counts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TokenUsage {
    /// Kinds of tokens apart.
    Counts(TokenCounts),
    /// All together.
    Total(u64),
}

/// Tokens by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    /// Read.
    pub prompt_tokens: u64,
    /// Read and written.
    pub total_tokens: u64,
    /// Read from a cache.
    pub cached_tokens: u64,
    /// Written.
    pub completion_tokens: u64,
}
