//! Conversations as they stand in a row: a plain text, or a list of turns in OpenAI's form. Knows one value, not the row.

use clicker_wire::{Message, Role};
use serde_json::{Map, Value};

/// What is wrong with a value, and what was expected.
pub(super) type Problem = (String, String);

/// A question: a text is the user's turn, a list of turns ends with one.
pub(super) fn prompt(value: &Value, field: &str) -> Result<Vec<Message>, Problem> {
    let turns = match value {
        Value::String(text) => vec![Message::user(text)],
        _ => turns(value, field)?,
    };
    match turns.last() {
        Some(last) if last.role == Role::User && !last.content.trim().is_empty() => Ok(turns),
        Some(last) if last.role == Role::User => Err((format!("`{field}` has no text"), "a question".into())),
        _ => Err((format!("`{field}` does not end with the user's turn"), "a question as the last turn".into())),
    }
}

/// An answer: a text, or turns of which the last is the assistant's. What stands before it is returned too; some data sets
/// repeat the question there.
pub(super) fn answer(value: &Value, field: &str) -> Result<(Vec<Message>, String), Problem> {
    if let Value::String(text) = value {
        return Ok((Vec::new(), text.clone()));
    }
    let mut turns = turns(value, field)?;
    match turns.pop() {
        Some(last) if last.role == Role::Assistant => Ok((turns, last.content)),
        _ => Err((
            format!("`{field}` does not end with an assistant's turn"),
            "a text, or a list of turns whose last has the role assistant".into(),
        )),
    }
}

/// A list of turns. Only the last may be without text: an empty answer can be the worse one.
pub(super) fn turns(value: &Value, field: &str) -> Result<Vec<Message>, Problem> {
    let list = || "a text, or a list of turns with `role` and `content`".to_owned();
    let Value::Array(values) = value else { return Err((format!("`{field}` is {}", kind(value)), list())) };
    if values.is_empty() {
        return Err((format!("`{field}` is an empty list"), list()));
    }
    let read = |(index, value): (usize, &Value)| {
        let place = format!("`{field}`, turn {}", index + 1);
        let Value::Object(turn) = value else { return Err((format!("{place} is {}", kind(value)), list())) };
        let message = one(turn, &place)?;
        if message.content.trim().is_empty() && index + 1 < values.len() {
            return Err((format!("{place} has no text"), "something said in every turn".into()));
        }
        Ok(message)
    };
    values.iter().enumerate().map(read).collect()
}

fn one(turn: &Map<String, Value>, place: &str) -> Result<Message, Problem> {
    let role = match turn.get("role").and_then(Value::as_str) {
        Some("system" | "developer") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some(role @ ("tool" | "function")) => {
            return Err((
                format!("{place} has the role {role}"),
                "a conversation without tools: they cannot be trained here".into(),
            ));
        }
        Some(other) => return Err((format!("{place} has the role {other:?}"), "system, user or assistant".into())),
        None => {
            let renamed = if turn.contains_key("from") { " (`from` and `value` are ShareGPT's names)" } else { "" };
            return Err((format!("{place} has no `role`{renamed}"), "`role` and `content`".into()));
        }
    };
    let spare = ["role", "content", "name", "weight"];
    let unread = turn.iter().find(|(name, value)| !spare.contains(&name.as_str()) && !is_nothing(value));
    if let Some((name, _)) = unread {
        return Err((format!("{place} has `{name}`, which would be lost"), "`role`, `content` and `name` only".into()));
    }
    match turn.get("weight") {
        None | Some(Value::Null) => {}
        Some(weight) if weight.as_f64() == Some(1.0) && role == Role::Assistant => {}
        // Earlier turns are context here in any case.
        Some(weight) if weight.as_f64() == Some(0.0) && role == Role::Assistant => {}
        Some(weight) => {
            return Err((format!("{place} has the weight {weight}"), "0 or 1, on assistant's turns".into()));
        }
    }
    Ok(Message { role, content: content(turn.get("content"), place)? })
}

/// A text, or OpenAI's list of text parts.
fn content(value: Option<&Value>, place: &str) -> Result<String, Problem> {
    let expected = || "`content` as a text, or as a list of text parts".to_owned();
    match value {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => parts
            .iter()
            .map(|part| match (part.get("type").and_then(Value::as_str), part.get("text").and_then(Value::as_str)) {
                (Some("text" | "input_text" | "output_text") | None, Some(text)) => Ok(text),
                (Some(other), _) => Err((format!("{place} holds a part of type {other}"), "text parts only".into())),
                (None, None) => Err((format!("{place} holds a part without `text`"), expected())),
            })
            .collect(),
        None => Err((format!("{place} has no `content`"), expected())),
        Some(other) => Err((format!("{place}: `content` is {}", kind(other)), expected())),
    }
}

/// Whether the last turn is marked as not to be learnt from.
pub(super) fn last_is_muted(value: &Value) -> bool {
    value.as_array().and_then(|turns| turns.last()?.get("weight")?.as_f64()) == Some(0.0)
}

/// Null and empty lists say nothing: data sets carry them for columns that other rows use.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// A value's kind, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
