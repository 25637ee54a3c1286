//! One grader, one sample: the reward and the receipt, in which every failure is a flag and a sentence.

use super::grading::{Grading, Log};
use super::judge::{Judge, JudgeReply};
use super::{Grader, RunResult};
use clicker_wire::grader_run::{RunMetadata, TokenCounts, TokenUsage};
use serde_json::Value;
use std::collections::BTreeMap;

/// The answer that is graded: what templates read as `sample`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// `sample.output_text`; where it is JSON, also `sample.output_json`.
    pub text: &'a str,
    /// `sample.output_tools`: the calls that the model made.
    pub tools: Vec<Value>,
}

impl<'a> From<&'a str> for Sample<'a> {
    fn from(text: &'a str) -> Self {
        Self { text, tools: Vec::new() }
    }
}

/// What came of grading one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The receipt in OpenAI's form. Its execution time is 0 until [`Run::timed`] says otherwise.
    pub result: RunResult,
    /// What each set flag means, in plain words; OpenAI's form has no place for most of them.
    pub problems: Vec<String>,
    /// What models replied, in the order in which they were asked.
    pub said: Vec<JudgeReply>,
}

impl Run {
    /// The receipt with the seconds that the caller's clock measured.
    #[must_use]
    pub fn timed(mut self, seconds: f64) -> RunResult {
        self.result.metadata.execution_time = seconds;
        self.result
    }
}

/// Grades `sample` with `grader`; `item` is the row that templates read. Model graders ask `judge`. Never fails, also
/// not for a grader that [`super::validate`] would refuse: what goes wrong is a flag, and the reward is then 0.
#[must_use]
pub fn run(grader: &Grader, sample: &Sample<'_>, item: &Value, judge: Option<&dyn Judge>) -> Run {
    let mut grading = Grading::new(item, judge);
    let mut scores = BTreeMap::new();
    let reward = match grading.see(sample) {
        None => None,
        Some(()) => match grader {
            Grader::Multi(multi) => grading.multi(multi, &mut scores),
            single => grading.single(single),
        },
    };
    let Log { errors, problems, usage, said } = grading.into_log();
    let one_model = if usage.len() == 1 { usage.keys().next().cloned() } else { None };
    let total = (!usage.is_empty()).then(|| usage.values().copied().fold(TokenCounts::default(), add));
    let result = RunResult {
        // A flag on a part that the formula happened to survive must not look like a success.
        reward: reward.filter(|_| !errors.any()).unwrap_or(0.0),
        sub_rewards: scores.clone(),
        model_grader_token_usage_per_model: usage
            .into_iter()
            .map(|(model, counts)| (model, TokenUsage::Counts(counts)))
            .collect(),
        metadata: RunMetadata {
            name: grader.name().to_string(),
            kind: grader.kind().to_string(),
            execution_time: 0.0,
            scores,
            token_usage: total.map(TokenUsage::Counts),
            sampled_model_name: one_model,
            errors,
        },
    };
    Run { result, problems, said }
}

/// Tokens of both.
pub(super) fn add(a: TokenCounts, b: TokenCounts) -> TokenCounts {
    TokenCounts {
        prompt_tokens: a.prompt_tokens.saturating_add(b.prompt_tokens),
        total_tokens: a.total_tokens.saturating_add(b.total_tokens),
        cached_tokens: a.cached_tokens.saturating_add(b.cached_tokens),
        completion_tokens: a.completion_tokens.saturating_add(b.completion_tokens),
    }
}
