//! What a frozen model says of a given answer, token by token. Knows one model at a time.

use crate::pairs;
use crate::rollout::{Language, collect};
use crate::{Result, TrainError};
use candle_core::Tensor;
use clicker_lm::{LoadedModel, RowPlan};
use clicker_rewards::verdict::verdict;
use clicker_wire::{Expected, Item, Sampling, TokenAlternative, TokenReading, Verdict};
use std::sync::Arc;

/// Longest answer that is weighed, in tokens.
pub const MAX_ANSWER: usize = 256;

/// Longest greedy answer, in tokens.
const MAX_GREEDY: u32 = 48;

/// Likeliest tokens that are reported.
const TOP: usize = 5;

/// Rows whose logits exist at the same time.
const CHUNK: usize = 64;

/// A model under examination.
pub struct Subject<'a> {
    /// Its name for people.
    pub name: String,
    pub(crate) model: &'a LoadedModel,
    pub(crate) language: Language,
}

/// An answer in tokens, the end marker included.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) ids: Vec<u32>,
    /// ln p of all tokens, nats.
    pub(crate) logprob: f64,
}

impl<'a> Subject<'a> {
    /// A model with its name.
    ///
    /// # Errors
    /// The model came without a tokenizer.
    pub fn new(name: impl Into<String>, model: &'a LoadedModel) -> Result<Self> {
        Ok(Self { name: name.into(), model, language: Language::of(model)? })
    }

    /// Its greedy answer.
    pub(crate) fn greedy(&self, item: &Item) -> Result<Said> {
        let sampling = Sampling { temperature: 0.0, max_new_tokens: MAX_GREEDY, ..Sampling::default() };
        let groups = collect(&self.model.snapshot, &self.language, std::slice::from_ref(item), 1, &sampling, 0)?;
        let answer = groups.into_iter().next().and_then(|mut group| group.answers.pop());
        let answer = answer.ok_or_else(|| TrainError::Explain(format!("{} gave no answer", self.name)))?;
        let logprob = answer.logprobs.iter().map(|&l| f64::from(l)).sum();
        Ok(Said { text: answer.text, ids: answer.ids, logprob })
    }

    /// A given text as an answer, with the end marker.
    pub(crate) fn answer(&self, text: &str) -> Result<Vec<u32>> {
        let ids = pairs::answer(&self.language, text)?;
        if ids.len() > MAX_ANSWER {
            let words = format!("the answer has {} tokens; at most {MAX_ANSWER} can be looked at", ids.len());
            return Err(TrainError::Explain(words));
        }
        Ok(ids)
    }

    /// The tokens before an answer to the item.
    pub(crate) fn prompt(&self, item: &Item) -> Result<Vec<u32>> {
        self.language.prompt(item)
    }

    /// Normalised final states that predict the tokens of an answer, [T, D].
    pub(crate) fn states(&self, prompt: &[u32], answer: &[u32]) -> Result<Tensor> {
        let ids = [prompt, &answer[..answer.len().saturating_sub(1)]].concat();
        let plan = Arc::new(RowPlan::independent(&[ids.len()]));
        let hidden = self.model.snapshot.decoder().hidden(&ids, &plan)?;
        Ok(hidden.narrow(0, prompt.len() - 1, answer.len())?)
    }

    /// Every token of an answer under this model.
    pub(crate) fn readings(&self, prompt: &[u32], answer: &[u32]) -> Result<Vec<TokenReading>> {
        let states = self.states(prompt, answer)?;
        let mut out = Vec::with_capacity(answer.len());
        for start in (0..answer.len()).step_by(CHUNK) {
            let rows = CHUNK.min(answer.len() - start);
            let logits = self.model.snapshot.decoder().logits(&states.narrow(0, start, rows)?)?.to_vec2::<f32>()?;
            for (row, &id) in logits.iter().zip(&answer[start..]) {
                out.push(self.reading(row, id));
            }
        }
        Ok(out)
    }

    /// ln p of an answer, nats.
    pub(crate) fn weigh(&self, prompt: &[u32], answer: &[u32]) -> Result<f64> {
        Ok(self.readings(prompt, answer)?.iter().map(|r| r.logprob).sum())
    }

    fn reading(&self, logits: &[f32], id: u32) -> TokenReading {
        let most = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let sum: f64 = logits.iter().map(|&l| (f64::from(l) - most).exp()).sum();
        let log_sum = most + sum.ln();
        let own = logits[id as usize];
        // H = -sum p ln p = ln Z - sum p l.
        let mean: f64 = logits.iter().map(|&l| (f64::from(l) - log_sum).exp() * f64::from(l)).sum();
        let mut best: Vec<(u32, f32)> = Vec::with_capacity(TOP + 1);
        for (other, &logit) in logits.iter().enumerate() {
            if best.len() < TOP || best.last().is_some_and(|least| logit > least.1) {
                let place = best.partition_point(|kept| kept.1 >= logit);
                best.insert(place, (other as u32, logit));
                best.truncate(TOP);
            }
        }
        let alternative = |(id, logit): (u32, f32)| TokenAlternative {
            id,
            text: self.language.tokenizer.token_text(id),
            logprob: (f64::from(logit) - log_sum) as f32,
        };
        TokenReading {
            logprob: f64::from(own) - log_sum,
            rank: 1 + logits.iter().filter(|&&l| l > own).count() as u32,
            entropy: (log_sum - mean).max(0.0),
            top: best.into_iter().map(alternative).collect(),
        }
    }
}

/// What an answer is, where the truth is known.
pub(crate) fn judged(item: &Item, text: &str) -> Option<Verdict> {
    (item.expected != Expected::Unknown).then(|| verdict(item, text))
}
