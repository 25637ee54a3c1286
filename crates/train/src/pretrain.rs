//! Making the built-in model from nothing: a tokenizer trained on the world's text, random weights, and cross-entropy on
//! the assistant's tokens of an endless seeded stream of conversations. Same seed, same bytes.

use crate::session::finite;
use crate::sft::gradient;
use crate::{AdamW, Result, schedule};
use candle_core::{Device, Tensor};
use clicker_dataset::World;
use clicker_lm::weights::WeightTensor;
use clicker_lm::{
    Architecture, ChatTemplate, ModelConfig, Policy, PolicySnapshot, RenderedChat, RopeScaling, SPECIAL_TOKENS,
    Tokenizer, Weights, train_bpe,
};
use clicker_wire::{OptimSpec, Schedule};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Everything that decides the built-in model.
#[derive(Clone, Debug)]
pub struct PretrainSpec {
    /// Seed of weights and stream.
    pub seed: u64,
    /// Seed of the world.
    pub world_seed: u64,
    /// Optimizer steps.
    pub steps: u32,
    /// Conversations per step.
    pub batch: u32,
    /// Tokens in the vocabulary.
    pub vocab: usize,
    /// Conversations that the tokenizer is trained on.
    pub tokenizer_documents: u64,
    /// Width, layers, query heads, key/value heads, feed-forward width, context.
    pub shape: [usize; 6],
    /// The optimizer.
    pub optim: OptimSpec,
}

impl Default for PretrainSpec {
    /// The recipe of the shipped model.
    fn default() -> Self {
        Self {
            seed: 1,
            world_seed: 1,
            steps: 3200,
            batch: 48,
            vocab: 1024,
            tokenizer_documents: 20_000,
            shape: [192, 4, 6, 2, 512, 256],
            optim: OptimSpec {
                learning_rate: 2e-3,
                adam_beta2: 0.98,
                weight_decay: 0.01,
                warmup_steps: 100,
                schedule: Schedule::Cosine,
                ..OptimSpec::default()
            },
        }
    }
}

/// One step's figures, for a progress bar.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Steps done.
    pub step: u32,
    /// Mean cross-entropy per taught token, nats.
    pub loss: f64,
    /// Share of taught tokens that are the model's likeliest.
    pub accuracy: f64,
    /// Tokens computed in this step.
    pub tokens: usize,
}

/// Make a model.
///
/// # Errors
/// An impossible shape, or numbers that diverge.
pub fn pretrain(spec: &PretrainSpec, progress: &mut dyn FnMut(Progress)) -> Result<(PolicySnapshot, Tokenizer)> {
    let world = World::new(spec.world_seed);
    let tokenizer = tokenizer(spec, &world)?;
    let template = ChatTemplate::of(&tokenizer);
    let config = config(spec, &tokenizer);
    let mut policy = Policy::new(&config, &random_weights(&config, spec.seed)?)?;
    let mut optimizer = AdamW::new(&spec.optim, policy.parameters());
    for step in 1..=spec.steps {
        let first = u64::from(step - 1) * u64::from(spec.batch);
        let batch = (first..first + u64::from(spec.batch))
            .map(|i| Ok(template.render(&tokenizer, &world.pretrain_document(i))?))
            .collect::<Result<Vec<RenderedChat>>>()?;
        let gradient = gradient(&policy, &batch.iter().collect::<Vec<_>>())?;
        finite(step, "the loss", gradient.loss)?;
        let learning_rate = schedule::learning_rate(&spec.optim, step, spec.steps);
        optimizer.step(policy.parameters(), &gradient.gradients, learning_rate)?;
        policy.updated()?;
        let accuracy = gradient.hits.iter().sum::<f64>() / gradient.hits.len().max(1) as f64;
        progress(Progress { step, loss: gradient.loss, accuracy, tokens: gradient.tokens });
    }
    Ok((policy.snapshot()?, tokenizer))
}

fn tokenizer(spec: &PretrainSpec, world: &World) -> Result<Tokenizer> {
    let texts: Vec<String> =
        (0..spec.tokenizer_documents).flat_map(|i| world.pretrain_document(i)).map(|message| message.content).collect();
    Ok(train_bpe(&texts, spec.vocab, &SPECIAL_TOKENS)?)
}

fn config(spec: &PretrainSpec, tokenizer: &Tokenizer) -> ModelConfig {
    let [width, layers, heads, kv_heads, ffn, context] = spec.shape;
    ModelConfig {
        architecture: Architecture::Llama,
        vocab: tokenizer.vocab_size(),
        width,
        layers,
        heads,
        kv_heads,
        head_dim: width / heads,
        ffn,
        context,
        rms_eps: 1e-5,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        tied: true,
        bos: tokenizer.id("<|bos|>"),
        eos: tokenizer.id("<|end|>").into_iter().collect(),
    }
}

/// Normal weights: 0.02 for the embedding, 1/sqrt(inputs) for matrices, the two that write to the residual stream scaled down
/// by sqrt(2 layers) (GPT-2's rule) so that depth does not amplify; ones for norms, zeros for biases.
pub fn random_weights(config: &ModelConfig, seed: u64) -> Result<Weights> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut weights = Weights::default();
    for (name, dims) in config.tensor_shapes() {
        let count: usize = dims.iter().product();
        let residual = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
        let std = match dims.as_slice() {
            [_, _] if name.ends_with("embed_tokens.weight") => 0.02,
            [_, inputs] if residual => 1.0 / (*inputs as f32).sqrt() / (2.0 * config.layers as f32).sqrt(),
            [_, inputs] => 1.0 / (*inputs as f32).sqrt(),
            _ => 0.0,
        };
        let values: Vec<f32> = match dims.len() {
            1 => vec![if name.ends_with(".bias") { 0.0 } else { 1.0 }; count],
            _ => (0..count).map(|_| std * normal(&mut rng)).collect(),
        };
        weights.insert(name, WeightTensor::Dense(Tensor::from_vec(values, dims, &Device::Cpu)?));
    }
    Ok(weights)
}

/// A standard normal number, by the sum of twelve uniform ones: no libm, so the same bits on every machine.
fn normal(rng: &mut ChaCha8Rng) -> f32 {
    (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0
}
