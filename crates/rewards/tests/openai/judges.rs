//! Model graders: what a judge is asked, how its reply is read, what happens where there is none.

use crate::{assert_flags, graded, judged, multi};
use clicker_rewards::openai::{Judge, JudgeError, JudgeReply, JudgeRequest, Verdict};
use clicker_wire::grader_run::TokenCounts;
use clicker_wire::openai_grader::Role;
use serde_json::{Value, json};
use std::cell::RefCell;

/// Replies with fixed words and remembers what it was asked.
struct Fixed {
    reply: Result<&'static str, JudgeError>,
    asked: RefCell<Vec<String>>,
}

impl Judge for Fixed {
    fn ask(&self, request: &JudgeRequest<'_>) -> Result<JudgeReply, JudgeError> {
        self.asked.borrow_mut().push(format!("{request:?}"));
        let usage = TokenCounts { prompt_tokens: 10, total_tokens: 13, cached_tokens: 1, completion_tokens: 3 };
        let model = format!("local-{}", request.model);
        self.reply.clone().map(|text| JudgeReply { text: text.into(), model, usage, share: None })
    }
}

fn says(reply: &'static str) -> Fixed {
    Fixed { reply: Ok(reply), asked: RefCell::default() }
}

fn score_model(range: &Value) -> Value {
    json!({
        "type": "score_model", "name": "score", "model": "m", "range": range,
        "input": [{"role": "user", "content": "Rate: {{sample.output_text}}"}],
    })
}

fn label_model() -> Value {
    json!({
        "type": "label_model", "name": "label", "model": "m", "labels": ["good", "bad"], "passing_labels": ["good"],
        "input": [
            {"type": "message", "role": "system", "content": {"type": "input_text", "text": "Good or bad?"}},
            {"role": "user", "content": ["Answer:", {"type": "output_text", "text": "{{sample.output_text}}"}]},
        ],
    })
}

#[test]
fn scores() {
    for (reply, expected) in [
        ("0.25", 0.25),
        (" 1 \n", 1.0),
        (r#"{"result": 0.5, "steps": []}"#, 0.5),
        (r#"{"result": "0.5"}"#, 0.5),
        ("7", 1.0),
        ("-3", 0.0),
    ] {
        let run = judged(&score_model(&Value::Null), "x", &json!({}), Some(&says(reply)));
        assert_eq!((run.result.reward, run.problems.len()), (expected, 0), "{reply}");
    }
    let run = judged(&score_model(&json!([1, 7])), "x", &json!({}), Some(&says("6.5")));
    assert_eq!(run.result.reward, 6.5);
    for reply in
        ["", "good", "0.5 because", "NaN", "inf", "null", "[1]", "{}", r#"{"score": 1}"#, r#"{"result": null}"#]
    {
        let run = judged(&score_model(&Value::Null), "x", &json!({}), Some(&says(reply)));
        assert_flags(&run, &["model_grader_parse_error"]);
        // The tokens were spent all the same.
        assert!(run.result.metadata.token_usage.is_some());
    }
}

#[test]
fn labels() {
    for (reply, expected) in [("good", 1.0), (" bad\n", 0.0), (r#"{"result": "good"}"#, 1.0), (r#""good""#, 1.0)] {
        let run = judged(&label_model(), "x", &json!({}), Some(&says(reply)));
        assert_eq!((run.result.reward, run.problems.len()), (expected, 0), "{reply}");
    }
    for reply in ["Good", "goodness", "1", ""] {
        assert_flags(&judged(&label_model(), "x", &json!({}), Some(&says(reply))), &["model_grader_parse_error"]);
    }
}

#[test]
fn what_is_asked() {
    let judge = says("good");
    let _ = judged(&label_model(), "the {{item.x}} answer", &json!({}), Some(&judge));
    let labels = ["good".to_string(), "bad".to_string()];
    let expected = JudgeRequest {
        model: "m",
        messages: vec![(Role::System, "Good or bad?".into()), (Role::User, "Answer:\nthe {{item.x}} answer".into())],
        sampling: None,
        wants: Verdict::Label(&labels),
    };
    assert_eq!(judge.asked.into_inner(), [format!("{expected:?}")]);
}

#[test]
fn no_reply() {
    let none = graded(&score_model(&Value::Null), "x", &json!({}));
    assert_flags(&none, &["model_grader_server_error"]);
    assert!(none.result.metadata.errors.model_grader_server_error_details.unwrap().contains("\"m\""));
    for (error, flag) in [
        (JudgeError::Server("down".into()), "model_grader_server_error"),
        (JudgeError::Unresponsive, "unresponsive_reward_error"),
        (JudgeError::Later, "unresponsive_reward_error"),
        (JudgeError::Refused, "model_grader_refusal_error"),
    ] {
        let judge = Fixed { reply: Err(error), asked: RefCell::default() };
        assert_flags(&judged(&label_model(), "x", &json!({}), Some(&judge)), &[flag]);
    }
    let image = json!({"type": "input_image", "image_url": "{{item.url}}", "detail": "low"});
    let mut seeing = score_model(&Value::Null);
    seeing["input"][0]["content"] = json!([image]);
    assert_flags(&judged(&seeing, "x", &json!({}), Some(&says("1"))), &["model_grader_server_error"]);
}

#[test]
fn tokens_add_up() {
    let parts = json!({"a": score_model(&Value::Null), "b": label_model()});
    let run = judged(&multi(&parts, "a + b"), "x", &json!({}), Some(&says("1")));
    // "1" is no label; both were asked.
    assert_flags(&run, &["model_grader_parse_error"]);
    let usage = json!({"prompt_tokens": 20, "total_tokens": 26, "cached_tokens": 2, "completion_tokens": 6});
    assert_eq!(json!(run.result.metadata.token_usage), usage);
    assert_eq!(json!(run.result.model_grader_token_usage_per_model), json!({"local-m": usage}));
    assert_eq!(run.result.metadata.sampled_model_name.as_deref(), Some("local-m"));
}
