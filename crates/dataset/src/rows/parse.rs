//! One line into one row: which format its columns make, and what each of them has to be. Knows one line.

use super::turns::{Problem, answer, is_nothing, kind, last_is_muted, prompt, turns};
use super::{Body, Row, hints};
use crate::Error;
use clicker_wire::{Message, Role};
use serde_json::{Map, Value};

/// Read a line.
pub(super) fn row(line: usize, raw: &[u8]) -> Result<Row, Error> {
    let object = || "one JSON object a line".to_owned();
    let mut fields = match serde_json::from_slice(raw) {
        Ok(Value::Object(fields)) => fields,
        Ok(other) => {
            return Err(Error::Line { line, problem: format!("this is {}", kind(&other)), expected: object() });
        }
        Err(error) => return Err(Error::Line { line, problem: format!("not JSON: {error}"), expected: object() }),
    };
    match columns(&mut fields) {
        Ok((prompt, body)) => Ok(Row { line, prompt, body, fields }),
        Err((problem, expected)) => Err(Error::Line { line, problem, expected }),
    }
}

/// What the columns say; those that the format uses are taken out.
fn columns(fields: &mut Map<String, Value>) -> Result<(Vec<Message>, Body), Problem> {
    let has = |fields: &Map<String, Value>, name: &str| fields.get(name).is_some_and(|value| !value.is_null());
    if has(fields, "preferred_output") || has(fields, "non_preferred_output") {
        let mut input = match need(fields, "input")? {
            Value::Object(input) => input,
            other => return Err((format!("`input` is {}", kind(&other)), "an object with `messages`".into())),
        };
        refuse_tools(&input)?;
        let asked = prompt(&need(&mut input, "messages")?, "input.messages")?;
        let (better, worse) = (need(fields, "preferred_output")?, need(fields, "non_preferred_output")?);
        return preference(fields, Some(asked), (&better, "preferred_output"), (&worse, "non_preferred_output"));
    }
    if has(fields, "chosen") || has(fields, "rejected") {
        let asked = match has(fields, "prompt") {
            true => Some(prompt(&need(fields, "prompt")?, "prompt")?),
            false => None,
        };
        let (better, worse) = (need(fields, "chosen")?, need(fields, "rejected")?);
        return preference(fields, asked, (&better, "chosen"), (&worse, "rejected"));
    }
    if has(fields, "completion") {
        return completion(fields, has(fields, "prompt"));
    }
    if has(fields, "messages") {
        refuse_tools(fields)?;
        return messages(&need(fields, "messages")?);
    }
    if has(fields, "prompt") {
        return Ok((prompt(&need(fields, "prompt")?, "prompt")?, Body::Prompt));
    }
    Err((
        hints::unknown(fields),
        "`prompt`, `messages`, or one of them with `completion`, or `chosen` and `rejected`".into(),
    ))
}

fn preference(
    fields: &mut Map<String, Value>,
    asked: Option<Vec<Message>>,
    better: (&Value, &str),
    worse: (&Value, &str),
) -> Result<(Vec<Message>, Body), Problem> {
    let ((before, chosen), (other, rejected)) = (answer(better.0, better.1)?, answer(worse.0, worse.1)?);
    let asked = match asked {
        Some(asked) => asked,
        // TRL's implicit prompt: both conversations begin alike.
        None if before.last().is_some_and(|turn| turn.role == Role::User) => before.clone(),
        None => {
            return Err((
                "there is no `prompt`".into(),
                format!("`prompt`, or `{}` as a conversation that begins with the question", better.1),
            ));
        }
    };
    for (field, before) in [(better.1, &before), (worse.1, &other)] {
        if !before.is_empty() && *before != asked {
            let problem = format!("`{field}` begins with other turns than the prompt");
            return Err((problem, "the assistant's answer alone, or the prompt's turns before it".into()));
        }
    }
    let margin = number(fields, "margin", 0.0)?;
    let weight = weight(fields)?;
    Ok((asked, Body::Preference { chosen, rejected, weight, margin }))
}

fn completion(fields: &mut Map<String, Value>, asks: bool) -> Result<(Vec<Message>, Body), Problem> {
    let asked = match asks {
        true => Some(prompt(&need(fields, "prompt")?, "prompt")?),
        false => None,
    };
    let (before, completion) = answer(&need(fields, "completion")?, "completion")?;
    let asked = match asked {
        Some(asked) if before.is_empty() || before == asked => asked,
        Some(_) => {
            return Err((
                "`completion` begins with other turns than `prompt`".into(),
                "exactly one turn by the assistant".into(),
            ));
        }
        None if before.last().is_some_and(|turn| turn.role == Role::User) => before,
        None => return Err(("there is no `prompt`".into(), "`prompt` beside `completion`".into())),
    };
    let label = match fields.get("label") {
        Some(Value::Bool(label)) => *label,
        Some(Value::Number(n)) if n.as_f64() == Some(0.0) || n.as_f64() == Some(1.0) => {
            return Err((
                format!("`label` is {n}"),
                "true or false for a thumb; a column for graders needs another name".into(),
            ));
        }
        // Any other label is a column for graders.
        _ => return Ok((asked, Body::Completion(completion))),
    };
    fields.remove("label");
    Ok((asked, Body::Unpaired { completion, label, weight: weight(fields)? }))
}

/// OpenAI's `messages`: an example if the assistant has the last word, else a question.
fn messages(value: &Value) -> Result<(Vec<Message>, Body), Problem> {
    let mut all = turns(value, "messages")?;
    match all.last().map(|turn| turn.role) {
        Some(Role::Assistant) if last_is_muted(value) => {
            Err(("the last turn has the weight 0".into(), "an answer to learn from as the last turn".into()))
        }
        Some(Role::Assistant) => {
            let answer = all.pop().map(|turn| turn.content).unwrap_or_default();
            match all.last().map(|turn| turn.role) {
                Some(Role::User) => Ok((all, Body::Completion(answer))),
                _ => Err((
                    "`messages`: no user's turn stands before the answer".into(),
                    "a question, then the assistant's answer".into(),
                )),
            }
        }
        _ => Ok((prompt(value, "messages")?, Body::Prompt)),
    }
}

/// A model here never sees tools, so a row that needs them would teach something else than it says.
fn refuse_tools(fields: &Map<String, Value>) -> Result<(), Problem> {
    match ["tools", "functions"].into_iter().find(|name| fields.get(*name).is_some_and(|value| !is_nothing(value))) {
        Some(name) => Err((format!("the row has `{name}`"), "rows without tools: they cannot be trained here".into())),
        None => Ok(()),
    }
}

fn need(fields: &mut Map<String, Value>, name: &str) -> Result<Value, Problem> {
    match fields.remove(name) {
        Some(Value::Null) | None => Err((format!("`{name}` is missing"), format!("a row with `{name}`"))),
        Some(value) => Ok(value),
    }
}

fn weight(fields: &mut Map<String, Value>) -> Result<f64, Problem> {
    match number(fields, "weight", 1.0)? {
        weight if weight >= 0.0 => Ok(weight),
        weight => Err((format!("`weight` is {weight}"), "a finite number of at least 0".into())),
    }
}

fn number(fields: &mut Map<String, Value>, name: &str, default: f64) -> Result<f64, Problem> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => match value.as_f64() {
            Some(number) if number.is_finite() => Ok(number),
            _ => Err((format!("`{name}` is {value}"), "a finite number".into())),
        },
    }
}
