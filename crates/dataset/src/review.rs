//! What people decided about answers that were brought before them, as training data in TRL's three shapes.
//!
//! | decision | preference | unpaired | prompt_completion |
//! |---|---|---|---|
//! | right | - | the answer, label true | the answer |
//! | wrong | - | the answer, label false | - |
//! | should say "I don't know" | that, before the answer | the answer false, that true | that |
//! | should decline | a polite no, before the answer | the answer false, the no true | the no |
//! | corrected | the correction, before the answer | the answer false, the correction true | the correction |
//! | skipped | - | - | - |
//!
//! Entries on which people disagree give nothing until the owner decides. Every row says which model gave the answer, how it
//! came before a person, who decided and when.

use crate::trl::{self, Content};
use crate::{Error, ExportFormat};
use clicker_wire::{
    ABSTAIN, CheckpointId, ItemId, REFUSE, ReviewDecision, ReviewReason, ReviewVerdict, Reviewed, Standing,
};
use serde::{Deserialize, Serialize};

/// What became of the entries. Every entry either gave rows or is counted under exactly one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewCounts {
    /// Entries looked at.
    pub entries: usize,
    /// Entries that gave at least one row.
    pub used: usize,
    /// Rows written.
    pub rows: usize,
    /// Nobody has decided.
    pub open: usize,
    /// People disagree, and the owner has not decided.
    pub disputed: usize,
    /// The decision has no place in this shape.
    pub other_kind: usize,
    /// Better and worse answer say the same, or the better one is empty.
    pub nothing_to_learn: usize,
}

/// The entries as JSONL, in the order of their storing. `model` names a checkpoint for people.
///
/// # Errors
/// A row that cannot be written.
pub fn export_reviews(
    all: &[Reviewed],
    format: ExportFormat,
    model: &dyn Fn(&CheckpointId) -> String,
) -> Result<(String, ReviewCounts), Error> {
    let mut counts = ReviewCounts { entries: all.len(), ..ReviewCounts::default() };
    let mut text = String::new();
    for reviewed in all {
        let decision = match reviewed.standing() {
            Standing::Open => {
                counts.open += 1;
                continue;
            }
            Standing::Disputed => {
                counts.disputed += 1;
                continue;
            }
            Standing::Decided(decision) => decision,
        };
        let answer = reviewed.entry.answers.first().map_or("", |a| a.text.as_str());
        match contents(answer, &decision.verdict, format) {
            Ok(contents) => {
                counts.used += 1;
                for content in contents {
                    counts.rows += 1;
                    let provenance = Provenance::of(reviewed, decision, model(&reviewed.entry.checkpoint));
                    trl::write(&mut text, counts.rows, &reviewed.entry.item.messages, content, provenance)?;
                }
            }
            Err(Skip::OtherKind) => counts.other_kind += 1,
            Err(Skip::Nothing) => counts.nothing_to_learn += 1,
        }
    }
    Ok((text, counts))
}

/// Why a decision gives no row.
enum Skip {
    OtherKind,
    Nothing,
}

/// Where a row comes from.
#[derive(Serialize)]
struct Provenance<'a> {
    review_id: &'a str,
    item_id: &'a ItemId,
    model: String,
    checkpoint: &'a CheckpointId,
    source: &'static str,
    handed_in_by: &'a str,
    reasons: &'a [ReviewReason],
    decision: &'static str,
    decision_id: &'a str,
    reviewer: &'a str,
    owner: bool,
    decided_ms: i64,
    reviewers: usize,
}

impl<'a> Provenance<'a> {
    fn of(reviewed: &'a Reviewed, decision: &'a ReviewDecision, model: String) -> Self {
        let entry = &reviewed.entry;
        Self {
            review_id: &entry.id,
            item_id: &entry.item.id,
            model,
            checkpoint: &entry.checkpoint,
            source: entry.source.as_str(),
            handed_in_by: &entry.by,
            reasons: &entry.reasons,
            decision: name(&decision.verdict),
            decision_id: &decision.id,
            reviewer: &decision.reviewer,
            owner: decision.owner,
            decided_ms: decision.decided_ms,
            reviewers: reviewed.decisions.iter().filter(|d| d.verdict == decision.verdict).count(),
        }
    }
}

fn name(verdict: &ReviewVerdict) -> &'static str {
    match verdict {
        ReviewVerdict::Right => "right",
        ReviewVerdict::Wrong => "wrong",
        ReviewVerdict::ShouldAbstain => "should_abstain",
        ReviewVerdict::ShouldDecline => "should_decline",
        ReviewVerdict::Corrected { .. } => "corrected",
        ReviewVerdict::Skip => "skip",
    }
}

fn contents(answer: &str, verdict: &ReviewVerdict, format: ExportFormat) -> Result<Vec<Content>, Skip> {
    let better = match verdict {
        ReviewVerdict::Right => return judged(answer, true, format),
        ReviewVerdict::Wrong => return judged(answer, false, format),
        ReviewVerdict::Skip => return Err(Skip::OtherKind),
        ReviewVerdict::ShouldAbstain => ABSTAIN,
        ReviewVerdict::ShouldDecline => REFUSE,
        ReviewVerdict::Corrected { text } => text,
    };
    if better.trim().is_empty() || better.trim() == answer.trim() {
        return Err(Skip::Nothing);
    }
    Ok(match format {
        ExportFormat::Preference => vec![Content::preference(better, answer)],
        ExportFormat::PromptCompletion => vec![Content::completion(better)],
        ExportFormat::Unpaired => vec![Content::unpaired(answer, false), Content::unpaired(better, true)],
    })
}

/// An answer that is good, or bad without a better one.
fn judged(answer: &str, good: bool, format: ExportFormat) -> Result<Vec<Content>, Skip> {
    match format {
        ExportFormat::Preference => Err(Skip::OtherKind),
        ExportFormat::PromptCompletion if !good => Err(Skip::OtherKind),
        _ if good && answer.trim().is_empty() => Err(Skip::Nothing),
        ExportFormat::PromptCompletion => Ok(vec![Content::completion(answer)]),
        ExportFormat::Unpaired => Ok(vec![Content::unpaired(answer, good)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;
    use clicker_wire::{Item, ReviewAnswer, ReviewEntry, ReviewSource, Sampling};
    use serde_json::Value;

    fn decision(id: u32, reviewer: &str, owner: bool, verdict: ReviewVerdict) -> ReviewDecision {
        ReviewDecision {
            id: format!("{id:032x}"),
            review: "r".into(),
            verdict,
            reviewer: reviewer.into(),
            owner,
            decided_ms: 7,
        }
    }

    fn reviewed(decisions: Vec<ReviewDecision>) -> Reviewed {
        let entry = ReviewEntry {
            id: "r".into(),
            item: Item::free("What is the capital of Zoria?"),
            checkpoint: CheckpointId::from("c"),
            source: ReviewSource::Scan,
            sampling: Sampling::default(),
            answers: vec![ReviewAnswer { text: "Bor.".into(), logprob: Some(-1.0) }],
            reasons: vec![ReviewReason::LowAgreement { agreement: 0.25, threshold: 0.5 }],
            by: String::new(),
            note: String::new(),
        };
        Reviewed { stored_ms: 1, entry, decisions }
    }

    fn one(verdict: ReviewVerdict) -> Vec<Reviewed> {
        vec![reviewed(vec![decision(1, "anna", false, verdict)])]
    }

    fn written(all: &[Reviewed], format: ExportFormat) -> (Vec<Value>, ReviewCounts) {
        let (text, counts) = export_reviews(all, format, &|_| "truthful, step 40".into()).unwrap();
        (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), counts)
    }

    #[test]
    fn every_decision_has_its_rows() {
        use ExportFormat::{Preference, PromptCompletion, Unpaired};
        let corrected = || ReviewVerdict::Corrected { text: "Zor.".into() };
        for (verdict, format, rows) in [
            (ReviewVerdict::Right, Preference, 0),
            (ReviewVerdict::Right, Unpaired, 1),
            (ReviewVerdict::Right, PromptCompletion, 1),
            (ReviewVerdict::Wrong, Preference, 0),
            (ReviewVerdict::Wrong, Unpaired, 1),
            (ReviewVerdict::Wrong, PromptCompletion, 0),
            (ReviewVerdict::ShouldAbstain, Preference, 1),
            (ReviewVerdict::ShouldDecline, Unpaired, 2),
            (corrected(), Preference, 1),
            (corrected(), PromptCompletion, 1),
            (ReviewVerdict::Skip, Unpaired, 0),
            (ReviewVerdict::Corrected { text: " Bor. ".into() }, Preference, 0),
        ] {
            let (lines, counts) = written(&one(verdict.clone()), format);
            assert_eq!((lines.len(), counts.rows), (rows, rows), "{verdict:?} {format:?}");
            let skipped = counts.open + counts.disputed + counts.other_kind + counts.nothing_to_learn;
            assert_eq!(counts.used + skipped, counts.entries);
        }
    }

    #[test]
    fn rows_say_where_they_come_from_and_trainers_read_them() {
        let (lines, _) = written(&one(ReviewVerdict::ShouldAbstain), ExportFormat::Preference);
        let row = &lines[0];
        assert_eq!(row["chosen"][0]["content"], ABSTAIN);
        assert_eq!(row["rejected"][0]["content"], "Bor.");
        for (key, value) in [
            ("model", "truthful, step 40"),
            ("checkpoint", "c"),
            ("source", "scan"),
            ("reviewer", "anna"),
            ("decision", "should_abstain"),
        ] {
            assert_eq!(row[key], value, "{key}");
        }
        assert_eq!(row["decided_ms"], 7);
        for format in [ExportFormat::Preference, ExportFormat::Unpaired, ExportFormat::PromptCompletion] {
            let (text, _) = export_reviews(&one(ReviewVerdict::ShouldAbstain), format, &|_| "m".into()).unwrap();
            assert!(!rows::read(text.as_bytes()).unwrap().rows.is_empty(), "{format:?}");
        }
    }

    #[test]
    fn disagreement_gives_nothing_until_the_owner_decides() {
        let mut both = vec![
            decision(1, "anna", false, ReviewVerdict::Right),
            decision(2, "ben", false, ReviewVerdict::ShouldAbstain),
        ];
        let (lines, counts) = written(&[reviewed(both.clone())], ExportFormat::Unpaired);
        assert_eq!((lines.len(), counts.disputed), (0, 1));
        both.push(decision(3, "owner", true, ReviewVerdict::Wrong));
        let (lines, _) = written(&[reviewed(both)], ExportFormat::Unpaired);
        assert_eq!((lines.len(), &lines[0]["label"], &lines[0]["owner"]), (1, &Value::Bool(false), &Value::Bool(true)));
        // Somebody who skips does not dissent.
        let skipped =
            vec![decision(1, "anna", false, ReviewVerdict::Right), decision(2, "ben", false, ReviewVerdict::Skip)];
        assert_eq!(written(&[reviewed(skipped)], ExportFormat::Unpaired).1.rows, 1);
    }
}
