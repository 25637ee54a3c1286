//! A step's answers as people look at them: the first groups of the batch, token by token, with the log-probabilities of the
//! sampler, the policy and the reference beside each other.

use crate::grpo::Pass;
use crate::parallel::SHARDS;
use crate::reward::Scored;
use crate::rollout::Group;
use clicker_lm::TextStream;
use clicker_wire::{Event, SampleGroup, SampledCompletion, SampledReply, SampledToken};

/// Groups shown of every step. The first of a shuffled batch: a fair sample, not the best or the worst.
const SHOWN: usize = 2;

pub(crate) fn event(step: u32, groups: &[Group], scored: &Scored, passes: &[Pass]) -> Event {
    let groups = groups.iter().take(SHOWN).enumerate().map(|(p, group)| show(p, group, scored, passes)).collect();
    Event::Samples { step, groups }
}

fn show(p: usize, group: &Group, scored: &Scored, passes: &[Pass]) -> SampleGroup {
    let pass = &passes[p % SHARDS];
    let first = p / SHARDS * group.answers.len();
    let completions = group
        .answers
        .iter()
        .enumerate()
        .map(|(g, answer)| SampledCompletion {
            text: answer.text.clone(),
            reward: scored.rewards[p][g].clone(),
            advantage: scored.advantages[p][g],
            tokens: (0..answer.ids.len())
                .map(|t| SampledToken {
                    id: Some(answer.ids[t]),
                    text: answer.pieces[t].clone(),
                    old_logprob: answer.logprobs[t],
                    logprob: pass.logprobs[first + g][t],
                    ref_logprob: pass.reference.as_ref().map(|r| r[first + g][t]),
                    entropy: answer.entropies[t],
                })
                .collect(),
            replies: answer
                .replies
                .iter()
                .map(|reply| SampledReply {
                    answer: reply.answer.clone(),
                    tokens: reply.at as u32,
                    said: reply.text.clone(),
                    ids: reply.ids.clone(),
                })
                .collect(),
        })
        .collect();
    SampleGroup { item: group.item.clone(), completions }
}

/// The text that every token of an answer adds; special tokens add nothing.
pub(crate) fn pieces(tokenizer: &clicker_lm::Tokenizer, ids: &[u32]) -> Vec<String> {
    let mut stream = TextStream::default();
    ids.iter().map(|&id| stream.push(tokenizer, id)).collect()
}
