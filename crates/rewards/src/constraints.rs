//! Safety as a constraint instead of a weight (Safe RLHF, arXiv 2310.12773): maximise the mean reward while the mean cost
//! stays at or below a limit. A multiplier prices the cost, rises while the limit is broken and falls while it is kept.
//!
//! With J_C = mean cost - limit, the multiplier lambda is updated by `ln lambda <- ln lambda + rate * lambda * J_C`, and
//! an answer with reward R and cost C is worth `(R - lambda C) / (1 + lambda)`: the division keeps the size of the whole
//! as lambda grows. A high lambda raises itself faster: while J_C stays at v > 0, it runs from lambda to the upper bound within about
//! `1 / (rate * lambda * v)` steps, so a rate must leave the policy that long. With several constraints, `(R - sum_j lambda_j C_j) / (1 + sum_j lambda_j)`.
//!
//! How it is gamed: only the mean is bounded, so a policy may break the rule often on few questions and never on the
//! others; and cost that the grader does not see is free. Look at the worst answers, not only at the mean.

use clicker_wire::{Constraint, MultiplierStep, Reward};

/// Multipliers stay within these: below, a broken limit would take very long to be felt; above, nothing but the cost
/// would count.
pub const MULTIPLIERS: (f64, f64) = (1e-4, 1e4);

/// What an answer is worth under the constraints: `(R - sum lambda_j C_j) / (1 + sum lambda_j)`.
#[must_use]
pub fn penalised(reward: f64, costs: &[f64], multipliers: &[f64]) -> f64 {
    let (priced, sum) = costs.iter().zip(multipliers).fold((0.0, 0.0), |(p, s), (c, l)| (p + c * l, s + l));
    (reward - priced) / (1.0 + sum)
}

/// The next multiplier: `lambda * exp(rate * lambda * violation)`, kept within [`MULTIPLIERS`]. A violation is the mean
/// cost minus the limit; what is no number changes nothing.
#[must_use]
pub fn updated(multiplier: f64, rate: f64, violation: f64) -> f64 {
    let (low, high) = MULTIPLIERS;
    let step = rate * multiplier * violation;
    // exp(30) from the lower bound is beyond the upper one: a larger step means nothing more.
    let step = if step.is_finite() { step.clamp(-30.0, 30.0) } else { 0.0 };
    (multiplier.clamp(low, high) * step.exp()).clamp(low, high)
}

/// The multipliers before the first step.
#[must_use]
pub fn start(constraints: &[Constraint]) -> Vec<f64> {
    constraints.iter().map(|c| c.start).collect()
}

/// The cost of an answer under each constraint: minus the score on the grader's receipt, 0 where it does not apply.
#[must_use]
pub fn costs(constraints: &[Constraint], reward: &Reward) -> Vec<f64> {
    let score = |c: &Constraint| reward.receipts.iter().find(|r| r.grader == c.grader).and_then(|r| r.score);
    // 0 minus, because the minus of 0 is -0 and has other bytes.
    constraints.iter().map(|c| 0.0 - score(c).unwrap_or(0.0)).collect()
}

/// One step of every multiplier after a step's answers: what the run records, and what `after` the next step uses. An
/// empty batch changes nothing.
#[must_use]
pub fn advance(step: u32, constraints: &[Constraint], multipliers: &[f64], batch: &[Reward]) -> Vec<MultiplierStep> {
    let costs: Vec<Vec<f64>> = batch.iter().map(|reward| self::costs(constraints, reward)).collect();
    let one = |(j, (constraint, before)): (usize, (&Constraint, &f64))| {
        let mean_cost = costs.iter().map(|c| c[j]).fold(0.0, |sum, c| sum + c) / costs.len().max(1) as f64;
        let violation = if costs.is_empty() { 0.0 } else { mean_cost - constraint.limit };
        let after = updated(*before, constraint.rate, violation);
        let (grader, limit, before) = (constraint.grader.clone(), constraint.limit, *before);
        MultiplierStep { step, grader, mean_cost, limit, before, after }
    };
    constraints.iter().zip(multipliers).enumerate().map(one).collect()
}
