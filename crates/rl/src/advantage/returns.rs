//! Rewards per token and what is still to come: the KL as part of the reward, and REINFORCE++ (arXiv 2501.03262).
//!
//! With k_t the estimate of KL(pi || ref) at token t ([`kl::k1`](crate::kl::k1) unless stated otherwise), beta its price and R
//! the answer's reward, paid at its last token T:
//!
//! - [`penalised`]: `R' = R - beta sum_t k_t`, one number per answer (RLOO, ReMax);
//! - [`token_rewards`]: `u_t = -beta k_t + [t = T] R`;
//! - [`to_go`]: `g_t = u_t + gamma g_{t+1}`;
//! - REINFORCE++: [`whiten`](super::whiten::whiten) of g over all counted tokens of the batch; its "-baseline" variant
//!   first replaces R by `R - mu` of its group ([`Scale::None`](crate::Scale::None)), without dividing.
//!
//! Rewards are numbers: no gradient runs through the KL here. That is the difference between a KL in the reward and one in
//! the loss. Never knows tensors.

use crate::{Result, RlError, shape};

/// Rewards with the KL taken off: `R - beta sum_t k_t`. An answer without a reward stays without. [G]
///
/// `kl` holds the tokens' estimates of each answer.
///
/// # Errors
/// As many rows of estimates as rewards; a beta that is negative or not finite; an estimate that is not finite.
pub fn penalised<R: AsRef<[f64]>>(rewards: &[Option<f64>], kl: &[R], beta: f64) -> Result<Vec<Option<f64>>> {
    const OP: &str = "returns::penalised";
    shape::same_len(OP, "kl", kl.len(), "rewards", rewards.len())?;
    check(OP, kl.iter().flat_map(AsRef::as_ref), beta)?;
    Ok(rewards.iter().zip(kl).map(|(r, k)| r.map(|r| r - beta * k.as_ref().iter().sum::<f64>())).collect())
}

/// `u_t` of one answer: the price of its KL at every token, and its reward at the last. [T]
///
/// # Errors
/// As [`penalised`]; a reward that is not finite; an answer without tokens.
pub fn token_rewards(reward: f64, kl: &[f64], beta: f64) -> Result<Vec<f64>> {
    const OP: &str = "returns::token_rewards";
    check(OP, kl, beta)?;
    super::finite(OP, &[Some(reward)])?;
    let mut out: Vec<f64> = kl.iter().map(|k| -beta * k).collect();
    match out.last_mut() {
        Some(last) => *last += reward,
        None => return Err(RlError::Shape { op: OP, what: "kl", got: vec![0], expected: "[T], T at least 1".into() }),
    }
    Ok(out)
}

/// Discounted sums of what is still to come. [T]
///
/// # Errors
/// A discount outside 0 to 1.
pub fn to_go(rewards: &[f64], gamma: f64) -> Result<Vec<f64>> {
    unit("returns::to_go", "gamma", gamma)?;
    let mut out = rewards.to_vec();
    for t in (1..out.len()).rev() {
        out[t - 1] += gamma * out[t];
    }
    Ok(out)
}

/// A share from 0 to 1.
pub(super) fn unit(op: &'static str, what: &'static str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(RlError::Value { op, what, got: value.to_string(), expected: "0 to 1" })
}

fn check<'a>(op: &'static str, kl: impl IntoIterator<Item = &'a f64>, beta: f64) -> Result<()> {
    if !(beta.is_finite() && beta >= 0.0) {
        return Err(RlError::Value { op, what: "beta", got: beta.to_string(), expected: "0 or more" });
    }
    match kl.into_iter().find(|k| !k.is_finite()) {
        None => Ok(()),
        Some(bad) => {
            Err(RlError::Value { op, what: "a KL estimate", got: bad.to_string(), expected: "a finite number" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advantage::whiten::whiten;
    use crate::testing::assert_close;
    use proptest::prelude::*;

    #[test]
    fn table() {
        // Three tokens with k = 1, 2, 3 at a price of 0.1, reward 5, gamma 0.5, by hand.
        let u = token_rewards(5.0, &[1.0, 2.0, 3.0], 0.1).unwrap();
        assert_close(&u, &[-0.1, -0.2, 4.7], 1e-15);
        // g_3 = 4.7, g_2 = -0.2 + 2.35, g_1 = -0.1 + 1.075.
        assert_close(&to_go(&u, 0.5).unwrap(), &[0.975, 2.15, 4.7], 1e-15);
        let r = penalised(&[Some(5.0), None], &[vec![1.0, 2.0, 3.0], vec![9.0]], 0.1).unwrap();
        assert_close(&[r[0].unwrap()], &[4.4], 1e-15);
        assert_eq!(r[1], None);
    }

    #[test]
    fn reinforce_plus_plus() {
        // Two answers of 2 and 1 tokens, rewards 1 and 0, no KL, gamma 1: returns (1, 1) and (0); mean 2/3, n - 1 variance
        // (1/9 + 1/9 + 4/9) / 2 = 1/3.
        let g: Vec<Vec<f64>> = [(1.0, 2), (0.0, 1)]
            .map(|(r, t)| to_go(&token_rewards(r, &vec![0.0; t], 0.0).unwrap(), 1.0).unwrap())
            .to_vec();
        let s = (1.0f64 / 3.0 + 1e-8).sqrt();
        let a = whiten(&g, &[true, true]).unwrap();
        assert_close(&a.concat(), &[1.0 / 3.0 / s, 1.0 / 3.0 / s, -2.0 / 3.0 / s], 1e-12);
    }

    #[test]
    fn refusals() {
        assert!(token_rewards(1.0, &[], 0.1).is_err());
        assert!(token_rewards(f64::NAN, &[0.0], 0.1).is_err());
        assert!(token_rewards(1.0, &[f64::INFINITY], 0.1).is_err());
        assert!(penalised(&[Some(1.0)], &[vec![0.0]], -0.1).is_err());
        let none: [Vec<f64>; 0] = [];
        assert!(penalised(&[Some(1.0)], &none, 0.1).is_err());
        let e = to_go(&[1.0], 1.5).unwrap_err().to_string();
        assert!(e.contains("gamma") && e.contains("1.5"), "{e}");
    }

    proptest! {
        #[test]
        fn algebra(kl in proptest::collection::vec(-1.0..1.0f64, 1..9), reward in -3.0..3.0f64, beta in 0.0..1.0f64, gamma in 0.0..1.0f64) {
            let u = token_rewards(reward, &kl, beta).unwrap();
            // Undiscounted, the first token's return is the answer's penalised reward.
            let whole = penalised(&[Some(reward)], &[&kl], beta).unwrap()[0].unwrap();
            assert_close(&[to_go(&u, 1.0).unwrap()[0]], &[whole], 1e-12);
            // The slow twin: a double loop.
            let twin: Vec<f64> = (0..u.len()).map(|t| (t..u.len()).map(|s| gamma.powi((s - t) as i32) * u[s]).sum()).collect();
            assert_close(&to_go(&u, gamma).unwrap(), &twin, 1e-12);
            assert_close(&to_go(&u, 0.0).unwrap(), &u, 0.0);
        }
    }
}
