//! A row as a question with its checkable truth, as far as its columns tell it. Knows one row.

use super::{Body, Row};
use clicker_wire::{ABSTAIN, Domain, Expected, Item, ItemId, REFUSE, Split};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Columns that are looked at for right answers, the first that holds one counts.
pub(super) const ACCEPTED: [&str; 9] = [
    "accepted",
    "accepted_answers",
    "reference_answer",
    "answer",
    "answers",
    "solution",
    "ground_truth",
    "final_answer",
    "target",
];

/// The question, or why the row contradicts itself.
pub(super) fn item(row: &Row) -> Result<Item, String> {
    let mut fields = row.fields.clone();
    let id = match fields.get("id") {
        Some(Value::String(id)) if !id.is_empty() => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => format!("line/{}", row.line),
    };
    let (mut accepted, mut said) = (accepted(&fields), None);
    // What is on the item already need not be told to graders twice.
    for (name, told) in [("id", !id.starts_with("line/")), ("accepted", true)] {
        if told && fields.get(name).is_some_and(|value| value.is_string() || value.is_number() || value.is_array()) {
            fields.remove(name);
        }
    }
    take::<Split>(&mut fields, "split");
    if let Body::Completion(answer) = &row.body {
        match answer.trim() {
            ABSTAIN => said = Some(Expected::Abstain),
            REFUSE => said = Some(Expected::Refuse),
            answer if accepted.is_empty() => accepted.push(answer.to_owned()),
            _ => {}
        }
    }
    let found = if accepted.is_empty() { Expected::Unknown } else { Expected::Answer };
    let item = Item {
        id: ItemId::from(id),
        messages: row.prompt.clone(),
        expected: take(&mut fields, "expected").or(said).unwrap_or(found),
        accepted,
        domain: take(&mut fields, "domain").unwrap_or(Domain::Free),
        knowledge: take(&mut fields, "knowledge").unwrap_or(clicker_wire::Knowledge::Unknown),
        difficulty: take::<f32>(&mut fields, "difficulty").filter(|d| (0.0..=1.0).contains(d)).unwrap_or(0.5),
        split: Split::Rl,
        paraphrase_group: take(&mut fields, "paraphrase_group"),
        name_pair: take(&mut fields, "name_pair"),
        fields,
    };
    match crate::jsonl::contradiction(&item) {
        Some(problem) => Err(problem),
        None => Ok(item),
    }
}

/// A column that is one of an item's own, where its value is of that type. The others stay for the graders; these are on
/// the item already.
fn take<T: DeserializeOwned>(fields: &mut Map<String, Value>, name: &str) -> Option<T> {
    let value = serde_json::from_value(fields.get(name)?.clone()).ok()?;
    fields.remove(name);
    Some(value)
}

/// The right answers that the columns name.
pub(super) fn accepted(fields: &Map<String, Value>) -> Vec<String> {
    let answers = |value: &Value| match value {
        Value::Array(list) => list.iter().filter_map(spoken).collect(),
        one => spoken(one).into_iter().collect::<Vec<_>>(),
    };
    ACCEPTED.iter().filter_map(|name| fields.get(*name)).map(answers).find(|all| !all.is_empty()).unwrap_or_default()
}

fn spoken(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}
