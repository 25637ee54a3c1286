//! Weights that change while a run goes on: schedules over steps, and rules that watch a measured signal.
//!
//! A schedule is a function of the steps done, s: with `t = (s - start) / (end - start)` held to 0..1 the weight is
//! `from + (to - from) t`, or with a cosine `from + (to - from) (1 - cos(pi t)) / 2`. A rule counts the measurements in a
//! row for which its signal is beyond its value; at the patience-th the weight is multiplied or added to, held within
//! the rule's bounds, and the count begins anew. A measurement that is missing or not finite counts for nothing. Every
//! change is recorded with its cause.
//!
//! How it is gamed: a rule that lowers the weight of a saturated grader invites the policy to forget what that grader
//! taught; keep `low` above 0. A rule that watches what it pays for (raise the weight while its own mean is low) chases
//! itself; watch held-out measurements and people instead.

use clicker_wire::{
    AdaptiveState, Grader, Reward, RewardConfig, SignalTest, WeightAction, WeightChange, WeightCurve, WeightRule,
    WeightSchedule,
};
use std::collections::BTreeMap;

/// Measured signals by their metric's name.
pub type Signals = BTreeMap<String, f64>;

/// Where the weights stand before the first step.
#[must_use]
pub fn start(config: &RewardConfig) -> AdaptiveState {
    let mut weights = BTreeMap::new();
    for rule in &config.adaptive.rules {
        let weight = config.graders.iter().find(|g| g.name == rule.grader).map(|g| g.weight);
        weights.extend(weight.map(|weight| (rule.grader.clone(), weight)));
    }
    weights.extend(config.adaptive.schedules.iter().map(|s| (s.grader.clone(), scheduled(s, 0))));
    AdaptiveState { weights, streaks: vec![0; config.adaptive.rules.len()] }
}

/// Moves every weight after `step` steps are done, with what was measured since the last time. Schedules first, then
/// rules in their order; each change is one record, and a weight that stays makes none.
pub fn advance(config: &RewardConfig, state: &mut AdaptiveState, step: u32, signals: &Signals) -> Vec<WeightChange> {
    let mut changes = Vec::new();
    for schedule in &config.adaptive.schedules {
        let WeightSchedule { grader, from, to, start, end, curve } = schedule;
        let how = match curve {
            WeightCurve::Linear => "linearly",
            WeightCurve::Cosine => "along a cosine",
        };
        let cause = || format!("schedule: from {from} to {to} between steps {start} and {end}, {how}");
        change(state, step, grader, scheduled(schedule, step), cause, &mut changes);
    }
    // A state of another configuration must not end a run: what it lacks begins at nothing.
    state.streaks.resize(config.adaptive.rules.len(), 0);
    for (index, rule) in config.adaptive.rules.iter().enumerate() {
        let Some(value) = signals.get(&rule.signal).copied().filter(|value| value.is_finite()) else { continue };
        if !holds(rule.when, value) {
            state.streaks[index] = 0;
            continue;
        }
        state.streaks[index] = state.streaks[index].saturating_add(1);
        if state.streaks[index] < rule.patience {
            continue;
        }
        state.streaks[index] = 0;
        if let Some(weight) = state.weights.get(&rule.grader).copied() {
            change(state, step, &rule.grader, changed(rule, weight), || cause(rule, value), &mut changes);
        }
    }
    changes
}

/// The configuration with the weights in force. What it is called by, its hash, stays that of the original.
#[must_use]
pub fn in_force(config: &RewardConfig, state: &AdaptiveState) -> RewardConfig {
    let mut config = config.clone();
    for grader in &mut config.graders {
        grader.weight = state.weights.get(&grader.name).copied().unwrap_or(grader.weight);
    }
    config
}

/// For each grader that has a highest score, the share of these answers that reached it, as the signal
/// `rewards/<name>/saturation`. A grader near 1 tells no answers apart any more.
#[must_use]
pub fn saturation(config: &RewardConfig, batch: &[Reward]) -> Signals {
    let mut out = Signals::new();
    for (k, weighted) in config.graders.iter().enumerate() {
        let Some(top) = top_score(&weighted.grader) else { continue };
        let scores: Vec<f64> = batch.iter().filter_map(|r| r.receipts.get(k)?.score).collect();
        if !scores.is_empty() {
            let at_top = scores.iter().filter(|score| **score >= top).count();
            out.insert(format!("rewards/{}/saturation", weighted.name), at_top as f64 / scores.len() as f64);
        }
    }
    out
}

/// The highest score that a grader can give; none where it has no bound that is reached.
#[must_use]
pub fn top_score(grader: &Grader) -> Option<f64> {
    match grader {
        Grader::Exact {}
        | Grader::Normalised {}
        | Grader::Numeric { .. }
        | Grader::Format {}
        | Grader::Regex { .. }
        | Grader::JsonSchema { .. }
        | Grader::Template { .. }
        | Grader::Script { .. }
        | Grader::Grounding {}
        | Grader::Reasoning {}
        | Grader::Threshold { .. }
        | Grader::Consistency {} => Some(1.0),
        Grader::Confidence { right } => Some(*right),
        Grader::Length { .. }
        | Grader::SoftOverlong { .. }
        | Grader::Repetition { .. }
        | Grader::Forbidden { .. }
        | Grader::Pii { .. } => Some(0.0),
        Grader::Truthful { right, abstain, wrong } => Some(right.max(*abstain).max(*wrong)),
        Grader::Program { .. } | Grader::Openai { .. } | Grader::RewardModel { .. } | Grader::Votes {} => None,
    }
}

/// The weight once `step` steps are done.
fn scheduled(schedule: &WeightSchedule, step: u32) -> f64 {
    let WeightSchedule { from, to, start, end, curve, .. } = schedule;
    if step >= *end {
        return *to;
    }
    let t = f64::from(step.saturating_sub(*start)) / f64::from(end.saturating_sub(*start).max(1));
    let t = match curve {
        WeightCurve::Linear => t,
        WeightCurve::Cosine => (1.0 - libm::cos(std::f64::consts::PI * t)) / 2.0,
    };
    from + (to - from) * t
}

fn holds(test: SignalTest, value: f64) -> bool {
    match test {
        SignalTest::Above(limit) => value > limit,
        SignalTest::Below(limit) => value < limit,
    }
}

fn changed(rule: &WeightRule, weight: f64) -> f64 {
    let moved = match rule.change {
        WeightAction::Multiply(factor) => weight * factor,
        WeightAction::Add(amount) => weight + amount,
    };
    // max and min instead of clamp, which panics on a range that validation refuses.
    moved.max(rule.low).min(rule.high)
}

fn cause(rule: &WeightRule, value: f64) -> String {
    let beyond = match rule.when {
        SignalTest::Above(limit) => format!("above {limit}"),
        SignalTest::Below(limit) => format!("below {limit}"),
    };
    let often = match rule.patience {
        0 | 1 => String::new(),
        k => format!(" for {k} measurements in a row"),
    };
    let done = match rule.change {
        WeightAction::Multiply(factor) => format!("multiplied by {factor}"),
        WeightAction::Add(amount) => format!("{amount} added"),
    };
    format!("{} is {value:.4}, {beyond}{often}: {done}, held within {} to {}", rule.signal, rule.low, rule.high)
}

/// Sets a weight and writes it down, if it differs.
fn change(
    state: &mut AdaptiveState,
    step: u32,
    grader: &str,
    to: f64,
    cause: impl FnOnce() -> String,
    changes: &mut Vec<WeightChange>,
) {
    let from = state.weights.insert(grader.to_string(), to).unwrap_or(to);
    if from != to {
        changes.push(WeightChange { step, grader: grader.to_string(), from, to, cause: cause() });
    }
}
