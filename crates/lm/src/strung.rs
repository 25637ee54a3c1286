//! A whole pass as candle sees it: one operation whose inputs are all weights of the model, or those of its adapter.
//!
//! candle's custom operations take at most three inputs. So the weights are strung on a thread: a scalar that passes through
//! one `Link` for each of them and ends in `Ends`, which has the result of the forward pass. Going back, `Ends` leaves all
//! gradients in a shared place, and every link hands its own weight's to candle. What a weight is made of (an adapter on a
//! card, say) gets its gradient from candle as usual. Knows no decoder and no device: a link computes nothing, wherever it is.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Storage, Tensor};
use std::sync::{Arc, Mutex, PoisonError};

/// A forward pass that can be gone back.
pub(crate) trait Pass: Send + Sync + 'static {
    /// What the gradient may flow to: all weights of the model, or the adapter beside them.
    fn weights(&self) -> &[Tensor];

    /// Gradients of the weights, in their order, given that of the result; those of weights that do not learn are ignored.
    fn gradients(&self, grad: &Tensor) -> Result<Vec<Option<Tensor>>>;
}

/// `values`, the result of a pass, as a tensor whose gradient flows to every weight of it.
pub(crate) fn differentiable(pass: impl Pass, values: &Tensor) -> Result<Tensor> {
    let gradients: Shared = Arc::default();
    let values = values.detach().contiguous()?;
    let mut thread = Tensor::zeros(1, candle_core::DType::F32, values.device())?;
    for (index, weight) in pass.weights().iter().enumerate() {
        thread = thread.apply_op2(weight, Link { index, gradients: gradients.clone() })?;
    }
    thread.apply_op1(Ends { pass, values: Mutex::new(Some(values)), gradients })
}

/// Gradients on their way from the pass to the weights.
type Shared = Arc<Mutex<Vec<Option<Tensor>>>>;

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

    fn cuda_fwd(
        &self,
        thread: &CudaStorage,
        layout: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        Ok((thread.try_clone(layout)?, 1.into()))
    }

    fn bwd(&self, _: &Tensor, weight: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut all = self.gradients.lock().unwrap_or_else(PoisonError::into_inner);
        // Frozen weights beside an adapter learn nothing.
        let own = all.get_mut(self.index).and_then(Option::take).filter(|_| weight.track_op());
        Ok((Some(grad.clone()), own))
    }
}

struct Ends<P> {
    pass: P,
    values: Mutex<Option<Tensor>>,
    gradients: Shared,
}

impl<P: Pass> Ends<P> {
    fn take(&self) -> Result<Tensor> {
        match self.values.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(values) => Ok(values),
            None => candle_core::bail!("decoder: the values of a pass exist once"),
        }
    }
}

impl<P: Pass> CustomOp1 for Ends<P> {
    fn name(&self) -> &'static str {
        "decoder"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        let values = self.take()?;
        let (storage, layout) = values.storage_and_layout();
        match &*storage {
            Storage::Cpu(cpu) => {
                Ok((CpuStorage::F32(crate::ops::slice(cpu, layout, "decoder")?.to_vec()), layout.shape().clone()))
            }
            _ => candle_core::bail!("decoder: a pass of another device"),
        }
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        let values = self.take()?;
        let (storage, layout) = values.storage_and_layout();
        match &*storage {
            Storage::Cuda(cuda) => Ok((cuda.try_clone(layout)?, layout.shape().clone())),
            _ => candle_core::bail!("decoder: a pass of another device"),
        }
    }

    fn bwd(&self, thread: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let all = self.pass.gradients(grad)?;
        *self.gradients.lock().unwrap_or_else(PoisonError::into_inner) = all;
        Ok(Some(thread.zeros_like()?))
    }
}
