//! Inference on plain slices, without a tensor library: what runs in the browser.
//!
//! candle would bring a megabyte and a half of operations that a tab never calls, and its products of quantized matrices know nothing
//! of ours. The engine shares the sampler and batched generation with the decoder and computes everything else for itself: weights
//! lie in tiles made for the kernels, activations are rounded to 8 bits once for all matrices that share them, and every buffer of a step is kept
//! for the next. The kernels are a crate of their own, `clicker-kernels`. Tests hold it to the decoder: same greedy tokens, logits within a
//! stated tolerance for every format.
//!
//! Never knows gradients, prompts as text, or where its bytes came from.

mod adapter;
mod attention;
mod continued;
mod load;
mod prompt;
#[cfg(test)]
mod tests;

pub use adapter::{Adaptation, EngineAdapter};
pub use attention::EngineCache;
pub use continued::Spoken;
pub use load::Loading;
pub use prompt::PromptPass;

use crate::{Inference, ModelConfig, Result, RowPlan};
use adapter::{Low, Part, Run};
use clicker_kernels::vector::{self, Pairing};
use clicker_kernels::{Activations, Matrix};
use std::sync::Arc;

/// A model for inference.
#[derive(Debug)]
pub struct Engine {
    config: ModelConfig,
    embedding: Matrix,
    layers: Vec<Layer>,
    norm: Vec<f32>,
    /// None where the embedding is also the head.
    head: Option<Matrix>,
    frequencies: Vec<f64>,
    pairing: Pairing,
}

#[derive(Debug)]
struct Layer {
    attention_norm: Vec<f32>,
    q: Matrix,
    k: Matrix,
    v: Matrix,
    o: Matrix,
    ffn_norm: Vec<f32>,
    gate: Matrix,
    up: Matrix,
    down: Matrix,
    biases: Option<[Vec<f32>; 3]>,
    head_norms: Option<[Vec<f32>; 2]>,
}

/// Rows of a prompt computed at a time: their activations stay in the nearer caches.
const PROMPT_ROWS: usize = 64;

/// Buffers of a step, kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// The residual stream, [N, D].
    x: Vec<f32>,
    /// What the next matrices take.
    input: Activations,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    attended: Activations,
    gate: Activations,
    up: Vec<f32>,
    /// A product on its way back to the stream.
    out: Vec<f32>,
    /// [N, d/2] each.
    cos: Vec<f32>,
    sin: Vec<f32>,
    /// One head, [d].
    head: Vec<f32>,
    low: Low,
}

impl Engine {
    /// Bytes of the weights as they lie in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let layers = self.layers.iter().flat_map(|l| [&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down]);
        layers.chain([&self.embedding]).chain(&self.head).map(Matrix::bytes).sum()
    }

    /// A cache that holds nothing, for a batch that somebody else computes ([`crate::Generator::given`]).
    ///
    /// # Errors
    /// A plan whose segments continue others.
    pub fn cache_elsewhere(&self, plan: &RowPlan, capacity: usize) -> Result<EngineCache> {
        EngineCache::new(plan, self.config.attention(), 0, capacity)
    }

    /// The residual stream behind the last layer, in `scratch.x`, of rows that compute with the `runs`' adapters. `attend` is given the
    /// buffers, with fresh q, k and v, and the layer.
    fn run(
        &self,
        ids: &[u32],
        positions: &[u32],
        runs: &[Run],
        scratch: &mut Scratch,
        mut attend: impl FnMut(&mut Scratch, usize),
    ) -> Result<()> {
        self.config.check_ids(ids, positions)?;
        let (eps, d, width, n) = (self.config.rms_eps, self.config.head_dim, self.config.width, ids.len());
        scratch.x.resize(n * width, 0.0);
        for (&id, x) in ids.iter().zip(scratch.x.chunks_exact_mut(width)) {
            self.embedding.row(id as usize, x);
        }
        self.angles(positions, scratch);
        for (index, layer) in self.layers.iter().enumerate() {
            norm_rows(&scratch.x, &layer.attention_norm, eps, &mut scratch.input);
            let with = &mut [(&layer.q, &mut scratch.q), (&layer.k, &mut scratch.k), (&layer.v, &mut scratch.v)];
            Matrix::products(&scratch.input, 0..n, with);
            adapter::add(runs, index, Part::Q, &scratch.input, &mut scratch.low, &mut scratch.q);
            adapter::add(runs, index, Part::K, &scratch.input, &mut scratch.low, &mut scratch.k);
            adapter::add(runs, index, Part::V, &scratch.input, &mut scratch.low, &mut scratch.v);
            self.position(layer, scratch, n);
            scratch.attended.resize(n, self.config.heads * d);
            attend(scratch, index);
            scratch.attended.round_all();
            layer.o.product(&scratch.attended, &mut scratch.out);
            adapter::add(runs, index, Part::O, &scratch.attended, &mut scratch.low, &mut scratch.out);
            vector::add(&mut scratch.x, &scratch.out);

            norm_rows(&scratch.x, &layer.ffn_norm, eps, &mut scratch.input);
            scratch.gate.resize(n, self.config.ffn);
            let with = &mut [(&layer.gate, &mut scratch.gate.floats), (&layer.up, &mut scratch.up)];
            Matrix::products(&scratch.input, 0..n, with);
            adapter::add(runs, index, Part::Gate, &scratch.input, &mut scratch.low, &mut scratch.gate.floats);
            adapter::add(runs, index, Part::Up, &scratch.input, &mut scratch.low, &mut scratch.up);
            vector::swiglu(&mut scratch.gate.floats, &scratch.up);
            scratch.gate.round_all();
            layer.down.product(&scratch.gate, &mut scratch.out);
            adapter::add(runs, index, Part::Down, &scratch.gate, &mut scratch.low, &mut scratch.out);
            vector::add(&mut scratch.x, &scratch.out);
        }
        Ok(())
    }

    /// Cosines and sines of every row's position, the same for all layers.
    fn angles(&self, positions: &[u32], scratch: &mut Scratch) {
        scratch.cos.clear();
        scratch.sin.clear();
        let half = self.frequencies.len();
        let mut before = None;
        for &position in positions {
            // The samples of a group are where their neighbours are.
            if before.replace(position) == Some(position) {
                scratch.cos.extend_from_within(scratch.cos.len() - half..);
                scratch.sin.extend_from_within(scratch.sin.len() - half..);
                continue;
            }
            for f in &self.frequencies {
                let (sin, cos) = (f64::from(position) * f).sin_cos();
                scratch.cos.push(cos as f32);
                scratch.sin.push(sin as f32);
            }
        }
    }

    /// Biases, head norms and rotation of fresh queries and keys.
    fn position(&self, layer: &Layer, scratch: &mut Scratch, n: usize) {
        if let Some(biases) = &layer.biases {
            for (rows, bias) in [&mut scratch.q, &mut scratch.k, &mut scratch.v].into_iter().zip(biases) {
                rows.chunks_exact_mut(bias.len()).for_each(|row| vector::add(row, bias));
            }
        }
        if let Some(norms) = &layer.head_norms {
            let head = &mut scratch.head;
            head.resize(self.config.head_dim, 0.0);
            for (rows, norm) in [&mut scratch.q, &mut scratch.k].into_iter().zip(norms) {
                for row in rows.chunks_exact_mut(norm.len()) {
                    vector::rms_norm(row, norm, self.config.rms_eps, head);
                    row.copy_from_slice(head);
                }
            }
        }
        let half = self.config.head_dim / 2;
        for (rows, heads) in [(&mut scratch.q, self.config.heads), (&mut scratch.k, self.config.kv_heads)] {
            for (i, row) in rows.chunks_exact_mut(heads * self.config.head_dim).enumerate().take(n) {
                let span = i * half..(i + 1) * half;
                vector::turn(row, &scratch.cos[span.clone()], &scratch.sin[span], self.pairing);
            }
        }
    }

    /// Logits [rows, V] of some rows of the stream.
    fn logits(&self, rows: impl ExactSizeIterator<Item = usize>, scratch: &mut Scratch) -> Vec<f32> {
        let width = self.config.width;
        scratch.input.resize(rows.len(), width);
        for (i, row) in rows.enumerate() {
            let x = &scratch.x[row * width..(row + 1) * width];
            vector::rms_norm(x, &self.norm, self.config.rms_eps, scratch.input.row_mut(i));
            scratch.input.round(i);
        }
        let mut out = Vec::new();
        self.head.as_ref().unwrap_or(&self.embedding).product(&scratch.input, &mut out);
        out
    }
}

/// Normalise and round every row while it is at hand.
fn norm_rows(x: &[f32], weight: &[f32], eps: f32, out: &mut Activations) {
    out.resize(x.len() / weight.len(), weight.len());
    for (i, row) in x.chunks_exact(weight.len()).enumerate() {
        vector::rms_norm(row, weight, eps, out.row_mut(i));
        out.round(i);
    }
}

impl Inference for Engine {
    type Cache = EngineCache;

    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn prefill(&self, ids: &[u32], plan: &Arc<RowPlan>, capacity: usize) -> Result<(Vec<f32>, EngineCache)> {
        let mut pass = PromptPass::new(self, ids, plan, capacity)?;
        while !pass.step(PROMPT_ROWS)? {}
        Ok(pass.finish())
    }

    fn step(&self, ids: &[u32], rows: &[usize], cache: &mut EngineCache) -> Result<Vec<f32>> {
        cache.check(rows)?;
        let positions: Vec<u32> = rows.iter().map(|&row| cache.position(row)).collect();
        let runs = adapter::runs(rows.iter().map(|&row| cache.adaptation(row)));
        let mut scratch = std::mem::take(&mut cache.scratch);
        let result = self.run(ids, &positions, &runs, &mut scratch, |s, layer| {
            cache.attend_rows(layer, rows, &s.q, &s.k, &s.v, &mut s.attended.floats);
        });
        let logits = result.map(|()| self.logits(0..rows.len(), &mut scratch));
        cache.scratch = scratch;
        cache.advance(rows);
        logits
    }
}
