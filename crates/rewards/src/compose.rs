//! From graders to a reward: `total = sum_k w_k s_k` over the graders that apply, with a receipt from each.
//!
//! A configuration may ask for more, in this order: a factor on weights by domain; precedence instead of a sum;
//! constraints that price a cost; a clamp; gates that let nothing through until a grader is content. What was done to
//! the sum stands in the reward's notes.

mod combine;
mod limits;
mod validate;

pub use validate::validate;

use crate::constraints;
use crate::graders::grade;
use clicker_wire::{Item, Receipt, Reward, RewardConfig, WeightedGrader};

/// What `text` is worth as an answer to `item`. Never fails; a grader that does not apply adds nothing. Constraints are
/// priced as before the first step; see [`reward_at`] for later ones.
#[must_use]
pub fn reward(config: &RewardConfig, item: &Item, text: &str) -> Reward {
    reward_at(config, item, text, &constraints::start(&config.constraints))
}

/// As [`reward`], with the constraints' multipliers of a later step, in the order of the configuration.
#[must_use]
pub fn reward_at(config: &RewardConfig, item: &Item, text: &str, multipliers: &[f64]) -> Reward {
    let receipts: Vec<Receipt> = config.graders.iter().map(|g| receipt(config, g, item, text)).collect();
    combine::combine(config, receipts, multipliers)
}

/// The configuration as canonical JSON (fields in declaration order, no white space, shortest digits): what is hashed,
/// so that two configurations are the same exactly when their hashes are.
#[must_use]
pub fn hash_input(config: &RewardConfig) -> String {
    // Plain structs of strings and numbers cannot fail to serialise; numbers that JSON lacks become null.
    serde_json::to_string(config).unwrap_or_default()
}

fn receipt(config: &RewardConfig, weighted: &WeightedGrader, item: &Item, text: &str) -> Receipt {
    let graded = grade(&weighted.grader, item, text);
    let factors = config.domain_weights.iter().filter(|d| d.domain == item.domain && d.grader == weighted.name);
    Receipt {
        grader: weighted.name.clone(),
        score: graded.score,
        weight: factors.fold(weighted.weight, |weight, d| weight * d.factor),
        reason: graded.reason,
        spans: graded.spans,
    }
}
