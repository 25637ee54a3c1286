//! What adjusts the reward while a run learns: the multipliers of its safety constraints, and weights that follow a schedule or
//! a measurement. Part of the saved state, so that a resumed run goes on with what it had. Never knows the model.

use crate::exact::Exact;
use crate::session::Metrics;
use clicker_rewards::{adaptive, constraints};
use clicker_wire::{AdaptiveState, Reward, RewardConfig, WeightChange};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the controllers of a run stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Controllers {
    /// One per constraint, in the order of the configuration.
    multipliers: Vec<Exact>,
    /// Weights in force of the graders that something moves.
    weights: BTreeMap<String, Exact>,
    /// For each rule, the measurements in a row for which it has held.
    streaks: Vec<u32>,
}

impl Controllers {
    /// Before the first step.
    pub(crate) fn start(config: &RewardConfig) -> Self {
        let multipliers = constraints::start(&config.constraints).into_iter().map(Exact).collect();
        let mut out = Self { multipliers, ..Self::default() };
        out.set_adaptive(adaptive::start(config));
        out
    }

    /// The prices that this step's costs have.
    pub(crate) fn multipliers(&self) -> Vec<f64> {
        self.multipliers.iter().map(|m| m.0).collect()
    }

    /// The reward with the weights that this step uses.
    pub(crate) fn in_force(&self, config: &RewardConfig) -> RewardConfig {
        adaptive::in_force(config, &self.adaptive())
    }

    /// Whether this state fits the configuration; that of an older version may know nothing of what moves in it.
    pub(crate) fn fits(&self, config: &RewardConfig) -> bool {
        let moved: BTreeMap<String, f64> = adaptive::start(config).weights;
        self.multipliers.len() == config.constraints.len()
            && self.weights.keys().eq(moved.keys())
            && self.streaks.len() == config.adaptive.rules.len()
    }

    /// After a step's answers: the multipliers move. `constraints/<grader>/cost`, `/limit` and `/multiplier` (the one that
    /// this step's rewards were priced at), `weights/<grader>` where weights move (the one that this step used), and
    /// `rewards/<grader>/saturation`, the share of answers at a grader's highest score, which rules may watch.
    pub(crate) fn advance(&mut self, step: u32, config: &RewardConfig, rewards: &[Vec<Reward>]) -> Metrics {
        let mut out: Metrics = self.weights.iter().map(|(name, w)| (format!("weights/{name}"), w.0)).collect();
        if config.constraints.is_empty() && config.adaptive.is_empty() {
            return out;
        }
        let batch = rewards.concat();
        if !config.adaptive.is_empty() {
            out.extend(adaptive::saturation(config, &batch));
        }
        let moves = constraints::advance(step, &config.constraints, &self.multipliers(), &batch);
        self.multipliers = moves.iter().map(|m| Exact(m.after)).collect();
        for m in moves {
            let name = |what: &str| format!("constraints/{}/{what}", m.grader);
            out.extend([(name("cost"), m.mean_cost), (name("limit"), m.limit), (name("multiplier"), m.before)]);
        }
        out
    }

    /// After everything of a step is measured: the weights move. Every change comes with its cause.
    pub(crate) fn adapt(&mut self, step: u32, config: &RewardConfig, measured: &Metrics) -> Vec<WeightChange> {
        if config.adaptive.is_empty() {
            return Vec::new();
        }
        let mut state = self.adaptive();
        let changes = adaptive::advance(config, &mut state, step, measured);
        self.set_adaptive(state);
        changes
    }

    fn adaptive(&self) -> AdaptiveState {
        let weights = self.weights.iter().map(|(name, w)| (name.clone(), w.0)).collect();
        AdaptiveState { weights, streaks: self.streaks.clone() }
    }

    fn set_adaptive(&mut self, state: AdaptiveState) {
        self.weights = state.weights.into_iter().map(|(name, w)| (name, Exact(w))).collect();
        self.streaks = state.streaks;
    }
}
