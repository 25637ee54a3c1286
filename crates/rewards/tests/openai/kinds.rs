//! What each kind of grader says, and both shapes of `multi`.

use crate::{assert_flags, graded, grader, multi, reward, string_check, text_similarity};
use serde_json::json;

#[test]
fn string_checks() {
    for (operation, input, reference, expected) in [
        ("eq", "Paris", "Paris", 1.0),
        ("eq", "paris", "Paris", 0.0),
        ("eq", "Paris ", "Paris", 0.0),
        ("ne", "paris", "Paris", 1.0),
        ("ne", "Paris", "Paris", 0.0),
        ("like", "It is Paris.", "Paris", 1.0),
        ("like", "It is paris.", "Paris", 0.0),
        ("like", "Paris", "It is Paris.", 0.0),
        ("like", "anything", "", 1.0),
        ("ilike", "It is pARIS.", "Paris", 1.0),
        ("ilike", "ÉTÉ", "été", 1.0),
        ("ilike", "Rome", "Paris", 0.0),
    ] {
        assert_eq!(reward(&string_check(operation, input, reference), "", &json!({})), expected, "{operation} {input}");
    }
}

#[test]
fn text_similarities_read_templates() {
    let g = text_similarity("fuzzy_match", "{{sample.output_text}}", "{{item.label}}");
    assert_eq!(reward(&g, "abc", &json!({"label": "abd"})), 2.0 / 3.0);
}

#[test]
fn multi_by_name() {
    let parts = json!({
        "exact": string_check("eq", "{{sample.output_text}}", "{{item.label}}"),
        "close": text_similarity("fuzzy_match", "{{sample.output_text}}", "{{item.label}}"),
    });
    let run = graded(&multi(&parts, "0.25 * exact + 0.75 * close"), "abd", &json!({"label": "abc"}));
    assert_eq!(run.result.reward, 0.75 * 2.0 / 3.0);
    assert_eq!(json!(run.result.sub_rewards), json!({"close": 2.0 / 3.0, "exact": 0.0}));
    assert_eq!(run.result.sub_rewards, run.result.metadata.scores);
}

#[test]
fn multi_by_type() {
    let check = string_check("eq", "{{sample.output_text}}", "{{item.label}}");
    let close = text_similarity("fuzzy_match", "{{sample.output_text}}", "{{item.label}}");
    let formula = "0.25 * string_check_score + 0.75 * text_similarity_score";
    let item = json!({"label": "abc"});
    assert_eq!(reward(&multi(&json!([check, close]), formula), "abd", &item), 0.75 * 2.0 / 3.0);
    assert_eq!(reward(&multi(&check, "1 - string_check_score"), "abd", &item), 1.0);
    // Each comes back in the shape in which it came.
    for parts in [json!([check, close]), json!({"a": check}), check.clone()] {
        let formula = if parts.get("a").is_some() { "a" } else { "string_check_score" };
        let written = multi(&parts, formula);
        assert_eq!(serde_json::to_value(grader(&written)).unwrap(), written);
    }
    // A part may be called "type": only a text under that key makes the object a grader.
    assert_eq!(reward(&multi(&json!({"type": check}), "type"), "abc", &item), 1.0);
}

#[test]
fn python_is_read_and_not_run() {
    let source = "from rapidfuzz import fuzz\ndef grade(sample, item):\n    return fuzz.WRatio(sample['output_text'], item['a'])/100";
    let g = json!({"type": "python", "name": "py", "source": source, "image_tag": "2025-05-08"});
    let run = graded(&g, "x", &json!({}));
    assert_flags(&run, &["python_grader_server_error"]);
    assert!(
        run.problems[0].contains("runs no Python") && run.problems[0].contains("fuzzy_match"),
        "{:?}",
        run.problems
    );
    assert_eq!(run.result.metadata.errors.python_grader_server_error_type.as_deref(), Some(run.problems[0].as_str()));
    let plain = json!({"type": "python", "name": "py", "source": "def grade(sample, item):\n    return 1.0"});
    assert!(graded(&plain, "x", &json!({})).problems[0].contains("string_check, text_similarity or a multi"));
}

#[test]
fn a_failed_part_fails_the_whole_and_shows_the_rest() {
    let parts = json!({
        "good": string_check("eq", "a", "a"),
        "bad": string_check("eq", "{{item.gone}}", "a"),
    });
    // Without the rule, 1 - bad would pay for the failure; a formula that does not even name it does not hide it.
    for formula in ["good + 1 - bad", "good"] {
        let run = graded(&multi(&parts, formula), "", &json!({}));
        assert_flags(&run, &["invalid_variable_error"]);
        assert_eq!(json!(run.result.sub_rewards), json!({"good": 1.0}));
    }
}
