//! What holds for any seed, order and text.

use crate::items;
use clicker_rewards::attack::{dry_run, lessons, run, spearman};
use clicker_rewards::fixtures::{composed, everything};
use clicker_wire::{AttackReport, Expected, Item, ItemId, RewardConfig};
use proptest::prelude::*;

fn configs() -> Vec<RewardConfig> {
    let lessons = lessons().into_iter().flat_map(|lesson| [lesson.broken, lesson.repaired]);
    lessons.chain([everything(), composed(), RewardConfig::default()]).collect()
}

fn arbitrary_item() -> impl Strategy<Value = Item> {
    let expected = prop_oneof![Just(Expected::Answer), Just(Expected::Abstain), Just(Expected::Refuse)];
    (".{0,60}", prop::collection::vec(".{0,20}", 0..3), expected, ".{0,8}").prop_map(
        |(question, accepted, expected, id)| Item { id: ItemId::from(id), accepted, expected, ..Item::free(question) },
    )
}

fn is_bounded(report: &AttackReport) -> bool {
    let unit = |x: f64| (0.0..=1.0).contains(&x);
    let shares = report.exploits.iter().flat_map(|row| [row.matches_right, row.beats_abstaining]).flatten();
    unit(report.hackability)
        && report.items.iter().all(|item| unit(item.hackability))
        && shares.into_iter().all(unit)
        && report.search.as_ref().is_none_or(|find| unit(find.hackability) && find.evaluations <= report.budget)
        && report.exploits.iter().map(|row| row.wins).sum::<u32>() == report.attacked
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_report_is_its_arguments(seed: u64, budget in 0u32..300, which in 0usize..9) {
        let config = &configs()[which];
        let report = run(config, &items(), seed, budget);
        prop_assert_eq!(&report, &run(config, &items(), seed, budget));
        prop_assert!(is_bounded(&report));
        // Numbers may come back with another last digit; that all of them come back is what matters.
        let json = serde_json::to_string(&report).unwrap();
        let back = serde_json::from_str::<AttackReport>(&json).unwrap();
        prop_assert_eq!((back.items.len(), back.exploits.len()), (report.items.len(), report.exploits.len()));
    }

    #[test]
    fn the_order_of_the_questions_changes_nothing_but_the_order(
        seed: u64,
        budget in 0u32..300,
        which in 0usize..9,
        shuffled in Just(items()).prop_shuffle(),
    ) {
        let config = &configs()[which];
        let mut straight = run(config, &items(), seed, budget);
        let mut other = run(config, &shuffled, seed, budget);
        straight.items.sort_by(|a, b| a.item.cmp(&b.item));
        other.items.sort_by(|a, b| a.item.cmp(&b.item));
        prop_assert_eq!(straight, other);
    }

    #[test]
    fn any_question_can_be_attacked(items in prop::collection::vec(arbitrary_item(), 0..3), seed: u64) {
        for config in [everything(), RewardConfig::default()] {
            let report = run(&config, &items, seed, 100);
            prop_assert!(is_bounded(&report));
            prop_assert_eq!((report.attacked + report.left_out) as usize, items.len());
        }
    }

    #[test]
    fn any_answers_can_be_tried(item in arbitrary_item(), answers in prop::collection::vec(".{0,60}", 0..6)) {
        let n = answers.len() as u32;
        let report = dry_run(&everything(), &[(item, answers)], n);
        let counted: u32 = report.totals.counts.iter().sum();
        prop_assert_eq!(counted, n);
        for scores in &report.graders {
            prop_assert_eq!(scores.scores.counts.iter().sum::<u32>() + scores.does_not_apply, n);
        }
        prop_assert!(!report.advice.is_empty());
    }

    #[test]
    fn ranks_do_not_see_scale(pairs in prop::collection::vec((-50i32..50, -5i32..5), 2..30)) {
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(a, b)| (f64::from(*a), f64::from(*b))).unzip();
        let rho = spearman(&a, &b);
        let cubed: Vec<f64> = a.iter().map(|x| x * x * x).collect();
        prop_assert_eq!(rho, spearman(&cubed, &b));
        prop_assert!(rho.is_none_or(|rho| (-1.0..=1.0).contains(&rho)));
        let negated: Vec<f64> = a.iter().map(|x| -x).collect();
        prop_assert!(spearman(&negated, &b).zip(rho).is_none_or(|(n, rho)| (n + rho).abs() < 1e-12));
    }
}
