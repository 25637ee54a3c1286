//! Long answers made to be slow: what repeats is what a grader looks for, over and over. Time must grow with the length
//! of the answer, not with its square: at these lengths the square would take minutes, so a generous bound tells them
//! apart even on a busy machine.

use clicker_rewards::confidence::stated;
use clicker_rewards::fixtures::{composed, everything};
use clicker_rewards::graders::grade;
use clicker_rewards::group::{clusters, semantic_entropy};
use clicker_rewards::{MAX_TEXT_BYTES, reward, verdict};
use clicker_wire::{Expected, Item};
use proptest::prelude::*;
use std::time::{Duration, Instant};

const SEEDS: [&str; 48] = [
    "is ",
    "= ",
    "a is ",
    "<think>",
    "<think>a",
    "<think>a</think>",
    "</answer>",
    "{",
    "[",
    "\"",
    "{\"a\":",
    "[1,",
    "1 + ",
    "1 = ",
    "1 ",
    "1-",
    "1 + 1 = 2 ",
    "0.1 / ",
    "1,000",
    "1.",
    "-",
    "x",
    "(",
    "+",
    "@",
    "a@",
    "a.b@c.",
    "%",
    "1% ",
    "confidence ",
    "confidence: 7",
    "confidence(",
    "<",
    "AA11",
    "GB82 ",
    "GB82",
    "12 Baker ",
    "rue de ",
    "secret ",
    "s ",
    "my ",
    "é",
    "\u{301}",
    " ",
    "\n",
    "I don't know ",
    "sorry, ",
    "東",
];

fn item() -> Item {
    let accepted = vec!["a".into(), "is is is".into(), "5".into()];
    Item { expected: Expected::Answer, accepted, ..Item::free("Text: a kite is red. What is 1 + 1 = a? is = 12 my") }
}

#[track_caller]
fn quickly<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = work();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(20), "{what:?} took {took:?}");
    done
}

#[test]
fn every_grader_is_linear_in_what_it_looks_for() {
    for seed in SEEDS {
        let text = seed.repeat((MAX_TEXT_BYTES / 8) / seed.len());
        let got = quickly(seed, || reward(&everything(), &item(), &text));
        assert!(got.total.is_finite());
        for span in got.receipts.iter().flat_map(|r| &r.spans) {
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{seed:?}");
        }
        assert!(got.receipts.iter().all(|r| r.reason.len() < 2000), "{seed:?}: a reason as long as the answer");
        quickly(seed, || (verdict(&item(), &text), stated(&text)));
        quickly(seed, || semantic_entropy(&clusters(&item(), &[&text, "a"])));
    }
}

#[test]
fn the_longest_answer_is_read_by_every_grader() {
    let mixed = SEEDS.concat();
    let text = mixed.repeat(MAX_TEXT_BYTES / mixed.len());
    for weighted in everything().graders {
        quickly(&weighted.name, || grade(&weighted.grader, &item(), &text));
    }
}

#[cfg(feature = "patterns")]
#[test]
fn patterns_are_linear() {
    use clicker_wire::{Grader, RewardConfig, WeightedGrader};
    for pattern in ["(a+)+$", "(a|a)*b", "(a*)*(a*)*b", "((a?){1,12}){1,6}b", ".*.*.*=.*"] {
        let grader = Grader::Regex { pattern: pattern.into() };
        let weighted = WeightedGrader { name: "g".into(), weight: 1.0, grader };
        assert_eq!(clicker_rewards::validate(&RewardConfig::sum(vec![weighted.clone()])), Ok(()), "{pattern}");
        let text = "a".repeat(64 << 10);
        let got = quickly(pattern, || grade(&weighted.grader, &item(), &text));
        assert!(!got.reason.contains("searched"), "{pattern}");
        let longer = grade(&weighted.grader, &item(), &(text + "a"));
        assert!(longer.score == Some(0.0) && longer.reason.contains("65537 bytes"), "{}", longer.reason);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn a_megabyte_of_anything(parts in proptest::collection::vec("\\PC{0,40}", 1..20), end in any::<String>()) {
        let part = parts.concat() + "x";
        let mut text = part.repeat((MAX_TEXT_BYTES - end.len().min(1000)) / part.len());
        text.extend(end.chars().take(200));
        let got = quickly(&part, || reward(&composed(), &item(), &text));
        for span in got.receipts.iter().flat_map(|r| &r.spans) {
            prop_assert!(text.get(span.start as usize..span.end as usize).is_some());
        }
    }
}
