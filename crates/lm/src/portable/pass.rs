//! A pass that can be gone back on a device whose memory is dear: of the way there only what went into each block is kept, and
//! each block is computed again with candle's automatic gradient, the last one first (arXiv 1604.06174). Logits exist for a
//! chunk of rows at a time. With `texts` in [`crate::PassMemory`], so many texts at a time are kept at all.

use super::grid::Grid;
use super::{Portable, layers};
use crate::{Result, RowPlan, strung};
use candle_core::{Tensor, Var};
use std::ops::Range;

/// Logits that exist at once: 256 MiB.
const LOGITS: usize = 1 << 26;

/// What somebody holds of a pass.
pub(super) enum Output {
    /// The normalised final states, [N, D].
    Hidden,
    /// ln p of tokens, [M]: the rows that predict them, and the tokens.
    Scores { rows: Vec<u32>, tokens: Vec<u32> },
}

/// Texts that are computed together.
pub(super) struct Part {
    /// Its rows of the plan.
    pub(super) rows: Range<usize>,
    pub(super) grid: Grid,
    /// What went into each block and what came out of the last, [G, D] each; none where it is computed again.
    pub(super) kept: Option<Vec<Tensor>>,
}

/// A pass.
pub(super) struct Pass {
    pub(super) model: Portable,
    pub(super) parts: Vec<Part>,
    pub(super) output: Output,
}

/// Predictions of one part that are computed together.
pub(super) struct Chunk {
    /// Where they stand among all.
    pub(super) places: Vec<u32>,
    /// Rows of the grid, [m].
    pub(super) rows: Tensor,
    /// Tokens, [m].
    pub(super) tokens: Tensor,
}

impl Part {
    /// The parts of a plan: all at once, or so many texts at a time.
    pub(super) fn cut(model: &Portable, ids: &[u32], plan: &RowPlan) -> Result<Vec<Self>> {
        let texts = model.memory.texts;
        let cut = texts > 0 && model.trains() && plan.is_grouped();
        let parts = if cut { plan.parts(texts) } else { vec![(0, plan.clone())] };
        let laid = parts.into_iter().map(|(start, plan)| {
            let rows = start..start + plan.rows();
            let grid = Grid::new(&ids[rows.clone()], &plan, &model.rope, &model.device)?;
            Ok(Self { rows, grid, kept: None })
        });
        laid.collect()
    }

    /// Its predictions among those of `rows`, in chunks.
    pub(super) fn chunks(&self, model: &Portable, rows: &[u32], tokens: &[u32]) -> Result<Vec<Chunk>> {
        let mine: Vec<u32> =
            (0..rows.len() as u32).filter(|&i| self.rows.contains(&(rows[i as usize] as usize))).collect();
        let chunks = mine.chunks((LOGITS / model.spec.vocab).max(1)).map(|places| {
            let start = self.rows.start as u32;
            let local = places.iter().map(|&i| rows[i as usize] - start);
            let tokens: Vec<u32> = places.iter().map(|&i| tokens[i as usize]).collect();
            Ok(Chunk {
                rows: self.grid.index(local, &model.device)?,
                tokens: Tensor::new(tokens, &model.device)?,
                places: places.to_vec(),
            })
        });
        chunks.collect()
    }
}

impl strung::Pass for Pass {
    fn weights(&self) -> &[Tensor] {
        &self.model.tensors
    }

    fn gradients(&self, grad: &Tensor) -> candle_core::Result<Vec<Option<Tensor>>> {
        let mut sums = Sums(vec![None; self.model.tensors.len()]);
        for part in &self.parts {
            self.back(part, grad, &mut sums).map_err(candle_core::Error::wrap)?;
        }
        Ok(sums.0)
    }
}

impl Pass {
    fn back(&self, part: &Part, grad: &Tensor, sums: &mut Sums) -> Result<()> {
        let model = &self.model;
        let states = match &part.kept {
            Some(states) => states.clone(),
            None => model.states(&part.grid, true)?,
        };
        let (last, inputs) = states.split_last().ok_or_else(|| model.empty())?;
        let mut dx = match &self.output {
            Output::Hidden => {
                let grad = grad.narrow(0, part.rows.start, part.rows.len())?;
                let (all, norm) = (part.grid.all(&model.device)?, model.norm_at());
                sums.of(&[norm], model, last, &grad, |w, x| {
                    Ok(layers::rms_norm(x, &w[0], model.spec.eps)?.index_select(&all, 0)?)
                })?
            }
            Output::Scores { rows, tokens } => {
                let mut dx = last.zeros_like()?;
                for chunk in part.chunks(model, rows, tokens)? {
                    let grad = grad.index_select(&Tensor::new(chunk.places.as_slice(), &model.device)?, 0)?;
                    let states = last.index_select(&chunk.rows, 0)?;
                    let own = sums.of(&[model.norm_at(), model.head_at()], model, &states, &grad, |w, x| {
                        Ok(layers::say(&layers::logits(&model.spec, &w[0], &w[1], x)?, &chunk.tokens)?.logprobs)
                    })?;
                    dx = dx.index_add(&chunk.rows, &own, 0)?;
                }
                dx
            }
        };
        for (layer, input) in inputs.iter().enumerate().rev() {
            let at: Vec<usize> = model.layer_at(layer).collect();
            dx = sums.of(&at, model, input, &dx, |w, x| model.block(w, x, &part.grid))?;
        }
        if model.tensors[0].track_op() {
            // Nothing is asked of x here: the table is the input.
            let table = Var::from_tensor(&model.tensors[0].detach())?;
            let out = layers::embed(table.as_tensor(), &part.grid.ids)?;
            let store = (out * dx)?.sum_all()?.backward()?;
            sums.add(0, store.get(table.as_tensor()))?;
        }
        Ok(())
    }
}

/// Gradients of all weights, added up.
struct Sums(Vec<Option<Tensor>>);

impl Sums {
    fn add(&mut self, at: usize, more: Option<&Tensor>) -> Result<()> {
        let Some(more) = more else { return Ok(()) };
        let sum = &mut self.0[at];
        *sum = Some(match sum.take() {
            Some(sum) => (sum + more)?,
            None => more.clone(),
        });
        Ok(())
    }

    /// Given the gradient of y = f(weights, x), add those of the weights `at` that learn and return that of x.
    fn of(
        &mut self,
        at: &[usize],
        model: &Portable,
        x: &Tensor,
        grad: &Tensor,
        f: impl Fn(&[Tensor], &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        // A graph of its own: copies stand for the weights, whatever those are made of.
        let own = Var::from_tensor(&x.detach())?;
        let weight = |&at: &usize| {
            let weight = &model.tensors[at];
            let var = weight.track_op().then(|| Var::from_tensor(&weight.detach())).transpose()?;
            Ok((var.as_ref().map_or_else(|| weight.detach(), |v| v.as_tensor().clone()), var))
        };
        let (weights, vars): (Vec<Tensor>, Vec<Option<Var>>) =
            at.iter().map(weight).collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let store = (f(&weights, own.as_tensor())? * grad)?.sum_all()?.backward()?;
        for (&at, var) in at.iter().zip(&vars) {
            self.add(at, var.as_ref().and_then(|var| store.get(var.as_tensor())))?;
        }
        Ok(match store.get(own.as_tensor()) {
            Some(dx) => dx.clone(),
            None => x.zeros_like()?,
        })
    }
}
