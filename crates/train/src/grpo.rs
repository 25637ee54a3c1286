//! Group relative policy optimisation (arXiv 2402.03300), one step after another.
//!
//! A step reads: prompts, a group of answers to each, rewards, group advantages, then one or more updates of the clipped
//! objective with the k3 KL to the reference, then what happened. Departures from the paper, each a choice of the recipe:
//! 1. token losses are averaged over all tokens of the step by default (DAPO's aggregation, TRL's default);
//! 2. the old log-probabilities are the sampler's own, stored with every answer; the gap to the recomputed ones is logged;
//! 3. groups without any difference in reward can be left out (`zero_variance = "skip"`).
//!
//! Never knows SQL, files or the user interface.

use crate::batch::Packed;
use crate::cursor::Cursor;
use crate::parallel::{SHARDS, shards};
use crate::reward::{Scored, score_at};
use crate::rollout::{Group, collect};
use crate::session::{LOSS, Metrics, Session, Stopwatch, finite};
use crate::{Control, Outcome, Result, Sink, dry_run, samples, schedule};
use candle_core::{Device, Tensor};
use clicker_lm::{Policy, PolicySnapshot};
use clicker_rl::metrics::{self, ClipCount};
use clicker_rl::{Aggregation, ClipConfig, aggregate, kl, loss};
use clicker_wire::{GrpoSpec, Item, LossAggregation, Sampling, StopReason, ZeroVariance};

pub(crate) fn run(
    session: &mut Session<'_>,
    items: &[Item],
    sink: &mut dyn Sink,
    control: &dyn Fn() -> Control,
) -> Result<Outcome> {
    let recipe = session.recipe;
    let rollout = &recipe.rollout;
    let sampling = Sampling { seed: recipe.seed, ..rollout.sampling.clone() };
    let mut cursor = Cursor::new(recipe.seed, items.len(), rollout.prompts as usize);
    let draw = |session: &Session<'_>, step: u32, cursor: &mut Cursor| {
        let asked: Vec<Item> = cursor.items(step).into_iter().map(|i| items[i].clone()).collect();
        let sampler = session.policy.snapshot()?;
        collect(&sampler, &session.language, &asked, rollout.group_size as usize, &sampling, step)
    };
    // The dry run looks at the first step's answers, which are then trained on.
    let mut drawn = if session.is_fresh() { Some(draw(session, 1, &mut cursor)?) } else { None };
    if let Some(groups) = &drawn {
        session.open_with(dry_run::opening(recipe, groups));
    }
    while let Some(step) = session.next_step(sink)? {
        if control() == Control::Pause {
            return Ok(Outcome::Paused);
        }
        let (mut watch, mut values) = (Stopwatch::start(), Metrics::new());

        let groups = match drawn.take() {
            Some(groups) => groups,
            None => draw(session, step, &mut cursor)?,
        };
        watch.lap(&mut values, "timing/rollout");

        let (reward, prices) = {
            let controllers = &session.place.controllers;
            (controllers.in_force(&recipe.reward), controllers.multipliers())
        };
        let scored = score_at(&reward, &prices, &groups, recipe.grpo.scale_rewards)?;
        values.extend(session.observe(step, &groups, &scored));
        watch.lap(&mut values, "timing/reward");
        let reference = (recipe.grpo.beta > 0.0).then_some(&session.reference);
        let limit = rollout.sampling.max_new_tokens;
        let batch = Batch::new(&groups, &scored, &recipe.grpo, limit, reference)?;
        watch.lap(&mut values, "timing/reference");

        let learning_rate = schedule::learning_rate(&recipe.optim, step, recipe.steps);
        let mut first: Option<Vec<Pass>> = None;
        for _ in 0..recipe.grpo.num_iterations {
            let passes = batch.passes(&session.policy)?;
            book(&mut watch, &mut values, &passes);
            let gradients = sum_gradients(&passes)?;
            let update = finite(step, LOSS, passes.iter().map(|p| p.loss).sum())
                .and_then(|_| session.update(step, &gradients, learning_rate));
            let norm = match update {
                Ok(norm) => norm,
                Err(error) => return Err(session.rescue(sink, values, error)),
            };
            watch.lap(&mut values, "timing/optimizer");
            values.insert("grad_norm".into(), norm);
            first.get_or_insert(passes);
        }
        let passes = first.unwrap_or_default();

        values.extend([("learning_rate".to_owned(), learning_rate), ("epoch".to_owned(), cursor.epoch(step))]);
        values.extend(step_metrics(session, &groups, &scored, &passes)?);
        watch.total(&mut values);
        let mut events = vec![samples::event(step, &groups, &scored, &passes)];
        events.extend(session.place.alarms.check(step, &values));
        session.finish_step(sink, values, events, batch.tokens())?;
    }
    Ok(Outcome::Finished)
}

/// A step's answers, packed by shard, with everything that the objective needs beside the policy.
pub(crate) struct Batch {
    shards: Vec<Shard>,
    aggregation: Aggregation,
    clip: ClipConfig,
    beta: f64,
}

struct Shard {
    packed: Packed,
    /// [B, T]: 1 for tokens that count.
    mask: Tensor,
    /// [B, T], the sampler's.
    old: Tensor,
    /// [B, T] under the reference; none with beta 0.
    reference: Option<Tensor>,
    /// [B, 1]
    advantages: Tensor,
}

/// What one shard's forward and backward pass gave.
pub(crate) struct Pass {
    loss: f64,
    gradients: Vec<Option<Tensor>>,
    /// ln p of every counted token under the policy before the update, [B][T_i].
    pub(crate) logprobs: Vec<Vec<f32>>,
    /// The same under the reference.
    pub(crate) reference: Option<Vec<Vec<f32>>>,
    clipped: ClipCount,
    kl: Vec<f64>,
    pub(crate) forward_s: f64,
    pub(crate) backward_s: f64,
}

impl Batch {
    /// Pack a step's answers and compute what does not change between its updates. `limit` is the token limit of an answer;
    /// without a reference there is no KL.
    pub(crate) fn new(
        groups: &[Group],
        scored: &Scored,
        spec: &GrpoSpec,
        limit: u32,
        reference: Option<&PolicySnapshot>,
    ) -> Result<Self> {
        let counts = |p: usize, g: usize| {
            let skipped = spec.zero_variance == ZeroVariance::Skip && scored.outcomes.zero_variance[p];
            let cut = spec.mask_truncated && groups[p].answers[g].stop == StopReason::Length;
            !skipped && !cut
        };
        let active: Vec<usize> = groups
            .iter()
            .enumerate()
            .flat_map(|(p, group)| {
                group.answers.iter().enumerate().filter(move |(g, _)| counts(p, *g)).map(|(_, a)| a.ids.len())
            })
            .collect();
        // A step in which nothing counts changes nothing, but its divisors must not be 0.
        let (tokens, sequences) = (active.iter().sum::<usize>().max(1) as f64, active.len().max(1) as f64);
        let shards = shards(|shard| {
            let mine: Vec<usize> = (shard..groups.len()).step_by(SHARDS).collect();
            Shard::new(groups, scored, &mine, &counts, reference)
        })?;
        Ok(Self {
            shards,
            aggregation: match spec.loss_type {
                LossAggregation::Grpo => Aggregation::Grpo { sequences },
                LossAggregation::Dapo => Aggregation::Dapo { denominator: tokens },
                LossAggregation::DrGrpo => Aggregation::DrGrpo { max_len: limit.into(), sequences },
            },
            clip: ClipConfig { epsilon_low: spec.epsilon, epsilon_high: spec.epsilon_high },
            beta: spec.beta,
        })
    }

    /// Forward and backward of all shards.
    pub(crate) fn passes(&self, policy: &Policy) -> Result<Vec<Pass>> {
        shards(|shard| self.pass(shard, policy))
    }

    /// Forward and backward of one shard. Divisors are the whole step's, so that the shards' gradients add up.
    fn pass(&self, shard: usize, policy: &Policy) -> Result<Pass> {
        let shard = &self.shards[shard];
        let start = std::time::Instant::now();
        if shard.packed.sequences() == 0 {
            return Ok(Pass::empty(policy.parameters().len()));
        }
        let flat = shard.packed.logprobs(policy.decoder())?;
        let logp = shard.packed.table(&flat)?;
        let clipped = loss::ppo_clip(&logp, &shard.old, &shard.advantages, &self.clip)?;
        let mut per_token = clipped.per_token.clone();
        let mut kl_values = Vec::new();
        if let Some(reference) = &shard.reference {
            let k3 = kl::k3(&logp, reference)?;
            kl_values = metrics::active_values(&k3, &shard.mask)?;
            per_token = (per_token + (k3 * self.beta)?)?;
        }
        let loss = aggregate(&per_token, &shard.mask, self.aggregation)?;
        let forward_s = start.elapsed().as_secs_f64();
        let store = loss.backward()?;
        let gradients = policy.parameters().iter().map(|(_, p)| store.get(p.as_tensor()).cloned()).collect();
        Ok(Pass {
            loss: f64::from(loss.to_scalar::<f32>()?),
            gradients,
            logprobs: rows(&flat.detach(), shard.packed.lens())?,
            reference: shard.reference.as_ref().map(|t| table_rows(t, shard.packed.lens())).transpose()?,
            clipped: metrics::clip_count(&clipped, &shard.mask)?,
            kl: kl_values,
            forward_s,
            backward_s: start.elapsed().as_secs_f64() - forward_s,
        })
    }

    /// Rows that one forward pass computes.
    pub(crate) fn tokens(&self) -> usize {
        self.shards.iter().map(|s| s.packed.computed_rows()).sum()
    }
}

impl Shard {
    fn new(
        groups: &[Group],
        scored: &Scored,
        mine: &[usize],
        counts: &dyn Fn(usize, usize) -> bool,
        reference: Option<&PolicySnapshot>,
    ) -> Result<Self> {
        let answers = |p: usize| groups[p].answers.iter().map(|a| a.ids.as_slice()).collect();
        let packed = Packed::groups(mine.iter().map(|&p| (groups[p].prompt.as_slice(), answers(p))))?;
        let places: Vec<(usize, usize)> =
            mine.iter().flat_map(|&p| (0..groups[p].answers.len()).map(move |g| (p, g))).collect();
        let old: Vec<f32> = places.iter().flat_map(|&(p, g)| groups[p].answers[g].logprobs.iter().copied()).collect();
        let advantages: Vec<f32> = places.iter().map(|&(p, g)| scored.advantages[p][g] as f32).collect();
        Ok(Self {
            mask: packed.mask(|b| counts(places[b].0, places[b].1))?,
            old: packed.table(&Tensor::from_vec(old, packed.tokens(), &Device::Cpu)?)?,
            reference: match reference {
                Some(model) if packed.sequences() > 0 => Some(packed.table(&packed.logprobs(model.decoder())?)?),
                _ => None,
            },
            advantages: Tensor::from_vec(advantages, (places.len(), 1), &Device::Cpu)?,
            packed,
        })
    }
}

impl Pass {
    fn empty(parameters: usize) -> Self {
        Self {
            loss: 0.0,
            gradients: vec![None; parameters],
            logprobs: Vec::new(),
            reference: None,
            clipped: ClipCount::default(),
            kl: Vec::new(),
            forward_s: 0.0,
            backward_s: 0.0,
        }
    }
}

/// Gradients of all shards, added in shard order.
pub(crate) fn sum_gradients(passes: &[Pass]) -> Result<Vec<Option<Tensor>>> {
    let mut sum = passes[0].gradients.clone();
    for pass in &passes[1..] {
        crate::sft::add_gradients(&mut sum, &pass.gradients)?;
    }
    Ok(sum)
}

fn step_metrics(session: &Session<'_>, groups: &[Group], scored: &Scored, passes: &[Pass]) -> Result<Metrics> {
    let answers = || groups.iter().flat_map(|g| &g.answers);
    let lengths: Vec<usize> = answers().map(|a| a.ids.len()).collect();
    let ended: Vec<bool> = answers().map(|a| a.stop == StopReason::End).collect();
    let entropies: Vec<f64> = answers().flat_map(|a| a.entropies.iter().map(|&e| f64::from(e))).collect();
    let mut out = scored.metrics.clone();
    out.extend(metrics::completions(&lengths, &ended)?);
    out.extend(metrics::entropy(&entropies));
    if session.recipe.grpo.beta > 0.0 {
        out.extend(metrics::kl(&passes.iter().flat_map(|p| p.kl.iter().copied()).collect::<Vec<_>>()));
    }
    out.extend(metrics::clip_ratios(&passes.iter().map(|p| p.clipped).collect::<Vec<_>>()));
    out.extend(metrics::sampling_gap(&in_shard_order(groups), &recomputed(passes))?);
    out.insert("loss".into(), passes.iter().map(|p| p.loss).sum());
    Ok(out)
}

/// The sampler's log-probabilities, in the order in which the shards hold the answers.
fn in_shard_order(groups: &[Group]) -> Vec<f64> {
    (0..SHARDS)
        .flat_map(|shard| groups.iter().skip(shard).step_by(SHARDS))
        .flat_map(|g| g.answers.iter().flat_map(|a| a.logprobs.iter().map(|&l| f64::from(l))))
        .collect()
}

fn recomputed(passes: &[Pass]) -> Vec<f64> {
    passes.iter().flat_map(|p| p.logprobs.iter().flatten().map(|&l| f64::from(l))).collect()
}

/// The slower shard's share of the forward and backward pass.
fn book(watch: &mut Stopwatch, values: &mut Metrics, passes: &[Pass]) {
    watch.lap(values, "timing/train");
    for (name, seconds) in [("timing/forward", |p: &Pass| p.forward_s), ("timing/backward", |p: &Pass| p.backward_s)]
        as [(&str, fn(&Pass) -> f64); 2]
    {
        *values.entry(name.to_owned()).or_default() += passes.iter().map(seconds).fold(0.0, f64::max);
    }
}

/// Values per counted token [N], cut into sequences.
fn rows(flat: &Tensor, lens: &[usize]) -> Result<Vec<Vec<f32>>> {
    let mut rest = flat.to_vec1::<f32>()?.into_iter();
    Ok(lens.iter().map(|&len| rest.by_ref().take(len).collect()).collect())
}

/// A table [B, T], cut back to the sequences' lengths.
fn table_rows(table: &Tensor, lens: &[usize]) -> Result<Vec<Vec<f32>>> {
    Ok(table.to_vec2::<f32>()?.into_iter().zip(lens).map(|(row, &len)| row[..len].to_vec()).collect())
}
