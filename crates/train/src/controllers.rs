//! What adjusts the reward while a run learns: the multipliers of its safety constraints. Part of the saved state, so that a
//! resumed run goes on with the prices it had. Never knows the model.

use crate::exact::Exact;
use crate::session::Metrics;
use clicker_rewards::constraints;
use clicker_wire::{Reward, RewardConfig};
use serde::{Deserialize, Serialize};

/// Where the controllers of a run stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Controllers {
    /// One per constraint, in the order of the configuration.
    multipliers: Vec<Exact>,
}

impl Controllers {
    /// Before the first step.
    pub(crate) fn start(config: &RewardConfig) -> Self {
        Self { multipliers: exact(constraints::start(&config.constraints)) }
    }

    /// The prices that this step's costs have.
    pub(crate) fn multipliers(&self) -> Vec<f64> {
        self.multipliers.iter().map(|m| m.0).collect()
    }

    /// Whether this state fits the configuration; that of an older version may know nothing of its constraints.
    pub(crate) fn fits(&self, config: &RewardConfig) -> bool {
        self.multipliers.len() == config.constraints.len()
    }

    /// After a step's answers: the multipliers move. `constraints/<grader>/cost`, `/limit` and `/multiplier` (the one that
    /// this step's rewards were priced at).
    pub(crate) fn advance(&mut self, step: u32, config: &RewardConfig, rewards: &[Vec<Reward>]) -> Metrics {
        if config.constraints.is_empty() {
            return Metrics::new();
        }
        let moves = constraints::advance(step, &config.constraints, &self.multipliers(), &rewards.concat());
        self.multipliers = moves.iter().map(|m| Exact(m.after)).collect();
        let named = moves.into_iter().flat_map(|m| {
            let name = |what: &str| format!("constraints/{}/{what}", m.grader);
            [(name("cost"), m.mean_cost), (name("limit"), m.limit), (name("multiplier"), m.before)]
        });
        named.collect()
    }
}

fn exact(values: Vec<f64>) -> Vec<Exact> {
    values.into_iter().map(Exact).collect()
}
