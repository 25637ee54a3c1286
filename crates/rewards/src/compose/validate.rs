//! What is checked before anything is rewarded with a configuration: names here, what a grader needs in `limits`.

use super::limits::{finite, limits, out_of_range};
use crate::RewardError;
use clicker_wire::{Combine, RewardConfig};
use std::collections::HashSet;

/// Longest name of a grader.
const MAX_NAME: usize = 64;
/// Steps that every total can tell apart: a double has 53 bits.
const MAX_PRECEDENCE_BITS: f64 = 52.0;

/// Checks a configuration before anything is rewarded with it.
///
/// # Errors
/// No graders; a name that is not 1 to 64 of `a-z 0-9 _` or occurs twice; a weight, value or tolerance that is not a
/// finite number; a value that its grader cannot work with (docs/algorithms/rewards.md lists them); a gate, constraint
/// or domain weight that names no grader of the configuration, or the same one twice; a clamp whose range is empty; an
/// order of precedence with more steps than a number can hold; a schedule or rule that names no grader, can do nothing,
/// or meets another one on the same grader.
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
        if !names.insert(name.as_str()) {
            return Err(RewardError::Duplicate { name: name.clone() });
        }
        finite(name, "weight", grader.weight)?;
        limits(name, &grader.grader)?;
    }
    combination(config)?;
    domain_weights(config, &names)?;
    constraints(config, &names)?;
    gates(config, &names)?;
    super::moving::adaptive(config, &names)
}

fn combination(config: &RewardConfig) -> Result<(), RewardError> {
    if let Some(clamp) = config.clamp {
        finite("clamp", "low", clamp.low)?;
        finite("clamp", "high", clamp.high)?;
        if clamp.high <= clamp.low {
            let expected = format!("more than low, which is {}; raise high or lower low", clamp.low);
            return Err(out_of_range("clamp", "high", &clamp.high, expected));
        }
    }
    if config.combine == (Combine::NormaliseThenSum {}) && (config.clamp.is_some() || !config.gates.is_empty()) {
        let expected =
            "no clamp and no gates: they act on totals, and here every grader is normalised before there is \
                        one; remove them, or combine by sum"
                .to_string();
        return Err(out_of_range("combine", "type", &"normalise_then_sum", expected));
    }
    let Combine::Lexicographic { levels } = config.combine else { return Ok(()) };
    let bits = f64::from(levels.max(2)).log2() * config.graders.len() as f64;
    if levels < 2 || bits > MAX_PRECEDENCE_BITS {
        let count = config.graders.len();
        let expected = format!("2 or more, and {count} graders of that many steps within 2^52; take fewer of either");
        return Err(out_of_range("combine", "levels", &levels, expected));
    }
    Ok(())
}

fn domain_weights(config: &RewardConfig, names: &HashSet<&str>) -> Result<(), RewardError> {
    let mut seen = HashSet::new();
    for weight in &config.domain_weights {
        known("domain weight", &weight.grader, names)?;
        finite(&weight.grader, "factor", weight.factor)?;
        if !seen.insert((weight.domain, weight.grader.as_str())) {
            let expected = "one factor per grader and domain; remove one".to_string();
            return Err(out_of_range(&weight.grader, "domain", &weight.domain, expected));
        }
    }
    Ok(())
}

fn constraints(config: &RewardConfig, names: &HashSet<&str>) -> Result<(), RewardError> {
    let mut seen = HashSet::new();
    for constraint in &config.constraints {
        let name = &constraint.grader;
        known("constraint", name, names)?;
        finite(name, "limit", constraint.limit)?;
        finite(name, "start", constraint.start)?;
        finite(name, "rate", constraint.rate)?;
        let (low, high) = crate::constraints::MULTIPLIERS;
        if !(low..=high).contains(&constraint.start) {
            return Err(out_of_range(name, "start", &constraint.start, format!("{low} to {high}")));
        }
        if constraint.rate < 0.0 {
            return Err(out_of_range(name, "rate", &constraint.rate, "0 or more".into()));
        }
        if !seen.insert(name.as_str()) {
            let expected = "one constraint per grader; remove one".to_string();
            return Err(out_of_range(name, "constraint", &"given twice", expected));
        }
    }
    Ok(())
}

fn gates(config: &RewardConfig, names: &HashSet<&str>) -> Result<(), RewardError> {
    for gate in &config.gates {
        known("gate", &gate.grader, names)?;
        finite(&gate.grader, "at_least", gate.at_least)?;
        finite(&gate.grader, "otherwise", gate.otherwise)?;
    }
    Ok(())
}

pub(super) fn known(part: &'static str, name: &str, names: &HashSet<&str>) -> Result<(), RewardError> {
    if names.contains(name) {
        return Ok(());
    }
    let mut known: Vec<&str> = names.iter().copied().collect();
    known.sort_unstable();
    Err(RewardError::Unknown { part, name: name.to_string(), known: known.join(", ") })
}
