//! A run's folder as files for other programs. A run that is being written meanwhile is exported up to its last whole line.

use super::{HeadlessError, Result, at};
use crate::exports::{RunExport, RunFormat, RunLog, export};
use clicker_wire::{Event, Recipe};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Logs that hold what is exported.
const LOGS: [&str; 3] = ["metrics.jsonl", "eval.jsonl", "samples.jsonl"];

/// Write the run of a folder in one format.
///
/// # Errors
/// A folder that holds no run; a log that is not one.
pub fn export_run(folder: &Path, format: RunFormat) -> Result<RunExport> {
    let (recipe, events) = run_of(folder)?;
    // The recipe is written once, before the first step.
    let path = folder.join("recipe.json");
    let started = fs::metadata(&path).and_then(|file| file.modified()).map_err(at(&path))?;
    let started_ms = started.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let events = events.into_iter().map(|event| (None, event)).collect();
    export(&RunLog { recipe, started_ms, events }, format).map_err(|e| HeadlessError::Request(e.to_string()))
}

/// The recipe of a run's folder, and what its logs hold.
pub(super) fn run_of(folder: &Path) -> Result<(Recipe, Vec<Event>)> {
    let path = folder.join("recipe.json");
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let words =
                format!("{} holds no run (no recipe.json); name the --out of a `clicker train`", folder.display());
            return Err(HeadlessError::Request(words));
        }
        Err(e) => return Err(at(&path)(e)),
    };
    let recipe: Recipe = serde_json::from_slice(&bytes)
        .map_err(|e| HeadlessError::Request(format!("{} is no recipe: {e}", path.display())))?;
    let mut events = Vec::new();
    for log in LOGS {
        events.extend(lines(&folder.join(log))?);
    }
    Ok((recipe, events))
}

fn lines(path: &Path) -> Result<Vec<Event>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(at(path)(e)),
    };
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).enumerate();
    whole
        .map(|(index, line)| {
            serde_json::from_str(line)
                .map_err(|e| HeadlessError::Request(format!("{}, line {} is no event: {e}", path.display(), index + 1)))
        })
        .collect()
}
