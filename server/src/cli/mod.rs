//! The command line: one subcommand per role, one file per subcommand.

mod bench;
mod compare;
mod data;
mod dry_run;
mod eval;
mod explain;
mod export;
mod generate;
mod grade;
mod merge;
mod migrate;
mod pretrain;
mod reward;
mod serve;
mod train;

use clap::{Parser, Subcommand};
use clicker_service::headless::{Compute, HeadlessError};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing_subscriber::EnvFilter;

/// Where a command computes.
#[derive(Debug, clap::Args)]
struct Place {
    /// Where models compute: cpu, or cuda:N for the N-th NVIDIA card, counted from 0 (a build with CUDA, see `make cuda`).
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: String,
}

impl Place {
    fn compute(&self) -> anyhow::Result<Compute> {
        Ok(Compute::named(&self.device)?)
    }
}

/// A playground for reinforcement fine-tuning: sample, judge, train and compare, in one tab.
#[derive(Debug, Parser)]
#[command(name = "clicker", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the page and the API, and train what is asked for.
    Serve(serve::Serve),
    /// Train a recipe into a folder, without a server.
    Train(train::Train),
    /// Measure a model: right, abstained, refused and wrong, by domain and class.
    Eval(eval::Eval),
    /// Compare ways to train a model, fairly.
    Compare(compare::Compare),
    /// Explain an answer: what training changed in it, when, and which rollouts pushed.
    Explain(explain::Explain),
    /// Draw answers from a model.
    Generate(generate::Generate),
    /// Logits that follow given token ids.
    Logits(generate::Logits),
    /// Take an adapter (LoRA) into a model's weights.
    Merge(merge::Merge),
    /// Grade a file of samples with one of OpenAI's graders.
    Grade(grade::Grade),
    /// Look at training rows before a model is trained on them.
    Data(data::Data),
    /// Attack a reward before a model is trained on it.
    Reward(reward::Reward),
    /// Make the built-in model from nothing.
    Pretrain(pretrain::Pretrain),
    /// Measure how fast this build is on this machine.
    Bench(bench::Bench),
    /// Write what people said as training data, or a run for other programs.
    Export(export::Export),
    /// Bring the database of a data directory up to date, without serving.
    Migrate(migrate::Migrate),
}

/// Do what the command line asks for.
///
/// # Errors
/// Whatever kept the command from being done, in words for the person at the terminal.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    log();
    match cli.command {
        Command::Serve(command) => serve::run(&command),
        Command::Train(command) => train::run(&command),
        Command::Eval(command) => eval::run(&command),
        Command::Compare(command) => compare::run(&command),
        Command::Explain(command) => explain::run(&command),
        Command::Generate(command) => generate::run(&command),
        Command::Logits(command) => generate::logits(&command),
        Command::Merge(command) => merge::run(&command),
        Command::Grade(command) => grade::run(&command),
        Command::Data(command) => data::run(&command),
        Command::Reward(command) => reward::run(&command),
        Command::Pretrain(command) => pretrain::run(&command),
        Command::Bench(command) => bench::run(&command),
        Command::Export(command) => export::run(&command),
        Command::Migrate(command) => migrate::run(&command),
    }
}

/// The exit code of an error: 2 where what was given means nothing, as after a wrong option; 3 where a reward can be hacked or rows are
/// not fit to train on; else 1.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<reward::Hackable>() || error.is::<data::Unfit>() {
        return 3;
    }
    match error.downcast_ref() {
        Some(HeadlessError::Grader { .. }) => 2,
        _ => 1,
    }
}

/// Log to standard error, so that a command's result on standard output stays clean. `RUST_LOG` chooses what.
fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,tower_http=warn"));
    let colours = std::io::stderr().is_terminal();
    // A second call within one process (a test) keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(colours)
        .with_writer(std::io::stderr)
        .try_init();
}

/// The shipped model, seen from the project's root.
const BUILTIN: &str = "public/models/builtin.gguf";

/// A result on standard output, for programs.
fn print_json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    print_text(&(serde_json::to_string(value)? + "\n"))
}

/// A result on standard output, for people. A reader that has gone (`| head`) has what it wanted: that is no error.
fn print_text(text: &str) -> anyhow::Result<()> {
    print_bytes(text.as_bytes())
}

/// A file on standard output; as above.
fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// The async runtime of commands that need one.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Ctrl-C stops after the current step.
fn stop_on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let (runtime, flag) = (runtime()?, stop.clone());
    std::thread::spawn(move || {
        runtime.block_on(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                flag.store(true, Ordering::Relaxed);
                let _ = tokio::signal::ctrl_c().await;
                std::process::exit(130);
            }
        });
    });
    Ok(stop)
}
