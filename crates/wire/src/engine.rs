//! What the page and the engine in its Web Worker say to each other, as JSON strings in `postMessage`.

use crate::{AdvantageScale, Event, Item, LabSample, Manifest, Reward, RewardConfig, Rollout, Sampling, TokenInfo};
use serde::{Deserialize, Serialize};

/// What the page asks. `id` comes back in every reply to it; the page makes it unique.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EngineRequest {
    /// Load weights under a name; several models may be loaded side by side.
    Load {
        /// Request id.
        id: u64,
        /// Name for later requests, e.g. the checkpoint id.
        slot: String,
        /// Where the weights come from.
        source: WeightsSource,
    },
    /// Forget the weights of a slot.
    Unload {
        /// Request id.
        id: u64,
        /// The slot.
        slot: String,
    },
    /// Sample a group of answers to one prompt.
    Generate {
        /// Request id.
        id: u64,
        /// Which model.
        slot: String,
        /// The question.
        item: Item,
        /// Answers to draw.
        group_size: u32,
        /// How.
        sampling: Sampling,
        /// Likeliest tokens to report per position.
        alternatives: u32,
        /// An answer ends before the first of these texts in it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stop: Vec<String>,
        /// (token, what is added to its logit before drawing); -1e9 rules it out. What is reported stays the model's own.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        logit_bias: Vec<(u32, f32)>,
    },
    /// How likely the model finds a given answer, token by token.
    Score {
        /// Request id.
        id: u64,
        /// Which model.
        slot: String,
        /// The question.
        item: Item,
        /// The answer.
        text: String,
        /// Likeliest tokens to report per position.
        #[serde(default)]
        alternatives: u32,
    },
    /// The tokens of a text. Special tokens written out in it are ordinary text.
    Tokenize {
        /// Request id.
        id: u64,
        /// Which model.
        slot: String,
        /// The text.
        text: String,
    },
    /// The text of tokens.
    Detokenize {
        /// Request id.
        id: u64,
        /// Which model.
        slot: String,
        /// Their ids.
        ids: Vec<u32>,
    },
    /// What the engine holds, and how fast it last was.
    Report {
        /// Request id.
        id: u64,
    },
    /// Reward texts and compute the group's advantages. A model is asked only where a grader of the reward asks one; what has not
    /// been judged in a moment is counted in `judging` of the reply, and the same request again goes on from there.
    Judge {
        /// Request id.
        id: u64,
        /// The question.
        item: Item,
        /// The answers.
        texts: Vec<String>,
        /// The reward.
        reward: RewardConfig,
        /// What advantages are divided by.
        scale: AdvantageScale,
        /// The slot of the model that graders mean by `builtin`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        judge: Option<String>,
    },
    /// Look at a reward on a list of answers; models are asked as in `Judge`. Answered by a [`crate::PreviewReply`].
    Preview {
        /// Request id.
        id: u64,
        /// The answers, at most 64; none means those of the last preview.
        samples: Option<Vec<LabSample>>,
        /// The reward.
        reward: RewardConfig,
        /// Answers whose whole receipts are wanted, by index.
        receipts: Vec<u32>,
        /// The slot of the model that graders mean by `builtin`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        judge: Option<String>,
    },
    /// Stop the request with this id (a load or a generation) as soon as possible.
    Cancel {
        /// Id of the request to stop.
        id: u64,
    },
    /// Measure the engine.
    Bench {
        /// Request id.
        id: u64,
        /// Which model.
        slot: String,
        /// What to measure.
        spec: BenchSpec,
    },
}

/// Where weights come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum WeightsSource {
    /// A checkpoint of this server: its browser file, cached and verified by hash.
    Checkpoint {
        /// The checkpoint.
        manifest: Manifest,
    },
    /// Any GGUF by address.
    Url {
        /// The address, same origin or CORS.
        url: String,
        /// The file's hash, by which it is verified and kept in this browser; empty: not cached, nothing to verify against.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        sha256: String,
    },
    /// Bytes that travel beside this message as a transferred ArrayBuffer (a file the person picked).
    Attached {
        /// Its name, for messages.
        name: String,
    },
}

/// What the engine answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EngineReply {
    /// The worker is up and can take requests (sent once, unasked).
    Ready {
        /// Build of the engine, e.g. `simd128`.
        build: String,
    },
    /// Bytes of a load that have arrived.
    Progress {
        /// Request id.
        id: u64,
        /// Bytes so far.
        received: u64,
        /// Bytes in all, where known.
        total: Option<u64>,
        /// Whether they come from the local cache.
        cached: bool,
        /// What people should know before the rest arrives: how much it is and how much space there is, or that it cannot be kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A load is complete.
    Loaded {
        /// Request id.
        id: u64,
        /// The slot.
        slot: String,
        /// Milliseconds from request to ready.
        ms: f64,
        /// Whether the bytes came from the local cache.
        cached: bool,
        /// What people should know: that it could not be kept, and why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Something happened within a generation (a token was drawn).
    Stream {
        /// Request id.
        id: u64,
        /// What.
        event: Event,
    },
    /// A generation is complete (or was cancelled: its rollouts then say so).
    Generated {
        /// Request id.
        id: u64,
        /// One per sample, in order.
        rollouts: Vec<Rollout>,
        /// Tokens of the prompts that had to be computed: fewer than there are where the beginning was there from an earlier answer.
        #[serde(default)]
        computed: u32,
        /// Milliseconds it took.
        ms: f64,
    },
    /// How likely an answer is: every token with ln p given what is before it.
    Scored {
        /// Request id.
        id: u64,
        /// The answer's tokens, in order.
        tokens: Vec<TokenInfo>,
        /// ln p of the whole, nats.
        logprob: f64,
    },
    /// Tokens of a text.
    Tokenized {
        /// Request id.
        id: u64,
        /// Their ids.
        ids: Vec<u32>,
    },
    /// Text of tokens.
    Detokenized {
        /// Request id.
        id: u64,
        /// The text.
        text: String,
    },
    /// What the engine holds.
    Reported {
        /// Request id.
        id: u64,
        /// The report.
        report: EngineReport,
    },
    /// Rewards and advantages.
    Judged {
        /// Request id.
        id: u64,
        /// The result.
        judgement: GroupJudgement,
    },
    /// A measurement.
    Benched {
        /// Request id.
        id: u64,
        /// The figures.
        report: BenchReport,
    },
    /// A request without a result of its own is done (unload, cancel).
    Done {
        /// Request id.
        id: u64,
    },
    /// A request failed.
    Failed {
        /// Request id.
        id: u64,
        /// What was wrong and what to do.
        message: String,
        /// Whether it was stopped on request rather than by an error.
        cancelled: bool,
    },
}

/// What an engine holds, and how fast it last was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineReport {
    /// Which build.
    pub build: String,
    /// Bytes of memory that the engine has taken from the browser; it only grows.
    pub memory_bytes: u64,
    /// Every model: its slot, and the bytes of its weights as they lie in memory.
    pub models: Vec<(String, u64)>,
    /// Tokens per second of the last answers, over all samples of the group, the prompt's time left out; none before the first.
    pub last_decode_tps: Option<f64>,
}

/// Rewards and advantages of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupJudgement {
    /// One per text, in order.
    pub rewards: Vec<Reward>,
    /// One per text, in order.
    pub advantages: Vec<f64>,
    /// Mean of the totals.
    pub mean: f64,
    /// Standard deviation of the totals (n - 1 form).
    pub std: f64,
    /// How often a model has still to be asked before the rest means anything.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub judging: u32,
}

pub(crate) fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What to measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BenchSpec {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens to decode.
    pub new_tokens: u32,
    /// Repetitions; medians are reported.
    pub runs: u32,
    /// Samples drawn together over one prompt.
    pub group: u32,
}

/// What was measured. Rates are tokens per second, medians over the runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchReport {
    /// What was asked for.
    pub spec: BenchSpec,
    /// Prompt tokens per second.
    pub prefill_tps: f64,
    /// Decoded tokens per second, one stream.
    pub decode_tps: f64,
    /// Decoded tokens per second over a whole group.
    pub group_tps: f64,
    /// Every run: (prefill, decode, group).
    pub runs: Vec<(f64, f64, f64)>,
    /// Greedy ids of the first run, to compare engines.
    pub greedy_ids: Vec<u32>,
    /// Hash of the model's file; none where it could not be taken.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Which engine and build.
    pub engine: String,
}
