//! AdamW (arXiv 1711.05101) with clipping by global norm, in torch's order of operations.

use crate::Result;
use crate::parallel::{SHARDS, shards};
use candle_core::{CpuStorage, InplaceOp1, Layout, Storage, Tensor, Var};
use clicker_wire::OptimSpec;
use std::sync::{Mutex, PoisonError};

/// Optimizer state of one policy: moments in the order of its parameters.
#[derive(Clone, Debug)]
pub struct AdamW {
    spec: OptimSpec,
    updates: u32,
    pub(crate) moments: Vec<Moments>,
}

/// First and second moment of one parameter, flat.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moments {
    pub(crate) m: Vec<f32>,
    pub(crate) v: Vec<f32>,
}

impl AdamW {
    /// Fresh state for these parameters.
    #[must_use]
    pub fn new(spec: &OptimSpec, parameters: &[(String, Var)]) -> Self {
        let zeros = |n: usize| Moments { m: vec![0.0; n], v: vec![0.0; n] };
        Self {
            spec: spec.clone(),
            updates: 0,
            moments: parameters.iter().map(|(_, p)| zeros(p.elem_count())).collect(),
        }
    }

    pub(crate) fn restore(spec: &OptimSpec, updates: u32, moments: Vec<Moments>) -> Self {
        Self { spec: spec.clone(), updates, moments }
    }

    /// Updates made so far.
    #[must_use]
    pub fn updates(&self) -> u32 {
        self.updates
    }

    /// Update every parameter in place from its gradient (same order; none where it got no gradient, which counts as 0).
    /// Returns the gradients' global norm before clipping; if that is not finite, nothing is updated.
    ///
    /// # Errors
    /// Tensor arithmetic.
    pub fn step(
        &mut self,
        parameters: &[(String, Var)],
        gradients: &[Option<Tensor>],
        learning_rate: f64,
    ) -> Result<f64> {
        let norm = norm(gradients)?;
        if !norm.is_finite() {
            return Ok(norm);
        }
        let clip = if self.spec.max_grad_norm > 0.0 { (self.spec.max_grad_norm / (norm + 1e-6)).min(1.0) } else { 1.0 };
        self.updates += 1;
        // Every parameter is on its own, so who computes it has no part in the result.
        let mut shares: [Vec<_>; SHARDS] = std::array::from_fn(|_| Vec::new());
        let all = parameters.iter().zip(gradients).zip(&mut self.moments);
        for (i, ((parameter, gradient), moments)) in all.enumerate() {
            shares[i % SHARDS].push((parameter, gradient, moments));
        }
        let shares = shares.map(Mutex::new);
        shards(|shard| -> Result<()> {
            let mut share = shares[shard].lock().unwrap_or_else(PoisonError::into_inner);
            for ((name, parameter), gradient, moments) in share.iter_mut() {
                let decays = decays(name, parameter.as_tensor());
                let decay = if decays { learning_rate * self.spec.weight_decay } else { 0.0 };
                let update = Update::new(&self.spec, self.updates, learning_rate, decay, clip);
                match gradient {
                    Some(gradient) => update.in_place(parameter, gradient, moments)?,
                    None => update.in_place(parameter, &parameter.zeros_like()?, moments)?,
                }
            }
            Ok(())
        })?;
        Ok(norm)
    }
}

/// Global norm of gradients: squares are added in f64, in lanes of eight within a parameter and then parameter by parameter.
fn norm(gradients: &[Option<Tensor>]) -> Result<f64> {
    let parts = shards(|shard| -> Result<Vec<f64>> {
        let mine = gradients.iter().skip(shard).step_by(SHARDS);
        mine.map(|g| g.as_ref().map_or(Ok(0.0), |g| Ok(with_values(g, squares)?))).collect()
    })?;
    Ok((0..gradients.len()).map(|i| parts[i % SHARDS][i / SHARDS]).sum::<f64>().sqrt())
}

fn squares(values: &[f32]) -> f64 {
    let mut lanes = [0f64; 8];
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(*x) * f64::from(*x);
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>()
}

/// Read a contiguous f32 tensor in place.
fn with_values<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> R) -> candle_core::Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(cpu), Some((start, end))) => Ok(f(&cpu.as_slice::<f32>()?[start..end])),
        _ => candle_core::bail!("the optimizer takes f32 gradients on the CPU"),
    }
}

/// Matrices decay; norms and the embedding do not.
fn decays(name: &str, tensor: &Tensor) -> bool {
    tensor.rank() == 2 && !name.ends_with("embed_tokens.weight")
}

/// The scalars of one update.
struct Update {
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    /// Learning rate over the first moment's bias correction.
    step_size: f32,
    /// Root of the second moment's bias correction.
    root: f32,
    keep: f32,
    clip: f32,
}

impl Update {
    fn new(spec: &OptimSpec, step: u32, learning_rate: f64, decay: f64, clip: f64) -> Self {
        let t = f64::from(step);
        Self {
            beta1: spec.adam_beta1 as f32,
            beta2: spec.adam_beta2 as f32,
            epsilon: spec.adam_epsilon as f32,
            step_size: (learning_rate / (1.0 - spec.adam_beta1.powf(t))) as f32,
            root: (1.0 - spec.adam_beta2.powf(t)).sqrt() as f32,
            keep: (1.0 - decay) as f32,
            clip: clip as f32,
        }
    }

    fn in_place(&self, parameter: &Var, gradient: &Tensor, moments: &mut Moments) -> Result<()> {
        with_values(gradient, |gradient| {
            let moments = Mutex::new(&mut *moments);
            parameter.as_tensor().inplace_op1(&InPlace { update: self, gradient, moments })
        })??;
        Ok(())
    }

    fn apply(&self, values: &mut [f32], gradient: &[f32], moments: &mut Moments) {
        for (((p, g), m), v) in values.iter_mut().zip(gradient).zip(&mut moments.m).zip(&mut moments.v) {
            let g = g * self.clip;
            *m += (1.0 - self.beta1) * (g - *m);
            *v = self.beta2 * *v + (1.0 - self.beta2) * g * g;
            *p = *p * self.keep - self.step_size * *m / (v.sqrt() / self.root + self.epsilon);
        }
    }
}

/// One parameter's update as candle sees it: an operation that writes to its own storage.
struct InPlace<'a> {
    update: &'a Update,
    gradient: &'a [f32],
    moments: Mutex<&'a mut Moments>,
}

impl InplaceOp1 for InPlace<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        match (storage, layout.contiguous_offsets()) {
            (CpuStorage::F32(values), Some((start, end))) if end - start == self.gradient.len() => {
                let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
                self.update.apply(&mut values[start..end], self.gradient, &mut moments);
                Ok(())
            }
            _ => candle_core::bail!(
                "adamw: a parameter of shape {:?} with a gradient of {} values; both must be contiguous f32",
                layout.shape(),
                self.gradient.len()
            ),
        }
    }
}
