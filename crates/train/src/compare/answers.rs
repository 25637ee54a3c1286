//! What a model says to every held-out question, greedily, judged by the code that rewards. Knows no training.

use crate::Result;
use crate::rollout::{Group, Language, collect};
use clicker_lm::PolicySnapshot;
use clicker_rewards::confidence::aside;
use clicker_rewards::normalise::normalise;
use clicker_rewards::verdict::verdict;
use clicker_wire::{AnsweredItem, Item, Sampling};

/// Prompts that are computed together.
const BATCH: usize = 128;
/// Longest answer, as in every other measurement.
const LONGEST: u32 = 24;

/// Ask a model every item; one record per item, in their order.
///
/// # Errors
/// A prompt that the model cannot take.
pub fn ask(model: &PolicySnapshot, language: &Language, items: &[Item]) -> Result<Vec<AnsweredItem>> {
    let sampling = Sampling { temperature: 0.0, max_new_tokens: LONGEST, ..Sampling::default() };
    let mut answered = Vec::with_capacity(items.len());
    for (batch, items) in items.chunks(BATCH).enumerate() {
        let groups = collect(model, language, items, 1, &sampling, batch as u32)?;
        answered.extend(groups.iter().map(record));
    }
    Ok(answered)
}

/// A question with its one answer. A stated confidence is no part of what is judged.
pub(super) fn record(group: &Group) -> AnsweredItem {
    let (item, answer) = (&group.item, &group.answers[0]);
    AnsweredItem {
        id: item.id.clone(),
        unit: unit(item).to_owned(),
        domain: item.domain,
        knowledge: item.knowledge,
        expected: item.expected,
        verdict: verdict(item, &answer.text),
        said: normalise(&aside(&answer.text)).text,
        paraphrased: item.paraphrase_group.is_some(),
        confidence: answer.logprobs.iter().map(|l| f64::from(*l)).sum::<f64>().exp(),
    }
}

/// Questions that belong together share this: other words for the same thing, another name in the same text.
#[must_use]
pub fn unit(item: &Item) -> &str {
    item.paraphrase_group.as_ref().or(item.name_pair.as_ref()).map_or(item.id.as_str(), String::as_str)
}
