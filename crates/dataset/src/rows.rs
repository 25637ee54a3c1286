//! Training data of one's own: JSON lines in the formats of TRL and of OpenAI. Reading keeps every row and its line, or says
//! which line is wrong; what an algorithm takes of the rows is asked for afterwards ([`Rows::questions`] and its siblings).
//!
//! | format | a row | from |
//! |---|---|---|
//! | prompt-only | `prompt`; or `messages` that end with the user's turn | TRL; OpenAI's RFT items |
//! | prompt-completion | `prompt`, `completion`; or `messages` that end with the assistant's turn | TRL; OpenAI's SFT files |
//! | preference | `prompt`, `chosen`, `rejected`; or `input`, `preferred_output`, `non_preferred_output` | TRL; OpenAI's DPO files |
//! | unpaired | `prompt`, `completion`, `label` (true or false) | TRL |
//!
//! Every text may be a plain string or a list of turns. All other columns stay with the row and reach the graders. Never knows
//! files, tokens or algorithms.

mod hints;
mod item;
mod parse;
mod turns;
mod uses;

pub use uses::Demonstration;

use crate::Error;
use crate::jsonl::MAX_LINE_BYTES;
use clicker_wire::Message;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// Largest file that is read, bytes.
pub const MAX_BYTES: usize = 1 << 30;
/// Most rows of a file.
pub const MAX_ROWS: usize = 1_000_000;

/// The shape of a file's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Questions.
    PromptOnly,
    /// Questions with one good answer.
    PromptCompletion,
    /// Questions with a better and a worse answer.
    Preference,
    /// Questions with an answer and a thumb.
    Unpaired,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PromptOnly => "prompt-only (prompt, or messages that end with the user's turn)",
            Self::PromptCompletion => {
                "prompt-completion (prompt and completion, or messages that end with the assistant's turn)"
            }
            Self::Preference => "preference (prompt, chosen and rejected)",
            Self::Unpaired => "unpaired (prompt, completion and label)",
        })
    }
}

/// A file, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Its rows, in order; all of one format.
    pub rows: Vec<Row>,
    /// Lines with nothing on them.
    pub blank_lines: usize,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its number, from 1.
    pub line: usize,
    /// The conversation; the last turn is the user's.
    pub prompt: Vec<Message>,
    /// What is said about answers to it.
    pub body: Body,
    /// All columns that the format does not use itself.
    pub fields: Map<String, Value>,
}

/// What a row says beside its prompt.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Nothing.
    Prompt,
    /// One good answer.
    Completion(String),
    /// A better and a worse answer.
    Preference {
        /// The better answer.
        chosen: String,
        /// The worse answer.
        rejected: String,
        /// How much the row counts.
        weight: f64,
        /// How much better the better answer is.
        margin: f64,
    },
    /// An answer and a thumb.
    Unpaired {
        /// The answer.
        completion: String,
        /// Thumb up.
        label: bool,
        /// How much the row counts.
        weight: f64,
    },
}

impl Row {
    /// Its format.
    #[must_use]
    pub fn format(&self) -> Format {
        match self.body {
            Body::Prompt => Format::PromptOnly,
            Body::Completion(_) => Format::PromptCompletion,
            Body::Preference { .. } => Format::Preference,
            Body::Unpaired { .. } => Format::Unpaired,
        }
    }

    /// The answers that the row holds, the better one first.
    #[must_use]
    pub fn answers(&self) -> Vec<&str> {
        match &self.body {
            Body::Prompt => Vec::new(),
            Body::Completion(text) | Body::Unpaired { completion: text, .. } => vec![text],
            Body::Preference { chosen, rejected, .. } => vec![chosen, rejected],
        }
    }

    /// The right answers that its columns name.
    #[must_use]
    pub fn truths(&self) -> Vec<String> {
        item::accepted(&self.fields)
    }

    /// Whether graders that know the truth apply to it.
    #[must_use]
    pub fn has_truth(&self) -> bool {
        item::item(self).is_ok_and(|item| item.expected != clicker_wire::Expected::Unknown)
    }

    /// The subject matter that the row names, if it names one.
    #[must_use]
    pub fn topic(&self) -> Option<&str> {
        ["domain", "category", "topic", "subject"].iter().find_map(|name| self.fields.get(*name)?.as_str())
    }
}

impl Rows {
    /// The format of the rows; none of no rows.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        self.rows.first().map(Row::format)
    }
}

/// The rows of a JSONL text. Empty lines are skipped and counted, a byte order mark is ignored.
///
/// # Errors
/// A file of another kind, a line that is too long, no object, in no format, or in another format than the lines before it.
pub fn read(bytes: &[u8]) -> Result<Rows, Error> {
    hints::refuse_other_files(bytes)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut out = Rows::default();
    let ended = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    for (index, raw) in ended.split(|b| *b == b'\n').enumerate() {
        let (line, raw) = (index + 1, raw.trim_ascii());
        if raw.is_empty() {
            out.blank_lines += 1;
            continue;
        }
        if raw.len() > MAX_LINE_BYTES {
            return Err(Error::LineTooLong { line, bytes: raw.len(), limit: MAX_LINE_BYTES });
        }
        let row = parse::row(line, raw)?;
        if let Some(format) = out.format().filter(|format| *format != row.format()) {
            let (problem, expected) =
                (format!("this row is {}", row.format()), format!("{format}, like line {}", first(&out)));
            return Err(Error::Line { line, problem, expected });
        }
        if out.rows.len() == MAX_ROWS {
            return Err(Error::File { problem: format!("more than {MAX_ROWS} rows; split the file") });
        }
        out.rows.push(row);
    }
    Ok(out)
}

fn first(rows: &Rows) -> usize {
    rows.rows.first().map_or(1, |row| row.line)
}

#[cfg(test)]
mod tests;
