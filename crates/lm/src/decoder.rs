//! The decoder, written once for training and inference, dense and quantized weights: embedding, then blocks of
//! (norm, attention, norm, gated feed-forward) on a residual stream, then norm and head.
//!
//! Rows are packed [N, D] (see [`RowPlan`]). Never knows tokens as text, samplers or optimizers.

use crate::ops::{self, RopeTable};
use crate::weights::WeightTensor;
use crate::{Architecture, Embedding, Inference, KvCache, Linear, LmError, ModelConfig, Result, RowPlan, Weights};
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
        weights.check(config)?;
        let linear = |name: String| match weights.get(&name)? {
            WeightTensor::Dense(t) => Ok::<_, LmError>(Linear::Dense(t.clone())),
            WeightTensor::Quantized(t) => Linear::quantized(t.clone()),
        };
        let norm = |name: String| weights.get(&name)?.to_dense();
        let embedding = match weights.get("model.embed_tokens.weight")? {
            WeightTensor::Dense(t) => Embedding::Dense(t.clone()),
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
        Ok(Self {
            head: if config.tied { embedding.as_head()? } else { linear("lm_head.weight".into())? },
            norm: norm("model.norm.weight".into())?,
            rope: Arc::new(RopeTable::new(config)),
            config: config.clone(),
            embedding,
            blocks,
        })
    }

    /// The shape.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Normalised final states [N, D] of packed rows; the gradient flows to every weight.
    ///
    /// # Errors
    /// Ids outside the vocabulary, positions beyond the context, a plan that does not fit.
    pub fn hidden(&self, ids: &[u32], plan: &Arc<RowPlan>) -> Result<Tensor> {
        let shape = self.config.attention();
        self.run(ids, plan.positions(), |_, q, k, v| Ok(ops::attention(q, k, v, plan, shape)?))
    }

    /// States [N, D] to logits [N, V].
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
        self.config.check_ids(ids, positions)?;
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
        let shape = self.config.attention();
        let mut cache = KvCache::new(plan, shape, self.config.layers, capacity);
        let hidden = self.run(ids, plan.positions(), |_, q, k, v| {
            let rows = |x: &Tensor| ops::with_slice(x, "kv cache", <[f32]>::to_vec);
            cache.push_prompt_layer(rows(k)?, rows(v)?);
            Ok(ops::attention(q, k, v, plan, shape)?)
        })?;
        let last = Tensor::new(plan.last_rows(), &Device::Cpu)?;
        let logits = self.logits(&hidden.index_select(&last, 0)?)?;
        Ok((logits.flatten_all()?.to_vec1()?, cache))
    }

    fn step(&self, ids: &[u32], rows: &[usize], cache: &mut KvCache) -> Result<Vec<f32>> {
        let positions: Vec<u32> = rows.iter().map(|&row| cache.position(row)).collect();
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
}
