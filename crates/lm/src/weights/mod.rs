//! Tensors by Hugging Face name, and the file formats they live in.
//!
//! [`gguf`] reads and writes the container, [`gguf_model`] says what a model's GGUF holds, [`hf`] reads and writes folders,
//! [`peft`] those of adapters, and [`adapter`] adapters as GGUF.
//! Every reader treats its input as hostile: counts are never trusted for an allocation, ranges are checked before use.

pub mod adapter;
pub mod gguf;
pub mod gguf_model;
mod gguf_rope;
pub mod hf;
pub mod peft;

use crate::{Compute, LmError, ModelConfig, Result};
use candle_core::{DType, Device, Tensor, quantized::QTensor};
use std::collections::BTreeMap;
use std::sync::Arc;

pub use adapter::StoredAdapter;
pub(crate) use adapter::StoredTensor;
pub use gguf_model::{Encoding, export, quantized_copy};

/// One tensor of a model.
#[derive(Clone, Debug)]
pub enum WeightTensor {
    /// f32.
    Dense(Tensor),
    /// bf16, for weights that are not trained: half the memory, computed with in f32.
    Half(Tensor),
    /// Blocks.
    Quantized(Arc<QTensor>),
}

impl WeightTensor {
    /// Its dimensions, rows first.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        match self {
            Self::Dense(t) | Self::Half(t) => t.dims(),
            Self::Quantized(t) => t.shape().dims(),
        }
    }

    /// As f32.
    ///
    /// # Errors
    /// Tensor arithmetic.
    pub fn to_dense(&self) -> Result<Tensor> {
        Ok(match self {
            Self::Dense(t) => t.clone(),
            Self::Half(t) => t.to_dtype(DType::F32)?,
            Self::Quantized(t) => t.dequantize(&Device::Cpu)?,
        })
    }
}

/// All tensors of a model, and where they are computed with.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    tensors: BTreeMap<String, WeightTensor>,
    compute: Compute,
}

impl Weights {
    /// No tensors yet, for the place where these are.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self::at(self.compute.clone())
    }

    /// No tensors yet, for this place.
    pub(crate) fn at(compute: Compute) -> Self {
        Self { tensors: BTreeMap::new(), compute }
    }

    /// Where they are computed with.
    #[must_use]
    pub fn compute(&self) -> &Compute {
        &self.compute
    }

    /// The same weights to be computed with elsewhere. Only the dense decoder's place takes blocks; for others they become f32.
    ///
    /// # Errors
    /// A device that has no room for them.
    pub fn on(&self, compute: &Compute) -> Result<Self> {
        let device = compute.device();
        let moved = |tensor: &WeightTensor| -> Result<WeightTensor> {
            Ok(match tensor {
                WeightTensor::Dense(t) => WeightTensor::Dense(t.to_device(device)?),
                WeightTensor::Half(t) => WeightTensor::Half(t.to_device(device)?),
                WeightTensor::Quantized(_) if compute.is_dense() => tensor.clone(),
                WeightTensor::Quantized(t) => WeightTensor::Dense(t.dequantize(&Device::Cpu)?.to_device(device)?),
            })
        };
        let tensors = self.tensors.iter().map(|(name, tensor)| Ok((name.clone(), moved(tensor)?)));
        Ok(Self { tensors: tensors.collect::<Result<_>>()?, compute: compute.clone() })
    }

    /// Add or replace a tensor.
    pub fn insert(&mut self, name: String, tensor: WeightTensor) {
        self.tensors.insert(name, tensor);
    }

    /// A tensor by name.
    ///
    /// # Errors
    /// It is not there.
    pub fn get(&self, name: &str) -> Result<&WeightTensor> {
        self.tensors.get(name).ok_or_else(|| LmError::MissingTensor { name: name.to_owned(), expected: Vec::new() })
    }

    /// The same weights with every f32 matrix in bf16, rounded to the nearest; norms and biases, which are few, stay f32.
    ///
    /// # Errors
    /// A tensor that is missing, or tensor arithmetic.
    pub fn halved(&self, config: &ModelConfig) -> Result<Self> {
        let mut out = self.beside();
        for (name, dims) in config.tensor_shapes() {
            let tensor = match self.get(&name)? {
                WeightTensor::Dense(t) if dims.len() == 2 => WeightTensor::Half(t.to_dtype(DType::BF16)?.detach()),
                other => other.clone(),
            };
            out.insert(name, tensor);
        }
        Ok(out)
    }

    /// The smallest encoding that loses nothing of the matrices: weights out of a bf16 folder go back into bf16.
    ///
    /// # Errors
    /// A tensor that is missing, or tensor arithmetic.
    pub fn exact_encoding(&self, config: &ModelConfig) -> Result<Encoding> {
        for (name, _) in config.tensor_shapes().into_iter().filter(|(_, dims)| dims.len() == 2) {
            let values = self.get(&name)?.to_dense()?.flatten_all()?.to_vec1::<f32>()?;
            if values.iter().any(|x| x.to_bits() & 0xffff != 0) {
                return Ok(Encoding::F32);
            }
        }
        Ok(Encoding::BF16)
    }

    /// Every tensor that the configuration asks for is there, in its shape.
    ///
    /// # Errors
    /// The first that is missing or of another shape.
    pub fn check(&self, config: &ModelConfig) -> Result<()> {
        for (name, expected) in config.tensor_shapes() {
            match self.tensors.get(&name) {
                None => return Err(LmError::MissingTensor { name, expected }),
                Some(t) if t.dims() != expected => {
                    return Err(LmError::TensorShape { got: t.dims().to_vec(), name, expected });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}
