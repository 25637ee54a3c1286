//! Asking a model many questions at once, greedily or by draws. A prompt that does not fit into the model's context is left out, which
//! is no verdict on the model.

use super::wanted;
use crate::Result;
use crate::rollout::{Group, Language, collect};
use clicker_lm::{GenerateOptions, PolicySnapshot, generate, stream_seed};
use clicker_rewards::verdict::verdict;
use clicker_wire::{Item, Sampling, SuiteExample, Verdict};

/// Prompts that are computed together.
const BATCH: usize = 128;

/// A model with its words.
pub(super) struct Asker<'a> {
    pub(super) model: &'a PolicySnapshot,
    pub(super) language: &'a Language,
    pub(super) max_new_tokens: u32,
    pub(super) seed: u64,
}

/// A greedy answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    /// The whole text.
    pub(super) text: String,
    /// What it is, a stated confidence cut out before.
    pub(super) verdict: Verdict,
    /// Product of its tokens' probabilities.
    pub(super) confidence: f64,
}

impl Said {
    /// The answer as an example of something.
    pub(super) fn example(&self, of: &str, item: &Item, clean: Option<&Said>) -> SuiteExample {
        SuiteExample {
            of: of.into(),
            item: item.id.clone(),
            prompt: item.messages.clone(),
            wanted: wanted(item),
            clean: clean.map(|said| said.text.clone()),
            answer: self.text.clone(),
            score: None,
            receipts: Vec::new(),
        }
    }
}

impl Asker<'_> {
    /// The greedy answer to every item, in order; none where the prompt does not fit.
    pub(super) fn ask(&self, items: &[Item]) -> Result<Vec<Option<Said>>> {
        let said = |group: &Group| {
            let answer = &group.answers[0];
            let confidence = answer.logprobs.iter().map(|l| f64::from(*l)).sum::<f64>().exp();
            Said { text: answer.text.clone(), verdict: verdict(&group.item, &answer.text), confidence }
        };
        Ok(self.draw(items, 1, 0.0)?.into_iter().map(|group| group.as_ref().map(said)).collect())
    }

    /// `count` answers to every item at a temperature.
    pub(super) fn draw(&self, items: &[Item], count: usize, temperature: f32) -> Result<Vec<Option<Group>>> {
        let sampling =
            Sampling { temperature, max_new_tokens: self.max_new_tokens, seed: self.seed, ..Sampling::default() };
        let mut fits = Vec::with_capacity(items.len());
        for item in items {
            fits.push(self.fits(self.language.prompt(item)?.len()));
        }
        let asked: Vec<Item> = items.iter().zip(&fits).filter(|(_, fits)| **fits).map(|(i, _)| i.clone()).collect();
        let mut groups = Vec::with_capacity(asked.len());
        for (batch, items) in asked.chunks(BATCH).enumerate() {
            groups.extend(collect(self.model, self.language, items, count, &sampling, batch as u32)?);
        }
        let mut groups = groups.into_iter();
        Ok(fits.into_iter().map(|fits| if fits { groups.next() } else { None }).collect())
    }

    /// What the model says after an answer that is begun: greedily to its end. None where that does not fit.
    pub(super) fn go_on(&self, item: &Item, begun: &str) -> Result<Option<String>> {
        let tokenizer = &self.language.tokenizer;
        let mut prompt = self.language.prompt(item)?;
        prompt.extend(tokenizer.encode(begun.trim_end())?);
        if !self.fits(prompt.len()) {
            return Ok(None);
        }
        let sampling =
            Sampling { temperature: 0.0, max_new_tokens: self.max_new_tokens, seed: self.seed, ..Sampling::default() };
        let options = GenerateOptions { sampling, stop: self.language.stop.clone(), alternatives: 0 };
        let drawn = generate(self.model, &[prompt], &[(0, stream_seed(self.seed, 0, 0, 0))], options)?;
        Ok(drawn.first().map(|drawn| format!("{}{}", begun.trim_end(), tokenizer.decode(&drawn.ids()))))
    }

    fn fits(&self, prompt: usize) -> bool {
        prompt > 0 && prompt + self.max_new_tokens as usize <= self.model.decoder().config().context
    }
}
