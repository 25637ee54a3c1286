//! The shape of a grader's JSON, field by field, so that a mistake is named by its place before serde sees it.
//! Knows kinds of values, not what they mean.

use super::error::GraderError;
use super::{MAX_LIST, MAX_NAME_BYTES, MAX_PARTS, MAX_TEXT_BYTES};
use crate::nearest::nearest;
use serde_json::{Map, Value};

type Checked = Result<(), GraderError>;
type Check = fn(&Value, &str) -> Checked;

/// A field: its name, its check, whether it may be absent.
struct Field(&'static str, Check, Presence);

#[derive(PartialEq)]
enum Presence {
    Required,
    Optional,
    /// Absent or null.
    Nullable,
}
use Presence::{Nullable, Optional, Required};

const TYPES: [&str; 6] = ["string_check", "text_similarity", "score_model", "label_model", "python", "multi"];
const OPERATIONS: [&str; 4] = ["eq", "ne", "like", "ilike"];
const METRICS: [&str; 11] = [
    "cosine",
    "fuzzy_match",
    "bleu",
    "gleu",
    "meteor",
    "rouge_1",
    "rouge_2",
    "rouge_3",
    "rouge_4",
    "rouge_5",
    "rouge_l",
];
const EFFORTS: [&str; 6] = ["none", "minimal", "low", "medium", "high", "xhigh"];

/// Checks a grader that may be a `multi`.
pub(super) fn grader(value: &Value, at: &str) -> Checked {
    let map = object(value, at)?;
    let place = format!("{at}.type");
    let kind = map.get("type").ok_or_else(|| GraderError::MissingField { at: at.to_string(), field: "type" })?;
    one_of(kind, &place, &TYPES)?;
    let name = Field("name", name, Required);
    let typed = Field("type", |_, _| Ok(()), Required);
    match kind.as_str() {
        Some("string_check") => fields(
            map,
            at,
            &[
                typed,
                name,
                Field("input", text, Required),
                Field("reference", text, Required),
                Field("operation", |v, at| one_of(v, at, &OPERATIONS), Required),
            ],
        ),
        Some("text_similarity") => fields(
            map,
            at,
            &[
                typed,
                name,
                Field("input", text, Required),
                Field("reference", text, Required),
                Field("evaluation_metric", |v, at| one_of(v, at, &METRICS), Required),
            ],
        ),
        Some("score_model") => fields(
            map,
            at,
            &[
                typed,
                name,
                Field("input", messages, Required),
                Field("model", self::name, Required),
                Field("range", range, Nullable),
                Field("sampling_params", sampling, Nullable),
            ],
        ),
        Some("label_model") => fields(
            map,
            at,
            &[
                typed,
                name,
                Field("input", messages, Required),
                Field("model", self::name, Required),
                Field("labels", |v, at| list(v, at, MAX_LIST, self::name), Required),
                Field("passing_labels", |v, at| list(v, at, MAX_LIST, self::name), Required),
            ],
        ),
        Some("python") => {
            fields(map, at, &[typed, name, Field("source", text, Required), Field("image_tag", self::name, Nullable)])
        }
        _ => fields(
            map,
            at,
            &[typed, name, Field("graders", parts, Required), Field("calculate_output", text, Required)],
        ),
    }
}

/// The parts of a `multi`, in any of the three shapes.
fn parts(value: &Value, at: &str) -> Checked {
    match value {
        Value::Array(_) => list(value, at, MAX_PARTS, part),
        Value::Object(map) if map.get("type").is_some_and(Value::is_string) => part(value, at),
        Value::Object(map) if map.is_empty() || map.len() > MAX_PARTS => {
            let got = format!("an object of {} graders", map.len());
            Err(wrong(at, got, format!("1 to {MAX_PARTS}")))
        }
        Value::Object(map) => map.iter().try_for_each(|(key, value)| part(value, &format!("{at}.{key}"))),
        other => Err(wrong(at, shown(other), "an array of graders, or an object of graders by name".into())),
    }
}

/// A grader that may not be a `multi`. The check stops here, so nesting cannot run deeper than this.
fn part(value: &Value, at: &str) -> Checked {
    match value.get("type").and_then(Value::as_str) {
        Some("multi") => Err(GraderError::NestedMulti { at: at.to_string() }),
        _ => grader(value, at),
    }
}

fn messages(value: &Value, at: &str) -> Checked {
    list(value, at, MAX_LIST, |value, at| {
        let roles = |v: &Value, at: &str| one_of(v, at, &["user", "assistant", "system", "developer"]);
        fields(
            object(value, at)?,
            at,
            &[
                Field("role", roles, Required),
                Field("content", content, Required),
                Field("type", |v, at| one_of(v, at, &["message"]), Optional),
            ],
        )
    })
}

fn content(value: &Value, at: &str) -> Checked {
    match value {
        Value::Array(_) => list(value, at, MAX_LIST, |value, at| match value {
            Value::String(_) => text(value, at),
            _ => content_part(value, at),
        }),
        Value::Object(_) => content_part(value, at),
        _ => text(value, at),
    }
}

fn content_part(value: &Value, at: &str) -> Checked {
    let map = object(value, at)?;
    let kind = map.get("type").ok_or_else(|| GraderError::MissingField { at: at.to_string(), field: "type" })?;
    one_of(kind, &format!("{at}.type"), &["input_text", "output_text", "input_image", "input_audio"])?;
    let typed = Field("type", |_, _| Ok(()), Required);
    match kind.as_str() {
        Some("input_image") => {
            let detail = |v: &Value, at: &str| one_of(v, at, &["high", "low", "auto"]);
            fields(map, at, &[typed, Field("image_url", text, Required), Field("detail", detail, Nullable)])
        }
        Some("input_audio") => fields(map, at, &[typed, Field("input_audio", audio, Required)]),
        _ => fields(map, at, &[typed, Field("text", text, Required)]),
    }
}

fn audio(value: &Value, at: &str) -> Checked {
    let format = |v: &Value, at: &str| one_of(v, at, &["mp3", "wav"]);
    fields(object(value, at)?, at, &[Field("data", text, Required), Field("format", format, Required)])
}

fn sampling(value: &Value, at: &str) -> Checked {
    fields(
        object(value, at)?,
        at,
        &[
            Field("seed", integer, Nullable),
            Field("top_p", number, Nullable),
            Field("temperature", number, Nullable),
            Field("max_completions_tokens", positive, Nullable),
            Field("reasoning_effort", |v, at| one_of(v, at, &EFFORTS), Nullable),
        ],
    )
}

/// Checks that an object has its fields, and no other.
fn fields(map: &Map<String, Value>, at: &str, known: &[Field]) -> Checked {
    let names = || known.iter().map(|field| field.0);
    if let Some(field) = map.keys().find(|key| names().all(|name| name != key.as_str())) {
        return Err(GraderError::UnknownField {
            at: at.to_string(),
            field: field.chars().take(80).collect(),
            nearest: nearest(field, names()),
            known: names().collect(),
        });
    }
    for Field(field, check, presence) in known {
        match map.get(*field) {
            None if *presence == Required => return Err(GraderError::MissingField { at: at.to_string(), field }),
            None => {}
            Some(Value::Null) if *presence == Nullable => {}
            Some(value) => check(value, &format!("{at}.{field}"))?,
        }
    }
    Ok(())
}

fn list(value: &Value, at: &str, most: usize, entry: Check) -> Checked {
    let list = value.as_array().ok_or_else(|| wrong(at, shown(value), "an array".into()))?;
    if list.is_empty() || list.len() > most {
        return Err(wrong(at, format!("an array of {}", list.len()), format!("1 to {most} entries")));
    }
    list.iter().enumerate().try_for_each(|(index, value)| entry(value, &format!("{at}[{index}]")))
}

fn range(value: &Value, at: &str) -> Checked {
    match value.as_array().map(Vec::len) {
        Some(2) => list(value, at, 2, number),
        _ => Err(wrong(at, shown(value), "two numbers, the lowest and the highest score".into())),
    }
}

fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, GraderError> {
    value.as_object().ok_or_else(|| wrong(at, shown(value), "an object".into()))
}

fn text(value: &Value, at: &str) -> Checked {
    match value.as_str() {
        None => Err(wrong(at, shown(value), "a text".into())),
        Some(text) if text.len() > MAX_TEXT_BYTES => {
            Err(wrong(at, format!("a text of {} bytes", text.len()), format!("at most {MAX_TEXT_BYTES}")))
        }
        Some(_) => Ok(()),
    }
}

fn name(value: &Value, at: &str) -> Checked {
    match value.as_str() {
        Some(name) if !name.trim().is_empty() && name.len() <= MAX_NAME_BYTES => Ok(()),
        _ => Err(wrong(at, shown(value), format!("a text of 1 to {MAX_NAME_BYTES} bytes"))),
    }
}

fn one_of(value: &Value, at: &str, words: &[&'static str]) -> Checked {
    let word = value.as_str().unwrap_or_default();
    if words.contains(&word) {
        return Ok(());
    }
    let (at, got, expected) = (at.to_string(), shown(value), format!("one of {}", words.join(", ")));
    // The other dialect of one operation, which no count of letters would find.
    let other = (word == "neq" && words.contains(&"ne")).then_some("ne");
    Err(GraderError::Value { at, got, expected, nearest: other.or_else(|| nearest(word, words.iter().copied())) })
}

fn number(value: &Value, at: &str) -> Checked {
    match value.is_number() {
        true => Ok(()),
        false => Err(wrong(at, shown(value), "a number".into())),
    }
}

fn integer(value: &Value, at: &str) -> Checked {
    match value.as_i64() {
        Some(_) => Ok(()),
        None => Err(wrong(at, shown(value), "a whole number".into())),
    }
}

fn positive(value: &Value, at: &str) -> Checked {
    match value.as_u64() {
        Some(1..) => Ok(()),
        _ => Err(wrong(at, shown(value), "a whole number, at least 1".into())),
    }
}

/// A value of the wrong kind, without a guess at what was meant.
pub(super) fn wrong(at: &str, got: String, expected: String) -> GraderError {
    GraderError::Value { at: at.to_string(), got, expected, nearest: None }
}

/// A value for a message: scalars as they are, shortened; the rest by kind.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("an array of {}", list.len()),
        Value::Object(_) => "an object".into(),
        Value::String(text) if text.chars().count() > 40 => {
            format!("{:?}...", text.chars().take(40).collect::<String>())
        }
        other => other.to_string(),
    }
}
