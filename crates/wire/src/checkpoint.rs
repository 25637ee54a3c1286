//! A published set of weights: immutable, named by its content.

use crate::{CheckpointId, Principle, RunId};
use serde::{Deserialize, Serialize};

/// What a checkpoint is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The sha256 of the master file.
    pub id: CheckpointId,
    /// Name for people, e.g. `builtin` or `truthful, step 40`.
    pub name: String,
    /// The run that made it; none for the built-in model.
    pub run: Option<RunId>,
    /// Optimizer steps done when it was made.
    pub step: u32,
    /// When it was stored, Unix milliseconds.
    pub created_ms: i64,
    /// Shape of the model.
    pub shape: ModelShape,
    /// Its files.
    pub files: Vec<CheckpointFile>,
    /// The principles that it was trained under, if its reward was made from a constitution.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub principles: Vec<Principle>,
    /// Answers whose tokens' probabilities, multiplied, are not above this should go to a person, as an evaluation chose it; 1 sends all
    /// of them. The evaluation has the promise that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_below: Option<f64>,
}

impl Manifest {
    /// The file of one kind.
    #[must_use]
    pub fn file(&self, kind: FileKind) -> Option<&CheckpointFile> {
        self.files.iter().find(|f| f.kind == kind)
    }
}

/// One file of a checkpoint; fetched from `/objects/<sha256>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointFile {
    /// What it is for.
    pub kind: FileKind,
    /// Hash of its bytes, lower-case hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

/// What a checkpoint's file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// GGUF with full weights and tokenizer: what training goes on from.
    Master,
    /// GGUF, Q8_0, with tokenizer: what the browser loads.
    Browser,
    /// As the master: a further member of an ensemble of reward models.
    Member,
}

/// Shape of a decoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelShape {
    /// Architecture, e.g. `llama`.
    pub architecture: String,
    /// All weights, counted once when tied.
    pub parameters: u64,
    /// Tokens in the vocabulary.
    pub vocab: u32,
    /// Width of the residual stream.
    pub width: u32,
    /// Blocks.
    pub layers: u32,
    /// Positions the model was made for.
    pub context: u32,
}
