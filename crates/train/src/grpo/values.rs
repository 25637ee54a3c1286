//! The value network's part of a step of PPO: its passes over the packed answers, and its figures under TRL's names.

use super::{Batch, Pass, in_shard_order, recomputed};
use crate::Result;
use crate::critic::Critic;
use crate::parallel::shards;
use crate::reward::Scored;
use crate::rollout::Group;
use crate::session::Metrics;
use candle_core::Tensor;
use clicker_rewards::judge;
use clicker_rl::loss::value;
use clicker_rl::metrics::{self, ppo};
use clicker_rl::{Aggregation, aggregate, mask};
use clicker_wire::GrpoSpec;

/// What the value network's passes gave, over all shards.
pub(crate) struct ValuePass {
    pub(super) loss: f64,
    pub(super) gradients: Vec<Option<Tensor>>,
    /// Share of tokens whose guess was held back.
    clipped: f64,
    /// Of its guesses before the update.
    explained: Option<f64>,
}

/// One shard's.
#[derive(Default)]
struct ValuePart {
    loss: f64,
    gradients: Vec<Option<Tensor>>,
    clipped: f64,
    old: Vec<f64>,
    returns: Vec<f64>,
}

impl Batch {
    /// Forward and backward of the value network over all shards.
    pub(crate) fn value_passes(&self, critic: &Critic) -> Result<ValuePass> {
        let clip = self.spec.cliprange_value.unwrap_or(CLIPRANGE_VALUE);
        let tokens: f64 = self.shards.iter().map(|s| mask::active_tokens(&s.mask)).sum::<clicker_rl::Result<f64>>()?;
        let parts = shards(|shard| -> Result<ValuePart> {
            let shard = &self.shards[shard];
            let parameters = critic.policy.parameters();
            let (Some(old), Some(returns)) = (&shard.values, &shard.returns) else {
                return Ok(ValuePart { gradients: vec![None; parameters.len()], ..ValuePart::default() });
            };
            let guesses = critic.values(&shard.packed)?;
            let out = value::clipped_error(&guesses, old, returns, clip)?;
            let loss = aggregate(&out.per_token, &shard.mask, Aggregation::Dapo { denominator: tokens.max(1.0) })?;
            let store = loss.backward()?;
            Ok(ValuePart {
                loss: f64::from(loss.to_scalar::<f32>()?),
                gradients: parameters.iter().map(|(_, p)| store.get(p.as_tensor()).cloned()).collect(),
                clipped: mask::active_tokens(&mask::masked(&out.clipped, &shard.mask)?)?,
                old: metrics::active_values(old, &shard.mask)?,
                returns: metrics::active_values(returns, &shard.mask)?,
            })
        })?;
        let mut sum = vec![None; critic.policy.parameters().len()];
        let (mut loss, mut clipped, mut old, mut returns) = (0.0, 0.0, Vec::new(), Vec::new());
        for part in parts {
            loss += part.loss;
            crate::sft::add_gradients(&mut sum, &part.gradients)?;
            clipped += part.clipped;
            old.extend(part.old);
            returns.extend(part.returns);
        }
        let explained = value::explained_variance(&old, &returns)?;
        Ok(ValuePass { loss, gradients: sum, clipped: clipped / tokens.max(1.0), explained })
    }
}

/// How far a guess may move per batch where the recipe does not say.
const CLIPRANGE_VALUE: f64 = 0.2;

/// TRL's names for PPO.
pub(super) fn value_metrics(
    spec: &GrpoSpec,
    groups: &[Group],
    scored: &Scored,
    passes: &[Pass],
    guesses: &ValuePass,
) -> Result<Metrics> {
    let scores: Vec<Option<f64>> = scored.rewards.iter().flatten().map(judge::total).collect();
    let entropies: Vec<f64> =
        groups.iter().flat_map(|g| &g.answers).flat_map(|a| a.entropies.iter().map(|&e| f64::from(e))).collect();
    // The estimates are not kept by answer here; their mean over answers is their sum over the number of answers.
    let kl: f64 = passes.iter().flat_map(|p| &p.kl).sum::<f64>() / scores.len().max(1) as f64;
    let mut out = ppo::objective(&scores, &[[kl]], spec.beta, &entropies);
    out.extend(ppo::movement(&recomputed(passes), &in_shard_order(groups))?);
    let clipped = metrics::clip_ratios(&passes.iter().map(|p| p.clipped).collect::<Vec<_>>());
    let share = clipped.get("clip_ratio/region_mean").copied().unwrap_or(0.0);
    let policy = passes.iter().map(|p| p.loss).sum();
    out.extend(ppo::losses(policy, guesses.loss, share, guesses.clipped, guesses.explained));
    Ok(out)
}
