//! Which stored rollouts of a run pushed towards an answer: first-order influence (TracIn, arXiv 2002.08484) at one checkpoint.
//!
//! With the loss of rollout z as the run's recipe has it, L_z = sum_t l(ln p_t), a plain gradient step of rate 1 on it alone
//! changes the answer's log-probability by
//!
//! `push(z) = -<grad ln p(answer), grad L_z> = -sum_t s_t <grad ln p(answer), grad ln p_t>`,
//!
//! s_t the slope of the loss at the numbers that were stored with the step (ratio, clip, advantage, KL), the gradients taken at
//! the checkpoint that is asked about. Departures, each a limit of what the numbers mean:
//! 1. one checkpoint instead of the sum over all, and neither Adam's scaling nor the learning rate nor the divisor that all
//!    rollouts of a step share;
//! 2. [`InfluenceOver::Head`] counts only what passes through the output projection; [`InfluenceOver::All`] counts all weights,
//!    as a central difference of every rollout along the answer's own gradient;
//! 3. only what the run stored is compared: the first two groups of a step.

use super::head::Factors;
use super::inspect::{is_left_out, spec_at, terms};
use super::read::Subject;
use super::say::{ended, quoted};
use crate::batch::{Continuation, Packed};
use crate::parallel::{SHARDS, shards};
use crate::rollout::Reply;
use crate::{Result, TrainError};
use clicker_lm::weights::WeightTensor;
use clicker_lm::{Decoder, Policy, PolicySnapshot};
use clicker_wire::{
    Algorithm, Event, GraderPush, GrpoSpec, Influence, InfluenceOver, Influencer, Item, LossAggregation, Recipe,
    SampleGroup, SampledReply,
};
use std::collections::BTreeMap;

/// Rollouts that are shown on each side.
const SHOWN: usize = 5;

/// Groups that are compared at most; of more, an evenly spaced choice.
const MOST_GROUPS: usize = 400;

/// How far the weights are moved along the answer's gradient, as a change of its log-probability in nats: far enough for f32, near
/// enough for the third order not to matter.
const REACH: f64 = 0.05;

/// A stored group with the loss that its step had.
struct Stored<'a> {
    step: u32,
    place: u32,
    group: &'a SampleGroup,
    spec: GrpoSpec,
}

/// The rollouts that pushed most towards an answer and away from it; without an answer, the checkpoint's greedy one.
///
/// # Errors
/// A run that stores no rollouts; a question or answer that the model cannot take.
pub fn influence(
    recipe: &Recipe,
    events: &[Event],
    subject: &Subject<'_>,
    item: &Item,
    answer: Option<&str>,
    over: InfluenceOver,
) -> Result<Influence> {
    if recipe.algorithm != Algorithm::Grpo {
        return Err(TrainError::Explain(
            "this run's algorithm stores no rollouts, so nothing can be compared; runs of the GRPO family do".into(),
        ));
    }
    let (text, ids) = match answer {
        Some(text) => (text.to_owned(), subject.answer(text)?),
        None => {
            let said = subject.greedy(item)?;
            (said.text, said.ids)
        }
    };
    let (stored, all) = stored(recipe, events);
    if stored.is_empty() {
        return Err(TrainError::Explain("this run has stored no rollouts yet; its first step will".into()));
    }
    let prompt = subject.prompt(item)?;
    let pushes = match over {
        InfluenceOver::Head => through_the_head(subject, &stored, &prompt, &ids)?,
        InfluenceOver::All => through_all(subject, &stored, &prompt, &ids)?,
    };
    let (mut found, mut left_out) = (Vec::new(), 0);
    let mut by_grader: BTreeMap<String, (f64, u32)> = BTreeMap::new();
    for (stored, pushes) in stored.iter().zip(pushes) {
        for (sample, (completion, push)) in stored.group.completions.iter().zip(pushes).enumerate() {
            let Some(Push { push, cosine }) = push else {
                left_out += 1;
                continue;
            };
            for (grader, share) in shares(stored.group, sample) {
                let sum = by_grader.entry(grader.to_owned()).or_default();
                *sum = (sum.0 + push * share, sum.1 + 1);
            }
            found.push(Influencer {
                step: stored.step,
                group: stored.place,
                sample: sample as u32,
                question: stored.group.item.question().to_owned(),
                text: completion.text.clone(),
                advantage: completion.advantage,
                reward: completion.reward.clone(),
                push,
                cosine,
            });
        }
    }
    let rollouts = found.len() as u32;
    found.sort_by(|a, b| b.push.total_cmp(&a.push).then(a.step.cmp(&b.step)));
    let towards: Vec<_> = found.iter().filter(|f| f.push > 0.0).take(SHOWN).cloned().collect();
    let away: Vec<_> = found.iter().rev().filter(|f| f.push < 0.0).take(SHOWN).cloned().collect();
    let mut out = Influence {
        item: item.clone(),
        answer: text,
        logprob: subject.weigh(&prompt, &ids)?,
        model: subject.name.clone(),
        over,
        rollouts,
        left_out,
        graders: graders(by_grader),
        towards,
        away,
        words: Vec::new(),
    };
    out.words = words(&out, (stored.len(), all));
    Ok(out)
}

/// What is compared of what a run stored: groups, and how many there are in all.
fn stored<'a>(recipe: &Recipe, events: &'a [Event]) -> (Vec<Stored<'a>>, usize) {
    let mut figures: BTreeMap<u32, &BTreeMap<String, f64>> = BTreeMap::new();
    for event in events {
        if let Event::Metrics { step, values } = event {
            figures.insert(*step, values);
        }
    }
    let none = BTreeMap::new();
    let mut out = Vec::new();
    for event in events {
        if let Event::Samples { step, groups } = event {
            let spec = spec_at(recipe, figures.get(step).copied().unwrap_or(&none));
            let of = |(place, group)| Stored { step: *step, place: place as u32, group, spec: spec.clone() };
            out.extend(groups.iter().enumerate().map(of));
        }
    }
    let all = out.len();
    if all > MOST_GROUPS {
        let kept: std::collections::BTreeSet<usize> = (0..MOST_GROUPS).map(|i| i * all / MOST_GROUPS).collect();
        let mut place = 0;
        out.retain(|_| {
            place += 1;
            kept.contains(&(place - 1))
        });
    }
    (out, all)
}

/// A rollout's push, where it can be compared.
#[derive(Clone, Copy)]
struct Push {
    push: f64,
    cosine: Option<f64>,
}

/// A group in tokens: its prompt and, of the answers that can be compared, index, tokens and coefficients; with what a user
/// said between them.
struct Prepared {
    prompt: Vec<u32>,
    answers: Vec<(usize, Vec<u32>, Vec<f64>)>,
    replies: Vec<Vec<Reply>>,
}

impl Prepared {
    fn of(subject: &Subject<'_>, stored: &Stored<'_>) -> Result<Self> {
        let vocab = subject.model.config.vocab;
        let part = if is_left_out(&stored.spec, stored.group) { 0.0 } else { 1.0 };
        let (mut answers, mut replies) = (Vec::new(), Vec::new());
        for (index, completion) in stored.group.completions.iter().enumerate() {
            let ids: Option<Vec<u32>> = completion.tokens.iter().map(|t| t.id).collect();
            let Some(ids) = ids.filter(|ids| !ids.is_empty() && ids.iter().all(|&id| (id as usize) < vocab)) else {
                continue;
            };
            let slopes = terms(&stored.spec, completion)?.slope;
            // GRPO's own aggregation weighs a token by its answer's length; every other divisor is the same for all answers.
            let length = if stored.spec.loss_type == LossAggregation::Grpo { ids.len() as f64 } else { 1.0 };
            let coefficients: Vec<f64> = slopes.into_iter().map(|s| part * s / length).collect();
            if coefficients.iter().all(|c| c.is_finite()) {
                answers.push((index, ids, coefficients));
                replies.push(completion.replies.iter().map(reply).collect());
            }
        }
        Ok(Self { prompt: subject.prompt(&stored.group.item)?, answers, replies })
    }

    fn packed(&self) -> Result<Packed> {
        let all = self.answers.iter().zip(&self.replies);
        let answers = all.map(|((_, ids, _), replies)| Continuation { ids, replies }).collect();
        Packed::groups([(self.prompt.as_slice(), answers)])
    }
}

fn reply(stored: &SampledReply) -> Reply {
    let SampledReply { answer, tokens, said, ids } = stored.clone();
    Reply { answer, at: tokens as usize, text: said, ids }
}

/// Work on every stored group, in shards; results in the order of the groups.
fn each<T: Send>(stored: &[Stored<'_>], work: impl Fn(&Stored<'_>) -> Result<T> + Sync) -> Result<Vec<T>> {
    let parts = shards(|shard| stored.iter().skip(shard).step_by(SHARDS).map(&work).collect::<Result<Vec<T>>>())?;
    let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
    Ok((0..stored.len()).filter_map(|i| parts[i % SHARDS].next()).collect())
}

fn through_the_head(
    subject: &Subject<'_>,
    stored: &[Stored<'_>],
    prompt: &[u32],
    ids: &[u32],
) -> Result<Vec<Vec<Option<Push>>>> {
    let asked = Factors::of(subject, prompt, ids)?;
    let length = asked.squared_length(&vec![1.0; ids.len()])?.max(0.0).sqrt();
    each(stored, |stored| {
        let prepared = Prepared::of(subject, stored)?;
        let mut out = vec![None; stored.group.completions.len()];
        if prepared.answers.is_empty() {
            return Ok(out);
        }
        let states = prepared.packed()?.states(subject.model.snapshot.decoder())?;
        let mut start = 0;
        for (index, ids, coefficients) in &prepared.answers {
            let factors = Factors::from_states(subject, &states.narrow(0, start, ids.len())?, ids)?;
            start += ids.len();
            let products = asked.products(&factors)?;
            let push = -products.iter().map(|row| dot(row, coefficients)).sum::<f64>();
            let own = factors.squared_length(coefficients)?.max(0.0).sqrt();
            let both = own * length;
            out[*index] = Some(Push { push, cosine: Some(if both > 0.0 { push / both } else { 0.0 }) });
        }
        Ok(out)
    })
}

fn through_all(
    subject: &Subject<'_>,
    stored: &[Stored<'_>],
    prompt: &[u32],
    ids: &[u32],
) -> Result<Vec<Vec<Option<Push>>>> {
    let (up, down, reach) = moved(subject, prompt, ids)?;
    each(stored, |stored| {
        let prepared = Prepared::of(subject, stored)?;
        let mut out = vec![None; stored.group.completions.len()];
        if prepared.answers.is_empty() {
            return Ok(out);
        }
        let packed = prepared.packed()?;
        let weighed = |decoder: &Decoder| -> Result<Vec<f64>> {
            let values: Vec<f32> = packed.logprobs(decoder)?.to_vec1()?;
            Ok(values.into_iter().map(f64::from).collect())
        };
        let (up, down) = (weighed(up.decoder())?, weighed(down.decoder())?);
        let mut start = 0;
        for (index, ids, coefficients) in &prepared.answers {
            let span = start..start + ids.len();
            start = span.end;
            let change: Vec<f64> = up[span.clone()].iter().zip(&down[span]).map(|(u, d)| u - d).collect();
            out[*index] = Some(Push { push: -dot(&change, coefficients) / (2.0 * reach), cosine: None });
        }
        Ok(out)
    })
}

/// The weights moved up and down along the gradient of the answer's log-probability, by `reach` times that gradient.
fn moved(subject: &Subject<'_>, prompt: &[u32], ids: &[u32]) -> Result<(PolicySnapshot, PolicySnapshot, f64)> {
    let config = &subject.model.config;
    let policy = Policy::new(config, subject.model.snapshot.weights())?;
    let packed = Packed::groups([(prompt, vec![ids])])?;
    let store = packed.logprobs(policy.decoder())?.sum_all()?.backward()?;
    let mut squared = 0.0;
    let mut gradients = Vec::new();
    for (_, var) in policy.parameters() {
        let gradient = store.get(var.as_tensor()).cloned();
        if let Some(gradient) = &gradient {
            squared += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
        gradients.push(gradient);
    }
    // Along the gradient the log-probability changes by reach * |gradient|^2.
    let reach = REACH / squared.max(f64::MIN_POSITIVE);
    if !reach.is_finite() {
        return Err(TrainError::Explain("the answer's gradient is 0: nothing can push a certain answer".into()));
    }
    let at = |by: f64| -> Result<PolicySnapshot> {
        let mut weights = subject.model.snapshot.weights().beside();
        for ((name, var), gradient) in policy.parameters().iter().zip(&gradients) {
            let tensor = match gradient {
                Some(gradient) => (var.as_tensor() + (gradient * by)?)?.detach(),
                None => var.as_tensor().detach().copy()?,
            };
            weights.insert(name.clone(), WeightTensor::Dense(tensor));
        }
        Ok(PolicySnapshot::new(config, weights, 0)?)
    };
    Ok((at(reach)?, at(-reach)?, reach))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// What set an answer apart from its group, by grader: shares that add up to 1. An advantage compares an answer with its group, so a
/// grader that paid the whole group alike has no part in it. Empty where nothing sets it apart.
fn shares(group: &SampleGroup, sample: usize) -> Vec<(&str, f64)> {
    let mut apart: BTreeMap<&str, f64> = BTreeMap::new();
    for (place, completion) in group.completions.iter().enumerate() {
        let weight = f64::from(u8::from(place == sample)) - 1.0 / group.completions.len() as f64;
        for receipt in &completion.reward.receipts {
            *apart.entry(&receipt.grader).or_default() += weight * receipt.contribution();
        }
    }
    let total: f64 = apart.values().sum();
    if total.abs() < 1e-9 {
        return Vec::new();
    }
    apart.into_iter().filter(|(_, part)| part.abs() > 1e-9).map(|(grader, part)| (grader, part / total)).collect()
}

fn graders(sums: BTreeMap<String, (f64, u32)>) -> Vec<GraderPush> {
    let mut out: Vec<GraderPush> =
        sums.into_iter().map(|(grader, (push, rollouts))| GraderPush { grader, push, rollouts }).collect();
    out.sort_by(|a, b| b.push.abs().total_cmp(&a.push.abs()));
    out
}

fn words(found: &Influence, (groups, all): (usize, usize)) -> Vec<String> {
    let side = |list: &[Influencer], what: &str| match list.first() {
        None => ended(format!("No stored rollout pushed {what} {}", quoted(&found.answer))),
        Some(first) => {
            let sign = if first.advantage > 0.0 { "rewarded above its group" } else { "rewarded below its group" };
            format!(
                "The strongest push {what} {} came at step {} from the answer {} to {}, {sign} (advantage {:.2}).",
                quoted(&found.answer),
                first.step,
                quoted(&first.text),
                quoted(&first.question),
                first.advantage
            )
        }
    };
    let mut out = vec![side(&found.towards, "towards"), side(&found.away, "away from")];
    let over = match found.over {
        InfluenceOver::Head => "only through the output projection; what the layers below learnt is not counted",
        InfluenceOver::All => "through all weights, as a central difference along the answer's gradient",
    };
    out.push(format!(
        "{} rollouts were compared at {}, {over}. It is a first-order estimate at this one checkpoint: it leaves out Adam's \
         scaling, the learning rate and all rollouts that the run did not store (it keeps the first two groups of each step).",
        found.rollouts, found.model
    ));
    if groups < all {
        out.push(format!("Of the {all} stored groups, {groups} evenly spaced ones were compared."));
    }
    if found.left_out > 0 {
        out.push(format!("{} stored rollouts were left out: they were stored without token ids.", found.left_out));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_wire::{Receipt, Reward, SampledCompletion};

    /// Both graders paid both answers the same for their form; only the truth sets them apart, and the length of one.
    #[test]
    fn a_grader_that_pays_all_alike_has_no_part_in_a_push() {
        let receipt = |grader: &str, weight: f64, score: f64| Receipt {
            grader: grader.into(),
            score: Some(score),
            weight,
            reason: String::new(),
            spans: Vec::new(),
        };
        let answer = |truth: f64, length: f64| SampledCompletion {
            text: String::new(),
            reward: Reward {
                total: truth + 0.1 + length,
                receipts: vec![
                    receipt("truthful", 1.0, truth),
                    receipt("format", 0.1, 1.0),
                    receipt("length", 1.0, length),
                ],
                notes: Vec::new(),
            },
            advantage: 1.0,
            tokens: Vec::new(),
            replies: Vec::new(),
        };
        let group = SampleGroup { item: Item::free("?"), completions: vec![answer(0.0, 0.0), answer(-1.0, -0.25)] };
        let found = shares(&group, 0);
        assert_eq!(found.iter().map(|(grader, _)| *grader).collect::<Vec<_>>(), ["length", "truthful"]);
        assert!((found[0].1 - 0.2).abs() < 1e-12 && (found[1].1 - 0.8).abs() < 1e-12, "{found:?}");
        let alike = SampleGroup { item: Item::free("?"), completions: vec![answer(1.0, 0.0), answer(1.0, 0.0)] };
        assert!(shares(&alike, 0).is_empty());
    }
}
