//! The decoder of full-precision weights on plain slices: forward with what the backward pass needs, and that backward pass,
//! derived by hand. Training, rollouts, the reference model and evaluation all run here.
//!
//! Rows are worked on in chunks that stay in the processor's cache, weights are packed once per pass (once for good in a
//! frozen model), and large buffers come from a pool that outlives the step. Knows no losses and no sampling: it gives
//! final states and log-probabilities of tokens and takes their gradients.

mod adapter;
mod attention;
mod backward;
mod continued;
mod family;
mod forward;
mod gradients;
mod head;
mod infer;
mod pass;
mod pool;
mod record;
mod rows;
mod weights;

pub(crate) use adapter::Pairs;
pub(crate) use continued::{Seen, Space, Stretch};
pub(crate) use record::Recorder;
pub(crate) use weights::{COMMON, merged};

use crate::ops::{AttentionShape, RopeTable};
use crate::{Architecture, LmError, ModelConfig, Result, RowPlan, strung};
use candle_core::Tensor;
use forward::Keep;
use head::Targets;
use pass::{Kept, Output, Pass};
use pool::Pool;
use record::Memo;
use std::sync::{Arc, OnceLock};
use weights::ModelPanels;

/// What a model says of given tokens, [N] each.
#[derive(Debug)]
pub struct TokenScores {
    /// ln p of every token, nats; the gradient flows to every weight that learns.
    pub logprobs: Tensor,
    /// Entropy of the distribution that the token was weighed under, nats.
    pub entropies: Vec<f32>,
    /// Whether the token is the likeliest one.
    pub hits: Vec<bool>,
}

/// [`TokenScores`] of logits [N, V] that are there already, without gradient.
pub(crate) fn scores_of_logits(mut logits: Vec<f32>, vocab: usize, tokens: &[u32]) -> Result<TokenScores> {
    if logits.len() != vocab * tokens.len() || tokens.iter().any(|&t| t as usize >= vocab) {
        return Err(LmError::Shape {
            op: "token scores",
            expected: format!("a token below {vocab} for each of {} rows", logits.len() / vocab),
            got: format!("{} tokens", tokens.len()),
        });
    }
    let scores = logits.chunks_exact_mut(vocab).zip(tokens).map(|(row, &token)| rows::score_token(row, token as usize));
    let (mut logprobs, mut entropies, mut hits) = (Vec::new(), Vec::new(), Vec::new());
    for (logprob, entropy, hit, _) in scores {
        logprobs.push(logprob);
        entropies.push(entropy);
        hits.push(hit);
    }
    Ok(TokenScores { logprobs: Tensor::new(logprobs, &candle_core::Device::Cpu)?, entropies, hits })
}

/// That rows and tokens do not fit each other or the model.
pub(crate) fn unfit(count: usize, vocab: usize, rows: &[u32], tokens: &[u32]) -> LmError {
    LmError::Shape {
        op: "token scores",
        expected: format!("one of {count} rows for each token, tokens below {vocab}"),
        got: format!("{} rows and {} tokens", rows.len(), tokens.len()),
    }
}

/// A model of full-precision weights. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Dense {
    shape: Shape,
    rope: Arc<RopeTable>,
    /// In the order of [`ModelConfig::tensor_shapes`].
    tensors: Vec<Tensor>,
    /// What learns in their place, if it is an adapter.
    pairs: Option<Pairs>,
    pool: Pool,
    /// Packed weights of a model that never changes, made when it first continues a text.
    frozen: Arc<OnceLock<Arc<ModelPanels>>>,
    memory: PassMemory,
    /// Which state of a policy these weights are.
    version: u64,
    /// Whether what drawing computes is kept for training.
    records: bool,
    memo: Memo,
}

/// What a pass that will be gone back keeps meanwhile. Less memory costs time: what is not kept is computed again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassMemory {
    /// Keep only what goes into each block (gradient checkpointing, arXiv 1604.06174): the same gradients bit for bit.
    pub inputs_only: bool,
    /// Keep this many texts (with all that continue them) at a time, and add up their gradients; 0 keeps all at once. The sum is
    /// then taken in another order.
    pub texts: usize,
}

impl Dense {
    pub(crate) fn new(config: &ModelConfig, rope: Arc<RopeTable>, tensors: Vec<Tensor>) -> Self {
        let (shape, pool) = (Shape::of(config), Pool::default());
        let (memory, memo) = (PassMemory::default(), Memo::default());
        Self {
            shape,
            rope,
            tensors,
            pairs: None,
            pool,
            frozen: Arc::default(),
            memory,
            version: 0,
            records: false,
            memo,
        }
    }

    /// The same weights beside an adapter, to which alone the gradient flows.
    pub(crate) fn adapted(self, pairs: Pairs) -> Self {
        Self { pairs: Some(pairs), ..self }
    }

    /// Tensors that a gradient may flow to: those of the adapter, or all weights in file order.
    fn learning(&self) -> &[Tensor] {
        self.pairs.as_ref().map_or(&self.tensors, Pairs::tensors)
    }

    /// The same model, whose passes keep this.
    pub(crate) fn keeping(self, memory: PassMemory) -> Self {
        Self { memory, ..self }
    }

    /// This model with the working space and the ways of another of its shape.
    pub(crate) fn beside(self, other: &Self) -> Self {
        let (pool, memo) = (other.pool.clone(), other.memo.clone());
        Self { pool, memo, memory: other.memory, version: other.version, ..self }
    }

    /// The weights are this state of a policy from here on; what earlier ones computed is forgotten.
    pub(crate) fn become_version(&mut self, version: u64) {
        self.version = version;
        self.memo.clear();
    }

    /// The same model, which keeps what it computes for answers until its policy trains on them. Where a pass is to keep little,
    /// nothing is kept here either.
    pub(crate) fn recording(self) -> Self {
        Self { records: self.memory == PassMemory::default(), ..self }
    }

    /// A pass over these rows, whose forward half may have been computed when they were drawn.
    fn pass(&self, ids: &[u32], plan: &Arc<RowPlan>) -> Result<Pass> {
        let recorded = if self.trains() { self.memo.take(self.version, ids, plan) } else { None };
        match recorded {
            Some(rows) => Ok(Pass::recorded(self, ids, plan, rows)),
            None => Pass::forward(self, ids, plan),
        }
    }

    #[cfg(test)]
    pub(crate) fn recordings(&self) -> usize {
        self.memo.len()
    }

    /// What a pass is to keep.
    fn keep(&self) -> Keep {
        match (self.trains(), self.memory.inputs_only) {
            (false, _) => Keep::Nothing,
            (true, false) => Keep::All(Vec::new()),
            (true, true) => Keep::Inputs(Vec::new()),
        }
    }

    /// Whether a gradient may be asked for: then the weights may also change.
    pub(crate) fn trains(&self) -> bool {
        self.learning().iter().any(Tensor::track_op)
    }

    /// Normalised final states [N, D]; ids and positions have been checked.
    pub(crate) fn hidden(&self, ids: &[u32], plan: &Arc<RowPlan>) -> Result<Tensor> {
        let pass = self.pass(ids, plan)?;
        let (values, shape) = (pass.hidden()?, (ids.len(), self.shape.width));
        self.tensor(pass, Output::Hidden, values, shape)
    }

    /// Scores of tokens [M], each predicted by a row; ids and positions have been checked.
    pub(crate) fn scores(&self, ids: &[u32], plan: &Arc<RowPlan>, rows: &[u32], tokens: &[u32]) -> Result<TokenScores> {
        let (count, vocab) = (ids.len(), self.shape.vocab);
        let bad = rows.iter().any(|&r| r as usize >= count) || tokens.iter().any(|&t| t as usize >= vocab);
        if bad || rows.len() != tokens.len() {
            return Err(unfit(count, vocab, rows, tokens));
        }
        let pass = self.pass(ids, plan)?;
        let scores = pass.scores(Targets { rows, tokens })?;
        let output = Output::Scores { rows: rows.to_vec(), tokens: tokens.to_vec() };
        let logprobs = self.tensor(pass, output, scores.logprobs, tokens.len())?;
        Ok(TokenScores { logprobs, entropies: scores.entropies, hits: scores.hits })
    }

    fn tensor(
        &self,
        pass: Pass,
        output: Output,
        values: Vec<f32>,
        shape: impl Into<candle_core::Shape>,
    ) -> Result<Tensor> {
        let values = Tensor::from_vec(values, shape.into(), &candle_core::Device::Cpu)?;
        Ok(if self.trains() { strung::differentiable(Kept { pass, output }, &values)? } else { values })
    }

    fn setting<'a>(&'a self, positions: &'a [u32]) -> Setting<'a> {
        Setting { shape: self.shape, rope: &self.rope, positions }
    }
}

/// Rows that are worked on together. Gradients of weights are summed up chunk by chunk, so this number is part of a run's
/// bits.
const CHUNK: usize = 192;

/// Widths of everything.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// Residual stream (D).
    width: usize,
    /// All query heads (H d).
    q: usize,
    /// All key heads (K d).
    kv: usize,
    ffn: usize,
    vocab: usize,
    layers: usize,
    attention: AttentionShape,
    eps: f32,
    family: Architecture,
}

impl Shape {
    fn of(config: &ModelConfig) -> Self {
        Self {
            width: config.width,
            q: config.heads * config.head_dim,
            kv: config.kv_heads * config.head_dim,
            ffn: config.ffn,
            vocab: config.vocab,
            layers: config.layers,
            attention: config.attention(),
            eps: config.rms_eps,
            family: config.architecture,
        }
    }

    /// A row of queries and keys side by side, where the family normalises their heads; else 0.
    fn normed(&self) -> usize {
        match self.family {
            Architecture::Qwen3 => self.q + self.kv,
            Architecture::Llama | Architecture::Qwen2 => 0,
        }
    }

    /// How wide everything is that a pass saves of a row and block, in the order of [`forward::Saved::buffers`].
    fn saved(&self) -> [usize; 6] {
        [self.width, self.qkv(), self.normed(), self.q, self.width, 2 * self.ffn]
    }

    /// A row of queries, keys and values side by side.
    fn qkv(&self) -> usize {
        self.q + 2 * self.kv
    }
}

/// What a pass knows besides the weights: shape, rotary table and every row's position.
#[derive(Clone, Copy)]
struct Setting<'a> {
    shape: Shape,
    rope: &'a RopeTable,
    positions: &'a [u32],
}

/// Consecutive ranges of at most [`CHUNK`] rows.
fn chunks(rows: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..rows).step_by(CHUNK).map(move |start| start..(start + CHUNK).min(rows))
}

/// Rows of `width` values in a range.
fn span(rows: &std::ops::Range<usize>, width: usize) -> std::ops::Range<usize> {
    rows.start * width..rows.end * width
}
