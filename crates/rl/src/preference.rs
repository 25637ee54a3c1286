//! Learning from comparisons, without sampling: losses per pair or per answer, to be minimised. N pairs or answers.
//!
//! What goes in are log-probabilities of whole answers ([`sums`] or [`means`] over their counted tokens) and, except for
//! ORPO and SimPO, the same under a frozen reference: `h = ln pi - ln ref` ([`log_ratios`]). [`pairs`] has what learns from a
//! better and a worse answer, [`kto`] what learns from single answers judged good or bad, [`orpo`] the form that needs no
//! reference, [`reward_model`] the loss of a network that scores, [`ensemble`] several of those as one.
//!
//! Losses come one per pair, so that weights (how far an annotator can be trusted) and the divisor over a whole step are the
//! caller's: [`weighted`].

pub mod ensemble;
pub mod kto;
pub mod orpo;
pub mod pairs;
pub mod reward_model;

use crate::{Result, RlError, mask::masked, shape};
use candle_core::{D, Tensor};

/// A loss per pair and the rewards that the model implies.
#[derive(Clone, Debug)]
pub struct PairOut {
    /// The loss; carries the gradient. [N]
    pub per_pair: Tensor,
    /// The implied reward of the better answer, without gradient. [N]
    pub chosen_rewards: Tensor,
    /// The implied reward of the worse answer, without gradient. [N]
    pub rejected_rewards: Tensor,
}

/// Sum over the counted tokens of every answer. `per_token` and `mask` are `[B, T]`; gives `[B]`. Differentiable.
///
/// # Errors
/// Shapes that differ.
pub fn sums(per_token: &Tensor, mask: &Tensor) -> Result<Tensor> {
    shape::matrix("preference::sums", "per_token", per_token, "[B, T]")?;
    Ok(masked(per_token, mask)?.sum(D::Minus1)?)
}

/// Mean over the counted tokens of every answer; 0 where none counts. As [`sums`].
///
/// # Errors
/// Shapes that differ.
pub fn means(per_token: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let tokens = mask.ne(0f64)?.to_dtype(per_token.dtype())?.sum(D::Minus1)?.maximum(1f64)?;
    Ok((sums(per_token, mask)? / tokens)?)
}

/// `h = ln pi - ln ref` of every answer, `[N]`. No gradient runs into the reference.
///
/// # Errors
/// Shapes that differ.
pub fn log_ratios(logp: &Tensor, ref_logp: &Tensor) -> Result<Tensor> {
    vector("preference::log_ratios", "logp", logp)?;
    shape::same("preference::log_ratios", "ref_logp", ref_logp, "logp", logp)?;
    Ok((logp - ref_logp.detach())?)
}

/// `sum_i w_i l_i / divisor`: the scalar of a micro-batch, the divisor counted over the whole step (the sum of all weights).
/// `losses` and `weights` are `[N]`; no gradient runs into the weights.
///
/// # Errors
/// Shapes that differ; a divisor that is not above 0.
pub fn weighted(losses: &Tensor, weights: &Tensor, divisor: f64) -> Result<Tensor> {
    const OP: &str = "preference::weighted";
    vector(OP, "losses", losses)?;
    shape::same(OP, "weights", weights, "losses", losses)?;
    shape::positive(OP, "divisor", divisor)?;
    Ok(((losses * weights.detach())?.sum_all()? / divisor)?)
}

fn vector(op: &'static str, what: &'static str, t: &Tensor) -> Result<usize> {
    match *t.dims() {
        [n] if n > 0 => Ok(n),
        _ => Err(RlError::Shape { op, what, got: t.dims().to_vec(), expected: "[N], one number per answer".into() }),
    }
}

/// Both sides of a comparison, `[N]` each.
fn both(op: &'static str, chosen: &Tensor, rejected: &Tensor) -> Result<()> {
    vector(op, "chosen", chosen)?;
    shape::same(op, "rejected", rejected, "chosen", chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradient, gradient, matrix, noise, values};

    #[test]
    fn answers_and_weights() {
        let (x, m) =
            (matrix(&[&[1., 2., 9.], &[4., 9., 9.], &[9., 9., 9.]]), matrix(&[&[1., 1., 0.], &[1., 0., 0.], &[0.; 3]]));
        assert_close(&values(&sums(&x, &m).unwrap()), &[3., 4., 0.], 1e-15);
        assert_close(&values(&means(&x, &m).unwrap()), &[1.5, 4., 0.], 1e-15);
        check_gradient(&x, |x| means(&x.sqr().unwrap(), &m).unwrap().sum_all().unwrap());
        let (l, w) = (noise(1, &[3], 1.0), noise(2, &[3], 1.0));
        let twin: f64 = values(&l).iter().zip(values(&w)).map(|(l, w)| l * w).sum::<f64>() / 4.0;
        assert_close(&values(&weighted(&l, &w, 4.0).unwrap()), &[twin], 1e-12);
        assert!(gradient(&w, |w| weighted(&l, w, 4.0).unwrap()).iter().all(|g| *g == 0.0));
        assert!(gradient(&w, |w| log_ratios(&l, w).unwrap().sum_all().unwrap()).iter().all(|g| *g == 0.0));
    }

    #[test]
    fn parts_of_a_step_add_up() {
        let (l, w) = (noise(1, &[6], 1.0), noise(2, &[6], 1.0).abs().unwrap());
        let total: f64 = values(&w).iter().sum();
        let part = |start: usize, len: usize| {
            let cut = |t: &Tensor| t.narrow(0, start, len).unwrap();
            values(&weighted(&cut(&l), &cut(&w), total).unwrap())[0]
        };
        let whole = values(&weighted(&l, &w, total).unwrap())[0];
        assert_close(&[part(0, 2) + part(2, 4)], &[whole], 1e-12);
        assert_close(&[(0..6).map(|i| part(i, 1)).sum()], &[whole], 1e-12);
    }

    #[test]
    fn refusals() {
        let (x, v) = (noise(1, &[2, 3], 1.0), noise(1, &[3], 1.0));
        assert!(sums(&v, &v).is_err() && log_ratios(&x, &x).is_err());
        assert!(weighted(&v, &noise(1, &[2], 1.0), 1.0).is_err() && weighted(&v, &v, 0.0).is_err());
        let e = log_ratios(&v, &noise(1, &[2], 1.0)).unwrap_err().to_string();
        assert!(e.contains("[2]") && e.contains("[3]"), "{e}");
    }
}
