//! A finished or running run as files for other programs: its figures as CSV, JSON lines or a TensorBoard event file, its
//! answers in UNIPO's log form or as TRL's table of completions. Pure: recipe and events in, bytes out.

mod completions;
mod csv;
mod log;
mod tensorboard;
mod unipo;

pub(crate) use log::RunLog;

use clicker_wire::Event;
use serde::{Deserialize, Serialize};

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunFormat {
    /// A row per step, a column per figure; empty where a step has none.
    Csv,
    /// An object per step.
    Jsonl,
    /// A TensorBoard event file with a scalar per figure.
    Tensorboard,
    /// Answers token by token, in the log form of UNIPO's Training Explorer.
    Unipo,
    /// Answers as TRL's table of completions, a JSON object per answer.
    Completions,
}

impl RunFormat {
    /// Every format, in the order in which they are offered.
    pub const ALL: [Self; 5] = [Self::Csv, Self::Jsonl, Self::Tensorboard, Self::Unipo, Self::Completions];

    /// Its name in addresses and options.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Tensorboard => "tensorboard",
            Self::Unipo => "unipo",
            Self::Completions => "completions",
        }
    }

    /// The format of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// A file to hand over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunExport {
    /// What to call it. TensorBoard finds its files by their names.
    pub file_name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its contents.
    pub bytes: Vec<u8>,
    /// Steps, answers or rows in it.
    pub rows: usize,
}

/// Write a run.
///
/// # Errors
/// Values that JSON has no form for.
pub(crate) fn export(log: &RunLog, format: RunFormat) -> Result<RunExport, serde_json::Error> {
    let name = log.file_stem();
    let text = |extension: &str, media_type, (text, rows): (String, usize)| RunExport {
        file_name: format!("{name}-{}.{extension}", format.name()),
        media_type,
        bytes: text.into_bytes(),
        rows,
    };
    Ok(match format {
        RunFormat::Csv => text("csv", "text/csv; charset=utf-8", csv::csv(log)),
        RunFormat::Jsonl => text("jsonl", JSONL, csv::jsonl(log)?),
        RunFormat::Completions => text("jsonl", JSONL, completions::completions(log)?),
        RunFormat::Unipo => text("json", "application/json", unipo::unipo(log)?),
        RunFormat::Tensorboard => {
            let (bytes, rows) = tensorboard::event_file(log);
            let file_name = format!("events.out.tfevents.{}.{name}", log.started_ms.div_euclid(1000));
            RunExport { file_name, media_type: "application/octet-stream", bytes, rows }
        }
    })
}

const JSONL: &str = "application/jsonl; charset=utf-8";

/// The step of an event that belongs to one.
fn step_of(event: &Event) -> Option<u32> {
    match event {
        Event::Metrics { step, .. }
        | Event::Samples { step, .. }
        | Event::Eval { step, .. }
        | Event::Checkpoint { step, .. }
        | Event::Weights { step, .. }
        | Event::Alarm { step, .. } => Some(*step),
        Event::Token { .. } | Event::Status { .. } | Event::DryRun { .. } => None,
    }
}

#[cfg(test)]
mod tests;
