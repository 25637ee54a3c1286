//! What is checked of weights that change while a run goes on.

use super::limits::{finite, out_of_range};
use super::validate::known;
use crate::RewardError;
use clicker_wire::{RewardConfig, SignalTest, WeightAction, WeightRule, WeightSchedule};
use std::collections::HashSet;

/// Longest name of a signal.
const MAX_SIGNAL: usize = 128;

/// Refuses what names no grader, can never do anything, or would fight with itself.
pub(super) fn adaptive(config: &RewardConfig, names: &HashSet<&str>) -> Result<(), RewardError> {
    let adaptive = &config.adaptive;
    if !adaptive.is_empty() && !config.combine.is_sum() {
        let expected = "a sum: under an order of precedence only the sign of a weight counts; drop one of the two";
        return Err(out_of_range("adaptive", "combine", &"lexicographic", expected.into()));
    }
    let mut scheduled = HashSet::new();
    for schedule in &adaptive.schedules {
        known("schedule", &schedule.grader, names)?;
        self::schedule(schedule)?;
        if !scheduled.insert(schedule.grader.as_str()) {
            let expected = "one schedule per grader; remove one".to_string();
            return Err(out_of_range(&schedule.grader, "schedule", &"given twice", expected));
        }
    }
    for rule in &adaptive.rules {
        known("rule", &rule.grader, names)?;
        if scheduled.contains(rule.grader.as_str()) {
            let expected = "a schedule or rules: a schedule would overwrite what a rule does; remove one".to_string();
            return Err(out_of_range(&rule.grader, "rule", &"given beside a schedule", expected));
        }
        let weight = config.graders.iter().find(|g| g.name == rule.grader).map_or(0.0, |g| g.weight);
        self::rule(rule, weight)?;
    }
    Ok(())
}

fn schedule(schedule: &WeightSchedule) -> Result<(), RewardError> {
    let WeightSchedule { grader, from, to, start, end, .. } = schedule;
    finite(grader, "from", *from)?;
    finite(grader, "to", *to)?;
    if from == to {
        return Err(out_of_range(grader, "to", to, format!("another weight than from, which is {from}")));
    }
    if end <= start {
        return Err(out_of_range(grader, "end", end, format!("more than start, which is {start}")));
    }
    Ok(())
}

fn rule(rule: &WeightRule, weight: f64) -> Result<(), RewardError> {
    let name = &rule.grader;
    if rule.signal.is_empty() || rule.signal.len() > MAX_SIGNAL {
        let expected = format!("the name of a metric, 1 to {MAX_SIGNAL} bytes, such as rewards/{name}/saturation");
        return Err(out_of_range(name, "signal", &rule.signal, expected));
    }
    let (SignalTest::Above(limit) | SignalTest::Below(limit)) = rule.when;
    finite(name, "when", limit)?;
    finite(name, "low", rule.low)?;
    finite(name, "high", rule.high)?;
    if rule.high <= rule.low {
        return Err(out_of_range(name, "high", &rule.high, format!("more than low, which is {}", rule.low)));
    }
    if !(rule.low..=rule.high).contains(&weight) {
        let expected = format!("{} to {}, the bounds of the rule on {}", rule.low, rule.high, rule.signal);
        return Err(out_of_range(name, "weight", &weight, expected));
    }
    if rule.patience == 0 {
        return Err(out_of_range(name, "patience", &rule.patience, "1 measurement or more".into()));
    }
    match rule.change {
        WeightAction::Multiply(factor) if !factor.is_finite() || factor <= 0.0 || factor == 1.0 => {
            Err(out_of_range(name, "multiply", &factor, "a number above 0 other than 1".into()))
        }
        WeightAction::Multiply(_) if weight == 0.0 => {
            Err(out_of_range(name, "weight", &weight, "a weight other than 0, which no factor changes".into()))
        }
        WeightAction::Add(amount) if !amount.is_finite() || amount == 0.0 => {
            Err(out_of_range(name, "add", &amount, "a number other than 0".into()))
        }
        _ => Ok(()),
    }
}
