//! Intervals of figures that are no proportions: percentile bootstrap (Efron 1979) over answers, always from the same seed, so that
//! a report is the same bytes each time.

use clicker_wire::Estimate;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Resamples behind an interval.
const RESAMPLES: usize = 400;

/// The figure of `answers` and the middle 95 % of its values on resamples with replacement; a resample on which it is not defined is
/// left out. None where there are no answers, or where it is not defined on them.
pub fn estimate<T: Copy>(answers: &[T], figure: impl Fn(&[T]) -> Option<f64>) -> Option<Estimate> {
    if answers.is_empty() {
        return None;
    }
    let value = figure(answers)?;
    let mut rng = ChaCha8Rng::seed_from_u64(answers.len() as u64);
    let mut resample = answers.to_vec();
    let mut values: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            resample.fill_with(|| answers[rng.random_range(0..answers.len())]);
            figure(&resample)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    let at = |q: f64| values.get((q * (values.len().max(1) - 1) as f64).round() as usize).copied().unwrap_or(value);
    Some(Estimate { value, n: answers.len() as u32, low: at(0.025), high: at(0.975) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: &[f64]) -> Option<f64> {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// The interval of a mean of 40 uniform values should hold the true mean in about 95 of 100 draws (percentile intervals are a
    /// little narrow at this size: Efron and Tibshirani 1993, ch. 13).
    #[test]
    fn intervals_cover_what_they_should() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let held = (0..400)
            .filter(|_| {
                let values: Vec<f64> = (0..40).map(|_| rng.random::<f64>()).collect();
                estimate(&values, mean).is_some_and(|e| e.low <= 0.5 && 0.5 <= e.high)
            })
            .count();
        assert!((364..=392).contains(&held), "{held} of 400");
    }

    #[test]
    fn the_same_answers_give_the_same_interval_and_nothing_gives_nothing() {
        let values = [0.1, 0.7, 0.4];
        assert_eq!(estimate(&values, mean), estimate(&values, mean));
        assert_eq!(estimate(&[] as &[f64], mean), None);
    }
}
