//! What changed between two versions: part by part, in plain words and as JSON.

use crate::graders::excerpt;
use clicker_wire::{RewardChange, RewardConfig, RewardPart, WeightedGrader};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Every difference, in the order of the configuration's fields; empty exactly when both have the same canonical JSON.
#[must_use]
pub fn diff(before: &RewardConfig, after: &RewardConfig) -> Vec<RewardChange> {
    let mut out = Vec::new();
    graders(before, after, &mut out);
    if differ(&json(&before.combine), &json(&after.combine)) {
        out.push(whole(RewardPart::Combine, "how scores become one number", &before.combine, &after.combine));
    }
    let rows = Rows { part: RewardPart::DomainWeight, what: "factor on", place: &["grader", "domain"] };
    rows.compare(&before.domain_weights, &after.domain_weights, &mut out);
    let rows = Rows { part: RewardPart::Constraint, what: "constraint on", place: &["grader"] };
    rows.compare(&before.constraints, &after.constraints, &mut out);
    if differ(&json(&before.clamp), &json(&after.clamp)) {
        out.push(whole(RewardPart::Clamp, "the range of the total", &before.clamp, &after.clamp));
    }
    let rows = Rows { part: RewardPart::Gate, what: "gate on", place: &["grader"] };
    rows.compare(&before.gates, &after.gates, &mut out);
    let rows = Rows { part: RewardPart::Schedule, what: "schedule of", place: &["grader"] };
    rows.compare(&before.adaptive.schedules, &after.adaptive.schedules, &mut out);
    let rows = Rows { part: RewardPart::Rule, what: "rule on", place: &["grader", "signal"] };
    rows.compare(&before.adaptive.rules, &after.adaptive.rules, &mut out);
    out
}

fn graders(before: &RewardConfig, after: &RewardConfig, out: &mut Vec<RewardChange>) {
    let find = |config: &RewardConfig, name: &str| config.graders.iter().find(|g| g.name == name).cloned();
    for old in &before.graders {
        let name = &old.name;
        let Some(new) = find(after, name) else {
            let words = format!("grader {name:?} removed ({}, weight {})", kind(old), old.weight);
            out.push(entry(RewardPart::Grader, name, json(old), Value::Null, words));
            continue;
        };
        let (was, is) = (json(&old.grader), json(&new.grader));
        if differ(&was, &is) {
            let words = if kind(old) == kind(&new) {
                format!("grader {name:?}: {}", fields(&was, &is, &[]))
            } else {
                format!("grader {name:?} is now {} instead of {}", kind(&new), kind(old))
            };
            out.push(entry(RewardPart::Grader, name, was, is, words));
        }
        if differ(&json(&old.weight), &json(&new.weight)) {
            let words = format!(
                "weight of {name:?} {} from {} to {}",
                direction(old.weight, new.weight),
                old.weight,
                new.weight
            );
            out.push(entry(RewardPart::Weight, name, json(&old.weight), json(&new.weight), words));
        }
    }
    for new in after.graders.iter().filter(|new| find(before, &new.name).is_none()) {
        let words = format!("grader {:?} added ({}, weight {})", new.name, kind(new), new.weight);
        out.push(entry(RewardPart::Grader, &new.name, Value::Null, json(new), words));
    }
    let shared = |config: &RewardConfig, other: &RewardConfig| -> Vec<String> {
        config.graders.iter().filter(|g| find(other, &g.name).is_some()).map(|g| g.name.clone()).collect()
    };
    order(RewardPart::Order, "graders", &shared(before, after), &shared(after, before), out);
}

/// A list of the configuration whose rows are told apart by some of their fields.
struct Rows<'a> {
    part: RewardPart,
    what: &'a str,
    place: &'a [&'a str],
}

impl Rows<'_> {
    fn compare<T: Serialize>(&self, before: &[T], after: &[T], out: &mut Vec<RewardChange>) {
        let (before, after) = (self.keyed(before), self.keyed(after));
        let find = |rows: &[(String, Value)], key: &str| rows.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
        for (key, was) in &before {
            let words = match find(&after, key) {
                None => format!("{} {key} removed ({})", self.what, self.listed(was)),
                Some(is) if differ(&is, was) => format!("{} {key}: {}", self.what, fields(was, &is, self.place)),
                Some(_) => continue,
            };
            out.push(entry(self.part, key, was.clone(), find(&after, key).unwrap_or(Value::Null), words));
        }
        for (key, is) in after.iter().filter(|(key, _)| find(&before, key).is_none()) {
            let words = format!("{} {key} added ({})", self.what, self.listed(is));
            out.push(entry(self.part, key, Value::Null, is.clone(), words));
        }
        let shared = |rows: &[(String, Value)], other: &[(String, Value)]| -> Vec<String> {
            rows.iter().filter(|(key, _)| find(other, key).is_some()).map(|(key, _)| key.clone()).collect()
        };
        order(self.part, self.what, &shared(&before, &after), &shared(&after, &before), out);
    }

    /// Rows with their names; of rows that agree in their place the later ones are numbered.
    fn keyed<T: Serialize>(&self, rows: &[T]) -> Vec<(String, Value)> {
        let mut out: Vec<(String, Value)> = Vec::with_capacity(rows.len());
        let mut taken = BTreeSet::new();
        for row in rows {
            let value = json(row);
            let place: Vec<&str> = self.place.iter().filter_map(|field| value.get(field)?.as_str()).collect();
            let name = place.join(" · ");
            let key = (1..).map(|n| if n == 1 { name.clone() } else { format!("{name} ({n})") });
            // The numbers do not end, so there is always one that is not taken.
            let key = key.into_iter().find(|key| !taken.contains(key)).unwrap_or_default();
            taken.insert(key.clone());
            out.push((key, value));
        }
        out
    }

    fn listed(&self, row: &Value) -> String {
        let Value::Object(map) = row else { return String::new() };
        let shown = map.iter().filter(|(field, _)| !self.place.contains(&field.as_str()));
        shown.map(|(field, value)| format!("{field} {}", short(value))).collect::<Vec<_>>().join(", ")
    }
}

fn order(part: RewardPart, what: &str, before: &[String], after: &[String], out: &mut Vec<RewardChange>) {
    if before != after {
        let words = format!("{what} in another order: {}", after.join(", "));
        out.push(entry(part, "", json(before), json(after), words));
    }
}

fn whole<T: Serialize>(part: RewardPart, what: &str, before: &T, after: &T) -> RewardChange {
    let (was, is) = (json(before), json(after));
    let words = format!("{what}: {} instead of {}", short(&is), short(&was));
    entry(part, "", was, is, words)
}

/// Which fields of an object differ, from what to what.
fn fields(before: &Value, after: &Value, place: &[&str]) -> String {
    let (Value::Object(was), Value::Object(is)) = (before, after) else {
        return format!("{} instead of {}", short(after), short(before));
    };
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).filter(|f| !place.contains(&f.as_str())).collect();
    let one = |field: &&String| {
        let (old, new) = (was.get(*field), is.get(*field));
        (old != new).then(|| match (old, new) {
            (Some(old), Some(new)) => format!("{field} from {} to {}", short(old), short(new)),
            (None, Some(new)) => format!("{field} {} added", short(new)),
            (Some(old), None) => format!("{field} {} removed", short(old)),
            (None, None) => String::new(),
        })
    };
    names.iter().filter_map(one).collect::<Vec<_>>().join(", ")
}

fn direction(before: f64, after: f64) -> &'static str {
    if after > before { "raised" } else { "lowered" }
}

fn kind(weighted: &WeightedGrader) -> String {
    let grader = json(&weighted.grader);
    grader.get("type").and_then(Value::as_str).unwrap_or_default().to_string()
}

/// By their text, as the hash sees them: 0 and -0 are equal numbers and other bytes.
fn differ(before: &Value, after: &Value) -> bool {
    let (before, after) = (before.to_string(), after.to_string());
    before != after
}

fn short(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::String(text) => format!("“{}”", excerpt(text)),
        other => excerpt(&other.to_string()),
    }
}

/// Plain structs of strings and numbers cannot fail to serialise.
fn json<T: Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn entry(part: RewardPart, name: &str, before: Value, after: Value, words: String) -> RewardChange {
    RewardChange { part, name: name.to_string(), before, after, words }
}
