//! Advantages against a baseline other than the group's own mean, without any division. For G answers to one prompt:
//!
//! - [`leave_one_out`], RLOO (arXiv 2402.14740): `A_i = R_i - (1/(n-1)) sum_{j != i} R_j`, which is
//!   `n/(n-1) (R_i - mu)`: an answer does not lower its own advantage by being in its own baseline;
//! - [`greedy`], ReMax (arXiv 2310.10505): `A_i = R_i - R(answer decoded greedily)`;
//! - [`length_weighted`], OPO (arXiv 2505.23585): `A_i = R_i - sum_j l_j R_j / sum_j l_j`, l_j the answer's tokens,
//!   the baseline of least gradient variance if a gradient's squared norm grows with the number of tokens.
//!
//! RLOO and ReMax want the KL in the reward: see [`penalised`](super::returns::penalised).
//!
//! Departures: an answer that could not be scored is in no baseline and has advantage 0; for RLOO and OPO a group whose
//! scored rewards are equal within [`ZERO_VARIANCE_TOLERANCE`](crate::ZERO_VARIANCE_TOLERANCE) has advantages of exactly 0.
//! Never knows tensors: there is no gradient to keep.

use super::finite;
use crate::groups::is_zero_variance;
use crate::{Result, RlError, shape};

/// RLOO: each answer against the mean of the others. [G]
///
/// # Errors
/// Fewer than two answers; a reward that is not finite.
pub fn leave_one_out(rewards: &[Option<f64>]) -> Result<Vec<f64>> {
    const OP: &str = "advantage::leave_one_out";
    compared(OP, rewards)?;
    let (sum, n) = (rewards.iter().flatten().sum::<f64>(), rewards.iter().flatten().count() as f64);
    Ok(against(rewards, is_zero_variance(rewards), |r| (sum - r) / (n - 1.0)))
}

/// ReMax: each answer against the greedy one's reward. A greedy answer that could not be scored silences the group. [G]
///
/// # Errors
/// A reward that is not finite.
pub fn greedy(rewards: &[Option<f64>], greedy: Option<f64>) -> Result<Vec<f64>> {
    const OP: &str = "advantage::greedy";
    finite(OP, rewards)?;
    finite(OP, &[greedy])?;
    Ok(against(rewards, greedy.is_none(), |_| greedy.unwrap_or(0.0)))
}

/// OPO: each answer against the mean reward weighted by tokens. `lengths` are the answers' counted tokens. [G]
///
/// # Errors
/// Fewer than two answers; as many lengths as answers; a length of 0; a reward that is not finite.
pub fn length_weighted(rewards: &[Option<f64>], lengths: &[usize]) -> Result<Vec<f64>> {
    const OP: &str = "advantage::length_weighted";
    compared(OP, rewards)?;
    shape::same_len(OP, "lengths", lengths.len(), "rewards", rewards.len())?;
    if lengths.contains(&0) {
        let expected = "at least 1 token: an answer has at least its end marker";
        return Err(RlError::Value { op: OP, what: "a length", got: "0".into(), expected });
    }
    let scored = || rewards.iter().zip(lengths).filter_map(|(r, l)| Some(((*r)?, *l as f64)));
    let (weighted, tokens) = scored().fold((0.0, 0.0), |(w, t), (r, l)| (w + l * r, t + l));
    Ok(against(rewards, is_zero_variance(rewards), |_| weighted / tokens))
}

fn against(rewards: &[Option<f64>], silent: bool, baseline: impl Fn(f64) -> f64) -> Vec<f64> {
    rewards.iter().map(|r| r.filter(|_| !silent).map_or(0.0, |r| r - baseline(r))).collect()
}

fn compared(op: &'static str, rewards: &[Option<f64>]) -> Result<()> {
    if rewards.len() < 2 {
        return Err(RlError::GroupTooSmall { op, got: rewards.len() });
    }
    finite(op, rewards)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advantage::{Scale, of_rewards};
    use crate::testing::assert_close;
    use proptest::prelude::*;

    #[test]
    fn table() {
        // Rewards 3, 1, 2, by hand: the others' means are 1.5, 2.5 and 2.
        let r = [Some(3.0), Some(1.0), Some(2.0)];
        assert_close(&leave_one_out(&r).unwrap(), &[1.5, -1.5, 0.0], 1e-15);
        assert_close(&greedy(&r, Some(2.5)).unwrap(), &[0.5, -1.5, -0.5], 1e-15);
        // Tokens 1, 2, 5: baseline (3 + 2 + 10) / 8 = 1.875.
        assert_close(&length_weighted(&r, &[1, 2, 5]).unwrap(), &[1.125, -0.875, 0.125], 1e-15);
    }

    #[test]
    fn unscored_answers_take_no_part() {
        let r = [Some(1.0), None, Some(0.0)];
        assert_close(&leave_one_out(&r).unwrap(), &[1.0, 0.0, -1.0], 0.0);
        assert_close(&greedy(&r, Some(0.5)).unwrap(), &[0.5, 0.0, -0.5], 0.0);
        assert_close(&length_weighted(&r, &[1, 90, 3]).unwrap(), &[0.75, 0.0, -0.25], 1e-15);
        assert_eq!(greedy(&r, None).unwrap(), [0.0; 3], "nothing to compare with");
        assert_eq!(leave_one_out(&[None, Some(2.0)]).unwrap(), [0.0; 2], "one scored answer has no others");
    }

    #[test]
    fn equal_rewards_give_exactly_nothing() {
        assert_eq!(leave_one_out(&[Some(0.1); 7]).unwrap(), [0.0; 7]);
        assert_eq!(length_weighted(&[Some(0.1); 3], &[1, 3, 7]).unwrap(), [0.0; 3]);
    }

    #[test]
    fn refusals() {
        assert!(matches!(leave_one_out(&[Some(1.0)]), Err(RlError::GroupTooSmall { got: 1, .. })));
        assert!(leave_one_out(&[Some(1.0), Some(f64::NAN)]).is_err());
        assert!(greedy(&[Some(1.0)], Some(f64::INFINITY)).is_err());
        assert!(greedy(&[Some(1.0)], Some(0.0)).is_ok(), "the greedy answer is the other one");
        let e = length_weighted(&[Some(1.0), Some(0.0)], &[1]).unwrap_err().to_string();
        assert!(e.contains("[1]") && e.contains("[2]"), "{e}");
        assert!(length_weighted(&[Some(1.0), Some(0.0)], &[1, 0]).is_err());
    }

    proptest! {
        #[test]
        fn algebra(
            rewards in proptest::collection::vec(proptest::option::weighted(0.8, -3.0..3.0f64), 2..9),
            shift in -5.0..5.0f64,
        ) {
            let n = rewards.iter().flatten().count() as f64;
            let moved: Vec<_> = rewards.iter().map(|r| r.map(|r| r + shift)).collect();
            let a = leave_one_out(&rewards).unwrap();
            // The slow twin: a loop over the others.
            let twin: Vec<f64> = rewards.iter().enumerate().map(|(i, r)| {
                let others: Vec<f64> = rewards.iter().enumerate().filter(|(j, _)| *j != i).filter_map(|(_, r)| *r).collect();
                r.filter(|_| !others.is_empty()).map_or(0.0, |r| r - others.iter().sum::<f64>() / others.len() as f64)
            }).collect();
            assert_close(&a, &twin, 1e-5);
            prop_assert!(a.iter().sum::<f64>().abs() < 1e-9);
            assert_close(&leave_one_out(&moved).unwrap(), &a, 1e-5);
            // n/(n-1) times Dr. GRPO.
            if n > 1.0 {
                let mean: Vec<f64> = of_rewards(&rewards, Scale::None).unwrap().iter().map(|x| x * n / (n - 1.0)).collect();
                assert_close(&a, &mean, 1e-9);
            }
            // Equal lengths make OPO the plain mean; a weighted sum of its advantages is 0 whatever the lengths.
            assert_close(&length_weighted(&rewards, &vec![4; rewards.len()]).unwrap(), &of_rewards(&rewards, Scale::None).unwrap(), 1e-9);
            let lengths: Vec<usize> = (1..=rewards.len()).collect();
            let o = length_weighted(&rewards, &lengths).unwrap();
            prop_assert!(o.iter().zip(&lengths).map(|(a, l)| a * *l as f64).sum::<f64>().abs() < 1e-8);
        }
    }
}
