//! `clicker bench`: how fast this build is on this machine.

use super::print_json;
use clap::Subcommand;
use clicker_service::headless::{self, BenchGenerate, BenchGraders, BenchGrpo, BenchSetting, BenchSft, Compute};
use clicker_wire::{Dtype, LoraSpec, MemorySpec};
use std::path::PathBuf;

/// Options of `clicker bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Whole GRPO steps: sampling, reference, forward, backward, optimizer.
    Grpo(Grpo),
    /// Supervised steps, in trained tokens per second.
    Sft(Sft),
    /// Batched sampling, in new tokens per second.
    Generate(Generate),
    /// Graders and a reward of six, in answers of about 32 tokens per second on one core. Needs no model.
    Graders(Graders),
    /// Whether a device computes what the processor does: random models of every family and one of yours, tensor by tensor.
    Check(Check),
    /// Everything on one model, in a few minutes.
    All(All),
}

#[derive(Debug, clap::Args)]
struct Grpo {
    /// A GGUF file, a Hugging Face folder, or a random model of a known shape: random:135m (SmolLM2's), random:0.5b (Qwen2.5's).
    #[arg(long, value_name = "PATH", default_value = super::BUILTIN)]
    model: PathBuf,
    #[arg(long, default_value_t = 16)]
    prompts: usize,
    #[arg(long, default_value_t = 8)]
    group: usize,
    #[arg(long, default_value_t = 32)]
    prompt_tokens: usize,
    #[arg(long, default_value_t = 32)]
    new_tokens: usize,
    #[arg(long, default_value_t = 10)]
    steps: u32,
    /// Weight of the KL; 0 runs without a reference model.
    #[arg(long, default_value_t = 0.04)]
    beta: f64,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    place: super::Place,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Memory {
    /// Keep only what goes into each block, compute the rest again in the backward pass.
    #[arg(long)]
    gradient_checkpointing: bool,
    /// Keep so many texts of each of the step's two shards at a time; 0 keeps all.
    #[arg(long, default_value_t = 0)]
    micro_batch: u32,
    /// Store what is not trained in bf16.
    #[arg(long)]
    frozen_bf16: bool,
    /// Train an adapter of this rank instead of all weights.
    #[arg(long, value_name = "RANK")]
    lora: Option<u32>,
    /// Modules that the adapter sits on; all of them if not given.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "lora")]
    targets: Vec<String>,
}

impl Memory {
    fn setting(&self, place: &super::Place) -> anyhow::Result<BenchSetting> {
        let targets = if self.targets.is_empty() { LoraSpec::default().target_modules } else { self.targets.clone() };
        let lora = self.lora.map(|r| LoraSpec { r, target_modules: targets, ..LoraSpec::default() });
        if let Some(complaint) = lora.as_ref().and_then(LoraSpec::complaint) {
            anyhow::bail!("{complaint}");
        }
        let memory = MemorySpec {
            gradient_checkpointing: self.gradient_checkpointing,
            micro_batch: self.micro_batch,
            frozen_dtype: if self.frozen_bf16 { Dtype::Bf16 } else { Dtype::F32 },
            dtype: Dtype::F32,
        };
        Ok(BenchSetting { memory, lora, compute: place.compute()? })
    }
}

#[derive(Debug, clap::Args)]
struct Sft {
    /// A GGUF file, a Hugging Face folder, or a random model of a known shape: random:135m (SmolLM2's), random:0.5b (Qwen2.5's).
    #[arg(long, value_name = "PATH", default_value = super::BUILTIN)]
    model: PathBuf,
    #[arg(long, default_value_t = 32)]
    batch: usize,
    #[arg(long, default_value_t = 128)]
    seq: usize,
    #[arg(long, default_value_t = 5)]
    steps: u32,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    place: super::Place,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Generate {
    /// A GGUF file, a Hugging Face folder, or a random model of a known shape: random:135m (SmolLM2's), random:0.5b (Qwen2.5's).
    #[arg(long, value_name = "PATH", default_value = super::BUILTIN)]
    model: PathBuf,
    /// Answers that are drawn side by side.
    #[arg(long, default_value_t = 128)]
    batch: usize,
    /// Different prompts that they answer; as many as answers if not given. Every prompt is computed once.
    #[arg(long)]
    prompts: Option<usize>,
    #[arg(long, default_value_t = 32)]
    prompt_tokens: usize,
    #[arg(long, default_value_t = 64)]
    new_tokens: u32,
    #[arg(long, default_value_t = 5)]
    runs: u32,
    #[command(flatten)]
    place: super::Place,
    #[arg(long)]
    json: bool,
}

/// On `cpu`, the path that cards take is computed by the processor: all that can be checked where there is no card.
#[derive(Debug, clap::Args)]
struct Check {
    /// A GGUF file, a Hugging Face folder, or a random model of a known shape: random:135m (SmolLM2's), random:0.5b (Qwen2.5's).
    #[arg(long, value_name = "PATH", default_value = super::BUILTIN)]
    model: PathBuf,
    #[command(flatten)]
    place: super::Place,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Graders {
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct All {
    /// A GGUF file, a Hugging Face folder, or a random model of a known shape: random:135m (SmolLM2's), random:0.5b (Qwen2.5's).
    #[arg(long, value_name = "PATH", default_value = super::BUILTIN)]
    model: PathBuf,
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Bench) -> anyhow::Result<()> {
    match &command.what {
        What::Grpo(c) => {
            let shape = [c.prompts, c.group, c.prompt_tokens, c.new_tokens];
            let result = headless::bench_grpo(&c.model, shape, c.beta, c.steps, &c.memory.setting(&c.place)?)?;
            if c.json { print_json(&result) } else { print_grpo(&result) }
        }
        What::Sft(c) => {
            let result = headless::bench_sft(&c.model, c.batch, c.seq, c.steps, &c.memory.setting(&c.place)?)?;
            if c.json { print_json(&result) } else { print_sft(&result) }
        }
        What::Generate(c) => {
            let answers = (c.batch, c.prompts.unwrap_or(c.batch));
            let (length, compute) = ((c.prompt_tokens, c.new_tokens), c.place.compute()?);
            let result = headless::bench_generate(&c.model, answers, length, c.runs, &compute)?;
            if c.json { print_json(&result) } else { print_generate(&result) }
        }
        What::Graders(c) => {
            let result = headless::bench_graders();
            if c.json { print_json(&result) } else { print_graders(&result) }
        }
        What::Check(c) => check(c),
        What::All(c) => all(c),
    }
}

fn check(command: &Check) -> anyhow::Result<()> {
    let named = command.place.compute()?;
    let compute = if named.is_dense() { Compute::portable_cpu() } else { named };
    let compared = headless::bench_check(&command.model, &compute)?;
    let bad = compared.iter().filter(|c| !c.holds()).count();
    if command.json {
        let rows = compared
            .iter()
            .map(|c| serde_json::json!({ "what": c.what, "gap": c.gap, "tolerance": c.tolerance, "holds": c.holds() }));
        print_json(&serde_json::json!({ "device": compute.name(), "compared": rows.collect::<Vec<_>>() }))?;
    } else {
        println!("{} against the dense decoder on the processor; gaps as shares of the largest value", compute.name());
        for c in &compared {
            let verdict = if c.holds() { "" } else { "  TOO FAR" };
            println!("{:<72} {:>9.1e} of {:>7.0e}{verdict}", c.what, c.gap, c.tolerance);
        }
        println!("{} compared, {bad} too far", compared.len());
    }
    if bad > 0 {
        anyhow::bail!(
            "{} computes something else than the processor: {bad} of {} figures are too far off",
            compute.name(),
            compared.len()
        );
    }
    Ok(())
}

fn all(command: &All) -> anyhow::Result<()> {
    let model = &command.model;
    let whole = BenchSetting::default();
    let one = headless::bench_generate(model, (1, 1), (32, 64), 5, &whole.compute)?;
    let many = headless::bench_generate(model, (128, 128), (32, 64), 3, &whole.compute)?;
    let sft = headless::bench_sft(model, 32, 128, 5, &whole)?;
    let free = headless::bench_grpo(model, [16, 8, 32, 32], 0.0, 5, &whole)?;
    let held = headless::bench_grpo(model, [16, 8, 32, 32], 0.04, 5, &whole)?;
    let graders = headless::bench_graders();
    if command.json {
        return print_json(&serde_json::json!({
            "model": model, "generate_1": one, "generate_128": many, "sft": sft, "grpo_beta_0": free, "grpo": held,
            "graders": graders,
        }));
    }
    print_generate(&one)?;
    print_generate(&many)?;
    print_sft(&sft)?;
    print_grpo(&free)?;
    print_grpo(&held)?;
    print_graders(&graders)
}

#[expect(clippy::unnecessary_wraps, reason = "same shape as print_json")]
fn print_grpo(b: &BenchGrpo) -> anyhow::Result<()> {
    let [prompts, group, prompt, new] = b.shape;
    println!("GRPO step, {prompts} prompts of {prompt} tokens x {group} answers of {new}, beta {}", b.beta);
    for part in ["rollout", "reference", "forward", "backward", "optimizer", "step"] {
        if let Some(seconds) = b.median_s.get(part) {
            println!("  {part:<10} {seconds:>8.3} s");
        }
    }
    println!(
        "  on {}: {:.0} tokens/s drawn, {:.0} % of the step in rollouts",
        b.device,
        b.rollout_tokens_per_s,
        100.0 * b.rollout_share
    );
    println!("  peak memory {:>7.0} MiB", b.peak_mib);
    if let Some(card) = b.card_mib {
        println!("  taken on the card at most {card:>7.0} MiB, by anybody, between the parts of a step");
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "same shape as print_json")]
fn print_sft(b: &BenchSft) -> anyhow::Result<()> {
    println!("SFT, {} x {}: {:.0} tokens/s, peak memory {:.0} MiB", b.shape[0], b.shape[1], b.tokens_per_s, b.peak_mib);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "same shape as print_json")]
fn print_generate(b: &BenchGenerate) -> anyhow::Result<()> {
    println!(
        "sampling, {} answers to {} prompts of {} tokens, {} new: {:.0} tokens/s; prompts alone {:.0} tokens/s",
        b.shape[0], b.prompts, b.shape[1], b.shape[2], b.tokens_per_s, b.prefill_tokens_per_s
    );
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "same shape as print_json")]
fn print_graders(b: &BenchGraders) -> anyhow::Result<()> {
    println!("graders on one core, {} answers of {:.0} bytes in turn:", b.answers, b.bytes);
    for grader in &b.graders {
        println!("  {:<14} {:>10.0} answers/s", grader.name, grader.per_second);
    }
    Ok(())
}
