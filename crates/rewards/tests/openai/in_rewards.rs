//! OpenAI's graders as parts of a reward: what templates read, what is refused, what a failure comes to.

use crate::{multi, string_check, text_similarity};
use clicker_rewards::openai::{Chooser, Judge, Panel, Patient, Replies, Seat};
use clicker_rewards::{Outside, RewardError, Scorer, fixtures, reward, validate};
use clicker_wire::{Choice, Domain, Expected, Grader, Item, Message, Receipt, RewardConfig, Sampling, WeightedGrader};
use serde_json::{Value, json};
use std::cell::Cell;

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
fn python_and_mistakes_are_refused_with_what_to_write_instead() {
    let python = json!({"type": "python", "name": "p", "source": "def grade(sample, item):\n    return 1.0"});
    let mut unknown = label_model("builtin");
    unknown["pass_threshold"] = json!(0.5);
    for (grader, said) in [
        (python.clone(), "no Python"),
        (multi(&json!({"a": python}), "a"), "no Python"),
        (json!({"type": "string_chek"}), "string_check"),
        (unknown, "pass_threshold"),
        (json!(3), "OpenAI's graders"),
    ] {
        let error: RewardError = validate(&rewarded_by(grader.clone())).expect_err("must be refused");
        assert!(error.to_string().contains(said), "{error} lacks {said:?} for {grader}");
    }
}

fn label_model(model: &str) -> Value {
    json!({
        "type": "label_model", "name": "l", "model": model, "labels": ["short", "long"], "passing_labels": ["short"],
        "input": [{"role": "user", "content": "{{item.question}} {{sample.output_text}}"}],
    })
}

fn score_model(model: &str) -> Value {
    json!({
        "type": "score_model", "name": "s", "model": model, "range": [1, 3],
        "input": [{"role": "user", "content": "{{sample.output_text}}"}],
    })
}

/// Takes the first reply for what is short, the last for the rest, none for what is very long; counts how often it is asked.
#[derive(Default)]
struct ByLength(Cell<usize>);

impl Chooser for ByLength {
    fn choose(&self, conversation: &[Message], replies: &[String], _: &Sampling) -> Result<Choice, String> {
        self.0.set(self.0.get() + 1);
        let length = conversation.last().map_or(0, |m| m.content.len());
        if length > 200 {
            return Err("prompt: too many tokens".into());
        }
        let index = if length < 40 { 0 } else { replies.len() - 1 };
        Ok(Choice { index, share: 0.75, prompt_tokens: length as u64, answer_tokens: 1 })
    }
}

fn panel() -> Panel<ByLength> {
    let seat = Seat { name: "builtin".into(), identity: "abc".into(), model: ByLength::default() };
    let seats = [("builtin".into(), Ok(seat)), ("gpt".into(), Err("there is no model \"gpt\" in this tab".into()))];
    Panel { seats: seats.into() }
}

fn judged_by(judge: &dyn Judge, grader: Value, texts: &[&str]) -> Vec<Receipt> {
    let config = rewarded_by(grader);
    validate(&config).unwrap_or_else(|error| panic!("{error}"));
    let scorer = Scorer::new(&config).with(Outside { judge: Some(judge), ..Outside::default() });
    scorer.group(&question(), texts).into_iter().map(|mut reward| reward.receipts.remove(0)).collect()
}

#[test]
fn a_model_judges_and_the_receipt_says_who_said_what() {
    let long = "Paris, which is a very long answer to a short question, is it not?";
    let [short, longer] = &judged_by(&panel(), label_model("builtin"), &["Paris", long])[..] else { panic!("two") };
    assert_eq!((short.score, longer.score), (Some(1.0), Some(0.0)));
    assert_eq!(short.reason, "label_model gives 1: builtin says \u{201c}short\u{201d}, p 0.75 of the replies allowed");
    let scored = judged_by(&panel(), score_model("builtin"), &["Paris", long]);
    assert_eq!(scored.iter().map(|r| r.score).collect::<Vec<_>>(), [Some(1.0), Some(3.0)], "{scored:?}");
    let both = multi(&json!({"a": label_model("builtin"), "b": score_model("builtin")}), "a + b / 2");
    let [receipt] = &judged_by(&panel(), both, &["Paris"])[..] else { panic!("one") };
    assert_eq!(receipt.score, Some(1.5));
    assert!(receipt.reason.contains("of a 1, b 1: builtin says"), "{}", receipt.reason);
}

#[test]
fn where_nobody_judges_the_grader_does_not_apply_and_says_why() {
    let without = reward(&rewarded_by(label_model("builtin")), &question(), "Paris").receipts.remove(0);
    let [absent] = &judged_by(&panel(), label_model("gpt"), &["Paris"])[..] else { panic!("one") };
    let inside = multi(&json!({"a": label_model("gpt"), "b": string_check("eq", "a", "a")}), "a + b");
    let [part] = &judged_by(&panel(), inside, &["Paris"])[..] else { panic!("one") };
    for (receipt, words) in [(&without, "\"builtin\""), (absent, "in this tab"), (part, "in this tab")] {
        assert_eq!(receipt.score, None, "never a silent 0: {receipt:?}");
        assert!(receipt.reason.starts_with("model_grader_server_error: "), "{}", receipt.reason);
        assert!(receipt.reason.contains(words), "{}", receipt.reason);
    }
}

#[test]
fn an_answer_that_the_judge_cannot_read_is_a_zero_with_the_flag() {
    let answer = "very ".repeat(60);
    let [receipt] = &judged_by(&panel(), label_model("builtin"), &[&answer])[..] else { panic!("one") };
    let expected = "the grader failed: model_grader_server_error: builtin: prompt: too many tokens";
    assert_eq!((receipt.score, receipt.reason.as_str()), (Some(0.0), expected));
}

#[test]
fn a_patient_judge_is_asked_once_for_the_same_and_no_longer_than_there_is_time() {
    let (panel, replies) = (panel(), Replies::default());
    let texts = ["a", "b", "a", "c"];
    let asked = || panel.seats["builtin"].as_ref().map_or(0, |seat| seat.model.0.get());
    let mut left = Vec::new();
    for round in 1..=3 {
        let patient = Patient::new(&panel, &replies, &|| false);
        let receipts = judged_by(&patient, label_model("builtin"), &texts);
        assert_eq!(asked(), round, "one more each time");
        left.push(patient.left());
        let waiting = receipts.iter().filter(|r| r.score.is_none()).count();
        assert_eq!(waiting, patient.left() as usize, "{receipts:?}");
        let said = receipts.iter().filter(|r| r.score.is_none()).all(|r| r.reason.contains("still judging"));
        assert!(said, "{receipts:?}");
    }
    assert_eq!(left, [2, 1, 0], "the same answer twice is one question");
    let patient = Patient::new(&panel, &replies, &|| true);
    let known = judged_by(&patient, label_model("builtin"), &texts);
    assert_eq!((asked(), patient.left()), (3, 0), "nothing is asked again");
    assert_eq!(known, judged_by(&self::panel(), label_model("builtin"), &texts), "and memory changes nothing");
    replies.forget();
    let _ = judged_by(&Patient::new(&panel, &replies, &|| true), label_model("builtin"), &texts);
    assert_eq!(asked(), 6);
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
