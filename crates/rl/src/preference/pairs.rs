//! Losses on pairs of a better (+) and a worse (-) answer to one prompt. With h = ln pi - ln ref of a whole answer, D = h+ -
//! h-, b the strength (beta) and sig the logistic function:
//!
//! | function | loss | source |
//! |---|---|---|
//! | [`dpo`] | `-ln sig(b D)` | arXiv 2305.18290, eq. 7 |
//! | [`smoothed`] | `-(1 - e) ln sig(b D) - e ln sig(-b D)`, e the share of wrong labels | cDPO, Mitchell 2023 |
//! | [`robust`] | `(-(1 - e) ln sig(b D) + e ln sig(-b D)) / (1 - 2 e)`: in expectation over the noise the loss of clean labels | arXiv 2403.00409 |
//! | [`ipo`] | `(Dbar - 1/(2 b))^2`, Dbar from h per token on average | arXiv 2310.12036 |
//! | [`hinge`] | `max(0, 1 - b D)` | arXiv 2305.10425 |
//! | [`apo_zero`] | `(1 - sig(b h+)) + sig(b h-)`: the better answer up and the worse one down, not only apart | arXiv 2408.06266 |
//! | [`simpo`] | `-ln sig(b l+ - b l- - g)`, l = mean ln pi per token, no reference | arXiv 2405.14734 |
//!
//! The implied reward is b h (for SimPO b l).

use super::{PairOut, both};
use crate::logistic::{log_sigmoid, sigmoid};
use crate::{Result, RlError, shape};
use candle_core::Tensor;

/// Direct preference optimisation. `chosen` and `rejected` are h+ and h-, `[N]`.
///
/// # Errors
/// Shapes that do not fit; a beta that is not above 0.
pub fn dpo(chosen: &Tensor, rejected: &Tensor, beta: f64) -> Result<PairOut> {
    let margin = margin("dpo", chosen, rejected, beta)?;
    out(log_sigmoid(&margin)?.neg()?, chosen, rejected, beta)
}

/// DPO that expects a share `noise` of the labels to be wrong and is content with less than certainty.
///
/// # Errors
/// As [`dpo`]; a share outside 0 to 0.5.
pub fn smoothed(chosen: &Tensor, rejected: &Tensor, beta: f64, noise: f64) -> Result<PairOut> {
    const OP: &str = "smoothed";
    let margin = margin(OP, chosen, rejected, beta)?;
    half(OP, noise)?;
    let (right, wrong) = (log_sigmoid(&margin)?, log_sigmoid(&margin.neg()?)?);
    out(((right * (noise - 1.0))? - (wrong * noise)?)?, chosen, rejected, beta)
}

/// DPO whose expectation under a share `noise` of swapped labels is that of DPO on right ones. It can be negative.
///
/// # Errors
/// As [`smoothed`].
pub fn robust(chosen: &Tensor, rejected: &Tensor, beta: f64, noise: f64) -> Result<PairOut> {
    const OP: &str = "robust";
    let margin = margin(OP, chosen, rejected, beta)?;
    half(OP, noise)?;
    let (right, wrong) = (log_sigmoid(&margin)?, log_sigmoid(&margin.neg()?)?);
    let per_pair = (((right * (noise - 1.0))? + (wrong * noise)?)? / (1.0 - 2.0 * noise))?;
    out(per_pair, chosen, rejected, beta)
}

/// Identity preference optimisation: the margin has a goal instead of growing for ever. `chosen` and `rejected` are h per
/// token on average ([`means`](super::means)), `[N]`.
///
/// # Errors
/// As [`dpo`].
pub fn ipo(chosen: &Tensor, rejected: &Tensor, beta: f64) -> Result<PairOut> {
    const OP: &str = "ipo";
    both(OP, chosen, rejected)?;
    shape::positive(OP, "beta", beta)?;
    out(((chosen - rejected)? - 0.5 / beta)?.sqr()?, chosen, rejected, beta)
}

/// Sequence-likelihood calibration's hinge on the DPO margin: beyond `b D = 1` there is nothing left to learn.
///
/// # Errors
/// As [`dpo`].
pub fn hinge(chosen: &Tensor, rejected: &Tensor, beta: f64) -> Result<PairOut> {
    let missing = margin("hinge", chosen, rejected, beta)?.affine(-1.0, 1.0)?;
    // A mask instead of `maximum`, which would halve the gradient exactly at 0.
    let open = missing.detach().gt(0f64)?;
    out(open.where_cond(&missing, &missing.zeros_like()?)?, chosen, rejected, beta)
}

/// Anchored preference optimisation, the form for answers better than what the model says today.
///
/// # Errors
/// As [`dpo`].
pub fn apo_zero(chosen: &Tensor, rejected: &Tensor, beta: f64) -> Result<PairOut> {
    const OP: &str = "apo_zero";
    both(OP, chosen, rejected)?;
    shape::positive(OP, "beta", beta)?;
    let (up, down) = (sigmoid(&(chosen * -beta)?)?, sigmoid(&(rejected * beta)?)?);
    out((up + down)?, chosen, rejected, beta)
}

/// Simple preference optimisation with a wanted margin `gamma`. `chosen` and `rejected` are mean ln pi per token, `[N]`.
///
/// # Errors
/// As [`dpo`]; a gamma that is not a finite number.
pub fn simpo(chosen: &Tensor, rejected: &Tensor, beta: f64, gamma: f64) -> Result<PairOut> {
    const OP: &str = "simpo";
    if !gamma.is_finite() {
        return Err(RlError::Value { op: OP, what: "gamma", got: gamma.to_string(), expected: "a finite number" });
    }
    let margin = (margin(OP, chosen, rejected, beta)? - gamma)?;
    out(log_sigmoid(&margin)?.neg()?, chosen, rejected, beta)
}

/// `b D`.
fn margin(op: &'static str, chosen: &Tensor, rejected: &Tensor, beta: f64) -> Result<Tensor> {
    both(op, chosen, rejected)?;
    shape::positive(op, "beta", beta)?;
    Ok(((chosen - rejected)? * beta)?)
}

fn half(op: &'static str, noise: f64) -> Result<()> {
    if (0.0..0.5).contains(&noise) {
        return Ok(());
    }
    let expected = "0 up to 0.5, without 0.5: with more than half of the labels wrong nothing can be learnt";
    Err(RlError::Value { op, what: "the share of wrong labels", got: noise.to_string(), expected })
}

fn out(per_pair: Tensor, chosen: &Tensor, rejected: &Tensor, beta: f64) -> Result<PairOut> {
    Ok(PairOut { per_pair, chosen_rewards: (chosen.detach() * beta)?, rejected_rewards: (rejected.detach() * beta)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradient, gradient, noise, values};
    use candle_core::Device;
    use std::f64::consts::LN_2;

    type Loss = fn(&Tensor, &Tensor) -> Result<PairOut>;

    const LOSSES: [(&str, Loss); 7] = [
        ("dpo", |c, r| dpo(c, r, 0.5)),
        ("smoothed", |c, r| smoothed(c, r, 0.5, 0.1)),
        ("robust", |c, r| robust(c, r, 0.5, 0.1)),
        ("ipo", |c, r| ipo(c, r, 0.5)),
        ("hinge", |c, r| hinge(c, r, 0.5)),
        ("apo_zero", |c, r| apo_zero(c, r, 0.5)),
        ("simpo", |c, r| simpo(c, r, 0.5, 0.3)),
    ];

    const TABLE: [(f64, f64, [f64; 7]); 3] = [
        (0.0, 0.0, [LN_2, LN_2, LN_2, 1.0, 1.0, 1.0, 0.854_355_244_468_527]),
        (
            1.0,
            -1.0,
            [
                0.313_261_687_518_223,
                0.413_261_687_518_223,
                0.188_261_687_518_223,
                1.0,
                0.0,
                0.755_081_337_596_291,
                0.403_186_048_885_458,
            ],
        ),
        (
            -2.0,
            3.0,
            [
                2.578_889_734_292_55,
                2.328_889_734_292_55,
                2.891_389_734_292_55,
                36.0,
                3.5,
                1.548_633_054_823_648,
                2.859_032_826_287_971,
            ],
        ),
    ];

    fn vector(x: &[f64]) -> Tensor {
        Tensor::new(x, &Device::Cpu).unwrap()
    }

    #[test]
    fn table() {
        // b = 0.5, e = 0.1, g = 0.3. (h+, h-, expected in the order of LOSSES), from plain Python:
        //   from math import *; ls = lambda x: -log1p(exp(-x)); s = lambda x: 1 / (1 + exp(-x)); b, e, g = .5, .1, .3
        //   for c, r in ((0, 0), (1, -1), (-2, 3)):
        //     d = b * (c - r)
        //     print(-ls(d), -(1-e)*ls(d)-e*ls(-d), (-(1-e)*ls(d)+e*ls(-d))/(1-2*e), (c-r-1/(2*b))**2, max(0, 1-d),
        //           (1-s(b*c))+s(b*r), -ls(d-g))
        for (c, r, expected) in TABLE {
            for ((name, loss), expected) in LOSSES.iter().zip(expected) {
                let out = loss(&vector(&[c]), &vector(&[r])).unwrap();
                let got = values(&out.per_pair)[0];
                assert!((got - expected).abs() < 1e-12, "{name} at ({c}, {r}): {got}, expected {expected}");
                assert_eq!(
                    (values(&out.chosen_rewards), values(&out.rejected_rewards)),
                    (vec![0.5 * c], vec![0.5 * r])
                );
            }
        }
    }

    #[test]
    fn gradients() {
        let (c, r) = (noise(1, &[5], 2.0), noise(2, &[5], 2.0));
        for (name, loss) in LOSSES {
            check_gradient(&c, |c| loss(c, &r).unwrap().per_pair.sum_all().unwrap());
            check_gradient(&r, |r| loss(&c, r).unwrap().per_pair.sum_all().unwrap());
            // Also where all of them start: at the reference.
            check_gradient(&r, |x| loss(x, &r).unwrap().per_pair.sum_all().unwrap());
            let rewards = gradient(&c, |c| loss(c, &r).unwrap().chosen_rewards.sum_all().unwrap());
            assert!(rewards.iter().all(|g| *g == 0.0), "{name}");
        }
    }

    #[test]
    fn slow_twins() {
        let (c, r) = (noise(3, &[9], 3.0), noise(4, &[9], 3.0));
        let pairs: Vec<(f64, f64)> = values(&c).into_iter().zip(values(&r)).collect();
        let sig = |x: f64| 1.0 / (1.0 + (-x).exp());
        let twins: [&dyn Fn(f64, f64) -> f64; 7] = [
            &|c, r| -sig(0.5 * (c - r)).ln(),
            &|c, r| -0.9 * sig(0.5 * (c - r)).ln() - 0.1 * sig(-0.5 * (c - r)).ln(),
            &|c, r| (-0.9 * sig(0.5 * (c - r)).ln() + 0.1 * sig(-0.5 * (c - r)).ln()) / 0.8,
            &|c, r| (c - r - 1.0).powi(2),
            &|c, r| f64::max(0.0, 1.0 - 0.5 * (c - r)),
            &|c, r| 1.0 - sig(0.5 * c) + sig(0.5 * r),
            &|c, r| -sig(0.5 * c - 0.5 * r - 0.3).ln(),
        ];
        for ((_, loss), twin) in LOSSES.iter().zip(twins) {
            let expected: Vec<f64> = pairs.iter().map(|&(c, r)| twin(c, r)).collect();
            assert_close(&values(&loss(&c, &r).unwrap().per_pair), &expected, 1e-12);
        }
    }

    #[test]
    fn algebra() {
        let (c, r) = (noise(1, &[6], 2.0), noise(2, &[6], 2.0));
        let loss = |out: PairOut| values(&out.per_pair);
        // At the reference DPO is ln 2 and its gradient b/2, whatever h is.
        assert_close(&loss(dpo(&c, &c, 0.1).unwrap()), &[2f64.ln(); 6], 1e-12);
        let g = gradient(&c, |x| dpo(x, &c, 0.1).unwrap().per_pair.sum_all().unwrap());
        assert_close(&g, &[-0.05; 6], 1e-12);
        // Without noise the two repaired forms are DPO; without a margin SimPO is.
        assert_close(&loss(smoothed(&c, &r, 0.1, 0.0).unwrap()), &loss(dpo(&c, &r, 0.1).unwrap()), 1e-12);
        assert_close(&loss(robust(&c, &r, 0.1, 0.0).unwrap()), &loss(dpo(&c, &r, 0.1).unwrap()), 1e-12);
        assert_close(&loss(simpo(&c, &r, 0.1, 0.0).unwrap()), &loss(dpo(&c, &r, 0.1).unwrap()), 1e-12);
        // Robust: a share e of swapped pairs gives back the clean loss on average.
        let (right, swapped) = (loss(robust(&c, &r, 0.4, 0.2).unwrap()), loss(robust(&r, &c, 0.4, 0.2).unwrap()));
        let mixed: Vec<f64> = right.iter().zip(&swapped).map(|(a, b)| 0.8 * a + 0.2 * b).collect();
        assert_close(&mixed, &loss(dpo(&c, &r, 0.4).unwrap()), 1e-12);
        // Smoothed: least where sig(b D) = 1 - e.
        let best = vector(&[(0.9f64 / 0.1).ln() / 0.5]);
        let g = gradient(&best, |x| smoothed(x, &vector(&[0.0]), 0.5, 0.1).unwrap().per_pair.sum_all().unwrap());
        assert_close(&g, &[0.0], 1e-12);
        // IPO is content at D = 1 / (2 b).
        assert_close(&loss(ipo(&vector(&[5.0]), &vector(&[0.0]), 0.1).unwrap()), &[0.0], 1e-12);
    }

    #[test]
    fn extremes_stay_finite_in_single_precision() {
        let far = Tensor::new(&[4000f32, -4000.0], &Device::Cpu).unwrap();
        let near = far.neg().unwrap();
        for (name, loss) in LOSSES {
            assert!(values(&loss(&far, &near).unwrap().per_pair).iter().all(|v| v.is_finite()), "{name}");
        }
    }

    #[test]
    fn refusals() {
        let x = vector(&[1.0, 2.0]);
        for (name, loss) in LOSSES {
            let e = loss(&x, &vector(&[1.0])).unwrap_err().to_string();
            assert!(e.contains("[1]") && e.contains("[2]"), "{name}: {e}");
        }
        assert!(dpo(&x, &x, 0.0).is_err() && ipo(&x, &x, f64::NAN).is_err() && simpo(&x, &x, 1.0, f64::NAN).is_err());
        assert!(smoothed(&x, &x, 0.1, 0.5).is_err() && robust(&x, &x, 0.1, -0.1).is_err());
    }
}
