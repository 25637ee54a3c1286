//! ORPO (arXiv 2403.07691): supervised fine-tuning on the better answer and, in the same step, its odds against the worse
//! one. No reference model.
//!
//! With l = mean ln pi per token of an answer, odds(l) = e^l / (1 - e^l) and `lo = ln odds(l+) - ln odds(l-)`, the loss is
//! `NLL(y+) - b ln sig(lo)`. This file has the second term without b, per pair; the first is
//! [`cross_entropy`](crate::loss::cross_entropy) over the better answers' tokens.
//!
//! Departure: l is held at most at [`SURE`], because `1 - e^l` loses its digits in f32 as l goes to 0. Beyond it the answer is
//! as good as certain, and its odds have no gradient.

use super::{PairOut, both};
use crate::Result;
use crate::logistic::log_sigmoid;
use candle_core::Tensor;

/// The largest mean log-probability per token whose odds are still computed, nats.
pub const SURE: f64 = -1e-4;

/// `-ln sig(lo)` per pair and `lo` itself.
#[derive(Clone, Debug)]
pub struct OrpoOut {
    /// The loss, and l+ and l- as the implied rewards (times b by the caller's choice; b 1 here). [N]
    pub pair: PairOut,
    /// `lo`, without gradient. [N]
    pub log_odds: Tensor,
}

/// The odds term. `chosen` and `rejected` are mean ln pi per token, `[N]`.
///
/// # Errors
/// Shapes that do not fit.
pub fn odds(chosen: &Tensor, rejected: &Tensor) -> Result<OrpoOut> {
    both("orpo::odds", chosen, rejected)?;
    let log_odds = (of(chosen)? - of(rejected)?)?;
    Ok(OrpoOut {
        pair: PairOut {
            per_pair: log_sigmoid(&log_odds)?.neg()?,
            chosen_rewards: chosen.detach(),
            rejected_rewards: rejected.detach(),
        },
        log_odds: log_odds.detach(),
    })
}

/// `l - ln(1 - e^l)`.
fn of(mean: &Tensor) -> Result<Tensor> {
    let mean = mean.minimum(SURE)?;
    let rest = mean.exp()?.affine(-1.0, 1.0)?.log()?;
    Ok((mean - rest)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradient, noise, values};
    use candle_core::{DType, Device};

    fn vector(x: &[f64]) -> Tensor {
        Tensor::new(x, &Device::Cpu).unwrap()
    }

    #[test]
    fn table() {
        // p+ = 3/4, p- = 1/4: odds 3 and 1/3, lo = ln 9, -ln sig = ln(10/9). p+ = p-: ln 2. By hand.
        let (c, r) = (vector(&[0.75f64.ln(), 0.5f64.ln()]), vector(&[0.25f64.ln(), 0.5f64.ln()]));
        let out = odds(&c, &r).unwrap();
        assert_close(&values(&out.log_odds), &[9f64.ln(), 0.0], 1e-12);
        assert_close(&values(&out.pair.per_pair), &[(10f64 / 9.0).ln(), 2f64.ln()], 1e-12);
    }

    #[test]
    fn slow_twin_and_gradient() {
        let below = |seed| (noise(seed, &[6], 1.0).exp().unwrap() * -0.5).unwrap();
        let (c, r) = (below(1), below(2));
        let twin: Vec<f64> = values(&c)
            .iter()
            .zip(values(&r))
            .map(|(c, r)| {
                let odds = |l: f64| l.exp() / (1.0 - l.exp());
                -(1.0 / (1.0 + odds(r) / odds(*c))).ln()
            })
            .collect();
        assert_close(&values(&odds(&c, &r).unwrap().pair.per_pair), &twin, 1e-12);
        check_gradient(&c, |c| odds(c, &r).unwrap().pair.per_pair.sum_all().unwrap());
        check_gradient(&r, |r| odds(&c, r).unwrap().pair.per_pair.sum_all().unwrap());
    }

    #[test]
    fn certainty_is_finite_in_single_precision() {
        let sure = Tensor::new(&[0f32, -1e-8, -90.0], &Device::Cpu).unwrap();
        for other in [sure.clone(), (&sure - 50.0).unwrap()] {
            let out = odds(&sure, &other).unwrap();
            assert!(values(&out.pair.per_pair).iter().chain(&values(&out.log_odds)).all(|v| v.is_finite()));
        }
        assert_eq!(sure.dtype(), DType::F32);
        assert!(odds(&sure, &sure.narrow(0, 0, 2).unwrap()).is_err());
    }
}
