//! One pass over packed rows, kept so that it can be gone back: states or scores out, gradients of all weights in return.

use super::attention::Attention;
use super::backward::{self, Gradients};
use super::forward::{self, Keep, Saved, Source, Work};
use super::head::{self, HeadGradients, Scores, Targets};
use super::pool::Buffer;
use super::weights::{LayerPanels, Slices};
use super::{Dense, Setting, rows};
use crate::{Result, RowPlan};
use candle_core::Tensor;
use std::sync::Arc;

/// A forward pass.
pub(super) struct Pass {
    model: Dense,
    plan: Arc<RowPlan>,
    ids: Vec<u32>,
    /// One entry a block; empty where nothing is to be gone back.
    saved: Vec<Saved>,
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

impl Pass {
    /// Compute; `ids` and the plan's positions have been checked.
    pub(super) fn forward(model: &Dense, ids: &[u32], plan: &Arc<RowPlan>) -> Result<Self> {
        let shape = model.shape;
        let mut last = model.pool.take(ids.len() * shape.width);
        let mut saved = Vec::new();
        let setting = model.setting(plan.positions());
        Slices::with(shape, &model.tensors, |w| {
            forward::embed(shape, w, ids, &mut last);
            let mut attention = Attention::new(shape, plan);
            let mut attend = |_: usize, qkv: &[f32], out: &mut [f32]| {
                attention.forward(qkv, out);
                Ok(())
            };
            let mut keep = if model.trains() { Keep::All(&mut saved) } else { Keep::Nothing };
            let mut work = Work::new(shape, ids.len(), &keep, &model.pool);
            let mut source = match model.frozen.get() {
                Some(panels) => Source::Frozen(&panels.layers),
                None => Source::Packing(LayerPanels::default()),
            };
            forward::blocks(setting, w, &mut source, &mut last, &mut keep, (&mut work, &model.pool), &mut attend)
        })?;
        Ok(Self { model: model.clone(), plan: plan.clone(), ids: ids.to_vec(), saved, last })
    }

    pub(super) fn tensors(&self) -> &[Tensor] {
        &self.model.tensors
    }

    /// Normalised final states, [N, D].
    pub(super) fn hidden(&self) -> Result<Vec<f32>> {
        let shape = self.model.shape;
        let mut out = vec![0f32; self.last.len()];
        Slices::with(shape, &self.model.tensors, |w| {
            rows::rms_norm(&self.last, w.norm, shape.eps, &mut out);
            Ok(())
        })?;
        Ok(out)
    }

    /// Scores of targets; they have been checked.
    pub(super) fn scores(&self, targets: Targets<'_>) -> Result<Scores> {
        let Dense { shape, tensors, pool, .. } = &self.model;
        Slices::with(*shape, tensors, |w| Ok(head::scores(*shape, w, &self.last, targets, pool)))
    }

    /// Gradients of all weights, in file order, given that of the output.
    pub(super) fn backward(&self, output: &Output, grad: &[f32]) -> Result<Vec<Vec<f32>>> {
        let Dense { shape, tensors, pool, .. } = &self.model;
        let tied = tensors.len() == shape.layers * super::weights::PER_LAYER + 2;
        let mut gradients = Gradients::zeros(*shape, tied);
        let mut dx = pool.take(self.last.len());
        dx.fill(0.0);
        Slices::with(*shape, tensors, |w| {
            match output {
                Output::Hidden => {
                    rows::rms_norm_backward(&self.last, w.norm, shape.eps, grad, &mut dx, &mut gradients.norm);
                }
                Output::Scores { rows, tokens } => {
                    let Gradients { embedding, norm, head, .. } = &mut gradients;
                    let head = head.as_mut().unwrap_or(embedding);
                    let mut out = HeadGradients { dx: &mut dx, head, norm };
                    head::backward(*shape, w, &self.last, (Targets { rows, tokens }, grad), &mut out, pool);
                }
            }
            let setting: Setting<'_> = self.model.setting(self.plan.positions());
            backward::blocks(setting, w, (&self.plan, &self.saved), &self.ids, &mut dx, &mut gradients, pool)
        })?;
        Ok(gradients.into_list())
    }
}
