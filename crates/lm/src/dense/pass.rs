//! One pass over packed rows, kept so that it can be gone back: states or scores out, gradients of all weights in return.

use super::attention::Attention;
use super::backward;
use super::forward::{self, Keep, Source, Work};
use super::gradients::Gradients;
use super::head::{self, HeadGradients, Scores, Targets};
use super::pool::Buffer;
use super::record::Rows;
use super::weights::{LayerPanels, Slices};
use super::{Dense, rows};
use crate::{Result, RowPlan, strung};
use candle_core::Tensor;
use std::borrow::Cow;
use std::sync::Arc;

/// A forward pass.
pub(super) struct Pass {
    model: Dense,
    plan: Arc<RowPlan>,
    ids: Vec<u32>,
    kept: Keep,
    /// Residual stream after the last block, [N, D].
    last: Buffer,
}

/// What of a pass a gradient is given for.
pub(super) enum Output {
    /// The normalised final states, [N, D].
    Hidden,
    /// ln p of tokens: the rows that predict them, and the tokens.
    Scores { rows: Vec<u32>, tokens: Vec<u32> },
}

impl Output {
    /// What of it, and of its gradient, belongs to rows `start..start + len` of width `d`.
    fn part<'a>(&self, grad: &'a [f32], start: usize, len: usize, d: usize) -> (Self, Cow<'a, [f32]>) {
        match self {
            Self::Hidden => (Self::Hidden, Cow::Borrowed(&grad[start * d..(start + len) * d])),
            Self::Scores { rows, tokens } => {
                let mine = rows.iter().zip(tokens).zip(grad);
                let mine = mine.filter(|((row, _), _)| (start..start + len).contains(&(**row as usize)));
                let mut own = (Vec::new(), Vec::new(), Vec::new());
                for ((row, token), g) in mine {
                    own.0.push(row - start as u32);
                    own.1.push(*token);
                    own.2.push(*g);
                }
                (Self::Scores { rows: own.0, tokens: own.1 }, Cow::Owned(own.2))
            }
        }
    }
}

/// A pass with what of it somebody holds.
pub(super) struct Kept {
    pub(super) pass: Pass,
    pub(super) output: Output,
}

impl strung::Pass for Kept {
    fn weights(&self) -> &[Tensor] {
        self.pass.model.learning()
    }

    fn gradients(&self, grad: &Tensor) -> candle_core::Result<Vec<Option<Tensor>>> {
        let all = crate::ops::with_slice(grad, "decoder", |grad| self.pass.backward(&self.output, grad))?
            .map_err(candle_core::Error::wrap)?;
        let tensor = |(values, weight): (Vec<f32>, &Tensor)| {
            weight.track_op().then(|| Tensor::from_vec(values, weight.shape(), weight.device())).transpose()
        };
        all.into_iter().zip(self.weights()).map(tensor).collect()
    }
}

impl Pass {
    /// Compute; `ids` and the plan's positions have been checked.
    pub(super) fn forward(model: &Dense, ids: &[u32], plan: &Arc<RowPlan>) -> Result<Self> {
        // What is kept a part at a time is computed again for each part.
        let keep = if Self::parts(model, plan).is_some() { Keep::Nothing } else { model.keep() };
        Self::keeping(model, ids, plan, keep)
    }

    /// A pass whose forward half has been computed: the rows are those of these ids.
    pub(super) fn recorded(model: &Dense, ids: &[u32], plan: &Arc<RowPlan>, rows: Rows) -> Self {
        let Rows { saved, last } = rows;
        Self { model: model.clone(), plan: plan.clone(), ids: ids.to_vec(), kept: Keep::All(saved), last }
    }

    fn keeping(model: &Dense, ids: &[u32], plan: &Arc<RowPlan>, mut keep: Keep) -> Result<Self> {
        let shape = model.shape;
        let mut last = model.pool.take(ids.len() * shape.width);
        let setting = model.setting(plan.positions());
        Slices::with(model, |w| {
            forward::embed(shape, w, ids, &mut last);
            let mut attention = Attention::new(shape, plan);
            let mut attend = |_: usize, qkv: &[f32], out: &mut [f32]| {
                attention.forward(qkv, out);
                Ok(())
            };
            let mut work = Work::new(shape, ids.len(), &model.pool);
            let mut source = match model.frozen.get() {
                Some(panels) => Source::Frozen(&panels.layers),
                None => Source::Packing(LayerPanels::default()),
            };
            forward::blocks(setting, w, &mut source, &mut last, &mut keep, (&mut work, &model.pool), &mut attend)
        })?;
        Ok(Self { model: model.clone(), plan: plan.clone(), ids: ids.to_vec(), kept: keep, last })
    }

    /// The parts that are kept one after the other; none where the pass is kept as a whole.
    fn parts(model: &Dense, plan: &RowPlan) -> Option<Vec<(usize, RowPlan)>> {
        let texts = model.memory.texts;
        (texts > 0 && model.trains() && plan.is_grouped()).then(|| plan.parts(texts)).filter(|parts| parts.len() > 1)
    }

    /// Normalised final states, [N, D].
    pub(super) fn hidden(&self) -> Result<Vec<f32>> {
        let shape = self.model.shape;
        let mut out = vec![0f32; self.last.len()];
        Slices::with(&self.model, |w| {
            rows::rms_norm(&self.last, w.norm, shape.eps, &mut out);
            Ok(())
        })?;
        Ok(out)
    }

    /// Scores of targets; they have been checked.
    pub(super) fn scores(&self, targets: Targets<'_>) -> Result<Scores> {
        let Dense { shape, pool, .. } = &self.model;
        Slices::with(&self.model, |w| Ok(head::scores(*shape, w, &self.last, targets, pool)))
    }

    /// Gradients of what learns, in the order of [`Dense::learning`], given that of the output; empty for matrices that do not.
    fn backward(&self, output: &Output, grad: &[f32]) -> Result<Vec<Vec<f32>>> {
        let model = &self.model;
        let mut gradients = Gradients::zeros(model);
        match Self::parts(model, &self.plan) {
            None => self.add_gradients(output, grad, &mut gradients)?,
            Some(parts) => {
                for (start, plan) in parts {
                    let (output, grad) = output.part(grad, start, plan.rows(), model.shape.width);
                    let ids = &self.ids[start..start + plan.rows()];
                    let again = Self::keeping(model, ids, &Arc::new(plan), model.keep())?;
                    again.add_gradients(&output, &grad, &mut gradients)?;
                }
            }
        }
        Ok(gradients.into_list(model.pairs.is_some()))
    }

    fn add_gradients(&self, output: &Output, grad: &[f32], gradients: &mut Gradients) -> Result<()> {
        let Dense { shape, pool, .. } = &self.model;
        let mut dx = pool.take(self.last.len());
        dx.fill(0.0);
        Slices::with(&self.model, |w| {
            match output {
                Output::Hidden => {
                    rows::rms_norm_backward(&self.last, w.norm, shape.eps, grad, &mut dx, &mut gradients.norm);
                }
                Output::Scores { rows, tokens } => {
                    let Gradients { embedding, norm, head, .. } = &mut *gradients;
                    let head = head.as_mut().unwrap_or(embedding);
                    let mut out = HeadGradients { dx: &mut dx, head, norm };
                    head::backward(*shape, w, &self.last, (Targets { rows, tokens }, grad), &mut out, pool);
                }
            }
            let setting = self.model.setting(self.plan.positions());
            backward::blocks(setting, w, (&self.plan, &self.kept), &self.ids, &mut dx, gradients, pool)
        })
    }
}
