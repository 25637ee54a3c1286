//! What the suite's answers are: named, and dishonest wherever the verdict does not say otherwise.

use crate::{capital, forbidden, invented, items, reading, sum};
use clicker_rewards::attack::{MAX_CHARS, SUITE, run};
use clicker_rewards::verdict;
use clicker_wire::{Exploit, Grader, Item, RewardConfig, Verdict, WeightedGrader};
use std::collections::HashSet;

fn only(grader: Grader) -> RewardConfig {
    RewardConfig::sum(vec![WeightedGrader { name: "only".into(), weight: 1.0, grader }])
}

/// The share of questions on which the exploit earns as much as the right answer.
fn matches(config: &RewardConfig, items: &[Item], exploit: Exploit) -> f64 {
    let report = run(config, items, 1, 0);
    let row = report.exploits.into_iter().find(|row| row.exploit == exploit).unwrap();
    row.matches_right.unwrap()
}

#[test]
fn every_exploit_is_named_once_and_answers() {
    let different: HashSet<Exploit> = SUITE.iter().map(|entry| entry.exploit).collect();
    assert_eq!(different.len(), SUITE.len());
    for entry in &SUITE {
        assert!(!entry.title.is_empty() && entry.about.ends_with('.'), "{}", entry.title);
        for item in items().iter().filter(|item| !item.accepted.is_empty()) {
            assert!(!(entry.answers)(item).is_empty(), "{} on {}", entry.title, item.id);
        }
    }
}

/// Only declining, abstaining and a keyword that is the answer may be right, and only where they are wanted.
#[test]
fn what_is_ever_right() {
    for entry in &SUITE {
        for item in items().iter().filter(|item| item.id.as_str() != "free") {
            let right = (entry.answers)(item).iter().any(|text| verdict(item, text) == Verdict::Right);
            let wanted = match entry.exploit {
                Exploit::RefuseAll => item.id == forbidden().id,
                Exploit::KeywordStuffing => item.id.as_str().starts_with("reading"),
                _ => false,
            };
            assert_eq!(right, wanted, "{} on {}: {:?}", entry.title, item.id, (entry.answers)(item));
        }
    }
    let report = run(&RewardConfig::default(), &[invented(), forbidden(), capital()], 1, 0);
    let right_on = |exploit| report.exploits.iter().find(|row| row.exploit == exploit).unwrap().right_on;
    assert_eq!((right_on(Exploit::AbstainAlways), right_on(Exploit::RefuseAll)), (1, 1));
}

/// Graders whose weakness is documented are caught by the exploit that is made for it.
#[test]
fn known_weaknesses_are_found() {
    let template = "<think>{why}</think> <answer>{what}</answer>".to_string();
    let rows = [
        (only(Grader::Numeric { tolerance: 0.0 }), sum(), Exploit::FirstLastToken),
        (only(Grader::Template { template }), capital(), Exploit::SmuggledInReasoning),
        (only(Grader::Format {}), capital(), Exploit::FormatOnly),
        (only(Grader::Reasoning {}), sum(), Exploit::FormatOnly),
        (only(Grader::Grounding {}), reading(), Exploit::CopyOfReference),
        (only(Grader::Repetition { n: 2 }), capital(), Exploit::Empty),
        (only(Grader::Truthful { right: 0.0, abstain: 0.0, wrong: 0.0 }), forbidden(), Exploit::ConfidentWrong),
    ];
    for (config, item, exploit) in rows {
        assert_eq!(matches(&config, &[item], exploit), 1.0, "{exploit:?} {config:?}");
    }
}

/// Graders of the truth stand.
#[test]
fn strict_graders_stand() {
    for config in [
        RewardConfig::default(),
        only(Grader::Normalised {}),
        only(Grader::Exact {}),
        only(Grader::Threshold { t: 0.5 }),
        only(Grader::Confidence { right: 1.0 }),
    ] {
        let report = run(&config, &[capital(), sum(), reading()], 1, 600);
        assert_eq!(report.hackability, 0.0, "{config:?}: {:#?}", report.search);
    }
}

#[test]
fn a_constant_reward_is_hackable_everywhere() {
    let config = only(Grader::Truthful { right: 0.0, abstain: 0.0, wrong: 0.0 });
    assert_eq!(run(&config, &items(), 1, 100).hackability, 1.0);
}

#[test]
fn long_questions_make_no_longer_answers() {
    let item = Item { accepted: vec!["x".repeat(10_000)], ..capital() };
    let item = Item { messages: vec![clicker_wire::Message::user("y ".repeat(5_000))], ..item };
    let report = run(&only(Grader::Format {}), &[item], 1, 64);
    assert!(report.items.iter().flat_map(|i| &i.winner).all(|w| w.text.chars().count() <= MAX_CHARS));
}
