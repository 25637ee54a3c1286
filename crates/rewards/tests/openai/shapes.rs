//! Every JSON that comes in or goes out, as a committed file. `CLICKER_ACCEPT=1 cargo test ...` writes it anew.

use crate::{grader, multi, string_check, text_similarity};
use clicker_rewards::openai::{Judge, JudgeError, JudgeReply, JudgeRequest, Sample, run, validate};
use clicker_wire::grader_run::{RunRequest, RunResult, TokenCounts, TokenUsage, ValidateRequest, ValidateResponse};
use serde_json::{Map, Value, json};

struct Half;

impl Judge for Half {
    fn ask(&self, request: &JudgeRequest<'_>) -> Result<JudgeReply, JudgeError> {
        let usage = TokenCounts { prompt_tokens: 190, total_tokens: 324, cached_tokens: 0, completion_tokens: 134 };
        Ok(JudgeReply { text: r#"{"result": 0.5}"#.into(), model: request.model.into(), usage, share: None })
    }
}

fn graders() -> Map<String, Value> {
    let check = string_check("ilike", "{{sample.output_text}}", "{{item.label}}");
    let close = text_similarity("rouge_l", "{{sample.output_text}}", "{{item.label}}");
    let input = json!([{"role": "developer", "content": "Rate {{sample.output_text}}"}]);
    let shapes = json!({
        "string_check": check,
        "text_similarity": close,
        "score_model": {"type": "score_model", "name": "score", "model": "judge", "input": input, "range": [0.0, 1.0],
            "sampling_params": {"seed": 42, "temperature": 1.0}},
        "label_model": {"type": "label_model", "name": "label", "model": "judge", "input": input,
            "labels": ["yes", "no"], "passing_labels": ["yes"]},
        "python": {"type": "python", "name": "py", "source": "def grade(sample, item):\n    return 1.0"},
        "multi_named": multi(&json!({"exact": check, "close": close}), "0.15 * exact + 0.85 * close"),
        "multi_listed": multi(&json!([check, close]), "0.15 * string_check_score + 0.85 * text_similarity_score"),
        "multi_alone": multi(&check, "string_check_score"),
        "missing_variable": string_check("eq", "{{item.gone}}", ""),
        "no_reward": multi(&json!({"exact": check}), "1 / (exact - 1)"),
    });
    shapes.as_object().cloned().unwrap()
}

#[test]
fn snapshots() {
    let mut seen = Map::new();
    for (name, value) in graders() {
        let grader = grader(&value);
        let run = run(&grader, &Sample::from("It is Paris"), &json!({"label": "paris"}), Some(&Half));
        let problems = run.problems.clone();
        let written = json!({"grader": grader, "run": run.timed(0.25), "problems": problems});
        seen.insert(name, written);
    }
    let mistake = validate(&json!({"type": "string_check", "refrence": ""})).unwrap_err();
    seen.insert("mistake".into(), json!(mistake.to_string()));
    let written = format!("{}\n", serde_json::to_string_pretty(&seen).unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openai/golden/shapes.json");
    if std::env::var_os("CLICKER_ACCEPT").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    assert_eq!(written, std::fs::read_to_string(path).unwrap(), "accept with CLICKER_ACCEPT=1");
}

#[test]
fn a_receipt_has_every_field() {
    let grader = grader(&string_check("eq", "a", "a"));
    let receipt = serde_json::to_value(run(&grader, &Sample::from(""), &Value::Null, None).timed(1.5)).unwrap();
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&receipt), ["metadata", "model_grader_token_usage_per_model", "reward", "sub_rewards"]);
    let metadata = ["errors", "execution_time", "name", "sampled_model_name", "scores", "token_usage", "type"];
    assert_eq!(fields(&receipt["metadata"]), metadata);
    assert_eq!(receipt["metadata"]["execution_time"], 1.5);
    let errors = receipt["metadata"]["errors"].as_object().unwrap();
    assert_eq!(errors.len(), 14);
    assert_eq!(errors.values().filter(|value| value.is_null()).count(), 3);
    assert_eq!(errors.values().filter(|value| **value == json!(false)).count(), 11);
}

#[test]
fn requests() {
    let check = string_check("eq", "a", "b");
    let request: ValidateRequest = serde_json::from_value(json!({"grader": check})).unwrap();
    let response = serde_json::to_value(ValidateResponse { grader: grader(&request.grader) }).unwrap();
    assert_eq!(response, json!({"grader": check}));
    let request: RunRequest = serde_json::from_value(json!({"grader": check, "model_sample": "x"})).unwrap();
    assert_eq!((request.item, request.model_sample.as_str()), (Value::Null, "x"));
    assert!(serde_json::from_value::<RunRequest>(json!({"grader": check, "model_sample": "x", "items": 1})).is_err());
}

#[test]
fn token_usage_is_read_as_number_and_as_counts() {
    let mut receipt =
        serde_json::to_value(run(&grader(&string_check("eq", "a", "a")), &Sample::from(""), &Value::Null, None).result)
            .unwrap();
    receipt["metadata"]["token_usage"] = json!(7);
    let read: RunResult = serde_json::from_value(receipt.clone()).unwrap();
    assert_eq!(read.metadata.token_usage, Some(TokenUsage::Total(7)));
    receipt["metadata"]["token_usage"] =
        json!({"prompt_tokens": 1, "total_tokens": 2, "cached_tokens": 0, "completion_tokens": 1});
    let read: RunResult = serde_json::from_value(receipt).unwrap();
    assert!(matches!(read.metadata.token_usage, Some(TokenUsage::Counts(counts)) if counts.total_tokens == 2));
}
