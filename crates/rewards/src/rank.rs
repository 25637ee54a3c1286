//! Spearman's rank correlation: whether two scores order the same things in the same way, however they are scaled.
//!
//! Ranks count from 1; equal values share the mean of their ranks. The coefficient is Pearson's of the ranks,
//! `rho = sum (a_i - m)(b_i - m) / sqrt(sum (a_i - m)^2 sum (b_i - m)^2)` with `m = (n + 1) / 2`. The shorter formula
//! with squared differences holds only without ties, and verdicts are nothing but ties.

/// The coefficient, -1 to 1. None where it does not exist: different lengths, a value that is not finite, or one side
/// constant (also: fewer than two values).
#[must_use]
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || !a.iter().chain(b).all(|x| x.is_finite()) {
        return None;
    }
    let middle = (a.len() as f64 + 1.0) / 2.0;
    let centred = |values: &[f64]| -> Vec<f64> { ranks(values).into_iter().map(|rank| rank - middle).collect() };
    let (a, b) = (centred(a), centred(b));
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).fold(0.0, |sum, (x, y)| sum + x * y);
    let spread = dot(&a, &a) * dot(&b, &b);
    // Ranks are halves of whole numbers: their sums are exact, so constant means zero and not nearly zero.
    (spread > 0.0).then(|| (dot(&a, &b) / spread.sqrt()).clamp(-1.0, 1.0))
}

/// Ranks from 1, in the order of the values; equal values share the mean of theirs.
pub(crate) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|i, j| values[*i].total_cmp(&values[*j]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    // `==` and not the order's own equality: -0 and +0 are one value.
    for equal in order.chunk_by(|i, j| values[*i] == values[*j]) {
        let shared = before as f64 + (equal.len() as f64 + 1.0) / 2.0;
        equal.iter().for_each(|i| ranks[*i] = shared);
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_ranks() {
        assert_eq!(ranks(&[10.0, 30.0, 20.0, 30.0]), [1.0, 3.5, 2.0, 3.5]);
        assert_eq!(ranks(&[0.0, -0.0, 0.0]), [2.0, 2.0, 2.0]);
    }

    /// By hand. Row 4: ranks 1, 2.5, 2.5, 4 against 1 to 4; products sum to 4.5, squares to 4.5 and 5, 4.5 / sqrt(22.5) =
    /// 3 / sqrt(10). Row 5: deviations -1, -1, 1, 1 and -1, 1, -1, 1. Row 6: squared rank differences 4, 1, 1, 4, 0 sum to
    /// 10, 1 - 6 * 10 / (5 * 24) = 0.5. Row 7: ranks 2, 2, 2, 4.5, 4.5 against 1, 2, 3, 4, 5: products
    /// 2 + 1 + 0 + 1.5 + 3 = 7.5, squares 7.5 and 10, 7.5 / sqrt(75) = sqrt(3) / 2.
    #[test]
    fn computed_by_hand() {
        let rows: [(&[f64], &[f64], Option<f64>); 12] = [
            (&[1.0, 2.0, 3.0], &[10.0, 20.0, 40.0], Some(1.0)),
            (&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0], Some(-1.0)),
            (&[1.0, 1.0, 2.0, 2.0], &[0.0, 0.0, 9.0, 9.0], Some(1.0)),
            (&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0], Some(3.0 / 10f64.sqrt())),
            (&[1.0, 1.0, 2.0, 2.0], &[1.0, 2.0, 1.0, 2.0], Some(0.0)),
            (&[1.0, 2.0, 3.0, 4.0, 5.0], &[3.0, 1.0, 4.0, 2.0, 5.0], Some(0.5)),
            (&[-1.0, -1.0, -1.0, 1.0, 1.0], &[1.0, 2.0, 3.0, 4.0, 5.0], Some(3f64.sqrt() / 2.0)),
            (&[1.0, 1.0], &[1.0, 2.0], None),
            (&[1.0], &[1.0], None),
            (&[], &[], None),
            (&[1.0, 2.0], &[1.0], None),
            (&[1.0, f64::NAN], &[1.0, 2.0], None),
        ];
        for (a, b, expected) in rows {
            let got = spearman(a, b);
            let close = match (got, expected) {
                (Some(got), Some(expected)) => (got - expected).abs() < 1e-12,
                (got, expected) => got == expected,
            };
            assert!(close, "{a:?} {b:?}: {got:?}, expected {expected:?}");
            assert_eq!(got, spearman(b, a), "{a:?} {b:?}");
        }
    }
}
