//! Direct preference optimisation (arXiv 2305.18290) and its relatives: pairs of a better and a worse answer, a frozen
//! reference, no sampling. Never knows rewards or graders.
//!
//! Departures: the reference is the model that the run started from, and SimPO, which has none, does not compute it; the loss
//! of a step is divided by the sum of its pairs' weights, which is their number where nobody weighs them.

use crate::cursor::Cursor;
use crate::pairs::{Divisors, Objective, Pair, Tables, chosen_nll, gradient, split};
use crate::session::{Metrics, Session, Stopwatch};
use crate::{Control, Outcome, Result, Sink};
use clicker_rl::metrics::pairs as named;
use clicker_rl::preference::{PairOut, means, pairs, sums, weighted};
use clicker_wire::{DpoLoss, DpoSpec};

pub(crate) fn run(
    session: &mut Session<'_>,
    data: &[Pair],
    sink: &mut dyn Sink,
    control: &dyn Fn() -> Control,
) -> Result<Outcome> {
    let (recipe, spec) = (session.recipe, &session.recipe.dpo);
    let mut cursor = Cursor::new(recipe.seed, data.len(), spec.batch as usize);
    while let Some(step) = session.next_step(sink)? {
        if control() == Control::Pause {
            return Ok(Outcome::Paused);
        }
        let (mut watch, mut values) = (Stopwatch::start(), Metrics::new());
        let batch: Vec<&Pair> = cursor.items(step).into_iter().map(|i| &data[i]).collect();
        let divisors = Divisors::of(&batch);
        let reference = (spec.loss_type != DpoLoss::Simpo).then_some(&session.reference);
        let gradient = gradient(&session.policy, reference, &batch, &|t| objective(t, spec, divisors))?;
        watch.lap(&mut values, "timing/train");
        session.learn(sink, step, &mut values, gradient.loss, &gradient.gradients)?;
        watch.lap(&mut values, "timing/optimizer");
        values.extend(named::rewards(&gradient.chosen_rewards, &gradient.rejected_rewards)?);
        values.extend(named::logps(&gradient.chosen_logps, &gradient.rejected_logps));
        if spec.sft_weight > 0.0 {
            values.insert("nll_loss".into(), gradient.nll);
        }
        values.insert("epoch".into(), cursor.epoch(step));
        watch.total(&mut values);
        session.finish_step(sink, values, Vec::new(), gradient.tokens)?;
    }
    Ok(Outcome::Finished)
}

fn objective(tables: &Tables, spec: &DpoSpec, divisors: Divisors) -> Result<Objective> {
    let out = compared(tables, spec)?;
    let loss = weighted(&out.per_pair, &tables.weights, divisors.weight)?;
    if spec.sft_weight == 0.0 {
        return Ok(Objective { loss, out, nll: 0.0, log_odds: Vec::new() });
    }
    let nll = chosen_nll(tables, divisors)?;
    let value = f64::from(nll.to_scalar::<f32>()?);
    Ok(Objective { loss: (loss + (nll * spec.sft_weight)?)?, out, nll: value, log_odds: Vec::new() })
}

fn compared(tables: &Tables, spec: &DpoSpec) -> Result<PairOut> {
    // h per token; under no reference (SimPO) it is ln pi itself.
    let table = match &tables.reference {
        Some(reference) => (&tables.logp - reference)?,
        None => tables.logp.clone(),
    };
    let (beta, noise) = (spec.beta, spec.label_smoothing);
    let (c, r) = match spec.loss_type {
        DpoLoss::Ipo | DpoLoss::Simpo => split(&means(&table, &tables.mask)?)?,
        DpoLoss::Sigmoid | DpoLoss::Robust | DpoLoss::Hinge | DpoLoss::ApoZero => split(&sums(&table, &tables.mask)?)?,
    };
    Ok(match spec.loss_type {
        DpoLoss::Sigmoid => pairs::smoothed(&c, &r, beta, noise),
        DpoLoss::Robust => pairs::robust(&c, &r, beta, noise),
        DpoLoss::Ipo => pairs::ipo(&c, &r, beta),
        DpoLoss::Hinge => pairs::hinge(&c, &r, beta),
        DpoLoss::ApoZero => pairs::apo_zero(&c, &r, beta),
        DpoLoss::Simpo => pairs::simpo(&c, &r, beta, beta * spec.gamma.unwrap_or(SIMPO_GAMMA)),
    }?)
}

/// The margin that SimPO wants between mean log-probabilities where the recipe names none (TRL's).
pub(crate) const SIMPO_GAMMA: f64 = 0.5;
