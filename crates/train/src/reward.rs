//! A step's rewards and advantages: the same reward code that the browser previews with, on the same text.

use crate::Result;
use crate::rollout::Group;
use crate::session::Metrics;
use clicker_rewards::judge::{self, Judged, judge_with};
use clicker_rewards::{Outside, Scorer, constraints, dialogue, group, verdict::verdict};
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

/// Reward every answer and compare it with its group, constraints priced as before the first step.
///
/// # Errors
/// A group of one.
pub fn score(config: &RewardConfig, groups: &[Group], scale: AdvantageScale) -> Result<Scored> {
    score_at(config, &constraints::start(&config.constraints), Outside::default(), groups, scale)
}

/// As [`score`], with the constraints' multipliers of a later step, and with what graders need from outside the text.
///
/// # Errors
/// A group of one.
pub fn score_at(
    config: &RewardConfig,
    multipliers: &[f64],
    outside: Outside<'_>,
    groups: &[Group],
    scale: AdvantageScale,
) -> Result<Scored> {
    let asked: Vec<judge::Asked<'_>> =
        groups.iter().map(|g| (&g.item, g.answers.iter().map(|a| a.text.as_str()).collect())).collect();
    let judged = judge_with(config, &asked, multipliers, outside, |totals| advantages(totals, scale))?;
    counted(config, groups, judged)
}

/// As [`score_at`] for dialogues: what their turns and their course are worth, `steadfast` times the latter (see
/// [`dialogue`](clicker_rewards::dialogue)).
///
/// # Errors
/// A group of one.
pub fn score_dialogues(
    config: &RewardConfig,
    steadfast: f64,
    multipliers: &[f64],
    outside: Outside<'_>,
    groups: &[Group],
    scale: AdvantageScale,
) -> Result<Scored> {
    let scorer = Scorer::new(config).at(multipliers).with(outside);
    let of = |group: &Group| -> Vec<Reward> {
        group.answers.iter().map(|a| dialogue::reward(&scorer, steadfast, &group.item, &a.turns())).collect()
    };
    let rewards: Vec<Vec<Reward>> = groups.iter().map(of).collect();
    let signals: Vec<Vec<Option<f64>>> = rewards.iter().map(|group| group.iter().map(judge::total).collect()).collect();
    let advantages = advantages(&signals, scale)?;
    let mut scored = counted(config, groups, Judged { rewards, signals, advantages })?;
    scored.metrics.extend(crate::dialogue::courses(groups));
    Ok(scored)
}

/// What was judged, with the figures of a step.
fn counted(config: &RewardConfig, groups: &[Group], judged: Judged) -> Result<Scored> {
    let asked: Vec<judge::Asked<'_>> =
        groups.iter().map(|g| (&g.item, g.answers.iter().map(|a| a.text.as_str()).collect())).collect();
    let totals: Vec<Vec<Option<f64>>> =
        judged.rewards.iter().map(|group| group.iter().map(judge::total).collect()).collect();
    let right: Vec<Vec<bool>> = groups
        .iter()
        .map(|g| g.answers.iter().map(|a| verdict(&g.item, &a.text) == Verdict::Right).collect())
        .collect();
    let outcomes = outcomes(&judged.signals, &right)?;
    let mut named = metrics::rewards(&totals);
    let silent = outcomes.zero_variance.iter().filter(|silent| **silent).count();
    named.insert("frac_reward_zero_std".into(), silent as f64 / groups.len().max(1) as f64);
    for (k, grader) in config.graders.iter().enumerate() {
        let scores: Vec<Option<f64>> = judged.rewards.iter().flatten().map(|r| r.receipts[k].score).collect();
        named.extend(metrics::grader(&grader.name, &scores));
    }
    named.extend([
        ("groups/all_right".to_owned(), outcomes.all_right),
        ("groups/all_wrong".to_owned(), outcomes.all_wrong),
        ("groups/mixed".to_owned(), outcomes.mixed),
    ]);
    named.insert("groups/semantic_entropy".into(), semantic_entropy(&asked));
    named.extend(verdict_shares(groups));
    Ok(Scored { rewards: judged.rewards, advantages: judged.advantages, outcomes, metrics: named })
}

/// Rewards of single answers, one to each question, which nothing is compared with. [P]
pub(crate) fn greedy_rewards(
    config: &RewardConfig,
    multipliers: &[f64],
    outside: Outside<'_>,
    groups: &[Group],
) -> Vec<Option<f64>> {
    let scorer = Scorer::new(config).at(multipliers).with(outside);
    let of = |g: &Group| g.answers.first().and_then(|a| judge::total(&scorer.reward(&g.item, &a.text)));
    groups.iter().map(of).collect()
}

pub(crate) fn advantages(totals: &[Vec<Option<f64>>], scale: AdvantageScale) -> Result<Vec<Vec<f64>>> {
    Ok(advantage::of_batch(totals, rl_scale(scale))?)
}

/// How undecided the groups are: their mean discrete semantic entropy, nats.
fn semantic_entropy(groups: &[judge::Asked<'_>]) -> f64 {
    let sum: f64 = groups.iter().map(|(item, texts)| group::semantic_entropy(&group::clusters(item, texts))).sum();
    sum / groups.len().max(1) as f64
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
