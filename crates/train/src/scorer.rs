//! A reward model in use: one number for an answer. The score is the logit of one token, which no text contains, after the
//! answer's end marker: `<|pad|>`, or token 0 where a vocabulary has none. So the scalar head is a row of the model's own
//! head, a reward model is an ordinary checkpoint, and whatever runs checkpoints can score with it.
//!
//! Never knows a loss or an optimizer.

use crate::batch::Packed;
use crate::critic::score_token;
use crate::judging::{self, JudgeModel};
use crate::pairs::{answer, numbers};
use crate::rollout::Language;
use crate::{Result, TrainError};
use candle_core::{Device, Tensor};
use clicker_lm::{Compute, Decoder, LoadedModel, Precision};
use clicker_rewards::openai::{Judge, JudgeError, JudgeReply, JudgeRequest, Panel, Patient, Replies, Seat};
use clicker_rewards::{Outside, RewardModels};
use clicker_wire::{Grader, Item, Message, RewardConfig};
use std::collections::{BTreeMap, BTreeSet};

/// The models that a recipe's graders name: reward models, and models that judge.
#[derive(Debug, Default)]
pub struct Scorers {
    models: BTreeMap<String, Vec<RewardScorer>>,
    judges: Panel<JudgeModel>,
    /// Answers come again from step to step, and a judge says the same each time.
    replies: Replies,
}

impl Scorers {
    /// Those of this configuration, from the checkpoints that were brought along under their names: masters of reward models, and
    /// of judges the files that browsers get.
    ///
    /// # Errors
    /// One that was not brought along, or cannot be read.
    pub fn new(
        config: &RewardConfig,
        brought: &BTreeMap<String, Vec<Vec<u8>>>,
        judges: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Self> {
        let of = |name: String| {
            let members = brought.get(&name).ok_or_else(|| {
                TrainError::Recipe(format!("the reward names the reward model {name}, but it was not brought along"))
            })?;
            let members = members.iter().map(|bytes| RewardScorer::from_gguf(bytes)).collect::<Result<_>>()?;
            Ok((name, members))
        };
        let seat = |name: String| {
            let bytes = judges.get(&name).ok_or_else(|| judging::missing(&name))?;
            let seat = Seat { name: name.clone(), identity: name.clone(), model: JudgeModel::from_gguf(bytes)? };
            Ok((name, Ok(seat)))
        };
        Ok(Self {
            models: named(config).into_iter().map(of).collect::<Result<_>>()?,
            judges: Panel { seats: judging::named(config).into_iter().map(seat).collect::<Result<_>>()? },
            replies: Replies::default(),
        })
    }

    /// The same with the reward models elsewhere; judges are the browser's engine and stay where they are.
    ///
    /// # Errors
    /// A device that has no room for them.
    pub(crate) fn on(mut self, compute: &Compute) -> Result<Self> {
        for scorer in self.models.values_mut().flatten() {
            scorer.model = scorer.model.clone().on(compute)?;
        }
        Ok(self)
    }

    /// What graders get from outside the text.
    #[must_use]
    pub fn outside(&self) -> Outside<'_> {
        Outside {
            models: (!self.models.is_empty()).then_some(self as &dyn RewardModels),
            judge: Some(self as &dyn Judge),
            ..Outside::default()
        }
    }
}

impl RewardModels for Scorers {
    fn scores(&self, checkpoint: &str, item: &Item, text: &str) -> std::result::Result<Vec<f64>, String> {
        let members = self.models.get(checkpoint).ok_or_else(|| "it is not at hand".to_owned())?;
        let of = |member: &RewardScorer| {
            let scores = member.scores(&[(&item.messages, text)]).map_err(|e| e.to_string())?;
            scores.first().copied().ok_or_else(|| "it gave no score".to_owned())
        };
        members.iter().map(of).collect()
    }
}

impl Judge for Scorers {
    fn seated(&self, model: &str) -> std::result::Result<String, String> {
        self.judges.seated(model)
    }

    fn ask(&self, request: &JudgeRequest<'_>) -> std::result::Result<JudgeReply, JudgeError> {
        Patient::new(&self.judges, &self.replies, &|| true).ask(request)
    }
}

/// Checkpoints of the reward models that a configuration names, each once.
#[must_use]
pub fn named(config: &RewardConfig) -> BTreeSet<String> {
    let of = |grader: &Grader| match grader {
        Grader::RewardModel { checkpoints, .. } => checkpoints.clone(),
        _ => Vec::new(),
    };
    config.graders.iter().flat_map(|g| of(&g.grader)).collect()
}

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
    [prompt, answer, &[score_token(&language.tokenizer)]].concat()
}

/// The scores of rows, [n], in the processor's memory; differentiable.
pub(crate) fn scores(decoder: &Decoder, rows: &[Vec<u32>]) -> Result<Tensor> {
    let masks: Vec<Vec<bool>> = rows.iter().map(|r| (1..=r.len()).map(|t| t == r.len()).collect()).collect();
    let packed = Packed::conversations(rows.iter().zip(&masks).map(|(r, m)| (r.as_slice(), m.as_slice())));
    let logits = packed.logits(decoder)?;
    let scores = logits.gather(&packed.targets(logits.device())?.unsqueeze(1)?, 1)?.squeeze(1)?;
    Ok(scores.to_device(&Device::Cpu)?)
}
