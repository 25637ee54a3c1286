//! From rewards to advantages as the recipe's `advantage` says, one per token of every answer: a single exhaustive match over
//! `crates/rl`. Never knows tensors or models; the KL comes as numbers.

use crate::Result;
use clicker_rl::advantage::{baseline, gae::gae, returns, whiten::whiten};
use clicker_rl::{Scale, advantage};
use clicker_wire::{AdvantageEstimator, GrpoSpec};

/// A number for every token of every answer. [P][G][T]
pub(crate) type PerToken = Vec<Vec<Vec<f64>>>;

/// What a step's answers are compared by. P prompts, G answers, T_i tokens.
pub(crate) struct Compared<'a> {
    /// None where an answer could not be scored. [P][G]
    pub(crate) rewards: &'a [Vec<Option<f64>>],
    /// Tokens of every answer. [P][G]
    pub(crate) lengths: &'a [Vec<usize>],
    /// Estimates of the KL at every token, where the KL is part of the reward. [P][G][T]
    pub(crate) kl: Option<&'a [Vec<Vec<f64>>]>,
    /// Rewards of the answers without drawing (ReMax). [P]
    pub(crate) greedy: Option<&'a [Option<f64>]>,
    /// What the value network guessed at every token (GAE). [P][G][T]
    pub(crate) values: Option<&'a [Vec<Vec<f64>>]>,
}

/// How far GAE looks beyond the next guess where the recipe does not say.
const LAMBDA: f64 = 0.95;

/// Advantages of every token. [P][G][T]
pub(crate) fn advantages(spec: &GrpoSpec, scale: Scale, step: &Compared<'_>) -> Result<PerToken> {
    let priced = priced(spec, step)?;
    let of_group = |p: usize| match spec.advantage {
        AdvantageEstimator::Rloo => baseline::leave_one_out(&priced[p]),
        AdvantageEstimator::Opo => baseline::length_weighted(&priced[p], &step.lengths[p]),
        AdvantageEstimator::Remax => baseline::greedy(&priced[p], step.greedy.and_then(|g| g[p])),
        // Compared over the batch, below.
        AdvantageEstimator::Grpo
        | AdvantageEstimator::Gae
        | AdvantageEstimator::ReinforcePlusPlus
        | AdvantageEstimator::ReinforcePlusPlusBaseline => Ok(Vec::new()),
    };
    let answers = match spec.advantage {
        AdvantageEstimator::Grpo => advantage::of_batch(&priced, scale)?,
        AdvantageEstimator::ReinforcePlusPlusBaseline => {
            return whitened(step, &tokens(&advantage::of_batch(&priced, Scale::None)?, step.lengths));
        }
        AdvantageEstimator::ReinforcePlusPlus => return whitened(step, &to_go(spec, step)?),
        AdvantageEstimator::Gae => return whitened(step, &guessed(spec, step)?.0),
        AdvantageEstimator::Rloo | AdvantageEstimator::Opo | AdvantageEstimator::Remax => {
            (0..priced.len()).map(of_group).collect::<clicker_rl::Result<_>>()?
        }
    };
    Ok(tokens(&answers, step.lengths))
}

/// Rewards with the price of the KL taken off, where the recipe puts it there.
fn priced(spec: &GrpoSpec, step: &Compared<'_>) -> Result<Vec<Vec<Option<f64>>>> {
    let Some(kl) = step.kl else { return Ok(step.rewards.to_vec()) };
    Ok(step
        .rewards
        .iter()
        .zip(kl)
        .map(|(r, k)| returns::penalised(r, k, spec.beta))
        .collect::<clicker_rl::Result<_>>()?)
}

/// Returns of every token; an answer without a reward has zeros.
fn to_go(spec: &GrpoSpec, step: &Compared<'_>) -> Result<PerToken> {
    let answer = |p: usize, g: usize| {
        let none = vec![0.0; step.lengths[p][g]];
        let kl = step.kl.map_or(&none, |kl| &kl[p][g]);
        match step.rewards[p][g] {
            None => Ok(none),
            Some(reward) => returns::to_go(&returns::token_rewards(reward, kl, spec.beta)?, spec.gamma.unwrap_or(1.0)),
        }
    };
    let group = |p: usize| (0..step.rewards[p].len()).map(|g| answer(p, g)).collect::<clicker_rl::Result<Vec<_>>>();
    Ok((0..step.rewards.len()).map(group).collect::<clicker_rl::Result<_>>()?)
}

/// Advantages of every token before whitening, and the returns that the value network is to learn (GAE). [P][G][T] each. An
/// answer without a reward has zeros for advantages and its own guesses for returns.
pub(crate) fn guessed(spec: &GrpoSpec, step: &Compared<'_>) -> Result<(PerToken, PerToken)> {
    let (mut advantages, mut targets) = (Vec::new(), Vec::new());
    for (p, rewards) in step.rewards.iter().enumerate() {
        let (mut group_advantages, mut group_targets) = (Vec::new(), Vec::new());
        for (g, reward) in rewards.iter().enumerate() {
            let zeros = vec![0.0; step.lengths[p][g]];
            let values = step.values.map_or(&zeros, |values| &values[p][g]);
            let kl = step.kl.map_or(&zeros, |kl| &kl[p][g]);
            let (a, r) = match reward {
                None => (zeros.clone(), values.clone()),
                Some(reward) => {
                    let rewards = returns::token_rewards(*reward, kl, spec.beta)?;
                    let (gamma, lambda) = (spec.gamma.unwrap_or(1.0), spec.lambda.unwrap_or(LAMBDA));
                    let out = gae(&rewards, values, gamma, lambda)?;
                    (out.advantages, out.returns)
                }
            };
            group_advantages.push(a);
            group_targets.push(r);
        }
        advantages.push(group_advantages);
        targets.push(group_targets);
    }
    Ok((advantages, targets))
}

fn whitened(step: &Compared<'_>, rows: &[Vec<Vec<f64>>]) -> Result<PerToken> {
    let counts: Vec<bool> = step.rewards.iter().flatten().map(Option::is_some).collect();
    let mut white = whiten(&rows.concat(), &counts)?.into_iter();
    Ok(rows.iter().map(|group| white.by_ref().take(group.len()).collect()).collect())
}

/// The same advantage at every token of an answer.
fn tokens(answers: &[Vec<f64>], lengths: &[Vec<usize>]) -> PerToken {
    let group = |(a, l): (&Vec<f64>, &Vec<usize>)| a.iter().zip(l).map(|(a, l)| vec![*a; *l]).collect();
    answers.iter().zip(lengths).map(group).collect()
}

/// One number per answer, for people: the mean of its tokens'. [P][G]
pub(crate) fn shown(tokens: &[Vec<Vec<f64>>]) -> Vec<Vec<f64>> {
    let mean = |t: &Vec<f64>| t.iter().sum::<f64>() / t.len().max(1) as f64;
    tokens.iter().map(|group| group.iter().map(mean).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [AdvantageEstimator; 7] = [
        AdvantageEstimator::Grpo,
        AdvantageEstimator::Rloo,
        AdvantageEstimator::ReinforcePlusPlus,
        AdvantageEstimator::ReinforcePlusPlusBaseline,
        AdvantageEstimator::Remax,
        AdvantageEstimator::Opo,
        AdvantageEstimator::Gae,
    ];

    fn of(advantage: AdvantageEstimator, kl: Option<&[Vec<Vec<f64>>]>) -> PerToken {
        let rewards = [vec![Some(1.0), Some(0.0), None], vec![Some(-1.0), Some(-1.0), Some(0.5)]];
        let lengths = [vec![1, 2, 3], vec![2, 2, 1]];
        let greedy = [Some(0.5), Some(-1.0)];
        let step = Compared { rewards: &rewards, lengths: &lengths, kl, greedy: Some(&greedy), values: None };
        let spec = GrpoSpec { advantage, beta: 0.1, ..GrpoSpec::default() };
        advantages(&spec, Scale::Group, &step).unwrap()
    }

    #[test]
    fn every_estimator_gives_one_number_per_token_and_none_to_the_unscored() {
        for advantage in ALL {
            let out = of(advantage, None);
            let shape: Vec<Vec<usize>> = out.iter().map(|g| g.iter().map(Vec::len).collect()).collect();
            assert_eq!(shape, [[1, 2, 3], [2, 2, 1]], "{advantage:?}");
            assert_eq!(out[0][2], [0.0; 3], "{advantage:?}");
            assert!(out[0][0][0] > out[0][1][0] && out[1][2][0] > out[1][0][0], "{advantage:?}: {out:?}");
        }
        // By hand: RLOO 1 - 0; ReMax 1 - 0.5 and 0 - 0.5; OPO against (1 + 0) / 3.
        assert_eq!(of(AdvantageEstimator::Rloo, None)[0][..2], [vec![1.0], vec![-1.0; 2]]);
        assert_eq!(of(AdvantageEstimator::Remax, None)[0][..2], [vec![0.5], vec![-0.5; 2]]);
        assert!((of(AdvantageEstimator::Opo, None)[0][0][0] - 2.0 / 3.0).abs() < 1e-15);
        assert!((shown(&of(AdvantageEstimator::Remax, None))[0][1] + 0.5).abs() < 1e-15);
    }

    #[test]
    fn the_kl_lowers_what_it_is_paid_for() {
        // Answer 0 of the first group strayed by 3 nats, the others not at all.
        let kl = vec![vec![vec![3.0], vec![0.0; 2], vec![0.0; 3]], vec![vec![0.0; 2], vec![0.0; 2], vec![0.0]]];
        for advantage in ALL {
            let (with, without) = (of(advantage, Some(&kl)), of(advantage, None));
            if advantage != AdvantageEstimator::Grpo {
                assert!(with[0][0][0] < without[0][0][0], "{advantage:?}");
            }
        }
        // By hand: (1 - 0.3) - 0.
        assert!((of(AdvantageEstimator::Rloo, Some(&kl))[0][0][0] - 0.7).abs() < 1e-12);
    }
}
