//! Rewards and advantages of a group, by the very code that trains.

use crate::engine::Failure;
use clicker_rewards::compose;
use clicker_rl::{Scale, advantage};
use clicker_wire::{AdvantageScale, GroupJudgement, Item, Reward, RewardConfig};

pub(crate) fn judge(
    item: &Item,
    texts: &[String],
    reward: &RewardConfig,
    scale: AdvantageScale,
) -> Result<GroupJudgement, Failure> {
    compose::validate(reward)?;
    let rewards: Vec<Reward> = texts.iter().map(|text| compose::reward(reward, item, text)).collect();
    let scored = |r: &Reward| r.receipts.iter().any(|x| x.score.is_some()).then_some(r.total);
    let totals: Vec<Option<f64>> = rewards.iter().map(scored).collect();
    let scale = match scale {
        AdvantageScale::Group => Scale::Group,
        AdvantageScale::Batch => Scale::Batch,
        AdvantageScale::None => Scale::None,
    };
    // One answer has nobody to be compared with.
    let advantages = if totals.len() < 2 { vec![0.0; totals.len()] } else { advantage::of_rewards(&totals, scale)? };
    let known: Vec<f64> = totals.into_iter().flatten().collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    let squares: f64 = known.iter().map(|t| (t - mean).powi(2)).sum();
    let std = if known.len() > 1 { (squares / (known.len() - 1) as f64).sqrt() } else { 0.0 };
    Ok(GroupJudgement { rewards, advantages, mean, std })
}
