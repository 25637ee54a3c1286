//! Low-rank adapters beside the engine's frozen weights: y += scale * B (A x), computed row by row and never merged. So switching
//! one is changing a pointer, a share between base and adapter costs nothing, and one batch may hold rows of different adapters.
//!
//! Knows no files; see [`crate::weights::StoredAdapter`].

use super::Engine;
use crate::weights::StoredAdapter;
use crate::{LmError, Result};
use clicker_kernels::{Activations, KernelError, Matrix, vector};
use std::ops::Range;
use std::sync::Arc;

/// An adapter as the kernels take it.
#[derive(Debug)]
pub struct EngineAdapter {
    /// [layer][part]
    layers: Vec<[Option<Pair>; PARTS]>,
}

#[derive(Debug)]
struct Pair {
    /// [r, in]
    a: Matrix,
    /// [out, r], rows as the model's file orders them.
    b: Matrix,
    scale: f32,
}

/// The matrices of a layer that may have an adapter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Q,
    K,
    V,
    O,
    Gate,
    Up,
    Down,
}

const PARTS: usize = 7;

/// Ends of their names, in the same order.
const MODULES: [&str; PARTS] = clicker_wire::LORA_TARGETS;

/// An adapter and how much of it: 0 is the base, 1 the adapter as it was trained.
#[derive(Clone, Debug)]
pub struct Adaptation {
    /// The adapter.
    pub adapter: Arc<EngineAdapter>,
    /// Its share.
    pub share: f32,
}

impl Adaptation {
    /// Whether rows under the one compute what rows under the other do.
    #[must_use]
    pub fn same(a: Option<&Self>, b: Option<&Self>) -> bool {
        match (a.filter(|a| a.share != 0.0), b.filter(|b| b.share != 0.0)) {
            (None, None) => true,
            (Some(a), Some(b)) => a.share == b.share && Arc::ptr_eq(&a.adapter, &b.adapter),
            _ => false,
        }
    }
}

/// Neighbouring rows of a batch that compute with the same adapter.
#[derive(Debug)]
pub(super) struct Run {
    rows: Range<usize>,
    with: Adaptation,
}

/// The runs among rows that come with or without an adaptation.
pub(super) fn runs<'a>(rows: impl Iterator<Item = Option<&'a Adaptation>>) -> Vec<Run> {
    let mut out: Vec<Run> = Vec::new();
    for (row, with) in rows.enumerate().filter_map(|(row, with)| Some((row, with.filter(|w| w.share != 0.0)?))) {
        match out.last_mut() {
            Some(run) if run.rows.end == row && Adaptation::same(Some(&run.with), Some(with)) => run.rows.end += 1,
            _ => out.push(Run { rows: row..row + 1, with: with.clone() }),
        }
    }
    out
}

/// Buffers of [`add`].
#[derive(Debug, Default)]
pub(super) struct Low {
    /// share * scale * A x, [n, r].
    inner: Activations,
    /// B of that, [n, out].
    outer: Vec<f32>,
}

/// Add what the runs' adapters say of one matrix to its product: x [N, in], `out` [N, out].
pub(super) fn add(runs: &[Run], layer: usize, part: Part, x: &Activations, low: &mut Low, out: &mut [f32]) {
    for Run { rows, with } in runs {
        let Some(pair) = &with.adapter.layers[layer][part as usize] else { continue };
        let n = rows.len();
        low.inner.resize(n, pair.a.rows());
        pair.a.product_of(x, rows.clone(), &mut low.inner.floats);
        let by = pair.scale * with.share;
        low.inner.floats.iter_mut().for_each(|v| *v *= by);
        if pair.b.is_in_blocks() {
            low.inner.round_all();
        }
        pair.b.product(&low.inner, &mut low.outer);
        let width = pair.b.rows();
        vector::add(&mut out[rows.start * width..rows.end * width], &low.outer);
    }
}

impl EngineAdapter {
    /// Bytes as they lie in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.layers.iter().flatten().flatten().map(|pair| pair.a.bytes() + pair.b.bytes()).sum()
    }
}

impl Engine {
    /// Lay an adapter of this model out for the kernels.
    ///
    /// # Errors
    /// It was read for another model, or holds what is no finite number.
    pub fn adapter(&self, stored: &StoredAdapter) -> Result<EngineAdapter> {
        let mut layers: Vec<[Option<Pair>; PARTS]> = Vec::new();
        layers.resize_with(self.config.layers, || [const { None }; PARTS]);
        for pair in &stored.pairs {
            let place = place(&pair.name).filter(|(layer, _)| *layer < layers.len());
            let Some((layer, part)) = place else {
                return Err(LmError::Config(format!("the adapter changes `{}`, which this model lacks", pair.name)));
            };
            let layout = |half: &str, tensor: &crate::weights::StoredTensor, data: &[u8]| -> Result<Matrix> {
                let mut matrix = Matrix::new(tensor.kind, tensor.dims[0], tensor.dims[1]);
                let named = |error: KernelError| LmError::file(format!("{} ({half})", pair.name), error.to_string());
                matrix.push_rows(data).map_err(named)?;
                Ok(matrix)
            };
            layers[layer][part] = Some(Pair {
                a: layout("lora_A", &pair.a, &pair.a.data)?,
                b: layout("lora_B", &pair.b, &pair.b_of_file(&self.config))?,
                scale: pair.scale,
            });
        }
        Ok(EngineAdapter { layers })
    }
}

/// Layer and part of a matrix by its Hugging Face name.
fn place(name: &str) -> Option<(usize, usize)> {
    let (layer, module) = name.strip_prefix("model.layers.")?.strip_suffix(".weight")?.split_once('.')?;
    let module = module.rsplit('.').next()?;
    Some((layer.parse().ok()?, MODULES.iter().position(|m| *m == module)?))
}
