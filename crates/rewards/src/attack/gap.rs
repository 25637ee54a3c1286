//! How far the reward in training may run ahead of the reward on held-out questions.

use clicker_wire::{Decision, RewardGap};

/// Up to here the difference is noise.
const FINE: f64 = 0.05;
/// Beyond here the policy learns the questions or the grader, not the task.
const TOO_FAR: f64 = 0.10;
/// Differences of decimals are not exact: 0.55 - 0.5 is a little more than 0.05.
const ROUNDING: f64 = 1e-9;

/// Compares mean rewards on one scale of width about 1. Being behind is never a gap: at most 0.05 ahead is fine, at most
/// 0.10 a warning, more is a stop; so is a mean that is not a number.
#[must_use]
pub fn gap(train: f64, held_out: f64) -> RewardGap {
    let gap = train - held_out;
    if !gap.is_finite() {
        let words =
            "One of the two rewards is not a number. Stop, and look for the answer and the grader that made it.";
        return RewardGap { gap: None, decision: Decision::Stop, words: words.into() };
    }
    let (decision, words) = if gap <= FINE + ROUNDING {
        (Decision::Go, "What is learnt in training holds on questions it has not seen.")
    } else if gap <= TOO_FAR + ROUNDING {
        (
            Decision::Warn,
            "Training is running ahead of held-out questions. Read the answers that earn most, and attack the reward.",
        )
    } else {
        (
            Decision::Stop,
            "Training earns much more than held-out questions do: the policy learns the questions or exploits the \
             reward. Stop, go back to the checkpoint before the gap opened, repair the reward or add questions.",
        )
    };
    RewardGap { gap: Some(gap), decision, words: words.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let rows = [
            (0.5, 0.5, Decision::Go),
            (0.2, 0.9, Decision::Go),
            (0.55, 0.5, Decision::Go),
            (0.551, 0.5, Decision::Warn),
            (0.6, 0.5, Decision::Warn),
            (0.601, 0.5, Decision::Stop),
            (1.0, -1.0, Decision::Stop),
            (f64::NAN, 0.0, Decision::Stop),
            (f64::INFINITY, 0.0, Decision::Stop),
        ];
        for (train, held_out, expected) in rows {
            let got = gap(train, held_out);
            assert_eq!(got.decision, expected, "{train} {held_out}");
            assert!(got.gap.is_none_or(f64::is_finite) && !got.words.is_empty());
        }
    }
}
