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
    let wrong = WrongAnswers::new(items);
    (0..items.len()).map(|i| wrong.to(i, seed).map(str::to_owned)).collect()
}

/// Questions that wrong answers are taken from, read once.
#[derive(Clone, Debug)]
pub struct WrongAnswers<'a> {
    items: &'a [Item],
    asked: Vec<HashSet<String>>,
    told: Vec<HashSet<String>>,
}

impl<'a> WrongAnswers<'a> {
    /// Those of these questions.
    #[must_use]
    pub fn new(items: &'a [Item]) -> Self {
        let asked = items.iter().map(|item| words(item.question()).collect()).collect();
        Self { items, asked, told: items.iter().map(guarded).collect() }
    }

    /// A wrong answer to the i-th question, as [`decoys`] draws it.
    #[must_use]
    pub fn to(&self, i: usize, seed: u64) -> Option<&'a str> {
        let item = self.items.get(i)?;
        let fits = |(j, other): (usize, &Item)| {
            let wrong = other.expected == Expected::Answer && self.told[i].is_disjoint(&self.told[j]);
            let shared = || self.asked[i].intersection(&self.asked[j]).count();
            (j != i && other.domain == item.domain && wrong).then(|| (shared(), j))
        };
        let mut found: Vec<(usize, usize)> = self.items.iter().enumerate().filter_map(fits).collect();
        found.sort_unstable_by_key(|(shared, j)| (std::cmp::Reverse(*shared), *j));
        found.truncate(BEST);
        let mut dice = Dice::new(seed, "decoy", hash_of(item));
        let (_, j) = found.get(dice.below(found.len()))?;
        self.items[*j].accepted.first().map(String::as_str)
    }
}
