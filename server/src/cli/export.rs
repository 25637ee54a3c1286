//! `clicker export`: what people said, as training data for other programs too.

use anyhow::{Context, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clicker_service::{Backend, ExportFormat, Service, ServiceConfig};
use std::path::PathBuf;

/// Options of `clicker export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Votes, ratings and corrections as JSONL, in the shapes that TRL's trainers read.
    Feedback(Feedback),
}

#[derive(Debug, clap::Args)]
struct Feedback {
    /// Folder with the database.
    #[arg(long, value_name = "DIR", default_value = "./data", env = "CLICKER_DATA_DIR")]
    data_dir: PathBuf,
    /// preference: pairs for DPO and reward models; unpaired: labelled answers for KTO; prompt_completion: good answers for SFT.
    #[arg(long, default_value = "preference", value_parser = format())]
    format: ExportFormat,
    /// File to write; standard output if not given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn format() -> impl TypedValueParser<Value = ExportFormat> {
    PossibleValuesParser::new(["preference", "unpaired", "prompt_completion"]).map(|name| match name.as_str() {
        "unpaired" => ExportFormat::Unpaired,
        "prompt_completion" => ExportFormat::PromptCompletion,
        _ => ExportFormat::Preference,
    })
}

pub(crate) fn run(command: &Export) -> anyhow::Result<()> {
    let What::Feedback(command) = &command.what;
    if !command.data_dir.join("clicker.db").is_file() {
        bail!("{} holds no clicker.db; name a server's data directory with --data-dir", command.data_dir.display());
    }
    let export = super::runtime()?.block_on(async {
        let backend = Backend::Local { dir: command.data_dir.clone() };
        // No worker: a server may be at work on this folder, and reading beside it is fine.
        let service = Service::open(ServiceConfig { backend, worker: false, ..ServiceConfig::memory() }).await?;
        let export = service.export_feedback(command.format).await;
        service.shutdown().await;
        export
    })?;
    match &command.out {
        Some(path) => {
            std::fs::write(path, &export.jsonl).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        None => print!("{}", export.jsonl),
    }
    let counts = export.counts;
    eprintln!("{} rows from {} of {} votes", counts.rows, counts.used, counts.votes);
    for (number, why) in [
        (counts.skipped_ties, "ties"),
        (counts.skipped_both_bad, "pairs with both answers bad"),
        (counts.skipped_identical, "pairs of equal answers"),
        (counts.skipped_empty, "without text"),
        (counts.skipped_flags, "flags"),
        (counts.skipped_other_kind, "of a kind that this format has no place for"),
    ] {
        if number > 0 {
            eprintln!("  left out: {number} {why}");
        }
    }
    Ok(())
}
