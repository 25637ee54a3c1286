//! The language of `calculate_output`: values, refusals, results that are no reward.

use crate::{assert_flags, graded, multi, string_check};
use clicker_rewards::openai::formula::{Formula, FormulaError};
use serde_json::json;

fn value(formula: &str) -> f64 {
    let names = |name: &str| [("a", 0.5), ("b_2", 3.0)].iter().find(|row| row.0 == name).map(|row| row.1);
    Formula::parse(formula).unwrap_or_else(|error| panic!("{formula}: {error}")).value(names).unwrap()
}

#[test]
fn values() {
    for (formula, expected) in [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("10 - 4 - 3", 3.0),
        ("16 / 4 / 2", 2.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("(-2) ^ 2", 4.0),
        ("2 ^ -1", 0.5),
        ("--2 + +1", 3.0),
        ("2 * -3", -6.0),
        ("a + b_2", 3.5),
        ("a*a", 0.25),
        ("min(3, a, 2)", 0.5),
        ("max(3, a, 2)", 3.0),
        ("max(a)", 0.5),
        ("abs(-3)", 3.0),
        ("floor(-1.5) + ceil(1.2)", 0.0),
        ("exp(0)", 1.0),
        ("log(exp(2))", 2.0),
        ("sqrt(16)", 4.0),
        ("1e3 + .5 + 2.", 1002.5),
        ("1.5e-1", 0.15),
        (" ( ( a ) ) ", 0.5),
        ("min(max(a, 0), 1)", 0.5),
        ("0.85 * a + 0.15 * b_2", 0.85 * 0.5 + 0.15 * 3.0),
    ] {
        assert_eq!(value(formula), expected, "{formula}");
    }
}

#[test]
fn what_is_not_a_number_stays_so() {
    for formula in ["log(-1)", "sqrt(-1)", "0/0", "max(log(-1), 0)", "min(0, log(-1))", "max(0, log(-1), 2)"] {
        assert!(value(formula).is_nan(), "{formula}");
    }
    for formula in ["1/0", "exp(1000)", "-log(0)", "10^400"] {
        assert_eq!(value(formula), f64::INFINITY, "{formula}");
    }
}

#[test]
fn refusals() {
    for (formula, said) in [
        ("", "empty"),
        ("  ", "empty"),
        ("1 +", "its end at byte 3"),
        ("0.5 * a)", "')' at byte 7"),
        ("(a", "closing parenthesis"),
        ("a b", "'b' at byte 2"),
        ("a ** 2", "written ^"),
        ("a % 2", "'%'"),
        ("1e999", "finite number"),
        (".", "finite number"),
        ("éa", "'é' at byte 0"),
        ("sqr(4)", "did you mean sqrt"),
        ("pow(2, 3)", "it knows min"),
        ("abs()", "0 arguments, expected 1"),
        ("abs(1, 2)", "2 arguments, expected 1"),
        ("max(1,)", "')'"),
        ("a; import os", "';'"),
    ] {
        let error = Formula::parse(formula).expect_err(formula).to_string();
        assert!(error.contains(said), "{formula}: {error}");
    }
    assert_eq!(Formula::parse(&"(".repeat(65)), Err(FormulaError::TooLarge));
    assert_eq!(Formula::parse(&"-".repeat(4000)), Err(FormulaError::TooLarge));
    assert_eq!(Formula::parse(&"1^".repeat(2000)), Err(FormulaError::TooLarge));
    assert_eq!(Formula::parse(&" ".repeat(4097)), Err(FormulaError::TooLarge));
    assert_eq!(value(&format!("1{}", "+1".repeat(2047))), 2048.0);
}

#[test]
fn a_reward_is_a_finite_number() {
    let parts = json!({"zero": string_check("eq", "a", "b")});
    for formula in ["1 / zero", "log(zero - 1)", "0 / zero", "exp(1000)"] {
        let run = graded(&multi(&parts, formula), "", &json!({}));
        assert_flags(&run, &["other_error"]);
        assert!(run.problems[0].contains("no reward"), "{:?}", run.problems);
    }
    let run = graded(&multi(&parts, "-zero"), "", &json!({}));
    assert_eq!(serde_json::to_string(&run.result.reward).unwrap(), "0.0");
}
