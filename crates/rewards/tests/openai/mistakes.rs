//! What `validate` refuses, and what it says.

use crate::{grader, multi, string_check};
use clicker_rewards::openai::{MAX_SOURCE_BYTES, parse, validate};
use serde_json::{Value, json};

/// A grader with one change: `null` takes the field away.
fn changed(mut grader: Value, field: &str, value: Value) -> Value {
    match value {
        Value::Null => drop(grader.as_object_mut().unwrap().remove(field)),
        value => grader[field] = value,
    }
    grader
}

#[track_caller]
fn refused(value: &Value, said: &[&str]) {
    let error = validate(value).expect_err("must be refused").to_string();
    for said in said {
        assert!(error.contains(said), "{error:?} lacks {said:?}");
    }
}

fn check() -> Value {
    string_check("eq", "a", "b")
}

fn score() -> Value {
    json!({"type": "score_model", "name": "s", "model": "m", "input": [{"role": "user", "content": "x"}]})
}

fn label() -> Value {
    json!({"type": "label_model", "name": "l", "model": "m", "labels": ["a", "b"], "passing_labels": ["a"], "input": [{"role": "user", "content": "x"}]})
}

#[test]
fn fields() {
    refused(
        &changed(check(), "refrence", json!("x")),
        &["grader has no field \"refrence\"", "did you mean \"reference\""],
    );
    refused(&changed(check(), "zebra", json!(1)), &["no field \"zebra\"; its fields are type, name, input"]);
    refused(&changed(check(), "reference", Value::Null), &["grader lacks the field \"reference\""]);
    refused(&changed(check(), "type", Value::Null), &["grader lacks the field \"type\""]);
    refused(&changed(check(), "type", json!("string_chek")), &["grader.type", "did you mean \"string_check\""]);
    refused(&changed(check(), "type", json!(7)), &["grader.type is 7"]);
    refused(&changed(check(), "operation", json!("neq")), &["grader.operation is \"neq\"", "did you mean \"ne\""]);
    refused(&changed(check(), "input", json!(["x"])), &["grader.input is an array of 1, expected a text"]);
    refused(&changed(check(), "name", json!(" ")), &["grader.name"]);
    refused(&changed(check(), "name", json!("x".repeat(257))), &["grader.name", "1 to 256 bytes"]);
    refused(&json!([check()]), &["grader is an array of 1, expected an object"]);
    assert!(parse("{").unwrap_err().to_string().contains("not JSON"));
}

#[test]
fn templates() {
    for (text, said) in [
        ("{{item.x", "no closing braces"),
        ("{{items.x}}", "did you mean item?"),
        ("{{foo.x}}", "neither item nor sample"),
        ("{{item}}", "is no path"),
        ("{{item.}}", "is no path"),
        ("{{item.a[}}", "is no path"),
        ("{{item.a[x]}}", "is no path"),
        ("{{}}", "neither item nor sample"),
        ("{{sample.output_txt}}", "did you mean output_text?"),
    ] {
        refused(&changed(check(), "input", json!(text)), &["grader.input", said]);
    }
    refused(&changed(check(), "input", json!("{{item.a}}".repeat(257))), &["more than 256 templates"]);
    let mut deep = score();
    deep["input"][0]["content"] = json!([{"type": "input_text", "text": "{{x.y}}"}]);
    refused(&deep, &["grader.input[0].content", "neither item nor sample"]);
}

#[test]
fn models() {
    for range in [json!([1, 0]), json!([0, 0])] {
        refused(&changed(score(), "range", range), &["grader.range", "a lower and a higher number"]);
    }
    refused(&changed(score(), "range", json!([0])), &["grader.range"]);
    refused(&changed(score(), "input", json!([])), &["grader.input is an array of 0"]);
    let role = json!([{"role": "usr", "content": "x"}]);
    refused(&changed(score(), "input", role), &["grader.input[0].role", "did you mean \"user\""]);
    let sampling = |value| changed(score(), "sampling_params", value);
    refused(&sampling(json!({"max_completion_tokens": 5})), &["did you mean \"max_completions_tokens\""]);
    refused(&sampling(json!({"max_completions_tokens": 0})), &["sampling_params.max_completions_tokens", "at least 1"]);
    refused(&sampling(json!({"top_p": 1.5})), &["sampling_params.top_p is 1.5, expected 0 to 1"]);
    refused(&sampling(json!({"reasoning_effort": "hard"})), &["sampling_params.reasoning_effort"]);
    grader(&sampling(
        json!({"seed": null, "top_p": null, "temperature": null, "max_completions_tokens": null, "reasoning_effort": null}),
    ));
    refused(&changed(label(), "passing_labels", json!(["c"])), &["grader.passing_labels", "\"c\""]);
    refused(&changed(label(), "labels", json!(["a", "a"])), &["grader.labels", "every label once"]);
}

#[test]
fn python() {
    let python = |source: String| json!({"type": "python", "name": "p", "source": source});
    let ending = "def grade(sample, item): return 1";
    grader(&python(format!("{}{ending}", "#".repeat(MAX_SOURCE_BYTES - ending.len() - 1))));
    refused(
        &python(format!("{}{ending}", "#".repeat(MAX_SOURCE_BYTES - ending.len()))),
        &["grader.source", "fewer than"],
    );
    refused(&python("print(1)".into()), &["grader.source", "grade(sample, item)"]);
}

#[test]
fn multis() {
    let named = |name: &str| multi(&json!({name: check()}), "1");
    let inner = multi(&json!({"a": check()}), "a");
    refused(&multi(&json!({"inner": inner}), "inner"), &["grader.graders.inner is a multi inside a multi"]);
    refused(&multi(&json!([inner]), "multi_score"), &["grader.graders[0] is a multi inside a multi"]);
    refused(&multi(&inner, "multi_score"), &["grader.graders is a multi inside a multi"]);
    refused(&named("two words"), &["named \"two words\"", "a formula can hold"]);
    refused(&multi(&json!([check(), check()]), "1"), &["two graders called string_check_score", "a key of its own"]);
    refused(
        &multi(&json!({"close": check()}), "clos"),
        &["calculate_output", "did you mean close?", "the names are close"],
    );
    refused(&multi(&json!({"a": check()}), "a +"), &["calculate_output", "its end at byte 3"]);
    refused(&multi(&json!({}), "1"), &["grader.graders is an object of 0 graders"]);
    refused(&multi(&json!("x"), "1"), &["an array of graders, or an object"]);
    let broken = changed(check(), "operation", json!("eqq"));
    refused(&multi(&json!({"a": broken}), "a"), &["grader.graders.a.operation", "did you mean \"eq\""]);
    let many: serde_json::Map<String, Value> = (0..65).map(|i| (format!("g{i}"), check())).collect();
    refused(&multi(&Value::Object(many), "1"), &["65 graders, expected 1 to 64"]);
}
