//! A reward model in use: one number for an answer. The score is the logit of one token, which no text contains, after the
//! answer's end marker: `<|pad|>`, or token 0 where a vocabulary has none. So the scalar head is a row of the model's own
//! head, a reward model is an ordinary checkpoint, and whatever runs checkpoints can score with it.
//!
//! Never knows a loss or an optimizer.

use crate::batch::Packed;
use crate::pairs::{answer, numbers};
use crate::rollout::Language;
use crate::{Result, TrainError};
use candle_core::Tensor;
use clicker_lm::{Decoder, LoadedModel, Precision, SPECIAL_TOKENS};
use clicker_wire::Message;

/// Answers scored in one forward pass.
const CHUNK: usize = 64;

/// A frozen reward model.
#[derive(Clone, Debug)]
pub struct RewardScorer {
    model: LoadedModel,
    language: Language,
}

impl RewardScorer {
    /// From a checkpoint that a reward-model run published.
    ///
    /// # Errors
    /// Bytes that are no model, or a model without a tokenizer.
    pub fn from_gguf(bytes: &[u8]) -> Result<Self> {
        let model = LoadedModel::from_gguf(bytes, Precision::Full)?;
        let language = Language::of(&model)?;
        Ok(Self { model, language })
    }

    /// Scores of answers to conversations, in their order.
    ///
    /// # Errors
    /// A text that the vocabulary cannot spell or that is longer than the model's context.
    pub fn scores(&self, answers: &[(&[Message], &str)]) -> Result<Vec<f64>> {
        let mut out = Vec::with_capacity(answers.len());
        for chunk in answers.chunks(CHUNK) {
            let rows = chunk
                .iter()
                .map(|(prompt, text)| {
                    let prompt = self.language.template.prompt(&self.language.tokenizer, prompt)?;
                    let row = row(&self.language, &prompt, &answer(&self.language, text)?);
                    let context = self.model.config.context;
                    match row.len() <= context {
                        true => Ok(row),
                        false => Err(TrainError::Recipe(format!(
                            "an answer with its prompt has {} tokens, the reward model reads {context}",
                            row.len()
                        ))),
                    }
                })
                .collect::<Result<Vec<_>>>()?;
            out.extend(numbers(&scores(self.model.snapshot.decoder(), &rows)?)?);
        }
        Ok(out)
    }
}

/// Prompt and answer as a row whose last token's logit is the score.
pub(crate) fn row(language: &Language, prompt: &[u32], answer: &[u32]) -> Vec<u32> {
    let token = language.tokenizer.id(SPECIAL_TOKENS[0]).unwrap_or(0);
    [prompt, answer, &[token]].concat()
}

/// The scores of rows, [n]; differentiable.
pub(crate) fn scores(decoder: &Decoder, rows: &[Vec<u32>]) -> Result<Tensor> {
    let masks: Vec<Vec<bool>> = rows.iter().map(|r| (1..=r.len()).map(|t| t == r.len()).collect()).collect();
    let packed = Packed::conversations(rows.iter().zip(&masks).map(|(r, m)| (r.as_slice(), m.as_slice())));
    let logits = packed.logits(decoder)?;
    Ok(logits.gather(&packed.targets()?.unsqueeze(1)?, 1)?.squeeze(1)?)
}
