//! Which answers and groups a step learns from, decided from rewards alone.
//!
//! - [`has_signal`] and [`resample`]: groups without any difference are drawn again from other prompts, within a budget
//!   (dynamic sampling, DAPO, arXiv 2503.14476);
//! - [`best`], [`accepted`]: the best of n answers, and those worth imitating (RAFT, arXiv 2304.06767);
//! - [`expected_best_of`], [`best_of_kl`]: what best-of-n would earn, and how far it strays from the model.

use crate::groups::is_zero_variance;
use crate::{Result, RlError};

/// True for groups that teach something: their scored rewards differ. On the whole group and by the largest difference, not
/// by mean (continuous rewards are never exactly 0 or 1) nor by a deviation over the batch.
pub fn has_signal<R: AsRef<[Option<f64>]>>(groups: &[R]) -> Vec<bool> {
    groups.iter().map(|g| !is_zero_variance(g.as_ref())).collect()
}

/// What dynamic sampling does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resample {
    /// Enough groups with signal.
    Enough,
    /// Draw answers to this many further prompts.
    Draw(usize),
    /// The budget is spent: train on what there is.
    Spent,
}

/// After `draws` draws gave `kept` groups with signal of `wanted`: draw as many prompts again as are missing, at most
/// `max_draws` draws in all.
#[must_use]
pub fn resample(kept: usize, wanted: usize, draws: u32, max_draws: u32) -> Resample {
    match wanted.saturating_sub(kept) {
        0 => Resample::Enough,
        _ if draws >= max_draws => Resample::Spent,
        missing => Resample::Draw(missing),
    }
}

/// Index of the answer with the highest reward, the first of equals; none if none could be scored.
#[must_use]
pub fn best(rewards: &[Option<f64>]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (i, reward) in rewards.iter().enumerate() {
        if let Some(r) = reward
            && r.is_finite()
            && best.is_none_or(|(_, b)| *r > b)
        {
            best = Some((i, *r));
        }
    }
    best.map(|(i, _)| i)
}

/// RAFT: of every group the best answer, if its reward is above `above`. Pairs of group and answer.
pub fn accepted<R: AsRef<[Option<f64>]>>(groups: &[R], above: f64) -> Vec<(usize, usize)> {
    let chosen = |(p, group): (usize, &R)| {
        let g = best(group.as_ref())?;
        group.as_ref()[g].filter(|r| *r > above).map(|_| (p, g))
    };
    groups.iter().enumerate().filter_map(chosen).collect()
}

/// Unbiased estimate of the mean reward of the best of `n` answers from `rewards.len() >= n` sampled ones: the mean over all
/// subsets of n, by order statistics: with r_(1) <= ... <= r_(G), `sum_i r_(i) C(i-1, n-1) / C(G, n)`.
///
/// # Errors
/// n of 0 or above the number of rewards; a reward that is not finite.
pub fn expected_best_of(rewards: &[f64], n: usize) -> Result<f64> {
    const OP: &str = "expected_best_of";
    if n == 0 || n > rewards.len() {
        let expected = "1 to the number of rewards: sample more answers";
        return Err(RlError::Value { op: OP, what: "n", got: format!("{n} of {}", rewards.len()), expected });
    }
    if let Some(bad) = rewards.iter().find(|r| !r.is_finite()) {
        return Err(RlError::Value { op: OP, what: "a reward", got: bad.to_string(), expected: "a finite number" });
    }
    let mut sorted = rewards.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    // The best of a subset is the j-th best of all (from 0) with probability C(G-1-j, n-1) / C(G, n): a product that is
    // walked down instead of binomials that overflow.
    let (g, n) = (sorted.len() as f64, n as f64);
    let mut chance = n / g;
    let mut sum = 0.0;
    for (j, r) in sorted.iter().enumerate() {
        sum += chance * r;
        let left = g - 1.0 - j as f64;
        chance = if left > 0.0 { chance * (left - n + 1.0).max(0.0) / left } else { 0.0 };
    }
    Ok(sum)
}

/// `ln n - (n - 1) / n`, nats: an upper bound on the KL between best-of-n and the model itself (arXiv 2401.01879), the price
/// that the reward of [`expected_best_of`] has at most.
#[must_use]
pub fn best_of_kl(n: u32) -> f64 {
    let n = f64::from(n.max(1));
    n.ln() - (n - 1.0) / n
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;
    use proptest::prelude::*;

    #[test]
    fn selection() {
        let groups = [
            vec![Some(0.0), Some(1.0), Some(1.0)],
            vec![Some(-1.0), Some(-1.0), None],
            vec![None, None, None],
            vec![Some(-0.5), None, Some(-1.0)],
        ];
        assert_eq!(has_signal(&groups), [true, false, false, true]);
        assert_eq!(groups.each_ref().map(|g| best(g)), [Some(1), Some(0), None, Some(0)]);
        assert_eq!(accepted(&groups, 0.0), [(0, 1)]);
        assert_eq!(accepted(&groups, -0.9), [(0, 1), (3, 0)]);
        assert_eq!(best(&[Some(f64::NAN), Some(-3.0)]), Some(1));
    }

    #[test]
    fn dynamic_sampling() {
        assert_eq!(resample(16, 16, 1, 10), Resample::Enough);
        assert_eq!(resample(20, 16, 1, 10), Resample::Enough);
        assert_eq!(resample(5, 16, 1, 10), Resample::Draw(11));
        assert_eq!(resample(5, 16, 10, 10), Resample::Spent);
        assert_eq!(resample(16, 16, 10, 10), Resample::Enough, "enough at the last draw is enough");
        assert_eq!(resample(0, 4, 1, 1), Resample::Spent);
    }

    #[test]
    fn best_of_n() {
        // Of 1, 2, 6: pairs have maxima 2, 6, 6, by hand.
        let r = [2.0, 6.0, 1.0];
        assert_close(&[expected_best_of(&r, 1).unwrap()], &[3.0], 1e-12);
        assert_close(&[expected_best_of(&r, 2).unwrap()], &[14.0 / 3.0], 1e-12);
        assert_close(&[expected_best_of(&r, 3).unwrap()], &[6.0], 1e-12);
        assert!(expected_best_of(&r, 0).is_err() && expected_best_of(&r, 4).is_err());
        assert!(expected_best_of(&[f64::NAN], 1).is_err());
        assert_eq!(best_of_kl(1), 0.0);
        assert_close(&[best_of_kl(4)], &[4f64.ln() - 0.75], 1e-15);
    }

    proptest! {
        #[test]
        fn every_subset_once(rewards in proptest::collection::vec(-2.0..2.0f64, 1..8), n in 1usize..8) {
            let g = rewards.len();
            prop_assume!(n <= g);
            // The slow twin: all subsets of n.
            let maxima: Vec<f64> = (0u32..1 << g)
                .filter(|s| s.count_ones() as usize == n)
                .map(|s| (0..g).filter(|i| s >> i & 1 == 1).map(|i| rewards[i]).fold(f64::MIN, f64::max))
                .collect();
            let twin = maxima.iter().sum::<f64>() / maxima.len() as f64;
            assert_close(&[expected_best_of(&rewards, n).unwrap()], &[twin], 1e-9);
        }
    }
}
