//! `clicker pretrain`: the built-in model from nothing.

use clicker_service::headless::{self, PretrainRequest};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;

/// Options of `clicker pretrain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Pretrain {
    /// The file to write.
    #[arg(long, value_name = "FILE", default_value = super::BUILTIN)]
    out: PathBuf,
    /// Optimizer steps instead of the recipe's.
    #[arg(long)]
    steps: Option<u32>,
    /// Seed instead of the recipe's.
    #[arg(long)]
    seed: Option<u64>,
}

pub(crate) fn run(command: &Pretrain) -> anyhow::Result<()> {
    let request = PretrainRequest { out: command.out.clone(), steps: command.steps, seed: command.seed };
    let bar = ProgressBar::new(request.steps().into());
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} of about {duration}  {msg}")?);
    let made = headless::pretrain(&request, &mut |p| {
        bar.set_position(p.step.into());
        bar.set_message(format!("loss {:.3}  accuracy {:.1} %", p.loss, p.accuracy * 100.0));
    })?;
    bar.finish_and_clear();
    println!("{}: {} parameters, {} bytes, sha256 {}", command.out.display(), made.parameters, made.bytes, made.sha256);
    Ok(())
}
