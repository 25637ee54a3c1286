//! From logits to what the losses need: the log-probability of a chosen token, entropy, and greedy hits.
//!
//! Composed from candle's differentiable operations only: the fused softmax of candle-nn cuts gradients without a word.
//! With m = max_v x_v (held constant, so no gradient runs through it; it cancels anyway):
//! `ln p(id) = (x_id - m) - ln sum_v exp(x_v - m)`.

use crate::{Result, RlError, shape};
use candle_core::{D, Tensor};

/// ln p of each row's token under the softmax of its logits, nats. Differentiable in `logits`.
///
/// `logits` is `[N, V]` (f32 or f64; -inf marks impossible tokens), `ids` is `[N]` (u32, each below V). Gives `[N]`.
///
/// # Errors
/// Shapes that do not fit; an id outside the vocabulary.
pub fn token_logprobs(logits: &Tensor, ids: &Tensor) -> Result<Tensor> {
    const OP: &str = "token_logprobs";
    check(OP, logits, ids)?;
    let (shifted, log_sum) = shifted_and_log_sum(logits)?;
    let chosen = shifted.gather(&ids.unsqueeze(1)?, 1)?.squeeze(1)?;
    Ok((chosen - log_sum)?)
}

/// Entropy of each row's softmax, nats: `H = ln S - (sum_v e_v (x_v - m)) / S` with e_v = exp(x_v - m), S = sum_v e_v.
///
/// `logits` is `[N, V]`. Gives `[N]`, between 0 and ln V. Differentiable.
///
/// # Errors
/// Logits that are not a matrix.
pub fn entropy(logits: &Tensor) -> Result<Tensor> {
    shape::matrix("entropy", "logits", logits, "[N, V]")?;
    let max = logits.max_keepdim(D::Minus1)?.detach();
    // A logit of -inf would give 0 * -inf = NaN; at -1e5 its weight is exactly 0 as well, but the product exists.
    let shifted = logits.broadcast_sub(&max)?.maximum(-1e5f64)?;
    let exp = shifted.exp()?;
    let sum = exp.sum(D::Minus1)?;
    let mean_shifted = ((exp * shifted)?.sum(D::Minus1)? / &sum)?;
    Ok((sum.log()? - mean_shifted)?)
}

/// 1 where the likeliest token of the row is the given one, else 0 (the terms of `mean_token_accuracy`).
///
/// `logits` is `[N, V]`, `ids` is `[N]`. Gives `[N]` in the dtype of the logits, without gradient.
///
/// # Errors
/// Shapes that do not fit; an id outside the vocabulary.
pub fn greedy_hits(logits: &Tensor, ids: &Tensor) -> Result<Tensor> {
    check("greedy_hits", logits, ids)?;
    let best = logits.detach().argmax(D::Minus1)?;
    Ok(best.eq(&ids.to_dtype(best.dtype())?)?.to_dtype(logits.dtype())?)
}

fn shifted_and_log_sum(logits: &Tensor) -> Result<(Tensor, Tensor)> {
    let max = logits.max_keepdim(D::Minus1)?.detach();
    let shifted = logits.broadcast_sub(&max)?;
    let log_sum = shifted.exp()?.sum(D::Minus1)?.log()?;
    Ok((shifted, log_sum))
}

fn check(op: &'static str, logits: &Tensor, ids: &Tensor) -> Result<()> {
    let (n, vocab) = shape::matrix(op, "logits", logits, "[N, V]")?;
    if ids.dims() != [n] {
        let expected = format!("[{n}], one id per row of logits {:?}", logits.dims());
        return Err(RlError::Shape { op, what: "ids", got: ids.dims().to_vec(), expected });
    }
    // candle's gather reads the largest u32 as "nothing here" and would answer 0 for it.
    let ids = ids.to_vec1::<u32>()?;
    if let Some(id) = ids.iter().find(|id| **id as usize >= vocab) {
        let got = format!("{id} with a vocabulary of {vocab}");
        return Err(RlError::Value { op, what: "a token id", got, expected: "an id below the vocabulary size" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradient, matrix, noise, values};
    use candle_core::{DType, Device};

    fn ids(ids: &[u32]) -> Tensor {
        Tensor::new(ids, &Device::Cpu).unwrap()
    }

    #[test]
    fn table() {
        // (logits, id, ln p, entropy); derivations by hand.
        let rows: [(&[f64], u32, f64, f64); 4] = [
            // Uniform over 4: ln(1/4), H = ln 4.
            (&[0., 0., 0., 0.], 2, -(4f64.ln()), 4f64.ln()),
            // p = (1/4, 3/4): x = (0, ln 3). H = 1/4 ln 4 + 3/4 ln(4/3).
            (&[0., 1.098_612_288_668_109_8], 1, 0.75f64.ln(), 0.25 * 4f64.ln() + 0.75 * (4f64 / 3.0).ln()),
            // exp(1000) overflows, ln p does not: the other token is e^-1000 as likely, so ln p = -1000 and H = 0.
            (&[1000., 0.], 1, -1000., 0.),
            // An impossible token leaves two equal ones.
            (&[5., 5., f64::NEG_INFINITY], 0, -(2f64.ln()), 2f64.ln()),
        ];
        for (logits, id, logp, h) in rows {
            let x = matrix(&[logits]);
            assert_close(&values(&token_logprobs(&x, &ids(&[id])).unwrap()), &[logp], 1e-12);
            assert_close(&values(&entropy(&x).unwrap()), &[h], 1e-12);
        }
    }

    #[test]
    fn slow_twin() {
        let x = noise(1, &[7, 11], 3.0);
        let chosen: Vec<u32> = (0..7).map(|i| (i * 5 % 11) as u32).collect();
        let rows = x.to_vec2::<f64>().unwrap();
        let (mut logp, mut h) = (vec![], vec![]);
        for (row, id) in rows.iter().zip(&chosen) {
            let total: f64 = row.iter().map(|v| v.exp()).sum();
            logp.push((row[*id as usize].exp() / total).ln());
            h.push(row.iter().map(|v| -(v.exp() / total) * (v.exp() / total).ln()).sum());
        }
        assert_close(&values(&token_logprobs(&x, &ids(&chosen)).unwrap()), &logp, 1e-12);
        assert_close(&values(&entropy(&x).unwrap()), &h, 1e-12);
        let single = x.to_dtype(DType::F32).unwrap();
        assert_close(&values(&token_logprobs(&single, &ids(&chosen)).unwrap()), &logp, 1e-5);
    }

    #[test]
    fn gradients() {
        let chosen = ids(&[0, 4, 2]);
        let weight = Tensor::new(&[1.0, -0.5, 2.0], &Device::Cpu).unwrap();
        check_gradient(&noise(2, &[3, 5], 2.0), |x| {
            (token_logprobs(x, &chosen).unwrap() * &weight).unwrap().sum_all().unwrap()
        });
        check_gradient(&noise(3, &[3, 5], 2.0), |x| (entropy(x).unwrap() * &weight).unwrap().sum_all().unwrap());
    }

    #[test]
    fn shift_invariance() {
        let x = noise(4, &[3, 6], 2.0);
        let moved = (&x + 7.5).unwrap();
        let chosen = ids(&[1, 2, 3]);
        let (a, b) = (token_logprobs(&x, &chosen).unwrap(), token_logprobs(&moved, &chosen).unwrap());
        assert_close(&values(&a), &values(&b), 1e-12);
        assert_close(&values(&entropy(&x).unwrap()), &values(&entropy(&moved).unwrap()), 1e-12);
    }

    #[test]
    fn greedy() {
        let x = matrix(&[&[0., 2., 1.], &[3., 2., 1.]]);
        assert_eq!(values(&greedy_hits(&x, &ids(&[1, 1])).unwrap()), [1.0, 0.0]);
    }

    #[test]
    fn refusals_name_both_sides() {
        let x = noise(5, &[2, 3], 1.0);
        let shape = token_logprobs(&x, &ids(&[0, 1, 2])).unwrap_err().to_string();
        assert!(shape.contains("[3]") && shape.contains("[2, 3]"), "{shape}");
        let range = token_logprobs(&x, &ids(&[0, u32::MAX])).unwrap_err().to_string();
        assert!(range.contains("4294967295") && range.contains("vocabulary of 3"), "{range}");
        assert!(entropy(&ids(&[1])).is_err());
    }
}
