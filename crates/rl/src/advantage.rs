//! How much better an answer is than the others to the same prompt.
//!
//! With mu and s the mean and the standard deviation (n - 1 form) of the scored rewards of the group:
//!
//! - [`Scale::Group`], GRPO (arXiv 2402.03300, section 4.1.2): `A_i = (R_i - mu) / (s + 1e-4)`; 1e-4 is TRL's value;
//! - [`Scale::Batch`] (arXiv 2508.08221): the same mean, but s over all scored rewards of the batch;
//! - [`Scale::None`], Dr. GRPO (arXiv 2503.20783): `A_i = R_i - mu`.
//!
//! Departures, stated because others differ: an answer that could not be scored is left out of mean and deviation and
//! has advantage 0; a group whose scored rewards differ by at most
//! [`ZERO_VARIANCE_TOLERANCE`](crate::ZERO_VARIANCE_TOLERANCE) has advantages of exactly 0 rather than amplified
//! rounding; a group of one is an error (some trainers then use the raw reward as advantage).

//!
//! Other yardsticks have files of their own: [`baseline`] (leave-one-out, greedy answer, length-weighted mean),
//! [`returns`] (per token, with the KL in the reward), [`gae`] (a value network), [`gdpo`] (several rewards).

pub mod baseline;
pub mod gae;
pub mod gdpo;
pub mod returns;
pub mod whiten;

use crate::groups::is_zero_variance;
use crate::{Result, RlError, shape};
use candle_core::{DType, Tensor};

/// Added to the standard deviation before dividing.
pub const STD_EPSILON: f64 = 1e-4;

/// What advantages are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// The group's standard deviation (GRPO).
    Group,
    /// The standard deviation of all scored rewards of the batch.
    Batch,
    /// Nothing (Dr. GRPO).
    None,
}

/// Advantages within each group, without gradient.
///
/// `rewards` is `[P, G]`; `scored` is `[P, G]`, 1 where a reward exists and 0 where the answer could not be scored (its
/// reward is then ignored, NaN included). Gives `[P, G]`.
///
/// # Errors
/// Shapes that differ; groups of fewer than two; a scored reward that is not finite.
pub fn group(rewards: &Tensor, scored: &Tensor, scale: Scale) -> Result<Tensor> {
    const OP: &str = "advantage::group";
    let (_, group_size) = shape::matrix(OP, "rewards", rewards, "[P, G]")?;
    shape::same(OP, "scored", scored, "rewards", rewards)?;
    let numbers = |t: &Tensor| t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let (values, marks) = (numbers(rewards)?, numbers(scored)?);
    let table: Vec<Option<f64>> = values.into_iter().zip(marks).map(|(r, mark)| (mark != 0.0).then_some(r)).collect();
    let advantages = of_groups(OP, &table, group_size, scale)?;
    Ok(Tensor::from_vec(advantages, rewards.shape(), rewards.device())?.to_dtype(rewards.dtype())?)
}

/// Advantages of one group given as numbers: [`group`] on a `[1, G]` tensor, so that a preview shows what training
/// uses. `None` means that the answer could not be scored.
///
/// # Errors
/// Fewer than two answers; a reward that is not finite.
pub fn of_rewards(rewards: &[Option<f64>], scale: Scale) -> Result<Vec<f64>> {
    of_groups("advantage::of_rewards", rewards, rewards.len(), scale)
}

/// Advantages of a batch of groups of one size given as numbers: [`group`] on a `[P, G]` tensor.
///
/// # Errors
/// Groups of different sizes or of fewer than two; a reward that is not finite.
pub fn of_batch(groups: &[Vec<Option<f64>>], scale: Scale) -> Result<Vec<Vec<f64>>> {
    const OP: &str = "advantage::of_batch";
    let Some(size) = groups.first().map(Vec::len) else { return Ok(Vec::new()) };
    for group in groups {
        shape::same_len(OP, "a group", group.len(), "the first group", size)?;
    }
    let flat: Vec<Option<f64>> = groups.iter().flatten().copied().collect();
    Ok(of_groups(OP, &flat, size, scale)?.chunks(size).map(<[f64]>::to_vec).collect())
}

/// The arithmetic, on numbers: there is no gradient to keep, and a browser that previews rewards needs no tensors for it.
fn of_groups(op: &'static str, rewards: &[Option<f64>], group_size: usize, scale: Scale) -> Result<Vec<f64>> {
    if group_size < 2 {
        return Err(RlError::GroupTooSmall { op, got: group_size });
    }
    finite(op, rewards)?;
    let batch = deviation(rewards);
    let advantages = |group: &[Option<f64>]| -> Vec<f64> {
        let mean = mean(group);
        let divisor = match scale {
            Scale::None => 1.0,
            Scale::Group => deviation(group) + STD_EPSILON,
            Scale::Batch => batch + STD_EPSILON,
        };
        let silent = is_zero_variance(group);
        group.iter().map(|r| r.filter(|_| !silent).map_or(0.0, |r| (r - mean) / divisor)).collect()
    };
    Ok(rewards.chunks(group_size).flat_map(advantages).collect())
}

/// A reward that exists must be a number.
pub(crate) fn finite(op: &'static str, rewards: &[Option<f64>]) -> Result<()> {
    match rewards.iter().flatten().find(|r| !r.is_finite()) {
        None => Ok(()),
        Some(bad) => {
            let expected = "a finite number, or none (0 in `scored`) where an answer cannot be scored";
            Err(RlError::Value { op, what: "a reward", got: bad.to_string(), expected })
        }
    }
}

/// Mean of the scored rewards; 0 without any.
fn mean(rewards: &[Option<f64>]) -> f64 {
    let count = rewards.iter().flatten().count();
    rewards.iter().flatten().sum::<f64>() / count.max(1) as f64
}

/// Standard deviation of the scored rewards in its n - 1 form; 0 for fewer than two.
fn deviation(rewards: &[Option<f64>]) -> f64 {
    let (mean, count) = (mean(rewards), rewards.iter().flatten().count());
    let squares: f64 = rewards.iter().flatten().map(|r| (r - mean).powi(2)).sum();
    (squares / count.saturating_sub(1).max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, matrix, noise, values};
    use candle_core::Device;
    use proptest::prelude::*;

    fn all(rewards: &Tensor) -> Tensor {
        rewards.ones_like().unwrap()
    }

    #[test]
    fn table() {
        // (rewards, scale, advantages), by hand.
        type Row = (Vec<Option<f64>>, Scale, Vec<f64>);
        let rows: Vec<Row> = vec![
            // mu = 0.5, s^2 = 4 * 0.25 / 3 = 1/3.
            (
                vec![Some(1.), Some(0.), Some(1.), Some(0.)],
                Scale::Group,
                [1., -1., 1., -1.].map(|sign| sign * 0.5 / ((1f64 / 3.0).sqrt() + 1e-4)).to_vec(),
            ),
            // Dr. GRPO, eq. 3: no division.
            (vec![Some(1.), Some(0.), Some(-1.)], Scale::None, vec![1., 0., -1.]),
            // The unscored answer changes nothing for the others: mu = 1, s^2 = (1 + 1) / 1.
            (
                vec![Some(2.), None, Some(0.)],
                Scale::Group,
                vec![1.0 / (2f64.sqrt() + 1e-4), 0., -1.0 / (2f64.sqrt() + 1e-4)],
            ),
            // All equal, though 0.1 has no exact mean in binary: exactly 0.
            (vec![Some(0.1); 7], Scale::Group, vec![0.; 7]),
            (vec![Some(0.1); 7], Scale::None, vec![0.; 7]),
            // One scored answer has nothing to be compared with.
            (vec![None, Some(3.), None], Scale::Group, vec![0.; 3]),
            (vec![None, None], Scale::Batch, vec![0.; 2]),
        ];
        for (rewards, scale, expected) in rows {
            assert_close(&of_rewards(&rewards, scale).unwrap(), &expected, 1e-12);
        }
    }

    #[test]
    fn batch_scale_divides_by_the_batch_deviation() {
        let r = matrix(&[&[0., 1.], &[2., 5.]]);
        // Batch mean 2, squares 4 + 1 + 0 + 9 = 14, over n - 1 = 3.
        let s = (14f64 / 3.0).sqrt() + STD_EPSILON;
        let a = group(&r, &all(&r), Scale::Batch).unwrap();
        assert_close(&values(&a), &[-0.5 / s, 0.5 / s, -1.5 / s, 1.5 / s], 1e-12);
    }

    #[test]
    fn zero_variance_is_exactly_zero_in_single_precision_too() {
        let r = Tensor::full(0.1f32, (3, 7), &Device::Cpu).unwrap();
        for scale in [Scale::Group, Scale::Batch, Scale::None] {
            assert!(values(&group(&r, &all(&r), scale).unwrap()).iter().all(|a| *a == 0.0));
        }
    }

    #[test]
    fn unscored_rewards_may_be_nan() {
        let r = matrix(&[&[1., f64::NAN, 0.]]);
        let a = values(&group(&r, &matrix(&[&[1., 0., 1.]]), Scale::Group).unwrap());
        assert_eq!(a[1], 0.0);
        assert!(a.iter().all(|a| a.is_finite()));
        assert!(group(&r, &all(&r), Scale::Group).is_err());
    }

    #[test]
    fn a_group_of_one_is_refused() {
        let r = matrix(&[&[1.], &[0.]]);
        let e = group(&r, &all(&r), Scale::Group).unwrap_err();
        assert!(matches!(e, RlError::GroupTooSmall { got: 1, .. }), "{e}");
        assert!(of_rewards(&[Some(1.0)], Scale::None).is_err());
        assert!(of_rewards(&[], Scale::None).is_err());
        let e = group(&noise(1, &[2, 3], 1.0), &noise(1, &[3, 2], 1.0), Scale::Group).unwrap_err().to_string();
        assert!(e.contains("[3, 2]") && e.contains("[2, 3]"), "{e}");
    }

    #[test]
    fn a_batch_as_numbers_is_the_tensor() {
        let numbers = vec![vec![Some(0.), Some(1.)], vec![Some(2.), Some(5.)]];
        let r = matrix(&[&[0., 1.], &[2., 5.]]);
        for scale in [Scale::Group, Scale::Batch, Scale::None] {
            let tensor = group(&r, &all(&r), scale).unwrap().to_vec2::<f64>().unwrap();
            assert_eq!(of_batch(&numbers, scale).unwrap(), tensor);
        }
        assert!(of_batch(&[], Scale::Group).unwrap().is_empty());
        assert!(of_batch(&[vec![Some(1.), Some(2.)], vec![Some(1.)]], Scale::Group).is_err());
    }

    /// The same formula as a loop over numbers.
    fn slow(rewards: &[Option<f64>]) -> Vec<f64> {
        let scored: Vec<f64> = rewards.iter().flatten().copied().collect();
        let n = scored.len() as f64;
        let mean = scored.iter().sum::<f64>() / n;
        let std = (scored.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        rewards.iter().map(|r| r.map_or(0.0, |r| (r - mean) / (std + 1e-4))).collect()
    }

    proptest! {
        #[test]
        fn algebra(
            rewards in proptest::collection::vec(proptest::option::weighted(0.9, -3.0..3.0f64), 2..9),
            shift in -5.0..5.0f64,
            turn in 0usize..8,
        ) {
            let scored: Vec<f64> = rewards.iter().flatten().copied().collect();
            let spread = scored.iter().copied().fold(f64::MIN, f64::max) - scored.iter().copied().fold(f64::MAX, f64::min);
            prop_assume!(scored.len() < 2 || spread > 1e-3);
            for scale in [Scale::Group, Scale::Batch, Scale::None] {
                let a = of_rewards(&rewards, scale).unwrap();
                prop_assert!(a.iter().all(|a| a.is_finite()));
                prop_assert!(a.iter().sum::<f64>().abs() < 1e-9);
                // Adding a constant to every reward changes nothing.
                let moved: Vec<_> = rewards.iter().map(|r| r.map(|r| r + shift)).collect();
                assert_close(&of_rewards(&moved, scale).unwrap(), &a, 1e-8);
                // The order of the answers does not matter.
                let (mut turned, mut expected) = (rewards.clone(), a.clone());
                turned.rotate_left(turn % rewards.len());
                expected.rotate_left(turn % rewards.len());
                assert_close(&of_rewards(&turned, scale).unwrap(), &expected, 1e-9);
                // Unscored answers have exactly 0.
                prop_assert!(rewards.iter().zip(&a).all(|(r, a)| r.is_some() || *a == 0.0));
            }
            if scored.len() >= 2 {
                assert_close(&of_rewards(&rewards, Scale::Group).unwrap(), &slow(&rewards), 1e-9);
            }
        }
    }
}
