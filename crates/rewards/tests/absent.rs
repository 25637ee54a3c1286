//! A build without the script engine, as in the browser: a script is no score that nobody computed, and its receipt says so.
#![cfg(not(feature = "programs"))]

use clicker_rewards::{RUNS_PROGRAMS, reward, validate};
use clicker_wire::{Grader, Item, RewardConfig, WeightedGrader};

#[test]
fn a_script_does_not_apply_and_leaves_the_total_to_the_others() {
    let mut config = RewardConfig::default();
    let item = Item::free("Why?");
    let before = reward(&config, &item, "Because.");
    let grader = Grader::Program { source: "1.0".into() };
    config.graders.push(WeightedGrader { name: "program".into(), weight: 5.0, grader });
    assert!(!RUNS_PROGRAMS && validate(&config).is_ok());
    let after = reward(&config, &item, "Because.");
    assert_eq!(after.total, before.total);
    let receipt = after.receipts.last().expect("four receipts");
    assert_eq!(receipt.score, None);
    assert!(receipt.reason.starts_with("scored by the server"), "{}", receipt.reason);
}
