//! A model that is trained and a model that is frozen are two types, because candle makes it easy to confuse them:
//! `detach()` shares storage, the optimizer writes in place, and a "frozen" reference would silently follow the policy.

use crate::weights::WeightTensor;
use crate::{Decoder, Inference, KvCache, LmError, ModelConfig, Result, RowPlan, Weights};
use candle_core::{Tensor, Var};
use std::sync::Arc;

/// A model whose weights an optimizer may change.
#[derive(Debug)]
pub struct Policy {
    decoder: Decoder,
    parameters: Vec<(String, Var)>,
    version: u64,
}

impl Policy {
    /// A trainable copy of full-precision weights.
    ///
    /// # Errors
    /// Quantized weights, or weights that do not fit the configuration.
    pub fn new(config: &ModelConfig, weights: &Weights) -> Result<Self> {
        let mut parameters = Vec::new();
        let mut shared = Weights::default();
        for (name, _) in config.tensor_shapes() {
            let WeightTensor::Dense(tensor) = weights.get(&name)? else {
                return Err(LmError::QuantizedPolicy(name));
            };
            let var = Var::from_tensor(&tensor.copy()?)?;
            shared.insert(name.clone(), WeightTensor::Dense(var.as_tensor().clone()));
            parameters.push((name, var));
        }
        Ok(Self { decoder: Decoder::new(config, &shared)?, parameters, version: 0 })
    }

    /// The computation; the gradient flows to [`Self::parameters`].
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Every weight by Hugging Face name, in file order.
    #[must_use]
    pub fn parameters(&self) -> &[(String, Var)] {
        &self.parameters
    }

    /// How many updates this policy has seen; snapshots carry it.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Say that the weights have been updated once.
    pub fn bump_version(&mut self) {
        self.version += 1;
    }

    /// Take up a count again after a restart.
    pub fn set_version(&mut self, version: u64) {
        self.version = version;
    }

    /// A deep copy that no later update can reach.
    ///
    /// # Errors
    /// Tensor arithmetic.
    pub fn snapshot(&self) -> Result<PolicySnapshot> {
        let mut weights = Weights::default();
        for (name, var) in &self.parameters {
            weights.insert(name.clone(), WeightTensor::Dense(deep_copy(var.as_tensor())?));
        }
        PolicySnapshot::new(self.decoder.config(), weights, self.version)
    }
}

/// A model that cannot change: what samples, what is compared against, what is measured and what is published.
#[derive(Clone, Debug)]
pub struct PolicySnapshot {
    decoder: Decoder,
    weights: Weights,
    version: u64,
}

impl PolicySnapshot {
    /// Freeze weights.
    ///
    /// # Errors
    /// Weights that do not fit the configuration.
    pub fn new(config: &ModelConfig, weights: Weights, version: u64) -> Result<Self> {
        Ok(Self { decoder: Decoder::new(config, &weights)?, weights, version })
    }

    /// The computation; no gradient is recorded.
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The weights.
    #[must_use]
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Logits [V] that follow the last of `ids`.
    ///
    /// # Errors
    /// No ids, or ids or positions that the model does not have.
    pub fn last_logits(&self, ids: &[u32]) -> Result<Vec<f32>> {
        let plan = Arc::new(RowPlan::independent(&[ids.len()]));
        let hidden = self.decoder.hidden(ids, &plan)?;
        let last = hidden.narrow(0, ids.len() - 1, 1)?;
        Ok(self.decoder.logits(&last)?.flatten_all()?.to_vec1()?)
    }

    /// Updates that the policy had seen.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }
}

fn deep_copy(tensor: &Tensor) -> Result<Tensor> {
    Ok(tensor.copy()?.detach())
}

impl Inference for PolicySnapshot {
    type Cache = KvCache;

    fn config(&self) -> &ModelConfig {
        self.decoder.config()
    }

    fn prefill(&self, ids: &[u32], plan: &Arc<RowPlan>, capacity: usize) -> Result<(Vec<f32>, KvCache)> {
        self.decoder.prefill(ids, plan, capacity)
    }

    fn step(&self, ids: &[u32], rows: &[usize], cache: &mut KvCache) -> Result<Vec<f32>> {
        self.decoder.step(ids, rows, cache)
    }
}
