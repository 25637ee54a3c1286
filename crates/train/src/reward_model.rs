//! Training a reward model: Bradley-Terry on pairs of a better and a worse answer (see docs/algorithms/reward-model.md). The
//! whole model learns, starting from the run's model; what it says as text afterwards means nothing.
//!
//! Departures: the scalar head is a row of the model's head (see [`scorer`](crate::scorer)); one epoch order and one optimizer
//! as in every other loop. Never knows a policy or a sampler.

use crate::cursor::Cursor;
use crate::pairs::{Pair, numbers, split};
use crate::parallel::{SHARDS, shards};
use crate::rollout::Language;
use crate::scorer::{row, scores};
use crate::session::{Metrics, Session, Stopwatch};
use crate::sft::add_gradients;
use crate::{Control, Outcome, Result, Sink};
use candle_core::{Device, Tensor};
use clicker_lm::Decoder;
use clicker_rl::metrics::pairs as named;
use clicker_rl::preference::{reward_model::bradley_terry, weighted};

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
    let mut cursor = Cursor::new(recipe.seed, data.len(), spec.batch as usize);
    while let Some(step) = session.next_step(sink)? {
        if control() == Control::Pause {
            return Ok(Outcome::Paused);
        }
        let (mut watch, mut values) = (Stopwatch::start(), Metrics::new());
        let batch: Vec<&Pair> = cursor.items(step).into_iter().map(|i| &data[i]).collect();
        let gradient = gradient(session, &batch)?;
        watch.lap(&mut values, "timing/train");
        session.learn(sink, step, &mut values, gradient.loss, &gradient.gradients)?;
        watch.lap(&mut values, "timing/optimizer");
        values.extend(named::scores(&gradient.chosen, &gradient.rejected)?);
        values.insert("epoch".into(), cursor.epoch(step));
        let due = step == recipe.steps || clicker_rl::control::due(step, recipe.eval.every);
        if due && !held_out.is_empty() {
            let (chosen, rejected) = judged(session, held_out)?;
            let measured = named::scores(&chosen, &rejected)?;
            values.extend(measured.into_iter().map(|(name, value)| (format!("eval_{name}"), value)));
            watch.lap(&mut values, "timing/eval");
        }
        watch.total(&mut values);
        session.finish_step(sink, values, Vec::new(), gradient.tokens)?;
    }
    Ok(Outcome::Finished)
}

/// Loss, gradient and scores of a batch.
#[derive(Default)]
struct ScoreGradient {
    loss: f64,
    gradients: Vec<Option<Tensor>>,
    chosen: Vec<f64>,
    rejected: Vec<f64>,
    tokens: usize,
}

fn gradient(session: &Session<'_>, batch: &[&Pair]) -> Result<ScoreGradient> {
    let divisor = batch.iter().map(|p| p.weight).sum::<f64>().max(f64::MIN_POSITIVE);
    let (policy, centring) = (&session.policy, session.recipe.reward_model.center_rewards_coefficient);
    let parts = shards(|shard| -> Result<ScoreGradient> {
        let mine: Vec<&Pair> = batch.iter().skip(shard).step_by(SHARDS).copied().collect();
        let mut out = ScoreGradient { gradients: vec![None; policy.parameters().len()], ..ScoreGradient::default() };
        if mine.is_empty() {
            return Ok(out);
        }
        let rows = rows(&session.language, &mine);
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
fn judged(session: &Session<'_>, pairs: &[Pair]) -> Result<(Vec<f64>, Vec<f64>)> {
    let frozen = session.policy.snapshot()?;
    let decoder: &Decoder = frozen.decoder();
    let parts = shards(|shard| -> Result<Vec<(Vec<f64>, Vec<f64>)>> {
        let mine: Vec<&Pair> = pairs.iter().skip(shard).step_by(SHARDS).collect();
        let of = |chunk: &[&Pair]| {
            let (chosen, rejected) = split(&scores(decoder, &rows(&session.language, chunk))?)?;
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
