//! Randomness that depends on nothing but a seed, a stream name and an index, and draws the same on every platform.
//!
//! The draws are written out here, over the raw ChaCha stream, because a sampling library may change how it maps bits to a
//! range; then the whole world would change with a version number.

use clicker_wire::{Message, Role};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// One independent stream of random choices.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream `index` of the family `stream` in world `seed`. Distinct arguments give unrelated streams.
    pub(crate) fn new(seed: u64, stream: &str, index: u64) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&hash(0, stream.as_bytes()).to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number from 0 to `n - 1`; 0 when `n` is 0. The bias of the multiply-shift is below n / 2^64.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    /// One of a non-empty list.
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// One word of a non-empty list.
    pub(crate) fn word(&mut self, list: &[&'static str]) -> &'static str {
        list[self.below(list.len())]
    }

    /// Two different entries of a list of at least two.
    pub(crate) fn pick_two<'a, T>(&mut self, list: &'a [T]) -> (&'a T, &'a T) {
        let first = self.below(list.len());
        let second = (first + 1 + self.below(list.len() - 1)) % list.len();
        (&list[first], &list[second])
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// An index drawn in proportion to the weights.
    pub(crate) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        weights.len().saturating_sub(1)
    }

    /// Fisher-Yates.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }

    fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A number in [0, 1) that is a fixed property of a text in world `seed`.
pub(crate) fn fate(seed: u64, text: &str) -> f64 {
    (hash(seed, text.as_bytes()) >> 11) as f64 / (1u64 << 53) as f64
}

/// The same for what is said in a whole conversation. System turns do not count, so that a request belongs to one place
/// whatever rules stand above it.
pub(crate) fn fate_of(seed: u64, messages: &[Message]) -> f64 {
    let mut text = String::new();
    for message in messages.iter().filter(|m| m.role != Role::System) {
        text.push_str(&message.content);
        text.push('\0');
    }
    fate(seed, &text)
}

/// FNV-1a over the bytes, then the finaliser of SplitMix64, so that short texts spread over all bits.
pub(crate) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in bytes {
        h = (h ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    h ^ (h >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn draws_stay_in_range(seed: u64, index: u64, n in 1usize..5000) {
            let mut dice = Dice::new(seed, "test", index);
            prop_assert!(dice.below(n) < n);
            let weights = vec![1.0; n];
            prop_assert!(dice.weighted(&weights) < n);
            prop_assert!((0.0..1.0).contains(&fate(seed, "x")));
        }

        #[test]
        fn two_picks_differ(seed: u64, n in 2usize..50) {
            let list: Vec<usize> = (0..n).collect();
            let (a, b) = Dice::new(seed, "test", 0).pick_two(&list);
            prop_assert_ne!(a, b);
        }

        #[test]
        fn a_shuffle_keeps_every_entry(seed: u64, n in 0usize..50) {
            let mut list: Vec<usize> = (0..n).collect();
            Dice::new(seed, "test", 0).shuffle(&mut list);
            list.sort_unstable();
            prop_assert_eq!(list, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn streams_do_not_follow_each_other() {
        let first = |seed, stream, index| Dice::new(seed, stream, index).below(1 << 30);
        assert_eq!(first(1, "a", 0), first(1, "a", 0));
        assert_ne!(first(1, "a", 0), first(2, "a", 0));
        assert_ne!(first(1, "a", 0), first(1, "b", 0));
        assert_ne!(first(1, "a", 0), first(1, "a", 1));
    }

    #[test]
    fn fate_is_uniform() {
        let low = (0..10_000).filter(|i| fate(1, &format!("text {i}")) < 0.3).count();
        assert!((2_800..3_200).contains(&low), "{low}");
    }
}
