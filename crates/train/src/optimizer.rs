//! AdamW (arXiv 1711.05101) with clipping by global norm, in torch's order of operations.

use crate::Result;
use crate::parallel::{SHARDS, shards};
use candle_core::{CpuStorage, InplaceOp1, Layout, Storage, Tensor, Var};
use clicker_lm::{Compute, Policy};
use clicker_wire::OptimSpec;
use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

/// Optimizer state of one policy: moments in the order of its parameters.
#[derive(Clone, Debug)]
pub struct AdamW {
    spec: OptimSpec,
    updates: u32,
    pub(crate) moments: Vec<Moments>,
}

/// First and second moment of one parameter.
#[derive(Clone, Debug)]
pub(crate) enum Moments {
    /// Flat, for a parameter in the processor's memory that is updated in place.
    Host { m: Vec<f32>, v: Vec<f32> },
    /// In the parameter's shape and on its device, for tensor operations.
    Device { m: Tensor, v: Tensor },
}

/// Both moments of one parameter, flat.
type Flat<'a> = (Cow<'a, [f32]>, Cow<'a, [f32]>);

impl Moments {
    /// Given values, flat, for a parameter of a model that computes there.
    pub(crate) fn with(parameter: &Var, compute: &Compute, m: Vec<f32>, v: Vec<f32>) -> Result<Self> {
        if compute.is_dense() {
            return Ok(Self::Host { m, v });
        }
        let tensor = |values| Tensor::from_vec(values, parameter.shape(), parameter.device());
        Ok(Self::Device { m: tensor(m)?, v: tensor(v)? })
    }

    /// Both, flat.
    pub(crate) fn values(&self) -> Result<Flat<'_>> {
        let flat = |t: &Tensor| Ok::<_, crate::TrainError>(Cow::Owned(t.flatten_all()?.to_vec1::<f32>()?));
        Ok(match self {
            Self::Host { m, v } => (Cow::Borrowed(m.as_slice()), Cow::Borrowed(v.as_slice())),
            Self::Device { m, v } => (flat(m)?, flat(v)?),
        })
    }
}

impl AdamW {
    /// Fresh state for a policy, where it computes.
    ///
    /// # Errors
    /// A device that has no room for it.
    pub fn of(spec: &OptimSpec, policy: &Policy) -> Result<Self> {
        if policy.compute().is_dense() {
            return Ok(Self::new(spec, policy.parameters()));
        }
        let zeros = |(_, p): &(String, Var)| Ok(Moments::Device { m: p.zeros_like()?, v: p.zeros_like()? });
        let moments = policy.parameters().iter().map(zeros).collect::<Result<_>>()?;
        Ok(Self { spec: spec.clone(), updates: 0, moments })
    }

    /// Fresh state for these parameters in the processor's memory.
    #[must_use]
    pub fn new(spec: &OptimSpec, parameters: &[(String, Var)]) -> Self {
        let zeros = |n: usize| Moments::Host { m: vec![0.0; n], v: vec![0.0; n] };
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
                    Some(gradient) => update.make(parameter, gradient, moments)?,
                    None => update.make(parameter, &parameter.zeros_like()?, moments)?,
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
        mine.map(|g| g.as_ref().map_or(Ok(0.0), squared)).collect()
    })?;
    Ok((0..gradients.len()).map(|i| parts[i % SHARDS][i / SHARDS]).sum::<f64>().sqrt())
}

fn squared(gradient: &Tensor) -> Result<f64> {
    match gradient.device().is_cpu() {
        true => Ok(with_values(gradient, squares)?),
        false => Ok(f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?)),
    }
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

    fn make(&self, parameter: &Var, gradient: &Tensor, moments: &mut Moments) -> Result<()> {
        match moments {
            Moments::Host { m, v } => with_values(gradient, |gradient| {
                let moments = Mutex::new((m, v));
                parameter.as_tensor().inplace_op1(&InPlace { update: self, gradient, moments })
            })??,
            Moments::Device { m, v } => {
                let [value, first, second] = self.composed(&parameter.as_tensor().detach(), gradient, (&*m, &*v))?;
                parameter.set(&value)?;
                (*m, *v) = (first, second);
            }
        }
        Ok(())
    }

    /// Parameter and moments after the update, of tensor operations in the order of [`Self::apply`].
    fn composed(&self, p: &Tensor, gradient: &Tensor, (m, v): (&Tensor, &Tensor)) -> Result<[Tensor; 3]> {
        let f = f64::from;
        let g = (gradient.detach() * f(self.clip))?;
        let m = (m + ((&g - m)? * f(1.0 - self.beta1))?)?;
        let v = ((v * f(self.beta2))? + ((&g * f(1.0 - self.beta2))? * &g)?)?;
        let root = ((v.sqrt()? * f(1.0 / self.root))? + f(self.epsilon))?;
        let p = ((p * f(self.keep))? - ((&m * f(self.step_size))? / root)?)?;
        Ok([p, m, v])
    }

    fn apply(&self, values: &mut [f32], gradient: &[f32], (m, v): (&mut [f32], &mut [f32])) {
        for (((p, g), m), v) in values.iter_mut().zip(gradient).zip(m).zip(v) {
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
    moments: Mutex<(&'a mut Vec<f32>, &'a mut Vec<f32>)>,
}

impl InplaceOp1 for InPlace<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        match (storage, layout.contiguous_offsets()) {
            (CpuStorage::F32(values), Some((start, end))) if end - start == self.gradient.len() => {
                let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
                let (m, v) = &mut *moments;
                self.update.apply(&mut values[start..end], self.gradient, (m.as_mut_slice(), v.as_mut_slice()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// On a device the update is composed of tensor operations: the same values, to the last bits.
    #[test]
    fn tensor_operations_make_the_update_that_is_made_in_place() {
        let values = |seed: usize| (0..60).map(move |i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 500.0 - 1.0);
        let tensor = |seed: usize| Tensor::from_vec(values(seed).collect::<Vec<f32>>(), (6, 10), &Device::Cpu).unwrap();
        let spec = OptimSpec { weight_decay: 0.1, max_grad_norm: 0.5, ..OptimSpec::default() };
        let (placed, composed) = (Var::from_tensor(&tensor(0)).unwrap(), Var::from_tensor(&tensor(0)).unwrap());
        let [mut in_place, mut of_tensors] = [&placed, &composed].map(|var| {
            let var = ("layer.weight".to_owned(), var.clone());
            (AdamW::new(&spec, std::slice::from_ref(&var)), var)
        });
        let zeros = || placed.zeros_like().unwrap();
        of_tensors.0.moments = vec![Moments::Device { m: zeros(), v: zeros() }];
        for step in 1..5 {
            let gradient = [Some(tensor(step))];
            let norms = [&mut in_place, &mut of_tensors]
                .map(|(optimizer, var)| optimizer.step(std::slice::from_ref(var), &gradient, 0.01).unwrap());
            assert_eq!(norms[0], norms[1]);
        }
        let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (a, b) = (flat(placed.as_tensor()), flat(composed.as_tensor()));
        assert!(a.iter().zip(values(0)).any(|(a, was)| (a - was).abs() > 0.02), "nothing moved");
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6), "{a:?} {b:?}");
        let (first, second) = (&in_place.0.moments[0], &of_tensors.0.moments[0]);
        for (a, b) in [
            (first.values().unwrap().0, second.values().unwrap().0),
            (first.values().unwrap().1, second.values().unwrap().1),
        ] {
            assert!(a.iter().zip(b.iter()).all(|(a, b)| (a - b).abs() < 1e-6));
        }
    }
}
