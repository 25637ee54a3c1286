//! The program grader: what scripts see and say, and that no script gets out, runs on, or brings anything down.

use clicker_rewards::graders::grade;
use clicker_rewards::{Graded, Scorer, reward, validate};
use clicker_wire::{ABSTAIN, Expected, Grader, Item, RewardConfig, WeightedGrader};
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn paris() -> Item {
    Item { expected: Expected::Answer, accepted: vec!["Paris".into()], ..Item::free("What is the capital of France?") }
}

fn program(source: &str) -> Grader {
    Grader::Program { source: source.into() }
}

fn only(source: &str) -> RewardConfig {
    RewardConfig::sum(vec![WeightedGrader { name: "p".into(), weight: 1.0, grader: program(source) }])
}

fn run(source: &str, text: &str) -> Graded {
    grade(&program(source), &paris(), text)
}

#[track_caller]
fn says(source: &str, text: &str, score: Option<f64>, reason: &str) {
    let got = run(source, text);
    assert_eq!(got.score, score, "{source}: {}", got.reason);
    assert!(got.reason.contains(reason), "{source}: {}", got.reason);
}

#[test]
fn what_a_script_can_say() {
    for (source, text, score, reason) in [
        ("1", "", Some(1.0), "the program says 1"),
        ("0.25 * 3.0", "", Some(0.75), "0.75"),
        ("answer.len > 4", "Paris", Some(1.0), ""),
        ("()", "Paris", None, "does not apply"),
        ("if item.accepted.contains(answer) { 1.0 } else { -1.0 }", "Paris", Some(1.0), ""),
        (
            "if verdict == \"abstained\" { #{score: 0.1, reason: \"honest\"} } else { 0.0 }",
            ABSTAIN,
            Some(0.1),
            "honest",
        ),
        ("#{score: (), reason: \"nothing to see\"}", "x", None, "nothing to see"),
        ("let n = first_number(answer); if n == () { () } else { n / 2.0 }", "It is 42.", Some(21.0), ""),
        ("fn half(x) { x / 2.0 } half(words(answer).len().to_float())", "the red kite", Some(1.0), ""),
        ("let sum = 0; for w in words(answer) { sum += w.len; } sum", "red kite", Some(7.0), ""),
        (
            "item.question.contains(\"France\") && item.messages[0].role == \"user\" && item.expected == \"answer\"",
            "",
            Some(1.0),
            "",
        ),
        ("pow(2.0, 0.5) == sqrt(2.0) && exp(0.0) == 1.0 && ln(1.0) == 0.0", "", Some(1.0), ""),
    ] {
        assert_eq!(validate(&only(source)), Ok(()), "{source}");
        says(source, text, score, reason);
    }
    let got = run("#{score: 1.0, reason: \"marked\", spans: [[1, 3], [0, 99], [2, 1], \"x\"]}", "é東x");
    assert_eq!(got.spans.iter().map(|s| &"é東x"[s.start as usize..s.end as usize]).collect::<Vec<_>>(), ["東x"]);
}

#[test]
fn columns_of_the_row_are_read_as_item_x() {
    let mut item = paris();
    for (name, value) in [
        ("tests", serde_json::json!(["Par", "is"])),
        ("weight", serde_json::json!(0.5)),
        ("n", serde_json::json!(5)),
        ("rubric", serde_json::json!({"must": "Paris", "deep": {"x": null}})),
        // The item's own names win, and a column too large to be shown is ().
        ("question", serde_json::json!("another")),
        ("huge", serde_json::json!("x".repeat(20_000))),
    ] {
        item.fields.insert(name.into(), value);
    }
    for (source, score) in [
        ("if item.tests.len() == 2 && answer.contains(item.tests[0]) { item.weight } else { 0.0 }", 0.5),
        ("if answer.len == item.n { 1.0 } else { 0.0 }", 1.0),
        ("if answer == item.rubric.must && item.rubric.deep.x == () { 1.0 } else { 0.0 }", 1.0),
        ("if item.question.contains(\"capital\") { 1.0 } else { 0.0 }", 1.0),
        ("if item.huge == () { 1.0 } else { 0.0 }", 1.0),
    ] {
        let got = reward(&only(source), &item, "Paris");
        assert_eq!(got.total, score, "{source}: {:?}", got.receipts);
    }
}

#[test]
fn what_goes_wrong_is_a_reason() {
    for (source, reason) in [
        ("throw \"no\"", "the program failed"),
        ("\"text\"", "expected a number"),
        ("#{reason: \"x\"}", "has no score"),
        ("1.0 / 0.0", "finite"),
        ("1 / 0", "the program failed"),
        ("let x = item.nothing.more; 1.0", "the program failed"),
        ("9223372036854775807 + 1", "the program failed"),
        ("item.accepted[7]", "the program failed"),
        ("unknown_function(answer)", "the program failed"),
    ] {
        says(source, "Paris", Some(0.0), reason);
    }
    says("1", &"x".repeat(20_000), Some(0.0), "more than the 16384");
    assert_eq!(reward(&only("throw 1"), &paris(), "Paris").total, 0.0);
}

#[test]
fn what_is_refused_before_anything_runs() {
    for (source, words) in [
        ("", "1 to 8192 bytes"),
        ("let x = ;", "a script that compiles"),
        ("nothing_of_the_kind + 1", "a script that compiles"),
        ("import \"fs\" as fs; 1", "a script that compiles"),
        ("eval(\"1\")", "a script that compiles"),
        ("print(answer); 1", "a script that compiles"),
        ("2.0 ** 0.5", "a script that compiles"),
        (&format!("{}1{}", "(".repeat(200), ")".repeat(200)), "a script that compiles"),
        (&"1;".repeat(5000), "it has 10000"),
    ] {
        let error = validate(&only(source)).expect_err(source).to_string();
        assert!(error.contains(words), "{error} lacks {words}");
        let got = run(source, "Paris");
        assert!(got.score == Some(0.0) && got.reason.contains("expected"), "{source}: {}", got.reason);
    }
}

/// Scripts that try to run on, fill memory, or break the stack: each ends soon, with a reason.
#[test]
fn hostile_scripts_end() {
    let scripts = [
        "loop {}".to_string(),
        "while true { let x = answer + answer; }".into(),
        "fn f(x) { f(x + 1) } f(0)".into(),
        "fn f(x) { f(x) + f(x) } f(0)".into(),
        "let s = answer; loop { s += s; }".into(),
        "let a = []; loop { a.push(a); }".into(),
        "let a = []; loop { a = [a]; }".into(),
        "let a = [1]; loop { a += a; }".into(),
        "let m = #{}; loop { m = #{m: m, n: m}; }".into(),
        "let m = #{}; let i = 0; loop { m[i.to_string()] = i; i += 1; }".into(),
        "let s = \"\"; s.pad(100000000, 'x'); s.len".into(),
        "let a = []; a.pad(100000000, 0); a.len".into(),
        "for i in 0..9223372036854775807 {} 1".into(),
        "let s = answer; for i in 0..19000 { s.replace(\"a\", \"bb\"); } 1".into(),
        "let a = []; for i in 0..1000 { a.push(i); } loop { a.sort(|x, y| y - x); }".into(),
        "let s = answer; loop { s.index_of(\"zz\"); s.to_upper(); s.sub_string(3); }".into(),
        "let s = answer; loop { s.split(\"\"); }".into(),
        "let s = answer; loop { let t = normalise(s); let w = words(s); }".into(),
    ];
    for text in ["aé b".repeat(3_000), String::new()] {
        for source in &scripts {
            let started = Instant::now();
            let got = run(source, &text);
            assert!(started.elapsed() < Duration::from_secs(20), "{source} took {:?}", started.elapsed());
            assert!(got.score.is_some() && got.reason.len() < 500, "{source}: {}", got.reason);
        }
    }
}

/// The script of the guide for educators does what the guide says.
#[test]
fn the_guide_is_right() {
    let guide = include_str!("../../../docs/guide/rewards.md");
    let source = guide.split("### A program in five lines").nth(1).and_then(|rest| rest.split("```").nth(1)).unwrap();
    assert_eq!(validate(&only(source)), Ok(()), "{source}");
    for (text, score, reason) in [
        ("Paris", 1.0, ""),
        ("Rome", 0.0, ""),
        (ABSTAIN, 0.1, "honest"),
        ("It is the city of light on the river where all the roads of France end", -1.0, "words are too many"),
    ] {
        says(source, text, Some(score), reason);
    }
}

#[test]
fn a_scorer_compiles_once_and_says_the_same() {
    let config = only("if verdict == \"right\" { 1.0 } else { answer.len.to_float() / -100.0 }");
    let scorer = Scorer::new(&config);
    for text in ["Paris.", "Rome.", "", "It is Paris."] {
        assert_eq!(scorer.reward(&paris(), text), reward(&config, &paris(), text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Anything is a script or is refused; neither panics, and both ways agree on which it is.
    #[test]
    fn any_text_is_refused_or_runs(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "answer", "item", ".", "(", ")", "[", "]", "{", "}", "#{", ":", ";", "1", "0.5", "+", "*", "==", "if ", "else ", "let x = ",
            "x", "loop ", "break;", "fn f(a) ", "f", "|a| ", "\"s\"", "for i in ", "..", ",", "throw ", "return ", "switch ", "=> ", "()", "`${", "}`",
        ]), 0..40),
        text in "\\PC{0,20}",
    ) {
        let source = parts.concat();
        let refused = validate(&only(&source)).is_err();
        let got = run(&source, &text);
        prop_assert!(!refused || got.score == Some(0.0));
        prop_assert!(got.score.is_none_or(f64::is_finite));
        for span in got.spans {
            prop_assert!(text.get(span.start as usize..span.end as usize).is_some());
        }
    }
}
