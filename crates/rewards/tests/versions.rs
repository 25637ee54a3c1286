//! Two versions of a reward: differences in words and data, and the same answers under both.

use clicker_rewards::fixtures::{composed, everything, lexicographic};
use clicker_rewards::hash_input;
use clicker_rewards::versions::{compare, compare_totals, diff};
use clicker_wire::{
    Adaptive, Clamp, Constraint, Domain, DomainWeight, Expected, Gate, Grader, Item, ItemId, RewardChange,
    RewardComparison, RewardConfig, RewardPart, WeightCurve, WeightSchedule, WeightedGrader,
};
use proptest::prelude::*;
use serde_json::json;

fn words(before: &RewardConfig, after: &RewardConfig) -> Vec<String> {
    diff(before, after).into_iter().map(|change| change.words).collect()
}

#[test]
fn graders_and_weights() {
    let before = RewardConfig::default();
    let mut after = before.clone();
    after.graders[0].weight = 2.0;
    after.graders[1] = WeightedGrader { name: "grounding".into(), weight: 0.3, grader: Grader::Grounding {} };
    after.graders[2].grader = Grader::Length { free: 48, limit: 64 };
    assert_eq!(
        words(&before, &after),
        [
            "weight of \"truthful\" raised from 1 to 2",
            "grader \"format\" removed (format, weight 0.1)",
            "grader \"length\": limit from 96 to 64",
            "grader \"grounding\" added (grounding, weight 0.3)",
        ]
    );
    let change = &diff(&before, &after)[2];
    assert_eq!((change.part, change.name.as_str()), (RewardPart::Grader, "length"));
    assert_eq!(change.before, json!({"type": "length", "free": 48, "limit": 96}));
    assert_eq!(change.after["limit"], json!(64));
    after.graders[2].grader = Grader::Repetition { n: 2 };
    assert_eq!(words(&before, &after)[2], "grader \"length\" is now repetition instead of length");
    let mut turned = before.clone();
    turned.graders.reverse();
    assert_eq!(words(&before, &turned), ["graders in another order: length, format, truthful"]);
}

#[test]
fn every_other_part() {
    let before = RewardConfig::default();
    let gate = Gate { grader: "format".into(), at_least: 1.0, otherwise: -1.0 };
    let after = RewardConfig {
        domain_weights: vec![DomainWeight { domain: Domain::Rules, grader: "length".into(), factor: 0.0 }],
        constraints: vec![Constraint { grader: "length".into(), limit: 0.1, start: 0.5, rate: 0.2 }],
        clamp: Some(Clamp { low: -1.0, high: 1.0 }),
        gates: vec![gate.clone()],
        adaptive: Adaptive {
            schedules: vec![WeightSchedule {
                grader: "format".into(),
                from: 1.0,
                to: 0.0,
                start: 0,
                end: 9,
                curve: WeightCurve::Linear,
            }],
            rules: vec![],
        },
        ..before.clone()
    };
    assert_eq!(
        words(&before, &after),
        [
            "factor on length · rules added (factor 0.0)",
            "constraint on length added (limit 0.1, rate 0.2, start 0.5)",
            "the range of the total: {\"high\":1.0,\"low\":-1.0} instead of nothing",
            "gate on format added (at_least 1.0, otherwise -1.0)",
            "schedule of format added (curve “linear”, end 9, from 1.0, start 0, to 0.0)",
        ]
    );
    assert_eq!(words(&after, &before).len(), 5);
    let mut twice = after.clone();
    twice.gates = vec![gate.clone(), Gate { otherwise: -3.0, ..gate }];
    assert_eq!(words(&after, &twice), ["gate on format (2) added (at_least 1.0, otherwise -3.0)"]);
    twice.gates.remove(0);
    assert_eq!(words(&after, &twice), ["gate on format: otherwise from -1.0 to -3.0"]);
    let combined = words(&before, &lexicographic());
    assert_eq!(
        combined,
        ["how scores become one number: {\"levels\":11,\"type\":\"lexicographic\"} instead of {\"type\":\"sum\"}"]
    );
}

fn paris() -> Item {
    Item {
        id: ItemId::from("capitals/france/0"),
        expected: Expected::Answer,
        accepted: vec!["Paris".into()],
        ..Item::free("What is the capital of France?")
    }
}

/// Right answers count in the first version, form in the second. Totals: 1.1, 1, 0, -0.9 and 1.1, 0.1, 1, 0.9: of the
/// answers paris, I don't know., Rome. the second version turns two pairs round.
#[test]
fn flips_are_found() {
    let texts = ["Paris.", "paris", "I don't know", "Rome."].map(String::from).to_vec();
    let weighted = |truth: f64, form: f64| {
        let mut config = RewardConfig::default();
        (config.graders[0].weight, config.graders[1].weight) = (truth, form);
        config
    };
    let got = compare(&weighted(1.0, 0.1), &weighted(0.1, 1.0), &[(paris(), texts)]);
    let totals: Vec<(f64, f64)> = got.samples.iter().map(|s| (s.before, s.after)).collect();
    let expected = [(1.1, 1.1), (1.0, 0.1), (0.0, 0.0), (-0.9, 0.9)];
    assert!(
        totals.iter().zip(expected).all(|(a, b)| (a.0 - b.0).abs() < 1e-12 && (a.1 - b.1).abs() < 1e-12),
        "{totals:?}"
    );
    let ranks: Vec<(f64, f64)> = got.samples.iter().map(|s| (s.rank_before, s.rank_after)).collect();
    assert_eq!(ranks, [(1.0, 1.0), (2.0, 3.0), (3.0, 4.0), (4.0, 2.0)]);
    assert_eq!((got.ordered_pairs, got.flipped_pairs, got.tied_pairs), (6, 2, 0));
    let flips: Vec<(u32, u32)> = got.flips.iter().map(|f| (f.was_better, f.is_better)).collect();
    assert_eq!(flips, [(1, 3), (2, 3)]);
    // Ranks 1 2 3 4 against 1 3 4 2: squared differences 0, 1, 1, 4; 1 - 6 * 6 / (4 * 15) = 0.4.
    assert!((got.agreement.unwrap() - 0.4).abs() < 1e-12);
    let json = serde_json::to_string(&got).unwrap();
    assert_eq!(serde_json::from_str::<RewardComparison>(&json).unwrap(), got);
}

#[test]
fn one_version_says_nothing_new() {
    let texts = vec!["Paris.".to_string(), "Rome.".into(), "It is Paris.".into()];
    let got = compare(&everything(), &everything(), &[(paris(), texts.clone())]);
    assert_eq!((got.flipped_pairs, got.tied_pairs, got.agreement), (0, 0, Some(1.0)));
    let missing = compare_totals(&[(paris(), texts)], &[], &[vec![1.0]]);
    assert_eq!((missing.samples.len(), missing.tied_pairs, missing.agreement), (3, 2, None));
}

/// A configuration that differs from another in anything.
fn any_version() -> impl Strategy<Value = RewardConfig> {
    let base = proptest::sample::select(vec![RewardConfig::default(), everything(), composed(), lexicographic()]);
    (base, 0usize..6, 0u8..128, any::<bool>()).prop_map(|(mut config, kind, x, turn)| {
        let x = f64::from(x) / 64.0;
        match kind {
            0 => config.graders[0].weight = x,
            1 => drop(config.graders.remove(0)),
            2 => config.graders[0].grader = Grader::Threshold { t: x / 3.0 },
            3 => config.clamp = Some(Clamp { low: -x - 1.0, high: x }),
            4 => config.gates.extend((0..2).map(|i| Gate {
                grader: "format".into(),
                at_least: x,
                otherwise: f64::from(i),
            })),
            _ => {}
        }
        if turn {
            config.graders.reverse();
            config.gates.reverse();
        }
        config
    })
}

proptest! {
    #[test]
    fn no_difference_means_one_hash(a in any_version(), b in any_version()) {
        let changes = diff(&a, &b);
        prop_assert_eq!(changes.is_empty(), hash_input(&a) == hash_input(&b));
        prop_assert_eq!(changes.len(), diff(&b, &a).len());
        prop_assert!(diff(&a, &a).is_empty());
        for change in changes {
            prop_assert!(!change.words.is_empty() && change.before != change.after);
            let json = serde_json::to_string(&change).unwrap();
            // Not compared with the change: JSON's numbers are read to within the last digit.
            prop_assert_eq!(serde_json::from_str::<RewardChange>(&json).unwrap().words, change.words);
        }
    }

    #[test]
    fn pairs_add_up(before in proptest::collection::vec(-2i8..3, 8), after in proptest::collection::vec(-2i8..3, 8)) {
        let numbers = |v: &[i8]| v.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        let (old, new) = (numbers(&before), numbers(&after));
        let texts: Vec<String> = (0..8).map(|i| i.to_string()).collect();
        let got = compare_totals(&[(paris(), texts.clone())], std::slice::from_ref(&old), std::slice::from_ref(&new));
        // The slow twin: every pair, by its definition.
        let (mut ordered, mut flipped, mut tied) = (0, 0, 0);
        for i in 0..8 {
            for j in 0..i {
                let (a, b) = (old[i] - old[j], new[i] - new[j]);
                ordered += u64::from(a * b != 0.0);
                flipped += u64::from(a * b < 0.0);
                tied += u64::from((a == 0.0) != (b == 0.0));
            }
        }
        prop_assert_eq!((got.ordered_pairs, got.flipped_pairs, got.tied_pairs), (ordered, flipped, tied));
        let back = compare_totals(&[(paris(), texts)], &[new], &[old]);
        prop_assert_eq!((back.flipped_pairs, back.agreement), (flipped, got.agreement));
    }
}
