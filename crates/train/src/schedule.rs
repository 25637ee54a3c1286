//! The learning rate of every step: linear warm-up, then the chosen course.

use clicker_wire::{OptimSpec, Schedule};

/// Learning rate of step `step` (from 1) of `steps`.
#[must_use]
pub fn learning_rate(spec: &OptimSpec, step: u32, steps: u32) -> f64 {
    let peak = spec.learning_rate;
    if step <= spec.warmup_steps {
        return peak * f64::from(step) / f64::from(spec.warmup_steps);
    }
    let rest = f64::from(steps.saturating_sub(spec.warmup_steps).max(1));
    let done = (f64::from(step - spec.warmup_steps) / rest).min(1.0);
    match spec.schedule {
        Schedule::Constant => peak,
        Schedule::Linear => peak * (1.0 - done),
        Schedule::Cosine => peak * (0.1 + 0.9 * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn courses_start_and_end_where_they_should() {
        let spec = |schedule| OptimSpec { learning_rate: 2.0, warmup_steps: 4, schedule, ..OptimSpec::default() };
        for schedule in [Schedule::Constant, Schedule::Linear, Schedule::Cosine] {
            assert_eq!(learning_rate(&spec(schedule), 1, 104), 0.5);
            assert_eq!(learning_rate(&spec(schedule), 4, 104), 2.0);
        }
        assert_eq!(learning_rate(&spec(Schedule::Constant), 104, 104), 2.0);
        assert!(learning_rate(&spec(Schedule::Linear), 104, 104).abs() < 1e-12);
        assert!((learning_rate(&spec(Schedule::Linear), 54, 104) - 1.0).abs() < 1e-12);
        assert!((learning_rate(&spec(Schedule::Cosine), 104, 104) - 0.2).abs() < 1e-12);
        assert!((learning_rate(&spec(Schedule::Cosine), 54, 104) - 1.1).abs() < 1e-12);
    }
}
