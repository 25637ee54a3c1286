//! A checkpoint's files: the master with full weights, and the quantized copy that browsers load.

use crate::rollout::Language;
use crate::{CheckpointBytes, Result};
use clicker_lm::PolicySnapshot;
use clicker_lm::weights::{Encoding, export};

/// Both files of a snapshot.
///
/// # Errors
/// Tensor arithmetic.
pub fn checkpoint_bytes(model: &PolicySnapshot, language: &Language) -> Result<CheckpointBytes> {
    let file = |encoding| export(model, Some(&language.tokenizer), "clicker", encoding);
    Ok(CheckpointBytes {
        master: file(Encoding::F32)?,
        browser: file(Encoding::Q8_0)?,
        shape: model.decoder().config().shape(),
    })
}
