//! Where a backward pass adds up what it finds: the gradient of every tensor that learns, and room for no other.

use super::Dense;
use super::adapter::{self, PairGradient};
use super::weights::{COMMON, Stored};
use crate::kernel::{Panels, Scratch, Store, View, multiply};
use candle_core::Tensor;

/// Gradients of all tensors, in the order of [`crate::ModelConfig::tensor_shapes`]. That of a matrix which does not learn is
/// empty and not computed; beside an adapter, that of the adapter stands in its place.
pub(super) struct Gradients {
    pub(super) embedding: Vec<f32>,
    pub(super) layers: Vec<LayerGradients>,
    pub(super) norm: Vec<f32>,
    /// None where the embedding is also the head.
    pub(super) head: Option<Vec<f32>>,
}

pub(super) struct LayerGradients {
    pub(super) attention_norm: Vec<f32>,
    pub(super) q: Matrix,
    pub(super) k: Matrix,
    pub(super) v: Matrix,
    pub(super) o: Matrix,
    pub(super) ffn_norm: Vec<f32>,
    pub(super) gate: Matrix,
    pub(super) up: Matrix,
    pub(super) down: Matrix,
    /// Biases of q, k and v, or norms of the heads of q and k; see [`super::family`].
    pub(super) family: Vec<Vec<f32>>,
}

/// Gradient of one matrix of a block.
pub(super) enum Matrix {
    /// Of the matrix itself, [out, in]; empty where it does not learn.
    Whole(Vec<f32>),
    /// Of what stands beside it.
    Pair(PairGradient),
}

impl Matrix {
    pub(super) fn learns(&self) -> bool {
        !matches!(self, Self::Whole(values) if values.is_empty())
    }

    /// Given rows dy [n, out] and x [n, in], the latter also packed, add what they give: dy^T x.
    pub(super) fn add(
        &mut self,
        weight: Stored<'_>,
        dy: View<'_>,
        (x, packed): (View<'_>, &Panels),
        (narrow, scratch): (&mut adapter::Work, &mut Scratch),
    ) {
        match (self, weight.pair()) {
            (Self::Whole(out), _) if out.is_empty() => {}
            (Self::Whole(out), _) => multiply(dy.turned(), packed, out, x.columns, Store::Add, scratch),
            (Self::Pair(own), Some(pair)) => own.add(pair, dy, (x, packed), narrow, scratch),
            (Self::Pair(_), None) => {}
        }
    }
}

impl LayerGradients {
    /// In file order.
    fn into_list(self) -> impl Iterator<Item = Matrix> {
        let Self { attention_norm, q, k, v, o, ffn_norm, gate, up, down, family } = self;
        let (attention_norm, ffn_norm) = (Matrix::Whole(attention_norm), Matrix::Whole(ffn_norm));
        [attention_norm, q, k, v, o, ffn_norm, gate, up, down].into_iter().chain(family.into_iter().map(Matrix::Whole))
    }
}

impl Gradients {
    /// Zeros for what learns in a model.
    pub(super) fn zeros(model: &Dense) -> Self {
        let shape = model.shape;
        let pair = |place: usize| model.pairs.as_ref().and_then(|pairs| pairs.at(place));
        let learns = |w: &Tensor| w.track_op() || w.rank() == 1;
        let whole = |w: &Tensor| vec![0f32; if learns(w) { w.elem_count() } else { 0 }];
        let mut rest = model.tensors.iter().enumerate();
        let mut next = || rest.next();
        let vector = |w: Option<(usize, &Tensor)>| w.map_or_else(Vec::new, |(_, w)| whole(w));
        let matrix = |w: Option<(usize, &Tensor)>| match w.and_then(|(place, _)| pair(place)) {
            Some(pair) => Matrix::Pair(PairGradient::zeros(pair)),
            None => Matrix::Whole(vector(w)),
        };
        let embedding = vector(next());
        let layers = (0..shape.layers)
            .map(|_| LayerGradients {
                attention_norm: vector(next()),
                q: matrix(next()),
                k: matrix(next()),
                v: matrix(next()),
                o: matrix(next()),
                ffn_norm: vector(next()),
                gate: matrix(next()),
                up: matrix(next()),
                down: matrix(next()),
                family: (COMMON..shape.per_layer()).map(|_| vector(next())).collect(),
            })
            .collect();
        Self { embedding, layers, norm: vector(next()), head: next().map(|w| vector(Some(w))) }
    }

    /// One list: of all tensors in file order, or, beside an adapter, of its A and B alone.
    pub(super) fn into_list(self, adapted: bool) -> Vec<Vec<f32>> {
        let Self { embedding, layers, norm, head } = self;
        let layers = layers.into_iter().flat_map(LayerGradients::into_list);
        let rest = std::iter::once(norm).chain(head).map(Matrix::Whole);
        let all = std::iter::once(Matrix::Whole(embedding)).chain(layers).chain(rest);
        let listed = all.flat_map(|matrix| match matrix {
            Matrix::Whole(values) => [(!adapted).then_some(values), None],
            Matrix::Pair(PairGradient { a, b }) => [Some(a), Some(b)],
        });
        listed.flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pairs;
    use super::*;
    use crate::lora::Adapter;
    use crate::ops::RopeTable;
    use crate::{Architecture, ModelConfig};
    use candle_core::{DType, Device};
    use clicker_wire::LoraSpec;
    use std::sync::Arc;

    #[test]
    fn beside_an_adapter_no_matrix_has_a_gradient_of_its_own() {
        let config = ModelConfig::uneven(Architecture::Qwen3, 37, false);
        let zeros = |(_, dims)| Tensor::zeros::<Vec<usize>>(dims, DType::F32, &Device::Cpu).unwrap();
        let tensors = config.tensor_shapes().into_iter().map(zeros).collect();
        let spec = LoraSpec { r: 3, target_modules: vec!["v_proj".into(), "down_proj".into()], ..LoraSpec::default() };
        let adapter = Adapter::new(&spec, &config, 1).unwrap();
        let model = Dense::new(&config, Arc::new(RopeTable::new(&config)), tensors);
        let model = model.adapted(Pairs::of(&config, &adapter));
        let gradients = Gradients::zeros(&model);
        assert!(gradients.embedding.is_empty() && gradients.head.as_ref().is_some_and(Vec::is_empty));
        for layer in &gradients.layers {
            for frozen in [&layer.q, &layer.k, &layer.o, &layer.gate, &layer.up] {
                assert!(!frozen.learns());
            }
            for adapted in [&layer.v, &layer.down] {
                assert!(matches!(adapted, Matrix::Pair(_)));
            }
        }
        let sizes: Vec<usize> = gradients.into_list(true).iter().map(Vec::len).collect();
        let pairs: Vec<usize> = adapter.pairs().iter().flat_map(|p| [p.a.elem_count(), p.b.elem_count()]).collect();
        assert_eq!(sizes, pairs);
    }
}
