//! The folder of a comparison: the plan that it was begun with, answers of runs that are done, and what runs logged.

use super::super::{HeadlessError, Result, at};
use crate::comparisons::plan::Plan;
use clicker_wire::{AnsweredItem, Event};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A comparison's folder.
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Make it, or find it begun with the same plan.
    pub(super) fn open(path: &Path, plan: &Plan) -> Result<Self> {
        fs::create_dir_all(path).map_err(at(path))?;
        let folder = Self { path: path.to_owned() };
        let file = path.join("plan.json");
        match fs::read(&file) {
            Err(e) if e.kind() == ErrorKind::NotFound => folder.write_json("plan.json", plan)?,
            Err(e) => return Err(at(&file)(e)),
            Ok(bytes) => {
                let begun: Plan = serde_json::from_slice(&bytes).map_err(|e| {
                    HeadlessError::Request(format!("{} is no plan of a comparison: {e}", file.display()))
                })?;
                if let Some(what) = begun.differs(plan) {
                    return Err(HeadlessError::Request(format!(
                        "{} holds the comparison `{}`, which was begun otherwise: {what} has changed since. Bring the old \
                         experiment back to go on, or choose another --out",
                        path.display(),
                        begun.experiment.name
                    )));
                }
            }
        }
        Ok(folder)
    }

    /// A place below it.
    pub(super) fn place(&self, below: &str) -> PathBuf {
        self.path.join(below)
    }

    /// Write a file so that a kill leaves either the old or the new one.
    pub(super) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let json = serde_json::to_vec_pretty(value).map_err(|e| HeadlessError::Request(e.to_string()))?;
        self.write(name, &json)
    }

    /// What such a file holds, if it is there.
    pub(super) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(at(&path)(e)),
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|e| HeadlessError::Request(format!("{}: {e}; delete it to go on without it", path.display()))),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (path, temporary) = (self.path.join(name), self.path.join(format!("{name}.tmp")));
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&temporary)?;
            file.write_all(bytes)?;
            file.sync_data()?;
            fs::rename(&temporary, &path)
        };
        write().map_err(at(&path))
    }

    /// The answers of a run, if it is done.
    pub(super) fn answers(&self, run: &str) -> Result<Option<Vec<AnsweredItem>>> {
        let path = self.place(run).join("answers.jsonl");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(at(&path)(e)),
        };
        let read = |line: &str| serde_json::from_str(line);
        let answers: std::result::Result<Vec<AnsweredItem>, _> = text.lines().map(read).collect();
        answers
            .map(Some)
            .map_err(|e| HeadlessError::Request(format!("{}: {e}; delete it to ask again", path.display())))
    }

    /// Keep them: from then on the run is done.
    pub(super) fn keep_answers(&self, run: &str, answers: &[AnsweredItem]) -> Result<()> {
        let folder = self.place(run);
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let mut text = String::new();
        for answer in answers {
            text += &serde_json::to_string(answer).map_err(|e| HeadlessError::Request(e.to_string()))?;
            text.push('\n');
        }
        self.write(&format!("{run}/answers.jsonl"), text.as_bytes())
    }

    /// What a run has logged, in the order of its files.
    pub(super) fn events(&self, run: &str) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for log in ["metrics.jsonl", "eval.jsonl", "samples.jsonl"] {
            let path = self.place(run).join(log);
            let text = match fs::read_to_string(&path) {
                Ok(text) => text,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(at(&path)(e)),
            };
            // Samples are long and of no use here; a line that was cut is of a step that will be made again.
            let lines = text.lines().filter(|line| !line.contains("\"kind\":\"samples\""));
            events.extend(lines.filter_map(|line| serde_json::from_str::<Event>(line).ok()));
        }
        Ok(events)
    }
}
