//! A reward on the reward lab's answers, by the very code that trains: totals, scores, spreads, agreement between graders.

use crate::engine::Failure;
use clicker_rewards::attack::histogram;
use clicker_rewards::rank::spearman;
use clicker_rewards::{Outside, Scorer, compose};
use clicker_wire::{LabSample, Preview, Reward, RewardConfig};

/// Most answers of one preview: it has to keep up with typing.
const MAX_SAMPLES: usize = 64;

pub(crate) fn preview(
    config: &RewardConfig,
    samples: &[LabSample],
    wanted: &[u32],
    outside: Outside<'_>,
) -> Result<Preview, Failure> {
    compose::validate(config)?;
    if samples.len() > MAX_SAMPLES {
        return Err(format!("{} answers; expected at most {MAX_SAMPLES}", samples.len()).into());
    }
    let rewards = rewards(config, samples, outside);
    let totals: Vec<f64> = rewards.iter().map(|r| r.total).collect();
    let scores: Vec<Vec<Option<f64>>> = rewards.iter().map(|r| r.receipts.iter().map(|x| x.score).collect()).collect();
    let worth = rewards.iter().map(|r| r.receipts.iter().map(|x| x.contribution()).collect()).collect();
    let column = |k: usize| scores.iter().map(|row| row[k]).collect::<Vec<Option<f64>>>();
    let mut columns: Vec<Vec<Option<f64>>> = (0..config.graders.len()).map(column).collect();
    let graders = columns.iter().map(|c| histogram(&c.iter().flatten().copied().collect::<Vec<_>>())).collect();
    columns.push(totals.iter().copied().map(Some).collect());
    let agreement = columns.iter().map(|a| columns.iter().map(|b| agree(a, b)).collect()).collect();
    let wanted = wanted.iter().filter_map(|i| Some((*i, rewards.get(*i as usize)?.clone()))).collect();
    let total = histogram(&totals);
    Ok(Preview { total, totals, scores, worth, receipts: wanted, graders, agreement, judging: 0 })
}

/// Neighbours that answer the same question are a group: some graders compare its answers.
fn rewards(config: &RewardConfig, samples: &[LabSample], outside: Outside<'_>) -> Vec<Reward> {
    let scorer = Scorer::new(config).with(outside);
    let groups = samples.chunk_by(|a, b| a.item.id == b.item.id && a.item.messages == b.item.messages);
    let of_group = |group: &[LabSample]| {
        let texts: Vec<&str> = group.iter().map(|sample| sample.text.as_str()).collect();
        scorer.group(&group[0].item, &texts)
    };
    groups.flat_map(of_group).collect()
}

/// Over the answers to which both graders apply.
fn agree(a: &[Option<f64>], b: &[Option<f64>]) -> Option<f64> {
    let (a, b): (Vec<f64>, Vec<f64>) = a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?))).unzip();
    spearman(&a, &b)
}
