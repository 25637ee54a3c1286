//! Use cases without a server: what the command line does with files and folders. No database, no network.

mod attack;
mod bench;
mod bench_graders;
pub(crate) mod compare;
mod data_check;
mod explain;
mod export_model;
mod export_run;
mod generate;
mod grade;
mod graded_row;
mod merge;
mod models;
mod own_suite;
mod pretrain;
mod suites;
mod train;

pub use attack::{AttackRequest, attack};
pub use bench::{BenchGenerate, BenchGrpo, BenchSft, bench_check, bench_generate, bench_grpo, bench_sft};
pub use bench_graders::{BenchGraders, GraderSpeed, bench_graders};
pub use clicker_lm::Compute;
pub use clicker_train::bench::Setting as BenchSetting;
pub use clicker_train::check::Compared;
pub use clicker_train::suites::SuiteOptions as SuiteSettings;
pub use compare::{CompareProgress, CompareRequest, compare, compared};
pub use data_check::{Asked, DataCheckRequest, DataChecked, data_check};
pub use explain::{ExplainRun, explain_influence, explain_step, explain_timeline, explain_tokens};
pub use export_model::export_model;
pub use export_run::export_run;
pub use generate::{GenerateRequest, Generated, Prompt, generate, logits};
pub use grade::{GradeRequest, GradeSummary, GradedLine, Receipt, Scores, grade};
pub use merge::{MergeRequest, adapter_as_gguf, merge};
pub use models::{hash_file, load, master_bytes};
pub use own_suite::own_suite;
pub use pretrain::{PretrainProgress, PretrainRequest, Pretrained, pretrain};
pub(crate) use suites::threshold_of;
pub use suites::{Kept, SuiteDone, SuiteRequest, evaluate_suite, question_split};
pub use train::{TrainProgress, TrainRequest, newest_checkpoint, train};

/// What went wrong, in words for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum HeadlessError {
    /// The model.
    #[error(transparent)]
    Lm(#[from] clicker_lm::LmError),
    /// Training or evaluation.
    #[error(transparent)]
    Train(#[from] clicker_train::TrainError),
    /// A file or folder.
    #[error("cannot read or write {path}")]
    Io {
        /// Which.
        path: String,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A grader's JSON.
    #[error("{path}: {problem}")]
    Grader {
        /// Its file.
        path: String,
        /// What is wrong with it, and where.
        problem: clicker_rewards::openai::GraderError,
    },
    /// A request that makes no sense.
    #[error("{0}")]
    Request(String),
}

/// Result of this module.
pub type Result<T> = std::result::Result<T, HeadlessError>;

/// Read a recipe.
///
/// # Errors
/// Not TOML, an unknown key, or a value that cannot be run.
pub fn recipe(toml: &str) -> Result<clicker_wire::Recipe> {
    Ok(clicker_train::recipe::from_toml(toml)?)
}

/// Read a recipe's file; a `constitution` that it names is looked for beside it.
///
/// # Errors
/// As [`recipe`]; files that cannot be read.
pub fn recipe_at(path: &std::path::Path) -> Result<clicker_wire::Recipe> {
    let text = std::fs::read_to_string(path).map_err(at(path))?;
    let beside = |name: &str| {
        let file = path.parent().map_or_else(|| name.into(), |folder| folder.join(name));
        std::fs::read_to_string(file).map_err(|e| e.to_string())
    };
    Ok(clicker_train::recipe::from_toml_beside(&text, &beside)?)
}

/// A recipe under the constitution of a file: its reward becomes that of the principles.
///
/// # Errors
/// A file that is no constitution.
pub fn under(recipe: clicker_wire::Recipe, constitution: &std::path::Path) -> Result<clicker_wire::Recipe> {
    let text = std::fs::read_to_string(constitution).map_err(at(constitution))?;
    Ok(clicker_train::recipe::under(recipe, &text)?)
}

/// Attach the path to an input/output error.
fn at(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> HeadlessError + '_ {
    move |source| HeadlessError::Io { path: path.display().to_string(), source }
}
