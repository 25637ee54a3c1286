//! What a step's answers are compared by, gathered from groups and shards for [`estimate`](crate::estimate), and the answers that
//! ReMax compares with.

use super::{Shard, table_rows};
use crate::estimate::{self, Compared, PerToken};
use crate::parallel::SHARDS;
use crate::reward::{Scored, rl_scale};
use crate::rollout::{Group, collect};
use crate::session::Session;
use crate::{Result, objective};
use candle_core::{Device, Tensor};
use clicker_rewards::judge;
use clicker_wire::{AdvantageEstimator, GrpoSpec, Item, Sampling};

/// Advantages per token by the recipe's estimator. [P][G][T]
pub(super) fn estimated(
    groups: &[Group],
    scored: &Scored,
    spec: &GrpoSpec,
    shards: &mut [Shard],
    greedy: Option<&[Option<f64>]>,
) -> Result<PerToken> {
    let rewards: Vec<Vec<Option<f64>>> =
        scored.rewards.iter().map(|group| group.iter().map(judge::total).collect()).collect();
    let lengths: Vec<Vec<usize>> = groups.iter().map(|g| g.answers.iter().map(|a| a.ids.len()).collect()).collect();
    let kl = match spec.kl_in_reward {
        true => Some(strayed(groups, spec, shards)?),
        false => None,
    };
    let values = match spec.advantage {
        AdvantageEstimator::Gae => Some(by_answer(groups, shards, |shard| Ok(shard.values.clone()))?),
        _ => None,
    };
    let step = Compared { rewards: &rewards, lengths: &lengths, kl: kl.as_deref(), greedy, values: values.as_deref() };
    if values.is_some() {
        let (_, targets) = estimate::guessed(spec, &step)?;
        for (k, shard) in shards.iter_mut().enumerate() {
            let flat = column((k..groups.len()).step_by(SHARDS).flat_map(|p| targets[p].concat()))?;
            shard.returns = Some(shard.packed.table(&flat)?);
        }
    }
    estimate::advantages(spec, rl_scale(spec.scale_rewards), &step)
}

/// How far every token strayed from the reference when it was drawn. [P][G][T]
fn strayed(groups: &[Group], spec: &GrpoSpec, shards: &[Shard]) -> Result<PerToken> {
    by_answer(groups, shards, |shard| {
        shard.reference.as_ref().map(|reference| objective::kl_values(spec, &shard.old, reference)).transpose()
    })
}

/// The tables of all shards as numbers, in the order of the groups. [P][G][T]
fn by_answer(groups: &[Group], shards: &[Shard], table: impl Fn(&Shard) -> Result<Option<Tensor>>) -> Result<PerToken> {
    let mut out: Vec<Vec<Vec<f64>>> = vec![Vec::new(); groups.len()];
    for (k, shard) in shards.iter().enumerate() {
        let Some(table) = table(shard)? else { continue };
        let mut rows = table_rows(&table, shard.packed.lens())?.into_iter();
        for p in (k..groups.len()).step_by(SHARDS) {
            let group = rows.by_ref().take(groups[p].answers.len());
            out[p] = group.map(|row| row.into_iter().map(f64::from).collect()).collect();
        }
    }
    Ok(out)
}

/// The answers that the sampler gives without drawing, one to each question. [P]
pub(super) fn greedy(session: &Session<'_>, groups: &[Group], sampling: &Sampling, step: u32) -> Result<Vec<Group>> {
    let asked: Vec<Item> = groups.iter().map(|g| g.item.clone()).collect();
    let sampling = Sampling { temperature: 0.0, ..sampling.clone() };
    collect(&session.policy.snapshot()?, &session.language, &asked, 1, &sampling, step)
}

/// Entropy per token when it was drawn, nats.
pub(super) fn mean_entropy(groups: &[Group]) -> f64 {
    let all = || groups.iter().flat_map(|g| &g.answers).flat_map(|a| &a.entropies);
    all().map(|&e| f64::from(e)).sum::<f64>() / all().count().max(1) as f64
}

pub(super) fn column(values: impl Iterator<Item = f64>) -> Result<Tensor> {
    let values: Vec<f32> = values.map(|a| a as f32).collect();
    Ok(Tensor::new(values, &Device::Cpu)?)
}
