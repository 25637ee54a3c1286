//! Byte-pair merging on ids: the pair of the lowest rank is joined first, of equals the leftmost. Knows no text.

use crate::{LmError, Result};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// No id: a byte that the vocabulary does not have.
pub(super) const NONE: u32 = u32::MAX;

/// From this many symbols on, a heap finds the next pair; below, looking at all of them is faster.
const LONG: usize = 48;

/// Ranks of pairs, and what they become.
#[derive(Clone, Debug)]
pub(super) struct Merges(HashMap<u64, Merge, BuildHasherDefault<PairHasher>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Merge {
    rank: u32,
    id: u32,
}

/// Pairs without a merge rank last.
const NEVER: Merge = Merge { rank: u32::MAX, id: NONE };

impl Merges {
    /// From (left, right, joined) in order of rank.
    pub(super) fn new(triples: impl ExactSizeIterator<Item = Result<(u32, u32, u32)>>) -> Result<Self> {
        let mut merges = HashMap::with_capacity_and_hasher(triples.len(), BuildHasherDefault::default());
        for (rank, triple) in triples.enumerate() {
            let (left, right, id) = triple?;
            let rank = u32::try_from(rank).map_err(|_| LmError::Tokenizer("too many merges".into()))?;
            merges.insert(key(left, right), Merge { rank, id });
        }
        Ok(Self(merges))
    }

    fn of(&self, left: u32, right: u32) -> Merge {
        self.0.get(&key(left, right)).copied().unwrap_or(NEVER)
    }

    /// Merge until nothing more can be; `pairs` is scratch space.
    pub(super) fn apply(&self, ids: &mut Vec<u32>, scratch: &mut Scratch) {
        if ids.len() >= LONG {
            self.apply_long(ids);
        } else if ids.len() > 1 {
            self.apply_short(ids, &mut scratch.0);
        }
    }

    fn apply_short(&self, ids: &mut Vec<u32>, pairs: &mut Vec<Merge>) {
        pairs.clear();
        pairs.extend(ids.windows(2).map(|pair| self.of(pair[0], pair[1])));
        // `min_by_key` keeps the first of equals: the leftmost.
        while let Some((at, best)) = pairs.iter().copied().enumerate().min_by_key(|(_, merge)| merge.rank) {
            if best.rank == NEVER.rank {
                return;
            }
            ids[at] = best.id;
            ids.remove(at + 1);
            pairs.remove(at);
            if at > 0 {
                pairs[at - 1] = self.of(ids[at - 1], ids[at]);
            }
            if at < pairs.len() {
                pairs[at] = self.of(ids[at], ids[at + 1]);
            }
        }
    }

    /// The same with a heap over a linked list: n log n for texts without a space, which may be as long as an attacker likes.
    fn apply_long(&self, ids: &mut Vec<u32>) {
        let mut next: Vec<usize> = (1..=ids.len()).collect();
        let mut previous: Vec<usize> = (0..ids.len()).map(|i| i.wrapping_sub(1)).collect();
        let mut heap = BinaryHeap::with_capacity(ids.len());
        let offer = |heap: &mut BinaryHeap<_>, at: usize, merge: Merge| {
            if merge.rank != NEVER.rank {
                heap.push(Reverse((merge.rank, at, merge.id)));
            }
        };
        for at in 0..ids.len() - 1 {
            offer(&mut heap, at, self.of(ids[at], ids[at + 1]));
        }
        while let Some(Reverse((rank, at, id))) = heap.pop() {
            let right = next[at];
            // An entry is stale if its left symbol is gone or the pair has changed since.
            if ids[at] == NONE || right >= ids.len() || self.of(ids[at], ids[right]) != (Merge { rank, id }) {
                continue;
            }
            ids[at] = id;
            ids[right] = NONE;
            next[at] = next[right];
            if let Some(after) = previous.get_mut(next[at]) {
                *after = at;
                offer(&mut heap, at, self.of(id, ids[next[at]]));
            }
            if let Some(&before) = ids.get(previous[at]) {
                offer(&mut heap, previous[at], self.of(before, id));
            }
        }
        ids.retain(|&id| id != NONE);
    }
}

/// Memory that encoding reuses between words.
#[derive(Debug, Default)]
pub(super) struct Scratch(Vec<Merge>);

fn key(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

/// One multiplication: keys are pairs of small numbers, and whoever wrote the vocabulary is not an attacker of its own user.
#[derive(Clone, Copy, Debug, Default)]
struct PairHasher(u64);

impl Hasher for PairHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, n: u64) {
        let mixed = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_rank_is_joined_first_and_the_leftmost_of_equals() {
        // 0 1 -> 4 ranks before 1 2 -> 5; then 4 4 -> 6.
        let merges = Merges::new([(0, 1, 4), (1, 2, 5), (4, 4, 6), (0, 0, 7)].into_iter().map(Ok)).unwrap();
        let run = |ids: &[u32]| {
            let mut short = ids.to_vec();
            merges.apply(&mut short, &mut Scratch::default());
            let mut long = ids.to_vec();
            merges.apply_long(&mut long);
            assert_eq!(short, long);
            short
        };
        assert_eq!(run(&[0, 1, 2]), [4, 2]);
        assert_eq!(run(&[3, 1, 2]), [3, 5]);
        assert_eq!(run(&[0, 1, 0, 1, 0, 1]), [6, 4]);
        assert_eq!(run(&[0, 0, 0]), [7, 0]);
        assert_eq!(run(&[0, 0, 1]), [0, 4]);
        assert_eq!(run(&[2]), [2]);
    }

    #[test]
    fn both_ways_agree_on_words_of_any_length() {
        // Every pair of 6 symbols may merge, in a scrambled order, into a symbol that merges on.
        let triples: Vec<_> = (0..36u32).map(|i| (i * 25) % 36).map(|p| (p / 6, p % 6, p % 5)).collect();
        let merges = Merges::new(triples.into_iter().map(Ok)).unwrap();
        for n in 2..120u32 {
            let ids: Vec<u32> = (0..n).map(|i| (i * i + n) % 7).collect();
            let (mut short, mut long) = (ids.clone(), ids);
            merges.apply_short(&mut short, &mut Vec::new());
            merges.apply_long(&mut long);
            assert_eq!(short, long, "{n} symbols");
        }
    }
}
