//! GDPO (arXiv 2601.05242): several rewards normalised one by one before they are summed. With K rewards, weights w_k, group
//! means mu_k and n - 1 deviations s_k:
//!
//! `a_ik = (r_ik - mu_k) / (s_k + 1e-4)`, `A_i = sum_k w_k a_ik`, then `(A - mean) / (s + 1e-4)` over the batch.
//!
//! The plain sum gives (1, 0) and (0, 1) one advantage; this tells them apart when one of them was rarer in the group. A
//! score that does not apply is left out of its column and adds 0; an answer without any has advantage 0 and is left out of
//! the batch's mean. The reward crate computes the same from receipts; a test in the trainer holds the two together.

use super::{Scale, of_groups};
use crate::{Result, RlError, shape};

/// Advantages of P groups. `scores[p][i][k]` is reward k of answer i to prompt p, none where it does not apply. [P][G]
///
/// # Errors
/// Groups of fewer than two; a row without K scores; a score that is not finite.
pub fn normalise_then_sum(scores: &[Vec<Vec<Option<f64>>>], weights: &[f64]) -> Result<Vec<Vec<f64>>> {
    const OP: &str = "advantage::gdpo";
    let sums = scores.iter().map(|group| of_group(OP, group, weights)).collect::<Result<Vec<_>>>()?;
    let flat: Vec<Option<f64>> = sums.concat();
    if flat.len() < 2 {
        return Err(RlError::GroupTooSmall { op: OP, got: flat.len() });
    }
    // The whole batch as one group: the same normalisation once more.
    let mut whole = of_groups(OP, &flat, flat.len(), Scale::Group)?.into_iter();
    Ok(sums.iter().map(|group| whole.by_ref().take(group.len()).collect()).collect())
}

fn of_group(op: &'static str, group: &[Vec<Option<f64>>], weights: &[f64]) -> Result<Vec<Option<f64>>> {
    for row in group {
        shape::same_len(op, "an answer's scores", row.len(), "weights", weights.len())?;
    }
    let mut sums: Vec<Option<f64>> = group.iter().map(|row| row.iter().any(Option::is_some).then_some(0.0)).collect();
    for (k, weight) in weights.iter().enumerate() {
        let column: Vec<Option<f64>> = group.iter().map(|row| row[k]).collect();
        for (sum, a) in sums.iter_mut().zip(of_groups(op, &column, column.len(), Scale::Group)?) {
            *sum = sum.map(|sum| sum + weight * a);
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    fn some(rows: &[[f64; 2]]) -> Vec<Vec<Option<f64>>> {
        rows.iter().map(|row| row.iter().copied().map(Some).collect()).collect()
    }

    #[test]
    fn table() {
        // (1,0), (0,1), (0,1), (0,0) with weights 1. First column: mu 1/4, s = sqrt(3/16 4/3) = 1/2; second: mu 1/2,
        // s = sqrt(1/3). Sums, by hand, then over the batch (its mean is 0).
        let group = some(&[[1., 0.], [0., 1.], [0., 1.], [0., 0.]]);
        let (s1, s2) = (0.5 + 1e-4, (1f64 / 3.0).sqrt() + 1e-4);
        let sums = [0.75 / s1 - 0.5 / s2, -0.25 / s1 + 0.5 / s2, -0.25 / s1 + 0.5 / s2, -0.25 / s1 - 0.5 / s2];
        let deviation = (sums.iter().map(|a| a * a).sum::<f64>() / 3.0).sqrt() + 1e-4;
        let out = normalise_then_sum(&[group], &[1.0, 1.0]).unwrap();
        assert_close(&out[0], &sums.map(|a| a / deviation), 1e-12);
        // The plain sum could not tell the first two apart.
        assert!(out[0][0] - out[0][1] > 0.2);
    }

    #[test]
    fn one_reward_in_one_group_is_grpo_normalised_once_more() {
        let rewards = [3.0, 1.0, 0.5, -2.0];
        let rows: Vec<Vec<Option<f64>>> = rewards.iter().map(|r| vec![Some(*r)]).collect();
        let out = normalise_then_sum(&[rows], &[2.0]).unwrap();
        let grpo = crate::advantage::of_rewards(&rewards.map(Some), Scale::Group).unwrap();
        // Already of mean 0 and deviation 1, and the weight cancels.
        assert_close(&out[0], &grpo, 1e-3);
    }

    #[test]
    fn scores_that_do_not_apply_and_refusals() {
        let rows = vec![vec![Some(1.0), None], vec![Some(0.0), None], vec![None, None]];
        let out = normalise_then_sum(&[rows], &[1.0, 5.0]).unwrap();
        assert!(out[0][0] > 0.0 && out[0][1] < 0.0);
        assert_eq!(out[0][2], 0.0);
        assert!(normalise_then_sum(&[vec![vec![Some(1.0)]]], &[1.0]).is_err());
        assert!(normalise_then_sum(&[some(&[[1., 0.], [0., 1.]])], &[1.0]).is_err());
        assert!(normalise_then_sum(&[vec![vec![Some(f64::NAN)], vec![Some(0.0)]]], &[1.0]).is_err());
    }
}
