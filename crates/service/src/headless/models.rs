//! Models by path: a GGUF file, or a Hugging Face folder.

use super::{HeadlessError, Result, at};
use clicker_lm::{LoadedModel, Precision, weights};
use sha2::{Digest, Sha256};
use std::io::ErrorKind;
use std::path::Path;

/// Load a model for inference in full precision.
///
/// # Errors
/// Nothing there, or a file or folder that is not a model this program runs.
pub fn load(path: &Path) -> Result<LoadedModel> {
    exists(path)?;
    if path.is_dir() {
        let mut read = |name: &str| match std::fs::read(path.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        };
        return Ok(LoadedModel::from_hf_folder(&mut read)?);
    }
    Ok(LoadedModel::from_gguf(&std::fs::read(path).map_err(at(path))?, Precision::Full)?)
}

/// A model as the GGUF bytes that training starts from.
///
/// # Errors
/// As [`load`].
pub fn master_bytes(path: &Path) -> Result<Vec<u8>> {
    exists(path)?;
    if path.is_dir() {
        let model = load(path)?;
        let encoding = model.snapshot.weights().exact_encoding(&model.config)?;
        return Ok(weights::export(&model.snapshot, model.tokenizer.as_ref(), "imported", encoding)?);
    }
    std::fs::read(path).map_err(at(path))
}

fn exists(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    Err(HeadlessError::Request(format!(
        "no model at `{}`: give a GGUF file, or a Hugging Face folder with config.json, tokenizer.json and *.safetensors",
        path.display()
    )))
}

/// Hash of a model file; of a folder, that of its weights as they would be exported.
///
/// # Errors
/// As [`load`].
pub fn hash_file(path: &Path) -> Result<String> {
    Ok(hex::encode(Sha256::digest(master_bytes(path)?)))
}
