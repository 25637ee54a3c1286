//! OpenAI's graders at their boundary: `validate`, `run` and the scores of the usual Python packages.
//!
//! `cargo test -p clicker-rewards --features openai --test openai`

mod formulas;
mod hostile;
mod in_rewards;
mod judges;
mod kinds;
mod mistakes;
mod properties;
mod shapes;
mod similarity;
mod templates;

use clicker_rewards::openai::{Grader, Judge, Run, Sample, run, validate};
use clicker_wire::grader_run::RunErrors;
use serde_json::{Value, json};

/// A grader that must be valid.
#[track_caller]
fn grader(value: &Value) -> Grader {
    validate(value).unwrap_or_else(|error| panic!("{error}\n{value}"))
}

/// What a valid grader says of an answer.
#[track_caller]
fn graded(value: &Value, text: &str, item: &Value) -> Run {
    judged(value, text, item, None)
}

#[track_caller]
fn judged(value: &Value, text: &str, item: &Value, judge: Option<&dyn Judge>) -> Run {
    run(&grader(value), &Sample::from(text), item, judge)
}

/// The reward, after checking that nothing went wrong.
#[track_caller]
fn reward(value: &Value, text: &str, item: &Value) -> f64 {
    let run = graded(value, text, item);
    assert_eq!((&run.result.metadata.errors, &run.problems[..]), (&RunErrors::default(), &[][..]), "{value}");
    run.result.reward
}

/// The reward of a failed run is 0, and the flags are exactly those named.
#[track_caller]
fn assert_flags(run: &Run, flags: &[&str]) {
    let errors = serde_json::to_value(&run.result.metadata.errors).unwrap();
    let set = errors.as_object().unwrap().iter().filter(|(_, value)| **value == json!(true));
    assert_eq!(set.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), flags, "{:?}", run.problems);
    assert_eq!((run.result.reward, run.problems.is_empty()), (0.0, flags.is_empty()));
}

fn string_check(operation: &str, input: &str, reference: &str) -> Value {
    json!({"type": "string_check", "name": "check", "operation": operation, "input": input, "reference": reference})
}

fn text_similarity(metric: &str, input: &str, reference: &str) -> Value {
    json!({"type": "text_similarity", "name": "close", "evaluation_metric": metric, "input": input, "reference": reference})
}

fn multi(graders: &Value, formula: &str) -> Value {
    json!({"type": "multi", "name": "both", "graders": graders, "calculate_output": formula})
}
