//! Rotary positions (arXiv 2104.09864) in the half-split form that Hugging Face checkpoints use: dimension i of a head
//! turns together with dimension i + d/2 by the angle position * frequency_i.

use super::{slice, with_slice};
use crate::{ModelConfig, RopeScaling};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use std::sync::Arc;

/// Cosines and sines for every position of the context, [context, d/2] each.
#[derive(Debug)]
pub struct RopeTable {
    cos: Vec<f32>,
    sin: Vec<f32>,
    half: usize,
}

/// Longest table that is built: 128 Ki positions of 128-wide heads are 64 MiB.
const MAX_POSITIONS: usize = 131_072;

impl RopeTable {
    /// The table of a model. Angles are computed in f64 and rounded once.
    #[must_use]
    pub fn new(config: &ModelConfig) -> Self {
        let half = config.head_dim / 2;
        let frequencies = frequencies(config);
        let positions = config.context.min(MAX_POSITIONS);
        let mut table =
            Self { cos: Vec::with_capacity(positions * half), sin: Vec::with_capacity(positions * half), half };
        for position in 0..positions {
            for f in &frequencies {
                let angle = position as f64 * f;
                table.cos.push(angle.cos() as f32);
                table.sin.push(angle.sin() as f32);
            }
        }
        table
    }

    /// Cosines and sines of these positions, [positions, d/2] each.
    pub(crate) fn rows(&self, positions: &[u32]) -> Result<(Vec<f32>, Vec<f32>)> {
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for &position in positions {
            let at = position as usize * self.half;
            let (Some(c), Some(s)) = (self.cos.get(at..at + self.half), self.sin.get(at..at + self.half)) else {
                candle_core::bail!("rope: position {position} is beyond the model's context of {}", self.positions());
            };
            cos.extend_from_slice(c);
            sin.extend_from_slice(s);
        }
        Ok((cos, sin))
    }

    /// Positions that the table covers.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.cos.len() / self.half
    }
}

/// Radians per position of every pair of dimensions, [d/2].
#[must_use]
pub fn frequencies(config: &ModelConfig) -> Vec<f64> {
    let half = config.head_dim / 2;
    (0..half)
        .map(|i| f64::from(config.rope_theta).powf(-(i as f64) / half as f64))
        .map(|f| stretched(f, config.rope_scaling))
        .collect()
}

fn stretched(frequency: f64, scaling: RopeScaling) -> f64 {
    match scaling {
        RopeScaling::None => frequency,
        RopeScaling::Linear(factor) => frequency / f64::from(factor),
        RopeScaling::Llama3 { factor, low, high, original } => {
            let (factor, low, high, original) =
                (f64::from(factor), f64::from(low), f64::from(high), f64::from(original));
            let wavelength = 2.0 * std::f64::consts::PI / frequency;
            if wavelength < original / high {
                frequency
            } else if wavelength > original / low {
                frequency / factor
            } else {
                let smooth = (original / wavelength - low) / (high - low);
                (1.0 - smooth) * frequency / factor + smooth * frequency
            }
        }
    }
}

/// Turn every head of `x` [N, heads * d] by its row's position; `positions` has N entries.
///
/// # Errors
/// A position beyond the table, a width that is no multiple of the head, or tensors that are not f32 on the CPU.
pub fn rope(x: &Tensor, positions: &Arc<[u32]>, table: &Arc<RopeTable>) -> Result<Tensor> {
    x.apply_op1(Rope { positions: positions.clone(), table: table.clone() })
}

struct Rope {
    positions: Arc<[u32]>,
    table: Arc<RopeTable>,
}

/// [`rope`] of plain rows of `width` values: 1 turns forward, -1 back.
fn rope_rows(x: &[f32], width: usize, positions: &[u32], table: &RopeTable, direction: f32) -> Result<Vec<f32>> {
    let half = table.half;
    if width == 0 || !width.is_multiple_of(2 * half) || x.len() != width * positions.len() {
        candle_core::bail!(
            "rope: {} values in rows of {width} for {} positions and heads of {}",
            x.len(),
            positions.len(),
            2 * half
        );
    }
    let mut out = vec![0f32; x.len()];
    for ((row, out), &position) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)).zip(positions) {
        let at = position as usize * half;
        let (Some(cos), Some(sin)) = (table.cos.get(at..at + half), table.sin.get(at..at + half)) else {
            candle_core::bail!("rope: position {position} is beyond the model's context of {}", table.positions());
        };
        for (head, out) in row.chunks_exact(2 * half).zip(out.chunks_exact_mut(2 * half)) {
            let (a, b) = head.split_at(half);
            let (out_a, out_b) = out.split_at_mut(half);
            for i in 0..half {
                let sin = sin[i] * direction;
                out_a[i] = a[i] * cos[i] - b[i] * sin;
                out_b[i] = b[i] * cos[i] + a[i] * sin;
            }
        }
    }
    Ok(out)
}

/// Turn the heads that fill the first `width` values of every row, rows `step` values apart, in place.
pub(crate) fn rope_in_place(
    x: &mut [f32],
    step: usize,
    width: usize,
    positions: &[u32],
    table: &RopeTable,
    direction: f32,
) -> Result<()> {
    if let Some(position) = positions.iter().find(|&&p| p as usize >= table.positions()) {
        candle_core::bail!("rope: position {position} is beyond the model's context of {}", table.positions());
    }
    turn_rows(x, step, width, positions, table, direction);
    Ok(())
}

crate::kernel::by_level! {
    fn turn_rows(x: &mut [f32], step: usize, width: usize, positions: &[u32], table: &RopeTable, direction: f32) {
        let half = table.half;
        for (row, &position) in x.chunks_exact_mut(step).zip(positions) {
            let at = position as usize * half;
            let (cos, sin) = (&table.cos[at..at + half], &table.sin[at..at + half]);
            for head in row[..width].chunks_exact_mut(2 * half) {
                let (a, b) = head.split_at_mut(half);
                for (((a, b), cos), sin) in a.iter_mut().zip(b).zip(cos).zip(sin) {
                    let (x, y, sin) = (*a, *b, sin * direction);
                    *a = x * cos - y * sin;
                    *b = y * cos + x * sin;
                }
            }
        }
    }
}

impl CustomOp1 for Rope {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let width = layout.dims().last().copied().unwrap_or(0);
        let turned = rope_rows(slice(storage, layout, "rope")?, width, &self.positions, &self.table, 1.0)?;
        Ok((CpuStorage::F32(turned), layout.shape().clone()))
    }

    /// The backward pass is the inverse rotation.
    fn bwd(&self, x: &Tensor, _out: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let width = x.dims().last().copied().unwrap_or(0);
        let turned = with_slice(grad, "rope", |g| rope_rows(g, width, &self.positions, &self.table, -1.0))??;
        Ok(Some(Tensor::from_vec(turned, x.shape(), x.device())?))
    }
}
