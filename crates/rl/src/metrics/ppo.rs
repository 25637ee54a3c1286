//! The numbers of a step of PPO, under the names of TRL's PPO (and verl's for the explained variance). What each means:
//! docs/algorithms/ppo.md.

use super::{Metrics, mean, named};
use crate::{Result, shape};

/// `objective/{scores,kl,non_score_reward,rlhf_reward,entropy}`: the mean reward, the mean over answers of the summed KL
/// estimate, its price, what is left, and the entropy per token. `kl` holds the tokens' estimates of each answer.
pub fn objective<R: AsRef<[f64]>>(scores: &[Option<f64>], kl: &[R], beta: f64, entropies: &[f64]) -> Metrics {
    let scores: Vec<f64> = scores.iter().flatten().copied().collect();
    let sums: Vec<f64> = kl.iter().map(|k| k.as_ref().iter().sum()).collect();
    let (score, kl) = (mean(&scores), mean(&sums));
    let price = kl.map(|kl| -beta * kl);
    named([
        ("objective/scores", score),
        ("objective/kl", kl),
        ("objective/non_score_reward", price),
        ("objective/rlhf_reward", score.zip(price).map(|(s, p)| s + p)),
        ("objective/entropy", mean(entropies)),
    ])
}

/// `policy/approxkl_avg` (half the mean square of ln pi - ln old), `val/ratio` and `val/ratio_var` over the counted tokens.
/// Near 0, 1 and 0 while the policy stays near the one that sampled.
///
/// # Errors
/// Slices of different lengths.
pub fn movement(logp: &[f64], old_logp: &[f64]) -> Result<Metrics> {
    shape::same_len("metrics::movement", "old_logp", old_logp.len(), "logp", logp.len())?;
    let gaps: Vec<f64> = logp.iter().zip(old_logp).map(|(a, b)| a - b).collect();
    let squares: Vec<f64> = gaps.iter().map(|g| 0.5 * g * g).collect();
    let ratios: Vec<f64> = gaps.iter().map(|g| g.exp()).collect();
    let ratio = mean(&ratios);
    let spread = ratio.and_then(|m| mean(&ratios.iter().map(|r| (r - m).powi(2)).collect::<Vec<_>>()));
    Ok(named([("policy/approxkl_avg", mean(&squares)), ("val/ratio", ratio), ("val/ratio_var", spread)]))
}

/// `loss/{policy_avg,value_avg}`, `policy/clipfrac_avg`, `val/clipfrac_avg` and `critic/vf_explained_var`.
#[must_use]
pub fn losses(policy: f64, value: f64, policy_clipped: f64, value_clipped: f64, explained: Option<f64>) -> Metrics {
    named([
        ("loss/policy_avg", Some(policy)),
        ("loss/value_avg", Some(value)),
        ("policy/clipfrac_avg", Some(policy_clipped)),
        ("val/clipfrac_avg", Some(value_clipped)),
        ("critic/vf_explained_var", explained),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let m = objective(&[Some(1.0), None, Some(0.0)], &[vec![0.1, 0.3], vec![], vec![0.2]], 0.5, &[1.0, 2.0]);
        assert_eq!(m["objective/scores"], 0.5);
        assert!((m["objective/kl"] - 0.2).abs() < 1e-15);
        assert!(
            (m["objective/rlhf_reward"] - 0.4).abs() < 1e-15 && (m["objective/non_score_reward"] + 0.1).abs() < 1e-15
        );
        assert_eq!(m["objective/entropy"], 1.5);
        // Gaps 0 and ln 3: half squares (0 + ln(3)^2 / 2) / 2, ratios 1 and 3.
        let m = movement(&[0.0, 3f64.ln()], &[0.0, 0.0]).unwrap();
        assert!((m["policy/approxkl_avg"] - 3f64.ln().powi(2) / 4.0).abs() < 1e-15);
        assert!((m["val/ratio"] - 2.0).abs() < 1e-12 && (m["val/ratio_var"] - 1.0).abs() < 1e-12);
        assert!(movement(&[0.0], &[]).is_err() && movement(&[], &[]).unwrap().is_empty());
        let m = losses(0.1, 0.2, 0.3, 0.4, None);
        assert_eq!(m.len(), 4);
        assert_eq!(m["val/clipfrac_avg"], 0.4);
    }
}
