//! The review queue: answers that a person should look at come in, people decide, decisions become training data.

mod scan;

use crate::feedback::{Fault, hex, size};
use crate::{Service, ServiceError};
use clicker_dataset::{ExportFormat, ReviewCounts};
use clicker_store::Filed;
use clicker_wire::{CheckpointId, ReviewDecision, ReviewEntry, ReviewSource, ReviewVerdict, Reviewed};
use std::collections::BTreeMap;

/// A request may hand in at most this many answers.
const BATCH: usize = 50;
/// Longest prompt (all turns together), answer or correction, in bytes.
const TEXT: usize = 16 << 10;
/// Longest note, in bytes.
const NOTE: usize = 2 << 10;
/// Longest pseudonym, in bytes.
const NAME: usize = 64;
/// Answers that may wait for a first decision: anybody may hand in, and a queue that nobody can empty helps nobody.
const OPEN: u32 = 2000;
/// What the owner is called.
const OWNER: &str = "owner";

/// Decisions as training data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewExport {
    /// One JSON object per line.
    pub jsonl: String,
    /// What became of the entries.
    pub counts: ReviewCounts,
}

impl Service {
    /// Take answers that people handed in, each once however often it is sent. Returns their ids.
    ///
    /// # Errors
    /// An entry that is not well formed; an id that names another one already; a queue that is full; a store that fails.
    pub async fn hand_in(&self, entries: Vec<ReviewEntry>) -> Result<Vec<String>, ServiceError> {
        if entries.len() > BATCH {
            let problem = format!("{} answers", entries.len());
            return Err(ServiceError::invalid("reviews", problem, format!("at most {BATCH} at a time")));
        }
        for (index, entry) in entries.iter().enumerate() {
            check(entry).map_err(|(field, problem, expected)| {
                ServiceError::invalid(format!("reviews[{index}].{field}"), problem, expected)
            })?;
        }
        let mut ids = Vec::with_capacity(entries.len());
        for entry in entries {
            // Whatever was sent: it was handed in, and what the server would say of it nobody else may say.
            let entry = ReviewEntry { source: ReviewSource::HandedIn, reasons: Vec::new(), ..entry };
            self.room_for(&entry.id).await?;
            self.file(&entry).await?;
            ids.push(entry.id);
        }
        Ok(ids)
    }

    /// Decide about an answer; sent again under the same id it is stored once.
    ///
    /// # Errors
    /// A decision that is not well formed, about something that is not there, or whose id names another one already.
    pub async fn decide(&self, decision: ReviewDecision, owner: bool) -> Result<Reviewed, ServiceError> {
        let reviewer = if owner { OWNER.to_owned() } else { decision.reviewer.trim().to_owned() };
        let decision = ReviewDecision { reviewer, owner, decided_ms: self.inner.now(), ..decision };
        check_decision(&decision)
            .map_err(|(field, problem, expected)| ServiceError::invalid(field, problem, expected))?;
        match self.inner.store.insert_decision(&decision).await? {
            Filed::New | Filed::Known => self.review(&decision.review).await,
            Filed::Conflict => Err(ServiceError::ReviewConflict { id: decision.id }),
            Filed::Orphan => Err(gone(&decision.review)),
        }
    }

    /// One answer with what was decided about it.
    ///
    /// # Errors
    /// There is none with this id; a store that fails.
    pub async fn review(&self, id: &str) -> Result<Reviewed, ServiceError> {
        self.inner.store.review(id).await?.ok_or_else(|| gone(id))
    }

    /// The whole queue with all decisions, in the order of storing.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn reviews(&self) -> Result<Vec<Reviewed>, ServiceError> {
        Ok(self.inner.store.reviews().await?)
    }

    /// A name for a form that is about to be drawn, so that pressing its button twice stores one thing.
    ///
    /// # Errors
    /// An operating system without randomness.
    pub fn review_id(&self) -> Result<String, ServiceError> {
        crate::ids::random_hex::<16>()
    }

    /// All decisions as training data.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn export_reviews(&self, format: ExportFormat) -> Result<ReviewExport, ServiceError> {
        let all = self.reviews().await?;
        let mut names: BTreeMap<CheckpointId, String> = BTreeMap::new();
        for reviewed in &all {
            let id = &reviewed.entry.checkpoint;
            if !names.contains_key(id) {
                let found = self.inner.store.checkpoint(id).await?;
                names.insert(id.clone(), found.map_or_else(|| id.to_string(), |m| m.name));
            }
        }
        let named = |id: &CheckpointId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
        let (jsonl, counts) = clicker_dataset::export_reviews(&all, format, &named)?;
        Ok(ReviewExport { jsonl, counts })
    }

    async fn file(&self, entry: &ReviewEntry) -> Result<Filed, ServiceError> {
        match self.inner.store.insert_review(entry, self.inner.now()).await? {
            Filed::Conflict => Err(ServiceError::ReviewConflict { id: entry.id.clone() }),
            filed => Ok(filed),
        }
    }

    async fn room_for(&self, id: &str) -> Result<(), ServiceError> {
        let open = self.inner.store.untouched_reviews().await?;
        if open >= OPEN && self.inner.store.review(id).await?.is_none() {
            return Err(ServiceError::QueueFull { open });
        }
        Ok(())
    }
}

fn gone(id: &str) -> ServiceError {
    let id = id.chars().take(80).collect();
    ServiceError::NotFound { what: "answer for review", id, hint: "the review queue lists those that exist" }
}

fn check(entry: &ReviewEntry) -> Result<(), Fault> {
    hex("id", &entry.id, 32)?;
    hex("checkpoint", entry.checkpoint.as_str(), 64)?;
    let turns = &entry.item.messages;
    if turns.is_empty() || turns.len() > 64 {
        return Err(("item.messages", format!("{} turns", turns.len()), "1 to 64 turns".into()));
    }
    size("item.messages", turns.iter().map(|turn| turn.content.len()).sum(), TEXT)?;
    size("item.accepted", entry.item.accepted.iter().map(String::len).sum(), TEXT)?;
    size("item.id", entry.item.id.as_str().len(), 256)?;
    if !(1..=16).contains(&entry.answers.len()) {
        return Err(("answers", format!("{} answers", entry.answers.len()), "1 to 16, the one to judge first".into()));
    }
    size("answers", entry.answers.iter().map(|answer| answer.text.len()).sum(), TEXT)?;
    if entry.answers.iter().any(|answer| answer.logprob.is_some_and(|l| !l.is_finite())) {
        return Err(("answers", "a logprob that is no number".into(), "finite numbers".into()));
    }
    size("by", entry.by.len(), NAME)?;
    size("note", entry.note.len(), NOTE)
}

fn check_decision(decision: &ReviewDecision) -> Result<(), Fault> {
    hex("id", &decision.id, 32)?;
    size("reviewer", decision.reviewer.len(), NAME)?;
    if decision.reviewer.is_empty() {
        return Err(("reviewer", "no name".into(), "any name you like, the same one every time".into()));
    }
    if !decision.owner && decision.reviewer.eq_ignore_ascii_case(OWNER) {
        return Err(("reviewer", "`owner`".into(), "another name: this one is the owner's of this server".into()));
    }
    if let ReviewVerdict::Corrected { text } = &decision.verdict {
        if text.trim().is_empty() {
            return Err(("verdict.text", "nothing is written".into(), "the answer as it should have been".into()));
        }
        size("verdict.text", text.len(), TEXT)?;
    }
    Ok(())
}
