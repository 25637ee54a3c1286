//! What templates find, and what they do where there is nothing.

use crate::{assert_flags, graded, reward, string_check};
use clicker_rewards::openai::{Sample, run, validate};
use serde_json::{Value, json};

/// The filled text, compared with what is expected.
#[track_caller]
fn fills(template: &str, expected: &str, text: &str, item: &Value) {
    assert_eq!(reward(&string_check("eq", template, expected), text, item), 1.0, "{template}");
}

#[test]
fn paths() {
    let item = json!({
        "a": "text", "n": 3, "f": 0.5, "yes": true, "none": null, "list": [1, [2, {"deep": "found"}]],
        "two words": "spaced", "a.b": "dotted", "0": "zero",
    });
    fills("{{item.a}}", "text", "", &item);
    fills("<{{ item.a }}|{{item.n}}>", "<text|3>", "", &item);
    fills("{{item.f}} {{item.yes}} {{item.none}}", "0.5 true null", "", &item);
    fills("{{item.list}}", r#"[1,[2,{"deep":"found"}]]"#, "", &item);
    fills("{{item.list[1][1].deep}}", "found", "", &item);
    fills("{{item.list.1.1.deep}}", "found", "", &item);
    fills("{{item.two words}}{{item[\"two words\"]}}", "spacedspaced", "", &item);
    fills("{{item['a.b']}}{{item.0}}", "dottedzero", "", &item);
    fills("}} { {one}", "}} { {one}", "", &item);
}

#[test]
fn samples() {
    let text = r#"{"a": {"b": [1, "two"]}}"#;
    fills("{{sample.output_text}}", text, text, &Value::Null);
    fills("{{sample.output_json.a.b[1]}}", "two", text, &Value::Null);
    fills("{{sample.output_json.a}}", r#"{"b":[1,"two"]}"#, text, &Value::Null);
    fills("{{sample.output_json}}", "42", " 42 ", &Value::Null);
    fills("{{sample.choices[0].message.content}}", "hello", "hello", &Value::Null);
    fills("{{sample.choices[0].message.role}}", "assistant", "hello", &Value::Null);
    fills("{{sample.output_tools}}", "[]", "hello", &Value::Null);
    let sample = Sample { text: "", tools: vec![json!({"type": "function", "function": {"name": "look_up"}})] };
    for path in ["sample.output_tools[0].function.name", "sample.choices[0].message.tool_calls[0].function.name"] {
        let grader = validate(&string_check("eq", &format!("{{{{{path}}}}}"), "look_up")).unwrap();
        assert_eq!(run(&grader, &sample, &Value::Null, None).result.reward, 1.0, "{path}");
    }
}

#[test]
fn what_is_filled_in_stays_text() {
    let wants = |template: &str, text: &str, item: Value| {
        assert_eq!(reward(&string_check("eq", template, "{{item.want}}"), text, &item), 1.0, "{template}");
    };
    wants("{{sample.output_text}}", "{{item.secret}}", json!({"secret": "s", "want": "{{item.secret}}"}));
    wants("{{item.a}}item.b}}", "", json!({"a": "{{", "b": "s", "want": "{{item.b}}"}));
}

#[test]
fn nothing_there() {
    let item = json!({"a": {"b": [1]}});
    for path in ["item.c", "item.a.c", "item.a.b[1]", "item.a.b.x", "item.a.b[0].c", "item.a.b[99999999999999999999]"] {
        let run = graded(&string_check("eq", &format!("{{{{{path}}}}}"), ""), "", &item);
        assert_flags(&run, &["invalid_variable_error"]);
        assert!(run.problems[0].contains(path), "{:?}", run.problems);
    }
    let json_path = string_check("eq", "{{sample.output_json.a}}", "");
    assert_flags(&graded(&json_path, "not json", &item), &["invalid_variable_error", "sample_parse_error"]);
    assert_flags(&graded(&json_path, r#"{"b": 1}"#, &item), &["invalid_variable_error"]);
    // No item at all.
    assert_flags(&graded(&string_check("eq", "{{item.a}}", ""), "", &Value::Null), &["invalid_variable_error"]);
}
