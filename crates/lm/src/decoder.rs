//! The decoder: embedding, then blocks of (norm, attention, norm, gated feed-forward) on a residual stream, then norm and
//! head. Full-precision weights are computed by `dense`, with a backward pass, and on other devices by `portable`; models with
//! quantized weights are composed of candle's products and our operations here. Tests hold the three to each other.
//!
//! Rows are packed [N, D] (see [`RowPlan`]). Never knows tokens as text, samplers or optimizers.

use crate::cache::{HostCache, Place};
use crate::dense::{Dense, PassMemory, TokenScores, scores_of_logits};
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
        Self::build(config, weights, Arc::new(RopeTable::new(config)))
    }

    /// The same model with other weights; what does not depend on them (rotary table, working space) is shared.
    pub(crate) fn with_weights(&self, weights: &Weights) -> Result<Self> {
        let new = Self::build(&self.config, weights, self.rope.clone())?;
        let path = match (new.path, &self.path) {
            (Path::Dense(new), Path::Dense(old)) => Path::Dense(new.beside(old)),
            (Path::Portable(new), Path::Portable(old)) => Path::Portable(new.beside(old)),
            (new, _) => new,
        };
        Ok(Self { path, ..new })
    }

    fn build(config: &ModelConfig, weights: &Weights, rope: Arc<RopeTable>) -> Result<Self> {
        weights.check(config)?;
        let linear = |name: String| match weights.get(&name)? {
            WeightTensor::Dense(t) => Ok::<_, LmError>(Linear::Dense(t.clone())),
            WeightTensor::Half(t) => Ok(Linear::Half(t.clone())),
            WeightTensor::Quantized(t) => Linear::quantized(t.clone()),
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
                    Path::Dense(Dense::new(config, rope.clone(), tensors))
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

    /// Normalised final states [N, D] of packed rows, where the model computes; the gradient flows to every weight.
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
mod tests {
    use super::*;
    use crate::Policy;

    /// Heads of 24, groups of three, rows that share a prefix: nothing fits a tile.
    fn policy(architecture: Architecture, tied: bool) -> Policy {
        let (config, weights) = model(architecture, tied);
        Policy::new(&config, &weights).unwrap()
    }

    fn model(architecture: Architecture, tied: bool) -> (ModelConfig, Weights) {
        let config = ModelConfig::uneven(architecture, 37, tied);
        let mut weights = Weights::default();
        for (t, (name, dims)) in config.tensor_shapes().into_iter().enumerate() {
            let n: usize = dims.iter().product();
            let values: Vec<f32> = (0..n).map(|i| ((i * 7919 + t * 104_729) % 1009) as f32 / 1009.0 - 0.5).collect();
            let shift = if name.ends_with("norm.weight") { 1.0 } else { 0.0 };
            let values: Vec<f32> = values.iter().map(|v| shift + 0.4 * v).collect();
            weights.insert(name, WeightTensor::Dense(Tensor::from_vec(values, dims, &Device::Cpu).unwrap()));
        }
        (config, weights)
    }

    const FAMILIES: [Architecture; 3] = [Architecture::Llama, Architecture::Qwen2, Architecture::Qwen3];

    /// A prompt with three answers, a text of its own, and one that is longer than a block of queries and a chunk of rows.
    fn rows() -> (Vec<u32>, Arc<RowPlan>) {
        let mut plan = RowPlan::new();
        let prompt = plan.push_root(35);
        plan.push_continuation(prompt, 14).unwrap();
        plan.push_continuation(prompt, 1).unwrap();
        plan.push_continuation(prompt, 40).unwrap();
        plan.push_root(3);
        let second = plan.push_root(5);
        plan.push_continuation(second, 2).unwrap();
        plan.push_root(230);
        ((0..plan.rows() as u32).map(|i| i * 31 % 37).collect(), Arc::new(plan))
    }

    #[track_caller]
    fn close(what: &str, a: &Tensor, b: &Tensor, tolerance: f32) {
        let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (a, b) = (flat(a), flat(b));
        let size = b.iter().fold(1f32, |m, x| m.max(x.abs()));
        let gap = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(a.len() == b.len() && gap <= tolerance * size, "{what}: off by {gap:e} of {size}");
    }

    #[test]
    fn the_dense_decoder_equals_the_composed_one_with_all_its_gradients() {
        for (family, tied) in FAMILIES.into_iter().flat_map(|family| [(family, true), (family, false)]) {
            let policy = policy(family, tied);
            let close =
                |what: &str, a: &Tensor, b: &Tensor, tolerance| close(&format!("{family:?} {what}"), a, b, tolerance);
            let (ids, plan) = rows();
            let decoder = policy.decoder();
            // States: a loss that weighs every value differently.
            let dense = decoder.hidden(&ids, &plan).unwrap();
            let slow = decoder.composed_hidden(&ids, &plan).unwrap();
            close("states", &dense, &slow, 1e-5);
            let weigh = |x: &Tensor| (x * slow.detach().sin().unwrap()).unwrap().sum_all().unwrap();
            let (fast, slow_grads) = (weigh(&dense).backward().unwrap(), weigh(&slow).backward().unwrap());
            for (name, p) in policy.parameters().iter().filter(|(name, _)| name != "lm_head.weight") {
                let (a, b) = (fast.get(p.as_tensor()).unwrap(), slow_grads.get(p.as_tensor()).unwrap());
                close(name, a, b, 2e-5);
            }
            // Scores: rows out of order, one of them twice.
            let rows: Vec<u32> = [34, 34, 0].into_iter().chain(40..300).collect();
            let tokens: Vec<u32> = rows.iter().map(|r| r * 7 % 37).collect();
            let scores = decoder.scores(&ids, &plan, &rows, &tokens).unwrap();
            let states = decoder.composed_hidden(&ids, &plan).unwrap();
            let states = states.index_select(&Tensor::new(&rows[..], &Device::Cpu).unwrap(), 0).unwrap();
            let twin = composed_scores(&decoder.logits(&states).unwrap(), &tokens).unwrap();
            assert_eq!(scores.hits, twin.hits);
            let values = |x: &[f32]| Tensor::new(x, &Device::Cpu).unwrap();
            close("entropies", &values(&scores.entropies), &values(&twin.entropies), 1e-5);
            let slow = twin.logprobs;
            close("logprobs", &scores.logprobs, &slow, 1e-5);
            let weigh = |x: &Tensor| (x * slow.detach().sin().unwrap()).unwrap().sum_all().unwrap();
            let (fast, slow_grads) = (weigh(&scores.logprobs).backward().unwrap(), weigh(&slow).backward().unwrap());
            for (name, p) in policy.parameters() {
                let (a, b) = (fast.get(p.as_tensor()).unwrap(), slow_grads.get(p.as_tensor()).unwrap());
                close(name, a, b, 2e-5);
            }
        }
    }

    #[test]
    fn a_pass_can_be_gone_back_twice_and_refuses_what_does_not_fit() {
        let policy = policy(Architecture::Llama, true);
        let (ids, plan) = rows();
        let scores = policy.decoder().scores(&ids, &plan, &[3, 9], &[1, 2]).unwrap();
        let once = scores.logprobs.sum_all().unwrap().backward().unwrap();
        let twice = scores.logprobs.sum_all().unwrap().backward().unwrap();
        for (name, p) in policy.parameters() {
            close(name, once.get(p.as_tensor()).unwrap(), twice.get(p.as_tensor()).unwrap(), 0.0);
        }
        assert!(policy.decoder().scores(&ids, &plan, &[9999], &[1]).is_err());
        assert!(policy.decoder().scores(&ids, &plan, &[1], &[37]).is_err());
        assert!(policy.decoder().scores(&ids, &plan, &[1, 2], &[3]).is_err());
    }

    #[test]
    fn what_is_computed_again_gives_the_same_gradients() {
        for family in FAMILIES {
            let policy = policy(family, false);
            let (ids, plan) = rows();
            // Rows out of order, some of every text.
            let (rows, tokens): (Vec<u32>, Vec<u32>) = (1..300).rev().map(|r| (r, r * 7 % 37)).unzip();
            let weights = Tensor::arange(0f32, 299.0, &Device::Cpu).unwrap();
            let of = |memory: PassMemory| {
                let decoder = policy.decoder().clone().keeping(memory);
                let scores = decoder.scores(&ids, &plan, &rows, &tokens).unwrap();
                let states = decoder.hidden(&ids, &plan).unwrap();
                let loss = (scores.logprobs * &weights).unwrap().sum_all().unwrap();
                let loss = (loss + states.sqr().unwrap().sum_all().unwrap()).unwrap();
                (loss.to_scalar::<f32>().unwrap(), loss.backward().unwrap())
            };
            let (loss, kept) = of(PassMemory::default());
            for (memory, tolerance) in [
                (PassMemory { inputs_only: true, texts: 0 }, 0.0),
                (PassMemory { inputs_only: false, texts: 1 }, 2e-5),
                (PassMemory { inputs_only: true, texts: 3 }, 2e-5),
                // More than there are.
                (PassMemory { inputs_only: false, texts: 99 }, 0.0),
            ] {
                let (again_loss, again) = of(memory);
                assert_eq!(again_loss, loss, "{family:?} {memory:?}");
                for (name, p) in policy.parameters() {
                    let (a, b) = (again.get(p.as_tensor()).unwrap(), kept.get(p.as_tensor()).unwrap());
                    close(&format!("{family:?} {memory:?} {name}"), a, b, tolerance);
                }
            }
        }
    }

    #[test]
    fn half_weights_compute_what_their_rounded_values_do() {
        for (family, tied) in FAMILIES.into_iter().flat_map(|family| [(family, true), (family, false)]) {
            let (config, weights) = model(family, tied);
            let halved = weights.halved(&config).unwrap();
            let mut rounded = Weights::default();
            for (name, _) in config.tensor_shapes() {
                let tensor = halved.get(&name).unwrap().to_dense().unwrap();
                assert_eq!(tensor.dtype(), candle_core::DType::F32);
                rounded.insert(name, WeightTensor::Dense(tensor));
            }
            let (ids, plan) = rows();
            let (half, single) = (Decoder::new(&config, &halved).unwrap(), Decoder::new(&config, &rounded).unwrap());
            close("states", &half.hidden(&ids, &plan).unwrap(), &single.hidden(&ids, &plan).unwrap(), 0.0);
            let composed = half.composed_hidden(&ids, &plan).unwrap();
            close("composed", &composed, &single.composed_hidden(&ids, &plan).unwrap(), 0.0);
            close("logits", &half.logits(&composed).unwrap(), &single.logits(&composed).unwrap(), 0.0);
            let logprobs = |d: &Decoder| d.scores(&ids, &plan, &[3, 9], &[1, 2]).unwrap().logprobs;
            close("logprobs", &logprobs(&half), &logprobs(&single), 0.0);
            let (a, b) = (half.prefill(&ids, &plan, 0).unwrap().0, single.prefill(&ids, &plan, 0).unwrap().0);
            assert!(a == b, "{family:?}: logits of prompts");
        }
    }

    #[test]
    fn answers_that_were_recorded_train_with_the_bits_of_a_pass_over_them() {
        for family in FAMILIES {
            let mut policy = policy(family, true);
            let recorder = policy.snapshot().unwrap().recording();
            let prompts: Vec<Vec<u32>> =
                [5, 40, 1].iter().map(|len| (0..*len).map(|i| i * 11 % 37).collect()).collect();
            let rows: Vec<(usize, u64)> = (0..9).map(|i| (i / 3, i as u64)).collect();
            let options = crate::GenerateOptions {
                sampling: clicker_wire::Sampling { max_new_tokens: 12, ..clicker_wire::Sampling::default() },
                stop: (0..6).collect(),
                alternatives: 0,
            };
            let recordings = |policy: &Policy| {
                let Path::Dense(dense) = &policy.decoder().path else { panic!("not dense") };
                dense.recordings()
            };
            let drawn = crate::generate(&recorder, &prompts, &rows, options.clone()).unwrap();
            let lens: Vec<usize> = drawn.iter().map(|d| d.draws.len()).collect();
            assert!(lens.iter().min() < lens.iter().max(), "answers of one length: {lens:?}");
            assert_eq!(recordings(&policy), 1);
            let (mut ids, mut plan) = (Vec::new(), RowPlan::new());
            let (mut at, mut tokens) = (Vec::new(), Vec::new());
            for (prompt, answers) in prompts.iter().zip(drawn.chunks(3)) {
                let root = plan.push_root(prompt.len());
                ids.extend_from_slice(prompt);
                let last = ids.len() as u32 - 1;
                for answer in answers {
                    let answer = answer.ids();
                    let start = ids.len() as u32;
                    at.extend((0..answer.len() as u32).map(|t| if t == 0 { last } else { start + t - 1 }));
                    tokens.extend_from_slice(&answer);
                    if answer.len() > 1 {
                        plan.push_continuation(root, answer.len() - 1).unwrap();
                        ids.extend_from_slice(&answer[..answer.len() - 1]);
                    }
                }
            }
            let plan = Arc::new(plan);
            let pass = |policy: &Policy| {
                let scores = policy.decoder().scores(&ids, &plan, &at, &tokens).unwrap();
                let store = scores.logprobs.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                let gradients = policy
                    .parameters()
                    .iter()
                    .map(|(_, p)| store.get(p.as_tensor()).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap());
                (scores.logprobs.to_vec1::<f32>().unwrap(), scores.entropies, gradients.collect::<Vec<_>>())
            };
            let recorded = pass(&policy);
            assert_eq!(recordings(&policy), 0, "one pass uses it");
            assert!(recorded == pass(&policy), "{family:?}");
            for (sampled, trained) in drawn.iter().flat_map(|d| &d.draws).zip(&recorded.0) {
                assert!((sampled.logprob - trained).abs() < 1e-5, "{} and {trained}", sampled.logprob);
            }
            // What other weights computed is of no use.
            let embedding = &policy.parameters()[0].1;
            embedding.set(&(embedding.as_tensor() * 1.5).unwrap()).unwrap();
            policy.updated().unwrap();
            crate::generate(&recorder, &prompts, &rows, options).unwrap();
            assert_eq!(recordings(&policy), 1);
            assert!(pass(&policy) == pass(&policy), "{family:?}");
        }
    }
}
