//! Frozen models as judges of OpenAI's model graders: the engine of the browser, natively, on the same small file. So a reward
//! that was previewed with a judge in a tab is trained with the same verdicts.
//!
//! Never knows the policy: a judge is brought along as bytes when the run starts and does not change with it.

use crate::{Result, TrainError};
use clicker_lm::{Engine, Inference, LoadedModel, weights::quantized_copy};
use clicker_rewards::openai::Chooser;
use clicker_wire::{Choice, Message, RewardConfig, Sampling};
use std::collections::BTreeSet;

/// A model that weighs replies.
#[derive(Clone, Debug)]
pub struct JudgeModel<M = Engine>(pub LoadedModel<M>);

impl JudgeModel {
    /// From the file that browsers get.
    ///
    /// # Errors
    /// Bytes that are no model.
    pub fn from_gguf(bytes: &[u8]) -> Result<Self> {
        Ok(Self(LoadedModel::for_engine(bytes)?))
    }

    /// From a master file, by way of the copy that browsers would get.
    ///
    /// # Errors
    /// Bytes that are no model.
    pub fn from_master(bytes: &[u8]) -> Result<Self> {
        Self::from_gguf(&quantized_copy(bytes)?.0)
    }
}

impl<M: Inference> Chooser for JudgeModel<M> {
    fn choose(
        &self,
        conversation: &[Message],
        replies: &[String],
        sampling: &Sampling,
    ) -> std::result::Result<Choice, String> {
        self.0.choose(conversation, replies, sampling).map_err(|e| e.to_string())
    }
}

/// The names of models that a reward's graders ask, each once.
#[must_use]
pub fn named(config: &RewardConfig) -> BTreeSet<String> {
    config.judges().into_iter().map(str::to_owned).collect()
}

/// That a judge was not brought along.
pub(crate) fn missing(name: &str) -> TrainError {
    TrainError::Recipe(format!(
        "a grader of the reward asks the model {name:?}, which was not brought along; name \"builtin\" or a checkpoint that is \
         there"
    ))
}
