//! Arms against each other on the same questions: paired percentile bootstrap (Efron 1979; for paired comparisons of systems
//! Koehn 2004). A resample draws units of questions with replacement, the same ones for every arm and figure; verdicts are averaged
//! over an arm's seeds. So what an interval holds is the choice of questions; seeds are taken as they are.

use super::figures::{self, Figure, Table};
use super::student::mean_and_interval;
use crate::{Result, TrainError};
use clicker_wire::{AnsweredItem, ArmFigure, Difference, FigureResult};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Resamples behind an interval.
pub const RESAMPLES: u32 = 10_000;

/// An arm's answers: one list per seed, all to the same questions in the same order.
#[derive(Clone, Debug)]
pub struct Arm<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its runs.
    pub runs: Vec<&'a [AnsweredItem]>,
}

/// Every figure of every arm, and every difference between two of them (the later arm minus the earlier one).
///
/// # Errors
/// Runs that did not answer the same questions; an arm without runs.
pub fn compare(arms: &[Arm<'_>], resamples: u32, seed: u64) -> Result<Vec<FigureResult>> {
    let first = same_questions(arms)?;
    let places = figures::units(first);
    let all = figures::of(first);
    let tables: Vec<Vec<Table>> =
        all.iter().map(|f| arms.iter().map(|arm| Table::new(f, &arm.runs, &places)).collect()).collect();
    let mut drawn: Vec<Vec<Vec<Option<f64>>>> =
        vec![vec![Vec::with_capacity(resamples as usize); arms.len()]; all.len()];
    draws(places.len(), resamples, seed, &mut |weights| {
        for (tables, drawn) in tables.iter().zip(&mut drawn) {
            for (table, drawn) in tables.iter().zip(drawn) {
                drawn.push(table.value(weights));
            }
        }
    });
    let once = vec![1.0; places.len()];
    let figure = |(f, figure): (usize, &Figure)| {
        let values: Vec<Option<f64>> = tables[f].iter().map(|t| t.value(&once)).collect();
        let one = |(a, arm): (usize, &Arm<'_>)| {
            let by_seed: Vec<f64> = per_run(figure, arm, &places).into_iter().flatten().collect();
            let (mean, over_seeds) = mean_and_interval(&by_seed)?;
            let over_items = percentiles(drawn[f][a].iter().copied().flatten(), mean);
            Some(ArmFigure { arm: arm.name.into(), mean, over_seeds, over_items, seeds: by_seed.len() as u32 })
        };
        let mut differences = Vec::new();
        for b in 0..arms.len() {
            for a in b + 1..arms.len() {
                let (Some(va), Some(vb)) = (values[a], values[b]) else { continue };
                let both = drawn[f][a].iter().zip(&drawn[f][b]).filter_map(|(x, y)| Some((*x)? - (*y)?));
                let [low, high] = percentiles(both, va - vb);
                differences.push(Difference {
                    arm: arms[a].name.into(),
                    against: arms[b].name.into(),
                    value: va - vb,
                    low,
                    high,
                    n: tables[f][a].n,
                });
            }
        }
        FigureResult {
            id: figure.id.clone(),
            title: figure.title.clone(),
            meaning: figure.meaning.clone(),
            better: figure.better,
            cell: figure.cell,
            n: tables[f].first().map_or(0, |t| t.n),
            arms: arms.iter().enumerate().filter_map(one).collect(),
            differences,
        }
    };
    Ok(all.iter().enumerate().map(figure).filter(|f| !f.arms.is_empty()).collect())
}

/// A figure of each run by itself; none where it is not defined.
#[must_use]
pub fn per_run(figure: &Figure, arm: &Arm<'_>, places: &std::collections::BTreeMap<&str, usize>) -> Vec<Option<f64>> {
    let once = vec![1.0; places.len()];
    arm.runs.iter().map(|run| Table::new(figure, &[run], places).value(&once)).collect()
}

/// Call `see` with the weights of every resample: how often each of `units` was drawn in as many draws as there are units.
fn draws(units: usize, resamples: u32, seed: u64, see: &mut dyn FnMut(&[f64])) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut weights = vec![0.0; units];
    for _ in 0..resamples {
        weights.fill(0.0);
        for _ in 0..units {
            weights[rng.random_range(0..units)] += 1.0;
        }
        see(&weights);
    }
}

/// The 2.5 and 97.5 percentiles; `otherwise` twice where there is nothing.
fn percentiles(values: impl Iterator<Item = f64>, otherwise: f64) -> [f64; 2] {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let at = |q: f64| sorted.get((q * (sorted.len().max(1) - 1) as f64).round() as usize).copied().unwrap_or(otherwise);
    [at(0.025), at(0.975)]
}

fn same_questions<'a>(arms: &[Arm<'a>]) -> Result<&'a [AnsweredItem]> {
    let mut runs = arms.iter().flat_map(|arm| arm.runs.iter().map(move |run| (arm.name, *run)));
    let wrong = |words: String| TrainError::Comparison(words);
    if let Some(arm) = arms.iter().find(|arm| arm.runs.is_empty()) {
        return Err(wrong(format!("arm {} has no runs", arm.name)));
    }
    let Some((name, first)) = runs.next() else { return Err(wrong("there are no arms".into())) };
    let same = |run: &[AnsweredItem]| run.len() == first.len() && run.iter().zip(first).all(|(a, b)| a.id == b.id);
    match runs.find(|(_, run)| !same(run)) {
        None if first.is_empty() => Err(wrong("no questions were asked".into())),
        None => Ok(first),
        Some((other, run)) => Err(wrong(format!(
            "{other} answered other questions than {name} ({} and {}); compare runs that were asked the same",
            run.len(),
            first.len()
        ))),
    }
}

#[cfg(test)]
mod tests;
