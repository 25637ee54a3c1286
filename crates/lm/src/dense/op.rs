//! The dense decoder as candle sees it: one operation whose inputs are all weights of the model.
//!
//! candle's custom operations take at most three inputs. So the weights are strung on a thread: a scalar that passes through
//! one `Link` for each of them and ends in `Ends`, which has the result of the forward pass. Going back, `Ends` leaves all
//! gradients in a shared place, and every link hands its own weight's to candle. What a weight is made of (an adapter, say)
//! gets its gradient from candle as usual.

use super::pass::{Output, Pass};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Device, Layout, Result, Shape, Tensor};
use std::sync::{Arc, Mutex, PoisonError};

/// `values` of `shape` as a tensor whose gradient flows to every weight of the pass that computed them.
pub(super) fn differentiable(pass: Pass, output: Output, values: Vec<f32>, shape: impl Into<Shape>) -> Result<Tensor> {
    let gradients: Shared = Arc::default();
    let mut thread = Tensor::zeros(1, candle_core::DType::F32, &Device::Cpu)?;
    for (index, weight) in pass.tensors().iter().enumerate() {
        thread = thread.apply_op2(weight, Link { index, gradients: gradients.clone() })?;
    }
    thread.apply_op1(Ends { pass, output, values: Mutex::new(Some(values)), shape: shape.into(), gradients })
}

/// Gradients on their way from the pass to the weights.
type Shared = Arc<Mutex<Vec<Option<Vec<f32>>>>>;

struct Link {
    index: usize,
    gradients: Shared,
}

impl CustomOp2 for Link {
    fn name(&self) -> &'static str {
        "weight"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), 1.into()))
    }

    fn bwd(&self, _: &Tensor, weight: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut all = self.gradients.lock().unwrap_or_else(PoisonError::into_inner);
        // Frozen weights beside an adapter learn nothing.
        let own = all.get_mut(self.index).and_then(Option::take).filter(|_| weight.track_op());
        let own = own.map(|values| Tensor::from_vec(values, weight.shape(), weight.device())).transpose()?;
        Ok((Some(grad.clone()), own))
    }
}

struct Ends {
    pass: Pass,
    output: Output,
    values: Mutex<Option<Vec<f32>>>,
    shape: Shape,
    gradients: Shared,
}

impl CustomOp1 for Ends {
    fn name(&self) -> &'static str {
        "decoder"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner).take();
        match values {
            Some(values) => Ok((CpuStorage::F32(values), self.shape.clone())),
            None => candle_core::bail!("decoder: the values of a pass exist once"),
        }
    }

    fn bwd(&self, thread: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let all = crate::ops::with_slice(grad, "decoder", |grad| self.pass.backward(&self.output, grad))?
            .map_err(candle_core::Error::wrap)?;
        *self.gradients.lock().unwrap_or_else(PoisonError::into_inner) = all.into_iter().map(Some).collect();
        Ok(Some(thread.zeros_like()?))
    }
}
