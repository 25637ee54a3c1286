//! OpenAI's graders as parts of a reward: what templates read, what is refused, what a failure comes to.

use crate::{multi, string_check, text_similarity};
use clicker_rewards::{RewardError, Scorer, fixtures, reward, validate};
use clicker_wire::{Domain, Expected, Grader, Item, RewardConfig, WeightedGrader};
use serde_json::{Value, json};

fn rewarded_by(grader: Value) -> RewardConfig {
    RewardConfig::sum(vec![WeightedGrader { name: "theirs".into(), weight: 2.0, grader: Grader::Openai { grader } }])
}

fn question() -> Item {
    Item {
        expected: Expected::Answer,
        domain: Domain::Capitals,
        accepted: vec!["Paris".into(), "Lutetia".into()],
        fields: json!({"label": "PARIS", "nested": {"hint": "P"}}).as_object().cloned().unwrap_or_default(),
        ..Item::free("What is the capital of France?")
    }
}

#[track_caller]
fn scored(grader: Value, text: &str) -> (f64, String) {
    let config = rewarded_by(grader);
    validate(&config).unwrap_or_else(|error| panic!("{error}"));
    let reward = reward(&config, &question(), text);
    (reward.total, reward.receipts[0].reason.clone())
}

#[test]
fn templates_read_columns_of_the_row_and_what_the_question_has() {
    for (reference, text, expected) in [
        ("{{item.label}}", "PARIS", 2.0),
        ("{{item.nested.hint}}", "P", 2.0),
        ("{{item.reference_answer}}", "Paris", 2.0),
        ("{{item.accepted.1}}", "Lutetia", 2.0),
        ("{{item.question}}", "What is the capital of France?", 2.0),
        ("{{item.domain}}", "capitals", 2.0),
        ("{{item.expected}}", "answer", 2.0),
        ("{{item.messages.0.role}}", "user", 2.0),
        ("{{item.label}}", "Rome", 0.0),
    ] {
        let (total, reason) = scored(string_check("eq", "{{sample.output_text}}", reference), text);
        assert_eq!(total, expected, "{reference}: {reason}");
    }
}

#[test]
fn a_column_of_the_row_comes_before_what_we_would_put_there() {
    let mut item = question();
    item.fields.insert("question".into(), json!("Q"));
    let config = rewarded_by(string_check("eq", "{{sample.output_text}}", "{{item.question}}"));
    assert_eq!(reward(&config, &item, "Q").total, 2.0);
}

#[test]
fn a_formula_says_what_it_was_made_of() {
    let parts = json!({
        "says": string_check("ilike", "{{sample.output_text}}", "paris"),
        "close": text_similarity("fuzzy_match", "{{sample.output_text}}", "{{item.reference_answer}}"),
    });
    let (total, reason) = scored(multi(&parts, "0.5 * says + 0.5 * close"), "Paris");
    assert_eq!((total, reason.as_str()), (2.0, "the formula gives 1 of close 1, says 1"));
}

#[test]
fn what_fails_on_an_answer_is_a_zero_with_its_reason() {
    let (total, reason) = scored(string_check("eq", "{{sample.output_json.city}}", "Paris"), "no JSON");
    assert_eq!(total, 0.0);
    assert!(reason.starts_with("the grader failed: "), "{reason}");
}

#[test]
fn models_and_python_are_refused_with_what_to_write_instead() {
    let model =
        json!({"type": "score_model", "name": "s", "model": "gpt", "input": [{"role": "user", "content": "x"}]});
    let python = json!({"type": "python", "name": "p", "source": "def grade(sample, item):\n    return 1.0"});
    let inside = multi(&json!({"a": model, "b": string_check("eq", "a", "b")}), "a + b");
    for (grader, said) in [
        (model, "asks no model"),
        (inside, "asks no model"),
        (python.clone(), "no Python"),
        (multi(&json!({"a": python}), "a"), "no Python"),
        (json!({"type": "string_chek"}), "string_check"),
        (json!(3), "OpenAI's graders"),
    ] {
        let error: RewardError = validate(&rewarded_by(grader.clone())).expect_err("must be refused");
        assert!(error.to_string().contains(said), "{error} lacks {said:?} for {grader}");
    }
}

#[test]
fn a_group_reads_the_question_once_and_gives_what_single_answers_get() {
    let config = fixtures::openai_graders();
    validate(&config).unwrap_or_else(|error| panic!("{error}"));
    let (item, texts) = (question(), ["Paris.", "Rome", "", "It is Paris, I think."]);
    let together = Scorer::new(&config).group(&item, &texts);
    let alone: Vec<_> = texts.iter().map(|text| reward(&config, &item, text)).collect();
    assert_eq!(together, alone);
    let missing = together[0].receipts.last().expect("ten receipts");
    assert_eq!((missing.score, missing.reason.contains("item.gone")), (Some(0.0), true), "{}", missing.reason);
}
