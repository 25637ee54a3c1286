//! From receipts to the total, with a note for everything that is done to the sum.

use crate::constraints::{costs, penalised};
use clicker_wire::{Clamp, Combine, Receipt, Reward, RewardConfig};

/// The reward that these receipts come to.
pub(super) fn combine(config: &RewardConfig, receipts: Vec<Receipt>, multipliers: &[f64]) -> Reward {
    let mut notes = Vec::new();
    let total = match config.combine {
        // From +0: the sum of no numbers is -0 in Rust, and -0 has other bytes.
        Combine::Sum {} | Combine::NormaliseThenSum {} => receipts.iter().fold(0.0, |sum, r| sum + r.contribution()),
        Combine::Lexicographic { levels } => {
            notes.push(format!("graders decide in their order, later ones only break ties ({levels} steps each)"));
            lexicographic(&receipts, levels)
        }
    };
    let mut reward = Reward { total, receipts, notes };
    constrain(config, &mut reward, multipliers);
    clamp(config.clamp, &mut reward);
    gate(config, &mut reward);
    reward
}

/// The number 0.d1 d2 d3 ... in base `levels`, from 0 to below 1: digit k is the step of grader k's score between -1 (0)
/// and 1 (levels - 1). A digit is worth more than all digits after it, so an earlier grader always decides. Where a
/// grader does not apply its score counts as 0; a weight of 0 takes its digit out.
fn lexicographic(receipts: &[Receipt], levels: u32) -> f64 {
    let base = f64::from(levels.max(2));
    let mut place = 1.0;
    receipts.iter().filter(|r| r.weight != 0.0).fold(0.0, |sum, r| {
        place /= base;
        let score = (r.score.unwrap_or(0.0) * r.weight.signum()).clamp(-1.0, 1.0);
        let digit = ((score + 1.0) / 2.0 * (base - 1.0)).round();
        sum + digit * place
    })
}

fn constrain(config: &RewardConfig, reward: &mut Reward, multipliers: &[f64]) {
    if config.constraints.is_empty() {
        return;
    }
    let costs = costs(&config.constraints, reward);
    reward.total = penalised(reward.total, &costs, multipliers);
    for ((constraint, cost), multiplier) in config.constraints.iter().zip(&costs).zip(multipliers) {
        let name = &constraint.grader;
        reward.notes.push(format!("costs {cost} by {name}, priced at {multiplier}, and is scaled by the prices"));
    }
}

fn clamp(clamp: Option<Clamp>, reward: &mut Reward) {
    // max and min instead of clamp, which panics on a range that validation refuses.
    let Some(Clamp { low, high }) = clamp else { return };
    let clamped = reward.total.max(low).min(high);
    if clamped != reward.total {
        reward.notes.push(format!("{} is outside {low} to {high}", reward.total));
        reward.total = clamped;
    }
}

/// The first closed gate decides.
fn gate(config: &RewardConfig, reward: &mut Reward) {
    for gate in &config.gates {
        let receipt = reward.receipts.iter().find(|r| r.grader == gate.grader);
        if let Some(score) = receipt.and_then(|r| r.score).filter(|score| *score < gate.at_least) {
            let (name, least) = (&gate.grader, gate.at_least);
            reward.notes.push(format!("{name} scores {score}, below {least}: nothing else counts"));
            reward.total = gate.otherwise;
            return;
        }
    }
}
