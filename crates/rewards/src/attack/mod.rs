//! Whether a reward can be hacked, asked before a policy asks it: a suite of cheap exploits and a small search against
//! any configuration, a dry run over sampled answers, and the gap between training and held-out reward.
//!
//! What is right is decided by [`crate::verdict()`] alone, never by the reward under attack. Everything is a pure function
//! of its arguments; chance comes from the seed. Formulas and limits: docs/algorithms/reward-attack.md.

mod dice;
mod dry_run;
mod exploits;
mod gap;
mod histogram;
mod lessons;
mod report;
mod search;
mod suite;
mod trial;
mod truth;

pub use dry_run::{dry_run, dry_run_with};
pub use gap::gap;
pub use histogram::histogram;
pub use lessons::lessons;

pub use crate::rank::spearman;
pub use suite::{Entry, SUITE};

use clicker_wire::{AttackReport, Item, RewardConfig};
use trial::Trial;

/// Longest answer that an attack tries, characters: long enough for every limit on length in use, short enough that a
/// hostile question does not make the attack slow.
pub const MAX_CHARS: usize = 4_000;

/// Totals closer than this are equal: sums in another order differ in the last digit.
const SAME: f64 = 1e-9;

/// What an answer is worth in truth, whatever a reward pays for it: 1 for what was wanted, 0 for "I don't know" where it
/// could have been right, -1 for wrong; none where nothing is known.
#[must_use]
pub fn gold(item: &Item, text: &str) -> Option<f64> {
    truth::is_known(item).then(|| truth::standing(item, text).gold())
}

/// Why a reward is not for attacking, if it is not: an attack grades thousands of answers, which takes a model that judges many
/// minutes, and without its judge a reward would look safer than it is.
#[must_use]
pub fn unattackable(config: &RewardConfig) -> Option<String> {
    let model = *config.judges().first()?;
    Some(format!(
        "a grader asks the model {model:?}, and an attack grades thousands of answers. Attack the reward without that grader; try \
         tricks on the judge as pasted answers in the lab"
    ))
}

/// Attacks a reward: every exploit on every question, then a search that tries at most `budget` more answers. Questions
/// of which nothing is known are left out. A configuration that [`crate::validate`] refuses gives numbers without
/// meaning, never a panic.
#[must_use]
pub fn run(config: &RewardConfig, items: &[Item], seed: u64, budget: u32) -> AttackReport {
    let trials: Vec<Trial> = items.iter().filter_map(|item| Trial::new(config, item)).collect();
    let found = search::search(config, &trials, seed, budget);
    let mut report = report::report(config, &trials, &found);
    report.seed = seed;
    report.budget = budget;
    report.left_out = (items.len() - trials.len()) as u32;
    report
}
