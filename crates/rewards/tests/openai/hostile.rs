//! Huge, deep and malformed inputs: flags or refusals, quickly, never a panic.

use crate::{assert_flags, graded, grader, multi, string_check, text_similarity};
use clicker_rewards::openai::{MAX_TEXT_BYTES, Sample, parse, run, validate};
use clicker_wire::openai_grader::{Grader, Multi, Parts};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn endless_texts() {
    let over = "x".repeat(MAX_TEXT_BYTES + 1);
    let check = string_check("eq", "{{sample.output_text}}", "{{item.label}}");
    assert_flags(&graded(&check, &over, &json!({"label": "a"})), &["truncated_observation_error"]);
    assert_flags(&graded(&check, "a", &json!({"label": over})), &["truncated_observation_error"]);
    let twice = string_check("eq", "{{sample.output_text}}{{sample.output_text}}", "");
    assert_flags(&graded(&twice, &over[..MAX_TEXT_BYTES / 2 + 1], &json!({})), &["truncated_observation_error"]);
    let refused = validate(&string_check("eq", &over, "")).unwrap_err().to_string();
    assert!(refused.contains("grader.input is a text of 1048577 bytes"), "{refused}");
}

#[test]
fn every_measure_ends_on_the_longest_texts() {
    let (words, letters) = ("ab cd ".repeat(MAX_TEXT_BYTES / 6), "y".repeat(MAX_TEXT_BYTES));
    for metric in ["cosine", "bleu", "gleu", "meteor", "rouge_1", "rouge_5"] {
        let g = text_similarity(metric, "{{sample.output_text}}", "{{item.label}}");
        for (a, b) in [(&words, &words), (&words, &letters)] {
            let run = graded(&g, a, &json!({"label": b}));
            assert!(
                (0.0..=1.0).contains(&run.result.reward) && run.problems.is_empty(),
                "{metric}: {:?}",
                run.problems
            );
        }
    }
    for metric in ["fuzzy_match", "rouge_l"] {
        let g = text_similarity(metric, "{{sample.output_text}}", "{{item.label}}");
        assert_eq!(graded(&g, &words, &json!({"label": words})).result.reward, 1.0);
    }
    let g = text_similarity("fuzzy_match", "{{sample.output_text}}", "{{item.label}}");
    // The most that is compared: about a second where nothing is optimised.
    let most = graded(&g, &words[..1 << 17], &json!({"label": "bc ".repeat(1 << 16)[..1 << 17]}));
    assert!((0.1..0.9).contains(&most.result.reward), "{most:?}");
    assert_flags(&graded(&g, &words, &json!({"label": letters})), &["truncated_observation_error"]);
}

#[test]
fn deep_json() {
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let g = string_check("eq", "{{sample.output_json[0]}}", "1");
    assert_flags(&graded(&g, &deep, &json!({})), &["invalid_variable_error", "sample_parse_error"]);
    let nested = format!(
        "{}{}{}",
        r#"{"type":"multi","name":"m","calculate_output":"1","graders":["#.repeat(200),
        "1",
        "]}".repeat(200)
    );
    assert!(parse(&nested).unwrap_err().to_string().contains("recursion limit"));
    let path = format!("{{{{item{}}}}}", ".a".repeat(65));
    assert!(validate(&string_check("eq", &path, "")).unwrap_err().to_string().contains("64 steps"));
}

/// `run` promises to be total, also for graders that were never validated.
#[test]
fn unvalidated_graders() {
    let part = |value: &Value| serde_json::from_value::<Grader>(value.clone()).unwrap();
    let run = |grader: &Grader| run(grader, &Sample::from("x"), &Value::Null, None);
    assert_flags(&run(&part(&string_check("eq", "{{oops", ""))), &["invalid_variable_error"]);
    for (formula, flag) in [("1 +", "formula_parse_error"), ("nobody", "invalid_variable_error")] {
        assert_flags(&run(&part(&multi(&json!([]), formula))), &[flag]);
    }
    let mut inner = part(&multi(&json!([]), "1"));
    for _ in 0..50 {
        let graders = Parts::Named(BTreeMap::from([("a".to_string(), inner)]));
        inner = Grader::Multi(Multi { name: "m".into(), graders, calculate_output: "a".into() });
    }
    assert_flags(&run(&inner), &["other_error"]);
    let range = json!({"type": "score_model", "name": "s", "model": "m", "input": [], "range": [1.0, 0.0]});
    assert_flags(&run(&part(&range)), &["model_grader_server_error"]);
}

#[test]
fn what_serde_reads_validate_reads() {
    // The shape is checked by a table before serde; this holds the two together on a grader with every field.
    let full = json!({
        "type": "score_model", "name": "s", "model": "m", "range": [0.0, 2.0],
        "sampling_params": {"seed": -1, "top_p": 0.5, "temperature": 1.0, "max_completions_tokens": 9, "reasoning_effort": "xhigh"},
        "input": [
            {"role": "developer", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]},
            {"role": "assistant", "type": "message", "content": {"type": "input_image", "image_url": "u", "detail": "auto"}},
        ],
    });
    assert_eq!(serde_json::to_value(grader(&full)).unwrap(), full);
}
