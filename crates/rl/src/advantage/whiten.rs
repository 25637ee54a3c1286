//! Mean 0 and deviation 1 over all counted tokens of a batch: `(x - mean) / sqrt(var + 1e-8)`, var in its n - 1 form, as
//! trainers of PPO and REINFORCE++ (arXiv 2501.03262) do with advantages.
//!
//! Departures: values that are all equal within [`ZERO_VARIANCE_TOLERANCE`](crate::ZERO_VARIANCE_TOLERANCE) become exactly
//! 0 rather than amplified rounding; so does a single value. Never knows tensors: advantages carry no gradient.

use crate::{Result, RlError, ZERO_VARIANCE_TOLERANCE, shape};

/// Added to the variance before its root is taken.
pub const VARIANCE_EPSILON: f64 = 1e-8;

/// Whitened rows, one row per answer and one value per token. Rows that do not count (an answer that could not be scored)
/// take no part and become 0.
///
/// # Errors
/// As many marks as rows; a counted value that is not finite.
pub fn whiten<R: AsRef<[f64]>>(rows: &[R], counts: &[bool]) -> Result<Vec<Vec<f64>>> {
    const OP: &str = "advantage::whiten";
    shape::same_len(OP, "counts", counts.len(), "rows", rows.len())?;
    let counted = || rows.iter().zip(counts).filter(|(_, c)| **c).flat_map(|(row, _)| row.as_ref().iter().copied());
    if let Some(bad) = counted().find(|x| !x.is_finite()) {
        return Err(RlError::Value { op: OP, what: "a value", got: bad.to_string(), expected: "a finite number" });
    }
    let n = counted().count() as f64;
    let mean = counted().sum::<f64>() / n;
    let variance = counted().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let (low, high) = counted().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    let silent = high - low <= ZERO_VARIANCE_TOLERANCE;
    let root = (variance + VARIANCE_EPSILON).sqrt();
    let white = |x: &f64| if silent { 0.0 } else { (x - mean) / root };
    Ok(rows
        .iter()
        .zip(counts)
        .map(|(row, &counts)| row.as_ref().iter().map(|x| if counts { white(x) } else { 0.0 }).collect())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;
    use proptest::prelude::*;

    #[test]
    fn table() {
        // 1, 2, 6 with mean 3 and n - 1 variance (4 + 1 + 9) / 2 = 7; the NaN row does not count.
        let rows = [vec![1.0, 2.0], vec![f64::NAN], vec![6.0]];
        let s = (7.0f64 + 1e-8).sqrt();
        let out = whiten(&rows, &[true, false, true]).unwrap();
        assert_close(&out.concat(), &[-2.0 / s, -1.0 / s, 0.0, 3.0 / s], 1e-12);
    }

    #[test]
    fn nothing_to_compare() {
        assert_eq!(whiten(&[vec![0.1; 3], vec![0.1; 4]], &[true, true]).unwrap().concat(), [0.0; 7]);
        assert_eq!(whiten(&[vec![5.0]], &[true]).unwrap(), [[0.0]]);
        assert_eq!(whiten(&[vec![5.0], vec![]], &[false, true]).unwrap(), [vec![0.0], vec![]]);
        assert!(whiten(&[vec![f64::NAN]], &[true]).is_err());
        assert!(whiten(&[vec![1.0]], &[]).is_err());
    }

    proptest! {
        #[test]
        fn algebra(values in proptest::collection::vec(-3.0..3.0f64, 3..20), scale in 0.5..5.0f64, shift in -9.0..9.0f64) {
            let spread = values.iter().copied().fold(f64::MIN, f64::max) - values.iter().copied().fold(f64::MAX, f64::min);
            prop_assume!(spread > 0.1);
            let n = values.len() as f64;
            let (first, rest) = values.split_at(1);
            let out = whiten(&[first, rest], &[true, true]).unwrap().concat();
            prop_assert!(out.iter().sum::<f64>().abs() < 1e-9);
            prop_assert!((out.iter().map(|x| x * x).sum::<f64>() / (n - 1.0) - 1.0).abs() < 1e-4);
            // An affine change with a positive factor changes nothing.
            let moved: Vec<f64> = values.iter().map(|x| scale * x + shift).collect();
            assert_close(&whiten(&[moved], &[true]).unwrap().concat(), &out, 1e-4);
        }
    }
}
