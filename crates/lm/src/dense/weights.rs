//! The weights of a dense model as slices, and packed for products in either direction.

use super::Shape;
use crate::kernel::{Panels, View};
use crate::{LmError, Result};
use candle_core::Tensor;

/// All tensors of a model, in the order of [`crate::ModelConfig::tensor_shapes`], borrowed.
pub(super) struct Slices<'a> {
    pub(super) embedding: &'a [f32],
    pub(super) layers: Vec<Layer<'a>>,
    pub(super) norm: &'a [f32],
    /// The embedding where both are one.
    pub(super) head: &'a [f32],
}

/// One block; matrices are [out, in].
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) attention_norm: &'a [f32],
    pub(super) q: &'a [f32],
    pub(super) k: &'a [f32],
    pub(super) v: &'a [f32],
    pub(super) o: &'a [f32],
    pub(super) ffn_norm: &'a [f32],
    pub(super) gate: &'a [f32],
    pub(super) up: &'a [f32],
    pub(super) down: &'a [f32],
}

/// Tensors of one block.
pub(super) const PER_LAYER: usize = 9;

impl<'a> Slices<'a> {
    /// Call `f` with the values of all tensors; they are locked for reading meanwhile.
    pub(super) fn with<R>(shape: Shape, tensors: &[Tensor], f: impl FnOnce(&Slices<'_>) -> Result<R>) -> Result<R> {
        let guards: Vec<_> = tensors.iter().map(Tensor::storage_and_layout).collect();
        let slices = guards
            .iter()
            .map(|(storage, layout)| match &**storage {
                candle_core::Storage::Cpu(cpu) => Ok(crate::ops::slice(cpu, layout, "weights")?),
                _ => Err(LmError::Shape {
                    op: "weights",
                    expected: "weights on the CPU".into(),
                    got: "another device".into(),
                }),
            })
            .collect::<Result<Vec<&[f32]>>>()?;
        f(&Slices::of(shape, &slices)?)
    }

    fn of(shape: Shape, all: &[&'a [f32]]) -> Result<Self> {
        let missing = || LmError::Shape {
            op: "weights",
            expected: format!("{} tensors of {PER_LAYER} a block", shape.layers * PER_LAYER + 2),
            got: format!("{} tensors", all.len()),
        };
        let (blocks, rest) =
            all.get(1..).and_then(|all| all.split_at_checked(shape.layers * PER_LAYER)).ok_or_else(missing)?;
        let layers = blocks
            .as_chunks::<PER_LAYER>()
            .0
            .iter()
            .map(|&[attention_norm, q, k, v, o, ffn_norm, gate, up, down]| Layer {
                attention_norm,
                q,
                k,
                v,
                o,
                ffn_norm,
                gate,
                up,
                down,
            })
            .collect();
        let norm = rest.first().ok_or_else(missing)?;
        Ok(Self { embedding: all[0], layers, norm, head: rest.get(1).unwrap_or(&all[0]) })
    }
}

/// One block's matrices packed for products with rows.
#[derive(Debug, Default)]
pub(super) struct LayerPanels {
    pub(super) qkv: Panels,
    pub(super) o: Panels,
    pub(super) gate_up: Panels,
    pub(super) down: Panels,
}

impl LayerPanels {
    /// For the forward pass: y = x W^T.
    pub(super) fn pack_forward(&mut self, shape: Shape, w: &Layer<'_>) {
        let turned = |w, inputs: usize, outputs: usize| View::new(w, outputs, inputs).turned();
        let (d, f) = (shape.width, shape.ffn);
        let qkv = [turned(w.q, d, shape.q), turned(w.k, d, shape.kv), turned(w.v, d, shape.kv)];
        self.qkv.pack_beside(qkv.into_iter());
        self.o.pack(turned(w.o, shape.q, d));
        self.gate_up.pack_beside([turned(w.gate, d, f), turned(w.up, d, f)].into_iter());
        self.down.pack(turned(w.down, f, d));
    }

    /// For the backward pass: dx = dy W.
    pub(super) fn pack_backward(&mut self, shape: Shape, w: &Layer<'_>) {
        let (d, f) = (shape.width, shape.ffn);
        let qkv = [View::new(w.q, shape.q, d), View::new(w.k, shape.kv, d), View::new(w.v, shape.kv, d)];
        self.qkv.pack_below(qkv.into_iter());
        self.o.pack(View::new(w.o, d, shape.q));
        self.gate_up.pack_below([View::new(w.gate, f, d), View::new(w.up, f, d)].into_iter());
        self.down.pack(View::new(w.down, d, f));
    }
}

/// All blocks and the head packed for the forward pass.
#[derive(Debug)]
pub(super) struct ModelPanels {
    pub(super) layers: Vec<LayerPanels>,
    pub(super) head: Panels,
}

impl ModelPanels {
    pub(super) fn pack(shape: Shape, w: &Slices<'_>) -> Self {
        let layers = w
            .layers
            .iter()
            .map(|layer| {
                let mut panels = LayerPanels::default();
                panels.pack_forward(shape, layer);
                panels
            })
            .collect();
        let mut head = Panels::default();
        head.pack(View::new(w.head, shape.vocab, shape.width).turned());
        Self { layers, head }
    }
}
