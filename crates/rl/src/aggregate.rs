//! From losses per token to one number.
//!
//! Every form but BNPO divides by a number that the caller counted over the whole batch of an optimizer step. So the losses
//! of micro-batches simply add up to the loss of the full batch, and their gradients too: batch 8 is batch 1 eight times.

use crate::{
    Result,
    mask::{active_tokens, masked},
    shape,
};
use candle_core::Tensor;

/// How token losses become one number. M sequences and N active tokens count over the whole optimizer step, not over
/// the micro-batch at hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregation {
    /// `(1/M) sum_i (1/T_i) sum_t l_it`, T_i active tokens of sequence i (GRPO, arXiv 2402.03300, eq. 3). Tokens of
    /// short answers weigh more: good short and bad long answers are favoured.
    Grpo {
        /// M.
        sequences: f64,
    },
    /// `(1/N) sum_i sum_t l_it`: every token weighs the same (DAPO, arXiv 2503.14476, eq. 8).
    Dapo {
        /// N.
        denominator: f64,
    },
    /// `(1/(M L)) sum_i sum_t l_it`, L a constant (Dr. GRPO, arXiv 2503.20783).
    DrGrpo {
        /// L, the token limit of an answer.
        max_len: f64,
        /// M.
        sequences: f64,
    },
    /// `(1/K) sum_k (1/n_k) sum_i sum_t l_it` over K micro-batches with n_k active tokens each (BNPO, arXiv 2506.02864, as
    /// TRL computes it). The only form whose result depends on how the batch is cut: a token in a micro-batch of few
    /// tokens weighs more.
    Bnpo {
        /// K.
        micro_batches: f64,
    },
    /// `(1/M) sum_i sum_t l_it`: long answers weigh by their length (verl's seq-mean-token-sum). On a sequence ratio it is
    /// LUSPO, T_i times the loss of each answer.
    SequenceSum {
        /// M.
        sequences: f64,
    },
}

/// One scalar from `per_token` `[B, T]` under `mask` `[B, T]` (1 for tokens that count). A sequence without any active
/// token adds 0. Differentiable; masked tokens have gradient 0.
///
/// # Errors
/// Shapes that differ; a divisor that is not finite and above 0.
pub fn aggregate(per_token: &Tensor, mask: &Tensor, aggregation: Aggregation) -> Result<Tensor> {
    const OP: &str = "aggregate";
    shape::matrix(OP, "per_token", per_token, "[B, T]")?;
    shape::same(OP, "mask", mask, "per_token", per_token)?;
    let active = masked(per_token, mask)?;
    match aggregation {
        Aggregation::Grpo { sequences } => {
            shape::positive(OP, "sequences", sequences)?;
            let tokens = mask.ne(0f64)?.to_dtype(per_token.dtype())?.sum(1)?.maximum(1f64)?;
            Ok(((active.sum(1)? / tokens)?.sum_all()? / sequences)?)
        }
        Aggregation::Dapo { denominator } => {
            shape::positive(OP, "denominator", denominator)?;
            Ok((active.sum_all()? / denominator)?)
        }
        Aggregation::DrGrpo { max_len, sequences } => {
            shape::positive(OP, "max_len", max_len)?;
            shape::positive(OP, "sequences", sequences)?;
            Ok((active.sum_all()? / (max_len * sequences))?)
        }
        Aggregation::Bnpo { micro_batches } => {
            shape::positive(OP, "micro_batches", micro_batches)?;
            Ok((active.sum_all()? / (active_tokens(mask)?.max(1.0) * micro_batches))?)
        }
        Aggregation::SequenceSum { sequences } => {
            shape::positive(OP, "sequences", sequences)?;
            Ok((active.sum_all()? / sequences)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradient, gradient, matrix, noise, values};

    /// All that do not depend on how the batch is cut.
    fn modes(m: f64, n: f64) -> [Aggregation; 4] {
        [
            Aggregation::Grpo { sequences: m },
            Aggregation::Dapo { denominator: n },
            Aggregation::DrGrpo { max_len: 10.0, sequences: m },
            Aggregation::SequenceSum { sequences: m },
        ]
    }

    fn ragged() -> Tensor {
        matrix(&[&[1., 1., 1., 0.], &[1., 0., 0., 0.], &[1., 1., 1., 1.], &[0., 0., 0., 0.]])
    }

    #[test]
    fn table() {
        // Losses 1, 2 and 6 in two sequences of 2 and 1 tokens, by hand.
        let (x, m) = (matrix(&[&[1., 2.], &[6., 99.]]), matrix(&[&[1., 1.], &[1., 0.]]));
        let expected = [(1.5 + 6.0) / 2.0, 9.0 / 3.0, 9.0 / 20.0, 9.0 / 2.0];
        for (mode, expected) in modes(2.0, 3.0).into_iter().zip(expected) {
            assert_close(&values(&aggregate(&x, &m, mode).unwrap()), &[expected], 1e-12);
        }
    }

    #[test]
    fn bnpo_depends_on_how_the_batch_is_cut() {
        // The same losses: in one batch of 3 tokens 9 / 3; row by row (3 / 2 + 6 / 1) / 2, by hand.
        let (x, m) = (matrix(&[&[1., 2.], &[6., 99.]]), matrix(&[&[1., 1.], &[1., 0.]]));
        let part = |rows: std::ops::Range<usize>, micro_batches: f64| {
            let cut = |t: &Tensor| t.narrow(0, rows.start, rows.len()).unwrap();
            values(&aggregate(&cut(&x), &cut(&m), Aggregation::Bnpo { micro_batches }).unwrap())[0]
        };
        assert_close(&[part(0..2, 1.0)], &[3.0], 1e-12);
        assert_close(&[part(0..1, 2.0) + part(1..2, 2.0)], &[3.75], 1e-12);
        check_gradient(&x, |x| aggregate(&x.sqr().unwrap(), &m, Aggregation::Bnpo { micro_batches: 2.0 }).unwrap());
        let empty = aggregate(&x, &m.zeros_like().unwrap(), Aggregation::Bnpo { micro_batches: 1.0 }).unwrap();
        assert_eq!(values(&empty), [0.0]);
        assert!(aggregate(&x, &m, Aggregation::Bnpo { micro_batches: 0.0 }).is_err());
    }

    #[test]
    fn micro_batches_add_up_to_the_full_batch() {
        let (x, m) = (noise(1, &[4, 4], 1.0), ragged());
        for mode in modes(4.0, active_tokens(&m).unwrap()) {
            let full = gradient(&x, |x| aggregate(&x.sqr().unwrap(), &m, mode).unwrap());
            let whole = values(&aggregate(&x, &m, mode).unwrap())[0];
            for parts in [vec![1, 1, 1, 1], vec![3, 1], vec![2, 2]] {
                let (mut sum, mut grads, mut start) = (0.0, vec![], 0);
                for rows in parts {
                    let (x, m) = (x.narrow(0, start, rows).unwrap(), m.narrow(0, start, rows).unwrap());
                    sum += values(&aggregate(&x, &m, mode).unwrap())[0];
                    grads.extend(gradient(&x, |x| aggregate(&x.sqr().unwrap(), &m, mode).unwrap()));
                    start += rows;
                }
                assert_close(&[sum], &[whole], 1e-12);
                assert_close(&grads, &full, 1e-12);
            }
        }
    }

    #[test]
    fn masked_tokens_and_empty_sequences_have_no_part() {
        let (x, m) = (noise(1, &[4, 4], 1.0), ragged());
        let active = values(&m);
        for mode in modes(4.0, 8.0) {
            check_gradient(&x, |x| aggregate(&x.sqr().unwrap(), &m, mode).unwrap());
            let g = gradient(&x, |x| aggregate(&x.sqr().unwrap(), &m, mode).unwrap());
            assert!(g.iter().zip(&active).all(|(g, m)| (*g != 0.0) == (*m == 1.0)));
        }
    }

    #[test]
    fn refusals() {
        let x = noise(1, &[2, 3], 1.0);
        for mode in modes(0.0, f64::NAN) {
            assert!(aggregate(&x, &x, mode).is_err());
        }
        let e = aggregate(&x, &noise(1, &[3, 2], 1.0), Aggregation::Dapo { denominator: 1.0 }).unwrap_err().to_string();
        assert!(e.contains("[3, 2]") && e.contains("[2, 3]"), "{e}");
    }
}
