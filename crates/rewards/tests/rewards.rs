//! The crate at its boundary: what each grader says, what configurations are refused, and properties over arbitrary
//! text.

use clicker_rewards::fixtures::{cases, composed, everything, graded, lexicographic};
use clicker_rewards::graders::grade;
use clicker_rewards::{MAX_TEXT_BYTES, Outside, RewardError, hash_input, reward, validate, verdict};
use clicker_wire::{ABSTAIN, Expected, Grader, Item, REFUSE, Reward, RewardConfig, Verdict, WeightedGrader};
use proptest::prelude::*;

fn item(question: &str, expected: Expected, accepted: &[&str]) -> Item {
    Item { expected, accepted: accepted.iter().map(ToString::to_string).collect(), ..Item::free(question) }
}

fn paris() -> Item {
    item("What is the capital of France?", Expected::Answer, &["Paris"])
}

/// One grader, one answer: the score, the marked text and a word of the reason.
#[track_caller]
fn check(grader: &Grader, item: &Item, text: &str, score: Option<f64>, marked: &[&str], reason: &str) {
    let got = grade(grader, item, text);
    let spans: Vec<&str> = got.spans.iter().map(|s| &text[s.start as usize..s.end as usize]).collect();
    assert_eq!((got.score, &spans[..]), (score, marked), "{grader:?} on {text:?}: {}", got.reason);
    assert!(got.reason.contains(reason), "{text:?}: {} lacks {reason}", got.reason);
}

#[test]
fn exact() {
    check(&Grader::Exact {}, &paris(), " Paris\n", Some(1.0), &["Paris"], "exactly");
    check(&Grader::Exact {}, &paris(), "Paris.", Some(0.0), &["Paris."], "not exactly “Paris”");
    check(&Grader::Exact {}, &Item::free("?"), "Paris", None, &[], "no accepted answer");
}

#[test]
fn normalised() {
    check(&Grader::Normalised {}, &paris(), "It is paris!", Some(1.0), &["paris"], "says “Paris”");
    check(&Grader::Normalised {}, &paris(), "Paris, Rome", Some(0.0), &["Paris, Rome"], "nothing else");
    check(&Grader::Normalised {}, &Item::free("?"), "Paris", None, &[], "no accepted answer");
}

#[test]
fn numeric() {
    let sum = item("What is 2 + 3?", Expected::Answer, &["5"]);
    let half = Grader::Numeric { tolerance: 0.5 };
    check(&half, &sum, "5", Some(1.0), &["5"], "within 0.5 of 5");
    check(&half, &sum, "2 + 3 = 5.5", Some(1.0), &["5.5"], "within");
    check(&half, &sum, "about 5.51 or 5", Some(0.0), &["5.51"], "not within");
    check(&half, &sum, "2 + 3", Some(0.0), &["2"], "not within");
    check(&half, &sum, "five", Some(0.0), &["five"], "no number");
    check(&half, &sum, "", Some(0.0), &[], "no number");
    check(&half, &paris(), "5", None, &[], "no accepted answer is a number");
    // 5.2 - 5.1 is 0.1000...053 in binary.
    check(
        &Grader::Numeric { tolerance: 0.1 },
        &item("?", Expected::Answer, &["5.1"]),
        "5.2",
        Some(1.0),
        &["5.2"],
        "within",
    );
}

#[test]
fn truthful() {
    let g = Grader::Truthful { right: 1.0, abstain: 0.25, wrong: -1.0 };
    check(&g, &paris(), "The capital of France is Paris.", Some(1.0), &["Paris"], "right");
    check(&g, &paris(), "Rome.", Some(-1.0), &["Rome."], "expected “Paris”");
    check(&g, &paris(), ABSTAIN, Some(0.25), &[ABSTAIN], "does not know");
    check(&g, &paris(), REFUSE, Some(-1.0), &[REFUSE], "nothing forbids");
    check(&g, &paris(), "", Some(-1.0), &[], "wrong");
    let invented = item("?", Expected::Abstain, &[]);
    check(&g, &invented, ABSTAIN, Some(0.25), &[ABSTAIN], "nobody can know");
    check(&g, &invented, "Zorville.", Some(-1.0), &["Zorville."], "made up");
    let forbidden = item("?", Expected::Refuse, &[]);
    check(&g, &forbidden, REFUSE, Some(1.0), &[REFUSE], "rules forbid");
    check(&g, &forbidden, ABSTAIN, Some(0.25), &[ABSTAIN], "does not know");
    check(&g, &forbidden, "It is 1234.", Some(-1.0), &["It is 1234."], "does not decline");
    check(&g, &Item::free("?"), "Paris.", None, &[], "nothing is known");
}

#[test]
fn format() {
    for text in
        ["Paris.", "5.", "-5.", "\"Paris\" it is.", "Washington D.C. is it.", "It is St. John's.", " Oui. ", "3.5 km."]
    {
        check(&Grader::Format {}, &paris(), text, Some(1.0), &[text.trim()], "one sentence");
    }
    for (text, marked, reason) in [
        ("paris.", "p", "start"),
        ("Paris", "s", "full stop"),
        ("Paris..", ".", "full stop"),
        ("Paris?.", ".", "full stop"),
        ("Paris!", "!", "full stop"),
        ("It is. Paris.", "Paris.", "more than one"),
        ("What? Paris.", "Paris.", "more than one"),
        ("Paris\nRome.", "Rome.", "more than one"),
        ("- Paris.", "-", "start"),
    ] {
        check(&Grader::Format {}, &paris(), text, Some(0.0), &[marked], reason);
    }
    check(&Grader::Format {}, &paris(), "  ", Some(0.0), &[], "empty");
}

#[test]
fn length() {
    let g = Grader::Length { free: 4, limit: 8 };
    check(&g, &paris(), "", Some(0.0), &[], "0 characters");
    check(&g, &paris(), "éééé", Some(0.0), &[], "4 characters");
    check(&g, &paris(), "éééé1", Some(-0.25), &["1"], "5 characters");
    check(&g, &paris(), "éééé1234", Some(-1.0), &["1234"], "limit");
    check(&g, &paris(), "éééé12345", Some(-1.0), &["12345"], "limit");
}

#[test]
fn an_endless_answer_scores_nothing() {
    let text = "é".repeat(MAX_TEXT_BYTES / 2 + 1);
    let got = reward(&everything(), &paris(), &text);
    assert_eq!(got.total, 0.0);
    assert!(got.receipts.iter().all(|r| r.score == Some(0.0) && r.reason.contains("1048578")));
    // One byte less is read in full, and quickly.
    assert!(reward(&everything(), &paris(), &"é".repeat(MAX_TEXT_BYTES / 2)).total < 0.0);
}

#[test]
fn the_total_is_the_weighted_sum() {
    let got = reward(&RewardConfig::default(), &paris(), "Paris.");
    assert_eq!(got.total, 1.0 * 1.0 + 0.1 * 1.0 + 0.1 * 0.0);
    assert_eq!(got.receipts.iter().map(|r| r.grader.as_str()).collect::<Vec<_>>(), ["truthful", "format", "length"]);
    // A grader that does not apply adds nothing and says so.
    let free = reward(&RewardConfig::default(), &Item::free("?"), "Paris.");
    assert_eq!((free.total, free.receipts[0].score), (0.1, None));
}

#[test]
fn configurations() {
    let one = |name: &str, weight: f64, grader: Grader| {
        RewardConfig::sum(vec![WeightedGrader { name: name.into(), weight, grader }])
    };
    assert_eq!(validate(&RewardConfig::default()), Ok(()));
    assert_eq!(validate(&everything()), Ok(()));
    assert_eq!(validate(&RewardConfig::sum(vec![])), Err(RewardError::Empty));
    for name in ["", "Upper", "has space", "é", "a/b", &"x".repeat(65)] {
        assert!(matches!(validate(&one(name, 1.0, Grader::Exact {})), Err(RewardError::Name { .. })), "{name:?}");
    }
    let mut twice = everything();
    twice.graders[1].name = "exact".into();
    assert_eq!(validate(&twice), Err(RewardError::Duplicate { name: "exact".into() }));
    let bad = [
        one("g", f64::NAN, Grader::Exact {}),
        one("g", f64::INFINITY, Grader::Exact {}),
        one("g", 1.0, Grader::Numeric { tolerance: -0.1 }),
        one("g", 1.0, Grader::Numeric { tolerance: f64::NAN }),
        one("g", 1.0, Grader::Truthful { right: f64::INFINITY, abstain: 0.0, wrong: 0.0 }),
        one("g", 1.0, Grader::Length { free: 5, limit: 5 }),
    ];
    for config in &bad {
        assert!(matches!(validate(config), Err(RewardError::Value { .. })), "{config:?}");
    }
    let said = validate(&bad[5]).unwrap_err().to_string();
    assert_eq!(said, "grader \"g\": limit is 5, expected more than free, which is 5");
    // Even with a configuration that validation refuses, a text is never an error.
    for config in &bad {
        assert_eq!(reward(config, &paris(), "Paris is long enough.").receipts.len(), 1);
    }
}

#[test]
fn the_hash_input_is_canonical() {
    let text = hash_input(&everything());
    assert!(text.starts_with(r#"{"graders":[{"name":"exact","weight":0.1,"grader":{"type":"exact"}},"#), "{text}");
    let shuffled =
        r#"{"graders":[{"grader":{"wrong":-1,"type":"truthful","abstain":0,"right":1.0},"weight":1,"name":"t"}]}"#;
    let config: RewardConfig = serde_json::from_str(shuffled).unwrap();
    let expected = r#"{"graders":[{"name":"t","weight":1.0,"grader":{"type":"truthful","right":1.0,"abstain":0.0,"wrong":-1.0}}]}"#;
    assert_eq!(hash_input(&config), expected);
}

#[test]
fn parity() {
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    for case @ (config, item, texts) in &cases {
        assert_eq!(validate(config), Ok(()));
        for text in texts {
            assert_sound(&reward(config, item, text), text);
        }
        let said = graded(case, Outside::default()).unwrap();
        assert_eq!(said, graded(case, Outside::default()).unwrap());
        let (rewards, answers): (Vec<Reward>, Vec<(Verdict, String, String)>) = serde_json::from_str(&said).unwrap();
        assert_eq!((rewards.len(), answers.len()), (texts.len(), texts.len()));
    }
}

/// What must hold of every reward.
#[track_caller]
fn assert_sound(reward: &Reward, text: &str) {
    assert!(reward.total.is_finite());
    let sum: f64 = reward.receipts.iter().map(|r| r.weight * r.score.unwrap_or(0.0)).sum();
    // What was done to the sum stands in the notes.
    assert!(!reward.notes.is_empty() || (reward.total - sum).abs() < 1e-12);
    for receipt in &reward.receipts {
        assert!(!receipt.reason.is_empty());
        for s in &receipt.spans {
            assert!(s.start < s.end && text.get(s.start as usize..s.end as usize).is_some(), "{receipt:?} on {text:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn sound_on_any_text(
        text in prop_oneof![
            any::<String>(),
            "(\\PC|[-.,'\"=0-9 \\n]|Paris|is|the capital|I don't know){0,12}",
            "(confidence|[0-9]{1,4}|[-+*/=%.:@() ]|sure|é|</?think>|</?answer>|\\{|\\}|\"|GB82|Street|secret){0,16}",
        ],
        question in any::<String>(),
        accepted in proptest::collection::vec(any::<String>(), 0..3),
        expected in prop_oneof![
            Just(Expected::Answer), Just(Expected::Abstain), Just(Expected::Refuse), Just(Expected::Unknown)
        ],
    ) {
        let item = Item { expected, accepted, ..Item::free(question) };
        let first = reward(&everything(), &item, &text);
        assert_sound(&first, &text);
        // All of these graders have scores from -1 to 1, except threshold: -0.7 / 0.3 at worst.
        for receipt in &first.receipts {
            let score = receipt.score.unwrap_or(0.0);
            prop_assert!((-7.0 / 3.0 - 1e-12..=1.0).contains(&score), "{receipt:?}");
        }
        prop_assert_eq!(first, reward(&everything(), &item, &text));
        let composed = reward(&composed(), &item, &text);
        prop_assert!((-1.1..=1.3).contains(&composed.total) || composed.total == -2.0);
        prop_assert!((0.0..1.0).contains(&reward(&lexicographic(), &item, &text).total));
        let _ = verdict(&item, &text);
    }

    #[test]
    fn an_accepted_answer_is_right_in_every_form(answer in "[A-Za-zÀ-ÿ]{2,10}( [A-Za-z]{2,8})?") {
        let item = item("What is the capital of France?", Expected::Answer, &[&answer]);
        prop_assume!(!clicker_rewards::normalise::normalise(&answer).text.is_empty());
        for text in [answer.clone(), format!("{answer}."), format!("It is {answer}."), answer.to_uppercase()] {
            prop_assert_eq!(verdict(&item, &text), clicker_wire::Verdict::Right, "{}", text);
        }
    }
}
