//! A comparison into a folder: `plan.json`, `tuning/ARM/...` and `runs/ARM/seed-S` with ordinary run folders, an `answers.jsonl` in
//! each run that is done, and `result.json`.
//!
//! A killed comparison goes on where it was: what is done is read back, the run in progress is resumed from its last step. The plan
//! that is begun is written down first; another one in the same folder is refused.

mod folder;
mod work;

use super::{HeadlessError, Result, at};
use crate::comparisons::plan::Plan;
use clicker_train::Control;
use clicker_train::compare::experiment;
use clicker_wire::{Comparison, RunCard};
use std::path::{Path, PathBuf};

/// What to compare and where to put it.
#[derive(Clone, Debug)]
pub struct CompareRequest {
    /// The experiment's file.
    pub experiment: PathBuf,
    /// The folder; made if it is not there.
    pub out: PathBuf,
    /// The built-in model's file, for experiments that start from `builtin`.
    pub builtin: PathBuf,
    /// Resamples behind every interval over questions.
    pub resamples: u32,
}

/// What is told while it goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum CompareProgress {
    /// A run begins or goes on.
    Begins {
        /// Which, e.g. `sft, seed 2`.
        what: String,
        /// Its steps.
        steps: u32,
    },
    /// A step of it is done.
    Step(u32),
    /// Something is known.
    Says(String),
}

/// Run what is missing and put the result together; none if `control` asked to pause before the end.
///
/// # Errors
/// An experiment that cannot be read or is not the folder's; a run that fails.
pub fn compare(
    request: &CompareRequest,
    progress: &mut dyn FnMut(CompareProgress),
    control: &dyn Fn() -> Control,
) -> Result<Option<Comparison>> {
    let plan = plan(&request.experiment)?;
    let folder = folder::Folder::open(&request.out, &plan)?;
    let model = match plan.experiment.model.as_str() {
        "builtin" => request.builtin.clone(),
        path => path.into(),
    };
    let mut work = work::Work { plan: &plan, folder: &folder, model, builtin: &request.builtin, progress, control };
    let Some(records) = work.records()? else { return Ok(None) };
    let mut commands =
        vec![format!("clicker compare --experiment {} --out {}", request.experiment.display(), request.out.display())];
    let places = records.iter().filter(|r| r.recipe.is_some()).filter_map(|r| r.runs.first());
    commands.extend(places.map(|run| {
        let folder = request.out.join(&run.place);
        format!("clicker eval --model {}", super::newest_checkpoint(&folder).unwrap_or(folder).display())
    }));
    let made = RunCard { model_sha256: super::hash_file(&work.model)?, ..run_card(commands) };
    let comparison = crate::comparisons::assemble::assemble(&plan, &records, made, request.resamples)?;
    folder.write_json("result.json", &comparison)?;
    Ok(Some(comparison))
}

/// The finished comparison of a folder.
///
/// # Errors
/// A folder without one.
pub fn compared(out: &Path) -> Result<Comparison> {
    let path = out.join("result.json");
    let bytes = std::fs::read(&path).map_err(at(&path))?;
    serde_json::from_slice(&bytes)
        .map_err(|e| HeadlessError::Request(format!("{} is no comparison: {e}", path.display())))
}

fn plan(file: &Path) -> Result<Plan> {
    let text = std::fs::read_to_string(file).map_err(at(file))?;
    let beside = |name: &str| {
        let path = file.parent().map_or_else(|| name.into(), |folder| folder.join(name));
        std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
    };
    Ok(Plan::new(experiment::from_toml(&text)?, &beside)?)
}

/// Program and machine. The commit is that of the source tree that this program was built from, where it is still there.
pub(crate) fn run_card(commands: Vec<String>) -> RunCard {
    let source = env!("CARGO_MANIFEST_DIR");
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git").arg("-C").arg(source).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|text| !text.is_empty());
    let commit = git(&["rev-parse", "HEAD"]).map(|c| if changed { format!("{c}, with changes") } else { c });
    let cpu = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    RunCard {
        version: env!("CARGO_PKG_VERSION").into(),
        commit,
        machine: format!(
            "{}, {cores} cores, {} {}",
            cpu.unwrap_or_else(|| "unknown processor".into()),
            std::env::consts::OS,
            std::env::consts::ARCH
        ),
        model_sha256: String::new(),
        commands,
        ended_ms: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
    }
}
