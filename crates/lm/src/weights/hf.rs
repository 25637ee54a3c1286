//! Hugging Face folders: `config.json` with `model.safetensors`, or with shards listed in `model.safetensors.index.json`.
//!
//! Files are asked for by plain name from whoever has them (a folder, a download, a test), so that nothing here touches a disk.

use super::gguf::Kind;
use super::{WeightTensor, Weights};
use crate::{LmError, ModelConfig, PolicySnapshot, Result, Tokenizer};
use candle_core::{Device, Tensor};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::{BTreeMap, BTreeSet};

/// Read a folder's file by plain name; none if it is not there.
pub type ReadFile<'a> = dyn FnMut(&str) -> std::io::Result<Option<Vec<u8>>> + 'a;

/// Configuration and tensors of a folder. F32, F16 and BF16 tensors become f32.
///
/// # Errors
/// A missing or broken file, a missing tensor, a wrong shape, an unknown architecture.
pub fn read(read: &mut ReadFile<'_>) -> Result<(ModelConfig, Weights)> {
    let json = required(read, "config.json")?;
    let json = String::from_utf8(json).map_err(|_| LmError::file("config.json", "it is not UTF-8"))?;
    let config = ModelConfig::from_hf_json(&json)?;
    let wanted: BTreeMap<String, Vec<usize>> = config.tensor_shapes().into_iter().collect();
    let mut weights = Weights::default();
    for file in weight_files(read)? {
        let bytes = required(read, &file)?;
        let tensors = SafeTensors::deserialize(&bytes)
            .map_err(|e| LmError::file(&file, format!("{e}; is the file complete?")))?;
        for (name, view) in tensors.iter() {
            let Some(expected) = wanted.get(name) else { continue };
            if view.shape() != expected {
                return Err(LmError::TensorShape {
                    name: name.into(),
                    got: view.shape().to_vec(),
                    expected: expected.clone(),
                });
            }
            weights.insert(name.to_owned(), WeightTensor::Dense(dense(&file, name, &view)?));
        }
    }
    weights.check(&config)?;
    Ok((config, weights))
}

/// A file that may be absent.
///
/// # Errors
/// The reader's own.
pub fn optional(read: &mut ReadFile<'_>, name: &str) -> Result<Option<Vec<u8>>> {
    read(name).map_err(|source| LmError::Io { path: name.to_owned(), source })
}

/// The files of a folder for this model: (plain name, bytes).
///
/// # Errors
/// Quantized weights, or tensor arithmetic.
pub fn write(model: &PolicySnapshot, tokenizer: Option<&Tokenizer>) -> Result<Vec<(String, Vec<u8>)>> {
    let config = model.decoder().config();
    let mut data = Vec::new();
    for (name, dims) in config.tensor_shapes() {
        let floats = model.weights().get(&name)?.to_dense()?.flatten_all()?.to_vec1::<f32>()?;
        data.push((name, dims, floats.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()));
    }
    let tensors = f32_file("model.safetensors", &data)?;
    let mut files =
        vec![("config.json".to_owned(), config.to_hf_json().into_bytes()), ("model.safetensors".to_owned(), tensors)];
    if let Some(tokenizer) = tokenizer {
        files.push(("tokenizer.json".to_owned(), tokenizer.to_json()?.into_bytes()));
    }
    Ok(files)
}

/// A safetensors file of f32 tensors: (name, dimensions, little-endian values).
pub(super) fn f32_file(file: &str, data: &[(String, Vec<usize>, Vec<u8>)]) -> Result<Vec<u8>> {
    let problem = |e: safetensors::SafeTensorError| LmError::file(file, e.to_string());
    let views = data
        .iter()
        .map(|(name, dims, bytes)| {
            Ok((name.as_str(), TensorView::new(Dtype::F32, dims.clone(), bytes).map_err(problem)?))
        })
        .collect::<Result<Vec<_>>>()?;
    safetensors::serialize(views, None).map_err(problem)
}

pub(super) fn required(read: &mut ReadFile<'_>, name: &str) -> Result<Vec<u8>> {
    optional(read, name)?.ok_or_else(|| LmError::file(name, "it is not in the folder; a model folder holds config.json and model.safetensors (or its shards and their index), an adapter's adapter_config.json and adapter_model.safetensors"))
}

fn weight_files(read: &mut ReadFile<'_>) -> Result<Vec<String>> {
    const INDEX: &str = "model.safetensors.index.json";
    let Some(index) = optional(read, INDEX)? else {
        return Ok(vec!["model.safetensors".to_owned()]);
    };
    let index: serde_json::Value =
        serde_json::from_slice(&index).map_err(|e| LmError::file(INDEX, format!("it is not JSON: {e}")))?;
    let map = index.get("weight_map").and_then(serde_json::Value::as_object);
    let map = map.ok_or_else(|| LmError::file(INDEX, "it has no `weight_map`"))?;
    let files: BTreeSet<&str> = map.values().filter_map(serde_json::Value::as_str).collect();
    // A shard is a file of this folder, never a path out of it.
    if let Some(path) = files.iter().find(|f| f.contains(['/', '\\']) || **f == "..") {
        return Err(LmError::file(INDEX, format!("shard `{path}` is not a plain file name")));
    }
    Ok(files.into_iter().map(str::to_owned).collect())
}

fn dense(file: &str, name: &str, view: &TensorView<'_>) -> Result<Tensor> {
    Ok(Tensor::from_vec(floats_of(file, name, view)?, view.shape().to_vec(), &Device::Cpu)?)
}

/// A tensor's values as f32, whatever of the three types they have.
fn floats_of(file: &str, name: &str, view: &TensorView<'_>) -> Result<Vec<f32>> {
    Ok(floats(kind_of(file, name, view)?, view.data()))
}

/// Which of the three types of floats a tensor has.
pub(super) fn kind_of(file: &str, name: &str, view: &TensorView<'_>) -> Result<Kind> {
    match view.dtype() {
        Dtype::F32 => Ok(Kind::F32),
        Dtype::F16 => Ok(Kind::F16),
        Dtype::BF16 => Ok(Kind::BF16),
        other => Err(LmError::file(file, format!("tensor `{name}` is of type {other:?}; expected F32, F16 or BF16"))),
    }
}

/// Values of 2 or 4 bytes each; nothing for blocks.
pub(super) fn floats(kind: Kind, data: &[u8]) -> Vec<f32> {
    let pairs = data.as_chunks::<2>().0.iter();
    match kind {
        Kind::F32 => data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Kind::F16 => pairs.map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
        Kind::BF16 => pairs.map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
        Kind::Q4_0 | Kind::Q5_0 | Kind::Q8_0 | Kind::Q4K | Kind::Q6K => Vec::new(),
    }
}
