//! KTO (arXiv 2402.01306): single answers that someone called good or bad, a frozen reference, no pairs and no sampling.
//! Never knows rewards.
//!
//! Departure: z0 is estimated from the whole step, each prompt with the answer to the next one of the step, before any
//! gradient; the loss is divided by the sum of the step's weights.

use crate::batch::Packed;
use crate::cursor::Cursor;
use crate::pairs::{answer, numbers};
use crate::parallel::{SHARDS, shards};
use crate::rollout::Language;
use crate::session::{Metrics, Session, Stopwatch};
use crate::sft::add_gradients;
use crate::{Control, Outcome, Result, Sink};
use candle_core::{Device, Tensor};
use clicker_dataset::Judgement;
use clicker_lm::{Decoder, Policy, PolicySnapshot};
use clicker_rl::metrics::pairs as named;
use clicker_rl::preference::kto::{KtoConfig, kto, mismatched, reference_point, rewards};
use clicker_rl::preference::{log_ratios, sums, weighted};

/// A judgement in tokens.
#[derive(Clone, Debug)]
pub(crate) struct Vote {
    prompt: Vec<u32>,
    answer: Vec<u32>,
    good: bool,
    weight: f64,
}

impl Vote {
    /// # Errors
    /// A text that the vocabulary cannot spell.
    pub(crate) fn new(language: &Language, judgement: &Judgement) -> Result<Self> {
        Ok(Self {
            prompt: language.template.prompt(&language.tokenizer, &judgement.prompt)?,
            answer: answer(language, &judgement.completion)?,
            good: judgement.good,
            weight: judgement.weight,
        })
    }
}

pub(crate) fn run(
    session: &mut Session<'_>,
    data: &[Vote],
    sink: &mut dyn Sink,
    control: &dyn Fn() -> Control,
) -> Result<Outcome> {
    let recipe = session.recipe;
    let config = KtoConfig {
        beta: recipe.kto.beta,
        desirable_weight: recipe.kto.desirable_weight,
        undesirable_weight: recipe.kto.undesirable_weight,
    };
    let mut cursor = Cursor::new(recipe.seed, data.len(), recipe.kto.batch as usize);
    while let Some(step) = session.next_step(sink)? {
        if control() == Control::Pause {
            return Ok(Outcome::Paused);
        }
        let (mut watch, mut values) = (Stopwatch::start(), Metrics::new());
        let batch: Vec<&Vote> = cursor.items(step).into_iter().map(|i| &data[i]).collect();
        let z0 = moved(&session.policy, &session.reference, &batch)?;
        watch.lap(&mut values, "timing/reference");
        let gradient = gradient(&session.policy, &session.reference, &batch, z0, &config)?;
        watch.lap(&mut values, "timing/train");
        session.learn(sink, step, &mut values, gradient.loss, &gradient.gradients)?;
        watch.lap(&mut values, "timing/optimizer");
        values.extend(named::unpaired(&gradient.rewards[1], &gradient.rewards[0], z0));
        values.extend(named::logps(&gradient.logps[1], &gradient.logps[0]));
        values.insert("epoch".into(), cursor.epoch(step));
        watch.total(&mut values);
        session.finish_step(sink, values, Vec::new(), gradient.tokens)?;
    }
    Ok(Outcome::Finished)
}

/// z0: how far the policy has moved on answers to other questions.
fn moved(policy: &Policy, reference: &PolicySnapshot, batch: &[&Vote]) -> Result<f64> {
    let others = mismatched(batch.len());
    let parts = shards(|shard| -> Result<Vec<f64>> {
        let mine = (shard..batch.len()).step_by(SHARDS);
        let rows: Vec<(&[u32], &[u32])> =
            mine.map(|i| (batch[i].prompt.as_slice(), batch[others[i]].answer.as_slice())).collect();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let packed = packed(&rows)?;
        let of = |decoder: &Decoder| answers(&packed, decoder);
        numbers(&log_ratios(&of(policy.decoder())?.detach(), &of(reference.decoder())?)?)
    })?;
    Ok(reference_point(&parts.concat())?)
}

/// Loss and gradient of a batch.
#[derive(Default)]
struct VoteGradient {
    loss: f64,
    gradients: Vec<Option<Tensor>>,
    /// Implied rewards of bad (0) and good (1) answers.
    rewards: [Vec<f64>; 2],
    /// ln pi of whole answers, likewise.
    logps: [Vec<f64>; 2],
    tokens: usize,
}

fn gradient(
    policy: &Policy,
    reference: &PolicySnapshot,
    batch: &[&Vote],
    z0: f64,
    config: &KtoConfig,
) -> Result<VoteGradient> {
    let divisor = batch.iter().map(|v| v.weight).sum::<f64>().max(f64::MIN_POSITIVE);
    let parts = shards(|shard| -> Result<VoteGradient> {
        let mine: Vec<&Vote> = batch.iter().skip(shard).step_by(SHARDS).copied().collect();
        let mut out = VoteGradient { gradients: vec![None; policy.parameters().len()], ..VoteGradient::default() };
        if mine.is_empty() {
            return Ok(out);
        }
        let rows: Vec<(&[u32], &[u32])> = mine.iter().map(|v| (v.prompt.as_slice(), v.answer.as_slice())).collect();
        let packed = packed(&rows)?;
        let column =
            |f: &dyn Fn(&Vote) -> f32| Tensor::new(mine.iter().map(|v| f(v)).collect::<Vec<f32>>(), &Device::Cpu);
        let logp = answers(&packed, policy.decoder())?;
        let ratios = log_ratios(&logp, &answers(&packed, reference.decoder())?)?;
        let losses = kto(&ratios, &column(&|v| f32::from(u8::from(v.good)))?, z0, config)?;
        let loss = weighted(&losses, &column(&|v| v.weight as f32)?, divisor)?;
        let store = loss.backward()?;
        out.loss = f64::from(loss.to_scalar::<f32>()?);
        out.gradients = policy.parameters().iter().map(|(_, p)| store.get(p.as_tensor()).cloned()).collect();
        out.tokens = packed.computed_rows();
        for ((vote, reward), logp) in mine.iter().zip(rewards(&ratios, config)?).zip(numbers(&logp.detach())?) {
            out.rewards[usize::from(vote.good)].push(reward);
            out.logps[usize::from(vote.good)].push(logp);
        }
        Ok(out)
    })?;
    let mut sum = VoteGradient { gradients: vec![None; policy.parameters().len()], ..VoteGradient::default() };
    for part in parts {
        add_gradients(&mut sum.gradients, &part.gradients)?;
        sum.loss += part.loss;
        sum.tokens += part.tokens;
        for (sum, part) in [(&mut sum.rewards, part.rewards), (&mut sum.logps, part.logps)] {
            sum.iter_mut().zip(part).for_each(|(sum, part)| sum.extend(part));
        }
    }
    Ok(sum)
}

fn packed(rows: &[(&[u32], &[u32])]) -> Result<Packed> {
    Packed::groups(rows.iter().map(|(prompt, answer)| (*prompt, vec![*answer])))
}

/// ln p of whole answers, [n]; differentiable.
fn answers(packed: &Packed, decoder: &Decoder) -> Result<Tensor> {
    Ok(sums(&packed.table(&packed.logprobs(decoder)?)?, &packed.mask(|_| true)?)?)
}
