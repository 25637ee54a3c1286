//! What an evaluation suite found: named sections of named figures, with examples. One shape for every suite, so that the terminal,
//! the API and the page show the same numbers. Data only: nothing here is computed except the way from a proportion to a figure.

use crate::{ConfidenceSource, Estimate, ItemId, Measured, Message, Rate, Receipt};
use serde::{Deserialize, Serialize};

/// Everything that one evaluation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuiteReport {
    /// The suite: `world`, `consistency`, `robustness`, `safety`, `reasoning`, `all`, or the file of one's own.
    pub suite: String,
    /// What was measured: a checkpoint's name, or a path.
    pub model: String,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Questions that the suite began with.
    pub items: u32,
    /// Truthfulness and calibration, where the suite asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// What else was measured.
    pub sections: Vec<SuiteSection>,
}

/// One thing that is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuiteSection {
    /// Its name for programs, e.g. `attacks`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What has to be known to read it: what was left out and why, or that there was nothing to measure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The figures.
    pub figures: Vec<SuiteFigure>,
    /// What the figures look like in words: the answers behind them, a few of each kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<SuiteExample>,
}

/// One figure with its sample size and 95 % interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuiteFigure {
    /// Its name for programs, unique within a section and group.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The row of a table that it belongs to, e.g. a domain, a name, an attack; none stands by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What is counted.
    pub unit: SuiteUnit,
    /// Which direction is good.
    pub better: Better,
    /// The figure; means nothing where `n` is 0.
    pub value: f64,
    /// How many observations.
    pub n: u32,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl SuiteFigure {
    /// A proportion.
    #[must_use]
    pub fn share(name: &str, title: &str, better: Better, rate: Rate) -> Self {
        let Rate { value, n, low, high } = rate;
        Self {
            name: name.into(),
            title: title.into(),
            group: None,
            unit: SuiteUnit::Share,
            better,
            value,
            n,
            low,
            high,
        }
    }

    /// Any other number; none was measured where there is no estimate.
    #[must_use]
    pub fn number(name: &str, title: &str, better: Better, estimate: Option<Estimate>) -> Self {
        let none = Estimate { value: 0.0, n: 0, low: 0.0, high: 0.0 };
        let Estimate { value, n, low, high } = estimate.unwrap_or(none);
        let unit = SuiteUnit::Number;
        Self { name: name.into(), title: title.into(), group: None, unit, better, value, n, low, high }
    }

    /// The same, as a cell of the row `group`.
    #[must_use]
    pub fn of(self, group: impl Into<String>) -> Self {
        Self { group: Some(group.into()), ..self }
    }
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuiteUnit {
    /// A proportion, 0 to 1, with a Wilson interval.
    Share,
    /// A number in the unit that the title names, with a bootstrap interval.
    Number,
}

/// Which direction is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The more the better.
    Higher,
    /// The less the better.
    Lower,
    /// Neither by itself.
    Neither,
}

/// An answer that a figure counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuiteExample {
    /// What it is an example of: the name of an attack, of a figure.
    pub of: String,
    /// The question that it came from.
    pub item: ItemId,
    /// What was asked.
    pub prompt: Vec<Message>,
    /// What would have been right, if anything is known of it; the first accepted answer, or what is wanted in words.
    pub wanted: String,
    /// What the model said where nothing was done to the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean: Option<String>,
    /// What it said.
    pub answer: String,
    /// Its score, where a grader gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Why, grader by grader.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<Receipt>,
}

/// A confidence below which a person should be asked: it travels with a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskPerson {
    /// Where the confidence comes from.
    pub source: ConfidenceSource,
    /// Answers with more than this are given; none where no threshold keeps the promise: always ask.
    pub threshold: Option<f64>,
    /// The promise: at most this share of all questions is answered wrongly.
    pub alpha: f64,
    /// Questions that it was chosen on.
    pub chosen_on: u32,
}

/// An evaluation on a server, from being asked for to its report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Its number, rising in the order in which evaluations were asked for.
    pub id: i64,
    /// What was asked.
    pub order: EvaluationOrder,
    /// How far it is.
    pub status: EvaluationStatus,
    /// When it was asked for, Unix milliseconds.
    pub created_ms: i64,
    /// When it was last begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<i64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
    /// How often it was begun: above 1 where the server ended in the midst of it.
    pub attempts: u32,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What was found; left out of lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<SuiteReport>,
    /// The threshold that was chosen, if one source gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_person: Option<AskPerson>,
}

/// What to evaluate on a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationOrder {
    /// `builtin` or the id of a checkpoint.
    pub checkpoint: String,
    /// A suite by its name.
    pub suite: String,
    /// At most this many questions; 0 means all.
    #[serde(default)]
    pub items: u32,
    /// Answers drawn per question to see whether they agree; 0 skips this.
    #[serde(default)]
    pub resamples: u32,
    /// Seed of everything that is drawn.
    #[serde(default)]
    pub seed: u64,
    /// The share of wrong answers that a threshold should promise.
    #[serde(default = "tenth")]
    pub alpha: f64,
}

fn tenth() -> f64 {
    0.1
}

/// How far an evaluation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationStatus {
    /// It waits for its turn.
    Queued,
    /// It is being done.
    Running,
    /// Its report is there.
    Succeeded,
    /// It could not be done.
    Failed,
}
