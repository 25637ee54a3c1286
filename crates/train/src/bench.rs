//! How fast the trainer is: whole GRPO steps, SFT steps and batched sampling on any model, with fixed shapes and made-up
//! rewards, through the very code that trains.

use crate::grpo::{Batch, sum_gradients};
use crate::parallel::{SHARDS, shards};
use crate::pretrain::random_weights;
use crate::reward::{Scored, advantages};
use crate::rollout::{Answer, Group};
use crate::sft::gradient;
use crate::{AdamW, Result, TrainError};
use clicker_lm::lora::Adapter;
use clicker_lm::{
    Architecture, Compute, GenerateOptions, LoadedModel, ModelConfig, PassMemory, Policy, PolicySnapshot, RenderedChat,
    RopeScaling, generate, stream_seed,
};
use clicker_rl::groups::outcomes;
use clicker_wire::{AdvantageScale, Dtype, GrpoSpec, Item, LoraSpec, MemorySpec, OptimSpec, Sampling};
use std::collections::BTreeMap;
use std::time::Instant;

/// Shape of a GRPO bench.
#[derive(Clone, Copy, Debug)]
pub struct GrpoShape {
    /// Prompts per step.
    pub prompts: usize,
    /// Answers per prompt.
    pub group: usize,
    /// Tokens of every prompt.
    pub prompt_tokens: usize,
    /// Tokens of every answer: nothing ends early.
    pub new_tokens: u32,
    /// Weight of the KL; 0 runs without a reference.
    pub beta: f64,
}

/// What is trained, what memory is spent on, and where it is done.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// As in a recipe.
    pub memory: MemorySpec,
    /// An adapter instead of all weights.
    pub lora: Option<LoraSpec>,
    /// Where models compute.
    pub compute: Compute,
}

impl Setting {
    /// The policy, and the model that it starts from as it is kept.
    pub(crate) fn policy(&self, model: LoadedModel) -> Result<(Policy, PolicySnapshot)> {
        let model = model.on(&self.compute)?;
        let (config, whole) = (model.config, model.snapshot);
        let frozen = match self.memory.frozen_dtype {
            Dtype::F32 => whole.clone(),
            Dtype::Bf16 => PolicySnapshot::new(&config, whole.weights().halved(&config)?, 0)?,
        };
        let policy = match &self.lora {
            None => Policy::new(&config, whole.weights())?,
            Some(spec) => Policy::adapted(&config, frozen.weights(), &Adapter::new(spec, &config, 0)?)?,
        };
        let MemorySpec { gradient_checkpointing: inputs_only, micro_batch, .. } = self.memory;
        Ok((policy.keeping(PassMemory { inputs_only, texts: micro_batch as usize }), frozen))
    }
}

/// Seconds of one step, by part; and `card_mib`, what of a card's memory was taken at most, by anybody, where it was looked at.
pub type StepTimes = BTreeMap<&'static str, f64>;

/// A random model of a well-known shape: `135m` is SmolLM2's (Llama), `0.5b` Qwen2.5's (Qwen2). It knows nothing, and every step
/// costs what it costs with the real weights.
///
/// # Errors
/// Another name.
pub fn random(shape: &str) -> Result<LoadedModel> {
    // Width, blocks, heads, key heads, feed-forward, vocabulary, context, rotary base.
    let (architecture, [width, layers, heads, kv_heads, ffn, vocab, context], rope_theta) = match shape {
        "135m" => (Architecture::Llama, [576, 30, 9, 3, 1536, 49_152, 8192], 100_000.0),
        "0.5b" => (Architecture::Qwen2, [896, 24, 14, 2, 4864, 151_936, 32_768], 1_000_000.0),
        other => {
            return Err(TrainError::Recipe(format!(
                "there is no random model `{other}`; expected 135m (SmolLM2's shape) or 0.5b (Qwen2.5's)"
            )));
        }
    };
    let config = ModelConfig {
        architecture,
        vocab,
        width,
        layers,
        heads,
        kv_heads,
        head_dim: width / heads,
        ffn,
        context,
        rms_eps: 1e-5,
        rope_theta,
        rope_scaling: RopeScaling::None,
        tied: true,
        bos: None,
        eos: Vec::new(),
    };
    let snapshot = PolicySnapshot::new(&config, random_weights(&config, 0)?, 0)?;
    Ok(LoadedModel { config, tokenizer: None, snapshot })
}

/// Steps one after another; the first is a warm-up that callers drop.
///
/// # Errors
/// A model that cannot be trained or shapes that it cannot take.
pub fn grpo(model: LoadedModel, shape: GrpoShape, steps: u32, setting: &Setting) -> Result<Vec<StepTimes>> {
    let (mut policy, frozen) = setting.policy(model)?;
    let mut optimizer = AdamW::of(&OptimSpec::default(), &policy)?;
    let spec = GrpoSpec { beta: shape.beta, ..GrpoSpec::default() };
    (0..steps)
        .map(|step| {
            let (start, mut times) = (Instant::now(), StepTimes::new());
            let mut lap = start;
            let mut card = 0f64;
            let mut book = |name: &'static str| {
                times.insert(name, lap.elapsed().as_secs_f64());
                let taken = setting.compute.memory_taken().unwrap_or(0) as f64 / f64::from(1 << 20);
                card = card.max(taken);
                lap = Instant::now();
            };
            let groups = sample(&policy.snapshot()?.recording(), shape, step)?;
            book("rollout");
            let scored = made_up(&groups)?;
            let reference = (shape.beta > 0.0).then_some(&frozen);
            let batch = Batch::new(&groups, &scored, &spec, shape.new_tokens, reference)?;
            book("reference");
            let passes = batch.passes(&policy)?;
            book("train");
            optimizer.step(policy.parameters(), &sum_gradients(&passes)?, 1e-6)?;
            policy.updated()?;
            book("optimizer");
            times.insert("forward", passes.iter().map(|p| p.forward_s).fold(0.0, f64::max));
            times.insert("backward", passes.iter().map(|p| p.backward_s).fold(0.0, f64::max));
            times.insert("step", start.elapsed().as_secs_f64());
            if card > 0.0 {
                times.insert("card_mib", card);
            }
            Ok(times)
        })
        .collect()
}

/// Seconds of each SFT step of `batch` sequences of `seq` tokens, all counted.
///
/// # Errors
/// As [`grpo`].
pub fn sft(model: LoadedModel, batch: usize, seq: usize, steps: u32, setting: &Setting) -> Result<Vec<f64>> {
    let vocab = model.config.vocab;
    let (mut policy, _frozen) = setting.policy(model)?;
    let mut optimizer = AdamW::of(&OptimSpec::default(), &policy)?;
    let chats: Vec<RenderedChat> =
        (0..batch).map(|b| RenderedChat { ids: some_ids(vocab, b, seq + 1), loss_mask: vec![true; seq + 1] }).collect();
    (0..steps)
        .map(|_| {
            let start = Instant::now();
            let gradient = gradient(&policy, &chats.iter().collect::<Vec<_>>())?;
            optimizer.step(policy.parameters(), &gradient.gradients, 1e-6)?;
            policy.updated()?;
            Ok(start.elapsed().as_secs_f64())
        })
        .collect()
}

/// Seconds to draw `group` answers of `new_tokens` to each of `prompts` different prompts.
///
/// # Errors
/// As [`grpo`].
pub fn sampling(
    model: &LoadedModel,
    (prompts, group): (usize, usize),
    prompt_tokens: usize,
    new_tokens: u32,
    runs: u32,
) -> Result<Vec<f64>> {
    let shape = GrpoShape { prompts, group, prompt_tokens, new_tokens, beta: 0.0 };
    (0..runs)
        .map(|run| {
            let start = Instant::now();
            sample(&model.snapshot, shape, run)?;
            Ok(start.elapsed().as_secs_f64())
        })
        .collect()
}

pub(crate) fn sample(model: &PolicySnapshot, shape: GrpoShape, step: u32) -> Result<Vec<Group>> {
    let vocab = model.decoder().config().vocab;
    let options = GenerateOptions {
        sampling: Sampling { max_new_tokens: shape.new_tokens, ..Sampling::default() },
        stop: Vec::new(),
        alternatives: 0,
    };
    let parts = shards(|shard| -> Result<Vec<Group>> {
        let mine: Vec<usize> = (shard..shape.prompts).step_by(SHARDS).collect();
        if mine.is_empty() {
            return Ok(Vec::new());
        }
        let prompts: Vec<Vec<u32>> = mine.iter().map(|&p| some_ids(vocab, p, shape.prompt_tokens)).collect();
        let rows: Vec<(usize, u64)> = (0..mine.len())
            .flat_map(|p| {
                (0..shape.group).map(move |g| (p, stream_seed(0, step.into(), mine_index(p, shard), g as u64)))
            })
            .collect();
        let mut drawn = generate(model, &prompts, &rows, options.clone())?.into_iter();
        Ok(prompts
            .into_iter()
            .map(|prompt| Group {
                item: Item::free(""),
                prompt,
                answers: drawn.by_ref().take(shape.group).map(|drawn| answer(&drawn)).collect(),
            })
            .collect())
    })?;
    // In the order of the prompts, as training cuts them into shards.
    let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
    Ok((0..shape.prompts).filter_map(|p| parts[p % SHARDS].next()).collect())
}

fn mine_index(local: usize, shard: usize) -> u64 {
    (local * SHARDS + shard) as u64
}

fn answer(drawn: &clicker_lm::Drawn) -> Answer {
    Answer {
        text: String::new(),
        pieces: Vec::new(),
        logprobs: drawn.draws.iter().map(|d| d.logprob).collect(),
        entropies: drawn.draws.iter().map(|d| d.entropy).collect(),
        ids: drawn.ids(),
        stop: drawn.stop,
        replies: Vec::new(),
    }
}

/// A reward that differs within groups: the share of even ids.
pub(crate) fn made_up(groups: &[Group]) -> Result<Scored> {
    let even = |a: &Answer| Some(a.ids.iter().filter(|id| **id % 2 == 0).count() as f64 / a.ids.len() as f64);
    let totals: Vec<Vec<Option<f64>>> = groups.iter().map(|g| g.answers.iter().map(even).collect()).collect();
    let right: Vec<Vec<bool>> = groups.iter().map(|g| vec![false; g.answers.len()]).collect();
    Ok(Scored {
        rewards: Vec::new(),
        advantages: advantages(&totals, AdvantageScale::Group)?,
        outcomes: outcomes(&totals, &right)?,
        metrics: BTreeMap::new(),
    })
}

/// Any ids do: the arithmetic is the same for all.
fn some_ids(vocab: usize, row: usize, len: usize) -> Vec<u32> {
    (0..len).map(|t| ((row * 131 + t * 7 + 3) % vocab) as u32).collect()
}
