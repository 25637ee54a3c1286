//! The decoder: embedding, then blocks of (norm, attention, norm, gated feed-forward) on a residual stream, then norm and
//! head. Full-precision weights are computed by `dense`, with a backward pass, and on other devices by `portable`; models with
//! quantized weights are composed of candle's products and our operations here. Tests hold the three to each other.
//!
//! Rows are packed [N, D] (see [`RowPlan`]). Never knows tokens as text, samplers or optimizers.

use crate::cache::{HostCache, Place};
use crate::dense::{Dense, Pairs, PassMemory, TokenScores, scores_of_logits};
use crate::lora::{Adapter, LoraPair};
use crate::ops::{self, RopeTable};
use crate::portable::Portable;
use crate::weights::WeightTensor;
use crate::{
    Architecture, Compute, Embedding, Inference, KvCache, Linear, LmError, ModelConfig, Result, RowPlan, Weights,
};
use candle_core::{Device, Tensor};
use std::sync::Arc;

/// A model that can compute. Cloning shares the weights.
#[derive(Clone, Debug)]
pub struct Decoder {
    config: ModelConfig,
    embedding: Embedding,
    blocks: Vec<Block>,
    norm: Tensor,
    head: Linear,
    rope: Arc<RopeTable>,
    path: Path,
    compute: Compute,
}

/// How it computes.
#[derive(Clone, Debug)]
enum Path {
    Dense(Dense),
    Portable(Portable),
    /// Products and operations one by one: a weight is quantized.
    Composed,
}

#[derive(Clone, Debug)]
struct Block {
    attention_norm: Tensor,
    q: Linear,
    k: Linear,
    v: Linear,
    o: Linear,
    ffn_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
    /// Of queries, keys and values, where the family has them.
    biases: Option<[Tensor; 3]>,
    /// Norms of every head of queries and of keys, where the family has them.
    head_norms: Option<[Tensor; 2]>,
}

impl Decoder {
    /// Put a model together. The weights' shapes have been checked against the configuration (see [`Weights::check`]).
    ///
    /// # Errors
    /// A tensor that is missing, of another shape, or a quantized norm.
    pub fn new(config: &ModelConfig, weights: &Weights) -> Result<Self> {
        Self::build(config, weights, None, Arc::new(RopeTable::new(config)))
    }

    /// Frozen weights with an adapter beside them, on the processor: its A and B are used where they are, so that what is
    /// written to them shows in the next pass, and the gradient flows to them alone.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(crate) fn adapted(config: &ModelConfig, weights: &Weights, adapter: &Adapter) -> Result<Self> {
        Self::build(config, weights, Some(adapter), Arc::new(RopeTable::new(config)))
    }

    /// The same model with other weights; what does not depend on them (rotary table, working space) is shared.
    pub(crate) fn with_weights(&self, weights: &Weights) -> Result<Self> {
        let new = Self::build(&self.config, weights, None, self.rope.clone())?;
        let path = match (new.path, &self.path) {
            (Path::Dense(new), Path::Dense(old)) => Path::Dense(new.beside(old)),
            (Path::Portable(new), Path::Portable(old)) => Path::Portable(new.beside(old)),
            (new, _) => new,
        };
        Ok(Self { path, ..new })
    }

    fn build(config: &ModelConfig, weights: &Weights, adapter: Option<&Adapter>, rope: Arc<RopeTable>) -> Result<Self> {
        weights.check(config)?;
        let linear = |name: String| {
            let base = match weights.get(&name)? {
                WeightTensor::Dense(t) => Linear::Dense(t.clone()),
                WeightTensor::Half(t) => Linear::Half(t.clone()),
                WeightTensor::Quantized(t) => Linear::quantized(t.clone())?,
            };
            let found = adapter.and_then(|adapter| Some((adapter.pair(&name)?, adapter.spec().scale())));
            Ok::<_, LmError>(match found {
                None => base,
                Some((LoraPair { a, b, .. }, scale)) => {
                    Linear::Adapted { base: Box::new(base), a: a.clone(), b: b.clone(), scale }
                }
            })
        };
        let norm = |name: String| weights.get(&name)?.to_dense();
        let embedding = match weights.get("model.embed_tokens.weight")? {
            WeightTensor::Dense(t) => Embedding::Dense(t.clone()),
            WeightTensor::Half(t) => Embedding::Half(t.clone()),
            WeightTensor::Quantized(t) => Embedding::Quantized(t.clone()),
        };
        let blocks = (0..config.layers)
            .map(|i| {
                let name = |part: &str| format!("model.layers.{i}.{part}.weight");
                let bias = |part: &str| norm(format!("model.layers.{i}.self_attn.{part}_proj.bias"));
                Ok(Block {
                    attention_norm: norm(name("input_layernorm"))?,
                    q: linear(name("self_attn.q_proj"))?,
                    k: linear(name("self_attn.k_proj"))?,
                    v: linear(name("self_attn.v_proj"))?,
                    o: linear(name("self_attn.o_proj"))?,
                    ffn_norm: norm(name("post_attention_layernorm"))?,
                    gate: linear(name("mlp.gate_proj"))?,
                    up: linear(name("mlp.up_proj"))?,
                    down: linear(name("mlp.down_proj"))?,
                    biases: match config.architecture {
                        Architecture::Qwen2 => Some([bias("q")?, bias("k")?, bias("v")?]),
                        Architecture::Llama | Architecture::Qwen3 => None,
                    },
                    head_norms: match config.architecture {
                        Architecture::Qwen3 => Some([norm(name("self_attn.q_norm"))?, norm(name("self_attn.k_norm"))?]),
                        Architecture::Llama | Architecture::Qwen2 => None,
                    },
                })
            })
            .collect::<Result<_>>()?;
        let dense = config.tensor_shapes().into_iter().map(|(name, _)| match weights.get(&name)? {
            WeightTensor::Dense(t) | WeightTensor::Half(t) => Ok(Some(t.contiguous()?)),
            WeightTensor::Quantized(_) => Ok::<_, LmError>(None),
        });
        let dense = dense.collect::<Result<Option<Vec<Tensor>>>>()?;
        Ok(Self {
            path: match (dense, weights.compute()) {
                (None, _) => Path::Composed,
                (Some(tensors), compute) if compute.is_dense() => {
                    let dense = Dense::new(config, rope.clone(), tensors);
                    Path::Dense(match adapter {
                        None => dense,
                        Some(adapter) => dense.adapted(Pairs::of(config, adapter)),
                    })
                }
                (Some(tensors), compute) => {
                    Path::Portable(Portable::new(config, rope.clone(), tensors, compute.device()))
                }
            },
            compute: weights.compute().clone(),
            head: if config.tied { embedding.as_head()? } else { linear("lm_head.weight".into())? },
            norm: norm("model.norm.weight".into())?,
            rope,
            config: config.clone(),
            embedding,
            blocks,
        })
    }

    /// The same model, whose passes keep this until they are gone back.
    #[must_use]
    pub fn keeping(self, memory: PassMemory) -> Self {
        let path = match self.path {
            Path::Dense(dense) => Path::Dense(dense.keeping(memory)),
            Path::Portable(portable) => Path::Portable(portable.keeping(memory)),
            Path::Composed => Path::Composed,
        };
        Self { path, ..self }
    }

    /// The weights are this state of a policy from here on.
    pub(crate) fn become_version(&mut self, version: u64) {
        if let Path::Dense(dense) = &mut self.path {
            dense.become_version(version);
        }
    }

    /// The same model, which keeps what it computes for answers until its policy trains on them.
    pub(crate) fn recording(self) -> Self {
        let path = match self.path {
            Path::Dense(dense) => Path::Dense(dense.recording()),
            other => other,
        };
        Self { path, ..self }
    }

    /// The shape.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Where it computes.
    #[must_use]
    pub fn compute(&self) -> &Compute {
        &self.compute
    }

    /// Normalised final states [N, D] of packed rows, where the model computes; the gradient flows to every weight that learns.
    ///
    /// # Errors
    /// Ids outside the vocabulary, positions beyond the context, a plan that does not fit.
    pub fn hidden(&self, ids: &[u32], plan: &Arc<RowPlan>) -> Result<Tensor> {
        self.config.check_ids(ids, plan.positions())?;
        match &self.path {
            Path::Dense(dense) => dense.hidden(ids, plan),
            Path::Portable(portable) => portable.hidden(ids, plan),
            Path::Composed => self.composed_hidden(ids, plan),
        }
    }

    /// What the model says of `tokens`, each predicted by one of `rows` of the plan, in the processor's memory wherever it
    /// computes; no logits are kept.
    ///
    /// # Errors
    /// As [`Self::hidden`], a row beyond the plan or a token outside the vocabulary.
    pub fn scores(&self, ids: &[u32], plan: &Arc<RowPlan>, rows: &[u32], tokens: &[u32]) -> Result<TokenScores> {
        self.config.check_ids(ids, plan.positions())?;
        match &self.path {
            Path::Dense(dense) => return dense.scores(ids, plan, rows, tokens),
            Path::Portable(portable) => return portable.scores(ids, plan, rows, tokens),
            Path::Composed => (),
        }
        let states = self.composed_hidden(ids, plan)?.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)?;
        composed_scores(&self.logits(&states)?, tokens)
    }

    fn composed_hidden(&self, ids: &[u32], plan: &Arc<RowPlan>) -> Result<Tensor> {
        let shape = self.config.attention();
        self.run(ids, plan.positions(), |_, q, k, v| Ok(ops::attention(q, k, v, plan, shape)?))
    }

    /// States [N, D] to logits [N, V], both where the model computes.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        self.head.forward(hidden)
    }

    fn run(
        &self,
        ids: &[u32],
        positions: &[u32],
        mut attend: impl FnMut(usize, &Tensor, &Tensor, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let eps = self.config.rms_eps;
        let positions: Arc<[u32]> = positions.into();
        let mut x = self.embedding.forward(&Tensor::new(ids, &Device::Cpu)?)?;
        for (layer, block) in self.blocks.iter().enumerate() {
            let h = ops::rms_norm(&x, &block.attention_norm, eps)?;
            let [mut q, mut k, mut v] = [block.q.forward(&h)?, block.k.forward(&h)?, block.v.forward(&h)?];
            if let Some([bq, bk, bv]) = &block.biases {
                (q, k, v) = (q.broadcast_add(bq)?, k.broadcast_add(bk)?, v.broadcast_add(bv)?);
            }
            if let Some([nq, nk]) = &block.head_norms {
                (q, k) = (self.norm_heads(&q, nq)?, self.norm_heads(&k, nk)?);
            }
            let (q, k) = (ops::rope(&q, &positions, &self.rope)?, ops::rope(&k, &positions, &self.rope)?);
            let a = attend(layer, &q, &k, &v)?;
            x = (x + block.o.forward(&a)?)?;
            let h = ops::rms_norm(&x, &block.ffn_norm, eps)?;
            let h = ops::swiglu(&block.gate.forward(&h)?, &block.up.forward(&h)?)?;
            x = (x + block.down.forward(&h)?)?;
        }
        Ok(ops::rms_norm(&x, &self.norm, eps)?)
    }

    /// Normalise every head of x [N, heads * d] by itself.
    fn norm_heads(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let heads = x.reshape(((), self.config.head_dim))?;
        Ok(ops::rms_norm(&heads, weight, self.config.rms_eps)?.reshape(x.shape())?)
    }
}

impl Inference for Decoder {
    type Cache = KvCache;

    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn prefill(&self, ids: &[u32], plan: &Arc<RowPlan>, capacity: usize) -> Result<(Vec<f32>, KvCache)> {
        self.config.check_ids(ids, plan.positions())?;
        match &self.path {
            Path::Dense(dense) => {
                let (logits, cache) = dense.prefill(ids, plan, capacity)?;
                return Ok((logits, KvCache(Place::Host(cache))));
            }
            Path::Portable(portable) => {
                let (logits, cache) = portable.prefill(ids, plan, capacity)?;
                return Ok((logits, KvCache(Place::Device(cache))));
            }
            Path::Composed => (),
        }
        let shape = self.config.attention();
        let mut cache = HostCache::new(plan, shape, self.config.layers, capacity);
        let hidden = self.run(ids, plan.positions(), |_, q, k, v| {
            let rows = |x: &Tensor| ops::with_slice(x, "kv cache", <[f32]>::to_vec);
            cache.push_prompt_layer(&rows(k)?, &rows(v)?);
            Ok(ops::attention(q, k, v, plan, shape)?)
        })?;
        let last = Tensor::new(plan.last_rows(), &Device::Cpu)?;
        let logits = self.logits(&hidden.index_select(&last, 0)?)?;
        Ok((logits.flatten_all()?.to_vec1()?, KvCache(Place::Host(cache))))
    }

    fn step(&self, ids: &[u32], rows: &[usize], cache: &mut KvCache) -> Result<Vec<f32>> {
        let positions: Vec<u32> = rows.iter().map(|&row| cache.position(row)).collect();
        self.config.check_ids(ids, &positions)?;
        let cache = match (&self.path, &mut cache.0) {
            (Path::Dense(dense), Place::Host(cache)) => return dense.step(ids, &positions, rows, cache),
            (Path::Portable(portable), Place::Device(cache)) => return portable.step(ids, &positions, rows, cache),
            (Path::Composed, Place::Host(cache)) => cache,
            _ => {
                return Err(LmError::Shape {
                    op: "kv cache",
                    expected: format!("one of a model on {}", self.compute.name()),
                    got: "one of another place".into(),
                });
            }
        };
        let hidden = self.run(ids, &positions, |layer, q, k, v| {
            let out = ops::with_slice(q, "kv cache", |q| {
                ops::with_slice(k, "kv cache", |k| {
                    ops::with_slice(v, "kv cache", |v| cache.attend(layer, rows, q, k, v))
                })
            })????;
            Ok(Tensor::from_vec(out, q.shape(), q.device())?)
        })?;
        cache.advance(rows);
        Ok(self.logits(&hidden)?.flatten_all()?.to_vec1()?)
    }

    fn finished(&self, cache: KvCache) {
        if let (Path::Dense(dense), Place::Host(cache)) = (&self.path, cache.0) {
            dense.finished(cache);
        }
    }
}

/// Scores of tokens under logits [N, V], composed of candle's differentiable operations.
fn composed_scores(logits: &Tensor, tokens: &[u32]) -> Result<TokenScores> {
    let mut scores = scores_of_logits(logits.flatten_all()?.to_vec1()?, logits.dim(1)?, tokens)?;
    let shifted = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?;
    let chosen = shifted.gather(&Tensor::new(tokens, &Device::Cpu)?.unsqueeze(1)?, 1)?.squeeze(1)?;
    scores.logprobs = (chosen - shifted.exp()?.sum(1)?.log()?)?;
    Ok(scores)
}

#[cfg(test)]
mod tests;
