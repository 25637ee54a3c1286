//! `clicker compare`: ways to train, fairly: the same model, budget and seeds for every arm, and a report that can be handed out.

use super::{BUILTIN, print_json, print_text, stop_on_interrupt};
use anyhow::Context;
use clicker_service::Control;
use clicker_service::headless::{self, CompareProgress, CompareRequest};
use clicker_wire::Comparison;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Options of `clicker compare`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Compare {
    #[command(subcommand)]
    what: Option<What>,
    /// The experiment: a TOML file such as recipes/experiments/quick.toml.
    #[arg(long, value_name = "FILE", required = true)]
    experiment: Option<PathBuf>,
    /// The folder for its runs, result.json and report.html. A comparison that was cut off goes on there.
    #[arg(long, value_name = "DIR", required = true)]
    out: Option<PathBuf>,
    /// Resamples behind every interval over questions.
    #[arg(long, default_value_t = 10_000)]
    resamples: u32,
    /// Print the whole result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Write report.html of a finished comparison again.
    Report {
        /// Its folder.
        dir: PathBuf,
        /// Print the whole result as JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(command: &Compare) -> anyhow::Result<()> {
    if let Some(What::Report { dir, json }) = &command.what {
        return tell(dir, &headless::compared(dir)?, *json);
    }
    // Clap has asked for both.
    let (Some(experiment), Some(out)) = (&command.experiment, &command.out) else { return Ok(()) };
    let request = CompareRequest {
        experiment: experiment.clone(),
        out: out.clone(),
        builtin: BUILTIN.into(),
        resamples: command.resamples.max(100),
    };
    let stop = stop_on_interrupt()?;
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{bar:24} {pos}/{len} {elapsed}  {msg}")?);
    let mut progress = |said: CompareProgress| match said {
        CompareProgress::Begins { what, steps } => {
            bar.set_length(steps.into());
            bar.set_position(0);
            bar.set_message(what);
        }
        CompareProgress::Step(step) => bar.set_position(step.into()),
        CompareProgress::Says(words) => bar.suspend(|| eprintln!("{words}")),
    };
    let control = || if stop.load(Ordering::Relaxed) { Control::Pause } else { Control::Continue };
    let result = headless::compare(&request, &mut progress, &control)?;
    bar.finish_and_clear();
    match result {
        Some(comparison) => tell(out, &comparison, command.json),
        None => print_text("stopped; the same command goes on from here\n"),
    }
}

fn tell(out: &Path, comparison: &Comparison, json: bool) -> anyhow::Result<()> {
    let path = out.join("report.html");
    std::fs::write(&path, clicker_app::comparison_report(comparison))
        .with_context(|| format!("{} cannot be written", path.display()))?;
    if json {
        return print_json(comparison);
    }
    print_text(&format!("{}\nreport: {}\n", table(comparison)?, path.display()))
}

/// The suite's figures, an arm per column.
fn table(of: &Comparison) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(
        out,
        "{}: {} held-out questions, {} seeds",
        of.experiment.name,
        of.data.held_out,
        of.experiment.seeds.len()
    )?;
    write!(out, "\n{:<32}", "mean over seeds +- half interval")?;
    for arm in &of.arms {
        write!(out, " {:>17}", arm.name)?;
    }
    for figure in of.figures.iter().filter(|f| f.cell.is_none()) {
        write!(out, "\n{:<32}", figure.title)?;
        let (scale, digits) = match figure.id.as_str() {
            "truthfulness" | "ece" => (1.0, 3),
            _ => (100.0, 1),
        };
        for arm in &of.arms {
            let found = figure.arms.iter().find(|a| a.arm == arm.name);
            let cell = found.map_or_else(String::new, |a| {
                let half = a
                    .over_seeds
                    .map_or_else(String::new, |[low, high]| format!(" +- {:.digits$}", (high - low) / 2.0 * scale));
                format!("{:.digits$}{half}", a.mean * scale)
            });
            write!(out, " {cell:>17}")?;
        }
    }
    writeln!(out, "\n\ndifference from {}, paired bootstrap over questions; * leaves 0 out", of.against)?;
    for figure in of.figures.iter().filter(|f| f.cell.is_none()) {
        let scale = if matches!(figure.id.as_str(), "truthfulness" | "ece") { 1.0 } else { 100.0 };
        for d in &figure.differences {
            let sign = match (&d.arm, &d.against) {
                (_, against) if *against == of.against => 1.0,
                (arm, _) if *arm == of.against => -1.0,
                _ => continue,
            };
            let arm = if sign > 0.0 { &d.arm } else { &d.against };
            let (low, high) = if sign > 0.0 { (d.low, d.high) } else { (-d.high, -d.low) };
            let mark = if d.is_clear() { "*" } else { " " };
            writeln!(
                out,
                "{:<32} {arm:<16} {:>8} [{}, {}] {mark} n = {}",
                figure.title,
                signed(d.value * sign * scale),
                signed(low * scale),
                signed(high * scale),
                d.n
            )?;
        }
    }
    writeln!(out, "\nper seed: seconds, tokens generated, tokens trained, Wh (estimate at {} W)", of.experiment.watts)?;
    for arm in of.arms.iter().filter(|arm| arm.recipe.is_some()) {
        let c = &arm.cost;
        writeln!(
            out,
            "{:<32} {:>8.1} {:>10.0} {:>10.0} {:>8.4}",
            arm.name, c.seconds, c.generated, c.trained, c.watt_hours
        )?;
    }
    writeln!(out)?;
    for limitation in &of.limitations {
        writeln!(out, "- {limitation}")?;
    }
    Ok(out)
}

/// With three decimals and its sign; what rounds to 0 has none.
fn signed(value: f64) -> String {
    let text = format!("{value:+.3}");
    if text == "-0.000" || text == "+0.000" { "0.000".into() } else { text }
}
