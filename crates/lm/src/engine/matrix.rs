//! Weight matrices in the engine's own layout, and their product with rows of activations.
//!
//! Blocks of Q8_0 and Q4_0 become scales and signed bytes side by side. Activations are rounded to signed bytes too, per block
//! of 32 with a scale of its own, once for all matrices that share them: then a product is a sum of integer products.

use crate::ops::math;
use crate::weights::gguf::Kind;
use half::f16;

/// Weights of one block, and of one block of activations.
const BLOCK: usize = 32;

/// A matrix [rows, columns], one row per output.
#[derive(Debug)]
pub struct Matrix {
    columns: usize,
    weights: Weights,
}

#[derive(Debug)]
enum Weights {
    Floats(Vec<f32>),
    Halves(Vec<f16>),
    Blocks {
        /// One per block.
        scales: Vec<f32>,
        quants: Vec<i8>,
    },
}

/// Rows of activations, rounded to bytes where a matrix asks for it.
struct Activations<'a> {
    rows: &'a [f32],
    columns: usize,
    scales: Vec<f32>,
    quants: Vec<i8>,
}

impl Matrix {
    /// From the bytes of a tensor of these dimensions (checked by the reader).
    pub(crate) fn new(kind: Kind, dims: &[usize], data: &[u8]) -> Self {
        let weights = match kind {
            Kind::F32 => Weights::Floats(data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
            Kind::F16 => Weights::Halves(data.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b)).collect()),
            Kind::Q8_0 => blocks::<34>(data, |packed, out| out.extend(packed.iter().map(|b| b.cast_signed()))),
            Kind::Q4_0 => blocks::<18>(data, |packed, out| {
                out.extend(packed.iter().map(|b| (b & 15).cast_signed() - 8));
                out.extend(packed.iter().map(|b| (b >> 4).cast_signed() - 8));
            }),
        };
        Self { columns: dims.last().copied().unwrap_or(1), weights }
    }

    /// All weights as floats: norms are kept this way.
    pub(crate) fn into_floats(self) -> Vec<f32> {
        match self.weights {
            Weights::Floats(floats) => floats,
            _ => self.row(0),
        }
    }

    /// One row, decoded: a token's vector.
    pub(crate) fn row(&self, row: usize) -> Vec<f32> {
        let span = row * self.columns..(row + 1) * self.columns;
        match &self.weights {
            Weights::Floats(all) => all[span].to_vec(),
            Weights::Halves(all) => all[span].iter().map(|w| w.to_f32()).collect(),
            Weights::Blocks { scales, quants } => span.map(|i| f32::from(quants[i]) * scales[i / BLOCK]).collect(),
        }
    }

    /// x [N, columns] to [N, rows].
    pub(crate) fn product(&self, x: &[f32]) -> Vec<f32> {
        let [out] = Self::products([self], x);
        out
    }

    /// The products of several matrices with the same rows, which are rounded only once.
    pub(crate) fn products<const N: usize>(matrices: [&Self; N], x: &[f32]) -> [Vec<f32>; N] {
        let columns = matrices.first().map_or(1, |m| m.columns);
        let rounded = matrices.iter().any(|m| matches!(m.weights, Weights::Blocks { .. }));
        let activations = Activations::new(x, columns, rounded);
        matrices.map(|m| m.multiply(&activations))
    }

    fn multiply(&self, x: &Activations<'_>) -> Vec<f32> {
        match &self.weights {
            Weights::Floats(all) => x.times(
                all.len() / self.columns,
                |row| &all[row * self.columns..(row + 1) * self.columns],
                |w, x| math::dot(w, x),
            ),
            Weights::Halves(all) => {
                let decoded = |row: usize| -> Vec<f32> {
                    all[row * self.columns..(row + 1) * self.columns].iter().map(|w| w.to_f32()).collect()
                };
                x.times(all.len() / self.columns, decoded, |w, x| math::dot(w, x))
            }
            Weights::Blocks { scales, quants } => x.times_blocks(scales, quants),
        }
    }
}

impl<'a> Activations<'a> {
    fn new(rows: &'a [f32], columns: usize, rounded: bool) -> Self {
        let mut out = Self { rows, columns, scales: Vec::new(), quants: Vec::new() };
        if rounded {
            out.scales.reserve(rows.len() / BLOCK);
            out.quants.reserve(rows.len());
            for block in rows.as_chunks::<BLOCK>().0 {
                let largest = block.iter().fold(0f32, |m, x| m.max(x.abs()));
                let (scale, inverse) = (largest / 127.0, if largest > 0.0 { 127.0 / largest } else { 0.0 });
                out.scales.push(scale);
                out.quants.extend(block.iter().map(|x| (x * inverse).round_ties_even() as i8));
            }
        }
        out
    }

    fn count(&self) -> usize {
        self.rows.len() / self.columns
    }

    /// Every weight row against every activation row; a weight row is fetched once for all of them.
    fn times<W>(&self, outputs: usize, weight: impl Fn(usize) -> W, dot: impl Fn(&W, &[f32]) -> f32) -> Vec<f32> {
        let mut out = vec![0f32; self.count() * outputs];
        for o in 0..outputs {
            let w = weight(o);
            for (n, x) in self.rows.chunks_exact(self.columns).enumerate() {
                out[n * outputs + o] = dot(&w, x);
            }
        }
        out
    }

    fn times_blocks(&self, scales: &[f32], quants: &[i8]) -> Vec<f32> {
        let per_row = self.columns / BLOCK;
        let outputs = scales.len() / per_row;
        let (x_blocks, w_blocks) = (self.quants.as_chunks::<BLOCK>().0, quants.as_chunks::<BLOCK>().0);
        let mut out = vec![0f32; self.count() * outputs];
        for o in 0..outputs {
            let span = o * per_row..(o + 1) * per_row;
            let (w, w_scales) = (&w_blocks[span.clone()], &scales[span]);
            for n in 0..self.count() {
                let span = n * per_row..(n + 1) * per_row;
                let (x, x_scales) = (&x_blocks[span.clone()], &self.scales[span]);
                let mut sum = 0f32;
                for b in 0..per_row {
                    sum += dot_bytes(&w[b], &x[b]) as f32 * (w_scales[b] * x_scales[b]);
                }
                out[n * outputs + o] = sum;
            }
        }
        out
    }
}

/// Split packed blocks of N bytes (an f16 scale, then quants) into scales and signed bytes.
fn blocks<const N: usize>(data: &[u8], unpack: impl Fn(&[u8], &mut Vec<i8>)) -> Weights {
    let blocks = data.as_chunks::<N>().0;
    let (mut scales, mut quants) = (Vec::with_capacity(blocks.len()), Vec::with_capacity(blocks.len() * BLOCK));
    for block in blocks {
        scales.push(f16::from_le_bytes([block[0], block[1]]).to_f32());
        unpack(&block[2..], &mut quants);
    }
    Weights::Blocks { scales, quants }
}

/// Sum of products of signed bytes: exact, in any order.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline]
fn dot_bytes(a: &[i8; BLOCK], b: &[i8; BLOCK]) -> i32 {
    a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
}

/// Sum of products of signed bytes: sixteen at a time, widened to 16 bits and added in pairs.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[expect(unsafe_code, reason = "loading a vector from memory has no safe form")]
#[inline]
fn dot_bytes(a: &[i8; BLOCK], b: &[i8; BLOCK]) -> i32 {
    use std::arch::wasm32::{
        i16x8_extend_high_i8x16, i16x8_extend_low_i8x16, i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_splat,
        v128_load,
    };
    let mut sum = i32x4_splat(0);
    for half in 0..2 {
        // SAFETY: both arrays hold 32 bytes, and 16 are read at offset 0 and at offset 16.
        let (a, b) =
            unsafe { (v128_load(a.as_ptr().add(half * 16).cast()), v128_load(b.as_ptr().add(half * 16).cast())) };
        let low = i32x4_dot_i16x8(i16x8_extend_low_i8x16(a), i16x8_extend_low_i8x16(b));
        let high = i32x4_dot_i16x8(i16x8_extend_high_i8x16(a), i16x8_extend_high_i8x16(b));
        sum = i32x4_add(sum, i32x4_add(low, high));
    }
    i32x4_extract_lane::<0>(sum)
        + i32x4_extract_lane::<1>(sum)
        + i32x4_extract_lane::<2>(sum)
        + i32x4_extract_lane::<3>(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_products_are_exact_at_their_extremes() {
        let all = |v: i8| [v; BLOCK];
        assert_eq!(dot_bytes(&all(-128), &all(-128)), 32 * 16_384);
        assert_eq!(dot_bytes(&all(127), &all(-128)), -32 * 16_256);
        let ramp: [i8; BLOCK] = std::array::from_fn(|i| i as i8 - 16);
        let slow: i32 = ramp.iter().map(|&x| i32::from(x) * i32::from(x)).sum();
        assert_eq!(dot_bytes(&ramp, &ramp), slow);
    }

    #[test]
    fn rounded_rows_stay_within_half_a_step() {
        let rows: Vec<f32> = (0..64).map(|i| ((i * 37) % 101) as f32 * 0.3 - 15.0).chain([0.0; 32]).collect();
        let rounded = Activations::new(&rows, 32, true);
        for (i, x) in rows.iter().enumerate() {
            let scale = rounded.scales[i / BLOCK];
            assert!((f32::from(rounded.quants[i]) * scale - x).abs() <= scale * 0.5001, "{i}");
        }
        assert_eq!(rounded.scales[2], 0.0, "a block of zeros has no scale and divides by nothing");
    }

    #[test]
    fn every_format_multiplies_as_its_decoded_rows_do() {
        let x: Vec<f32> = (0..2 * 64).map(|i| ((i * 29) % 53) as f32 / 53.0 - 0.5).collect();
        let q8: Vec<u8> = (0..3 * 2)
            .flat_map(|b| [0x00, 0x2c].into_iter().chain((0..32).map(move |i| (b * 40 + i * 7) as u8)))
            .collect();
        let q4: Vec<u8> = (0..3 * 2)
            .flat_map(|b| [0x00, 0x34].into_iter().chain((0..16).map(move |i| (b * 50 + i * 13) as u8)))
            .collect();
        let f16s: Vec<u8> = (0..3 * 64).flat_map(|i| f16::from_f32((i % 17) as f32 - 8.0).to_le_bytes()).collect();
        for (kind, data, tolerance) in [(Kind::Q8_0, q8, 0.05), (Kind::Q4_0, q4, 0.05), (Kind::F16, f16s, 1e-3)] {
            let m = Matrix::new(kind, &[3, 64], &data);
            let out = m.product(&x);
            for (n, x) in x.chunks_exact(64).enumerate() {
                for o in 0..3 {
                    let slow: f32 = m.row(o).iter().zip(x).map(|(w, x)| w * x).sum();
                    let size: f32 = m.row(o).iter().zip(x).map(|(w, x)| (w * x).abs()).sum();
                    assert!(
                        (out[n * 3 + o] - slow).abs() <= tolerance * size,
                        "{kind:?}: {} and {slow}",
                        out[n * 3 + o]
                    );
                }
            }
        }
    }
}
