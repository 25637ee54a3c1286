//! Gradients of log-probabilities with respect to the output projection W [V, D] alone, without making them. With the
//! normalised final state h and the distribution p = softmax(W h), the gradient of ln p(y) is the outer product (e_y - p) h^T, so
//! the inner product of two such gradients is ((e_y - p) . (e_z - q)) (h . k): two small products instead of two large matrices
//! (last-layer TracIn, arXiv 2002.08484, section 4).

use super::read::Subject;
use crate::Result;
use candle_core::{D, DType, Tensor};

/// The factors of one answer's gradients: e_y - p and h of every token.
pub(crate) struct Factors {
    /// [T, V]
    residuals: Tensor,
    /// [T, D]
    states: Tensor,
}

impl Factors {
    /// Those of an answer after a prompt.
    pub(crate) fn of(subject: &Subject<'_>, prompt: &[u32], answer: &[u32]) -> Result<Self> {
        Self::from_states(subject, &subject.states(prompt, answer)?, answer)
    }

    /// From normalised final states [T, D] that predict the tokens.
    pub(crate) fn from_states(subject: &Subject<'_>, states: &Tensor, answer: &[u32]) -> Result<Self> {
        let logits = subject.model.snapshot.decoder().logits(states)?.detach();
        let most = logits.max_keepdim(D::Minus1)?;
        let weights = logits.broadcast_sub(&most)?.exp()?;
        let p = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
        let vocab = p.dim(1)?;
        let mut hot = vec![0f32; answer.len() * vocab];
        for (t, &id) in answer.iter().enumerate() {
            hot[t * vocab + id as usize] = 1.0;
        }
        let hot = Tensor::from_vec(hot, (answer.len(), vocab), p.device())?;
        Ok(Self { residuals: (hot - p)?.contiguous()?, states: states.detach().contiguous()? })
    }

    /// Inner products of the gradients of every token of one answer with every token of another, [T][U].
    pub(crate) fn products(&self, other: &Self) -> Result<Vec<Vec<f64>>> {
        let residuals = self.residuals.matmul(&other.residuals.t()?)?;
        let states = self.states.matmul(&other.states.t()?)?;
        Ok((residuals * states)?.to_dtype(DType::F64)?.to_vec2()?)
    }

    /// Squared length of the gradient of sum_t c_t ln p_t.
    pub(crate) fn squared_length(&self, coefficients: &[f64]) -> Result<f64> {
        let gram = self.products(self)?;
        let row = |(c, row): (&f64, &Vec<f64>)| c * row.iter().zip(coefficients).map(|(g, d)| g * d).sum::<f64>();
        Ok(coefficients.iter().zip(&gram).map(row).sum())
    }
}
