//! A model and an adapter made one.

use super::{HeadlessError, Result, at, load};
use clicker_lm::PolicySnapshot;
use clicker_lm::weights::{Encoding, export, hf, peft};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What to merge and where to put it.
pub struct MergeRequest {
    /// The base: a GGUF file or a Hugging Face folder.
    pub model: PathBuf,
    /// PEFT's folder.
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
    if request.out.exists() {
        let out = request.out.display();
        return Err(HeadlessError::Request(format!(
            "{out} is there already; choose another --out, or remove it first"
        )));
    }
    let base = load(&request.model)?;
    let adapter = peft::read(&mut |name| file(&request.adapter, name), &base.config)?;
    let weights = adapter.merged(base.snapshot.weights(), &base.config, request.share)?;
    let merged = PolicySnapshot::new(&base.config, weights, 0)?;
    if request.out.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf")) {
        let bytes = export(&merged, base.tokenizer.as_ref(), "merged", Encoding::F32)?;
        fs::write(&request.out, bytes).map_err(at(&request.out))?;
    } else {
        fs::create_dir_all(&request.out).map_err(at(&request.out))?;
        for (name, bytes) in hf::write(&merged, base.tokenizer.as_ref())? {
            let path = request.out.join(name);
            fs::write(&path, bytes).map_err(at(&path))?;
        }
    }
    Ok(adapter.pairs().len())
}

fn file(folder: &Path, name: &str) -> std::io::Result<Option<Vec<u8>>> {
    match fs::read(folder.join(name)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
