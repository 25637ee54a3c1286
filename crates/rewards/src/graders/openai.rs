//! One of OpenAI's graders as a part of a reward: the same JSON that `/v1/fine_tuning/alpha/graders` and `clicker grade` take.
//!
//! Templates read the question as `item`: the row's own columns, and beside them `question`, `messages`, `accepted`,
//! `reference_answer` (the first accepted), `expected` and `domain` where the row has no column of that name. What goes wrong on an
//! answer is a score of 0 and the sentence of its error flag.
//!
//! It never asks a model: while a model trains, a reward must be a function of the text. So `score_model` and `label_model` are
//! refused when the reward is checked, and `python` with the grader that does the same. Without the feature `openai` (in
//! the page itself, whose bytes are counted) it does not apply, and its receipt says who will score it.

#[cfg(feature = "openai")]
pub(super) use here::{compile, grade};

#[cfg(not(feature = "openai"))]
pub(super) use absent::{compile, grade};

use serde_json::Value;

/// What is wrong with a grader's JSON as a part of a reward, in words that end a sentence "expected ...". Nothing where none runs.
pub(crate) fn complaint(grader: &Value) -> Option<String> {
    compile(grader).err()
}

#[cfg(feature = "openai")]
mod here {
    use super::Value;
    use crate::case::Case;
    use crate::graders::{Graded, excerpt};
    use crate::openai::{Grader, python_instead, run, validate};
    use clicker_wire::Item;
    use serde_json::json;

    /// Reads the JSON; where that fails, what was expected.
    pub(in crate::graders) fn compile(grader: &Value) -> Result<Grader, String> {
        let grader = validate(grader).map_err(|error| format!("one of OpenAI's graders; {error}"))?;
        if let Some(model) = grader.models().first() {
            return Err(format!(
                "a grader that asks no model, and it asks {model:?}: a reward in training is a function of the text; use \
                 reward_model here, or `clicker grade` for answers that exist"
            ));
        }
        match python_instead(&grader) {
            Some(instead) => Err(format!("a grader that runs here. {instead}")),
            None => Ok(grader),
        }
    }

    /// What it gives this answer.
    pub(in crate::graders) fn grade(case: &Case, grader: &Result<Grader, String>) -> Graded {
        let grader = match grader {
            Ok(grader) => grader,
            Err(why) => return Graded::scored(0.0, format!("expected {why}"), []),
        };
        let run = run(grader, &case.text.into(), case.asked.row(), None);
        let reason = match run.problems.first() {
            Some(problem) => format!("the grader failed: {}", excerpt(problem)),
            None if run.result.sub_rewards.is_empty() => format!("{} gives {}", grader.kind(), run.result.reward),
            None => {
                let parts = run.result.sub_rewards.iter().map(|(name, score)| format!("{name} {score}"));
                format!("the formula gives {} of {}", run.result.reward, parts.collect::<Vec<_>>().join(", "))
            }
        };
        Graded::scored(run.result.reward, reason, [])
    }

    /// What templates read as `item`.
    pub(crate) fn row(item: &Item) -> Value {
        let mut row = item.fields.clone();
        let known = [
            ("question", json!(item.question())),
            ("messages", json!(item.messages)),
            ("accepted", json!(item.accepted)),
            ("reference_answer", json!(item.accepted.first())),
            ("expected", json!(item.expected)),
            ("domain", json!(item.domain)),
        ];
        for (name, value) in known {
            row.entry(name).or_insert(value);
        }
        Value::Object(row)
    }
}

#[cfg(feature = "openai")]
pub(crate) use here::row;

#[cfg(not(feature = "openai"))]
mod absent {
    use super::Value;
    use crate::case::Case;
    use crate::graders::Graded;

    /// There is none in this build.
    pub(in crate::graders) struct Absent;

    /// Nothing can be said against a grader here.
    pub(in crate::graders) fn compile(_grader: &Value) -> Result<Absent, String> {
        Ok(Absent)
    }

    /// Never a score that nobody computed.
    pub(in crate::graders) fn grade(_case: &Case, _grader: &Result<Absent, String>) -> Graded {
        Graded::does_not_apply("scored by the engine and the server: this part of the program has no OpenAI graders")
    }
}
