//! What drawing needs of a row of logits, four at a time: the largest, the logarithm of the sum, the entropy, weights at a temperature.

use crate::simd::F4;
use crate::vector::{exp, largest, sum};

/// ln of the sum of e^logit, and the entropy of the distribution in nats.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Normaliser {
    /// ln of the sum.
    pub log_sum: f32,
    /// Nats.
    pub entropy: f32,
}

/// The largest value; NaN never wins.
#[must_use]
pub fn max(values: &[f32]) -> f32 {
    let (fours, rest) = values.as_chunks::<4>();
    let most = fours.iter().fold(F4::splat(f32::NEG_INFINITY), |m, x| m.max(F4::load(x)));
    rest.iter().fold(largest(most), |m, &x| if x > m { x } else { m })
}

/// Index of the largest value, the first of equals; NaN never wins.
#[must_use]
pub fn argmax(values: &[f32]) -> u32 {
    let most = max(values);
    values.iter().position(|&x| x == most).unwrap_or(0) as u32
}

/// With m the largest logit, e_i = e^(l_i - m) and S their sum: ln sum = m + ln S, entropy = ln S - sum_i e_i (l_i - m) / S.
#[must_use]
pub fn normaliser(logits: &[f32]) -> Normaliser {
    let most = max(logits);
    // Eight lanes, so that one addition need not wait for another and rounding errors stay small.
    let (mut totals, mut moments) = ([F4::splat(0.0); 2], [F4::splat(0.0); 2]);
    let (fours, rest) = logits.as_chunks::<4>();
    for (i, four) in fours.iter().enumerate() {
        // e^x is 0 long before: without the floor, -infinity would give 0 times infinity.
        let x = F4::load(four).sub(F4::splat(most)).max(F4::splat(-1e4));
        let e = exp(x);
        totals[i % 2] = totals[i % 2].add(e);
        moments[i % 2] = moments[i % 2].add(e.mul(x));
    }
    let (mut total, mut moment) = (sum(totals[0].add(totals[1])), sum(moments[0].add(moments[1])));
    for &l in rest {
        let x = (l - most).max(-1e4);
        let e = exp(F4::splat(x)).lanes()[0];
        (total, moment) = (total + e, moment + e * x);
    }
    let log_total = total.ln();
    Normaliser { log_sum: most + log_total, entropy: log_total - moment / total }
}

/// e^((l - most) / temperature) of every logit, into `out`; returns their sum.
pub fn weights(logits: &[f32], most: f32, temperature: f32, out: &mut Vec<f32>) -> f32 {
    out.resize(logits.len(), 0.0);
    let inverse = 1.0 / temperature;
    let mut totals = [F4::splat(0.0); 2];
    let ((from, from_rest), (to, to_rest)) = (logits.as_chunks::<4>(), out.as_chunks_mut::<4>());
    for (i, (l, o)) in from.iter().zip(to).enumerate() {
        let e = exp(F4::load(l).sub(F4::splat(most)).mul(F4::splat(inverse)));
        totals[i % 2] = totals[i % 2].add(e);
        e.store(o);
    }
    let mut total = sum(totals[0].add(totals[1]));
    for (l, o) in from_rest.iter().zip(to_rest) {
        *o = exp(F4::splat((l - most) * inverse)).lanes()[0];
        total += *o;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_f64() {
        for n in [1, 2, 5, 320, 1023] {
            let logits: Vec<f32> = (0..n).map(|i| ((i * 7919) % 1009) as f32 * 0.02 - 7.0).collect();
            let wide: Vec<f64> = logits.iter().map(|&l| f64::from(l)).collect();
            let most = wide.iter().copied().fold(f64::MIN, f64::max);
            let log_sum = most + wide.iter().map(|l| (l - most).exp()).sum::<f64>().ln();
            let entropy: f64 = wide.iter().map(|l| -(l - log_sum).exp() * (l - log_sum)).sum();
            let got = normaliser(&logits);
            assert!((f64::from(got.log_sum) - log_sum).abs() < 2e-6, "{got:?} {log_sum}");
            assert!((f64::from(got.entropy) - entropy).abs() < 1e-5, "{got:?} {entropy}");
            let mut w = Vec::new();
            let total = weights(&logits, most as f32, 0.5, &mut w);
            let want: f64 = wide.iter().map(|l| ((l - most) * 2.0).exp()).sum();
            assert!((f64::from(total) - want).abs() < want * 1e-5);
            assert_eq!(w[argmax(&logits) as usize], 1.0);
        }
    }

    #[test]
    fn what_is_ruled_out_weighs_nothing() {
        let logits = [f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY];
        let got = normaliser(&logits);
        assert!((got.log_sum - 1.0 - 2f32.ln()).abs() < 1e-6 && (got.entropy - 2f32.ln()).abs() < 1e-6, "{got:?}");
        let mut w = Vec::new();
        assert_eq!(weights(&logits, 1.0, 1.0, &mut w), 2.0);
        assert_eq!((w[0], argmax(&logits)), (0.0, 1));
        assert_eq!(argmax(&[f32::NAN, 2.0, 3.0, 3.0]), 2);
    }
}
