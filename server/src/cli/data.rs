//! `clicker data`: training rows looked at before a model is trained on them.

use super::{print_json, print_text};
use anyhow::Context;
use clicker_service::headless::{self, Asked, DataCheckRequest, DataChecked};
use clicker_service::{Fixes, Report, Spread, Voice};
use clicker_wire::{Decision, Rate};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Options of `clicker data`.
#[derive(Debug, clap::Args)]
pub(crate) struct Data {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Look at a JSONL file: copies, leaks into held-out questions, balance, diversity, contradictions, difficulty. Ends with code 3
    /// where the advice is not to train on it.
    Check(Check),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The rows: prompt-only, prompt-completion, preference or unpaired, plain or as messages.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Held-out rows; their questions must not be among the others. The built-in world's held-out questions are looked at in any
    /// case.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// A model whose pass rates show how hard the rows are for it: a GGUF file, a Hugging Face folder, or `builtin`.
    #[arg(long, value_name = "PATH")]
    model: Option<PathBuf>,
    /// Answers drawn per row for that.
    #[arg(long, default_value_t = 8)]
    samples: u32,
    /// At most this many rows are asked, taken evenly from the file; 0 asks all.
    #[arg(long, default_value_t = 200)]
    rows: usize,
    /// Longest answer, tokens.
    #[arg(long, default_value_t = 32)]
    max_new_tokens: u32,
    /// Seed of the draws.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Seed of the world.
    #[arg(long, default_value_t = 1)]
    world_seed: u64,
    /// Write a copy without the rows that do harm for certain, and say which they are. The file itself is left as it is.
    #[arg(long, value_name = "FILE")]
    fix: Option<PathBuf>,
    /// The copy leaves out near copies too.
    #[arg(long, requires = "fix")]
    fix_near: bool,
    /// Print the whole report as JSON.
    #[arg(long)]
    json: bool,
}

/// Rows that should not be trained on: an outcome, and not a mistake of the caller.
#[derive(Debug, thiserror::Error)]
#[error("{file}: these rows should not be trained on as they are")]
pub(crate) struct Unfit {
    file: String,
}

pub(crate) fn run(command: &Data) -> anyhow::Result<()> {
    let Command::Check(command) = &command.command;
    let model = command.model.as_ref().map(|path| Asked {
        model: if path == Path::new("builtin") { super::BUILTIN.into() } else { path.clone() },
        samples: command.samples,
        rows: command.rows,
        max_new_tokens: command.max_new_tokens,
        seed: command.seed,
    });
    let DataChecked { report, removed } = headless::data_check(&DataCheckRequest {
        file: command.file.clone(),
        against: command.against.clone(),
        world_seed: command.world_seed,
        model,
        fix: command.fix.clone(),
        fixes: Fixes { near: command.fix_near },
    })?;
    let file = command.file.display().to_string();
    if command.json {
        let removed: Option<Vec<_>> = removed.map(|rows| rows.into_iter().map(|(row, _)| row).collect());
        print_json(&serde_json::json!({ "file": file, "report": report, "removed": removed }))?;
    } else {
        print_text(&table(&file, &report).context("the report cannot be written")?)?;
        if let (Some(out), Some(removed)) = (&command.fix, removed) {
            let mut text =
                format!("\n{}: {} rows, {} left out\n", out.display(), report.rows - removed.len(), removed.len());
            for (row, line) in &removed {
                writeln!(text, "  line {}: {}\n    {}", row.line, row.why, line.chars().take(120).collect::<String>())?;
            }
            print_text(&text)?;
        }
    }
    // A repaired copy is what was asked for.
    if report.decision == Decision::Stop && command.fix.is_none() {
        return Err(Unfit { file }.into());
    }
    Ok(())
}

fn table(file: &str, report: &Report) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    let format = report.format.map_or_else(|| "no rows".to_owned(), |format| format.to_string());
    writeln!(out, "{file}: {} rows, {format}", report.rows)?;
    let copies = &report.duplicates;
    line(
        &mut out,
        "copies",
        &format!(
            "{} exact, {} in the same words, {} nearly (exact Jaccard of 3-word shingles, 0.8 or more)",
            copies.exact.len(),
            copies.same_words.len(),
            copies.near.len()
        ),
    )?;
    line(&mut out, "questions asked again", &format!("{} with another answer", copies.repeated_prompts))?;
    line(&mut out, "held-out questions", &format!("{} of the rows ask one", report.leakage.len()))?;
    let balance = &report.balance;
    for (name, spread) in [("words of a prompt", balance.prompt_words), ("words of an answer", balance.answer_words)] {
        if let Some(Spread { min, p10, median, p90, max, mean, .. }) = spread {
            let words = format!("{min} to {max}, median {median}, 10 % {p10}, 90 % {p90}, mean {mean:.1}");
            line(&mut out, name, &words)?;
        }
    }
    if !balance.topics.is_empty() {
        let mut topics: Vec<_> = balance.topics.iter().collect();
        topics.sort_by(|a, b| b.1.cmp(a.1));
        let named: Vec<String> = topics.iter().take(8).map(|(topic, n)| format!("{topic} {n}")).collect();
        let even = balance.evenness.map_or_else(String::new, |e| format!("; evenness {e:.2}"));
        line(&mut out, "subjects", &format!("{}{even}", named.join(", ")))?;
    }
    for (name, rate) in [
        ("thumbs up", balance.good),
        ("better answer is longer", balance.chosen_longer),
        ("right answer is known", balance.with_truth),
        ("labels given twice differ", report.noise.disagreement),
    ] {
        if let Some(rate) = rate {
            line(&mut out, name, &share(rate))?;
        }
    }
    if let Some(error) = report.noise.label_error {
        line(&mut out, "wrong labels, a guess", &format!("{:.1} %", error * 100.0))?;
    }
    line(&mut out, "prompts differ", &voice(&report.diversity.prompts))?;
    if let Some(answers) = &report.diversity.answers {
        line(&mut out, "answers differ", &voice(answers))?;
    }
    if let Some(difficulty) = &report.difficulty {
        let asked = difficulty.rows.len();
        writeln!(out, "\n{} drew {} answers to each of {asked} rows", difficulty.model, difficulty.samples)?;
        line(&mut out, "right", &share(difficulty.pass))?;
        line(&mut out, "never right", &share(difficulty.never))?;
        line(&mut out, "always right", &share(difficulty.always))?;
        let counts: Vec<String> = difficulty.histogram.iter().map(u32::to_string).collect();
        line(&mut out, "rows by right answers", &format!("{} (0 to {})", counts.join(" "), difficulty.samples))?;
    }
    out.push('\n');
    for finding in &report.advice {
        let weight = if finding.decision == Decision::Stop { "stop" } else { "look" };
        let lines: Vec<String> = finding.lines.iter().take(8).map(usize::to_string).collect();
        let more = if finding.lines.len() > 8 { ", ..." } else { "" };
        let lines = if lines.is_empty() { String::new() } else { format!(" (lines {}{more})", lines.join(", ")) };
        writeln!(out, "{weight}: {}{lines}", finding.words)?;
    }
    if report.advice.is_empty() {
        writeln!(out, "fine: nothing speaks against training on these rows")?;
    }
    Ok(out)
}

fn line(out: &mut String, name: &str, words: &str) -> std::fmt::Result {
    writeln!(out, "  {name:<26} {words}")
}

fn share(rate: Rate) -> String {
    let [value, low, high] = [rate.value, rate.low, rate.high].map(|x| x * 100.0);
    format!("{value:.1} %   [{low:.1}, {high:.1}]   n = {}", rate.n)
}

fn voice(voice: &Voice) -> String {
    let shown = |share: Option<f64>| share.map_or("does not apply".into(), |share| format!("{share:.2}"));
    let [one, two, three] = voice.distinct.map(shown);
    let mut out = format!("distinct-1 {one}, -2 {two}, -3 {three}; alike {:.2}", voice.self_similarity);
    if let Some((opening, share)) = &voice.opening {
        out += &format!("; {:.0} % begin \"{opening}\"", share * 100.0);
    }
    out
}
