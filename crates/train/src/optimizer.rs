//! AdamW (arXiv 1711.05101) with clipping by global norm, in torch's order of operations.

use crate::Result;
use candle_core::{Tensor, Var};
use clicker_wire::OptimSpec;

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
        let gradients = gradients
            .iter()
            .zip(&self.moments)
            .map(|(g, m)| match g {
                Some(g) => Ok(g.flatten_all()?.to_vec1::<f32>()?),
                None => Ok(vec![0.0; m.m.len()]),
            })
            .collect::<Result<Vec<Vec<f32>>>>()?;
        let norm = gradients.iter().flatten().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt();
        if !norm.is_finite() {
            return Ok(norm);
        }
        let clip = if self.spec.max_grad_norm > 0.0 { (self.spec.max_grad_norm / (norm + 1e-6)).min(1.0) } else { 1.0 };
        self.updates += 1;
        for (((name, parameter), gradient), moments) in parameters.iter().zip(&gradients).zip(&mut self.moments) {
            let mut values = parameter.as_tensor().flatten_all()?.to_vec1::<f32>()?;
            let decay = if decays(name, parameter.as_tensor()) { learning_rate * self.spec.weight_decay } else { 0.0 };
            let update = Update::new(&self.spec, self.updates, learning_rate, decay, clip);
            update.apply(&mut values, gradient, moments);
            parameter.set(&Tensor::from_vec(values, parameter.shape(), parameter.device())?)?;
        }
        Ok(norm)
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

    fn apply(&self, values: &mut [f32], gradient: &[f32], moments: &mut Moments) {
        for (((p, g), m), v) in values.iter_mut().zip(gradient).zip(&mut moments.m).zip(&mut moments.v) {
            let g = g * self.clip;
            *m += (1.0 - self.beta1) * (g - *m);
            *v = self.beta2 * *v + (1.0 - self.beta2) * g * g;
            *p = *p * self.keep - self.step_size * *m / (v.sqrt() / self.root + self.epsilon);
        }
    }
}
