//! The score of learned reward models, brought in from outside: this file combines numbers and knows no model.
//!
//! With the scores r_1 .. r_K of an ensemble (arXiv 2310.02743): their mean; the worst, `min_k r_k`; or the mean minus
//! `lambda` times the variance, `1/K sum_k (r_k - mean)^2`. Members that were trained alike make the same mistake and
//! agree on it: an ensemble protects against the mistakes of one, not of all.

use super::Graded;
use crate::case::Case;
use crate::outside::Outside;
use crate::spans::trimmed;
use clicker_wire::Ensemble;

/// Most members of an ensemble.
pub(crate) const MAX_MEMBERS: usize = 16;

/// What the ensemble says; does not apply without models. A member without a finite score scores the answer 0, because
/// the others alone would be another ensemble.
pub(super) fn grade(case: &Case, checkpoints: &[String], ensemble: Ensemble, outside: &Outside) -> Graded {
    let Some(models) = outside.models else {
        return Graded::does_not_apply("no reward model is at hand here");
    };
    let mut scores = Vec::with_capacity(checkpoints.len());
    for checkpoint in checkpoints {
        match models.scores(checkpoint, case.item(), case.text) {
            Ok(said) => match said.iter().find(|score| !score.is_finite()) {
                None => scores.extend(said),
                Some(score) => return failed(checkpoint, &format!("its score is {score}, expected a finite number")),
            },
            Err(why) => return failed(checkpoint, &why),
        }
    }
    let Some((score, how)) = combined(&scores, ensemble) else {
        return Graded::does_not_apply("the configuration names no reward model");
    };
    let reason = match scores.as_slice() {
        [_] => format!("the reward model says {score:.4}"),
        _ => {
            let shown: Vec<String> = scores.iter().map(|score| format!("{score:.4}")).collect();
            format!("{how} of the reward models' {} is {score:.4}", shown.join(", "))
        }
    };
    Graded::scored(score, reason, trimmed(case.text))
}

/// One number for the ensemble, and what it is; none without members.
fn combined(scores: &[f64], ensemble: Ensemble) -> Option<(f64, String)> {
    let count = scores.len() as f64;
    let mean = scores.iter().fold(0.0, |sum, score| sum + score) / count;
    let worst = scores.iter().copied().reduce(f64::min)?;
    Some(match ensemble {
        Ensemble::Mean {} => (mean, "the mean".into()),
        Ensemble::Worst {} => (worst, "the worst".into()),
        Ensemble::Cautious { lambda } => {
            let variance = scores.iter().fold(0.0, |sum, score| sum + (score - mean) * (score - mean)) / count;
            (mean - lambda * variance, format!("the mean minus {lambda} times the variance"))
        }
    })
}

fn failed(checkpoint: &str, why: &str) -> Graded {
    let (checkpoint, why) = (super::excerpt(checkpoint), super::excerpt(why));
    Graded::scored(0.0, format!("the reward model {checkpoint} gave no score: {why}"), [])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: mean of 1, 2, 6 is 3; squared deviations 4, 1, 9 have the mean 14/3; 3 - 0.3 * 14/3 = 1.6.
    #[test]
    fn ensembles() {
        let scores = [1.0, 2.0, 6.0];
        let of = |ensemble| combined(&scores, ensemble).unwrap().0;
        assert_eq!(of(Ensemble::Mean {}), 3.0);
        assert_eq!(of(Ensemble::Worst {}), 1.0);
        assert!((of(Ensemble::Cautious { lambda: 0.3 }) - 1.6).abs() < 1e-12);
        assert_eq!(of(Ensemble::Cautious { lambda: 0.0 }), 3.0);
        assert!(combined(&[], Ensemble::Mean {}).is_none());
    }
}
