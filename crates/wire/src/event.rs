//! What happens while something runs: one type for tokens from the browser's engine and for metrics from the server, so that
//! a view cannot tell where the model runs.

use crate::{DryRun, EvalReport, Item, Manifest, Reward, RunId, RunStatus, TokenInfo, WeightChange};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One event of a run, numbered within the run from 1 without gaps, so that a reader can ask for "all after n".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    /// Number within the run.
    pub seq: u64,
    /// The run.
    pub run: RunId,
    /// When it was stored, Unix milliseconds.
    pub at_ms: i64,
    /// What happened.
    pub event: Event,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A token of sample `sample` was drawn.
    Token {
        /// Index within the group.
        sample: u32,
        /// The token.
        token: TokenInfo,
    },
    /// The run's status changed.
    Status {
        /// The new status.
        status: RunStatus,
        /// Why, where there is something to say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// Numbers of one optimizer step, under TRL's names where TRL has one.
    Metrics {
        /// The step, from 1; 0 for what is measured before the first update.
        step: u32,
        /// Name to value. A value that does not exist this step is absent, never NaN.
        values: BTreeMap<String, f64>,
    },
    /// Some of the step's groups, token by token.
    Samples {
        /// The step, from 1.
        step: u32,
        /// The groups.
        groups: Vec<SampleGroup>,
    },
    /// A held-out measurement.
    Eval {
        /// Optimizer steps done when it was made.
        step: u32,
        /// What was measured.
        report: EvalReport,
    },
    /// Weights were published.
    Checkpoint {
        /// Optimizer steps done.
        step: u32,
        /// What and where.
        manifest: Manifest,
    },
    /// The reward was tried on the first step's answers, before anything was trained.
    DryRun {
        /// What was seen, and whether to go on.
        report: DryRun,
        /// Why the run goes on although the dry run says stop; none where nothing was waived.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waived: Option<String>,
    },
    /// Weights of the reward changed after a step, each with its cause.
    Weights {
        /// The step after which they changed, from 1.
        step: u32,
        /// The changes.
        changes: Vec<WeightChange>,
    },
    /// Something looks wrong: what, why, and what to do.
    Alarm {
        /// The step, from 1; 0 before the first update.
        step: u32,
        /// Short name, e.g. `zero_variance`.
        name: String,
        /// The observation, with its numbers.
        cause: String,
        /// What to try.
        remedy: String,
    },
}

/// A prompt and its group of answers in training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleGroup {
    /// The question.
    pub item: Item,
    /// Its answers.
    pub completions: Vec<SampledCompletion>,
}

/// One answer in training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampledCompletion {
    /// The answer.
    pub text: String,
    /// What it was worth.
    pub reward: Reward,
    /// Its advantage within the group.
    pub advantage: f64,
    /// Its tokens, of all turns where it is a dialogue.
    pub tokens: Vec<SampledToken>,
    /// What came before it in its dialogue; empty for a single answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<SampledReply>,
}

/// An earlier turn of a dialogue, and what the user said to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampledReply {
    /// The earlier answer.
    pub answer: String,
    /// Tokens of the completion up to its end.
    pub tokens: u32,
    /// The user's words.
    pub said: String,
    /// The tokens between the two answers.
    pub ids: Vec<u32>,
}

/// One token in training, under the three models that matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampledToken {
    /// Id in the tokenizer's vocabulary; none in what was stored before ids were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// The token's text.
    pub text: String,
    /// ln p under the model that sampled it.
    pub old_logprob: f32,
    /// ln p under the model being trained, before this step's update.
    pub logprob: f32,
    /// ln p under the frozen reference; none with beta 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ref_logprob: Option<f32>,
    /// Entropy of the distribution it was drawn from, nats.
    pub entropy: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events as they lie in databases: what was stored before a kind existed is read as it was.
    #[test]
    fn stored_events_stay_readable() {
        let rows = [
            r#"{"kind":"status","status":"running"}"#,
            r#"{"kind":"metrics","step":3,"values":{"reward":0.5}}"#,
            r#"{"kind":"samples","step":3,"groups":[]}"#,
            r#"{"kind":"weights","step":3,"changes":[]}"#,
            r#"{"kind":"alarm","step":3,"name":"zero_variance","cause":"c","remedy":"r"}"#,
        ];
        for row in rows {
            let event: Event = serde_json::from_str(row).expect(row);
            assert_eq!(serde_json::to_string(&event).expect("json"), row);
        }
    }
}
