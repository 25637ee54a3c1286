//! Every measure against the package it is named after.

use clicker_rewards::openai::similarity::similarity;
use clicker_wire::openai_grader::Metric;
use serde_json::Value;

const TOLERANCE: f64 = 1e-6;

fn table() -> Value {
    serde_json::from_str(include_str!("golden/similarity.json")).unwrap()
}

#[test]
fn equals_the_python_packages() {
    let table = table();
    let rows = table["rows"].as_array().unwrap();
    assert!(rows.len() > 100);
    let mut worst = std::collections::BTreeMap::<&str, f64>::new();
    for row in rows {
        let (input, reference) = (row["input"].as_str().unwrap(), row["reference"].as_str().unwrap());
        let scores = row["scores"].as_object().unwrap();
        assert_eq!(scores.len(), 11);
        for (name, expected) in scores {
            let metric: Metric = serde_json::from_value(name.clone().into()).unwrap();
            let (got, expected) = (similarity(metric, input, reference).unwrap(), expected.as_f64().unwrap());
            let off = (got - expected).abs();
            assert!(off <= TOLERANCE, "{name} of {input:?} and {reference:?}: {got}, expected {expected}");
            assert!((0.0..=1.0).contains(&got), "{name}: {got}");
            let seen = worst.entry(name).or_default();
            *seen = seen.max(off);
        }
    }
    println!("largest differences: {worst:?}");
}

#[test]
fn hand_calculated() {
    // "abc" and "abd" share 2 characters in order: 2 * 2 / 6.
    assert_eq!(similarity(Metric::FuzzyMatch, "abc", "abd"), Ok(2.0 / 3.0));
    // 4 of 4 words shared, 1 run of four of 1, brevity exp(1 - 5/4).
    let bleu = similarity(Metric::Bleu, "a b c d", "a b c d e").unwrap();
    assert!((bleu - (-0.25f64).exp()).abs() < 1e-15);
    // Runs of 1 to 4 words: 4+3+2+1 = 10 shared, 5+4+3+2 = 14 in the reference.
    assert_eq!(similarity(Metric::Gleu, "a b c d", "a b c d e"), Ok(10.0 / 14.0));
    // P = 1, R = 1, one chunk of three words: 1 - 0.5 / 27.
    let meteor = similarity(Metric::Meteor, "a b c", "a b c").unwrap();
    assert!((meteor - (1.0 - 0.5 / 27.0)).abs() < 1e-15);
    // P = 2/2, R = 2/4.
    assert_eq!(similarity(Metric::Rouge1, "a b", "a b c d"), Ok(2.0 / 3.0));
    assert_eq!(similarity(Metric::RougeL, "b a", "a b"), Ok(0.5));
    assert_eq!(similarity(Metric::Cosine, "Same  text", "same text"), Ok(1.0));
    assert_eq!(similarity(Metric::Cosine, "", ""), Ok(1.0));
    assert_eq!(similarity(Metric::Cosine, "a", ""), Ok(0.0));
}
