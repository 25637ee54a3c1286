//! Inference on plain slices, without a tensor library: what runs in the browser.
//!
//! candle would bring a megabyte and a half of operations that a tab never calls, and its products of quantized matrices know nothing
//! of ours. The engine shares everything else with the decoder: norms, rotary positions, attention and the cache are the
//! same functions. Tests hold it to the decoder: same greedy tokens, logits within a stated tolerance for every format.
//!
//! Never knows gradients, prompts as text, or where its bytes came from.

mod matrix;

pub use matrix::Matrix;

use crate::ops::{self, RopeTable};
use crate::weights::gguf::GgufFile;
use crate::weights::gguf_model::{self, stored_tensor};
use crate::{Inference, KvCache, ModelConfig, Result, RowPlan};
use std::sync::Arc;

/// A model for inference.
#[derive(Debug)]
pub struct Engine {
    config: ModelConfig,
    embedding: Matrix,
    blocks: Vec<Block>,
    norm: Vec<f32>,
    /// None where the embedding is also the head.
    head: Option<Matrix>,
    rope: RopeTable,
}

#[derive(Debug)]
struct Block {
    attention_norm: Vec<f32>,
    q: Matrix,
    k: Matrix,
    v: Matrix,
    o: Matrix,
    ffn_norm: Vec<f32>,
    gate: Matrix,
    up: Matrix,
    down: Matrix,
}

impl Engine {
    /// Take a model out of a GGUF file; blocks are repacked for the products here.
    ///
    /// # Errors
    /// Missing or impossible metadata, tensors that do not fit it.
    pub fn new(file: &GgufFile<'_>) -> Result<Self> {
        let config = gguf_model::config(file)?;
        let mut shapes = config.tensor_shapes().into_iter();
        // Tensors come in file order: taking them one by one keeps names and shapes in one place, `tensor_shapes`.
        let mut next = || {
            let (name, dims) = shapes.next().unwrap_or_default();
            let (view, data) = stored_tensor(file, &config, &name, &dims)?;
            Ok::<_, crate::LmError>(Matrix::new(view.kind, &dims, &data))
        };
        let embedding = next()?;
        let blocks = (0..config.layers)
            .map(|_| {
                Ok(Block {
                    attention_norm: next()?.into_floats(),
                    q: next()?,
                    k: next()?,
                    v: next()?,
                    o: next()?,
                    ffn_norm: next()?.into_floats(),
                    gate: next()?,
                    up: next()?,
                    down: next()?,
                })
            })
            .collect::<Result<_>>()?;
        let norm = next()?.into_floats();
        let head = if config.tied { None } else { Some(next()?) };
        Ok(Self { rope: RopeTable::new(&config), config, embedding, blocks, norm, head })
    }

    fn run(
        &self,
        ids: &[u32],
        positions: &[u32],
        mut attend: impl FnMut(usize, &[f32], Vec<f32>, Vec<f32>) -> Result<Vec<f32>>,
    ) -> Result<Vec<f32>> {
        self.config.check_ids(ids, positions)?;
        let (eps, d, shape) = (self.config.rms_eps, self.config.head_dim, self.config.attention());
        let turn = |x: &[f32], heads: usize| ops::rope_rows(x, heads * d, positions, &self.rope, 1.0);
        let mut x: Vec<f32> = ids.iter().flat_map(|&id| self.embedding.row(id as usize)).collect();
        for (layer, block) in self.blocks.iter().enumerate() {
            let h = ops::rms_norm_rows(&x, &block.attention_norm, eps);
            let [q, k, v] = Matrix::products([&block.q, &block.k, &block.v], &h);
            let a = attend(layer, &turn(&q, shape.heads)?, turn(&k, shape.kv_heads)?, v)?;
            add(&mut x, &block.o.product(&a));
            let h = ops::rms_norm_rows(&x, &block.ffn_norm, eps);
            let [gate, up] = Matrix::products([&block.gate, &block.up], &h);
            add(&mut x, &block.down.product(&ops::swiglu_rows(&gate, &up)));
        }
        Ok(x)
    }

    /// Logits [rows, V] of final states [rows, D].
    fn logits(&self, states: &[f32]) -> Vec<f32> {
        let h = ops::rms_norm_rows(states, &self.norm, self.config.rms_eps);
        self.head.as_ref().unwrap_or(&self.embedding).product(&h)
    }
}

impl Inference for Engine {
    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn prefill(&self, ids: &[u32], plan: &Arc<RowPlan>, capacity: usize) -> Result<(Vec<f32>, KvCache)> {
        let shape = self.config.attention();
        let mut cache = KvCache::new(plan, shape, self.config.layers, capacity);
        let states = self.run(ids, plan.positions(), |_, q, k, v| {
            let out = ops::attention_rows(q, &k, &v, plan, shape);
            cache.push_prompt_layer(k, v);
            Ok(out)
        })?;
        let width = self.config.width;
        let last: Vec<f32> = plan
            .last_rows()
            .iter()
            .flat_map(|&r| states[r as usize * width..(r as usize + 1) * width].iter().copied())
            .collect();
        Ok((self.logits(&last), cache))
    }

    fn step(&self, ids: &[u32], rows: &[usize], cache: &mut KvCache) -> Result<Vec<f32>> {
        let positions: Vec<u32> = rows.iter().map(|&row| cache.position(row)).collect();
        let states = self.run(ids, &positions, |layer, q, k, v| cache.attend(layer, rows, q, &k, &v))?;
        cache.advance(rows);
        Ok(self.logits(&states))
    }
}

fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}
