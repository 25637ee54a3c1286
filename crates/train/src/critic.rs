//! PPO's value network: a second model of the policy's shape that guesses, at every token of an answer, what is still to come.
//! The guess is the logit of the token that no text contains (as in [`scorer`](crate::scorer)), read where the token of the
//! answer is predicted; its row of the head starts at 0, so every first guess is 0.
//!
//! Never knows rewards or advantages: it is given returns.

use crate::batch::Packed;
use crate::{AdamW, Result};
use candle_core::{Device, Tensor};
use clicker_lm::weights::WeightTensor;
use clicker_lm::{Decoder, PassMemory, Policy, PolicySnapshot, SPECIAL_TOKENS, Tokenizer};
use clicker_wire::OptimSpec;

/// The network and its optimizer.
pub(crate) struct Critic {
    pub(crate) policy: Policy,
    pub(crate) optimizer: AdamW,
    token: u32,
}

impl Critic {
    /// A value network that begins as the model that the run starts from, knowing no values.
    pub(crate) fn new(spec: &OptimSpec, start: &PolicySnapshot, tokenizer: &Tokenizer) -> Result<Self> {
        let token = score_token(tokenizer);
        let policy = without_scores(start, token)?;
        Ok(Self { optimizer: AdamW::of(spec, &policy)?, policy, token })
    }

    /// The same network, whose passes keep this until they are gone back.
    pub(crate) fn keeping(self, memory: PassMemory) -> Self {
        Self { policy: self.policy.keeping(memory), ..self }
    }

    /// Guesses for every counted token as a table, [B, T]; differentiable.
    pub(crate) fn values(&self, packed: &Packed) -> Result<Tensor> {
        values(self.policy.decoder(), packed, self.token)
    }
}

fn values(decoder: &Decoder, packed: &Packed, token: u32) -> Result<Tensor> {
    let guesses = packed.logits(decoder)?.narrow(1, token as usize, 1)?.squeeze(1)?;
    packed.table(&guesses.to_device(&Device::Cpu)?)
}

/// The token whose logit is a score: one that no text contains, or token 0 where a vocabulary has none.
pub(crate) fn score_token(tokenizer: &Tokenizer) -> u32 {
    tokenizer.id(SPECIAL_TOKENS[0]).unwrap_or(0)
}

/// A trainable copy of a model that scores everything 0: its row of the head (which is the embedding, where both are one) is 0.
pub(crate) fn without_scores(start: &PolicySnapshot, token: u32) -> Result<Policy> {
    let (config, weights) = (start.decoder().config(), start.weights());
    let head = if config.tied { "model.embed_tokens.weight" } else { "lm_head.weight" };
    let mut out = weights.beside();
    for (name, _) in config.tensor_shapes() {
        let tensor = weights.get(&name)?.to_dense()?;
        let tensor = if name == head { zero_row(&tensor, token as usize)? } else { tensor };
        out.insert(name, WeightTensor::Dense(tensor));
    }
    Ok(Policy::new(config, &out)?)
}

fn zero_row(matrix: &Tensor, row: usize) -> Result<Tensor> {
    let (rows, width) = matrix.dims2()?;
    let mut values = matrix.flatten_all()?.to_vec1::<f32>()?;
    values[row * width..(row + 1) * width].fill(0.0);
    Ok(Tensor::from_vec(values, (rows, width), matrix.device())?)
}
