//! Whether a device computes what the dense decoder computes on the processor: logits of prompts and of continued texts, token
//! scores, loss and gradients of supervised and GRPO steps, an optimizer's updates, with all weights trained and with an adapter.
//! Golden files say that the dense decoder is right; this says that the other one is the same.
//!
//! Never knows which device it is given.

use crate::bench::{GrpoShape, Setting, made_up, sample};
use crate::grpo::{Batch, Pass, sum_gradients};
use crate::sft::gradient;
use crate::{AdamW, Result, pretrain};
use candle_core::{Device, Tensor};
use clicker_lm::weights::WeightTensor;
use clicker_lm::{
    Architecture, Compute, Inference, LoadedModel, ModelConfig, Policy, PolicySnapshot, RenderedChat, RowCache, RowPlan,
};
use clicker_wire::{GrpoSpec, LoraSpec, MemorySpec, OptimSpec};
use std::sync::Arc;

/// One quantity on both sides.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What, and of which model.
    pub what: String,
    /// Largest difference, as a share of the largest value of its tensor; of several tensors the worst. Of losses, which may be 0,
    /// as a share of 1 at least.
    pub gap: f64,
    /// What it may be.
    pub tolerance: f64,
}

impl Compared {
    /// Whether it is near enough; what is no number never is.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.gap <= self.tolerance
    }
}

/// f32 sums of some hundred products in another order.
const LOGITS: f64 = 2e-4;
/// Two passes of such sums, and exponentials between them.
const GRADIENTS: f64 = 2e-3;
/// The same few operations on the same numbers.
const UPDATES: f64 = 1e-5;

/// Below this, differences count as they are: the gradient of what does not matter is a sum that cancels.
const SMALLEST: f64 = 1e-5;

/// Random models of every family that the trainer knows: heads in groups, nothing that fits a tile.
///
/// # Errors
/// Tensor arithmetic.
pub fn families() -> Result<Vec<(String, LoadedModel)>> {
    let all = [Architecture::Llama, Architecture::Qwen2, Architecture::Qwen3];
    let all = all.into_iter().flat_map(|family| [(family, true), (family, false)]);
    all.map(|(architecture, tied)| {
        let config = ModelConfig::uneven(architecture, 97, tied);
        let mut weights = pretrain::random_weights(&config, 7)?;
        for (name, dims) in config.tensor_shapes() {
            // Norms of 1 and biases of 0 would hide a factor or a sum that was forgotten.
            if let [width] = dims[..] {
                let middle = if name.ends_with(".bias") { 0.0 } else { 1.0 };
                let values: Vec<f32> = (0..width).map(|i| middle + 0.2 * ((i * 7 + 3) as f32).sin()).collect();
                weights.insert(name, WeightTensor::Dense(Tensor::new(values, &Device::Cpu)?));
            }
        }
        let name = format!("{} random, {}", architecture.name(), if tied { "tied" } else { "own head" });
        let snapshot = PolicySnapshot::new(&config, weights, 0)?;
        Ok((name, LoadedModel { config, tokenizer: None, snapshot }))
    })
    .collect()
}

/// Compare a model, which the processor holds, on both sides.
///
/// # Errors
/// A device that cannot do it at all; tensor arithmetic.
pub fn check(name: &str, model: &LoadedModel, compute: &Compute) -> Result<Vec<Compared>> {
    let there = model.clone().on(compute)?;
    let mut seen = Seen { name, rows: Vec::new() };
    inference(&mut seen, model, &there)?;
    let all = Setting { compute: compute.clone(), ..Setting::default() };
    let adapter = LoraSpec { r: 4, ..LoraSpec::default() };
    training(&mut seen, "all weights", model, &all)?;
    let memory = MemorySpec { micro_batch: 1, ..MemorySpec::default() };
    training(&mut seen, "all weights, one text at a time", model, &Setting { memory, ..all.clone() })?;
    training(&mut seen, "adapter", model, &Setting { lora: Some(adapter), ..all })?;
    Ok(seen.rows)
}

struct Seen<'a> {
    name: &'a str,
    rows: Vec<Compared>,
}

impl Seen<'_> {
    fn note(&mut self, what: &str, gap: f64, tolerance: f64) {
        self.rows.push(Compared { what: format!("{}: {what}", self.name), gap, tolerance });
    }

    fn values(&mut self, what: &str, got: &[f32], expected: &[f32], tolerance: f64) {
        self.note(what, gap(got, expected), tolerance);
    }
}

/// Largest difference as a share of the largest value; no number where the lengths differ or a value is none.
fn gap(got: &[f32], expected: &[f32]) -> f64 {
    let size = expected.iter().fold(SMALLEST, |most, x| most.max(f64::from(x.abs())));
    if got.len() != expected.len() {
        return f64::NAN;
    }
    let gaps = got.iter().zip(expected).map(|(a, b)| f64::from((a - b).abs()) / size);
    gaps.fold(0.0, |worst: f64, gap| if gap.is_nan() || gap > worst { gap } else { worst })
}

/// The worst of tensors that belong together, each by its own largest value.
fn gradients_gap(got: &[Option<Tensor>], expected: &[Option<Tensor>]) -> Result<f64> {
    let mut worst = 0f64;
    for pair in got.iter().zip(expected) {
        let off = match pair {
            (Some(got), Some(expected)) => {
                let flat = |t: &Tensor| t.flatten_all()?.to_vec1::<f32>();
                gap(&flat(got)?, &flat(expected)?)
            }
            (None, None) => 0.0,
            // A gradient that one side lacks.
            _ => f64::NAN,
        };
        worst = if off.is_nan() { off } else { worst.max(off) };
    }
    Ok(if got.len() == expected.len() { worst } else { f64::NAN })
}

fn ids(vocab: usize, start: usize, len: usize) -> Vec<u32> {
    (0..len).map(|t| ((start * 131 + t * 17 + 3) % vocab) as u32).collect()
}

fn inference(seen: &mut Seen<'_>, here: &LoadedModel, there: &LoadedModel) -> Result<()> {
    let (config, models) = (&here.config, [&here.snapshot, &there.snapshot]);
    let (vocab, lens) = (config.vocab, [5, 19, 11]);
    let prompts: Vec<u32> = lens.iter().enumerate().flat_map(|(p, &len)| ids(vocab, p, len)).collect();
    let plan = Arc::new(RowPlan::independent(&lens));
    let [(before, mut cache), (after, mut their_cache)] = pair(models, |m| Ok(m.prefill(&prompts, &plan, 12)?))?;
    seen.values("logits behind prompts", &after, &before, LOGITS);
    for prompt in [0, 0, 1, 2] {
        cache.add_row(prompt)?;
        their_cache.add_row(prompt)?;
    }
    // Rows that end, one that comes back.
    let mut worst = 0f64;
    for (t, rows) in [&[0, 1, 2, 3][..], &[0, 1, 2, 3], &[1, 3], &[3], &[0, 3], &[0, 1, 2, 3]].into_iter().enumerate() {
        let next = ids(vocab, t + 7, rows.len());
        let expected = here.snapshot.step(&next, rows, &mut cache)?;
        let off = gap(&there.snapshot.step(&next, rows, &mut their_cache)?, &expected);
        worst = if off.is_nan() { off } else { worst.max(off) };
    }
    seen.note("logits of continued texts", worst, LOGITS);
    let mut plan = RowPlan::new();
    let (first, second) = (plan.push_root(13), plan.push_root(6));
    for (root, len) in [(first, 4), (first, 9), (second, 1)] {
        plan.push_continuation(root, len)?;
    }
    plan.push_root(21);
    let (plan, count) = (Arc::new(plan), 54);
    let rows: Vec<u32> = (0..count).rev().chain([3, 3]).collect();
    let (text, tokens) = (ids(vocab, 2, count as usize), ids(vocab, 5, rows.len()));
    let [expected, got] = pair(models, |m| Ok(m.decoder().scores(&text, &plan, &rows, &tokens)?))?;
    seen.values("log-probabilities of tokens", &got.logprobs.to_vec1()?, &expected.logprobs.to_vec1()?, LOGITS);
    seen.values("entropies", &got.entropies, &expected.entropies, LOGITS);
    let [expected, got] = pair(models, |m| Ok(m.decoder().hidden(&text, &plan)?.flatten_all()?.to_vec1::<f32>()?))?;
    seen.values("final states", &got, &expected, LOGITS);
    Ok(())
}

fn pair<T>(models: [&PolicySnapshot; 2], f: impl Fn(&PolicySnapshot) -> Result<T>) -> Result<[T; 2]> {
    Ok([f(models[0])?, f(models[1])?])
}

fn training(seen: &mut Seen<'_>, how: &str, model: &LoadedModel, setting: &Setting) -> Result<()> {
    let plain = Setting { memory: MemorySpec::default(), compute: Compute::cpu(), ..setting.clone() };
    let ((mut here, reference), (mut there, their_reference)) =
        (plain.policy(model.clone())?, setting.policy(model.clone())?);
    let shape = GrpoShape { prompts: 4, group: 3, prompt_tokens: 9, new_tokens: 7, beta: 0.1 };
    let groups = sample(&here.snapshot()?, shape, 0)?;
    let (scored, spec) = (made_up(&groups)?, GrpoSpec { beta: shape.beta, ..GrpoSpec::default() });
    let chats: Vec<RenderedChat> = (0..5)
        .map(|b| RenderedChat { ids: ids(model.config.vocab, b, 12 + 3 * b), loss_mask: vec![true; 12 + 3 * b] })
        .collect();
    let chats: Vec<&RenderedChat> = chats.iter().collect();
    let optim = OptimSpec { weight_decay: 0.01, ..OptimSpec::default() };
    let (mut ours, mut theirs) = (AdamW::of(&optim, &here)?, AdamW::of(&optim, &there)?);
    // After the first update nothing is what it was, an adapter's B included.
    for update in ["before", "after"] {
        let what = |of: &str| format!("{how}, {update} an update, {of}");
        let [expected, got] = [gradient(&here, &chats)?, gradient(&there, &chats)?];
        seen.note(&what("SFT loss"), (got.loss - expected.loss).abs() / expected.loss.abs().max(1.0), LOGITS);
        seen.note(&what("SFT gradients"), gradients_gap(&got.gradients, &expected.gradients)?, GRADIENTS);
        let of = |policy: &Policy, reference: &PolicySnapshot| -> Result<(f64, Vec<Option<Tensor>>)> {
            let passes = Batch::new(&groups, &scored, &spec, shape.new_tokens, Some(reference))?.passes(policy)?;
            Ok((passes.iter().map(Pass::loss).sum(), sum_gradients(&passes)?))
        };
        let ((loss, expected), (their_loss, got)) = (of(&here, &reference)?, of(&there, &their_reference)?);
        seen.note(&what("GRPO loss"), (their_loss - loss).abs() / loss.abs().max(1.0), LOGITS);
        seen.note(&what("GRPO gradients"), gradients_gap(&got, &expected)?, GRADIENTS);
        // The same gradients to both, so that only the update is compared.
        let moved = expected.iter().map(|g| g.as_ref().map(|g| g.to_device(setting.compute.device())).transpose());
        let moved = moved.collect::<candle_core::Result<Vec<_>>>()?;
        let rate = 1e-3;
        let norms = [ours.step(here.parameters(), &expected, rate)?, theirs.step(there.parameters(), &moved, rate)?];
        seen.note(&what("the gradient's norm"), (norms[1] - norms[0]).abs() / norms[0].max(1e-9), LOGITS);
        here.updated()?;
        there.updated()?;
        let values = |policy: &Policy| policy.parameters().iter().map(|(_, p)| Some(p.as_tensor().detach())).collect();
        let (expected, got): (Vec<_>, Vec<_>) = (values(&here), values(&there));
        seen.note(&what("parameters of the optimizer"), gradients_gap(&got, &expected)?, UPDATES);
    }
    let (kept, back) = (here.snapshot()?, there.snapshot()?.on(&Compute::cpu())?);
    let text = ids(model.config.vocab, 1, 14);
    seen.values(
        &format!("{how}, logits of the trained copy"),
        &back.last_logits(&text)?,
        &kept.last_logits(&text)?,
        LOGITS,
    );
    Ok(())
}
