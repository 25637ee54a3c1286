//! The numbers of one optimizer step, under TRL's names, from plain slices. Each function gives a map to be merged; a
//! value that does not exist (a mean of nothing) is absent, never NaN. What each name means: docs/algorithms/grpo.md.
//!
//! Departure: `reward_std` and `frac_reward_zero_std` always look at groups, also when advantages are divided by the
//! batch's deviation, because only they say whether there is a signal.

pub mod pairs;
pub mod ppo;

use crate::{LossOut, Result, groups, mask, shape};
use candle_core::Tensor;
use std::collections::BTreeMap;

/// Name to value.
pub type Metrics = BTreeMap<String, f64>;

/// `reward` (mean), `reward_std` (mean over groups of their n - 1 deviation), `frac_reward_zero_std` (share of groups
/// whose rewards are all equal). One slice per group; none = could not be scored.
pub fn rewards<R: AsRef<[Option<f64>]>>(groups: &[R]) -> Metrics {
    let all: Vec<f64> = groups.iter().flat_map(|g| g.as_ref().iter().flatten().copied()).collect();
    let stds: Vec<f64> = groups.iter().filter_map(|g| std(&scored(g.as_ref()))).collect();
    let zero: Vec<f64> = groups.iter().map(|g| f64::from(u8::from(groups::is_zero_variance(g.as_ref())))).collect();
    named([("reward", mean(&all)), ("reward_std", mean(&stds)), ("frac_reward_zero_std", mean(&zero))])
}

/// `rewards/<name>/mean` and `rewards/<name>/std` (n - 1 form) of one grader over all answers it applies to.
#[must_use]
pub fn grader(name: &str, scores: &[Option<f64>]) -> Metrics {
    let scores = scored(scores);
    let (mean_name, std_name) = (format!("rewards/{name}/mean"), format!("rewards/{name}/std"));
    named([(mean_name.as_str(), mean(&scores)), (std_name.as_str(), std(&scores))])
}

/// `completions/{mean,min,max}_length`, the same of terminated answers only (`..._terminated_length`), and
/// `completions/clipped_ratio`, the share of answers that hit the token limit. `lengths` in tokens, end marker
/// included.
///
/// # Errors
/// Slices of different lengths.
pub fn completions(lengths: &[usize], terminated: &[bool]) -> Result<Metrics> {
    shape::same_len("metrics::completions", "terminated", terminated.len(), "lengths", lengths.len())?;
    let all: Vec<f64> = lengths.iter().map(|l| *l as f64).collect();
    let ended: Vec<f64> = all.iter().zip(terminated).filter(|(_, t)| **t).map(|(l, _)| *l).collect();
    let cut: Vec<f64> = terminated.iter().map(|t| f64::from(u8::from(!t))).collect();
    Ok(named([
        ("completions/mean_length", mean(&all)),
        ("completions/min_length", min(&all)),
        ("completions/max_length", max(&all)),
        ("completions/mean_terminated_length", mean(&ended)),
        ("completions/min_terminated_length", min(&ended)),
        ("completions/max_terminated_length", max(&ended)),
        ("completions/clipped_ratio", mean(&cut)),
    ]))
}

/// `entropy`: mean over the sampled tokens of the policy's entropy, nats.
#[must_use]
pub fn entropy(per_token: &[f64]) -> Metrics {
    named([("entropy", mean(per_token))])
}

/// `kl`: mean over the sampled tokens of the k3 estimate against the reference, nats.
#[must_use]
pub fn kl(per_token: &[f64]) -> Metrics {
    named([("kl", mean(per_token))])
}

/// `mean_token_accuracy` of supervised fine-tuning: share of trained tokens that are the model's likeliest.
#[must_use]
pub fn token_accuracy(hits: &[f64]) -> Metrics {
    named([("mean_token_accuracy", mean(hits))])
}

/// How many tokens the bounds of one micro-batch cut.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClipCount {
    /// Active tokens cut by the lower bound.
    pub low: f64,
    /// Active tokens cut by the upper bound.
    pub high: f64,
    /// Active tokens cut by the cap on punished ones (two-sided clipping).
    pub capped: f64,
    /// Active tokens.
    pub tokens: f64,
}

/// Counts the cuts of one micro-batch under its mask `[B, T]`.
///
/// # Errors
/// A mask of another shape.
pub fn clip_count(out: &LossOut, mask: &Tensor) -> Result<ClipCount> {
    let count = |cut: &Tensor| mask::active_tokens(&mask::masked(cut, mask)?);
    Ok(ClipCount {
        low: count(&out.clipped_low)?,
        high: count(&out.clipped_high)?,
        capped: count(&out.capped)?,
        tokens: mask::active_tokens(mask)?,
    })
}

/// `clip_ratio/{low_mean,high_mean,region_mean}` over all tokens of the step, `clip_ratio/low_min` and
/// `clip_ratio/high_max` over its micro-batches. All 0 while every batch is used once: the ratio is then 1, which is
/// expected.
#[must_use]
pub fn clip_ratios(parts: &[ClipCount]) -> Metrics {
    let parts: Vec<&ClipCount> = parts.iter().filter(|p| p.tokens > 0.0).collect();
    let tokens: f64 = parts.iter().map(|p| p.tokens).sum();
    let share =
        |count: fn(&ClipCount) -> f64| (tokens > 0.0).then(|| parts.iter().map(|p| count(p)).sum::<f64>() / tokens);
    let lows: Vec<f64> = parts.iter().map(|p| p.low / p.tokens).collect();
    let highs: Vec<f64> = parts.iter().map(|p| p.high / p.tokens).collect();
    named([
        ("clip_ratio/low_mean", share(|p| p.low)),
        ("clip_ratio/high_mean", share(|p| p.high)),
        ("clip_ratio/region_mean", share(|p| p.low + p.high)),
        ("clip_ratio/low_min", min(&lows)),
        ("clip_ratio/high_max", max(&highs)),
    ])
}

/// `cispo_clip_ratio`: share of tokens, over the step, that were rewarded and stood at CISPO's cap.
#[must_use]
pub fn cispo_clip_ratio(parts: &[ClipCount]) -> Metrics {
    share_of("cispo_clip_ratio", parts, |p| p.high)
}

/// `clip_ratio/delta_mean`: share of tokens, over the step, held back by the cap on punished ones.
#[must_use]
pub fn delta_clip_ratio(parts: &[ClipCount]) -> Metrics {
    share_of("clip_ratio/delta_mean", parts, |p| p.capped)
}

fn share_of(name: &str, parts: &[ClipCount], count: fn(&ClipCount) -> f64) -> Metrics {
    let tokens: f64 = parts.iter().map(|p| p.tokens).sum();
    named([(name, (tokens > 0.0).then(|| parts.iter().map(count).sum::<f64>() / tokens))])
}

/// `sampling/sampling_logp_difference/{mean,max}`: absolute gap between the log-probability that the sampler stored and
/// the one that training recomputes before its first update, nats per token.
///
/// # Errors
/// Slices of different lengths.
pub fn sampling_gap(sampler: &[f64], recomputed: &[f64]) -> Result<Metrics> {
    shape::same_len("metrics::sampling_gap", "recomputed", recomputed.len(), "sampler", sampler.len())?;
    let gaps: Vec<f64> = sampler.iter().zip(recomputed).map(|(a, b)| (a - b).abs()).collect();
    Ok(named([
        ("sampling/sampling_logp_difference/mean", mean(&gaps)),
        ("sampling/sampling_logp_difference/max", max(&gaps)),
    ]))
}

/// The values of `values` whose mask is not 0, as numbers: what the functions above take. Both of one shape.
///
/// # Errors
/// Shapes that differ.
pub fn active_values(values: &Tensor, mask: &Tensor) -> Result<Vec<f64>> {
    shape::same("metrics::active_values", "mask", mask, "values", values)?;
    let numbers = values.detach().flatten_all()?.to_dtype(candle_core::DType::F64)?.to_vec1::<f64>()?;
    let active = mask.ne(0f64)?.flatten_all()?.to_vec1::<u8>()?;
    Ok(numbers.into_iter().zip(active).filter(|(_, m)| *m != 0).map(|(v, _)| v).collect())
}

fn named<'a, const N: usize>(pairs: [(&'a str, Option<f64>); N]) -> Metrics {
    let finite = |(name, value): (&'a str, Option<f64>)| value.filter(|v| v.is_finite()).map(|v| (name.to_string(), v));
    pairs.into_iter().filter_map(finite).collect()
}

fn scored(rewards: &[Option<f64>]) -> Vec<f64> {
    rewards.iter().flatten().copied().collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn std(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    Some((values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt())
}

fn min(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::min)
}

fn max(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{ClipConfig, ppo_clip};
    use crate::testing::matrix;

    fn get(metrics: &Metrics, name: &str) -> f64 {
        *metrics.get(name).unwrap_or_else(|| panic!("no {name} in {metrics:?}"))
    }

    #[test]
    fn reward_table() {
        let m = rewards(&[vec![Some(1.0), Some(0.0)], vec![Some(2.0), Some(2.0)], vec![None, Some(1.0)]]);
        assert_eq!(get(&m, "reward"), 6.0 / 5.0);
        // sqrt(1/2) and 0; the third group has no deviation.
        assert!((get(&m, "reward_std") - 0.5f64.sqrt() / 2.0).abs() < 1e-15);
        assert_eq!(get(&m, "frac_reward_zero_std"), 2.0 / 3.0);
        let g = grader("truthful", &[Some(1.0), None, Some(-1.0)]);
        assert_eq!(get(&g, "rewards/truthful/mean"), 0.0);
        assert!((get(&g, "rewards/truthful/std") - 2f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn lengths() {
        let m = completions(&[2, 4, 9], &[true, true, false]).unwrap();
        let expected = [("mean_length", 5.0), ("min_length", 2.0), ("max_length", 9.0), ("clipped_ratio", 1.0 / 3.0)];
        for (name, value) in
            expected.into_iter().chain([("mean_terminated_length", 3.0), ("max_terminated_length", 4.0)])
        {
            assert_eq!(get(&m, &format!("completions/{name}")), value);
        }
        // Nothing terminated: those three are absent, not NaN and not 0.
        assert_eq!(completions(&[3], &[false]).unwrap().len(), 4);
        assert!(completions(&[3], &[]).is_err());
    }

    #[test]
    fn clipping() {
        let clip = ClipConfig { epsilon_low: 0.2, epsilon_high: 0.2 };
        let (logp, old) = (matrix(&[&[1.0, 0.0, 1.0], &[-1.0, -1.0, 0.0]]), matrix(&[&[0.0; 3], &[0.0; 3]]));
        let out = ppo_clip(&logp, &old, &matrix(&[&[1.0], &[-1.0]]), &clip).unwrap();
        let count = clip_count(&out, &matrix(&[&[1., 1., 0.], &[1., 1., 1.]])).unwrap();
        assert_eq!(count, ClipCount { low: 2.0, high: 1.0, capped: 0.0, tokens: 5.0 });
        let parts = [count, ClipCount { low: 0.0, high: 3.0, capped: 1.0, tokens: 5.0 }, ClipCount::default()];
        assert_eq!(get(&cispo_clip_ratio(&parts), "cispo_clip_ratio"), 0.4);
        assert_eq!(get(&delta_clip_ratio(&parts), "clip_ratio/delta_mean"), 0.1);
        assert!(cispo_clip_ratio(&[]).is_empty());
        let m = clip_ratios(&parts);
        let expected =
            [("low_mean", 0.2), ("high_mean", 0.4), ("region_mean", 0.6), ("low_min", 0.0), ("high_max", 0.6)];
        for (name, value) in expected {
            assert!((get(&m, &format!("clip_ratio/{name}")) - value).abs() < 1e-15, "{name}");
        }
    }

    #[test]
    fn gaps_and_means() {
        let m = sampling_gap(&[-1.0, -2.0], &[-1.5, -2.0]).unwrap();
        assert_eq!(get(&m, "sampling/sampling_logp_difference/mean"), 0.25);
        assert_eq!(get(&m, "sampling/sampling_logp_difference/max"), 0.5);
        assert!(sampling_gap(&[0.0], &[]).is_err());
        assert_eq!(get(&entropy(&[1.0, 2.0]), "entropy"), 1.5);
        assert!(kl(&[]).is_empty() && entropy(&[f64::NAN]).is_empty() && clip_ratios(&[]).is_empty());
        let picked = active_values(&matrix(&[&[1.0, 2.0, 3.0]]), &matrix(&[&[1.0, 0.0, 1.0]])).unwrap();
        assert_eq!(picked, [1.0, 3.0]);
    }
}
