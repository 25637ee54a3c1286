//! Wrong answers that look right: what another question of the same kind is answered with.

use super::{guarded, hash_of, words};
use crate::world::dice::Dice;
use clicker_wire::{Expected, Item};
use std::collections::HashSet;

/// Candidates among which the draw is made.
const BEST: usize = 8;

/// For every item an answer that is wrong for it: the best answer of one of the questions in its domain that share the most words with
/// it, and none of the words that are right. None where there is no such question.
#[must_use]
pub fn decoys(items: &[Item], seed: u64) -> Vec<Option<String>> {
    let asked: Vec<HashSet<String>> = items.iter().map(|item| words(item.question()).collect()).collect();
    let told: Vec<HashSet<String>> = items.iter().map(guarded).collect();
    let one = |(i, item): (usize, &Item)| {
        let fits = |(j, other): (usize, &Item)| {
            let wrong = other.expected == Expected::Answer && told[i].is_disjoint(&told[j]);
            (j != i && other.domain == item.domain && wrong).then(|| (asked[i].intersection(&asked[j]).count(), j))
        };
        let mut found: Vec<(usize, usize)> = items.iter().enumerate().filter_map(fits).collect();
        found.sort_unstable_by_key(|(shared, j)| (std::cmp::Reverse(*shared), *j));
        found.truncate(BEST);
        let mut dice = Dice::new(seed, "decoy", hash_of(item));
        let (_, j) = found.get(dice.below(found.len()))?;
        items[*j].accepted.first().cloned()
    };
    items.iter().enumerate().map(one).collect()
}
