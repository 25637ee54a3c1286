//! A model that is trained and a model that is frozen are two types, because candle makes it easy to confuse them:
//! `detach()` shares storage, the optimizer writes in place, and a "frozen" reference would silently follow the policy.

use crate::lora::{Adapter, LoraPair};
use crate::weights::WeightTensor;
use crate::{Compute, Decoder, Inference, KvCache, LmError, ModelConfig, PassMemory, Result, RowPlan, Weights};
use candle_core::{Tensor, Var};
use std::sync::Arc;

/// A model whose weights, or the adapter beside them, an optimizer may change.
#[derive(Debug)]
pub struct Policy {
    decoder: Decoder,
    parameters: Vec<(String, Var)>,
    adapted: Option<Adapted>,
    version: u64,
}

/// Frozen weights with an adapter whose tensors are the policy's parameters.
#[derive(Debug)]
struct Adapted {
    base: Weights,
    adapter: Adapter,
}

impl Policy {
    /// A trainable copy of full-precision weights.
    ///
    /// # Errors
    /// Quantized weights, or weights that do not fit the configuration.
    pub fn new(config: &ModelConfig, weights: &Weights) -> Result<Self> {
        let mut parameters = Vec::new();
        let mut shared = weights.beside();
        for (name, tensor) in unquantized(config, weights)? {
            let var = Var::from_tensor(&tensor.to_dense()?.copy()?)?;
            shared.insert(name.clone(), WeightTensor::Dense(var.as_tensor().clone()));
            parameters.push((name, var));
        }
        Ok(Self { decoder: Decoder::new(config, &shared)?, parameters, adapted: None, version: 0 })
    }

    /// Frozen weights, f32 or bf16 as they are, beside a trainable copy of an adapter: two parameters for each of its
    /// matrices, named as PEFT names them. The weights are shared with whoever gave them, not copied: they must be some that
    /// nobody writes to, a snapshot's. Only those of a model that is trained are recognised and copied.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn adapted(config: &ModelConfig, weights: &Weights, adapter: &Adapter) -> Result<Self> {
        let (mut base, device) = (weights.beside(), weights.compute().device());
        for (name, tensor) in unquantized(config, weights)? {
            base.insert(name, frozen(tensor)?);
        }
        let (mut parameters, mut pairs) = (Vec::new(), Vec::new());
        for LoraPair { name, a, b } in adapter.pairs() {
            let own = |t: &Tensor| Ok::<_, LmError>(Var::from_tensor(&t.to_device(device)?.contiguous()?.copy()?)?);
            let [a, b] = [a, b].map(own);
            let (a, b) = (a?, b?);
            pairs.push(LoraPair { name: name.clone(), a: a.as_tensor().clone(), b: b.as_tensor().clone() });
            let module = name.trim_end_matches(".weight");
            parameters.push((format!("{module}.lora_A.weight"), a));
            parameters.push((format!("{module}.lora_B.weight"), b));
        }
        let adapter = Adapter::of(adapter.spec(), config, pairs)?;
        let decoder = match base.compute().is_dense() {
            true => Decoder::adapted(config, &base, &adapter)?,
            false => Decoder::new(config, &adapter.composed(&base, config)?)?,
        };
        let adapted = Some(Adapted { base, adapter });
        Ok(Self { decoder, parameters, adapted, version: 0 })
    }

    /// The same policy, whose passes keep this until they are gone back.
    #[must_use]
    pub fn keeping(self, memory: PassMemory) -> Self {
        Self { decoder: self.decoder.keeping(memory), ..self }
    }

    /// The computation; the gradient flows to [`Self::parameters`].
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Where it computes.
    #[must_use]
    pub fn compute(&self) -> &Compute {
        self.decoder.compute()
    }

    /// Everything that is trained, by name, in file order: every weight, or every adapter's A and B.
    #[must_use]
    pub fn parameters(&self) -> &[(String, Var)] {
        &self.parameters
    }

    /// A copy of the adapter that is trained, if it is one, that no later update can reach.
    ///
    /// # Errors
    /// Tensor arithmetic.
    pub fn adapter(&self) -> Result<Option<Adapter>> {
        let Some(Adapted { adapter, .. }) = &self.adapted else { return Ok(None) };
        let pairs = adapter
            .pairs()
            .iter()
            .map(|pair| Ok(LoraPair { name: pair.name.clone(), a: deep_copy(&pair.a)?, b: deep_copy(&pair.b)? }));
        let pairs = pairs.collect::<Result<_>>()?;
        Ok(Some(Adapter::of(adapter.spec(), self.decoder.config(), pairs)?))
    }

    /// How many updates this policy has seen; snapshots carry it.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The parameters have been updated once: from here on the decoder computes with what they are now.
    ///
    /// # Errors
    /// Tensor arithmetic.
    pub fn updated(&mut self) -> Result<()> {
        self.resumed(self.version + 1)
    }

    /// The parameters are those of this count of updates, after a restart.
    ///
    /// # Errors
    /// Tensor arithmetic.
    pub fn resumed(&mut self, version: u64) -> Result<()> {
        self.version = version;
        // The dense decoder uses an adapter where it is.
        if let Some(Adapted { base, adapter }) = self.adapted.as_ref().filter(|_| !self.compute().is_dense()) {
            let config = self.decoder.config();
            self.decoder = self.decoder.with_weights(&adapter.composed(base, config)?)?;
        }
        self.decoder.become_version(version);
        Ok(())
    }

    /// A deep copy that no later update can reach; an adapter is merged into it.
    ///
    /// # Errors
    /// Tensor arithmetic.
    pub fn snapshot(&self) -> Result<PolicySnapshot> {
        let config = self.decoder.config();
        let mut weights = Weights::at(self.compute().clone());
        match &self.adapted {
            None => {
                for (name, var) in &self.parameters {
                    weights.insert(name.clone(), WeightTensor::Dense(deep_copy(var.as_tensor())?));
                }
            }
            Some(Adapted { base, adapter }) => {
                weights = adapter.merged(base, config, 1.0)?;
            }
        }
        let decoder = self.decoder.with_weights(&weights)?;
        Ok(PolicySnapshot { decoder, weights, version: self.version })
    }
}

/// Every tensor of a model that is no block of quantized values.
fn unquantized<'a>(config: &ModelConfig, weights: &'a Weights) -> Result<Vec<(String, &'a WeightTensor)>> {
    let all = config.tensor_shapes().into_iter().map(|(name, _)| match weights.get(&name)? {
        tensor @ (WeightTensor::Dense(_) | WeightTensor::Half(_)) => Ok((name, tensor)),
        WeightTensor::Quantized(_) => Err(LmError::QuantizedPolicy(name)),
    });
    all.collect()
}

/// The same values, which no later update can reach: a copy of what is trained, and what is frozen already as it is.
fn frozen(tensor: &WeightTensor) -> Result<WeightTensor> {
    Ok(match tensor {
        WeightTensor::Dense(t) if t.track_op() => WeightTensor::Dense(deep_copy(t)?),
        other => other.clone(),
    })
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

    /// The same snapshot, for answers that its policy will be trained on before it is updated: what [`generate`](crate::generate)
    /// computes for them is kept, and the policy's pass over them begins where it ends, with the same bits. Takes the memory that
    /// the pass would take. A policy that keeps little (see [`PassMemory`]) computes anew.
    #[must_use]
    pub fn recording(self) -> Self {
        Self { decoder: self.decoder.recording(), ..self }
    }

    /// The same weights on another device.
    ///
    /// # Errors
    /// A device that has no room for them.
    pub fn on(&self, compute: &Compute) -> Result<Self> {
        Self::new(self.decoder.config(), self.weights.on(compute)?, self.version)
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

    fn finished(&self, cache: KvCache) {
        self.decoder.finished(cache);
    }
}
