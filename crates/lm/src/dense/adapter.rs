//! Adapters in the dense decoder. W + s B A is made where a block's weights are packed and is gone with the block; the gradients
//! of A and B come straight from the rows on both sides of the matrix, so that one of W never exists. Knows no files and no
//! specification.

use super::CHUNK;
use super::weights::Stored;
use crate::kernel::{Panels, Scratch, Store, View, multiply};
use crate::lora::Adapter;
use crate::{LmError, ModelConfig, Result};
use candle_core::Tensor;

/// The adapter of a model. Cloning shares its tensors, which may be changed in place between passes.
#[derive(Clone, Debug)]
pub(crate) struct Pairs {
    /// Where the adapted matrices stand among the tensors of the model, in that order.
    places: Vec<usize>,
    /// A [r, in] and B [out, r] of each, one after the other.
    tensors: Vec<Tensor>,
    /// s
    scale: f32,
}

impl Pairs {
    /// The tensors of an adapter that fits the model.
    pub(crate) fn of(config: &ModelConfig, adapter: &Adapter) -> Self {
        let (mut places, mut tensors) = (Vec::new(), Vec::new());
        for (place, (name, _)) in config.tensor_shapes().into_iter().enumerate() {
            if let Some(pair) = adapter.pair(&name) {
                places.push(place);
                tensors.extend([pair.a.clone(), pair.b.clone()]);
            }
        }
        Self { places, tensors, scale: adapter.spec().scale() as f32 }
    }

    /// A and B of every adapted matrix, one after the other, in the order of the model's tensors.
    pub(super) fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Which pair belongs to the tensor that stands there.
    pub(super) fn at(&self, place: usize) -> Option<&[Tensor]> {
        let index = self.places.binary_search(&place).ok()?;
        self.tensors.get(2 * index..2 * index + 2)
    }

    /// Put slices of the pairs, in the order of [`Self::tensors`], beside those of the model's tensors.
    pub(super) fn lay<'a>(&self, pairs: &[Stored<'a>], weights: &mut [Stored<'a>]) -> Result<()> {
        let dims = self.tensors.chunks_exact(2);
        for ((&place, pair), tensors) in self.places.iter().zip(pairs.chunks_exact(2)).zip(dims) {
            let pair = Pair::of([pair[0], pair[1]], tensors, self.scale)?;
            weights[place] = weights[place].adapted(pair);
        }
        Ok(())
    }
}

/// A [r, in] and B [out, r] beside one matrix [out, in].
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    a: &'a [f32],
    b: &'a [f32],
    rank: usize,
    inputs: usize,
    scale: f32,
}

impl<'a> Pair<'a> {
    /// The values of A and of B, whose dimensions `tensors` have.
    pub(super) fn of([a, b]: [Stored<'a>; 2], tensors: &[Tensor], scale: f32) -> Result<Self> {
        let ([rank, inputs], Some(a), Some(b)) = (tensors[0].dims(), a.singles(), b.singles()) else {
            return Err(LmError::Shape {
                op: "adapter",
                expected: "matrices A and B in f32".into(),
                got: format!("{:?} and {:?}", tensors[0].shape(), tensors[1].shape()),
            });
        };
        Ok(Self { a, b, rank: *rank, inputs: *inputs, scale })
    }

    /// w [out, in] += s B A.
    pub(super) fn add_to(&self, w: &mut [f32]) {
        let (mut a, mut scratch) = (Panels::default(), Scratch::default());
        a.pack(View::new(self.a, self.rank, self.inputs));
        let mut product = vec![0f32; w.len().min(CHUNK * self.inputs)];
        for (w, b) in w.chunks_mut(CHUNK * self.inputs).zip(self.b.chunks(CHUNK * self.rank)) {
            let b = View::new(b, w.len() / self.inputs, self.rank);
            multiply(b, &a, &mut product, self.inputs, Store::Set, &mut scratch);
            for (w, x) in w.iter_mut().zip(&product) {
                *w += x * self.scale;
            }
        }
    }
}

/// Working space for gradients of pairs.
#[derive(Default)]
pub(super) struct Work {
    panels: Panels,
    /// [n, r]
    rows: Vec<f32>,
}

/// Gradients of A [r, in] and of B [out, r].
pub(super) struct PairGradient {
    pub(super) a: Vec<f32>,
    pub(super) b: Vec<f32>,
}

impl PairGradient {
    /// Zeros for A and B.
    pub(super) fn zeros(pair: &[Tensor]) -> Self {
        let zeros = |at: usize| vec![0f32; pair.get(at).map_or(0, Tensor::elem_count)];
        Self { a: zeros(0), b: zeros(1) }
    }

    /// Of y = x W^T + s (x A^T) B^T, given dy [n, out] and x [n, in], also packed: dB += dy^T (s x A^T), dA += (s dy B)^T x.
    pub(super) fn add(
        &mut self,
        pair: Pair<'_>,
        dy: View<'_>,
        (x, packed): (View<'_>, &Panels),
        work: &mut Work,
        scratch: &mut Scratch,
    ) {
        let Pair { a, b, rank, inputs, scale } = pair;
        let (n, outputs) = (x.rows, dy.columns);
        let Work { panels, rows } = work;
        rows.resize(n * rank, 0.0);
        panels.pack(View::new(a, rank, inputs).turned());
        multiply(x, panels, rows, rank, Store::Set, scratch);
        rows.iter_mut().for_each(|x| *x *= scale);
        panels.pack(View::new(rows, n, rank));
        multiply(dy.turned(), panels, &mut self.b, rank, Store::Add, scratch);
        panels.pack(View::new(b, outputs, rank));
        multiply(dy, panels, rows, rank, Store::Set, scratch);
        rows.iter_mut().for_each(|x| *x *= scale);
        multiply(View::new(rows, n, rank).turned(), packed, &mut self.a, inputs, Store::Add, scratch);
    }
}
