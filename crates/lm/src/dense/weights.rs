//! The weights of a dense model as slices, and packed for products in either direction.

use super::adapter::Pair;
use super::{Dense, Shape};
use crate::kernel::{Panels, View};
use crate::lora::LoraPair;
use crate::{Architecture, LmError, Result};
use candle_core::{CpuStorage, Layout, Storage, Tensor};
use half::bf16;
use std::borrow::Cow;

/// A matrix as it is stored, with the adapter that may stand beside it.
#[derive(Clone, Copy)]
pub(super) struct Stored<'a> {
    values: Values<'a>,
    pair: Option<Pair<'a>>,
}

#[derive(Clone, Copy)]
enum Values<'a> {
    Single(&'a [f32]),
    /// Half the memory; widened where it is used.
    Half(&'a [bf16]),
}

impl<'a> Stored<'a> {
    /// The same matrix beside an adapter.
    pub(super) fn adapted(self, pair: Pair<'a>) -> Self {
        Self { pair: Some(pair), ..self }
    }

    /// The adapter beside it.
    pub(super) fn pair(self) -> Option<Pair<'a>> {
        self.pair
    }

    /// All stored values, if they are f32.
    pub(super) fn singles(self) -> Option<&'a [f32]> {
        match self.values {
            Values::Single(values) => Some(values),
            Values::Half(_) => None,
        }
    }

    /// All values that it is computed with: W, or W + s B A.
    fn floats(self) -> Cow<'a, [f32]> {
        let mut floats = match self.values {
            Values::Single(values) => Cow::Borrowed(values),
            Values::Half(values) => Cow::Owned(values.iter().map(|x| x.to_f32()).collect()),
        };
        if let Some(pair) = self.pair {
            pair.add_to(floats.to_mut());
        }
        floats
    }

    /// `out.len()` stored values from `at` on.
    pub(super) fn copy_to(self, at: usize, out: &mut [f32]) {
        match self.values {
            Values::Single(values) => out.copy_from_slice(&values[at..at + out.len()]),
            Values::Half(values) => out.iter_mut().zip(&values[at..]).for_each(|(out, x)| *out = x.to_f32()),
        }
    }
}

/// W + s B A as a matrix of its own, of the very bits that a pass with the adapter computes with.
pub(crate) fn merged(base: &Tensor, pair: &LoraPair, scale: f32) -> Result<Tensor> {
    let tensors = [base.contiguous()?, pair.a.contiguous()?, pair.b.contiguous()?];
    let values = locked(&tensors, |all| {
        let pair = Pair::of([all[1], all[2]], &tensors[1..], scale)?;
        Ok(all[0].adapted(pair).floats().into_owned())
    })?;
    Ok(Tensor::from_vec(values, base.shape(), base.device())?)
}

/// Call `f` with the values of tensors in the processor's memory; they are locked for reading meanwhile.
fn locked<R>(tensors: &[Tensor], f: impl FnOnce(&[Stored<'_>]) -> Result<R>) -> Result<R> {
    let guards: Vec<_> = tensors.iter().map(Tensor::storage_and_layout).collect();
    let slices = guards.iter().map(|(storage, layout)| match &**storage {
        Storage::Cpu(cpu) => stored(cpu, layout),
        _ => Err(LmError::Shape { op: "weights", expected: "weights on the CPU".into(), got: "another device".into() }),
    });
    f(&slices.collect::<Result<Vec<_>>>()?)
}

/// All tensors of a model, in the order of [`crate::ModelConfig::tensor_shapes`], borrowed.
pub(super) struct Slices<'a> {
    pub(super) embedding: Stored<'a>,
    pub(super) layers: Vec<Layer<'a>>,
    pub(super) norm: &'a [f32],
    /// The embedding where both are one.
    pub(super) head: Stored<'a>,
}

/// One block; matrices are [out, in].
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) attention_norm: &'a [f32],
    pub(super) q: Stored<'a>,
    pub(super) k: Stored<'a>,
    pub(super) v: Stored<'a>,
    pub(super) o: Stored<'a>,
    pub(super) ffn_norm: &'a [f32],
    pub(super) gate: Stored<'a>,
    pub(super) up: Stored<'a>,
    pub(super) down: Stored<'a>,
    /// Of queries, keys and values (Qwen2).
    pub(super) biases: Option<[&'a [f32]; 3]>,
    /// Norms of every head of queries and of keys (Qwen3), [d] each.
    pub(super) head_norms: Option<[&'a [f32]; 2]>,
}

/// Tensors of one block that every family has.
pub(crate) const COMMON: usize = 9;

impl Shape {
    /// Tensors of one block.
    pub(super) fn per_layer(&self) -> usize {
        COMMON
            + match self.family {
                Architecture::Llama => 0,
                Architecture::Qwen2 => 3,
                Architecture::Qwen3 => 2,
            }
    }
}

impl<'a> Slices<'a> {
    /// Call `f` with the values of all tensors of a model; they are locked for reading meanwhile.
    pub(super) fn with<R>(model: &Dense, f: impl FnOnce(&Slices<'_>) -> Result<R>) -> Result<R> {
        locked(&model.tensors, |weights| match &model.pairs {
            None => f(&Slices::of(model.shape, weights)?),
            Some(pairs) => locked(pairs.tensors(), |values| {
                let mut weights = weights.to_vec();
                pairs.lay(values, &mut weights)?;
                f(&Slices::of(model.shape, &weights)?)
            }),
        })
    }

    fn of(shape: Shape, all: &[Stored<'a>]) -> Result<Self> {
        let per_layer = shape.per_layer();
        let missing = || LmError::Shape {
            op: "weights",
            expected: format!("{} tensors of {per_layer} a block", shape.layers * per_layer + 2),
            got: format!("{} tensors", all.len()),
        };
        let (blocks, rest) =
            all.get(1..).and_then(|all| all.split_at_checked(shape.layers * per_layer)).ok_or_else(missing)?;
        let layers = blocks.chunks_exact(per_layer).map(Layer::of).collect::<Result<_>>()?;
        let norm = vector(*rest.first().ok_or_else(missing)?)?;
        Ok(Self { embedding: all[0], layers, norm, head: *rest.get(1).unwrap_or(&all[0]) })
    }
}

impl<'a> Layer<'a> {
    /// The tensors of one block, in file order.
    fn of(all: &[Stored<'a>]) -> Result<Self> {
        let Some((&[attention_norm, q, k, v, o, ffn_norm, gate, up, down], more)) = all.split_first_chunk::<COMMON>()
        else {
            return Err(LmError::Shape {
                op: "weights",
                expected: format!("at least {COMMON} tensors a block"),
                got: format!("{}", all.len()),
            });
        };
        let (biases, head_norms) = match *more {
            [q, k, v] => (Some([vector(q)?, vector(k)?, vector(v)?]), None),
            [q, k] => (None, Some([vector(q)?, vector(k)?])),
            _ => (None, None),
        };
        let (attention_norm, ffn_norm) = (vector(attention_norm)?, vector(ffn_norm)?);
        Ok(Self { attention_norm, q, k, v, o, ffn_norm, gate, up, down, biases, head_norms })
    }
}

fn stored<'a>(cpu: &'a CpuStorage, layout: &Layout) -> Result<Stored<'a>> {
    let CpuStorage::BF16(values) = cpu else {
        let values = Values::Single(crate::ops::slice(cpu, layout, "weights")?);
        return Ok(Stored { values, pair: None });
    };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(Stored { values: Values::Half(&values[start..end]), pair: None }),
        None => Err(LmError::Shape {
            op: "weights",
            expected: "contiguous weights".into(),
            got: format!("strides {:?}", layout.stride()),
        }),
    }
}

/// Vectors are few and stay f32 (see [`crate::Weights::halved`]).
fn vector(stored: Stored<'_>) -> Result<&[f32]> {
    stored.singles().ok_or_else(|| LmError::Shape {
        op: "weights",
        expected: "norms and biases in f32".into(),
        got: "bf16".into(),
    })
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
        fn turned(w: &[f32], inputs: usize, outputs: usize) -> View<'_> {
            View::new(w, outputs, inputs).turned()
        }
        let (d, f) = (shape.width, shape.ffn);
        let [q, k, v, o] = [w.q, w.k, w.v, w.o].map(Stored::floats);
        let qkv = [turned(&q, d, shape.q), turned(&k, d, shape.kv), turned(&v, d, shape.kv)];
        self.qkv.pack_beside(qkv.into_iter());
        self.o.pack(turned(&o, shape.q, d));
        let [gate, up, down] = [w.gate, w.up, w.down].map(Stored::floats);
        self.gate_up.pack_beside([turned(&gate, d, f), turned(&up, d, f)].into_iter());
        self.down.pack(turned(&down, f, d));
    }

    /// For the backward pass: dx = dy W.
    pub(super) fn pack_backward(&mut self, shape: Shape, w: &Layer<'_>) {
        let (d, f) = (shape.width, shape.ffn);
        let [q, k, v, o] = [w.q, w.k, w.v, w.o].map(Stored::floats);
        let qkv = [View::new(&q, shape.q, d), View::new(&k, shape.kv, d), View::new(&v, shape.kv, d)];
        self.qkv.pack_below(qkv.into_iter());
        self.o.pack(View::new(&o, d, shape.q));
        let [gate, up, down] = [w.gate, w.up, w.down].map(Stored::floats);
        self.gate_up.pack_below([View::new(&gate, f, d), View::new(&up, f, d)].into_iter());
        self.down.pack(View::new(&down, d, f));
    }
}

/// The head packed for the forward pass: logits = h W^T.
pub(super) fn head_forward(shape: Shape, w: &Slices<'_>) -> Panels {
    let mut head = Panels::default();
    head.pack(View::new(&w.head.floats(), shape.vocab, shape.width).turned());
    head
}

/// The head packed for the backward pass: dh = dlogits W.
pub(super) fn head_backward(shape: Shape, w: &Slices<'_>) -> Panels {
    let mut head = Panels::default();
    head.pack(View::new(&w.head.floats(), shape.vocab, shape.width));
    head
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
        Self { layers, head: head_forward(shape, w) }
    }
}
