//! Group relative policy optimisation (arXiv 2402.03300), one step after another.
//!
//! A step reads: prompts, a group of answers to each, rewards, group advantages, then one or more updates of the clipped
//! objective with the k3 KL to the reference, then what happened. Departures from the paper, each a choice of the recipe:
//! 1. token losses are averaged over all tokens of the step by default (DAPO's aggregation, TRL's default);
//! 2. the old log-probabilities are the sampler's own, stored with every answer; the gap to the recomputed ones is logged;
//! 3. groups without any difference in reward can be left out (`zero_variance = "skip"`) or replaced
//!    ([`refill`](crate::refill));
//! 4. ratio, loss, advantage and KL are choices of the recipe ([`objective`], [`estimate`](crate::estimate)): the whole family
//!    is this one loop.
//!
//! Never knows SQL, files or the user interface.

mod compared;
mod values;

use crate::batch::Packed;
use crate::critic::Critic;
use crate::curriculum::Plan;
use crate::cursor::Cursor;
use crate::dialogue::Dialogues;
use crate::estimate;
use crate::objective::{self, Counts};
use crate::parallel::{SHARDS, shards};
use crate::refill::Refill;
use crate::reward::{Scored, greedy_rewards, score_at, score_dialogues};
use crate::rollout::{self, Group};
use crate::session::{LOSS, Metrics, Session, Stopwatch, finite};
use crate::{Control, Outcome, Result, Sink, dry_run, samples, schedule};
use candle_core::{Device, Tensor};
use clicker_lm::{Policy, PolicySnapshot};
use clicker_rl::metrics::{self, ClipCount};
use clicker_rl::{Aggregation, aggregate, logprob, mask};
use clicker_wire::{AdvantageEstimator, GrpoSpec, Item, PolicyLoss, Sampling, StopReason, ZeroVariance};
use compared::{column, estimated, greedy, mean_entropy};
use values::{ValuePass, value_metrics};

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
    let mut refill = Refill::new(recipe.seed, items.len(), rollout.prompts as usize, recipe.grpo.max_num_gen_batches);
    let dialogues = recipe.environment.as_ref().map(|spec| Dialogues::new(spec, items, recipe.seed));
    let size = rollout.group_size as usize;
    let collect = |session: &Session<'_>, sampler: &PolicySnapshot, asked: &[Item], sampling: &Sampling, step: u32| {
        match &dialogues {
            Some(dialogues) => dialogues.collect(sampler, &session.language, asked, size, sampling, step),
            None => rollout::collect(sampler, &session.language, asked, size, sampling, step),
        }
    };
    let draw = |session: &Session<'_>, step: u32, cursor: &mut Cursor| -> Result<(Option<Plan>, Vec<Group>)> {
        let planned = || session.place.curriculum.plan(cursor, rollout.prompts as usize);
        let plan = recipe.curriculum.is_some().then(planned);
        let places = plan.as_ref().map_or_else(|| cursor.items(step), |plan| plan.items.clone());
        let asked: Vec<Item> = places.into_iter().map(|i| items[i].clone()).collect();
        let sampler = session.policy.snapshot()?;
        // What drawing computes is kept for the step's first pass; dialogues are drawn in pieces.
        let sampler = if dialogues.is_none() { sampler.recording() } else { sampler };
        Ok((plan, collect(session, &sampler, &asked, &sampling, step)?))
    };
    // The dry run looks at the first step's answers, which are then trained on.
    let mut drawn = if session.is_fresh() { Some(draw(session, 1, &mut cursor)?) } else { None };
    if let Some((_, groups)) = &drawn {
        session.open_with(dry_run::opening(recipe, groups, session.scorers.outside()));
    }
    while let Some(step) = session.next_step(sink)? {
        if control() == Control::Pause {
            return Ok(Outcome::Paused);
        }
        let (mut watch, mut values) = (Stopwatch::start(), Metrics::new());

        let (plan, groups) = match drawn.take() {
            Some(drawn) => drawn,
            None => draw(session, step, &mut cursor)?,
        };
        let (reward, prices) = {
            let controllers = &session.place.controllers;
            (controllers.in_force(&recipe.reward), controllers.multipliers())
        };
        let outside = session.scorers.outside();
        let steadfast = recipe.environment.as_ref().map(|environment| environment.steadfast);
        let score = |groups: &[Group]| {
            let scale = recipe.grpo.scale_rewards;
            match steadfast {
                Some(weight) => score_dialogues(&reward, weight, &prices, outside, groups, scale),
                None => score_at(&reward, &prices, outside, groups, scale),
            }
        };
        let further = |places: &[usize], draw: u32| {
            let asked: Vec<Item> = places.iter().map(|&i| items[i].clone()).collect();
            // Other random streams than the first draw's, which are numbered by place as well.
            let seed = clicker_lm::stream_seed(recipe.seed, step.into(), draw.into(), u64::MAX);
            let sampling = Sampling { seed, ..sampling.clone() };
            collect(session, &session.policy.snapshot()?, &asked, &sampling, step)
        };
        let groups = refill.groups(step, groups, further, score, &mut values)?;
        let greedy = match recipe.grpo.advantage {
            AdvantageEstimator::Remax => {
                let answers = greedy(session, &groups, &sampling, step)?;
                Some(greedy_rewards(&reward, &prices, outside, &answers))
            }
            _ => None,
        };
        watch.lap(&mut values, "timing/rollout");

        let mut scored = score(&groups)?;
        if let (Some(plan), Some(spec)) = (plan, &recipe.curriculum) {
            values.insert("curriculum/skipped".into(), plan.skipped as f64);
            let (next, rate) = plan.answered(spec, &groups);
            values.extend(rate.map(|rate| ("curriculum/pass_rate".to_owned(), rate)));
            session.place.curriculum = next;
        }
        values.extend(session.observe(step, &groups, &scored));
        watch.lap(&mut values, "timing/reward");
        let (weight, entropy_coef) = session.place.coefficients.move_entropy(&recipe.grpo, mean_entropy(&groups))?;
        let beta = session.place.coefficients.beta(&recipe.grpo);
        let spec = GrpoSpec { beta, entropy_coef, ..recipe.grpo.clone() };
        if spec.entropy_target.is_some() {
            values.insert("entropy_coef".into(), weight);
        }
        let reference = (spec.beta > 0.0).then_some(&session.reference);
        let limit = rollout.sampling.max_new_tokens * recipe.environment.as_ref().map_or(1, |e| e.turns);
        let critic = session.critic.as_ref();
        let batch = Batch::compared(&groups, &scored, &spec, limit, reference, greedy.as_deref(), critic)?;
        scored.advantages.clone_from(&batch.shown);
        watch.lap(&mut values, "timing/reference");

        let learning_rate = schedule::learning_rate(&recipe.optim, step, recipe.steps);
        let (mut first, mut guessed): (Option<Vec<Pass>>, Option<ValuePass>) = (None, None);
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
            if let Some(critic) = &session.critic {
                let guesses = batch.value_passes(critic)?;
                let peak = spec.critic_learning_rate.unwrap_or(recipe.optim.learning_rate);
                let rate = learning_rate * peak / recipe.optim.learning_rate;
                let update = finite(step, "the value network's loss", guesses.loss)
                    .and_then(|_| session.update_critic(step, &guesses.gradients, rate));
                if let Err(error) = update {
                    return Err(session.rescue(sink, values, error));
                }
                watch.lap(&mut values, "timing/critic");
                guessed.get_or_insert(guesses);
            }
        }
        let passes = first.unwrap_or_default();

        let epoch = match recipe.curriculum {
            Some(_) => session.place.curriculum.epoch(items.len()),
            None => cursor.epoch(step),
        };
        values.extend([("learning_rate".to_owned(), learning_rate), ("epoch".to_owned(), epoch)]);
        values.extend(step_metrics(&spec, &groups, &scored, &passes)?);
        if let Some(guesses) = guessed {
            values.extend(value_metrics(&spec, &groups, &scored, &passes, &guesses)?);
        }
        if let Some(kl) = values.get("kl").copied()
            && spec.kl_target.is_some()
        {
            values.insert("kl_coef".into(), spec.beta);
            let answers = groups.iter().map(|g| g.answers.len()).sum::<usize>() as f64;
            session.place.coefficients.move_beta(&spec, kl, answers)?;
        }
        session.refresh_reference(step, &spec)?;
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
    spec: GrpoSpec,
    /// One advantage per answer, as people are shown it. [P][G]
    shown: Vec<Vec<f64>>,
}

struct Shard {
    packed: Packed,
    /// [B, T]: 1 for tokens that count.
    mask: Tensor,
    /// [B, T], the sampler's.
    old: Tensor,
    /// [B, T] under the reference; none with beta 0.
    reference: Option<Tensor>,
    /// [B, 1], or [B, T] where tokens of an answer differ.
    advantages: Tensor,
    /// [B, T]: 1 where the policy learns; none where it does everywhere.
    hesitant: Option<Tensor>,
    /// What the value network guessed, [B, T] (GAE).
    values: Option<Tensor>,
    /// What it is to learn, [B, T].
    returns: Option<Tensor>,
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
    /// As [`Self::compared`], with the group's advantages that `scored` holds or could hold.
    pub(crate) fn new(
        groups: &[Group],
        scored: &Scored,
        spec: &GrpoSpec,
        limit: u32,
        reference: Option<&PolicySnapshot>,
    ) -> Result<Self> {
        Self::compared(groups, scored, spec, limit, reference, None, None)
    }

    /// Pack a step's answers and compute what does not change between its updates. `limit` is the token limit of an answer;
    /// without a reference there is no KL; `greedy` are the rewards of the answers without drawing (ReMax).
    pub(crate) fn compared(
        groups: &[Group],
        scored: &Scored,
        spec: &GrpoSpec,
        limit: u32,
        reference: Option<&PolicySnapshot>,
        greedy: Option<&[Option<f64>]>,
        critic: Option<&Critic>,
    ) -> Result<Self> {
        let counts = |p: usize, g: usize| {
            let skipped = spec.zero_variance == ZeroVariance::Skip && scored.outcomes.zero_variance[p];
            let cut = spec.mask_truncated && groups[p].answers[g].stop == StopReason::Length;
            !skipped && !cut
        };
        let active: Vec<&crate::rollout::Answer> = groups
            .iter()
            .enumerate()
            .flat_map(|(p, group)| group.answers.iter().enumerate().filter(move |(g, _)| counts(p, *g)).map(|(_, a)| a))
            .collect();
        // A step in which nothing counts changes nothing, but its divisors must not be 0.
        let tokens = active.iter().map(|a| a.ids.len()).sum::<usize>().max(1) as f64;
        let counted = Counts { tokens, sequences: active.len().max(1) as f64, limit, parts: SHARDS };
        let threshold = match spec.top_entropy_quantile {
            Some(top) => {
                let all: Vec<f64> = active.iter().flat_map(|a| a.entropies.iter().map(|&e| f64::from(e))).collect();
                mask::top_entropy_threshold(&all, top)?
            }
            None => None,
        };
        let mut shards = shards(|shard| {
            let mine: Vec<usize> = (shard..groups.len()).step_by(SHARDS).collect();
            let mut shard = Shard::new(groups, &mine, &counts, reference, threshold)?;
            if let Some(critic) = critic.filter(|_| shard.packed.sequences() > 0) {
                shard.values = Some(critic.values(&shard.packed)?.detach());
            }
            Ok::<_, crate::TrainError>(shard)
        })?;
        let tokens = match spec.advantage {
            // What `scored` holds already, several objectives included.
            AdvantageEstimator::Grpo if !spec.kl_in_reward => None,
            _ => Some(estimated(groups, scored, spec, &mut shards, greedy)?),
        };
        let shown = tokens.as_ref().map_or_else(|| scored.advantages.clone(), |t| estimate::shown(t));
        for (k, shard) in shards.iter_mut().enumerate() {
            let places = (k..groups.len()).step_by(SHARDS);
            shard.advantages = match &tokens {
                Some(tokens) => shard.packed.table(&column(places.flat_map(|p| tokens[p].concat()))?)?,
                None => column(places.flat_map(|p| shown[p].clone()))?.unsqueeze(1)?,
            };
        }
        Ok(Self { shards, aggregation: objective::aggregation(spec, counted), spec: spec.clone(), shown })
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
        let (flat, entropy) = match self.spec.entropy_coef > 0.0 {
            true => {
                // The only choice that needs the logits themselves.
                let logits = shard.packed.logits(policy.decoder())?;
                let flat = logprob::token_logprobs(&logits, &shard.packed.targets(logits.device())?)?;
                let entropy = logprob::entropy(&logits)?.to_device(&Device::Cpu)?;
                (flat.to_device(&Device::Cpu)?, Some(shard.packed.table(&entropy)?))
            }
            false => (shard.packed.logprobs(policy.decoder())?, None),
        };
        let logp = shard.packed.table(&flat)?;
        let out = objective::policy(&self.spec, &logp, &shard.old, &shard.advantages, &shard.mask)?;
        let mut per_token = out.per_token.clone();
        if let Some(hesitant) = &shard.hesitant {
            per_token = (per_token * hesitant)?;
        }
        if let Some(limit) = self.spec.off_policy_mask_threshold {
            let answers = shard.advantages.narrow(1, 0, 1)?;
            let near = mask::off_policy(&logp.detach(), &shard.old, &shard.mask, &answers, limit)?;
            per_token = per_token.broadcast_mul(&near)?;
        }
        if let Some(entropy) = entropy {
            per_token = (per_token - (entropy * self.spec.entropy_coef)?)?;
        }
        let mut kl_values = Vec::new();
        if let Some(reference) = &shard.reference {
            let values = objective::kl_values(&self.spec, &logp, reference)?;
            kl_values = metrics::active_values(&values, &shard.mask)?;
            if !self.spec.kl_in_reward {
                let kl = objective::kl_loss(&self.spec, &logp, reference, &shard.ratio(&logp)?)?;
                per_token = (per_token + (kl * self.spec.beta)?)?;
            }
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
            clipped: metrics::clip_count(&out, &shard.mask)?,
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
    /// Everything but the advantages, which compare answers of all shards. `threshold` is the entropy from which tokens learn.
    fn new(
        groups: &[Group],
        mine: &[usize],
        counts: &dyn Fn(usize, usize) -> bool,
        reference: Option<&PolicySnapshot>,
        threshold: Option<f64>,
    ) -> Result<Self> {
        let packed = Packed::groups(
            mine.iter().map(|&p| (groups[p].prompt.as_slice(), groups[p].answers.iter().collect::<Vec<_>>())),
        )?;
        let places: Vec<(usize, usize)> =
            mine.iter().flat_map(|&p| (0..groups[p].answers.len()).map(move |g| (p, g))).collect();
        let of = |f: fn(&crate::rollout::Answer) -> &[f32]| -> Result<Tensor> {
            let flat: Vec<f32> = places.iter().flat_map(|&(p, g)| f(&groups[p].answers[g]).iter().copied()).collect();
            packed.table(&Tensor::from_vec(flat, packed.tokens(), &Device::Cpu)?)
        };
        Ok(Self {
            mask: packed.mask(|b| counts(places[b].0, places[b].1))?,
            old: of(|a| &a.logprobs)?,
            reference: match reference {
                Some(model) if packed.sequences() > 0 => Some(packed.table(&packed.logprobs(model.decoder())?)?),
                _ => None,
            },
            advantages: Tensor::zeros((places.len(), 1), candle_core::DType::F32, &Device::Cpu)?,
            values: None,
            returns: None,
            hesitant: match threshold {
                Some(least) => Some(of(|a| &a.entropies)?.ge(least)?.to_dtype(candle_core::DType::F32)?),
                None => None,
            },
            packed,
        })
    }

    /// pi / old per token.
    fn ratio(&self, logp: &Tensor) -> Result<Tensor> {
        Ok(clicker_rl::loss::ratio::token(logp, &self.old)?)
    }
}

impl Pass {
    pub(crate) fn loss(&self) -> f64 {
        self.loss
    }

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

fn step_metrics(spec: &GrpoSpec, groups: &[Group], scored: &Scored, passes: &[Pass]) -> Result<Metrics> {
    let answers = || groups.iter().flat_map(|g| &g.answers);
    let lengths: Vec<usize> = answers().map(|a| a.ids.len()).collect();
    let ended: Vec<bool> = answers().map(|a| a.stop == StopReason::End).collect();
    let entropies: Vec<f64> = answers().flat_map(|a| a.entropies.iter().map(|&e| f64::from(e))).collect();
    let mut out = scored.metrics.clone();
    out.extend(metrics::completions(&lengths, &ended)?);
    out.extend(metrics::entropy(&entropies));
    if spec.beta > 0.0 {
        out.extend(metrics::kl(&passes.iter().flat_map(|p| p.kl.iter().copied()).collect::<Vec<_>>()));
    }
    let clipped: Vec<ClipCount> = passes.iter().map(|p| p.clipped).collect();
    match spec.policy_loss {
        PolicyLoss::Clip => out.extend(metrics::clip_ratios(&clipped)),
        PolicyLoss::Cispo => out.extend(metrics::cispo_clip_ratio(&clipped)),
        // Nothing is cut.
        PolicyLoss::Sapo | PolicyLoss::Reinforce => (),
    }
    if spec.delta.is_some() {
        out.extend(metrics::delta_clip_ratio(&clipped));
    }
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
