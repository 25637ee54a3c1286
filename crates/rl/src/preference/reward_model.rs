//! The loss of a network that scores answers (Bradley-Terry): with scores r+ of the better and r- of the worse answer,
//!
//! `-ln sig(r+ - r- - m) + eta (r+ + r-)^2`
//!
//! - m, the margin (Llama 2, arXiv 2307.09288, eq. 2): how much better people said it is; [`margin`] has their small scale;
//! - eta, centring (arXiv 2312.09244): a comparison fixes only differences; this keeps the scores around 0. TRL advises 0.01.

use super::{PairOut, both};
use crate::logistic::log_sigmoid;
use crate::{Result, RlError, shape};
use candle_core::Tensor;

/// How much better the better answer is, in people's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// Significantly better.
    Significantly,
    /// Better.
    Better,
    /// Slightly better.
    Slightly,
    /// Negligibly better, or unsure.
    Unsure,
}

/// The margin of a strength: 1, 2/3, 1/3, 0.
#[must_use]
pub fn margin(strength: Strength) -> f64 {
    match strength {
        Strength::Significantly => 1.0,
        Strength::Better => 2.0 / 3.0,
        Strength::Slightly => 1.0 / 3.0,
        Strength::Unsure => 0.0,
    }
}

/// Loss per pair. `chosen`, `rejected` (scores) and `margins` are `[N]`; `centring` is eta. No gradient runs into margins.
///
/// # Errors
/// Shapes that do not fit; an eta that is negative or not finite.
pub fn bradley_terry(chosen: &Tensor, rejected: &Tensor, margins: &Tensor, centring: f64) -> Result<PairOut> {
    const OP: &str = "bradley_terry";
    both(OP, chosen, rejected)?;
    shape::same(OP, "margins", margins, "chosen", chosen)?;
    if !(centring.is_finite() && centring >= 0.0) {
        return Err(RlError::Value { op: OP, what: "centring", got: centring.to_string(), expected: "0 or more" });
    }
    let apart = ((chosen - rejected)? - margins.detach())?;
    let centre = ((chosen + rejected)?.sqr()? * centring)?;
    Ok(PairOut {
        per_pair: (centre - log_sigmoid(&apart)?)?,
        chosen_rewards: chosen.detach(),
        rejected_rewards: rejected.detach(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradient, gradient, noise, values};
    use candle_core::Device;

    fn vector(x: &[f64]) -> Tensor {
        Tensor::new(x, &Device::Cpu).unwrap()
    }

    #[test]
    fn table() {
        // (r+, r-, m, eta, loss), by hand: sig(ln 3) = 3/4.
        let rows = [
            (0.0, 0.0, 0.0, 0.0, 2f64.ln()),
            (3f64.ln(), 0.0, 0.0, 0.0, (4f64 / 3.0).ln()),
            (3f64.ln() + 1.0, 0.0, margin(Strength::Significantly), 0.0, (4f64 / 3.0).ln()),
            (1.0, 1.0, 0.0, 0.01, 2f64.ln() + 0.04),
            (1.0, -1.0, 2.0, 0.01, 2f64.ln()),
        ];
        for (c, r, m, eta, loss) in rows {
            let out = bradley_terry(&vector(&[c]), &vector(&[r]), &vector(&[m]), eta).unwrap();
            assert_close(&values(&out.per_pair), &[loss], 1e-12);
            assert_eq!((values(&out.chosen_rewards), values(&out.rejected_rewards)), (vec![c], vec![r]));
        }
        assert_eq!([Strength::Better, Strength::Slightly, Strength::Unsure].map(margin), [2. / 3., 1. / 3., 0.]);
    }

    #[test]
    fn slow_twin_gradients_and_shifts() {
        let (c, r, m) = (noise(1, &[5], 2.0), noise(2, &[5], 2.0), noise(3, &[5], 1.0));
        let (x, y, z) = (values(&c), values(&r), values(&m));
        // The other way to write it: ln(1 + e^-(r+ - r- - m)).
        let twin: Vec<f64> =
            (0..5).map(|i| (1.0 + (z[i] + y[i] - x[i]).exp()).ln() + 0.1 * (x[i] + y[i]).powi(2)).collect();
        let loss = |c: &Tensor, r: &Tensor, eta| bradley_terry(c, r, &m, eta).unwrap().per_pair;
        assert_close(&values(&loss(&c, &r, 0.1)), &twin, 1e-12);
        check_gradient(&c, |c| loss(c, &r, 0.1).sum_all().unwrap());
        check_gradient(&r, |r| loss(&c, r, 0.1).sum_all().unwrap());
        let into = gradient(&m, |m| bradley_terry(&c, &r, m, 0.1).unwrap().per_pair.sum_all().unwrap());
        assert!(into.iter().all(|g| *g == 0.0));
        // Without centring a shift of all scores changes nothing; with it the middle is 0.
        let (up, also_up) = ((&c + 3.0).unwrap(), (&r + 3.0).unwrap());
        assert_close(&values(&loss(&up, &also_up, 0.0)), &values(&loss(&c, &r, 0.0)), 1e-12);
        assert!(values(&loss(&up, &also_up, 0.1)).iter().sum::<f64>() > twin.iter().sum());
    }

    #[test]
    fn refusals() {
        let x = vector(&[1.0, 2.0]);
        assert!(bradley_terry(&x, &x, &vector(&[1.0]), 0.0).is_err());
        assert!(bradley_terry(&x, &vector(&[1.0]), &x, 0.0).is_err());
        assert!(bradley_terry(&x, &x, &x, -0.1).is_err());
    }
}
