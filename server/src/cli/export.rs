//! `clicker export`: what people said, as training data for other programs too; a run's figures and answers; a model; an adapter.

use anyhow::{Context, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clicker_service::{Backend, ExportFormat, RunExport, RunFormat, Service, ServiceConfig, headless};
use clicker_wire::RunId;
use std::path::{Path, PathBuf};

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
    /// What people decided about answers that were brought before them, as JSONL in the same shapes.
    Reviews(Feedback),
    /// A run's figures (csv, jsonl, tensorboard) or answers (unipo, completions).
    Run(RunOf),
    /// A model or a run's checkpoint, full weights in f32, as a Hugging Face folder or a GGUF file.
    Model(ModelOf),
    /// An adapter (LoRA) as one GGUF file, for llama.cpp and for the engine in the browser.
    Adapter(AdapterOf),
}

#[derive(Debug, clap::Args)]
struct ModelOf {
    /// What to write: a GGUF file (a run's checkpoints/STEP.gguf, say) or a Hugging Face folder.
    #[arg(long, value_name = "PATH", default_value = super::BUILTIN)]
    model: PathBuf,
    /// A .gguf file, or else a folder with config.json, tokenizer.json and model.safetensors.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct AdapterOf {
    /// Folder that a run or PEFT wrote, or a GGUF adapter.
    #[arg(long, value_name = "PATH")]
    adapter: PathBuf,
    /// The base it belongs to: a GGUF file or a Hugging Face folder.
    #[arg(long, value_name = "PATH", default_value = super::BUILTIN)]
    model: PathBuf,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct RunOf {
    /// The folder of a `clicker train`, or the id of a run of the server whose --data-dir is given.
    #[arg(value_name = "DIR or ID")]
    run: String,
    /// csv and jsonl: a row per step; tensorboard: an event file; unipo: answers token by token in the log form of UNIPO;
    /// completions: answers as TRL's table.
    #[arg(long, default_value = "csv", value_parser = run_format())]
    format: RunFormat,
    /// A server's folder, where the run is one of a server.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// File to write, or a folder for a file named as its format wants; standard output if not given.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
}

fn run_format() -> impl TypedValueParser<Value = RunFormat> {
    PossibleValuesParser::new(RunFormat::ALL.map(RunFormat::name))
        .try_map(|name| RunFormat::named(&name).ok_or("no such format"))
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
    match &command.what {
        What::Feedback(command) => feedback(command),
        What::Reviews(command) => reviews(command),
        What::Run(command) => of_run(command),
        What::Model(ModelOf { model, out }) => {
            let shape = headless::export_model(model, out)?;
            eprintln!("{} with {} parameters in {}", shape.architecture, shape.parameters, out.display());
            Ok(())
        }
        What::Adapter(command) => {
            let matrices = headless::adapter_as_gguf(&command.model, &command.adapter, &command.out)?;
            eprintln!("{matrices} matrices in {}", command.out.display());
            Ok(())
        }
    }
}

fn of_run(command: &RunOf) -> anyhow::Result<()> {
    let export = match &command.data_dir {
        None => headless::export_run(Path::new(&command.run), command.format)?,
        Some(dir) => of_server(dir, &command.run, command.format)?,
    };
    let RunExport { file_name, bytes, rows, .. } = export;
    match &command.out {
        Some(path) => {
            let path = if path.is_dir() { path.join(file_name) } else { path.clone() };
            std::fs::write(&path, &bytes).with_context(|| format!("{} cannot be written", path.display()))?;
            eprintln!("{rows} rows in {}", path.display());
        }
        None => super::print_bytes(&bytes)?,
    }
    Ok(())
}

fn of_server(dir: &Path, id: &str, format: RunFormat) -> anyhow::Result<RunExport> {
    let service = opened(dir)?;
    super::runtime()?.block_on(async {
        let service = service.await?;
        let export = service.export_run(&RunId(id.to_owned()), format).await;
        service.shutdown().await;
        Ok(export?)
    })
}

/// A server's folder, opened without a worker: a server may be at work on it, and reading beside it is fine.
fn opened(dir: &Path) -> anyhow::Result<impl Future<Output = Result<Service, clicker_service::ServiceError>>> {
    if !dir.join("clicker.db").is_file() {
        bail!("{} holds no clicker.db; name a server's data directory with --data-dir", dir.display());
    }
    let backend = Backend::Local { dir: dir.to_owned() };
    Ok(Service::open(ServiceConfig { backend, worker: false, ..ServiceConfig::memory() }))
}

fn feedback(command: &Feedback) -> anyhow::Result<()> {
    let service = opened(&command.data_dir)?;
    let export = super::runtime()?.block_on(async {
        let service = service.await?;
        let export = service.export_feedback(command.format).await;
        service.shutdown().await;
        export
    })?;
    write(command, &export.jsonl)?;
    let counts = export.counts;
    eprintln!("{} rows from {} of {} votes", counts.rows, counts.used, counts.votes);
    left_out(&[
        (counts.skipped_ties, "ties"),
        (counts.skipped_both_bad, "pairs with both answers bad"),
        (counts.skipped_identical, "pairs of equal answers"),
        (counts.skipped_empty, "without text"),
        (counts.skipped_flags, "flags"),
        (counts.skipped_other_kind, "of a kind that this format has no place for"),
    ]);
    Ok(())
}

fn reviews(command: &Feedback) -> anyhow::Result<()> {
    let service = opened(&command.data_dir)?;
    let export = super::runtime()?.block_on(async {
        let service = service.await?;
        let export = service.export_reviews(command.format).await;
        service.shutdown().await;
        export
    })?;
    write(command, &export.jsonl)?;
    let counts = export.counts;
    eprintln!("{} rows from {} of {} answers for review", counts.rows, counts.used, counts.entries);
    left_out(&[
        (counts.open, "that nobody has decided"),
        (counts.disputed, "that people disagree on"),
        (counts.other_kind, "with a decision that this format has no place for"),
        (counts.nothing_to_learn, "whose better answer says the same, or nothing"),
    ]);
    Ok(())
}

fn write(command: &Feedback, jsonl: &str) -> anyhow::Result<()> {
    match &command.out {
        Some(path) => std::fs::write(path, jsonl).with_context(|| format!("{} cannot be written", path.display())),
        None => super::print_text(jsonl),
    }
}

fn left_out(reasons: &[(usize, &str)]) {
    for (number, why) in reasons.iter().filter(|(number, _)| *number > 0) {
        eprintln!("  left out: {number} {why}");
    }
}
