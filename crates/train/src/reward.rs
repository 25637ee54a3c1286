//! A step's rewards and advantages: the same reward code that the browser previews with, on the same text.

use crate::Result;
use crate::rollout::Group;
use crate::session::Metrics;
use candle_core::{Device, Tensor};
use clicker_rewards::{compose, verdict::verdict};
use clicker_rl::groups::{Outcomes, outcomes};
use clicker_rl::{Scale, advantage, metrics};
use clicker_wire::{AdvantageScale, Reward, RewardConfig, Verdict};

/// What every answer was worth.
#[derive(Clone, Debug)]
pub struct Scored {
    /// [P][G]
    pub rewards: Vec<Vec<Reward>>,
    /// [P][G]
    pub advantages: Vec<Vec<f64>>,
    /// All right, all wrong, mixed; which groups carry no signal.
    pub outcomes: Outcomes,
    /// Rewards by grader, in all, and by group outcome.
    pub(crate) metrics: Metrics,
}

/// Reward every answer and compare it with its group.
///
/// # Errors
/// A group of one.
pub fn score(config: &RewardConfig, groups: &[Group], scale: AdvantageScale) -> Result<Scored> {
    let per_answer = |f: &dyn Fn(&Group, &str) -> Reward| -> Vec<Vec<Reward>> {
        groups.iter().map(|g| g.answers.iter().map(|a| f(g, &a.text)).collect()).collect()
    };
    let rewards = per_answer(&|group, text| compose::reward(config, &group.item, text));
    // An answer to which no grader applies has no reward; it takes no part in its group's mean.
    let total = |r: &Reward| r.receipts.iter().any(|x| x.score.is_some()).then_some(r.total);
    let totals: Vec<Vec<Option<f64>>> = rewards.iter().map(|g| g.iter().map(total).collect()).collect();
    let right: Vec<Vec<bool>> = groups
        .iter()
        .map(|g| g.answers.iter().map(|a| verdict(&g.item, &a.text) == Verdict::Right).collect())
        .collect();
    let outcomes = outcomes(&totals, &right)?;
    let advantages = advantages(&totals, scale)?;
    let mut named = metrics::rewards(&totals);
    for (k, grader) in config.graders.iter().enumerate() {
        let scores: Vec<Option<f64>> = rewards.iter().flatten().map(|r| r.receipts[k].score).collect();
        named.extend(metrics::grader(&grader.name, &scores));
    }
    named.extend([
        ("groups/all_right".to_owned(), outcomes.all_right),
        ("groups/all_wrong".to_owned(), outcomes.all_wrong),
        ("groups/mixed".to_owned(), outcomes.mixed),
    ]);
    named.extend(verdict_shares(groups));
    Ok(Scored { rewards, advantages, outcomes, metrics: named })
}

pub(crate) fn advantages(totals: &[Vec<Option<f64>>], scale: AdvantageScale) -> Result<Vec<Vec<f64>>> {
    let (p, g) = (totals.len(), totals.first().map_or(0, Vec::len));
    let table = |f: &dyn Fn(&Option<f64>) -> f64| {
        Tensor::from_vec(totals.iter().flatten().map(f).collect::<Vec<f64>>(), (p, g), &Device::Cpu)
    };
    let (rewards, scored) = (table(&|r| r.unwrap_or(0.0))?, table(&|r| f64::from(u8::from(r.is_some())))?);
    Ok(advantage::group(&rewards, &scored, rl_scale(scale))?.to_vec2::<f64>()?)
}

/// The mathematics' word for a recipe's choice.
#[must_use]
pub fn rl_scale(scale: AdvantageScale) -> Scale {
    match scale {
        AdvantageScale::Group => Scale::Group,
        AdvantageScale::Batch => Scale::Batch,
        AdvantageScale::None => Scale::None,
    }
}

/// `train/right`, `train/abstained`, `train/refused`, `train/wrong`: shares of the step's answers.
fn verdict_shares(groups: &[Group]) -> Metrics {
    let verdicts: Vec<Verdict> =
        groups.iter().flat_map(|g| g.answers.iter().map(|a| verdict(&g.item, &a.text))).collect();
    [
        ("right", Verdict::Right),
        ("abstained", Verdict::Abstained),
        ("refused", Verdict::Refused),
        ("wrong", Verdict::Wrong),
    ]
    .map(|(name, v)| {
        let share = verdicts.iter().filter(|x| **x == v).count() as f64 / verdicts.len().max(1) as f64;
        (format!("train/{name}"), share)
    })
    .into()
}
