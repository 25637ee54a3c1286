//! Coefficients of the objective that follow what a step measured: the price of the KL and the weight of the entropy. Part of
//! the saved state, so that a resumed run goes on with those it had. Never knows rewards or models.

use crate::Result;
use crate::exact::Exact;
use clicker_rl::control::{EntropyTarget, KlTarget, entropy_bonus_acts, entropy_coefficient, kl_coefficient};
use clicker_wire::GrpoSpec;
use serde::{Deserialize, Serialize};

/// Where they stand; none where one has not moved yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Coefficients {
    beta: Option<Exact>,
    entropy: Option<Exact>,
}

/// Change per step and largest value of the entropy's weight where the recipe does not say.
const ENTROPY: (f64, f64) = (0.005, 0.1);
/// Answers over which the price of the KL adapts where the recipe does not say.
const KL_HORIZON: f64 = 10_000.0;

impl Coefficients {
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
}
