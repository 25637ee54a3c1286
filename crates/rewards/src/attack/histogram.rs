//! How numbers are spread: counts in ten bins of equal width from the smallest to the largest.

use clicker_wire::Histogram;

/// Bins, where there is anything to spread.
const BINS: usize = 10;

/// The histogram; what is not finite is counted apart.
#[must_use]
pub fn histogram(values: &[f64]) -> Histogram {
    let mut finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    // Sorted, so that the rounding of the mean does not depend on the order of the answers.
    finite.sort_by(f64::total_cmp);
    let not_finite = (values.len() - finite.len()) as u32;
    let (Some(&low), Some(&high)) = (finite.first(), finite.last()) else {
        return Histogram { low: 0.0, high: 0.0, mean: None, counts: Vec::new(), not_finite };
    };
    let n = finite.len() as f64;
    // Each divided before it is added: a sum of large numbers may overflow, their mean does not.
    let mean = finite.iter().fold(0.0, |sum, x| sum + x / n);
    let mut counts = vec![0; if low == high { 1 } else { BINS }];
    let last = counts.len() - 1;
    for x in &finite {
        // Halved, or the width of the widest range would overflow.
        let share = (x / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        // Not a number (all equal) and anything negative become 0 in the cast.
        counts[((share * BINS as f64) as usize).min(last)] += 1;
    }
    Histogram { low, high, mean: Some(mean), counts, not_finite }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let rows: [(&[f64], &[u32], Option<f64>); 5] = [
            (&[], &[], None),
            (&[0.5, 0.5], &[2], Some(0.5)),
            (&[0.0, 1.0], &[1, 0, 0, 0, 0, 0, 0, 0, 0, 1], Some(0.5)),
            (&[0.0, 0.05, 0.1, 0.95, 1.0], &[2, 1, 0, 0, 0, 0, 0, 0, 0, 2], Some(0.42)),
            (&[f64::NAN, 2.0], &[1], Some(2.0)),
        ];
        for (values, counts, mean) in rows {
            let got = histogram(values);
            assert_eq!(got.counts, counts, "{values:?}");
            assert!(got.mean.zip(mean).is_none_or(|(got, mean)| (got - mean).abs() < 1e-12), "{values:?}");
            assert_eq!(got.mean.is_some(), mean.is_some(), "{values:?}");
        }
        let wide = histogram(&[-f64::MAX, f64::MAX]);
        assert_eq!((wide.counts[0], wide.counts[9]), (1, 1));
        assert!(wide.mean.is_some_and(f64::is_finite));
    }
}
