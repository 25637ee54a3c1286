//! What a group of answers says together, what votes say, and rewards of several objectives: tables and permutations.

use clicker_rewards::group::{Clusters, agreement, clusters, consistency, semantic_entropy};
use clicker_rewards::objectives::{EPSILON, Scores, decoupled, normalise_then_sum, scores, sum_then_normalise};
use clicker_rewards::votes::{Vote, score, weights};
use clicker_wire::{Expected, Item, RewardConfig};
use proptest::prelude::*;

fn paris() -> Item {
    Item { expected: Expected::Answer, accepted: vec!["Paris".into()], ..Item::free("What is the capital of France?") }
}

#[track_caller]
fn near(got: &[f64], expected: &[f64]) {
    let close = got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9);
    assert!(close, "{got:?} instead of {expected:?}");
}

#[test]
fn clusters_by_meaning() {
    let texts = ["Paris.", "It is paris", "I don't know.", "Rome", "Not sure.", "I can't help with that.", "PARIS!"];
    let got = clusters(&paris(), &texts);
    assert_eq!(got, Clusters { of: vec![0, 0, 1, 2, 1, 3, 0], sizes: vec![3, 2, 1, 1] });
    assert_eq!(clusters(&paris(), &[]), Clusters { of: vec![], sizes: vec![] });
}

#[test]
fn entropy_agreement_consistency() {
    let ln2 = std::f64::consts::LN_2;
    // All agree; two halves; three to one: -(0.75 ln 0.75 + 0.25 ln 0.25); all differ: ln 4.
    let rows: [(&[usize], f64, &[f64]); 4] = [
        (&[0, 0, 0, 0], 0.0, &[1.0, 1.0, 1.0, 1.0]),
        (&[0, 1, 0, 1], ln2, &[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]),
        (&[0, 0, 1, 0], 0.5623351446188083, &[2.0 / 3.0, 2.0 / 3.0, 0.0, 2.0 / 3.0]),
        (&[0, 1, 2, 3], 2.0 * ln2, &[0.0; 4]),
    ];
    for (of, entropy, agree) in rows {
        let mut sizes = vec![0; of.iter().max().unwrap() + 1];
        of.iter().for_each(|c| sizes[*c] += 1);
        let group = Clusters { of: of.to_vec(), sizes };
        near(&[semantic_entropy(&group)], &[entropy]);
        near(&agreement(&group), agree);
        let discount = 1.0 - entropy / (2.0 * ln2);
        near(&consistency(&group), &agree.iter().map(|a| a * discount).collect::<Vec<_>>());
    }
    let alone = clusters(&paris(), &["Paris"]);
    assert_eq!((semantic_entropy(&alone), agreement(&alone), consistency(&alone)), (0.0, vec![], vec![]));
    assert_eq!(semantic_entropy(&clusters(&paris(), &[])), 0.0);
}

fn vote<'a>(rater: &'a str, text: &'a str, up: bool) -> Vote<'a> {
    Vote { rater, text, up }
}

#[test]
fn votes() {
    assert_eq!(score("Paris.", &[]).score, None);
    // One rater who was never compared: weight 1/2, score 0.5 / 2.5.
    near(&[score("paris", &[vote("a", "Paris.", true)]).score.unwrap()], &[0.2]);
    near(&[score("paris", &[vote("a", "Paris.", false)]).score.unwrap()], &[-0.2]);
    // a and b agree on two texts, c disagrees with both on each: a, b: (2 + 1) / (4 + 2), c: (0 + 1) / (4 + 2).
    let three = [
        vote("a", "x", true),
        vote("b", "x", true),
        vote("c", "x", false),
        vote("a", "y", false),
        vote("b", "y", false),
        vote("c", "y", true),
    ];
    let w = weights(&three);
    near(&[w["a"], w["b"], w["c"]], &[0.5, 0.5, 1.0 / 6.0]);
    // (1 - 1/6) / (1 + 1/6 + 2)
    let got = score("X!", &three);
    near(&[got.score.unwrap()], &[(5.0 / 6.0) / (19.0 / 6.0)]);
    assert!(got.reason.contains("2 of 3 people"), "{}", got.reason);
    // The last vote of a person counts.
    near(&[score("x", &[vote("a", "x", true), vote("a", "X.", false)]).score.unwrap()], &[-0.2]);
}

fn some(rows: &[&[f64]]) -> Scores {
    rows.iter().map(|row| row.iter().map(|x| Some(*x)).collect()).collect()
}

#[test]
fn one_zero_and_zero_one_collapse_under_a_sum_only() {
    let group = some(&[&[1.0, 0.0], &[0.0, 1.0], &[0.0, 1.0], &[0.0, 0.0]]);
    // Totals 1, 1, 1, 0: mean 3/4, deviation sqrt((3 x 1/16 + 9/16) / 3) = 1/2.
    let (up, down) = (0.25 / (0.5 + EPSILON), -0.75 / (0.5 + EPSILON));
    near(&sum_then_normalise(&group, &[1.0, 1.0]), &[up, up, up, down]);
    // First column: mean 1/4, deviation 1/2. Second: mean 1/2, deviation sqrt(1/3).
    let (d1, d2) = (0.5 + EPSILON, (1.0f64 / 3.0).sqrt() + EPSILON);
    let rare = 0.75 / d1 - 0.5 / d2;
    let common = -0.25 / d1 + 0.5 / d2;
    let nothing = -0.25 / d1 - 0.5 / d2;
    let apart: Vec<f64> = decoupled(&group, &[1.0, 1.0]).into_iter().flatten().collect();
    near(&apart, &[rare, common, common, nothing]);
    // About 0.634 against 0.366: what fewer answers achieved now counts for more.
    assert!((rare - 0.634).abs() < 1e-3 && (common - 0.366).abs() < 1e-3);
    // Over the batch: these sum to 0, so only their deviation remains.
    let deviation = ((rare * rare + 2.0 * common * common + nothing * nothing) / 3.0).sqrt() + EPSILON;
    let whitened: Vec<f64> = apart.iter().map(|a| a / deviation).collect();
    near(&normalise_then_sum(&[group], &[1.0, 1.0])[0], &whitened);
}

#[test]
fn two_rewards_earned_count_more_than_one_when_normalised_first() {
    // GDPO's first example: in groups of two, earning one of two rewards and earning both give the same advantage.
    let one = some(&[&[0.0, 0.0], &[1.0, 0.0]]);
    let both = some(&[&[0.0, 0.0], &[1.0, 1.0]]);
    // Deviation of (0, 1) is sqrt(1/2), of (0, 2) is sqrt(2).
    let half = 0.5 / (0.5f64.sqrt() + EPSILON);
    near(&sum_then_normalise(&one, &[1.0, 1.0]), &[-half, half]);
    let full = 1.0 / (2.0f64.sqrt() + EPSILON);
    near(&sum_then_normalise(&both, &[1.0, 1.0]), &[-full, full]);
    assert!((half - full).abs() < 1e-3);
    let (a, b) = (decoupled(&one, &[1.0, 1.0]), decoupled(&both, &[1.0, 1.0]));
    near(&[a[1].unwrap(), b[1].unwrap()], &[half, 2.0 * half]);
    let batch = normalise_then_sum(&[one, both], &[1.0, 1.0]);
    assert!((batch[1][1] / batch[0][1] - 2.0).abs() < 1e-12);
}

#[test]
fn what_does_not_apply_is_left_out() {
    let group = vec![vec![Some(1.0), None], vec![Some(0.0), Some(1.0)], vec![None, None]];
    // First column 1, 0; the second has a single score and says nothing; the third answer has no reward.
    let half = 0.5 / (0.5f64.sqrt() + EPSILON);
    assert_eq!(decoupled(&group, &[1.0, 1.0])[2], None);
    near(&decoupled(&group, &[1.0, 1.0]).into_iter().flatten().collect::<Vec<_>>(), &[half, -half]);
    // Totals 1 and 1: no difference, no advantage, not even noise.
    assert_eq!(sum_then_normalise(&group, &[1.0, 1.0]), [0.0; 3]);
    assert_eq!(normalise_then_sum(&[], &[1.0]), Vec::<Vec<f64>>::new());
    assert_eq!(sum_then_normalise(&some(&[&[0.1], &[0.1], &[0.1]]), &[1.0]), [0.0; 3]);
    // From receipts.
    let rewards: Vec<_> =
        ["Paris.", "rome"].iter().map(|t| clicker_rewards::reward(&RewardConfig::default(), &paris(), t)).collect();
    let (matrix, w) = scores(&rewards);
    assert_eq!(w, [1.0, 0.1, 0.1]);
    assert_eq!(matrix, some(&[&[1.0, 1.0, 0.0], &[-1.0, 0.0, 0.0]]));
}

/// The same group in another order.
fn permuted<T: Clone>(values: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|i| values[*i].clone()).collect()
}

fn order() -> impl Strategy<Value = Vec<usize>> {
    Just((0..6).collect::<Vec<usize>>()).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_group_in_another_order_says_the_same(
        texts in proptest::collection::vec("(Paris|Rome|It is Paris\\.|I don't know|Oslo|\\PC{0,3})", 6),
        order in order(),
    ) {
        let group: Vec<&str> = texts.iter().map(String::as_str).collect();
        let a = clusters(&paris(), &group);
        let b = clusters(&paris(), &permuted(&group, &order));
        // The same bits, not merely close.
        prop_assert_eq!(semantic_entropy(&a), semantic_entropy(&b));
        prop_assert_eq!(permuted(&agreement(&a), &order), agreement(&b));
        prop_assert_eq!(permuted(&consistency(&a), &order), consistency(&b));
        prop_assert!((0.0..=6f64.ln() + 1e-12).contains(&semantic_entropy(&a)));
        prop_assert!(agreement(&a).iter().chain(&consistency(&a)).all(|x| (0.0..=1.0).contains(x)));
    }

    #[test]
    fn votes_in_another_order_say_the_same(
        cast in proptest::collection::vec((0usize..9, any::<bool>()), 6),
        order in order(),
    ) {
        // Six votes, no two by one person on one text, where the order would matter.
        let raters = ["a", "b", "c"];
        let texts = ["x", "y"];
        let all: Vec<Vote> =
            cast.iter().enumerate().map(|(i, (_, up))| vote(raters[i % 3], texts[i / 3], *up)).collect();
        for text in texts {
            let got = score(text, &all);
            prop_assert_eq!(&got, &score(text, &permuted(&all, &order)));
            prop_assert!(got.score.is_some_and(|s| s > -1.0 && s < 1.0));
        }
        prop_assert!(weights(&all).values().all(|w| *w > 0.0 && *w < 1.0));
    }

    #[test]
    fn objectives_in_another_order_and_shifted(
        rows in proptest::collection::vec(proptest::collection::vec(proptest::option::of(-3i32..4), 3), 6),
        order in order(), shift in -5i32..5,
    ) {
        let matrix = |by: i32| -> Scores {
            rows.iter().map(|r| r.iter().map(|x| x.map(|x| f64::from(x + by))).collect()).collect()
        };
        let (group, w) = (matrix(0), [1.0, 0.5, 2.0]);
        let check = |a: Vec<f64>, b: Vec<f64>| a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9);
        prop_assert!(check(permuted(&sum_then_normalise(&group, &w), &order), sum_then_normalise(&permuted(&group, &order), &w)));
        let batch = normalise_then_sum(std::slice::from_ref(&group), &w).remove(0);
        let turned = normalise_then_sum(&[permuted(&group, &order)], &w).remove(0);
        prop_assert!(check(permuted(&batch, &order), turned));
        // Each column is compared with itself, so a constant added to all scores changes nothing.
        let (a, b) = (decoupled(&group, &w), decoupled(&matrix(shift), &w));
        prop_assert!(check(a.into_iter().flatten().collect(), b.into_iter().flatten().collect()));
        let sum: f64 = batch.iter().sum();
        prop_assert!(sum.abs() < 1e-9 && batch.iter().all(|x| x.is_finite()));
    }
}
