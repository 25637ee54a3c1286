//! The numbers of a step that learns from comparisons, under TRL's names. What each means: docs/algorithms/dpo.md, kto.md,
//! orpo.md, reward-model.md.

use super::{Metrics, max, mean, min, named};
use crate::{Result, shape};

/// `rewards/{chosen,rejected,margins,accuracies}` of N pairs: implied rewards, their mean difference, and the share of pairs
/// in which the better answer has the higher one.
///
/// # Errors
/// Slices of different lengths.
pub fn rewards(chosen: &[f64], rejected: &[f64]) -> Result<Metrics> {
    let (margins, hits) = compared("metrics::pairs", chosen, rejected)?;
    Ok(named([
        ("rewards/chosen", mean(chosen)),
        ("rewards/rejected", mean(rejected)),
        ("rewards/margins", mean(&margins)),
        ("rewards/accuracies", mean(&hits)),
    ]))
}

/// `logps/{chosen,rejected}`: mean log-probability of whole answers (of their tokens where a loss averages over them).
#[must_use]
pub fn logps(chosen: &[f64], rejected: &[f64]) -> Metrics {
    named([("logps/chosen", mean(chosen)), ("logps/rejected", mean(rejected))])
}

/// `rewards/{chosen,rejected,margins}` and `kl` (z0) of a step of KTO: good and bad answers are not paired, so the margin is
/// the difference of means.
#[must_use]
pub fn unpaired(good: &[f64], bad: &[f64], z0: f64) -> Metrics {
    let (up, down) = (mean(good), mean(bad));
    let margin = up.zip(down).map(|(up, down)| up - down);
    named([("rewards/chosen", up), ("rewards/rejected", down), ("rewards/margins", margin), ("kl", Some(z0))])
}

/// `log_odds_chosen` (mean of lo), `log_odds_ratio` (mean of ln sig(lo)) and `nll_loss` of a step of ORPO.
#[must_use]
pub fn odds(log_odds: &[f64], log_sigmoids: &[f64], nll: f64) -> Metrics {
    named([("log_odds_chosen", mean(log_odds)), ("log_odds_ratio", mean(log_sigmoids)), ("nll_loss", Some(nll))])
}

/// `accuracy`, `margin`, `min_reward`, `mean_reward`, `max_reward` of a reward model's scores.
///
/// # Errors
/// Slices of different lengths.
pub fn scores(chosen: &[f64], rejected: &[f64]) -> Result<Metrics> {
    let (margins, hits) = compared("metrics::scores", chosen, rejected)?;
    let all = [chosen, rejected].concat();
    Ok(named([
        ("accuracy", mean(&hits)),
        ("margin", mean(&margins)),
        ("min_reward", min(&all)),
        ("mean_reward", mean(&all)),
        ("max_reward", max(&all)),
    ]))
}

fn compared(op: &'static str, chosen: &[f64], rejected: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
    shape::same_len(op, "rejected", rejected.len(), "chosen", chosen.len())?;
    let margins: Vec<f64> = chosen.iter().zip(rejected).map(|(c, r)| c - r).collect();
    let hits = margins.iter().map(|m| f64::from(u8::from(*m > 0.0))).collect();
    Ok((margins, hits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let m = rewards(&[1.0, 2.0, 0.0, 0.0], &[0.0, 3.0, 0.0, -2.0]).unwrap();
        let got = ["rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies"].map(|n| m[n]);
        // A tie is no hit.
        assert_eq!(got, [0.75, 0.25, 0.5, 0.5]);
        let m = scores(&[1.0, -2.0], &[0.0, 3.0]).unwrap();
        assert_eq!(
            ["accuracy", "margin", "min_reward", "mean_reward", "max_reward"].map(|n| m[n]),
            [0.5, -2.0, -2.0, 0.5, 3.0]
        );
        let m = unpaired(&[1.0, 3.0], &[-1.0], 0.25);
        assert_eq!(
            ["rewards/chosen", "rewards/rejected", "rewards/margins", "kl"].map(|n| m[n]),
            [2.0, -1.0, 3.0, 0.25]
        );
        assert_eq!(unpaired(&[], &[1.0], 0.0).len(), 2, "no good answers: no mean and no margin");
        let m = odds(&[2.0, 0.0], &[-0.1, -0.3], 1.5);
        assert_eq!(["log_odds_chosen", "log_odds_ratio", "nll_loss"].map(|n| m[n]), [1.0, -0.2, 1.5]);
        assert_eq!(logps(&[-3.0], &[-5.0])["logps/rejected"], -5.0);
        assert!(rewards(&[1.0], &[]).is_err() && scores(&[1.0], &[]).is_err());
    }
}
