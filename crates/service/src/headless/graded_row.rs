//! One line of a file of samples: the answer, and the row that a grader's templates read as `item`.

use clicker_rewards::openai::Sample;
use serde_json::{Map, Value};

/// A line, read.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    text: String,
    tools: Vec<Value>,
    pub(super) item: Value,
}

impl Row {
    /// Read a line: `{"sample": ..., "item": {...}}`, or `{"sample": ..., ...}` where all the rest is the item.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        let line: Value = serde_json::from_slice(line).map_err(|e| format!("not JSON: {e}"))?;
        let Value::Object(mut fields) = line else {
            return Err(format!("{}, expected an object with a field \"sample\"", kind(&line)));
        };
        let sample = fields.remove("sample").ok_or_else(|| {
            let has: Vec<&str> = fields.keys().take(8).map(String::as_str).collect();
            format!("no field \"sample\" (it has {}); put the answer there", has.join(", "))
        })?;
        let (text, tools) = match sample {
            Value::String(text) => (text, Vec::new()),
            Value::Object(sample) => read_sample(sample)?,
            other => return Err(format!("\"sample\" is {}, expected a text or an object", kind(&other))),
        };
        let item = match fields.remove("item") {
            Some(item @ Value::Object(_)) => item,
            Some(other) => {
                fields.insert("item".into(), other);
                Value::Object(fields)
            }
            None => Value::Object(fields),
        };
        Ok(Self { text, tools, item })
    }

    /// The answer as graders take it.
    pub(super) fn sample(&self) -> Sample<'_> {
        Sample { text: &self.text, tools: self.tools.clone() }
    }
}

/// The text and the calls of a sample as OpenAI's API writes it.
fn read_sample(mut sample: Map<String, Value>) -> Result<(String, Vec<Value>), String> {
    let tools = match sample.remove("output_tools") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(tools)) => tools,
        Some(other) => return Err(format!("\"sample.output_tools\" is {}, expected a list", kind(&other))),
    };
    let text = match (sample.remove("output_text"), sample.remove("output_json")) {
        (Some(Value::String(text)), _) => text,
        (None | Some(Value::Null), Some(json)) if !json.is_null() => json.to_string(),
        // An answer that only calls tools says nothing.
        (None | Some(Value::Null), _) if !tools.is_empty() => String::new(),
        (None | Some(Value::Null), _) => return Err("\"sample\" has no field \"output_text\"; add it".into()),
        (Some(other), _) => return Err(format!("\"sample.output_text\" is {}, expected a text", kind(&other))),
    };
    Ok((text, tools))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows() {
        for (line, text, tools, item) in [
            (json!({"sample": "x", "a": 1, "b": [2]}), "x", json!([]), json!({"a": 1, "b": [2]})),
            (json!({"sample": "x", "item": {"a": 1}}), "x", json!([]), json!({"a": 1})),
            (json!({"sample": "x", "item": "one", "a": 1}), "x", json!([]), json!({"item": "one", "a": 1})),
            (json!({"sample": {"output_text": "x", "output_tools": [{"t": 1}]}}), "x", json!([{"t": 1}]), json!({})),
            (json!({"sample": {"output_json": {"k": 1}, "output_tools": null}}), "{\"k\":1}", json!([]), json!({})),
            (json!({"sample": {"output_text": null, "output_tools": [1]}}), "", json!([1]), json!({})),
        ] {
            let row = Row::read(line.to_string().as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}"));
            assert_eq!((row.text.as_str(), json!(row.tools), row.item), (text, tools, item), "{line}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (line, words) in [
            ("{\"sample\": ", "not JSON"),
            ("[1]", "a list, expected an object"),
            ("{\"answer\": \"x\"}", "it has answer"),
            ("{\"sample\": 3}", "\"sample\" is a number"),
            ("{\"sample\": {}}", "no field \"output_text\""),
            ("{\"sample\": {\"output_text\": 3}}", "\"sample.output_text\" is a number"),
            ("{\"sample\": {\"output_text\": \"x\", \"output_tools\": \"y\"}}", "expected a list"),
        ] {
            let said = Row::read(line.as_bytes()).expect_err(line);
            assert!(said.contains(words), "{line}: {said}");
        }
        assert!(Row::read(b"\xff").is_err());
    }
}
