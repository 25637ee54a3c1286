//! Generalised advantage estimation (arXiv 1506.02438, eq. 16) over the counted tokens of one answer:
//!
//! `d_t = u_t + gamma V_{t+1} - V_t`, `A_t = d_t + gamma lambda A_{t+1}`, return `A_t + V_t`, nothing after the last token.
//!
//! lambda 0 trusts the value network for everything after the next token, lambda 1 trusts nothing but the rewards. Tokens
//! that the model did not write are not among the counted ones, so their values can have no effect. Advantages are
//! [whitened](super::whiten) over the batch before use, returns are not. Never knows tensors.

use super::returns::unit;
use crate::{Result, shape};

/// What one answer's tokens were worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Gae {
    /// How much better than the value network expected. [T]
    pub advantages: Vec<f64>,
    /// What the value network is to learn. [T]
    pub returns: Vec<f64>,
}

/// Advantages and returns of one answer from its token rewards and the values of its tokens, both [T].
///
/// # Errors
/// Slices of different lengths; gamma or lambda outside 0 to 1.
pub fn gae(rewards: &[f64], values: &[f64], gamma: f64, lambda: f64) -> Result<Gae> {
    const OP: &str = "advantage::gae";
    shape::same_len(OP, "values", values.len(), "rewards", rewards.len())?;
    unit(OP, "gamma", gamma)?;
    unit(OP, "lambda", lambda)?;
    let mut advantages = vec![0.0; rewards.len()];
    let (mut next_value, mut next_advantage) = (0.0, 0.0);
    for t in (0..rewards.len()).rev() {
        let delta = rewards[t] + gamma * next_value - values[t];
        next_advantage = delta + gamma * lambda * next_advantage;
        next_value = values[t];
        advantages[t] = next_advantage;
    }
    let returns = advantages.iter().zip(values).map(|(a, v)| a + v).collect();
    Ok(Gae { advantages, returns })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advantage::returns::to_go;
    use crate::testing::assert_close;
    use proptest::prelude::*;

    #[test]
    fn table() {
        // Rewards 0, 0, 1, values 0.2, 0.5, 0.4, gamma 0.9, lambda 0.5, by hand:
        // d = (0.9 0.5 - 0.2, 0.9 0.4 - 0.5, 1 - 0.4) = (0.25, -0.14, 0.6);
        // A_3 = 0.6, A_2 = -0.14 + 0.45 0.6 = 0.13, A_1 = 0.25 + 0.45 0.13 = 0.3085.
        let out = gae(&[0.0, 0.0, 1.0], &[0.2, 0.5, 0.4], 0.9, 0.5).unwrap();
        assert_close(&out.advantages, &[0.3085, 0.13, 0.6], 1e-15);
        assert_close(&out.returns, &[0.5085, 0.63, 1.0], 1e-15);
        assert_eq!(gae(&[], &[], 1.0, 1.0).unwrap().advantages, [0.0; 0]);
    }

    #[test]
    fn refusals() {
        let e = gae(&[0.0], &[0.0, 1.0], 1.0, 1.0).unwrap_err().to_string();
        assert!(e.contains("[2]") && e.contains("[1]"), "{e}");
        assert!(gae(&[0.0], &[0.0], 1.1, 1.0).is_err() && gae(&[0.0], &[0.0], 1.0, -0.1).is_err());
    }

    proptest! {
        #[test]
        fn algebra(
            pairs in proptest::collection::vec((-1.0..1.0f64, -1.0..1.0f64), 1..9),
            gamma in 0.0..1.0f64,
            lambda in 0.0..1.0f64,
        ) {
            let (u, v): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            // The slow twin: the sum of eq. 16 written out.
            let after = |t: usize| v.get(t).copied().unwrap_or(0.0);
            let delta = |t: usize| u[t] + gamma * after(t + 1) - v[t];
            let twin: Vec<f64> = (0..u.len())
                .map(|t| (t..u.len()).map(|s| (gamma * lambda).powi((s - t) as i32) * delta(s)).sum())
                .collect();
            let out = gae(&u, &v, gamma, lambda).unwrap();
            assert_close(&out.advantages, &twin, 1e-12);
            // lambda 1: what came minus what was expected. lambda 0: one step.
            assert_close(&gae(&u, &v, gamma, 1.0).unwrap().returns, &to_go(&u, gamma).unwrap(), 1e-12);
            let steps: Vec<f64> = (0..u.len()).map(delta).collect();
            assert_close(&gae(&u, &v, gamma, 0.0).unwrap().advantages, &steps, 1e-12);
            // Values that are the returns leave nothing to be surprised by.
            let known = to_go(&u, gamma).unwrap();
            assert_close(&gae(&u, &known, gamma, lambda).unwrap().advantages, &vec![0.0; u.len()], 1e-12);
        }
    }
}
