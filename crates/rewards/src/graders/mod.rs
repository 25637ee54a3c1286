//! One grader per file, each a pure function of a question and an answer; which one is asked is one exhaustive match.
//!
//! Adding a grader: a variant of [`clicker_wire::Grader`], a file here, an arm below, its limits in
//! `compose::validate`, cases in `fixtures`, a section in docs/algorithms/rewards.md. The compiler lists what is
//! forgotten of the first three.

mod confidence;
mod consistency;
mod exact;
pub(crate) mod forbidden;
mod format;
mod grounding;
mod json_schema;
mod length;
mod normalised;
mod numeric;
pub(crate) mod pattern;
mod pii;
pub(crate) mod program;
mod reasoning;
pub(crate) mod repetition;
pub(crate) mod reward_model;
mod script;
mod soft_overlong;
pub(crate) mod template;
mod threshold;
mod truthful;
mod votes;

use crate::MAX_TEXT_BYTES;
use crate::outside::Outside;
use clicker_wire::{Grader, Item, Span};

/// What a grader says about one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Graded {
    /// The score; none where the grader does not apply to this question.
    pub score: Option<f64>,
    /// Why, for the person who reads the receipt.
    pub reason: String,
    /// The bytes of the answer that the score rests on.
    pub spans: Vec<Span>,
}

impl Graded {
    pub(crate) fn scored(score: f64, reason: impl Into<String>, spans: impl IntoIterator<Item = Span>) -> Self {
        Self { score: Some(score), reason: reason.into(), spans: spans.into_iter().collect() }
    }

    pub(crate) fn does_not_apply(reason: impl Into<String>) -> Self {
        Self { score: None, reason: reason.into(), spans: Vec::new() }
    }
}

/// Asks one grader about one answer. Never fails: an answer longer than [`MAX_TEXT_BYTES`] scores 0 unread.
#[must_use]
pub fn grade(grader: &Grader, item: &Item, text: &str) -> Graded {
    grade_with(grader, item, text, &Outside::default())
}

/// As [`grade`], with what some graders need from outside the text.
#[must_use]
pub fn grade_with(grader: &Grader, item: &Item, text: &str, outside: &Outside) -> Graded {
    if text.len() > MAX_TEXT_BYTES {
        let reason = format!("the answer has {} bytes, more than the {MAX_TEXT_BYTES} that are looked at", text.len());
        return Graded::scored(0.0, reason, []);
    }
    match grader {
        Grader::Exact {} => exact::grade(item, text),
        Grader::Normalised {} => normalised::grade(item, text),
        Grader::Numeric { tolerance } => numeric::grade(item, text, *tolerance),
        Grader::Truthful { right, abstain, wrong } => {
            truthful::grade(item, text, &truthful::Values { right: *right, abstain: *abstain, wrong: *wrong })
        }
        Grader::Format {} => format::grade(text),
        Grader::Length { free, limit } => length::grade(text, *free, *limit),
        Grader::Regex { pattern } => pattern::grade(text, pattern),
        Grader::JsonSchema { schema } => json_schema::grade(text, schema),
        Grader::Template { template } => template::grade(text, template),
        Grader::SoftOverlong { max, cache, unit } => soft_overlong::grade(text, *max, *cache, *unit),
        Grader::Repetition { n } => repetition::grade(text, *n),
        Grader::Script { allowed } => script::grade(text, allowed),
        Grader::Forbidden { phrases } => forbidden::grade(text, phrases),
        Grader::Pii { kinds } => pii::grade(text, kinds),
        Grader::Grounding {} => grounding::grade(item, text),
        Grader::Reasoning {} => reasoning::grade(text),
        Grader::Threshold { t } => threshold::grade(item, text, *t),
        Grader::Confidence {} => confidence::grade(item, text),
        Grader::Program { source } => program::grade(item, text, source),
        Grader::RewardModel { checkpoints, ensemble } => {
            reward_model::grade(item, text, checkpoints, *ensemble, outside)
        }
        Grader::Votes {} => votes::grade(text, outside),
        Grader::Consistency {} => consistency::grade(item, text, outside),
    }
}

/// Most spans on a receipt of a grader that looks for many things.
const MAX_EVIDENCE: usize = 16;

/// The beginning of a text, for a reason: at most 80 characters on one line.
pub(crate) fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// The accepted answers for a reason: at most three, quoted.
fn quoted(accepted: &[String]) -> String {
    let shown: Vec<String> = accepted.iter().take(3).map(|a| format!("“{a}”")).collect();
    let more = if accepted.len() > 3 { " …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
