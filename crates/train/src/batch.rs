//! From token lists to packed rows and back: which rows a batch computes, which of them predict a token that counts, and
//! where that token stands in a [B, T] table.
//!
//! Nothing is padded before the head, a group's prompt is computed once for all its answers, and logits exist only for
//! rows that predict a counted token: never the whole [B, T, V].

use crate::Result;
use crate::rollout::{Answer, Reply};
use candle_core::{DType, Device, Tensor};
use clicker_lm::{Decoder, RowPlan, TokenScores};
use std::sync::Arc;

/// What follows a prompt: the policy's own tokens, and what a user said between them.
#[derive(Clone, Copy, Debug)]
pub struct Continuation<'a> {
    /// The policy's, of all turns one behind the other.
    pub ids: &'a [u32],
    /// The user's, in the order of their places.
    pub replies: &'a [Reply],
}

impl<'a> From<&'a [u32]> for Continuation<'a> {
    fn from(ids: &'a [u32]) -> Self {
        Self { ids, replies: &[] }
    }
}

impl<'a> From<&'a Answer> for Continuation<'a> {
    fn from(answer: &'a Answer) -> Self {
        Self { ids: &answer.ids, replies: &answer.replies }
    }
}

/// A packed batch and the predictions that it is trained on or scored by.
#[derive(Clone, Debug)]
pub struct Packed {
    ids: Vec<u32>,
    plan: Arc<RowPlan>,
    /// Row whose state predicts the token, one entry per counted token.
    rows: Vec<u32>,
    /// The token.
    targets: Vec<u32>,
    /// Counted tokens of every sequence (T_i), in order.
    lens: Vec<usize>,
}

impl Packed {
    /// Conversations; the tokens under the mask count. Gaps in a mask close up in the [B, T] table.
    #[must_use]
    pub fn conversations<'a>(sequences: impl IntoIterator<Item = (&'a [u32], &'a [bool])>) -> Self {
        let mut out = Self::empty();
        let mut plan = RowPlan::new();
        for (ids, mask) in sequences {
            // The last token predicts nothing, so its row is not computed.
            let rows = ids.len().saturating_sub(1);
            let start = plan.rows() as u32;
            plan.push_root(rows);
            out.ids.extend_from_slice(&ids[..rows]);
            let before = out.targets.len();
            for t in (1..ids.len()).filter(|&t| mask[t]) {
                out.rows.push(start + t as u32 - 1);
                out.targets.push(ids[t]);
            }
            out.lens.push(out.targets.len() - before);
        }
        out.plan = Arc::new(plan);
        out
    }

    /// Groups of answers: every answer's tokens count, those that a user said in between do not, and the prompt is shared.
    /// Sequences are ordered by group, then answer.
    ///
    /// # Errors
    /// None for plans that are built here.
    pub fn groups<'a, C: Into<Continuation<'a>>>(
        groups: impl IntoIterator<Item = (&'a [u32], Vec<C>)>,
    ) -> Result<Self> {
        let mut out = Self::empty();
        let mut plan = RowPlan::new();
        for (prompt, answers) in groups {
            let root = plan.push_root(prompt.len());
            let last = plan.rows() as u32 - 1;
            out.ids.extend_from_slice(prompt);
            for answer in answers {
                let Continuation { ids, replies } = answer.into();
                let start = plan.rows() as u32;
                let mut said = Vec::with_capacity(ids.len());
                let mut replies = replies.iter().peekable();
                for (t, &id) in ids.iter().enumerate() {
                    while let Some(reply) = replies.next_if(|reply| reply.at <= t) {
                        said.extend_from_slice(&reply.ids);
                    }
                    out.rows.push(if said.is_empty() { last } else { start + said.len() as u32 - 1 });
                    out.targets.push(id);
                    said.push(id);
                }
                // The last token predicts nothing, so its row is not computed.
                if let [begin @ .., _] = said.as_slice()
                    && !begin.is_empty()
                {
                    plan.push_continuation(root, begin.len())?;
                    out.ids.extend_from_slice(begin);
                }
                out.lens.push(ids.len());
            }
        }
        out.plan = Arc::new(plan);
        Ok(out)
    }

    fn empty() -> Self {
        Self { ids: Vec::new(), plan: Arc::default(), rows: Vec::new(), targets: Vec::new(), lens: Vec::new() }
    }

    /// Sequences (B).
    #[must_use]
    pub fn sequences(&self) -> usize {
        self.lens.len()
    }

    /// Counted tokens of every sequence.
    #[must_use]
    pub fn lens(&self) -> &[usize] {
        &self.lens
    }

    /// Counted tokens in all.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.targets.len()
    }

    /// Rows that a forward pass computes.
    #[must_use]
    pub fn computed_rows(&self) -> usize {
        self.ids.len()
    }

    /// The counted tokens, [N], on this device.
    ///
    /// # Errors
    /// Tensor arithmetic.
    pub fn targets(&self, device: &Device) -> Result<Tensor> {
        Ok(Tensor::new(self.targets.as_slice(), device)?)
    }

    /// Logits that predict the counted tokens, [N, V], where the model computes.
    ///
    /// # Errors
    /// Ids or positions that the model does not have.
    pub fn logits(&self, decoder: &Decoder) -> Result<Tensor> {
        Ok(decoder.logits(&self.states(decoder)?)?)
    }

    /// Normalised final states that predict the counted tokens, [N, D], where the model computes.
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub fn states(&self, decoder: &Decoder) -> Result<Tensor> {
        let hidden = decoder.hidden(&self.ids, &self.plan)?;
        Ok(hidden.index_select(&Tensor::new(self.rows.as_slice(), hidden.device())?, 0)?)
    }

    /// Log-probability, entropy and greedy hit of every counted token, [N]; the logits are never all there.
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub fn scores(&self, decoder: &Decoder) -> Result<TokenScores> {
        Ok(decoder.scores(&self.ids, &self.plan, &self.rows, &self.targets)?)
    }

    /// Log-probability of every counted token, [N]; differentiable.
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub fn logprobs(&self, decoder: &Decoder) -> Result<Tensor> {
        Ok(self.scores(decoder)?.logprobs)
    }

    /// Values per counted token [N] as a table [B, T], T the longest sequence, zeros beyond each end; differentiable.
    ///
    /// # Errors
    /// Tensor arithmetic.
    pub fn table(&self, values: &Tensor) -> Result<Tensor> {
        let width = self.lens.iter().copied().max().unwrap_or(0).max(1);
        let padded = Tensor::cat(&[values, &Tensor::zeros(1, values.dtype(), values.device())?], 0)?;
        let mut index = vec![self.targets.len() as u32; self.lens.len() * width];
        let mut next = 0;
        for (b, &len) in self.lens.iter().enumerate() {
            for t in 0..len {
                index[b * width + t] = next;
                next += 1;
            }
        }
        let index = Tensor::from_vec(index, self.lens.len() * width, values.device())?;
        Ok(padded.index_select(&index, 0)?.reshape((self.lens.len(), width))?)
    }

    /// 1 where a token stands, [B, T]; sequences for which `keep` is false are 0 throughout.
    ///
    /// # Errors
    /// Tensor arithmetic.
    pub fn mask(&self, keep: impl Fn(usize) -> bool) -> Result<Tensor> {
        let flat: Vec<f32> = self
            .lens
            .iter()
            .enumerate()
            .flat_map(|(b, &len)| std::iter::repeat_n(f32::from(u8::from(keep(b))), len))
            .collect();
        self.table(&Tensor::from_vec(flat, self.targets.len(), &Device::Cpu)?.to_dtype(DType::F32)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_turn_is_computed_and_not_learnt() {
        // Prompt 1 2, the policy says 10 11, the user 20 21, the policy 12, the user 22, the policy 13 14.
        let replies = [(2, vec![20, 21]), (3, vec![22])].map(|(at, ids)| Reply {
            at,
            ids,
            text: String::new(),
            answer: String::new(),
        });
        let ids = [10, 11, 12, 13, 14];
        let prompt: &[u32] = &[1, 2];
        let told = Continuation { ids: &ids, replies: &replies };
        let packed = Packed::groups([(prompt, vec![told, Continuation::from(&ids[..1])])]).unwrap();
        assert_eq!(packed.ids, [1, 2, 10, 11, 20, 21, 12, 22, 13]);
        assert_eq!(packed.targets, [10, 11, 12, 13, 14, 10]);
        // Each token is predicted by what stands before it, the user's last token where it begins a turn.
        let before: Vec<u32> = packed.rows.iter().map(|row| packed.ids[*row as usize]).collect();
        assert_eq!(before, [2, 10, 21, 22, 13, 2]);
        assert_eq!((packed.lens(), packed.plan.positions()), (&[5, 1][..], &[0, 1, 2, 3, 4, 5, 6, 7, 8][..]));
        // The same rows as a whole text with a mask.
        let whole = [1, 2, 10, 11, 20, 21, 12, 22, 13, 14];
        let mask = [0, 0, 1, 1, 0, 0, 1, 0, 1, 1].map(|m| m == 1);
        let masked = Packed::conversations([(&whole[..], &mask[..])]);
        assert_eq!((masked.rows.as_slice(), masked.targets.as_slice()), (&packed.rows[..5], &packed.targets[..5]));
    }
}
