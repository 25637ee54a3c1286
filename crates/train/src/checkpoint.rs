//! A checkpoint's files: the master with full weights, the quantized copy that browsers load, and the adapter where one was
//! trained.

use crate::rollout::Language;
use crate::{CheckpointBytes, Result};
use clicker_lm::Policy;
use clicker_lm::weights::{Encoding, export, peft};

/// All files of a policy as it stands.
///
/// # Errors
/// Tensor arithmetic.
pub(crate) fn checkpoint_bytes(policy: &Policy, language: &Language) -> Result<CheckpointBytes> {
    let model = policy.snapshot()?;
    let file = |encoding| export(&model, Some(&language.tokenizer), "clicker", encoding);
    Ok(CheckpointBytes {
        master: file(Encoding::F32)?,
        browser: file(Encoding::Q8_0)?,
        adapter: policy.adapter()?.map(|adapter| peft::write(&adapter, None)).transpose()?.unwrap_or_default(),
        shape: model.decoder().config().shape(),
    })
}
