//! People's votes as training data, in the three shapes that TRL reads (conversational form: lists of role and content).
//!
//! | shape | rows come from |
//! |---|---|
//! | preference: prompt, chosen, rejected | A or B chosen; corrections (the correction is chosen, the original rejected) |
//! | unpaired: prompt, completion, label | thumbs; "both bad" gives two rows with label false |
//! | prompt_completion: prompt, completion | corrections; thumbs up |
//!
//! Every row also says where it comes from, so that any vote can be traced and replayed; trainers ignore columns they do not
//! know. Flags are warnings for a person, not training data, and are only counted.

use crate::Error;
use crate::trl::{self, Content};
use clicker_wire::{
    CheckpointId, Feedback, FeedbackBody, FeedbackId, FeedbackRow, ItemId, PairChoice, SampleRef, Sampling,
};
use serde::{Deserialize, Serialize};

/// Which of the three shapes to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// Pairs, for DPO and reward models.
    Preference,
    /// Single answers with a label, for KTO.
    Unpaired,
    /// Good answers, for supervised fine-tuning.
    PromptCompletion,
}

/// What became of the votes. Every vote either gave rows or is counted under exactly one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportCounts {
    /// Votes looked at.
    pub votes: usize,
    /// Votes that gave at least one row.
    pub used: usize,
    /// Rows written.
    pub rows: usize,
    /// Ties: no side is better.
    pub skipped_ties: usize,
    /// "Both bad" where a pair is wanted: no side is good.
    pub skipped_both_bad: usize,
    /// Both sides of the pair say the same.
    pub skipped_identical: usize,
    /// Corrections or answers without text.
    pub skipped_empty: usize,
    /// Flags.
    pub skipped_flags: usize,
    /// Votes of a kind that this shape has no place for.
    pub skipped_other_kind: usize,
}

/// The votes as JSONL (one row per line, in the order of the votes) and what became of them.
pub fn export(votes: &[FeedbackRow], format: ExportFormat) -> Result<(String, ExportCounts), Error> {
    let mut counts = ExportCounts { votes: votes.len(), ..ExportCounts::default() };
    let mut text = String::new();
    for FeedbackRow { feedback, .. } in votes {
        let rows = match format {
            ExportFormat::Preference => preference(&feedback.body),
            ExportFormat::Unpaired => unpaired(&feedback.body),
            ExportFormat::PromptCompletion => prompt_completion(&feedback.body),
        };
        match rows {
            Ok(contents) => {
                counts.used += 1;
                for content in contents {
                    counts.rows += 1;
                    trl::write(&mut text, counts.rows, &feedback.item.messages, content, Provenance::of(feedback))?;
                }
            }
            Err(Skip::Tie) => counts.skipped_ties += 1,
            Err(Skip::BothBad) => counts.skipped_both_bad += 1,
            Err(Skip::Identical) => counts.skipped_identical += 1,
            Err(Skip::Empty) => counts.skipped_empty += 1,
            Err(Skip::Flag) => counts.skipped_flags += 1,
            Err(Skip::OtherKind) => counts.skipped_other_kind += 1,
        }
    }
    Ok((text, counts))
}

/// Why a vote gives no row.
enum Skip {
    Tie,
    BothBad,
    Identical,
    Empty,
    Flag,
    OtherKind,
}

/// Where a row comes from.
#[derive(Serialize)]
struct Provenance<'a> {
    feedback_id: &'a FeedbackId,
    item_id: &'a ItemId,
    annotator: &'a str,
    said_ms: i64,
    dwell_ms: u32,
    checkpoint: &'a CheckpointId,
    seed: u64,
    sampling: &'a Sampling,
}

impl<'a> Provenance<'a> {
    fn of(vote: &'a Feedback) -> Self {
        Self {
            feedback_id: &vote.id,
            item_id: &vote.item.id,
            annotator: &vote.annotator,
            said_ms: vote.said_ms,
            dwell_ms: vote.dwell_ms,
            checkpoint: &vote.checkpoint,
            seed: vote.sampling.seed,
            sampling: &vote.sampling,
        }
    }
}

fn preference(body: &FeedbackBody) -> Result<Vec<Content>, Skip> {
    match body {
        FeedbackBody::Pair { choice: PairChoice::Tie, .. } => Err(Skip::Tie),
        FeedbackBody::Pair { choice: PairChoice::BothBad, .. } => Err(Skip::BothBad),
        FeedbackBody::Pair { a, b, choice: PairChoice::A } => pair(&a.text, &b.text),
        FeedbackBody::Pair { a, b, choice: PairChoice::B } => pair(&b.text, &a.text),
        FeedbackBody::Correction { sample, corrected } => pair(corrected, &sample.text),
        FeedbackBody::Thumbs { .. } => Err(Skip::OtherKind),
        FeedbackBody::Flag { .. } => Err(Skip::Flag),
    }
}

/// An empty answer may be rejected, but never chosen.
fn pair(chosen: &str, rejected: &str) -> Result<Vec<Content>, Skip> {
    if chosen.trim().is_empty() {
        return Err(Skip::Empty);
    }
    if chosen.trim() == rejected.trim() {
        return Err(Skip::Identical);
    }
    Ok(vec![Content::preference(chosen, rejected)])
}

fn unpaired(body: &FeedbackBody) -> Result<Vec<Content>, Skip> {
    let row = |sample: &SampleRef, label| Content::unpaired(&sample.text, label);
    match body {
        FeedbackBody::Thumbs { sample, up: true } if sample.text.trim().is_empty() => Err(Skip::Empty),
        FeedbackBody::Thumbs { sample, up } => Ok(vec![row(sample, *up)]),
        FeedbackBody::Pair { a, b, choice: PairChoice::BothBad } => Ok(vec![row(a, false), row(b, false)]),
        FeedbackBody::Pair { choice: PairChoice::Tie, .. } => Err(Skip::Tie),
        FeedbackBody::Pair { .. } | FeedbackBody::Correction { .. } => Err(Skip::OtherKind),
        FeedbackBody::Flag { .. } => Err(Skip::Flag),
    }
}

fn prompt_completion(body: &FeedbackBody) -> Result<Vec<Content>, Skip> {
    let good = match body {
        FeedbackBody::Correction { corrected, .. } => corrected,
        FeedbackBody::Thumbs { sample, up: true } => &sample.text,
        FeedbackBody::Thumbs { up: false, .. } => return Err(Skip::OtherKind),
        FeedbackBody::Pair { choice: PairChoice::Tie, .. } => return Err(Skip::Tie),
        FeedbackBody::Pair { choice: PairChoice::BothBad, .. } => return Err(Skip::BothBad),
        FeedbackBody::Pair { .. } => return Err(Skip::OtherKind),
        FeedbackBody::Flag { .. } => return Err(Skip::Flag),
    };
    if good.trim().is_empty() {
        return Err(Skip::Empty);
    }
    Ok(vec![Content::completion(good)])
}

#[cfg(test)]
mod tests;
