//! Timings on any model, as data: seconds in, medians out.

use super::{HeadlessError, Result};
use clicker_lm::{Compute, LoadedModel};
use clicker_train::bench;
use clicker_train::check::{self, Compared};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Whole GRPO steps.
#[derive(Clone, Debug, Serialize)]
pub struct BenchGrpo {
    /// Prompts, answers per prompt, tokens of a prompt, tokens of an answer.
    pub shape: [usize; 4],
    /// Weight of the KL.
    pub beta: f64,
    /// Median seconds of the step and of its parts.
    pub median_s: BTreeMap<&'static str, f64>,
    /// Every step's seconds.
    pub steps_s: Vec<f64>,
    /// Largest resident memory of the process so far, MiB; 0 where the system does not tell.
    pub peak_mib: f64,
    /// Where models computed.
    pub device: String,
    /// Tokens of answers drawn per second of rollouts.
    pub rollout_tokens_per_s: f64,
    /// Share of the step's time in rollouts.
    pub rollout_share: f64,
    /// Most of the card's memory that was taken between the parts of a step, by anybody, MiB; none on the processor.
    pub card_mib: Option<f64>,
}

/// SFT steps.
#[derive(Clone, Debug, Serialize)]
pub struct BenchSft {
    /// Sequences and their length.
    pub shape: [usize; 2],
    /// Trained tokens per second, median.
    pub tokens_per_s: f64,
    /// Every step's seconds.
    pub steps_s: Vec<f64>,
    /// As in [`BenchGrpo`].
    pub peak_mib: f64,
}

/// Batched sampling.
#[derive(Clone, Debug, Serialize)]
pub struct BenchGenerate {
    /// Answers, tokens of a prompt, new tokens.
    pub shape: [usize; 3],
    /// Different prompts that they answer.
    pub prompts: usize,
    /// New tokens per second, median over runs.
    pub tokens_per_s: f64,
    /// Prompt tokens per second, where only the prompt is computed.
    pub prefill_tokens_per_s: f64,
    /// Every run's seconds.
    pub runs_s: Vec<f64>,
}

/// Measure GRPO steps; one more is made first and dropped.
///
/// # Errors
/// A model that cannot be loaded or trained, shapes that it cannot take.
pub fn bench_grpo(
    model: &Path,
    shape: [usize; 4],
    beta: f64,
    steps: u32,
    setting: &bench::Setting,
) -> Result<BenchGrpo> {
    let [prompts, group, prompt_tokens, new_tokens] = shape;
    positive(&[
        ("--prompts", prompts),
        ("--prompt-tokens", prompt_tokens),
        ("--new-tokens", new_tokens),
        ("--steps", steps as usize),
    ])?;
    if group < 2 {
        return Err(HeadlessError::Request(format!("--group is {group}; a group needs at least 2 answers to compare")));
    }
    let shape_of = bench::GrpoShape { prompts, group, prompt_tokens, new_tokens: new_tokens as u32, beta };
    let all = bench::grpo(load(model)?, shape_of, steps + 1, setting)?;
    let mut parts: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for step in all.iter().skip(1) {
        for (name, seconds) in step {
            parts.entry(name).or_default().push(*seconds);
        }
    }
    let card = parts.remove("card_mib").map(|all| all.into_iter().fold(0.0, f64::max));
    let steps_s = parts.get("step").cloned().unwrap_or_default();
    let median_s: BTreeMap<_, _> = parts.into_iter().map(|(name, all)| (name, median(all))).collect();
    let of = |name: &str| median_s.get(name).copied().unwrap_or(f64::NAN);
    Ok(BenchGrpo {
        shape,
        beta,
        steps_s,
        peak_mib: peak_mib(),
        device: setting.compute.name(),
        rollout_tokens_per_s: (prompts * group * new_tokens) as f64 / of("rollout"),
        rollout_share: of("rollout") / of("step"),
        card_mib: card,
        median_s,
    })
}

/// Measure SFT steps; one more is made first and dropped.
///
/// # Errors
/// As [`bench_grpo`].
pub fn bench_sft(model: &Path, batch: usize, seq: usize, steps: u32, setting: &bench::Setting) -> Result<BenchSft> {
    positive(&[("--batch", batch), ("--seq", seq), ("--steps", steps as usize)])?;
    let steps_s = bench::sft(load(model)?, batch, seq, steps + 1, setting)?.split_off(1);
    let tokens_per_s = (batch * seq) as f64 / median(steps_s.clone());
    Ok(BenchSft { shape: [batch, seq], tokens_per_s, steps_s, peak_mib: peak_mib() })
}

/// Measure sampling; one more run is made first and dropped.
///
/// # Errors
/// As [`bench_grpo`].
pub fn bench_generate(
    model: &Path,
    (batch, prompts): (usize, usize),
    (prompt_tokens, new_tokens): (usize, u32),
    runs: u32,
    compute: &Compute,
) -> Result<BenchGenerate> {
    positive(&[
        ("--batch", batch),
        ("--prompts", prompts),
        ("--prompt-tokens", prompt_tokens),
        ("--new-tokens", new_tokens as usize),
        ("--runs", runs as usize),
    ])?;
    if !batch.is_multiple_of(prompts) {
        return Err(HeadlessError::Request(format!(
            "--batch {batch} with --prompts {prompts}; expected the same number of answers to every prompt"
        )));
    }
    let (model, groups) = (load(model)?.on(compute)?, (prompts, batch / prompts));
    let prefill = median(bench::sampling(&model, groups, prompt_tokens, 1, runs + 1)?.split_off(1));
    let runs_s = bench::sampling(&model, groups, prompt_tokens, new_tokens, runs + 1)?.split_off(1);
    Ok(BenchGenerate {
        shape: [batch, prompt_tokens, new_tokens as usize],
        prompts,
        tokens_per_s: (batch * new_tokens as usize) as f64 / median(runs_s.clone()),
        prefill_tokens_per_s: (prompts * prompt_tokens) as f64 / prefill,
        runs_s,
    })
}

/// Compare a device with the processor's dense decoder: random models of every family, and this model.
///
/// # Errors
/// A model that cannot be loaded, a device that cannot do it at all.
pub fn bench_check(model: &Path, compute: &Compute) -> Result<Vec<Compared>> {
    let mut all = check::families()?;
    all.push((model.display().to_string(), load(model)?));
    let mut out = Vec::new();
    for (name, model) in &all {
        out.extend(check::check(name, model, compute)?);
    }
    Ok(out)
}

/// A model by its path, or `random:SHAPE`.
fn load(model: &Path) -> Result<LoadedModel> {
    match model.to_str().and_then(|name| name.strip_prefix("random:")) {
        Some(shape) => Ok(bench::random(shape)?),
        None => super::load(model),
    }
}

fn positive(values: &[(&str, usize)]) -> Result<()> {
    match values.iter().find(|(_, value)| *value == 0) {
        Some((name, _)) => Err(HeadlessError::Request(format!("{name} is 0; expected at least 1"))),
        None => Ok(()),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// `VmHWM` of Linux.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse::<f64>().ok()).map_or(0.0, |kib| kib / 1024.0)
}
