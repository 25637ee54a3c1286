//! Votes: taken in, listed, exported.

use crate::{Service, ServiceError};
use clicker_dataset::{ExportCounts, ExportFormat};
use clicker_store::Insertion;
use clicker_wire::{Feedback, FeedbackBody, FeedbackFilter, FeedbackId, FeedbackRow, SampleRef};

/// A request may bring at most this many votes.
const BATCH: usize = 200;
/// Longest prompt (all turns together), answer or correction, in bytes.
const TEXT: usize = 16 << 10;
/// Longest note, in bytes.
const NOTE: usize = 2 << 10;
/// Exports read this many votes at a time.
const PAGE: u32 = 1000;
/// Lists show this many where nothing is asked, and never more than the second.
const LIST: (u32, u32) = (100, 1000);

/// Votes as training data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedbackExport {
    /// One JSON object per line.
    pub jsonl: String,
    /// What became of the votes.
    pub counts: ExportCounts,
}

impl Service {
    /// Store votes, all or none, each once however often it is sent. Returns their ids.
    ///
    /// # Errors
    /// A vote that is not well formed; an id that names another vote already; a store that fails.
    pub async fn submit_feedback(&self, votes: Vec<Feedback>) -> Result<Vec<FeedbackId>, ServiceError> {
        if votes.len() > BATCH {
            let expected = format!("at most {BATCH} at a time");
            return Err(ServiceError::invalid("votes", format!("{} votes", votes.len()), expected));
        }
        for (index, vote) in votes.iter().enumerate() {
            check(vote).map_err(|(field, problem, expected)| {
                ServiceError::invalid(format!("votes[{index}].{field}"), problem, expected)
            })?;
        }
        match self.inner.store.insert_feedback(&votes, self.inner.now()).await? {
            Insertion::Stored => Ok(votes.into_iter().map(|vote| vote.id).collect()),
            Insertion::Conflict(id) => Err(ServiceError::FeedbackConflict { id: id.to_string() }),
        }
    }

    /// Stored votes, newest first.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn feedback(&self, filter: FeedbackFilter) -> Result<Vec<FeedbackRow>, ServiceError> {
        let limit = filter.limit.unwrap_or(LIST.0).min(LIST.1);
        Ok(self.inner.store.feedback(&filter, limit).await?)
    }

    /// All votes as training data, in the order of storing.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn export_feedback(&self, format: ExportFormat) -> Result<FeedbackExport, ServiceError> {
        let (mut votes, mut position) = (Vec::new(), 0);
        loop {
            let (page, last) = self.inner.store.feedback_page(position, PAGE).await?;
            if page.is_empty() {
                let (jsonl, counts) = clicker_dataset::export(&votes, format)?;
                return Ok(FeedbackExport { jsonl, counts });
            }
            votes.extend(page);
            position = last;
        }
    }
}

/// A field, what was given there, and what was expected.
pub(crate) type Fault = (&'static str, String, String);

/// Whether a vote is well formed. Its words are the person's own business.
fn check(vote: &Feedback) -> Result<(), Fault> {
    hex("id", vote.id.as_str(), 32)?;
    hex("checkpoint", vote.checkpoint.as_str(), 64)?;
    let turns = &vote.item.messages;
    if turns.is_empty() || turns.len() > 64 {
        return Err(("item.messages", format!("{} turns", turns.len()), "1 to 64 turns".into()));
    }
    size("item.messages", turns.iter().map(|turn| turn.content.len()).sum(), TEXT)?;
    size("item.accepted", vote.item.accepted.iter().map(String::len).sum(), TEXT)?;
    size("item.id", vote.item.id.as_str().len(), 256)?;
    size("annotator", vote.annotator.len(), 64)?;
    match &vote.body {
        FeedbackBody::Pair { a, b, .. } => {
            sample("body.a", a)?;
            sample("body.b", b)
        }
        FeedbackBody::Thumbs { sample: answer, .. } => sample("body.sample", answer),
        FeedbackBody::Correction { sample: answer, corrected } => {
            sample("body.sample", answer)?;
            if corrected.trim().is_empty() {
                return Err((
                    "body.corrected",
                    "nothing is written".into(),
                    "the answer as it should have been".into(),
                ));
            }
            size("body.corrected", corrected.len(), TEXT)
        }
        FeedbackBody::Flag { sample: answer, note, .. } => {
            sample("body.sample", answer)?;
            size("body.note", note.len(), NOTE)
        }
    }
}

fn sample(field: &'static str, answer: &SampleRef) -> Result<(), Fault> {
    size(field, answer.text.len(), TEXT)?;
    // JSON cannot hold another number, but a caller within the process could.
    if answer.logprob.is_finite() {
        return Ok(());
    }
    Err((field, format!("logprob {}", answer.logprob), "a finite number".into()))
}

/// That an id is so many lower-case hex digits.
pub(crate) fn hex(field: &'static str, text: &str, digits: usize) -> Result<(), Fault> {
    if text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Ok(());
    }
    let shown: String = text.chars().take(80).collect();
    Err((field, format!("`{shown}`"), format!("{digits} lower-case hex digits")))
}

/// That a text is not longer than is taken in.
pub(crate) fn size(field: &'static str, bytes: usize, most: usize) -> Result<(), Fault> {
    if bytes <= most {
        return Ok(());
    }
    Err((field, format!("{bytes} bytes"), format!("at most {most} bytes")))
}
