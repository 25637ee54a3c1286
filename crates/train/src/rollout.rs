//! Drawing the answers of a step: P prompts, G answers each, cut into shards by prompt.

use crate::Result;
use crate::parallel::{SHARDS, shards};
use clicker_lm::{ChatTemplate, GenerateOptions, LoadedModel, PolicySnapshot, Tokenizer, generate, stream_seed};
use clicker_wire::{Item, Sampling, StopReason};

/// A prompt and its answers.
#[derive(Clone, Debug)]
pub struct Group {
    /// The question.
    pub item: Item,
    /// Its tokens.
    pub prompt: Vec<u32>,
    /// The answers.
    pub answers: Vec<Answer>,
}

/// One answer with the sampler's numbers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its text, without the end marker; the last turn's where it is a dialogue.
    pub text: String,
    /// Its tokens, the end marker included; never empty. Of all turns, one behind the other, without what the user said.
    pub ids: Vec<u32>,
    /// The text of every token.
    pub pieces: Vec<String>,
    /// ln p of every token under the model that drew it.
    pub logprobs: Vec<f32>,
    /// Entropy at every token, nats.
    pub entropies: Vec<f32>,
    /// Why it ended; a dialogue in which one turn was cut off was cut off.
    pub stop: StopReason,
    /// What came before the last turn; empty for a single answer.
    pub replies: Vec<Reply>,
}

/// An earlier turn of a dialogue, and what the user said to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The earlier answer.
    pub answer: String,
    /// The policy's tokens up to its end.
    pub at: usize,
    /// The user's words.
    pub text: String,
    /// The tokens between the two answers.
    pub ids: Vec<u32>,
}

impl Answer {
    /// The answers of all turns.
    #[must_use]
    pub fn turns(&self) -> Vec<&str> {
        self.replies.iter().map(|reply| reply.answer.as_str()).chain([self.text.as_str()]).collect()
    }

    /// What was drawn in one turn.
    pub(crate) fn single(language: &Language, drawn: &clicker_lm::Drawn) -> Self {
        let ids = drawn.ids();
        Self {
            text: language.tokenizer.decode(&ids),
            pieces: crate::samples::pieces(&language.tokenizer, &ids),
            ids,
            logprobs: drawn.draws.iter().map(|t| t.logprob).collect(),
            entropies: drawn.draws.iter().map(|t| t.entropy).collect(),
            stop: drawn.stop,
            replies: Vec::new(),
        }
    }
}

/// Words and their tokens: what it takes to ask a model and to read its answer.
#[derive(Clone, Debug)]
pub struct Language {
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// The conversation template.
    pub template: ChatTemplate,
    /// Tokens that end an answer.
    pub stop: Vec<u32>,
}

impl Language {
    /// The language of a loaded model.
    ///
    /// # Errors
    /// The model came without a tokenizer.
    pub fn of(model: &LoadedModel) -> Result<Self> {
        Ok(Self { tokenizer: model.tokenizer()?.clone(), template: model.template()?, stop: model.stop_tokens() })
    }

    /// Tokens after which the answer to an item comes.
    ///
    /// # Errors
    /// A text that the vocabulary cannot spell.
    pub fn prompt(&self, item: &Item) -> Result<Vec<u32>> {
        Ok(self.template.prompt(&self.tokenizer, &item.messages)?)
    }
}

/// Draw `group_size` answers to every item. The stream of answer g to the p-th item is that of (seed, step, p, g).
///
/// # Errors
/// A prompt that the model cannot take.
pub fn collect(
    model: &PolicySnapshot,
    language: &Language,
    items: &[Item],
    group_size: usize,
    sampling: &Sampling,
    step: u32,
) -> Result<Vec<Group>> {
    let parts = shards(|shard| {
        let mine: Vec<usize> = (shard..items.len()).step_by(SHARDS).collect();
        collect_shard(model, language, items, &mine, group_size, sampling, step)
    })?;
    let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
    Ok((0..items.len()).filter_map(|p| parts[p % SHARDS].next()).collect())
}

fn collect_shard(
    model: &PolicySnapshot,
    language: &Language,
    items: &[Item],
    mine: &[usize],
    group_size: usize,
    sampling: &Sampling,
    step: u32,
) -> Result<Vec<Group>> {
    if mine.is_empty() {
        return Ok(Vec::new());
    }
    let prompts = mine.iter().map(|&p| language.prompt(&items[p])).collect::<Result<Vec<_>>>()?;
    let stream = |p: usize, g: usize| stream_seed(sampling.seed, step.into(), p as u64, g as u64);
    let rows: Vec<(usize, u64)> =
        mine.iter().enumerate().flat_map(|(local, &p)| (0..group_size).map(move |g| (local, stream(p, g)))).collect();
    let options = GenerateOptions { sampling: sampling.clone(), stop: language.stop.clone(), alternatives: 0 };
    let mut drawn = generate(model, &prompts, &rows, options)?.into_iter();
    Ok(mine
        .iter()
        .zip(prompts)
        .map(|(&p, prompt)| Group {
            item: items[p].clone(),
            prompt,
            answers: drawn.by_ref().take(group_size).map(|d| Answer::single(language, &d)).collect(),
        })
        .collect())
}
