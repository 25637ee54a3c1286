//! Making the built-in model.

use super::{Result, at};
use clicker_lm::weights::{Encoding, export};
use clicker_train::pretrain::{PretrainSpec, pretrain as make};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

pub use clicker_train::pretrain::Progress as PretrainProgress;

/// What to make and where to put it.
#[derive(Clone, Debug)]
pub struct PretrainRequest {
    /// The GGUF file.
    pub out: PathBuf,
    /// Optimizer steps; none means the recipe's.
    pub steps: Option<u32>,
    /// Seed; none means the recipe's.
    pub seed: Option<u64>,
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Pretrained {
    /// Hash of the file.
    pub sha256: String,
    /// Its length.
    pub bytes: usize,
    /// Weights.
    pub parameters: u64,
}

impl PretrainRequest {
    fn spec(&self) -> PretrainSpec {
        let recipe = PretrainSpec::default();
        PretrainSpec { steps: self.steps.unwrap_or(recipe.steps), seed: self.seed.unwrap_or(recipe.seed), ..recipe }
    }

    /// Steps that it will take.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.spec().steps
    }
}

/// Make the model and write it as F16 GGUF.
///
/// # Errors
/// Numbers that diverge, or a file that cannot be written.
pub fn pretrain(request: &PretrainRequest, progress: &mut dyn FnMut(PretrainProgress)) -> Result<Pretrained> {
    let (snapshot, tokenizer) = make(&request.spec(), progress)?;
    let bytes = export(&snapshot, Some(&tokenizer), "clicker builtin", Encoding::F16)?;
    if let Some(folder) = request.out.parent() {
        std::fs::create_dir_all(folder).map_err(at(folder))?;
    }
    std::fs::write(&request.out, &bytes).map_err(at(&request.out))?;
    Ok(Pretrained {
        sha256: hex::encode(Sha256::digest(&bytes)),
        bytes: bytes.len(),
        parameters: snapshot.decoder().config().parameters(),
    })
}
