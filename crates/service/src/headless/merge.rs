//! A model and an adapter made one; an adapter for llama.cpp and the browser's engine.

use super::export_model::{is_free, write_model};
use super::{HeadlessError, Result, at, load};
use clicker_lm::lora::Adapter;
use clicker_lm::weights::{adapter, peft};
use clicker_lm::{ModelConfig, PolicySnapshot};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What to merge and where to put it.
pub struct MergeRequest {
    /// The base: a GGUF file or a Hugging Face folder.
    pub model: PathBuf,
    /// PEFT's folder, or a GGUF adapter.
    pub adapter: PathBuf,
    /// How much of the adapter: 0 is the base, 1 all of it.
    pub share: f64,
    /// A `.gguf` file, or else a Hugging Face folder.
    pub out: PathBuf,
}

/// Merge; the number of matrices that changed comes back.
///
/// # Errors
/// A model or adapter that cannot be read, or that do not fit each other; a place that cannot be written.
pub fn merge(request: &MergeRequest) -> Result<usize> {
    if !request.share.is_finite() {
        return Err(HeadlessError::Request(format!(
            "--share is {}; expected a number, 1 for the whole adapter",
            request.share
        )));
    }
    is_free(&request.out)?;
    let base = load(&request.model)?;
    let adapter = read(&request.adapter, &base.config)?;
    let weights = adapter.merged(base.snapshot.weights(), &base.config, request.share)?;
    let merged = PolicySnapshot::new(&base.config, weights, 0)?;
    write_model(&merged, base.tokenizer.as_ref(), "merged", &request.out)?;
    Ok(adapter.pairs().len())
}

/// Write an adapter of a model as one GGUF file; the number of its matrices comes back.
///
/// # Errors
/// As [`merge`].
pub fn adapter_as_gguf(model: &Path, adapter: &Path, out: &Path) -> Result<usize> {
    is_free(out)?;
    let base = load(model)?;
    let adapter = read(adapter, &base.config)?;
    fs::write(out, adapter::write(&adapter, &base.config, "adapter")?).map_err(at(out))?;
    Ok(adapter.pairs().len())
}

fn read(path: &Path, config: &ModelConfig) -> Result<Adapter> {
    Ok(if path.is_file() {
        adapter::read(&fs::read(path).map_err(at(path))?, config)?
    } else {
        peft::read(&mut |name| file(path, name), config)?
    })
}

fn file(folder: &Path, name: &str) -> std::io::Result<Option<Vec<u8>>> {
    match fs::read(folder.join(name)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
