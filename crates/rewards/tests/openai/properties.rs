//! Over arbitrary texts, templates, formulas and JSON: no panic, rewards are finite, scores lie in 0..1.

use crate::{multi, string_check, text_similarity};
use clicker_rewards::openai::formula::Formula;
use clicker_rewards::openai::template::Template;
use clicker_rewards::openai::{Run, Sample, run, validate};
use proptest::prelude::*;
use serde_json::{Value, json};

const METRICS: [&str; 11] = [
    "cosine",
    "fuzzy_match",
    "bleu",
    "gleu",
    "meteor",
    "rouge_1",
    "rouge_2",
    "rouge_3",
    "rouge_4",
    "rouge_5",
    "rouge_l",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "(\\PC|[a-d .,\\n]|paris|the|ing |ed ){0,30}"]
}

fn formula() -> impl Strategy<Value = String> {
    "(a|b|[0-9.eE]{1,3}|[-+*/^(), ]|min\\(|log\\(|sqrt\\(|exp\\(|\\PC){0,24}"
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "type|name|multi|string_check|eq|\\{\\{item.a\\}\\}|\\PC{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = "type|name|input|reference|operation|graders|calculate_output|model|labels|source|role|content|a";
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..5).prop_map(|map| json!(map)),
        ]
    })
}

/// What must hold of every run.
fn assert_sound(run: &Run) -> Result<(), TestCaseError> {
    let result = &run.result;
    prop_assert!(result.reward.is_finite());
    prop_assert!(result.sub_rewards.values().all(|score| score.is_finite()));
    prop_assert_eq!(result.metadata.errors.any(), !run.problems.is_empty());
    prop_assert!(!result.metadata.errors.any() || result.reward == 0.0);
    // The receipt survives its journey, but for the last bit of a number, which serde_json may read differently.
    let written = serde_json::to_string(result).unwrap();
    let read: clicker_rewards::openai::RunResult = serde_json::from_str(&written).unwrap();
    prop_assert!((read.reward - result.reward).abs() <= 1e-15 * result.reward.abs());
    prop_assert_eq!(&read.metadata.errors, &result.metadata.errors);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn similarities(input in text(), reference in text(), which in 0usize..11) {
        let grader = validate(&text_similarity(METRICS[which], "{{sample.output_text}}", "{{item.r}}")).unwrap();
        let run = |a: &str, b: &str| run(&grader, &Sample::from(a), &json!({"r": b}), None);
        let first = run(&input, &reference);
        assert_sound(&first)?;
        prop_assert!(first.problems.is_empty() && (0.0..=1.0).contains(&first.result.reward), "{:?}", first);
        prop_assert_eq!(&first, &run(&input, &reference));
        // All but the two that weigh precision and recall unequally are symmetrical.
        if !["bleu", "meteor"].contains(&METRICS[which]) {
            prop_assert!((first.result.reward - run(&reference, &input).result.reward).abs() < 1e-12);
        }
    }

    #[test]
    fn templates(template in "(\\{\\{|\\}\\}|item|sample|output_json|[.\\[\\]a-c0-9'\"]|\\PC){0,20}", item in any_json(), sample in text()) {
        if Template::parse(&template).is_ok() {
            let grader = validate(&string_check("like", &template, "a")).unwrap();
            assert_sound(&run(&grader, &Sample::from(sample.as_str()), &item, None))?;
        } else {
            prop_assert!(validate(&string_check("like", &template, "a")).is_err());
        }
    }

    #[test]
    fn formulas(formula in formula(), a in text()) {
        let parts = json!({"a": string_check("eq", &a.replace("{{", ""), "x"), "b": string_check("ne", "x", "y")});
        if let Ok(grader) = validate(&multi(&parts, &formula)) {
            assert_sound(&run(&grader, &Sample::from(""), &Value::Null, None))?;
        }
        let _ = Formula::parse(&formula).map(|formula| formula.value(|_| Some(f64::NAN)));
    }

    #[test]
    fn any_json_is_a_grader_or_a_mistake(value in any_json(), sample in text()) {
        match validate(&value) {
            Ok(grader) => {
                assert_sound(&run(&grader, &Sample::from(sample.as_str()), &value, None))?;
                // What was understood is understood again.
                prop_assert_eq!(validate(&serde_json::to_value(&grader).unwrap()).unwrap(), grader);
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn a_changed_grader_is_never_misread(value in any_json(), at in 0usize..5, sample in text()) {
        let mut grader = string_check("eq", "{{sample.output_text}}", "a");
        let field = ["type", "name", "input", "reference", "operation"][at];
        grader[field] = value;
        if let Ok(grader) = validate(&grader) {
            assert_sound(&run(&grader, &Sample::from(sample.as_str()), &Value::Null, None))?;
        }
    }
}
