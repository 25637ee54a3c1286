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
pub(crate) mod grounding;
mod json_schema;
mod length;
mod normalised;
mod numeric;
pub(crate) mod openai;
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

pub use reasoning::{ShownStep, Steps, steps};

use crate::MAX_TEXT_BYTES;
use crate::case::{Asked, Case};
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
    ask(&ready(grader), &Case::new(&Asked::new(item), text), outside)
}

/// A grader ready to be asked: what its configuration alone decides is computed.
pub(crate) type Ready<'g> = Box<dyn Fn(&Case, &Outside) -> Graded + Send + Sync + 'g>;

/// Asks a grader that is ready.
pub(crate) fn ask(ready: &Ready, case: &Case, outside: &Outside) -> Graded {
    let bytes = case.text.len();
    if bytes > MAX_TEXT_BYTES {
        let reason = format!("the answer has {bytes} bytes, more than the {MAX_TEXT_BYTES} that are looked at");
        return Graded::scored(0.0, reason, []);
    }
    ready(case, outside)
}

/// Makes a grader ready. With a configuration that validation refuses it gives scores without meaning, never a panic.
pub(crate) fn ready(grader: &Grader) -> Ready<'_> {
    match grader {
        Grader::Exact {} => Box::new(move |case, _| exact::grade(case.item(), case.text)),
        Grader::Normalised {} => Box::new(move |case, _| normalised::grade(case)),
        Grader::Numeric { tolerance } => Box::new(move |case, _| numeric::grade(case, *tolerance)),
        Grader::Truthful { right, abstain, wrong } => {
            let values = truthful::Values { right: *right, abstain: *abstain, wrong: *wrong };
            Box::new(move |case, _| truthful::grade(case, &values))
        }
        Grader::Format {} => Box::new(move |case, _| format::grade(case.text)),
        Grader::Length { free, limit } => Box::new(move |case, _| length::grade(case.text, *free, *limit)),
        Grader::Regex { pattern } => {
            let compiled = pattern::compile(pattern);
            Box::new(move |case, _| pattern::grade(case.text, pattern, &compiled))
        }
        Grader::JsonSchema { schema } => Box::new(move |case, _| json_schema::grade(case.text, schema)),
        Grader::Template { template } => {
            let parts = template::parse(template);
            Box::new(move |case, _| template::grade(case.text, &parts))
        }
        Grader::SoftOverlong { max, cache, unit } => {
            Box::new(move |case, _| soft_overlong::grade(case.text, *max, *cache, *unit))
        }
        Grader::Repetition { n } => Box::new(move |case, _| repetition::grade(case, *n)),
        Grader::Script { allowed } => Box::new(move |case, _| script::grade(case.text, allowed)),
        Grader::Forbidden { phrases } => {
            let list = forbidden::List::of(phrases);
            Box::new(move |case, _| forbidden::grade(case.text, &list))
        }
        Grader::Pii { kinds } => Box::new(move |case, _| pii::grade(case.text, kinds)),
        Grader::Grounding {} => Box::new(move |case, _| grounding::grade(case)),
        Grader::Reasoning {} => Box::new(move |case, _| reasoning::grade(case.text)),
        Grader::Threshold { t } => Box::new(move |case, _| threshold::grade(case, *t)),
        Grader::Confidence { right } => Box::new(move |case, _| confidence::grade(case, *right)),
        Grader::Program { source } => {
            let program = program::compile(source);
            Box::new(move |case, _| program::grade(case, &program))
        }
        Grader::Openai { grader } => {
            let compiled = openai::compile(grader);
            Box::new(move |case, outside| openai::grade(case, &compiled, outside))
        }
        Grader::RewardModel { checkpoints, ensemble } => {
            Box::new(move |case, outside| reward_model::grade(case, checkpoints, *ensemble, outside))
        }
        Grader::Votes {} => Box::new(votes::grade),
        Grader::Consistency {} => Box::new(consistency::grade),
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
