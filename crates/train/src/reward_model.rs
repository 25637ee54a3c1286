//! Training a reward model: Bradley-Terry on pairs of a better and a worse answer (see docs/algorithms/reward-model.md). The
//! whole model learns, starting from the run's model; what it says as text afterwards means nothing.
//!
//! Departures: the scalar head is a row of the model's head (see [`scorer`](crate::scorer)); one epoch order and one optimizer
//! as in every other loop. An ensemble is as many models, each with its own pairs, order and optimizer. Never knows a policy or
//! a sampler.

mod ensemble;

use crate::cursor::Cursor;
use crate::pairs::{Pair, numbers, split};
use crate::parallel::{SHARDS, shards};
use crate::rollout::Language;
use crate::scorer::{row, scores};
use crate::session::{LOSS, Metrics, Session, Stopwatch, finite};
use crate::sft::add_gradients;
use crate::{Control, Outcome, Result, Sink};
use candle_core::{Device, Tensor};
use clicker_lm::{Decoder, Policy, stream_seed};
use clicker_rl::metrics::pairs as named;
use clicker_rl::preference::{reward_model::bradley_terry, weighted};
use clicker_wire::Recipe;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// `held_out` are pairs that only accuracy is measured on.
pub(crate) fn run(
    session: &mut Session<'_>,
    data: &[Pair],
    held_out: &[Pair],
    sink: &mut dyn Sink,
    control: &dyn Fn() -> Control,
) -> Result<Outcome> {
    let (recipe, spec) = (session.recipe, &session.recipe.reward_model);
    session.never_asks();
    let mut walks: Vec<Walk> = (0..spec.ensemble.max(1)).map(|k| Walk::new(recipe, k, data.len())).collect();
    while let Some(step) = session.next_step(sink)? {
        if control() == Control::Pause {
            return Ok(Outcome::Paused);
        }
        let (mut watch, mut values, mut tokens) = (Stopwatch::start(), Metrics::new(), 0);
        let mut each: Vec<Metrics> = Vec::new();
        for (k, walk) in walks.iter_mut().enumerate() {
            let batch: Vec<&Pair> = walk.items(step).into_iter().map(|i| &data[i]).collect();
            let policy = if k == 0 { &session.policy } else { &session.members[k - 1].policy };
            let gradient = gradient((policy, &session.language), spec.center_rewards_coefficient, &batch)?;
            watch.lap(&mut values, "timing/train");
            let mut own = named::scores(&gradient.chosen, &gradient.rejected)?;
            if k == 0 {
                session.learn(sink, step, &mut values, gradient.loss, &gradient.gradients)?;
                own.extend(["loss", "grad_norm"].map(|name| (name.to_owned(), values[name])));
            } else {
                let update = finite(step, LOSS, gradient.loss)
                    .and_then(|_| session.update_member(step, k - 1, &gradient.gradients));
                let norm = match update {
                    Ok(norm) => norm,
                    Err(error) => return Err(session.rescue(sink, values, error)),
                };
                own.extend([("loss".to_owned(), gradient.loss), ("grad_norm".to_owned(), norm)]);
            }
            watch.lap(&mut values, "timing/optimizer");
            tokens += gradient.tokens;
            each.push(own);
        }
        values.extend(ensemble::together(&each));
        values.insert("epoch".into(), walks[0].cursor.epoch(step));
        let due = step == recipe.steps || clicker_rl::control::due(step, recipe.eval.every);
        if due && !held_out.is_empty() {
            let policies = std::iter::once(&session.policy).chain(session.members.iter().map(|m| &m.policy));
            let judged: Vec<_> = policies.map(|p| judged(p, &session.language, held_out)).collect::<Result<_>>()?;
            let measured = ensemble::measured(&judged)?;
            values.extend(measured.into_iter().map(|(name, value)| (format!("eval_{name}"), value)));
            watch.lap(&mut values, "timing/eval");
        }
        watch.total(&mut values);
        session.finish_step(sink, values, Vec::new(), tokens)?;
    }
    Ok(Outcome::Finished)
}

/// Which pairs a member learns from, and in which order. A model alone walks through all of them; the members of an ensemble
/// each draw as many as there are, with replacement (bagging), so that they differ in what they saw.
struct Walk {
    cursor: Cursor,
    drawn: Option<Vec<usize>>,
}

impl Walk {
    fn new(recipe: &Recipe, member: u32, pairs: usize) -> Self {
        let alone = recipe.reward_model.ensemble <= 1;
        let seed = if alone { recipe.seed } else { stream_seed(recipe.seed, MEMBER, member.into(), 0) };
        let drawn = (!alone).then(|| {
            let mut dice = ChaCha8Rng::seed_from_u64(stream_seed(seed, MEMBER, member.into(), 1));
            (0..pairs).map(|_| dice.random_range(0..pairs as u64) as usize).collect()
        });
        Self { cursor: Cursor::new(seed, pairs, recipe.reward_model.batch as usize), drawn }
    }

    fn items(&mut self, step: u32) -> Vec<usize> {
        let places = self.cursor.items(step);
        match &self.drawn {
            None => places,
            Some(drawn) => places.into_iter().map(|place| drawn[place]).collect(),
        }
    }
}

/// Distinguishes a member's randomness from everything else that is drawn from the run's seed.
const MEMBER: u64 = 0x006d_656d_6265_7273;

/// Loss, gradient and scores of a batch.
#[derive(Default)]
struct ScoreGradient {
    loss: f64,
    gradients: Vec<Option<Tensor>>,
    chosen: Vec<f64>,
    rejected: Vec<f64>,
    tokens: usize,
}

fn gradient((policy, language): (&Policy, &Language), centring: f64, batch: &[&Pair]) -> Result<ScoreGradient> {
    let divisor = batch.iter().map(|p| p.weight).sum::<f64>().max(f64::MIN_POSITIVE);
    let parts = shards(|shard| -> Result<ScoreGradient> {
        let mine: Vec<&Pair> = batch.iter().skip(shard).step_by(SHARDS).copied().collect();
        let mut out = ScoreGradient { gradients: vec![None; policy.parameters().len()], ..ScoreGradient::default() };
        if mine.is_empty() {
            return Ok(out);
        }
        let rows = rows(language, &mine);
        let (chosen, rejected) = split(&scores(policy.decoder(), &rows)?)?;
        let column = |f: &dyn Fn(&Pair) -> f64| {
            Tensor::new(mine.iter().map(|p| f(p) as f32).collect::<Vec<f32>>(), &Device::Cpu)
        };
        let compared = bradley_terry(&chosen, &rejected, &column(&|p| p.margin)?, centring)?;
        let loss = weighted(&compared.per_pair, &column(&|p| p.weight)?, divisor)?;
        let store = loss.backward()?;
        out.loss = f64::from(loss.to_scalar::<f32>()?);
        out.gradients = policy.parameters().iter().map(|(_, p)| store.get(p.as_tensor()).cloned()).collect();
        (out.chosen, out.rejected) = (numbers(&compared.chosen_rewards)?, numbers(&compared.rejected_rewards)?);
        out.tokens = rows.iter().map(|r| r.len() - 1).sum();
        Ok(out)
    })?;
    let mut sum = ScoreGradient { gradients: vec![None; policy.parameters().len()], ..ScoreGradient::default() };
    for part in parts {
        add_gradients(&mut sum.gradients, &part.gradients)?;
        sum.loss += part.loss;
        sum.tokens += part.tokens;
        sum.chosen.extend(part.chosen);
        sum.rejected.extend(part.rejected);
    }
    Ok(sum)
}

/// Scores of both answers of every pair, without gradient.
fn judged(policy: &Policy, language: &Language, pairs: &[Pair]) -> Result<(Vec<f64>, Vec<f64>)> {
    let frozen = policy.snapshot()?;
    let decoder: &Decoder = frozen.decoder();
    let parts = shards(|shard| -> Result<Vec<(Vec<f64>, Vec<f64>)>> {
        let mine: Vec<&Pair> = pairs.iter().skip(shard).step_by(SHARDS).collect();
        let of = |chunk: &[&Pair]| {
            let (chosen, rejected) = split(&scores(decoder, &rows(language, chunk))?)?;
            Ok((numbers(&chosen)?, numbers(&rejected)?))
        };
        mine.chunks(32).map(of).collect()
    })?;
    let (chosen, rejected): (Vec<_>, Vec<_>) = parts.into_iter().flatten().unzip();
    Ok((chosen.concat(), rejected.concat()))
}

/// Rows of both answers, pair by pair. [2n]
fn rows(language: &Language, pairs: &[&Pair]) -> Vec<Vec<u32>> {
    let both = |p: &&Pair| [row(language, &p.prompt, &p.chosen), row(language, &p.prompt, &p.rejected)];
    pairs.iter().flat_map(both).collect()
}
