//! Means over seeds with their interval by Student's t (Student 1908): `mean +- t(0.975, n - 1) s / sqrt(n)`, s with n - 1.

/// The mean of the values, and the middle 95 % of where the mean of further seeds is expected; no interval with fewer than two
/// values. None for no values.
#[must_use]
pub fn mean_and_interval(values: &[f64]) -> Option<(f64, Option<[f64; 2]>)> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 {
        return Some((mean, None));
    }
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = t975(values.len() - 1) * (variance / n).sqrt();
    Some((mean, Some([mean - half, mean + half])))
}

/// The 0.975 quantile of Student's t. Tabulated up to 30 degrees of freedom (Fisher and Yates, table III); beyond, by the expansion
/// of Hill (1970, CACM algorithm 396) around the normal quantile, right to four digits there. Infinite for 0 degrees.
#[must_use]
pub fn t975(degrees: usize) -> f64 {
    match degrees {
        0 => f64::INFINITY,
        1..=30 => TABLE[degrees - 1],
        _ => {
            let (z, n): (f64, f64) = (1.959_963_985, degrees as f64);
            let (z3, z5) = (z.powi(3), z.powi(5));
            z + (z3 + z) / (4.0 * n) + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * n * n)
        }
    }
}

const TABLE: [f64; 30] = [
    12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004, 2.262_157, 2.228_139,
    2.200_985, 2.178_813, 2.160_369, 2.144_787, 2.131_450, 2.119_905, 2.109_816, 2.100_922, 2.093_024, 2.085_963,
    2.079_614, 2.073_873, 2.068_658, 2.063_899, 2.059_539, 2.055_529, 2.051_831, 2.048_407, 2.045_230, 2.042_272,
];

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn by_hand() {
        // 1, 2, 3: mean 2, s 1, t(2) 4.302653: 2 +- 4.302653 / sqrt 3.
        let (mean, interval) = mean_and_interval(&[1.0, 2.0, 3.0]).unwrap();
        let [low, high] = interval.unwrap();
        assert!((mean - 2.0).abs() < 1e-12 && (low + 0.484_138).abs() < 1e-5 && (high - 4.484_138).abs() < 1e-5);
        assert_eq!(mean_and_interval(&[0.3]), Some((0.3, None)));
        assert_eq!(mean_and_interval(&[]), None);
    }

    #[test]
    fn beyond_the_table_it_is_that_of_the_books() {
        for (degrees, t) in [(40, 2.021_075), (60, 2.000_298), (120, 1.979_930)] {
            assert!((t975(degrees) - t).abs() < 1e-4, "{degrees}: {}", t975(degrees));
        }
        assert!(t975(31) < t975(30) && t975(30) - t975(31) < 0.003, "no step where the table ends");
    }

    /// Of 2,000 groups of five nearly normal values, the interval should hold the true mean in 95 %: within three standard
    /// errors of 1,900 (29).
    #[test]
    fn it_covers_what_it_should() {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let held = (0..2000)
            .filter(|_| {
                let seeds: Vec<f64> = (0..5).map(|_| (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0).collect();
                let (_, interval) = mean_and_interval(&seeds).unwrap();
                interval.is_some_and(|[low, high]| low <= 0.0 && 0.0 <= high)
            })
            .count();
        assert!((1871..=1929).contains(&held), "{held} of 2000");
    }
}
