//! From groups of answers to rewards and advantages: the one function behind the playground's preview and a training step,
//! so that what is previewed is what is trained.
//!
//! It never knows the arithmetic that makes advantages of totals: that is handed in, so that this crate stays free of
//! tensors. Under [`Combine::NormaliseThenSum`] there is no total to compare; the arithmetic is then that of
//! [`objectives`](crate::objectives), where "the batch" is what is judged in one call: one group in a preview, all groups of
//! a step in training.

use crate::compose;
use crate::objectives::{decoupled, scores, whitened};
use crate::outside::Outside;
use clicker_wire::{Combine, Item, Reward, RewardConfig};

/// A question and the answers to it.
pub type Asked<'a> = (&'a Item, Vec<&'a str>);

/// What groups of answers come to. P groups, G answers each.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// [P][G]
    pub rewards: Vec<Vec<Reward>>,
    /// What answers of a group are compared by; none where no grader applies. A group in which they are all equal teaches
    /// nothing. [P][G]
    pub signals: Vec<Vec<Option<f64>>>,
    /// [P][G]
    pub advantages: Vec<Vec<f64>>,
}

/// Judge groups with the constraints' multipliers as they stand. `compare` makes advantages of totals.
///
/// # Errors
/// Those of `compare`.
pub fn judge<E>(
    config: &RewardConfig,
    groups: &[Asked<'_>],
    multipliers: &[f64],
    compare: impl FnOnce(&[Vec<Option<f64>>]) -> Result<Vec<Vec<f64>>, E>,
) -> Result<Judged, E> {
    judge_with(config, groups, multipliers, Outside::default(), compare)
}

/// As [`judge`], with what graders need from outside the text.
///
/// # Errors
/// Those of `compare`.
pub fn judge_with<E>(
    config: &RewardConfig,
    groups: &[Asked<'_>],
    multipliers: &[f64],
    outside: Outside<'_>,
    compare: impl FnOnce(&[Vec<Option<f64>>]) -> Result<Vec<Vec<f64>>, E>,
) -> Result<Judged, E> {
    let scorer = compose::Scorer::new(config).at(multipliers).with(outside);
    let rewards: Vec<Vec<Reward>> = groups.iter().map(|(item, texts)| scorer.group(item, texts)).collect();
    let signals: Vec<Vec<Option<f64>>> = match config.combine {
        Combine::NormaliseThenSum {} => rewards.iter().map(|group| normalised(config, group, multipliers)).collect(),
        Combine::Sum {} | Combine::Lexicographic { .. } => {
            rewards.iter().map(|group| group.iter().map(total).collect()).collect()
        }
    };
    let advantages = match config.combine {
        Combine::NormaliseThenSum {} => whitened(&signals),
        Combine::Sum {} | Combine::Lexicographic { .. } => compare(&signals)?,
    };
    Ok(Judged { rewards, signals, advantages })
}

/// What each answer of a group is worth. [G]
#[must_use]
pub fn group(config: &RewardConfig, item: &Item, texts: &[&str], multipliers: &[f64]) -> Vec<Reward> {
    compose::Scorer::new(config).at(multipliers).group(item, texts)
}

/// The total; none if no grader applies: such an answer takes no part in its group's mean.
#[must_use]
pub fn total(reward: &Reward) -> Option<f64> {
    reward.receipts.iter().any(|r| r.score.is_some()).then_some(reward.total)
}

/// Weighted sums of scores normalised within the group. A constraint's cost is minus its grader's score, so its price adds
/// to that grader's weight; the division by the sum of prices would vanish in the batch's normalisation.
fn normalised(config: &RewardConfig, group: &[Reward], multipliers: &[f64]) -> Vec<Option<f64>> {
    let (scores, mut weights) = scores(group);
    for (constraint, price) in config.constraints.iter().zip(multipliers) {
        let priced = config.graders.iter().zip(&mut weights).filter(|(g, _)| g.name == constraint.grader);
        priced.for_each(|(_, weight)| *weight += price);
    }
    decoupled(&scores, &weights)
}
