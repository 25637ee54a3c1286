//! A model in the other of the two forms: a GGUF file, or a Hugging Face folder.

use super::{HeadlessError, Result, at, load};
use clicker_lm::weights::{Encoding, export, hf};
use clicker_lm::{PolicySnapshot, Tokenizer};
use clicker_wire::ModelShape;
use std::fs;
use std::path::Path;

/// Write a model, full weights in f32, as what the name of `out` says: a `.gguf` file, or else a Hugging Face folder.
///
/// # Errors
/// A model that cannot be read, or a place that is taken or cannot be written.
pub fn export_model(model: &Path, out: &Path) -> Result<ModelShape> {
    is_free(out)?;
    let model = load(model)?;
    write_model(&model.snapshot, model.tokenizer.as_ref(), "exported", out)?;
    Ok(model.config.shape())
}

/// That nothing would be written over.
pub(super) fn is_free(out: &Path) -> Result<()> {
    if !out.exists() {
        return Ok(());
    }
    let out = out.display();
    Err(HeadlessError::Request(format!("{out} is there already; choose another --out, or remove it first")))
}

/// Write a model to a place that is free.
pub(super) fn write_model(model: &PolicySnapshot, tokenizer: Option<&Tokenizer>, name: &str, out: &Path) -> Result<()> {
    if out.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf")) {
        return fs::write(out, export(model, tokenizer, name, Encoding::F32)?).map_err(at(out));
    }
    fs::create_dir_all(out).map_err(at(out))?;
    for (name, bytes) in hf::write(model, tokenizer)? {
        let path = out.join(name);
        fs::write(&path, bytes).map_err(at(&path))?;
    }
    Ok(())
}
