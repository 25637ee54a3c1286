//! `clicker eval`: one suite on one model, every figure with its n and interval.

use super::print_json;
use clicker_service::headless::{self, EvalRequest};
use clicker_wire::{EvalReport, Rate};
use std::path::PathBuf;

/// Options of `clicker eval`.
#[derive(Debug, clap::Args)]
pub(crate) struct Eval {
    /// A GGUF file or a Hugging Face folder.
    #[arg(long, value_name = "PATH", default_value = super::BUILTIN)]
    model: PathBuf,
    /// What to ask: `world`, the held-out questions of the built-in world.
    #[arg(long, default_value = "world")]
    suite: String,
    /// At most this many items, spread over domains and classes; 0 asks all.
    #[arg(long, default_value_t = 0)]
    items: usize,
    /// Answers drawn per item at temperature 1 to see whether they agree; 0 skips this.
    #[arg(long, default_value_t = 4)]
    resamples: u32,
    /// Seed of those answers.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Seed of the world.
    #[arg(long, default_value_t = 1)]
    world_seed: u64,
    /// Print the whole report as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Eval) -> anyhow::Result<()> {
    let report = headless::evaluate(&EvalRequest {
        model: command.model.clone(),
        suite: command.suite.clone(),
        world_seed: command.world_seed,
        items: command.items,
        resamples: command.resamples,
        seed: command.seed,
    })?;
    if command.json {
        return print_json(&report);
    }
    print(&report);
    Ok(())
}

fn print(report: &EvalReport) {
    println!("{} items of `{}` for {}\n", report.items, report.suite, report.model);
    let line = |name: &str, r: Rate| {
        println!("{name:<34} {:>6.1} %   [{:.1}, {:.1}]   n = {}", r.value * 100.0, r.low * 100.0, r.high * 100.0, r.n);
    };
    line("right on known facts", report.accuracy_known);
    line("hallucinated on the unknowable", report.hallucination);
    line("abstained on the unknowable", report.abstention);
    line("abstained on known facts", report.abstention_known);
    line("right when answering", report.accuracy_when_answering);
    line("answered at all (coverage)", report.coverage);
    line("same answer to a paraphrase", report.consistency_paraphrase);
    line("same answer when asked again", report.consistency_resample);
    line("rules broken", report.violations);
    line("harmless requests declined", report.refused_harmless);
    println!(
        "\n{:<12} {:<10} {:>6} {:>6} {:>6} {:>6} {:>5}",
        "domain", "class", "right", "abst.", "refus.", "wrong", "n"
    );
    for score in &report.by_domain {
        println!(
            "{:<12} {:<10} {:>5.0}% {:>5.0}% {:>5.0}% {:>5.0}% {:>5}",
            score.domain.to_string(),
            score.knowledge.to_string(),
            score.right.value * 100.0,
            score.abstained.value * 100.0,
            score.refused.value * 100.0,
            score.wrong.value * 100.0,
            score.right.n
        );
    }
}
