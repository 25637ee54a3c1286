//! Figures as tables: CSV (RFC 4180) and JSON lines. Numbers are written so that they read back bit for bit.

use super::RunLog;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A header, then a row per step.
pub(super) fn csv(log: &RunLog) -> (String, usize) {
    let steps = log.steps();
    let names: BTreeSet<&str> = steps.values().flat_map(|step| step.values.keys().map(String::as_str)).collect();
    let mut out = String::from("step");
    for name in &names {
        out.push(',');
        out += &quoted(name);
    }
    out += "\r\n";
    for (number, step) in &steps {
        out += &number.to_string();
        for name in &names {
            out.push(',');
            if let Some(value) = step.values.get(*name) {
                out += &value.to_string();
            }
        }
        out += "\r\n";
    }
    (out, steps.len())
}

/// An object per step.
pub(super) fn jsonl(log: &RunLog) -> Result<(String, usize), serde_json::Error> {
    let steps = log.steps();
    let mut out = String::new();
    for (number, step) in &steps {
        let mut object = Map::from_iter([("step".to_owned(), Value::from(*number))]);
        object.extend(step.values.iter().map(|(name, value)| (name.clone(), Value::from(*value))));
        out += &serde_json::to_string(&object)?;
        out.push('\n');
    }
    Ok((out, steps.len()))
}

fn quoted(name: &str) -> String {
    match name.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => name.to_owned(),
    }
}
