//! Which items a step uses: the data in a new seeded order every epoch, a pure function of (seed, step), so that a resumed
//! run needs no memory of where it was.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// Walks through `len` items, `per_step` at a time, in a fresh order each epoch.
#[derive(Debug)]
pub(crate) struct Cursor {
    seed: u64,
    per_step: usize,
    order: Vec<usize>,
    epoch: Option<u64>,
}

impl Cursor {
    pub(crate) fn new(seed: u64, len: usize, per_step: usize) -> Self {
        Self { seed, per_step, order: (0..len).collect(), epoch: None }
    }

    /// Items of step `step` (from 1). A step may span two epochs.
    pub(crate) fn items(&mut self, step: u32) -> Vec<usize> {
        let first = u64::from(step - 1) * self.per_step as u64;
        (first..first + self.per_step as u64).map(|n| self.at(n)).collect()
    }

    /// The item at place `n` of the endless walk.
    pub(crate) fn at(&mut self, n: u64) -> usize {
        let len = self.order.len() as u64;
        self.shuffle(n / len);
        self.order[(n % len) as usize]
    }

    /// Epochs begun when step `step` ends.
    pub(crate) fn epoch(&self, step: u32) -> f64 {
        f64::from(step) * self.per_step as f64 / self.order.len() as f64
    }

    fn shuffle(&mut self, epoch: u64) {
        if self.epoch != Some(epoch) {
            self.order = (0..self.order.len()).collect();
            let seed = clicker_lm::stream_seed(self.seed, epoch, 0, 0);
            self.order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            self.epoch = Some(epoch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_sees_everything_once_in_another_order() {
        let mut cursor = Cursor::new(3, 10, 4);
        let all: Vec<usize> = (1..=5).flat_map(|s| cursor.items(s)).collect();
        let (mut first, mut second) = (all[..10].to_vec(), all[10..].to_vec());
        assert_ne!(first, second);
        first.sort_unstable();
        second.sort_unstable();
        assert_eq!(first, (0..10).collect::<Vec<_>>());
        assert_eq!(first, second);
        assert_eq!(Cursor::new(3, 10, 4).items(3), all[8..12], "any step can be found without walking there");
    }
}
