//! Rows of activations as the kernels take them: floats, and 8-bit integers in blocks of 32 with a scale each.

use crate::fours::Four;
use crate::simd::{F4, H8};
use crate::vector::largest;

/// Weights, and activations, of one block.
pub const BLOCK: usize = 32;

/// 32 activations of one row, each scale * quant.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub struct Block {
    /// Within -127..=127, in 16 bits because the products are.
    pub quants: [i16; BLOCK],
    /// What a quant of 1 stands for.
    pub scale: f32,
    /// Sums of the quants' halves: what a constant added to every weight is multiplied with.
    pub sums: [i32; 2],
    /// The quants once more, where there are kernels for quads of columns; else zeros.
    pub(crate) bytes: [i8; BLOCK],
    /// The same sums in two parts, as those kernels add: of the first two columns of every quad, and of the others.
    pub(crate) lanes: [[i16; 2]; 2],
}

/// Whether matrices may be laid out in quads: with relaxed SIMD, and where tests compare the layouts.
pub(crate) const HAVE_QUADS: bool = cfg!(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"));

const ZERO: Block = Block { quants: [0; BLOCK], scale: 0.0, sums: [0; 2], bytes: [0; BLOCK], lanes: [[0; 2]; 2] };

impl Block {
    /// Two lanes' sums, times what every weight is too large by, taken off: where the sums in 16 bits begin.
    #[inline(always)]
    pub(crate) fn start(&self, less: i16) -> H8 {
        H8::pair(&self.lanes[0]).add(H8::pair(&self.lanes[1])).mul(-less)
    }
}

/// Rows that one or several matrices are multiplied with.
#[derive(Debug, Default)]
pub struct Activations {
    /// Numbers of a row.
    pub columns: usize,
    /// [rows, columns]
    pub floats: Vec<f32>,
    /// [rows, columns / 32]; empty where columns are no whole number of blocks.
    pub blocks: Vec<Block>,
    /// The blocks of every four rows side by side, [rows / 4, columns / 32].
    pub(crate) fours: Vec<Four>,
}

impl Activations {
    /// Room for rows of this width; what was in it is kept only in part.
    pub fn resize(&mut self, rows: usize, columns: usize) {
        self.columns = columns;
        self.floats.resize(rows * columns, 0.0);
        let per_row = if columns.is_multiple_of(BLOCK) { columns / BLOCK } else { 0 };
        self.blocks.resize(rows * per_row, ZERO);
        self.fours.resize(rows / 4 * per_row, Four::ZERO);
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.floats.len() / self.columns.max(1)
    }

    /// One row's floats.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.floats[row * self.columns..(row + 1) * self.columns]
    }

    /// Round one row's floats to its blocks.
    pub fn round(&mut self, row: usize) {
        if !self.columns.is_multiple_of(BLOCK) {
            return;
        }
        let per_row = self.columns / BLOCK;
        let floats = &self.floats[row * self.columns..(row + 1) * self.columns];
        let blocks = &mut self.blocks[row * per_row..(row + 1) * per_row];
        for (x, block) in floats.as_chunks::<BLOCK>().0.iter().zip(blocks.iter_mut()) {
            quantize(x, block);
        }
        // Rows that fill no four are not there.
        for (four, block) in self.fours.iter_mut().skip(row / 4 * per_row).zip(blocks) {
            four.put(row % 4, block);
        }
    }

    /// Round every row.
    pub fn round_all(&mut self) {
        (0..self.rows()).for_each(|row| self.round(row));
    }
}

fn quantize(x: &[f32; BLOCK], block: &mut Block) {
    let fours = x.as_chunks::<4>().0;
    let most = fours.iter().fold(F4::splat(0.0), |m, x| m.max(F4::load(x).abs()));
    let most = largest(most);
    let inverse = F4::splat(if most > 0.0 { 127.0 / most } else { 0.0 });
    block.scale = most / 127.0;
    for (pair, out) in fours.as_chunks::<2>().0.iter().zip(block.quants.as_chunks_mut::<8>().0) {
        H8::rounded(F4::load(&pair[0]).mul(inverse), F4::load(&pair[1]).mul(inverse)).store(out);
    }
    let (low, high) = block.quants.split_at(BLOCK / 2);
    block.sums = [low, high].map(|half| half.iter().map(|&q| i32::from(q)).sum());
    if HAVE_QUADS {
        block.bytes = block.quants.map(|q| q as i8);
        block.lanes = [low, high].map(|half| {
            let quads = half.as_chunks::<4>().0;
            [quads.iter().map(|q| q[0] + q[1]).sum(), quads.iter().map(|q| q[2] + q[3]).sum()]
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_the_nearest_of_255_steps() {
        let mut x = Activations::default();
        x.resize(2, 64);
        for (i, v) in x.floats.iter_mut().enumerate() {
            *v = ((i * 37 % 101) as f32 - 50.0) * if i < 96 { 0.01 } else { 0.0 };
        }
        x.round_all();
        for (i, block) in x.blocks.iter().enumerate() {
            let floats = &x.floats[i * 32..(i + 1) * 32];
            for (q, v) in block.quants.iter().zip(floats) {
                assert!((f32::from(*q) * block.scale - v).abs() <= block.scale * 0.5001, "{q} {v}");
            }
            assert_eq!(block.sums[0] + block.sums[1], block.quants.iter().map(|&q| i32::from(q)).sum::<i32>());
        }
        assert_eq!(x.blocks[3].scale, 0.0);
    }

    #[test]
    fn extreme_blocks_stay_within_range() {
        let mut x = Activations::default();
        x.resize(1, 32);
        x.floats.fill(f32::MIN_POSITIVE);
        x.floats[5] = -3e38;
        x.round_all();
        assert_eq!(x.blocks[0].quants[5], -127);
        assert_eq!(x.blocks[0].quants[6], 0);
        assert!(x.blocks[0].scale.is_finite());
    }
}
