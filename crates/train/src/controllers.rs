//! What adjusts itself while a run learns: the multipliers of its safety constraints, the price of the KL and the weight of the entropy. Part of the
//! saved state, so that a resumed run goes on with the prices it had. Never knows the model.

use crate::Result;
use crate::exact::Exact;
use crate::session::Metrics;
use clicker_rewards::constraints;
use clicker_rl::control::{EntropyTarget, KlTarget, entropy_bonus_acts, entropy_coefficient, kl_coefficient};
use clicker_wire::{GrpoSpec, Reward, RewardConfig};
use serde::{Deserialize, Serialize};

/// Where the controllers of a run stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Controllers {
    /// One per constraint, in the order of the configuration.
    multipliers: Vec<Exact>,
    /// The price of the KL, once it has moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    beta: Option<Exact>,
    /// The weight of the entropy, once it has moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    entropy: Option<Exact>,
}

/// Change per step and largest value of the entropy's weight where the recipe does not say.
const ENTROPY: (f64, f64) = (0.005, 0.1);
/// Answers over which the price of the KL adapts where the recipe does not say.
const KL_HORIZON: f64 = 10_000.0;

impl Controllers {
    /// Before the first step.
    pub(crate) fn start(config: &RewardConfig) -> Self {
        Self { multipliers: exact(constraints::start(&config.constraints)), beta: None, entropy: None }
    }

    /// The prices that this step's costs have.
    pub(crate) fn multipliers(&self) -> Vec<f64> {
        self.multipliers.iter().map(|m| m.0).collect()
    }

    /// The price that this step's KL has.
    pub(crate) fn beta(&self, spec: &GrpoSpec) -> f64 {
        self.beta.map_or(spec.beta, |b| b.0)
    }

    /// After a step of so many answers with this mean KL per token: the price moves towards the recipe's target, if it has
    /// one. `spec.beta` is the price that the step had.
    ///
    /// # Errors
    /// More answers than the horizon.
    pub(crate) fn move_beta(&mut self, spec: &GrpoSpec, kl: f64, answers: f64) -> Result<()> {
        let Some(target) = spec.kl_target else { return Ok(()) };
        let config = KlTarget { target, horizon: spec.kl_horizon.unwrap_or(KL_HORIZON) };
        self.beta = Some(Exact(kl_coefficient(spec.beta, kl, answers, &config)?));
        Ok(())
    }

    /// The entropy's weight moves by what this step's answers had, per token; returns the weight, and what of it acts.
    ///
    /// # Errors
    /// An entropy that is not finite.
    pub(crate) fn move_entropy(&mut self, spec: &GrpoSpec, entropy: f64) -> Result<(f64, f64)> {
        let Some(target) = spec.entropy_target else { return Ok((spec.entropy_coef, spec.entropy_coef)) };
        let (step, max) = (spec.entropy_coef_delta.unwrap_or(ENTROPY.0), spec.entropy_coef_max.unwrap_or(ENTROPY.1));
        let config = EntropyTarget { target, step, min: 0.0, max };
        let weight = entropy_coefficient(self.entropy.map_or(spec.entropy_coef, |e| e.0), entropy, &config)?;
        self.entropy = Some(Exact(weight));
        Ok((weight, if entropy_bonus_acts(entropy, &config) { weight } else { 0.0 }))
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
