//! The decoder of cards: the same model as [`crate::dense`], composed of candle's operations, which exist for every device of
//! candle. On the processor it is slow and serves as the twin by which it is checked where there is no card.
//!
//! Final states stay on the device; what is said of tokens comes back to the processor, where losses are computed and tokens are
//! drawn. Never knows which device it is.

mod cache;
mod grid;
mod layers;
mod pass;

use crate::dense::{COMMON, TokenScores};
use crate::ops::{AttentionShape, RopeTable};
use crate::{Architecture, LmError, ModelConfig, PassMemory, Result, RowPlan, strung};
pub(crate) use cache::Cache;
use candle_core::{Device, Tensor};
use grid::Grid;
use pass::{Output, Part, Pass};
use std::ops::Range;
use std::sync::Arc;

/// A model of full-precision weights on a device. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Portable {
    spec: Spec,
    rope: Arc<RopeTable>,
    /// In the order of [`ModelConfig::tensor_shapes`].
    tensors: Vec<Tensor>,
    device: Device,
    memory: PassMemory,
}

/// Widths that the operations need.
#[derive(Clone, Copy, Debug)]
struct Spec {
    attention: AttentionShape,
    eps: f32,
    layers: usize,
    vocab: usize,
    /// Tensors of one block.
    per_layer: usize,
}

impl Portable {
    pub(crate) fn new(config: &ModelConfig, rope: Arc<RopeTable>, tensors: Vec<Tensor>, device: &Device) -> Self {
        let per_layer = COMMON
            + match config.architecture {
                Architecture::Llama => 0,
                Architecture::Qwen2 => 3,
                Architecture::Qwen3 => 2,
            };
        let (attention, eps) = (config.attention(), config.rms_eps);
        let spec = Spec { attention, eps, layers: config.layers, vocab: config.vocab, per_layer };
        Self { spec, rope, tensors, device: device.clone(), memory: PassMemory::default() }
    }

    /// The same model, whose passes keep so many texts. What goes into each block is all that is ever kept of them.
    pub(crate) fn keeping(self, memory: PassMemory) -> Self {
        Self { memory, ..self }
    }

    /// This model with the ways of another.
    pub(crate) fn beside(self, other: &Self) -> Self {
        self.keeping(other.memory)
    }

    fn trains(&self) -> bool {
        self.tensors.iter().any(Tensor::track_op)
    }

    fn layer_at(&self, layer: usize) -> Range<usize> {
        let start = 1 + layer * self.spec.per_layer;
        start..start + self.spec.per_layer
    }

    fn norm_at(&self) -> usize {
        self.layer_at(self.spec.layers).start
    }

    /// The embedding where both are one.
    fn head_at(&self) -> usize {
        if self.norm_at() + 1 < self.tensors.len() { self.norm_at() + 1 } else { 0 }
    }

    fn empty(&self) -> LmError {
        LmError::Shape { op: "decoder", expected: "states of a pass".into(), got: "none".into() }
    }

    fn block(&self, w: &[Tensor], x: &Tensor, grid: &Grid) -> Result<Tensor> {
        layers::block(&self.spec, w, x, &grid.turn, &mut |q, k, v| Ok(layers::attention(&self.spec, grid, q, k, v)?.0))
    }

    /// The residual stream, [G, D] each: into every block and out of the last, or that alone. Nothing is recorded for a gradient.
    fn states(&self, grid: &Grid, all: bool) -> Result<Vec<Tensor>> {
        let w: Vec<Tensor> = self.tensors.iter().map(Tensor::detach).collect();
        let mut kept = Vec::new();
        let mut x = layers::embed(&w[0], &grid.ids)?;
        for layer in 0..self.spec.layers {
            let next = self.block(&w[self.layer_at(layer)], &x, grid)?;
            if all {
                kept.push(x);
            }
            x = next;
        }
        kept.push(x);
        Ok(kept)
    }

    /// What came out of the last block of a part, [G, D]; where the pass can be gone back and is one part, all is kept.
    fn last(&self, part: &mut Part, whole: bool) -> Result<Tensor> {
        let keep = whole && self.trains();
        let states = self.states(&part.grid, keep)?;
        let last = states.last().cloned().ok_or_else(|| self.empty())?;
        part.kept = keep.then_some(states);
        Ok(last)
    }

    /// Normalised final states [N, D], on the device; ids and positions have been checked.
    pub(crate) fn hidden(&self, ids: &[u32], plan: &RowPlan) -> Result<Tensor> {
        let mut parts = Part::cut(self, ids, plan)?;
        let whole = parts.len() == 1;
        let norm = self.tensors[self.norm_at()].detach();
        let mut out = Vec::with_capacity(parts.len());
        for part in &mut parts {
            let last = self.last(part, whole)?;
            out.push(layers::rms_norm(&last, &norm, self.spec.eps)?.index_select(&part.grid.all(&self.device)?, 0)?);
        }
        let values = Tensor::cat(&out, 0)?;
        self.output(parts, Output::Hidden, values)
    }

    /// Scores of tokens [M], each predicted by a row, on the processor; ids and positions have been checked.
    pub(crate) fn scores(&self, ids: &[u32], plan: &RowPlan, rows: &[u32], tokens: &[u32]) -> Result<TokenScores> {
        let (count, vocab) = (ids.len(), self.spec.vocab);
        let bad = rows.iter().any(|&r| r as usize >= count) || tokens.iter().any(|&t| t as usize >= vocab);
        if bad || rows.len() != tokens.len() {
            return Err(crate::dense::unfit(count, vocab, rows, tokens));
        }
        let mut parts = Part::cut(self, ids, plan)?;
        let whole = parts.len() == 1;
        let [norm, head] = [self.norm_at(), self.head_at()].map(|at| self.tensors[at].detach());
        let mut logprobs = vec![0f32; tokens.len()];
        let (mut entropies, mut hits) = (logprobs.clone(), vec![false; tokens.len()]);
        for part in &mut parts {
            let last = self.last(part, whole)?;
            for chunk in part.chunks(self, rows, tokens)? {
                let states = last.index_select(&chunk.rows, 0)?;
                let said = layers::say(&layers::logits(&self.spec, &norm, &head, &states)?, &chunk.tokens)?;
                let (own, spread) = (said.logprobs.to_vec1::<f32>()?, said.entropies.to_vec1::<f32>()?);
                let likeliest = said.likeliest.to_vec1::<u32>()?;
                for (i, &place) in chunk.places.iter().enumerate() {
                    let place = place as usize;
                    (logprobs[place], entropies[place]) = (own[i], spread[i]);
                    hits[place] = likeliest[i] == tokens[place];
                }
            }
        }
        let output = Output::Scores { rows: rows.to_vec(), tokens: tokens.to_vec() };
        let values = Tensor::new(logprobs, &self.device)?;
        let logprobs = self.output(parts, output, values)?.to_device(&Device::Cpu)?;
        Ok(TokenScores { logprobs, entropies, hits })
    }

    fn output(&self, parts: Vec<Part>, output: Output, values: Tensor) -> Result<Tensor> {
        match self.trains() {
            true => Ok(strung::differentiable(Pass { model: self.clone(), parts, output }, &values)?),
            false => Ok(values),
        }
    }
}
