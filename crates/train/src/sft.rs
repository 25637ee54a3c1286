//! Supervised fine-tuning: cross-entropy on the assistant's tokens of demonstrations, averaged over all such tokens of the
//! step. Never knows rewards.

use crate::batch::Packed;
use crate::cursor::Cursor;
use crate::parallel::{SHARDS, shards};
use crate::session::{LOSS, Metrics, Session, Stopwatch, finite};
use crate::{Control, Outcome, Result, Sink, schedule};
use candle_core::Tensor;
use clicker_lm::{Policy, RenderedChat};
use clicker_rl::metrics;

pub(crate) fn run(
    session: &mut Session<'_>,
    demonstrations: &[RenderedChat],
    sink: &mut dyn Sink,
    control: &dyn Fn() -> Control,
) -> Result<Outcome> {
    let recipe = session.recipe;
    let mut cursor = Cursor::new(recipe.seed, demonstrations.len(), recipe.sft.batch as usize);
    while let Some(step) = session.next_step(sink)? {
        if control() == Control::Pause {
            return Ok(Outcome::Paused);
        }
        let (mut watch, mut values) = (Stopwatch::start(), Metrics::new());
        let chosen: Vec<&RenderedChat> = cursor.items(step).into_iter().map(|i| &demonstrations[i]).collect();
        let learning_rate = schedule::learning_rate(&recipe.optim, step, recipe.steps);
        let gradient = gradient(&session.policy, &chosen)?;
        watch.lap(&mut values, "timing/train");
        let update =
            finite(step, LOSS, gradient.loss).and_then(|_| session.update(step, &gradient.gradients, learning_rate));
        let norm = match update {
            Ok(norm) => norm,
            Err(error) => return Err(session.rescue(sink, values, error)),
        };
        watch.lap(&mut values, "timing/optimizer");
        values.extend(metrics::token_accuracy(&gradient.hits));
        values.extend(metrics::entropy(&gradient.entropies));
        let named = [
            ("loss", gradient.loss),
            ("grad_norm", norm),
            ("learning_rate", learning_rate),
            ("epoch", cursor.epoch(step)),
        ];
        values.extend(named.map(|(name, value)| (name.to_owned(), value)));
        watch.total(&mut values);
        session.finish_step(sink, values, Vec::new(), gradient.tokens)?;
    }
    Ok(Outcome::Finished)
}

/// Loss and gradients of one batch.
pub(crate) struct Gradient {
    /// Mean cross-entropy per counted token, nats.
    pub(crate) loss: f64,
    /// In the order of the policy's parameters.
    pub(crate) gradients: Vec<Option<Tensor>>,
    /// 1 for counted tokens that are the model's likeliest.
    pub(crate) hits: Vec<f64>,
    /// Entropy at every counted token, nats.
    pub(crate) entropies: Vec<f64>,
    /// Tokens computed.
    pub(crate) tokens: usize,
}

/// Cross-entropy of a batch of conversations and its gradient, computed in shards.
pub(crate) fn gradient(policy: &Policy, batch: &[&RenderedChat]) -> Result<Gradient> {
    let counted = |c: &RenderedChat| c.loss_mask.iter().skip(1).filter(|m| **m).count();
    let total = batch.iter().map(|c| counted(c)).sum::<usize>().max(1) as f64;
    let parts = shards(|shard| -> Result<Gradient> {
        let mine = batch.iter().skip(shard).step_by(SHARDS);
        let packed = Packed::conversations(mine.map(|c| (c.ids.as_slice(), c.loss_mask.as_slice())));
        let parameters = policy.parameters();
        if packed.tokens() == 0 {
            let gradients = vec![None; parameters.len()];
            return Ok(Gradient { loss: 0.0, gradients, hits: vec![], entropies: vec![], tokens: 0 });
        }
        let scores = packed.scores(policy.decoder())?;
        let loss = (scores.logprobs.sum_all()? * (-1.0 / total))?;
        let store = loss.backward()?;
        Ok(Gradient {
            loss: f64::from(loss.to_scalar::<f32>()?),
            gradients: parameters.iter().map(|(_, p)| store.get(p.as_tensor()).cloned()).collect(),
            hits: scores.hits.iter().map(|&hit| f64::from(u8::from(hit))).collect(),
            entropies: scores.entropies.iter().map(|&e| f64::from(e)).collect(),
            tokens: packed.computed_rows(),
        })
    })?;
    let mut parts = parts.into_iter();
    let mut sum = Gradient { loss: 0.0, gradients: Vec::new(), hits: Vec::new(), entropies: Vec::new(), tokens: 0 };
    if let Some(first) = parts.next() {
        sum = first;
    }
    for part in parts {
        sum.loss += part.loss;
        sum.tokens += part.tokens;
        sum.hits.extend(part.hits);
        sum.entropies.extend(part.entropies);
        add_gradients(&mut sum.gradients, &part.gradients)?;
    }
    Ok(sum)
}

/// Add gradients of another shard; a parameter that one of them did not touch keeps the other's.
pub(crate) fn add_gradients(sum: &mut [Option<Tensor>], more: &[Option<Tensor>]) -> Result<()> {
    let added = shards(|shard| -> Result<Vec<Option<Tensor>>> {
        let pairs = sum.iter().zip(more).skip(shard).step_by(SHARDS);
        pairs
            .map(|pair| match pair {
                (Some(a), Some(b)) => Ok(Some((a + b)?)),
                (a, b) => Ok(a.clone().or_else(|| b.clone())),
            })
            .collect()
    })?;
    let mut added: Vec<_> = added.into_iter().map(Vec::into_iter).collect();
    for (i, sum) in sum.iter_mut().enumerate() {
        *sum = added[i % SHARDS].next().flatten();
    }
    Ok(())
}
