//! From principles in plain words to the reward that enforces them, and back: what each principle made of an answer.
//!
//! How it is gamed: a principle is only what its graders see. "Is honest" bound to a length limit reads well and enforces
//! brevity; the standing of every answer under every principle is there to be read.

use crate::nearest::nearest;
use crate::{RewardError, validate};
use clicker_wire::{Constitution, Principle, PrincipleLimit, PrincipleStanding, Reward, RewardConfig};
use std::collections::HashSet;

/// Longest id, and longest text of a principle, bytes.
const MAX_ID: usize = 64;
const MAX_TEXT: usize = 2_000;

/// Checks a constitution and makes its reward: the graders in their order, a gate or constraint for each limit.
///
/// # Errors
/// No principles; an id that is not 1 to 64 of `a-z 0-9 _` or occurs twice; a principle without words, bound to no
/// grader, to the same one twice, or to one that is not there (the message names the nearest); a limit on a grader that
/// the principle does not name; a grader that serves no principle; and what [`validate`] refuses.
pub fn reward_config(constitution: &Constitution) -> Result<RewardConfig, RewardError> {
    if constitution.principles.is_empty() {
        return Err(RewardError::NoPrinciples);
    }
    let names: Vec<&str> = constitution.graders.iter().map(|g| g.name.as_str()).collect();
    let (mut ids, mut bound) = (HashSet::new(), HashSet::new());
    let mut config = RewardConfig::sum(constitution.graders.clone());
    for principle in &constitution.principles {
        check(principle, &names)?;
        if !ids.insert(principle.id.as_str()) {
            return Err(wrong(principle, "its id is given twice; rename one of the two".into()));
        }
        bound.extend(principle.graders.iter().map(String::as_str));
        match &principle.limit {
            Some(PrincipleLimit::Gate(gate)) => config.gates.push(gate.clone()),
            Some(PrincipleLimit::Constraint(constraint)) => config.constraints.push(constraint.clone()),
            None => {}
        }
    }
    if let Some(idle) = names.iter().find(|name| !bound.contains(**name)) {
        return Err(RewardError::ServesNothing { name: (*idle).to_string() });
    }
    validate(&config)?;
    Ok(config)
}

/// What each principle made of an answer that was rewarded with [`reward_config`] of this constitution.
#[must_use]
pub fn standings(constitution: &Constitution, reward: &Reward) -> Vec<PrincipleStanding> {
    constitution.principles.iter().map(|principle| standing(principle, reward)).collect()
}

fn standing(principle: &Principle, reward: &Reward) -> PrincipleStanding {
    let score = |name: &str| reward.receipts.iter().find(|r| r.grader == name).and_then(|r| r.score);
    let mut applying = reward
        .receipts
        .iter()
        .filter(|r| r.score.is_some() && principle.graders.contains(&r.grader))
        .map(clicker_wire::Receipt::contribution)
        .peekable();
    let contribution = applying.peek().is_some().then(|| applying.fold(0.0, |sum, part| sum + part));
    let kept = match &principle.limit {
        Some(PrincipleLimit::Gate(gate)) => score(&gate.grader).map(|score| score >= gate.at_least),
        Some(PrincipleLimit::Constraint(constraint)) => {
            score(&constraint.grader).map(|score| 0.0 - score <= constraint.limit)
        }
        None => None,
    };
    PrincipleStanding { id: principle.id.clone(), contribution, kept }
}

fn check(principle: &Principle, names: &[&str]) -> Result<(), RewardError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if principle.id.is_empty() || principle.id.len() > MAX_ID || !principle.id.chars().all(allowed) {
        let expected = format!("its id is not 1 to {MAX_ID} lower-case letters a-z, digits or _; rename it");
        return Err(wrong(principle, expected));
    }
    for (field, words) in [("text", &principle.text), ("why", &principle.why)] {
        if words.trim().is_empty() || words.len() > MAX_TEXT {
            let problem = format!("its {field} has {} bytes, expected words, at most {MAX_TEXT} bytes", words.len());
            return Err(wrong(principle, problem));
        }
    }
    if principle.graders.is_empty() {
        let problem = format!("it is bound to no grader, expected one or more of {}", names.join(", "));
        return Err(wrong(principle, problem));
    }
    let mut seen = HashSet::new();
    for name in &principle.graders {
        if !names.contains(&name.as_str()) {
            let meant =
                nearest(name, names.iter().copied()).map_or_else(String::new, |n| format!(" (did you mean {n:?}?)"));
            let problem = format!(
                "it names the grader {name:?}, which is not there{meant}; the graders are {}",
                names.join(", ")
            );
            return Err(wrong(principle, problem));
        }
        if !seen.insert(name.as_str()) {
            return Err(wrong(principle, format!("it names the grader {name:?} twice; remove one")));
        }
    }
    let limited = principle.limit.as_ref().map(|limit| match limit {
        PrincipleLimit::Gate(gate) => &gate.grader,
        PrincipleLimit::Constraint(constraint) => &constraint.grader,
    });
    match limited.filter(|name| !seen.contains(name.as_str())) {
        Some(name) => {
            let bound = principle.graders.join(", ");
            Err(wrong(principle, format!("its limit is on {name:?}, expected one of its own graders: {bound}")))
        }
        None => Ok(()),
    }
}

fn wrong(principle: &Principle, problem: String) -> RewardError {
    RewardError::Principle { id: principle.id.clone(), problem }
}
