//! Recipes to start from.

use crate::{Service, ServiceError};
use clicker_wire::{
    Algorithm, CheckpointSpec, DataSpec, EvalSpec, GrpoSpec, OptimSpec, Recipe, RewardConfig, RolloutSpec, SftSpec,
};

impl Service {
    /// Recipes to start from.
    ///
    /// # Errors
    /// None today; every use case may fail.
    pub async fn presets(&self) -> Result<Vec<Recipe>, ServiceError> {
        Ok(vec![Recipe {
            name: "truthful".into(),
            algorithm: Algorithm::Grpo,
            model: "builtin".into(),
            seed: 0,
            steps: 40,
            data: DataSpec::default(),
            rollout: RolloutSpec::default(),
            reward: RewardConfig::default(),
            grpo: GrpoSpec::default(),
            sft: SftSpec::default(),
            optim: OptimSpec::default(),
            eval: EvalSpec::default(),
            checkpoint: CheckpointSpec::default(),
        }])
    }
}
