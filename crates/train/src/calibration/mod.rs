//! Does the confidence fit the answers? Pure functions of (confidence, right or wrong) pairs; they know no model and no text.
//!
//! [`scores`] holds the figures of calibration and ranking, [`risk`] what is gained by keeping silent when unsure, [`conformal`]
//! the threshold with a promise, [`bootstrap`] the intervals. [`of_source`] puts them together for one source of confidence.

pub mod bootstrap;
pub mod conformal;
pub mod risk;
pub mod scores;

use clicker_wire::{Calibration, ConfidenceSource};

/// An answer that was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// Whether it is right.
    pub right: bool,
}

/// Everything that is said of one source. `questions` holds one entry per question, none where no answer was given; their order
/// decides which half a threshold is chosen on. None if nothing was answered.
#[must_use]
pub fn of_source(source: ConfidenceSource, questions: &[Option<Judged>], alpha: f64) -> Option<Calibration> {
    let given: Vec<Judged> = questions.iter().flatten().copied().collect();
    if given.is_empty() {
        return None;
    }
    let estimate = |figure: fn(&[Judged]) -> Option<f64>| bootstrap::estimate(&given, figure);
    Some(Calibration {
        source,
        answers: given.len() as u32,
        ece: estimate(|a| Some(scores::ece(a)))?,
        brier: estimate(|a| Some(scores::brier(a)))?,
        auroc: estimate(scores::auroc),
        aurc: estimate(|a| Some(risk::aurc(a)))?,
        bins: scores::reliability(&given),
        curve: risk::curve(&given, 50),
        conformal: conformal::choose_and_check(questions, alpha),
    })
}
