//! A checkpoint's files: the master with full weights, the quantized copy that browsers load, and the adapter where one was
//! trained.

use crate::critic::Critic;
use crate::rollout::Language;
use crate::{CheckpointBytes, Result};
use clicker_lm::weights::{Encoding, export, peft};
use clicker_lm::{Policy, PolicySnapshot};

/// All files of a policy as it stands, and those of the further members of an ensemble.
///
/// # Errors
/// Tensor arithmetic.
pub(crate) fn checkpoint_bytes(policy: &Policy, members: &[Critic], language: &Language) -> Result<CheckpointBytes> {
    let model = policy.snapshot()?;
    let file = |model: &PolicySnapshot, encoding| export(model, Some(&language.tokenizer), "clicker", encoding);
    Ok(CheckpointBytes {
        master: file(&model, Encoding::F32)?,
        browser: file(&model, Encoding::Q8_0)?,
        members: members
            .iter()
            .map(|member| Ok(file(&member.policy.snapshot()?, Encoding::F32)?))
            .collect::<Result<_>>()?,
        adapter: policy.adapter()?.map(|adapter| peft::write(&adapter, None)).transpose()?.unwrap_or_default(),
        shape: model.decoder().config().shape(),
    })
}
