//! Which split a question belongs to: a fixed property of its text, so that two splits can never ask the same.

use super::dice::{Dice, fate_of};
use super::shares::TEXTS;
use clicker_wire::{Message, Split};

/// The splits in the order of every share table.
pub(crate) const SPLITS: [Split; 4] = [Split::Pretrain, Split::Sft, Split::Rl, Split::Eval];

/// The owner of a free text, by its hash.
pub(crate) fn owner(seed: u64, messages: &[Message]) -> Split {
    let mut left = fate_of(seed, messages);
    for (split, share) in SPLITS.into_iter().zip(TEXTS) {
        left -= share;
        if left < 0.0 {
            return split;
        }
    }
    Split::Eval
}

/// The wordings of one fact that a split owns: a part of a shuffle that is a fixed property of the fact. `quota` says how many
/// go to each split, in the order of [`SPLITS`], and sums to the number of wordings.
pub(crate) fn wordings(seed: u64, fact: &str, quota: [usize; 4], split: Split) -> Vec<usize> {
    let order = all_wordings(seed, fact, quota.iter().sum());
    let mut start = 0;
    for (candidate, n) in SPLITS.into_iter().zip(quota) {
        if candidate == split {
            return order[start..start + n].to_vec();
        }
        start += n;
    }
    Vec::new()
}

/// All wordings of a fact whose thing belongs to one split alone, in the fact's own order.
pub(crate) fn all_wordings(seed: u64, fact: &str, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    Dice::new(seed, fact, 0).shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::shares::{DOCUMENTS, FACT_WORDINGS, SUM_WORDINGS};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_wording_has_exactly_one_owner(seed: u64, fact in "[a-z]{1,12}") {
            for quota in [FACT_WORDINGS, SUM_WORDINGS] {
                let mut all: Vec<usize> = SPLITS.into_iter().flat_map(|s| wordings(seed, &fact, quota, s)).collect();
                all.sort_unstable();
                prop_assert_eq!(all, (0..quota.iter().sum()).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn shares_are_whole() {
        assert!((TEXTS.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!((DOCUMENTS.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
}
