//! `clicker merge`: a model with an adapter taken into its weights.

use clicker_service::headless::{MergeRequest, merge};
use std::path::PathBuf;

/// Options of `clicker merge`.
#[derive(Debug, clap::Args)]
pub(crate) struct Merge {
    /// The base: a GGUF file or a Hugging Face folder.
    #[arg(long, value_name = "PATH", default_value = super::BUILTIN)]
    model: PathBuf,
    /// Folder with adapter_config.json and adapter_model.safetensors, as a run's checkpoints/STEP.adapter or PEFT writes it; or a
    /// GGUF adapter.
    #[arg(long, value_name = "PATH")]
    adapter: PathBuf,
    /// How much of the adapter: 0 is the base, 1 all of it.
    #[arg(long, default_value_t = 1.0)]
    share: f64,
    /// A .gguf file, or else a Hugging Face folder.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
}

pub(crate) fn run(command: &Merge) -> anyhow::Result<()> {
    let request = MergeRequest {
        model: command.model.clone(),
        adapter: command.adapter.clone(),
        share: command.share,
        out: command.out.clone(),
    };
    let matrices = merge(&request)?;
    eprintln!("{matrices} matrices changed; {}", command.out.display());
    Ok(())
}
