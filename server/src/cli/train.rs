//! `clicker train`: a recipe into a folder, with a progress bar.

use anyhow::Context;
use clicker_service::headless::{self, TrainProgress, TrainRequest};
use clicker_service::{Control, Outcome};
use clicker_wire::{EvalReport, Event};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Options of `clicker train`.
#[derive(Debug, clap::Args)]
pub(crate) struct Train {
    /// The recipe, TOML.
    #[arg(long, value_name = "FILE")]
    recipe: PathBuf,
    /// Folder for metrics, samples, checkpoints and state.
    #[arg(long, value_name = "DIR", default_value = "runs/latest")]
    out: PathBuf,
    /// Starting model; without it the recipe's `model` (`builtin` is the shipped one).
    #[arg(long, value_name = "PATH")]
    model: Option<PathBuf>,
    /// A constitution, TOML: its principles make the reward instead of the recipe's.
    #[arg(long, value_name = "FILE")]
    constitution: Option<PathBuf>,
    /// Seed instead of the recipe's.
    #[arg(long)]
    seed: Option<u64>,
    /// Steps instead of the recipe's.
    #[arg(long)]
    steps: Option<u32>,
    #[command(flatten)]
    place: super::Place,
    /// Go on from the folder's last step; on the processor the curve is the same as without the interruption.
    #[arg(long)]
    resume: bool,
    /// Start even if the dry run of the reward says stop. The reason is printed and kept with the run.
    #[arg(long, value_name = "REASON", num_args = 0..=1, require_equals = true, default_missing_value = "--skip-dry-run was given")]
    skip_dry_run: Option<String>,
    /// Start even if the look at the recipe's `data.file` says stop. The reason is kept with the run.
    #[arg(long, value_name = "REASON", num_args = 0..=1, require_equals = true, default_missing_value = "--skip-data-check was given")]
    skip_data_check: Option<String>,
}

pub(crate) fn run(command: &Train) -> anyhow::Result<()> {
    // Before anything is read or made: a device that is not there ends it here.
    let compute = command.place.compute()?;
    let mut recipe = headless::recipe_at(&command.recipe).with_context(|| command.recipe.display().to_string())?;
    if let Some(file) = &command.constitution {
        recipe = headless::under(recipe, file).with_context(|| file.display().to_string())?;
    }
    recipe.seed = command.seed.unwrap_or(recipe.seed);
    recipe.steps = command.steps.unwrap_or(recipe.steps);
    if let Some(reason) = &command.skip_dry_run {
        recipe.dry_run.start_anyway.clone_from(reason);
    }
    if let Some(reason) = &command.skip_data_check {
        recipe.data.start_anyway = Some(reason.clone());
    }
    let model = command.model.clone().unwrap_or_else(|| match recipe.model.as_str() {
        "builtin" => super::BUILTIN.into(),
        path => path.into(),
    });
    if let Some(constitution) = &recipe.constitution {
        println!("under the constitution {}:", constitution.name);
        for principle in &constitution.principles {
            println!("  {} [{}]", principle.text, principle.graders.join(", "));
        }
    }
    if !compute.is_dense() {
        println!("on {}", compute.name());
    }
    let bar = ProgressBar::new(recipe.steps.into());
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} of about {duration}  {msg}")?);
    let stop = super::stop_on_interrupt()?;
    let (mut first, mut last): (Option<EvalReport>, Option<EvalReport>) = (None, None);
    let request = TrainRequest {
        recipe,
        model,
        builtin: super::BUILTIN.into(),
        out: command.out.clone(),
        resume: command.resume,
        compute,
    };
    let outcome = headless::train(
        &request,
        &mut |TrainProgress::Step(step, events)| {
            bar.set_position(step.into());
            for event in events {
                match event {
                    Event::Metrics { values, .. } => bar.set_message(summary(values)),
                    Event::Eval { report, .. } => {
                        first.get_or_insert_with(|| report.clone());
                        last = Some(report.clone());
                    }
                    Event::DryRun { report, waived } => {
                        bar.suspend(|| print!("{}", super::dry_run::table(report, waived.as_deref())));
                    }
                    Event::Weights { changes, .. } => {
                        for change in changes {
                            let (step, grader, from, to, cause) =
                                (change.step, &change.grader, change.from, change.to, &change.cause);
                            bar.println(format!("weight of {grader} {from:.3} -> {to:.3} after step {step}: {cause}"));
                        }
                    }
                    Event::Alarm { name, .. } if name == "dry_run" => {}
                    Event::Alarm { name, cause, remedy, .. } => bar.println(format!("{name}: {cause}. {remedy}")),
                    _ => {}
                }
            }
        },
        &|| if stop.load(Ordering::Relaxed) { Control::Pause } else { Control::Continue },
    )?;
    bar.finish_and_clear();
    if let (Some(first), Some(last)) = (first, last) {
        compare(&first, &last);
    }
    match outcome {
        Outcome::Finished => {
            let checkpoint = headless::newest_checkpoint(&command.out);
            println!("done: {}", checkpoint.unwrap_or_else(|| command.out.clone()).display());
        }
        Outcome::Paused => println!("stopped; go on with --resume"),
    }
    Ok(())
}

fn summary(values: &std::collections::BTreeMap<String, f64>) -> String {
    ["reward", "kl", "entropy", "loss", "step_time"]
        .iter()
        .filter_map(|name| Some(format!("{name} {:.3}", values.get(*name)?)))
        .collect::<Vec<_>>()
        .join("  ")
}

fn compare(before: &EvalReport, after: &EvalReport) {
    let line = |name: &str, a: clicker_wire::Rate, b: clicker_wire::Rate| {
        println!(
            "{name:<32} {:>6.1} % -> {:>6.1} %   [{:.1}, {:.1}]  n = {}",
            a.value * 100.0,
            b.value * 100.0,
            b.low * 100.0,
            b.high * 100.0,
            b.n
        );
    };
    line("right on known facts", before.accuracy_known, after.accuracy_known);
    line("hallucinated on the unknowable", before.hallucination, after.hallucination);
    line("abstained on known facts", before.abstention_known, after.abstention_known);
    line("rules broken", before.violations, after.violations);
}
