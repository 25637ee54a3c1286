//! JSON of a given shape. It looks at the shape, never at whether the values are true.
//!
//! Departures from JSON Schema: only the keywords of [`JsonSchema`], and a length counts Unicode scalar values. The
//! whole answer must be JSON: no sentence before it, no code fence around it.

use super::{Graded, excerpt};
use crate::spans::trimmed;
use clicker_wire::{JsonSchema, JsonType};
use serde_json::Value;

/// 1 if the answer is JSON of this shape, else 0 with the first place that differs.
pub(super) fn grade(text: &str, schema: &JsonSchema) -> Graded {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return Graded::scored(0.0, format!("is not JSON: {error}"), trimmed(text)),
    };
    match breach(schema, &value, "the answer") {
        Some(why) => Graded::scored(0.0, format!("JSON of another shape: {why}"), trimmed(text)),
        None => Graded::scored(1.0, "JSON of the expected shape", trimmed(text)),
    }
}

/// The first thing in `value` that the schema does not allow, in words that begin with where it is.
fn breach(schema: &JsonSchema, value: &Value, at: &str) -> Option<String> {
    if let Some(kind) = schema.kind.filter(|kind| !is(*kind, value)) {
        return Some(format!("{at} is {}, expected {}", called(value), name(kind)));
    }
    if !schema.values.is_empty() && !schema.values.iter().any(|allowed| same(allowed, value)) {
        return Some(format!("{at} is {}, which is not one of the allowed values", excerpt(&value.to_string())));
    }
    match value {
        Value::Object(members) => object(schema, members, at),
        Value::Array(elements) => {
            let items = schema.items.as_deref()?;
            elements.iter().enumerate().find_map(|(i, element)| breach(items, element, &format!("{at}[{i}]")))
        }
        Value::Number(number) => bounds(schema, number.as_f64()?, at),
        Value::String(text) => lengths(schema, text.chars().count(), at),
        Value::Bool(_) | Value::Null => None,
    }
}

fn object(schema: &JsonSchema, members: &serde_json::Map<String, Value>, at: &str) -> Option<String> {
    if let Some(missing) = schema.required.iter().find(|name| !members.contains_key(*name)) {
        return Some(format!("{at} lacks {missing:?}"));
    }
    members.iter().find_map(|(name, value)| match schema.properties.get(name) {
        Some(shape) => breach(shape, value, &format!("{at}.{}", excerpt(name))),
        None if schema.additional_properties == Some(false) => {
            Some(format!("{at} has {:?}, which is not expected", excerpt(name)))
        }
        None => None,
    })
}

fn bounds(schema: &JsonSchema, number: f64, at: &str) -> Option<String> {
    if let Some(minimum) = schema.minimum.filter(|minimum| number < *minimum) {
        return Some(format!("{at} is {number}, below {minimum}"));
    }
    let maximum = schema.maximum.filter(|maximum| number > *maximum)?;
    Some(format!("{at} is {number}, above {maximum}"))
}

fn lengths(schema: &JsonSchema, characters: usize, at: &str) -> Option<String> {
    if let Some(fewest) = schema.min_length.filter(|fewest| characters < *fewest as usize) {
        return Some(format!("{at} has {characters} characters, fewer than {fewest}"));
    }
    let most = schema.max_length.filter(|most| characters > *most as usize)?;
    Some(format!("{at} has {characters} characters, more than {most}"))
}

fn is(kind: JsonType, value: &Value) -> bool {
    match kind {
        JsonType::Object => value.is_object(),
        JsonType::Array => value.is_array(),
        JsonType::String => value.is_string(),
        JsonType::Number => value.is_number(),
        JsonType::Integer => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        JsonType::Boolean => value.is_boolean(),
        JsonType::Null => value.is_null(),
    }
}

/// Numbers are equal by value: 1 is 1.0.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Object => "an object",
        JsonType::Array => "an array",
        JsonType::String => "a text",
        JsonType::Number => "a number",
        JsonType::Integer => "a whole number",
        JsonType::Boolean => "true or false",
        JsonType::Null => "null",
    }
}

fn called(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "an object",
        Value::Array(_) => "an array",
        Value::String(_) => "a text",
        Value::Number(number) if number.as_f64().is_some_and(|n| n.fract() != 0.0) => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::Bool(_) => "true or false",
        Value::Null => "null",
    }
}
