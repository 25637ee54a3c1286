//! What two versions make of the same answers: totals, ranks within each question, and the pairs that change places.
//!
//! Training sees differences within a question only, so a pair of answers to one question that the versions order
//! differently is a pair on which they push in opposite directions.

use crate::rank::{ranks, spearman};
use clicker_wire::{ComparedSample, Flip, Item, RewardComparison, RewardConfig};

/// Totals closer than this are equal: sums in another order differ in the last digit.
const SAME: f64 = 1e-9;
/// Flips that are listed.
const LISTED: usize = 64;

/// Rewards every answer with both versions.
#[must_use]
pub fn compare(before: &RewardConfig, after: &RewardConfig, groups: &[(Item, Vec<String>)]) -> RewardComparison {
    let totals = |config: &RewardConfig| -> Vec<Vec<f64>> {
        let of_group = |(item, texts): &(Item, Vec<String>)| {
            crate::reward_group(config, item, texts).iter().map(|reward| reward.total).collect()
        };
        groups.iter().map(of_group).collect()
    };
    compare_totals(groups, &totals(before), &totals(after))
}

/// As [`compare`], with totals that are known already: a row per question, a number per answer. What is missing in a row
/// counts as 0.
#[must_use]
pub fn compare_totals(groups: &[(Item, Vec<String>)], before: &[Vec<f64>], after: &[Vec<f64>]) -> RewardComparison {
    let mut out = RewardComparison {
        samples: Vec::new(),
        agreement: None,
        ordered_pairs: 0,
        flipped_pairs: 0,
        tied_pairs: 0,
        flips: Vec::new(),
    };
    for (g, (item, texts)) in groups.iter().enumerate() {
        let row = |table: &[Vec<f64>]| -> Vec<f64> {
            (0..texts.len()).map(|i| table.get(g).and_then(|row| row.get(i)).copied().unwrap_or(0.0)).collect()
        };
        let (old, new) = (row(before), row(after));
        pairs(&old, &new, out.samples.len(), &mut out);
        let (rank_before, rank_after) = (from_the_top(&old), from_the_top(&new));
        out.samples.extend(texts.iter().enumerate().map(|(i, text)| ComparedSample {
            item: item.id.clone(),
            sample: i as u32,
            text: text.clone(),
            before: old[i],
            after: new[i],
            rank_before: rank_before[i],
            rank_after: rank_after[i],
        }));
    }
    shorten(&mut out.flips);
    let all = |f: fn(&ComparedSample) -> f64| out.samples.iter().map(f).collect::<Vec<_>>();
    out.agreement = spearman(&all(|s| s.before), &all(|s| s.after));
    out
}

/// Counts and lists the pairs of one question, whose first answer is number `offset` of all.
fn pairs(old: &[f64], new: &[f64], offset: usize, out: &mut RewardComparison) {
    for i in 0..old.len() {
        for j in i + 1..old.len() {
            let (lead, lead_now) = (old[i] - old[j], new[i] - new[j]);
            match (lead.abs() > SAME, lead_now.abs() > SAME) {
                (true, true) => out.ordered_pairs += 1,
                (false, false) => continue,
                _ => {
                    out.tied_pairs += 1;
                    continue;
                }
            }
            if (lead > 0.0) == (lead_now > 0.0) {
                continue;
            }
            out.flipped_pairs += 1;
            let (was_better, is_better) = if lead > 0.0 { (i, j) } else { (j, i) };
            out.flips.push(Flip {
                was_better: (offset + was_better) as u32,
                is_better: (offset + is_better) as u32,
                lead_before: lead.abs(),
                lead_after: lead_now.abs(),
            });
            // A question with many answers has many pairs: what will not be listed goes early.
            if out.flips.len() >= 64 * LISTED {
                shorten(&mut out.flips);
            }
        }
    }
}

/// The largest changes first; equal ones in the order of the answers.
fn shorten(flips: &mut Vec<Flip>) {
    let size = |flip: &Flip| flip.lead_before + flip.lead_after;
    flips.sort_by(|a, b| {
        size(b).total_cmp(&size(a)).then_with(|| (a.was_better, a.is_better).cmp(&(b.was_better, b.is_better)))
    });
    flips.truncate(LISTED);
}

/// Ranks with 1 for the largest; equals share the mean of theirs.
fn from_the_top(totals: &[f64]) -> Vec<f64> {
    let negated: Vec<f64> = totals.iter().map(|total| -total).collect();
    ranks(&negated)
}
