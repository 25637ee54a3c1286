//! ORPO (arXiv 2403.07691): cross-entropy on the better answer, and its odds against the worse one. No reference, no
//! sampling. Never knows rewards.
//!
//! Departure: the cross-entropy is averaged over all tokens of the step's better answers, the odds over its pairs, both weighed.

use crate::cursor::Cursor;
use crate::pairs::{Divisors, Objective, Pair, Tables, chosen_nll, gradient, numbers, split};
use crate::session::{Metrics, Session, Stopwatch};
use crate::{Control, Outcome, Result, Sink};
use clicker_rl::metrics::pairs as named;
use clicker_rl::preference::{means, orpo, weighted};
use clicker_wire::OrpoSpec;

pub(crate) fn run(
    session: &mut Session<'_>,
    data: &[Pair],
    sink: &mut dyn Sink,
    control: &dyn Fn() -> Control,
) -> Result<Outcome> {
    let (recipe, spec) = (session.recipe, &session.recipe.orpo);
    let mut cursor = Cursor::new(recipe.seed, data.len(), spec.batch as usize);
    while let Some(step) = session.next_step(sink)? {
        if control() == Control::Pause {
            return Ok(Outcome::Paused);
        }
        let (mut watch, mut values) = (Stopwatch::start(), Metrics::new());
        let batch: Vec<&Pair> = cursor.items(step).into_iter().map(|i| &data[i]).collect();
        let divisors = Divisors::of(&batch);
        let gradient = gradient(&session.policy, None, &batch, &|t| objective(t, spec, divisors))?;
        watch.lap(&mut values, "timing/train");
        session.learn(sink, step, &mut values, gradient.loss, &gradient.gradients)?;
        watch.lap(&mut values, "timing/optimizer");
        let scaled = |rewards: &[f64]| rewards.iter().map(|r| spec.beta * r).collect::<Vec<f64>>();
        values.extend(named::rewards(&scaled(&gradient.chosen_rewards), &scaled(&gradient.rejected_rewards))?);
        values.extend(named::logps(&gradient.chosen_logps, &gradient.rejected_logps));
        // The odds term is -ln sig(lo); the metric is ln sig(lo).
        let log_sigmoids: Vec<f64> = gradient.losses.iter().map(|l| -l).collect();
        values.extend(named::odds(&gradient.log_odds, &log_sigmoids, gradient.nll));
        values.insert("epoch".into(), cursor.epoch(step));
        watch.total(&mut values);
        session.finish_step(sink, values, Vec::new(), gradient.tokens)?;
    }
    Ok(Outcome::Finished)
}

fn objective(tables: &Tables, spec: &OrpoSpec, divisors: Divisors) -> Result<Objective> {
    let (chosen, rejected) = split(&means(&tables.logp, &tables.mask)?)?;
    let odds = orpo::odds(&chosen, &rejected)?;
    let nll = chosen_nll(tables, divisors)?;
    let value = f64::from(nll.to_scalar::<f32>()?);
    let term = (weighted(&odds.pair.per_pair, &tables.weights, divisors.weight)? * spec.beta)?;
    Ok(Objective { loss: (nll + term)?, out: odds.pair, nll: value, log_odds: numbers(&odds.log_odds)? })
}
