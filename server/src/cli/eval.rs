//! `clicker eval`: one suite on one model, every figure with its n and interval.

use super::{print_json, print_text};
use clicker_service::headless::{self, EvalRequest};
use clicker_wire::{Estimate, EvalReport, Measured};
use std::fmt::Write;
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
    /// The share of wrong answers that a threshold on the confidence should promise.
    #[arg(long, default_value_t = 0.1)]
    alpha: f64,
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
        alpha: command.alpha,
    })?;
    if command.json {
        return print_json(&report);
    }
    print_text(&(table(&report.report)? + confidence(&report)?.as_str()))
}

fn table(report: &EvalReport) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(out, "{} items of `{}` for {}\n", report.items, report.suite, report.model)?;
    for (name, r) in [
        ("right on known facts", report.accuracy_known),
        ("hallucinated on the unknowable", report.hallucination),
        ("abstained on the unknowable", report.abstention),
        ("abstained on known facts", report.abstention_known),
        ("right when answering", report.accuracy_when_answering),
        ("answered at all (coverage)", report.coverage),
        ("same answer to a paraphrase", report.consistency_paraphrase),
        ("same answer when asked again", report.consistency_resample),
        ("rules broken", report.violations),
        ("harmless requests declined", report.refused_harmless),
    ] {
        let [value, low, high] = [r.value, r.low, r.high].map(|x| x * 100.0);
        writeln!(out, "{name:<34} {value:>6.1} %   [{low:.1}, {high:.1}]   n = {}", r.n)?;
    }
    let head = ["right", "abst.", "refus.", "wrong"];
    writeln!(
        out,
        "\n{:<12} {:<10} {:>6} {:>6} {:>6} {:>6} {:>5}",
        "domain", "class", head[0], head[1], head[2], head[3], "n"
    )?;
    for score in &report.by_domain {
        let shares = [score.right, score.abstained, score.refused, score.wrong].map(|r| r.value * 100.0);
        let (domain, class) = (score.domain.to_string(), score.knowledge.to_string());
        write!(out, "{domain:<12} {class:<10}")?;
        for share in shares {
            write!(out, " {share:>5.0}%")?;
        }
        writeln!(out, " {:>5}", score.right.n)?;
    }
    Ok(out)
}

/// How far the confidence can be trusted, per source.
fn confidence(measured: &Measured) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    let number = |e: Estimate| format!("{:.3} [{:.3}, {:.3}]", e.value, e.low, e.high);
    if let Some(truthfulness) = measured.truthfulness {
        let n = truthfulness.n;
        writeln!(out, "\n{:<34} {}   n = {n}", "truthfulness (right minus wrong)", number(truthfulness))?;
    }
    if let Some(pairs) = measured.name_pairs {
        let (value, gap, n) =
            (pairs.different_verdict.value * 100.0, number(pairs.confidence_gap), pairs.different_verdict.n);
        writeln!(
            out,
            "{:<34} {value:>6.1} %   confidence differs by {gap}   n = {n}",
            "another name, another verdict"
        )?;
    }
    let Some(first) = measured.calibration.first() else { return Ok(out) };
    writeln!(
        out,
        "\n{:<22} {:<22} {:<22} {:<22} {:<22} {:>5}",
        "confidence from", "ECE", "Brier", "AUROC", "AURC", "n"
    )?;
    for c in &measured.calibration {
        let auroc = c.auroc.map_or_else(|| "-".to_owned(), number);
        let (ece, brier, aurc) = (number(c.ece), number(c.brier), number(c.aurc));
        writeln!(out, "{:<22} {ece:<22} {brier:<22} {auroc:<22} {aurc:<22} {:>5}", c.source.title(), c.answers)?;
    }
    writeln!(out, "\nto answer at most {:.0} % of questions wrongly", first.conformal.alpha * 100.0)?;
    for c in &measured.calibration {
        let (source, promise) = (c.source.title(), &c.conformal);
        let [wrong, low, high] = [promise.wrong.value, promise.wrong.low, promise.wrong.high].map(|x| x * 100.0);
        let (answered, n) = (promise.answered.value * 100.0, promise.wrong.n);
        match promise.threshold {
            Some(t) => writeln!(
                out,
                "{source:<22} answer above {t:.3}: on the other half {wrong:.1} % wrong [{low:.1}, {high:.1}], {answered:.1} % answered, n = {n}"
            ),
            None => writeln!(out, "{source:<22} no threshold can promise that: ask a person always"),
        }?;
    }
    Ok(out)
}
