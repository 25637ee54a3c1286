//! From graders to a reward: `total = sum_k w_k s_k` over the graders that apply, with a receipt from each.

use crate::RewardError;
use crate::graders::grade;
use clicker_wire::{Grader, Item, Receipt, Reward, RewardConfig, WeightedGrader};
use std::collections::HashSet;

/// Longest name of a grader.
const MAX_NAME: usize = 64;

/// Checks a configuration before anything is rewarded with it.
///
/// # Errors
/// No graders; a name that is not 1 to 64 of `a-z 0-9 _` or occurs twice; a weight, value or tolerance that is not a
/// finite number; a negative tolerance; a length limit that is not above the free length.
pub fn validate(config: &RewardConfig) -> Result<(), RewardError> {
    if config.graders.is_empty() {
        return Err(RewardError::Empty);
    }
    let mut names = HashSet::new();
    for grader in &config.graders {
        let name = &grader.name;
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(allowed) {
            return Err(RewardError::Name { name: name.clone() });
        }
        if !names.insert(name) {
            return Err(RewardError::Duplicate { name: name.clone() });
        }
        finite(name, "weight", grader.weight)?;
        values(grader)?;
    }
    Ok(())
}

/// What `text` is worth as an answer to `item`. Never fails; a grader that does not apply adds nothing.
#[must_use]
pub fn reward(config: &RewardConfig, item: &Item, text: &str) -> Reward {
    let receipts: Vec<Receipt> = config.graders.iter().map(|g| receipt(g, item, text)).collect();
    // From +0: the sum of no numbers is -0 in Rust, and -0 has other bytes.
    let total = receipts.iter().fold(0.0, |sum, r| sum + r.contribution());
    Reward { total, receipts }
}

/// The configuration as canonical JSON (fields in declaration order, no white space, shortest digits): what is hashed,
/// so that two configurations are the same exactly when their hashes are.
#[must_use]
pub fn hash_input(config: &RewardConfig) -> String {
    // Plain structs of strings and numbers cannot fail to serialise; numbers that JSON lacks become null.
    serde_json::to_string(config).unwrap_or_default()
}

fn receipt(weighted: &WeightedGrader, item: &Item, text: &str) -> Receipt {
    let graded = grade(&weighted.grader, item, text);
    Receipt {
        grader: weighted.name.clone(),
        score: graded.score,
        weight: weighted.weight,
        reason: graded.reason,
        spans: graded.spans,
    }
}

fn values(grader: &WeightedGrader) -> Result<(), RewardError> {
    let name = &grader.name;
    match &grader.grader {
        Grader::Exact {} | Grader::Normalised {} | Grader::Format {} => Ok(()),
        Grader::Numeric { tolerance } => {
            finite(name, "tolerance", *tolerance)?;
            if *tolerance < 0.0 {
                return Err(out_of_range(name, "tolerance", tolerance, "0 or more".into()));
            }
            Ok(())
        }
        Grader::Truthful { right, abstain, wrong } => {
            finite(name, "right", *right)?;
            finite(name, "abstain", *abstain)?;
            finite(name, "wrong", *wrong)
        }
        Grader::Length { free, limit } if limit <= free => {
            Err(out_of_range(name, "limit", limit, format!("more than free, which is {free}")))
        }
        Grader::Length { .. } => Ok(()),
    }
}

fn finite(name: &str, field: &'static str, value: f64) -> Result<(), RewardError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(out_of_range(name, field, &value, "a finite number".into()))
}

fn out_of_range(name: &str, field: &'static str, got: &impl ToString, expected: String) -> RewardError {
    RewardError::Value { name: name.to_string(), field, got: got.to_string(), expected }
}
