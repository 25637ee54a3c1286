//! A low-rank adapter as its file holds it, PEFT's folder or GGUF: pairs of matrices in any element format, by Hugging Face name.
//! What both readers give, and what training as well as the engine take. Knows no arithmetic.

use super::gguf::{Kind, TensorView, Value};
use super::gguf_model::{self, Direction, reorder_rows, rotary_heads, stored_name};
use super::{gguf, peft};
use crate::lora::Adapter;
use crate::{LmError, ModelConfig, Result};
use clicker_wire::{LORA_TARGETS, LoraSpec};
use std::borrow::Cow;

/// An adapter out of a file, checked against a model: every pair belongs to a matrix of it and has its shape.
#[derive(Clone, Debug)]
pub struct StoredAdapter {
    pub(crate) pairs: Vec<StoredPair>,
}

/// W becomes W + scale * B A.
#[derive(Clone, Debug)]
pub(crate) struct StoredPair {
    /// Hugging Face name of the matrix, `.weight` included.
    pub(crate) name: String,
    /// alpha / r, or alpha / sqrt(r).
    pub(crate) scale: f32,
    /// [r, in]
    pub(crate) a: StoredTensor,
    /// [out, r], rows in Hugging Face order.
    pub(crate) b: StoredTensor,
}

/// A tensor's bytes.
#[derive(Clone, Debug)]
pub(crate) struct StoredTensor {
    pub(crate) kind: Kind,
    /// Rows first.
    pub(crate) dims: Vec<usize>,
    pub(crate) data: Vec<u8>,
}

impl StoredAdapter {
    /// From the two files of a PEFT folder, `adapter_config.json` and `adapter_model.safetensors`.
    ///
    /// # Errors
    /// A broken file, another kind of adapter, or one that does not fit the model; names the tensor and the shape expected.
    pub fn from_peft(config: &[u8], tensors: &[u8], model: &ModelConfig) -> Result<Self> {
        Ok(peft::stored(config, tensors, model)?.1)
    }

    /// From a GGUF file whose `general.type` is `adapter`. Ranks may differ from pair to pair.
    ///
    /// # Errors
    /// As [`Self::from_peft`].
    pub fn from_gguf(bytes: &[u8], model: &ModelConfig) -> Result<Self> {
        Ok(read_gguf(bytes, model)?.1)
    }

    /// Bytes of the values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.pairs.iter().map(|pair| pair.a.data.len() + pair.b.data.len()).sum()
    }
}

/// Read a GGUF adapter for training or merging.
///
/// # Errors
/// As [`StoredAdapter::from_gguf`]; ranks that differ, matrices that are adapted in some layers only.
pub fn read(bytes: &[u8], model: &ModelConfig) -> Result<Adapter> {
    let (alpha, stored) = read_gguf(bytes, model)?;
    let r = stored.pairs.first().map_or(0, |pair| pair.a.dims[0]);
    let has = |module: &str| stored.pairs.iter().any(|pair| pair.name.ends_with(&format!(".{module}.weight")));
    let target_modules = LORA_TARGETS.into_iter().filter(|module| has(module)).map(str::to_owned).collect();
    // Without alpha the pair's product is taken as it is.
    let lora_alpha = if alpha == 0.0 { r as f32 } else { alpha };
    let spec = LoraSpec { r: r as u32, lora_alpha, target_modules, use_rslora: false };
    Adapter::from_stored(&spec, model, stored)
}

/// Write an adapter as a GGUF file that llama.cpp loads beside the base.
///
/// # Errors
/// Tensor arithmetic.
pub fn write(adapter: &Adapter, model: &ModelConfig, name: &str) -> Result<Vec<u8>> {
    // Readers divide alpha by the rank.
    let alpha = adapter.spec().scale() * f64::from(adapter.spec().r);
    let text = |key: &str, value: &str| (key.to_owned(), Value::Text(value.to_owned()));
    let metadata = [
        text("general.type", "adapter"),
        text("general.architecture", model.architecture.name()),
        text("general.name", name),
        text("adapter.type", "lora"),
        ("adapter.lora.alpha".to_owned(), Value::Float(alpha)),
    ];
    let mut tensors = Vec::new();
    for pair in adapter.pairs() {
        let stored = stored_name(&pair.name);
        for (half, tensor) in [("lora_a", &pair.a), ("lora_b", &pair.b)] {
            let mut data = gguf_model::encode(tensor, Kind::F32)?;
            if let (Some(heads), "lora_b") = (rotary_heads(model, &pair.name), half) {
                data = reorder_rows(&data, tensor.dims()[0], heads, Direction::ToFile);
            }
            tensors.push((format!("{stored}.{half}"), Kind::F32, tensor.dims().to_vec(), data));
        }
    }
    gguf::write(&metadata, &tensors)
}

/// Alpha and the pairs.
fn read_gguf(bytes: &[u8], model: &ModelConfig) -> Result<(f32, StoredAdapter)> {
    let file = gguf::read(bytes)?;
    let bad = |problem: String| LmError::file("adapter", problem);
    let (keys, family) = (&file.header.metadata, model.architecture.name());
    for (key, wanted) in [("general.type", "adapter"), ("adapter.type", "lora"), ("general.architecture", family)] {
        match keys.get(key) {
            Some(Value::Text(found)) if found == wanted => {}
            other => {
                let found = match other {
                    Some(Value::Text(found)) => format!("`{found}`"),
                    _ => "missing".to_owned(),
                };
                return Err(bad(format!("`{key}` is {found}; expected `{wanted}`, for this model")));
            }
        }
    }
    if keys.contains_key("adapter.alora.invocation_tokens") {
        return Err(bad("it acts only behind certain tokens (aLoRA), which is not supported".into()));
    }
    let alpha = match keys.get("adapter.lora.alpha") {
        None => 0.0,
        Some(Value::Float(x)) if x.is_finite() && *x >= 0.0 => *x as f32,
        Some(other) => return Err(bad(format!("adapter.lora.alpha is {other:?}; expected a number of at least 0"))),
    };
    let (mut tensors, mut pairs) = (file.tensors, Vec::new());
    for (name, shape) in model.tensor_shapes().into_iter().filter(|(_, shape)| shape.len() == 2) {
        let stored = stored_name(&name);
        let halves = ["lora_a", "lora_b"].map(|half| tensors.remove(&format!("{stored}.{half}")));
        let [a, b] = match halves {
            [None, None] => continue,
            [Some(a), Some(b)] => [a, b].map(owned),
            _ => return Err(bad(format!("`{stored}` has only one of lora_a and lora_b"))),
        };
        if !LORA_TARGETS.iter().any(|module| name.ends_with(&format!(".{module}.weight"))) {
            return Err(bad(format!("it changes `{stored}`; adapters of embeddings and heads are not supported")));
        }
        let rank = a.dims[0];
        for (half, tensor, expected) in [("lora_a", &a, [rank, shape[1]]), ("lora_b", &b, [shape[0], rank])] {
            if tensor.dims != expected {
                let (name, got) = (format!("{stored}.{half}"), tensor.dims.clone());
                return Err(LmError::TensorShape { name, got, expected: expected.to_vec() });
            }
        }
        let b = match rotary_heads(model, &name) {
            Some(heads) => StoredTensor { data: reorder_rows(&b.data, shape[0], heads, Direction::FromFile), ..b },
            None => b,
        };
        pairs.push(StoredPair { name, scale: if alpha == 0.0 { 1.0 } else { alpha / rank as f32 }, a, b });
    }
    match tensors.keys().next() {
        Some(odd) => Err(bad(format!("it holds `{odd}`, which this model does not have or cannot adapt"))),
        None if pairs.is_empty() => Err(bad("it holds no pair of lora_a and lora_b".into())),
        None => Ok((alpha, StoredAdapter { pairs })),
    }
}

fn owned(view: TensorView<'_>) -> StoredTensor {
    StoredTensor { kind: view.kind, dims: view.dims, data: view.data.to_vec() }
}

impl StoredPair {
    /// B with its rows as the model's GGUF file orders those of the matrix.
    pub(crate) fn b_of_file(&self, model: &ModelConfig) -> Cow<'_, [u8]> {
        match rotary_heads(model, &self.name) {
            Some(heads) => Cow::Owned(reorder_rows(&self.b.data, self.b.dims[0], heads, Direction::ToFile)),
            None => Cow::Borrowed(&self.b.data),
        }
    }
}
