//! One of OpenAI's graders as a part of a reward: the same JSON that `/v1/fine_tuning/alpha/graders` and `clicker grade` take.
//!
//! Templates read the question as `item`: the row's own columns, and beside them `question`, `messages`, `accepted`,
//! `reference_answer` (the first accepted), `expected` and `domain` where the row has no column of that name. What goes wrong on an
//! answer is a score of 0 and the sentence of its error flag.
//!
//! `score_model` and `label_model` ask whoever judges, which is an argument ([`Outside`](crate::Outside)): the model in the tab in a
//! preview, a frozen checkpoint in training. Where nobody judges under the grader's name, and while a judge has not been asked yet,
//! the grader does not apply and its receipt carries the flag and the reason. `python` is refused when the reward is checked, with
//! the grader that does the same. Without the feature `openai` (in the page itself, whose bytes are counted) none of them applies, and
//! the receipt says who will score it.

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
    use crate::graders::Graded;
    use crate::openai::{Grader, JudgeReply, Run, python_instead, run, validate};
    use crate::outside::Outside;
    use clicker_wire::Item;
    use clicker_wire::grader_run::RunErrors;
    use serde_json::json;

    /// Longest reason, characters: a sentence that says what to do fits in.
    const REASON: usize = 400;

    /// Reads the JSON; where that fails, what was expected.
    pub(in crate::graders) fn compile(grader: &Value) -> Result<Grader, String> {
        let grader = validate(grader).map_err(|error| format!("one of OpenAI's graders; {error}"))?;
        match python_instead(&grader) {
            Some(instead) => Err(format!("a grader that runs here. {instead}")),
            None => Ok(grader),
        }
    }

    /// What it gives this answer.
    pub(in crate::graders) fn grade(case: &Case, grader: &Result<Grader, String>, outside: &Outside) -> Graded {
        let grader = match grader {
            Ok(grader) => grader,
            Err(why) => return Graded::scored(0.0, format!("expected {why}"), []),
        };
        if let Some(why) = nobody_judges(grader, outside) {
            return Graded::does_not_apply(shortened(&format!("model_grader_server_error: {why}")));
        }
        let run = run(grader, &case.text.into(), case.asked.row(), outside.judge);
        let problem = run.problems.first().map(|problem| format!("{}: {problem}", flag(&run.result.metadata.errors)));
        match problem {
            // Nobody knows yet what the answer is worth.
            Some(problem) if run.result.metadata.errors.unresponsive_reward_error => {
                Graded::does_not_apply(shortened(&problem))
            }
            Some(problem) => Graded::scored(run.result.reward, shortened(&format!("the grader failed: {problem}")), []),
            None => Graded::scored(run.result.reward, shortened(&account(grader, &run)), []),
        }
    }

    /// Why a model that the grader asks cannot be asked, whatever the answer.
    fn nobody_judges(grader: &Grader, outside: &Outside) -> Option<String> {
        grader.models().into_iter().find_map(|model| match outside.judge {
            None => Some(format!("no model is at hand here that judges as {model:?}")),
            Some(judge) => judge.seated(model).err(),
        })
    }

    /// How the score came about.
    fn account(grader: &Grader, run: &Run) -> String {
        let gives = if run.result.sub_rewards.is_empty() {
            format!("{} gives {}", grader.kind(), run.result.reward)
        } else {
            let parts = run.result.sub_rewards.iter().map(|(name, score)| format!("{name} {score}"));
            format!("the formula gives {} of {}", run.result.reward, parts.collect::<Vec<_>>().join(", "))
        };
        match run.said.as_slice() {
            [] => gives,
            said => format!("{gives}: {}", said.iter().map(quoted).collect::<Vec<_>>().join("; ")),
        }
    }

    fn quoted(reply: &JudgeReply) -> String {
        let sure = reply.share.map(|share| format!(", p {share:.2} of the replies allowed")).unwrap_or_default();
        format!("{} says \u{201c}{}\u{201d}{sure}", reply.model, reply.text)
    }

    /// The first flag that is set, by its name in the schema.
    fn flag(errors: &RunErrors) -> String {
        let flags = serde_json::to_value(errors).unwrap_or_default();
        let set = flags.as_object().and_then(|all| all.iter().find(|(_, set)| **set == Value::Bool(true)));
        set.map_or_else(|| "other_error".to_owned(), |(name, _)| name.clone())
    }

    fn shortened(reason: &str) -> String {
        let mut shown: String = reason.chars().take(REASON).map(|c| if c.is_control() { ' ' } else { c }).collect();
        if shown.len() < reason.len() {
            shown.push('\u{2026}');
        }
        shown
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
    use crate::outside::Outside;

    /// There is none in this build.
    pub(in crate::graders) struct Absent;

    /// Nothing can be said against a grader here.
    pub(in crate::graders) fn compile(_grader: &Value) -> Result<Absent, String> {
        Ok(Absent)
    }

    /// Never a score that nobody computed.
    pub(in crate::graders) fn grade(_case: &Case, _grader: &Result<Absent, String>, _outside: &Outside) -> Graded {
        Graded::does_not_apply("scored by the engine and the server: this part of the program has no OpenAI graders")
    }
}
