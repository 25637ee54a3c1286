//! What became of each group of answers, whatever advantages are divided by: all right, all wrong or mixed, and whether
//! its rewards differ at all. Only groups whose rewards differ teach anything.

use crate::{Result, ZERO_VARIANCE_TOLERANCE, shape};

/// Shares of the groups of a step; the three shares add up to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcomes {
    /// Share of groups in which every answer is right: nothing left to learn.
    pub all_right: f64,
    /// Share of groups in which no answer is right: nothing to learn from, unless abstaining scores above wrong.
    pub all_wrong: f64,
    /// Share of groups with both.
    pub mixed: f64,
    /// Per group: its scored rewards are all equal, so all its advantages are 0.
    pub zero_variance: Vec<bool>,
}

/// Outcomes of P groups: `rewards[p][i]` (none where it could not be scored) and `right[p][i]` of answer i to prompt p.
/// Without groups all shares are 0.
///
/// # Errors
/// Different numbers of groups or answers.
pub fn outcomes<R: AsRef<[Option<f64>]>, V: AsRef<[bool]>>(rewards: &[R], right: &[V]) -> Result<Outcomes> {
    shape::same_len("groups::outcomes", "right", right.len(), "rewards", rewards.len())?;
    for (rewards, right) in rewards.iter().zip(right) {
        shape::same_len(
            "groups::outcomes",
            "a group of right",
            right.as_ref().len(),
            "its rewards",
            rewards.as_ref().len(),
        )?;
    }
    let share = |test: fn(&[bool]) -> bool| {
        let hits = right.iter().filter(|group| test(group.as_ref())).count();
        hits as f64 / right.len().max(1) as f64
    };
    Ok(Outcomes {
        all_right: share(|group| !group.is_empty() && group.iter().all(|r| *r)),
        all_wrong: share(|group| !group.iter().any(|r| *r)),
        mixed: share(|group| group.iter().any(|r| *r) && !group.iter().all(|r| *r)),
        zero_variance: rewards.iter().map(|group| is_zero_variance(group.as_ref())).collect(),
    })
}

/// Whether the scored rewards of a group differ by no more than the tolerance: the same test, on the same numbers, that
/// makes [`advantage::group`](crate::advantage::group) give 0. True for fewer than two scored rewards.
#[must_use]
pub fn is_zero_variance(rewards: &[Option<f64>]) -> bool {
    let scored = || rewards.iter().flatten().copied();
    let high = scored().fold(f64::NEG_INFINITY, f64::max);
    let low = scored().fold(f64::INFINITY, f64::min);
    high - low <= ZERO_VARIANCE_TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advantage::{Scale, of_rewards};

    #[test]
    fn shares_and_signal() {
        let rewards = [
            vec![Some(1.0), Some(1.0)],
            vec![Some(-1.0), Some(-1.0)],
            vec![Some(1.0), Some(-1.0)],
            // All wrong, yet abstaining beats guessing: a signal.
            vec![Some(0.0), Some(-1.0)],
        ];
        let right = [vec![true, true], vec![false, false], vec![true, false], vec![false, false]];
        let out = outcomes(&rewards, &right).unwrap();
        assert_eq!((out.all_right, out.all_wrong, out.mixed), (0.25, 0.5, 0.25));
        assert_eq!(out.zero_variance, [true, true, false, false]);
    }

    #[test]
    fn agrees_with_the_advantages() {
        let groups = [
            vec![Some(0.3), Some(0.3 + 5e-7), None],
            vec![Some(0.3), Some(0.31), None],
            vec![None, None],
            vec![Some(4.0), None],
        ];
        for group in groups {
            let zero = of_rewards(&group, Scale::Group).unwrap().iter().all(|a| *a == 0.0);
            assert_eq!(zero, is_zero_variance(&group), "{group:?}");
        }
    }

    #[test]
    fn nothing_and_mismatches() {
        let none: [Vec<Option<f64>>; 0] = [];
        let out = outcomes(&none, &[] as &[Vec<bool>]).unwrap();
        assert_eq!((out.all_right, out.all_wrong, out.mixed), (0.0, 0.0, 0.0));
        assert!(outcomes(&[vec![Some(1.0)]], &[vec![true, false]]).is_err());
        assert!(outcomes(&[vec![Some(1.0)]], &[] as &[Vec<bool>]).is_err());
    }
}
