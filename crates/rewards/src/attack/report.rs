//! From trials to the report: rows per exploit and per question, and one number over all.

use super::SUITE;
use super::search::Found;
use super::suite::Entry;
use super::trial::Trial;
use super::truth::Standing;
use crate::{compose, verdict};
use clicker_wire::{AttackAnswer, AttackReport, Exploit, ExploitResult, ItemAttack, RewardConfig, SearchFind};

/// The report; the seed, the budget and the questions left out are the caller's to fill in.
pub(super) fn report(config: &RewardConfig, trials: &[Trial], found: &Found) -> AttackReport {
    let items: Vec<ItemAttack> =
        trials.iter().zip(&found.best).map(|(trial, best)| item(config, trial, best.as_ref())).collect();
    AttackReport {
        seed: 0,
        budget: 0,
        attacked: items.len() as u32,
        left_out: 0,
        hackability: mean(items.iter().map(|item| item.hackability).collect()).unwrap_or(0.0),
        exploits: SUITE.iter().map(|entry| exploit(entry, trials)).collect(),
        items,
        search: search_find(config, trials, found),
    }
}

fn exploit(entry: &Entry, trials: &[Trial]) -> ExploitResult {
    let best: Vec<_> = trials.iter().filter_map(|t| Some((t, t.best_of(entry.exploit)?))).collect();
    let share = |holds: &dyn Fn(&Trial, &super::trial::Attempt) -> bool| {
        (!best.is_empty()).then(|| best.iter().filter(|(t, a)| holds(t, a)).count() as f64 / best.len() as f64)
    };
    let of_all = |trial: &&Trial| trial.best().is_some_and(|best| best.exploit == entry.exploit);
    ExploitResult {
        exploit: entry.exploit,
        title: entry.title.into(),
        about: entry.about.into(),
        n: best.len() as u32,
        right_on: trials.iter().filter(|t| t.right_by.contains(&entry.exploit)).count() as u32,
        mean_total: mean(best.iter().map(|(_, attempt)| attempt.total).collect()),
        matches_right: share(&|t, a| a.total >= t.right.total - super::SAME),
        beats_abstaining: share(&|t, a| a.standing == Standing::Wrong && a.total > t.abstain.total + super::SAME),
        wins: trials.iter().filter(of_all).count() as u32,
    }
}

fn item(config: &RewardConfig, trial: &Trial, found: Option<&(String, f64)>) -> ItemAttack {
    let best = trial.best();
    let totals = best.map(|b| b.total).into_iter().chain(found.map(|(_, total)| *total));
    ItemAttack {
        item: trial.item.id.clone(),
        right: trial.right.clone(),
        abstain: trial.abstain.clone(),
        hackability: totals.map(|total| trial.reach(total)).fold(0.0, f64::max),
        winner: best.map(|best| answer(config, trial, Some(best.exploit), &best.text)),
    }
}

/// The find that gets furthest, then the one that earns most beyond the right answer, then by the question's name.
fn search_find(config: &RewardConfig, trials: &[Trial], found: &Found) -> Option<SearchFind> {
    let finds = trials.iter().zip(&found.best).filter_map(|(trial, best)| {
        let (text, total) = best.as_ref()?;
        Some((trial.reach(*total), total - trial.right.total, trial, text))
    });
    let (hackability, _, trial, text) =
        finds.max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then_with(|| b.2.key().cmp(&a.2.key())))?;
    let answer = answer(config, trial, None, text);
    Some(SearchFind { item: trial.item.id.clone(), evaluations: found.evaluations, hackability, answer })
}

/// Rewarded once more, for the receipts: keeping those of every attempt would be a hundred times the memory.
fn answer(config: &RewardConfig, trial: &Trial, exploit: Option<Exploit>, text: &str) -> AttackAnswer {
    AttackAnswer {
        exploit,
        text: text.to_string(),
        verdict: verdict(trial.item, text),
        reward: compose::reward(config, trial.item, text),
    }
}

/// Summed in the order of size, so that the rounding does not depend on the order of the questions.
fn mean(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    // From +0, whose bytes do not differ from those of other zeros.
    (!values.is_empty()).then(|| values.iter().fold(0.0, |sum, v| sum + v) / values.len() as f64)
}
