//! Rewards and advantages of a group, by the very function that trains.

use crate::engine::Failure;
use clicker_rewards::{Outside, compose, constraints, judge};
use clicker_rl::{Scale, advantage};
use clicker_wire::{AdvantageScale, GroupJudgement, Item, RewardConfig};

pub(crate) fn judge(
    item: &Item,
    texts: &[String],
    reward: &RewardConfig,
    scale: AdvantageScale,
    outside: Outside<'_>,
) -> Result<GroupJudgement, Failure> {
    compose::validate(reward)?;
    let scale = match scale {
        AdvantageScale::Group => Scale::Group,
        AdvantageScale::Batch => Scale::Batch,
        AdvantageScale::None => Scale::None,
    };
    let group = [(item, texts.iter().map(String::as_str).collect())];
    let judged = judge::judge_with(reward, &group, &constraints::start(&reward.constraints), outside, |totals| {
        // One answer has nobody to be compared with.
        let lonely = totals.iter().all(|group| group.len() < 2);
        if lonely {
            Ok(totals.iter().map(|g| vec![0.0; g.len()]).collect())
        } else {
            advantage::of_batch(totals, scale)
        }
    })?;
    let rewards: Vec<_> = judged.rewards.into_iter().flatten().collect();
    let known: Vec<f64> = rewards.iter().filter_map(judge::total).collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    let squares: f64 = known.iter().map(|t| (t - mean).powi(2)).sum();
    let std = if known.len() > 1 { (squares / (known.len() - 1) as f64).sqrt() } else { 0.0 };
    let advantages = judged.advantages.into_iter().flatten().collect();
    Ok(GroupJudgement { rewards, advantages, mean, std, judging: 0 })
}
