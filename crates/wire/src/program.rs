//! What programs ask of the engine beyond what pages do ([`crate::EngineRequest`]), and its answers. Two enums of their own, so that the
//! page's package does not carry them.

use crate::{Item, Sampling};
use serde::{Deserialize, Serialize};

/// What a program asks. `id` comes back in every reply to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProgramRequest {
    /// Lay an adapter beside a model; answered by [`ProgramReply::Adapted`]. Its bytes travel beside this message: a GGUF file, or
    /// `adapter_model.safetensors` of a PEFT folder.
    Adapt {
        /// Request id.
        id: u64,
        /// Which model.
        slot: String,
        /// Its name from now on; one of the same name is replaced, answers in progress keep theirs.
        adapter: String,
        /// Text of the PEFT folder's `adapter_config.json`; none for GGUF.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        config: Option<String>,
    },
    /// Forget an adapter; answered by `done`.
    DropAdapter {
        /// Request id.
        id: u64,
        /// Which model.
        slot: String,
        /// Which adapter.
        adapter: String,
    },
    /// Sample groups of answers to one prompt, as [`crate::EngineRequest::Generate`]: one group for each adapter, all in one batch.
    Draw {
        /// Request id.
        id: u64,
        /// Which model.
        slot: String,
        /// The question.
        item: Item,
        /// Answers to draw of each group. Sample g of every group draws from the same random stream.
        group_size: u32,
        /// How.
        sampling: Sampling,
        /// Likeliest tokens to report per position.
        #[serde(default)]
        alternatives: u32,
        /// An answer ends before the first of these texts in it.
        #[serde(default)]
        stop: Vec<String>,
        /// (token, what is added to its logit before drawing).
        #[serde(default)]
        logit_bias: Vec<(u32, f32)>,
        /// What each group computes with, in the order of the samples; empty means one group of the base.
        #[serde(default)]
        adapters: Vec<AdapterScale>,
        /// What every answer follows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<OutputRule>,
    },
    /// From the next token on, samples of a `draw` in progress compute with another adapter or another scale of it; answered by `done`.
    Steer {
        /// Request id.
        id: u64,
        /// Id of the draw.
        of: u64,
        /// Which sample; none means all.
        #[serde(default)]
        sample: Option<u32>,
        /// What it computes with.
        with: AdapterScale,
    },
    /// Texts as directions; answered by [`ProgramReply::Embedded`].
    Embed {
        /// Request id.
        id: u64,
        /// Which model.
        slot: String,
        /// The texts.
        texts: Vec<String>,
        /// With which adapter.
        #[serde(default)]
        with: AdapterScale,
    },
}

/// A rule that an answer follows from beginning to end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputRule {
    /// It matches this regular expression.
    Regex(String),
    /// It is a value of this JSON schema, which travels as text: its properties have an order.
    Schema(String),
}

/// An adapter and how much of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdapterScale {
    /// Its name; empty is the base.
    pub adapter: String,
    /// 0 is the base, 1 the adapter as it was trained.
    pub scale: f32,
}

/// What the engine answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProgramReply {
    /// An adapter lies beside its model.
    Adapted {
        /// Request id.
        id: u64,
        /// Bytes in memory.
        bytes: u64,
        /// Milliseconds that reading it took.
        ms: f64,
    },
    /// Directions of length 1, one for each text.
    Embedded {
        /// Request id.
        id: u64,
        /// [texts, D]
        embeddings: Vec<Vec<f32>>,
        /// Tokens of each text.
        tokens: Vec<u32>,
    },
}
