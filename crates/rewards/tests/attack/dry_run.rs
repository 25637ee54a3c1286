//! The dry run's figures on answers small enough to be counted by hand.

use crate::{capital, invented, sum};
use clicker_rewards::attack::{dry_run, lessons};
use clicker_wire::{ABSTAIN, Decision, Item, RewardConfig};

fn group(item: Item, answers: &[&str]) -> (Item, Vec<String>) {
    (item, answers.iter().map(ToString::to_string).collect())
}

fn mixed() -> Vec<(Item, Vec<String>)> {
    vec![
        group(capital(), &["Paris.", "Rome.", ABSTAIN, "Rome."]),
        group(sum(), &["40.", "40.", "40.", "40."]),
        group(invented(), &[ABSTAIN, "Rome.", ABSTAIN, "Oslo."]),
        group(Item::free("Say something."), &["Yes.", "No."]),
    ]
}

/// 14 answers in 4 groups. Constant are the group of sums and the free one (all end with a full stop). 12 are judged;
/// right are 1 + 4 + 2. Totals of the default reward are 1.1, 0.1 and -0.9 for the truths 1, 0 and -1, but for the
/// invented capital, where abstaining earns 0.1 and is right: two of the ranks differ.
#[test]
fn figures() {
    let report = dry_run(&RewardConfig::default(), &mixed(), 7);
    assert_eq!((report.groups, report.answers, report.judged), (4, 14, 12));
    assert_eq!(report.constant_groups, Some(0.5));
    assert_eq!(report.pass_rate, Some(7.0 / 12.0));
    assert_eq!(report.truncated, Some(0.5));
    assert_eq!(report.graders.len(), 3);
    // The truthful grader does not apply to the free prompt, and says -1 four times, 0 three times, 1 five times.
    let truthful = &report.graders[0];
    assert_eq!((truthful.grader.as_str(), truthful.does_not_apply), ("truthful", 2));
    assert_eq!((truthful.scores.counts[0], truthful.scores.counts[5], truthful.scores.counts[9]), (4, 3, 5));
    // Totals have ranks 2.5 (four wrong), 6 (three abstentions), 10 (five right); truths 2.5 (four wrong), 5 (one
    // abstention), 9 (seven right). Deviations from 6.5: totals -4, -0.5, 3.5; truths -4, -1.5, 2.5. Products: 4 * 16 +
    // 0.75 + 2 * -1.25 + 5 * 8.75 = 106; squares: 64 + 0.75 + 61.25 = 126 and 64 + 2.25 + 43.75 = 110.
    assert!((report.agreement.unwrap() - 106.0 / (126.0f64 * 110.0).sqrt()).abs() < 1e-12);
    assert_eq!(report.decision, Decision::Warn);
    let words: Vec<&str> = report.advice.iter().map(|advice| advice.words.as_str()).collect();
    assert_eq!(words.len(), 3, "{words:?}");
    assert!(words[0].contains("0.90") && words[1].contains("Only 12") && words[2].contains("50 %"), "{words:?}");
}

/// Padding earns most: the reward orders answers against the truth.
#[test]
fn a_hackable_reward_is_stopped() {
    let long = "Rome it is, and Rome it was, and Rome it will be, as everybody knows who has been there. ".repeat(6);
    let groups = [group(capital(), &["Paris.", &long, &long, ABSTAIN]), group(sum(), &["40.", &long, ABSTAIN, "40"])];
    let [length, ..] = lessons();
    let (broken, repaired) = (dry_run(&length.broken, &groups, 0), dry_run(&length.repaired, &groups, 0));
    assert!(broken.agreement.unwrap() < 0.0 && repaired.agreement.unwrap() > 0.95);
    assert_eq!(broken.decision, Decision::Stop);
    assert!(broken.advice[0].words.contains("Repair it"));
    assert_eq!(repaired.advice[0].decision, Decision::Go);
}

#[test]
fn nothing_to_learn() {
    let same = [group(capital(), &["Paris.", "Paris."]), group(sum(), &["40."])];
    let report = dry_run(&RewardConfig::default(), &same, 0);
    assert_eq!((report.constant_groups, report.agreement, report.decision), (Some(1.0), None, Decision::Stop));
    let none = dry_run(&RewardConfig::default(), &[], 3);
    assert_eq!((none.constant_groups, none.pass_rate, none.truncated), (None, None, None));
    assert_eq!((none.decision, none.answers), (Decision::Stop, 0));
}
