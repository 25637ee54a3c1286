//! Products with four rows of activations at a time: what prompts and groups spend their time in.
//!
//! Four rows' activations lie side by side, so that a pair of columns is one vector of weights for each of two groups and one place with all that
//! they are multiplied with: nothing but sums has to stay in registers. Weights are bytes, in the tiles of Q8_0; those of fewer bits are widened to
//! such tiles first, two groups at a time and once for all rows. With relaxed SIMD they are multiplied as bytes, in quads of columns (`quads`). The
//! integers are those of the other kernels, and floats are added in their order: the same bits.
#![allow(clippy::needless_range_loop, reason = "m and n are coordinates of a block of sums, as in the formulas")]

use crate::activations::{BLOCK, Block, HAVE_QUADS};
use crate::bundle::Neighbours;
use crate::formats::{Format, Q8_0, at};
use crate::simd::{B16, F4, H8, I4};

/// Pairs of columns of a block.
const PAIRS: usize = BLOCK / 2;

/// Quads of columns of a block.
const QUADS: usize = BLOCK / 4;

/// Bytes of a tile: four scales, then [pair of columns][row][column].
const TILE: usize = Q8_0::TILE;

/// The same block of four rows of activations.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub(crate) struct Four {
    /// [pair][row]
    pairs: [[[i16; 2]; 4]; PAIRS],
    /// [quad][row], where there are kernels for quads.
    quads: [[[i8; 4]; 4]; QUADS],
    /// See [`Block`]: of the whole block.
    lanes: [[i16; 2]; 4],
    scales: [f32; 4],
}

impl Four {
    pub(crate) const ZERO: Self =
        Self { pairs: [[[0; 2]; 4]; PAIRS], quads: [[[0; 4]; 4]; QUADS], lanes: [[0; 2]; 4], scales: [0.0; 4] };

    /// One row's block.
    pub(crate) fn put(&mut self, row: usize, block: &Block) {
        for (to, pair) in self.pairs.iter_mut().zip(block.quants.as_chunks::<2>().0) {
            to[row] = *pair;
        }
        if HAVE_QUADS {
            for (to, quad) in self.quads.iter_mut().zip(block.bytes.as_chunks::<4>().0) {
                to[row] = *quad;
            }
            self.lanes[row] = std::array::from_fn(|lane| block.lanes[0][lane] + block.lanes[1][lane]);
        }
        self.scales[row] = block.scale;
    }
}

/// A format of fewer than 8 bits whose blocks have one scale, which a tile begins with.
pub(crate) trait Narrow: Format {
    /// What the stored integers are too large by.
    const LESS: i16;

    /// Pair 4 q + K of columns, [row][column], as stored.
    fn pair<const K: usize>(tile: &[u8], q: usize) -> H8;
}

/// A format like that whose tiles are laid out in quads.
pub(crate) trait InQuads: Format {
    /// What the stored integers are too large by.
    const LESS: i16;

    /// Quads 2 v and 2 v + 1 of columns, [row][column], as stored.
    fn quads(tile: &[u8], v: usize) -> [B16; 2];
}

/// One or two pairs of groups times all fours of activations.
pub(crate) struct Job<'a> {
    pub(crate) groups: Neighbours<'a>,
    pub(crate) pairs: usize,
    /// [rows / 4, per_row]
    pub(crate) x: &'a [Four],
    pub(crate) per_row: usize,
    /// A buffer.
    pub(crate) panel: &'a mut Vec<u8>,
    /// Gets the sums of every pair and four, and the latter's first row.
    pub(crate) put: &'a mut dyn FnMut(usize, usize, [[F4; 4]; 2]),
}

impl Job<'_> {
    /// Of groups in Q8_0's tiles.
    pub(crate) fn run(self) {
        let Self { groups, pairs, x, per_row, put, .. } = self;
        for pair in 0..pairs {
            multiply_all(groups.from(2 * pair * TILE), x, per_row, &mut |row, sums| put(pair, row, sums));
        }
    }

    /// Of groups in tiles of their own.
    pub(crate) fn run_widened<F: Narrow>(self) {
        let Self { groups, pairs, x, per_row, panel, put } = self;
        panel.resize(2 * per_row * TILE, 0);
        for pair in 0..pairs {
            let groups = groups.from(2 * pair * F::TILE);
            for (t, wide) in panel.as_chunks_mut().0.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                for (tile, wide) in groups.tiles::<2>(t, F::TILE).into_iter().zip(wide) {
                    widen::<F>(tile, wide);
                }
            }
            multiply_all(Neighbours::alone(panel, 2 * TILE), x, per_row, &mut |row, sums| put(pair, row, sums));
        }
    }

    /// Of groups in tiles of quads. Nothing is widened: cutting nibbles on the way costs less than writing bytes and reading them again.
    pub(crate) fn run_in_quads<F: InQuads>(self) {
        match self.pairs {
            2 => self.run_pairs_in_quads::<F, 2>(),
            _ => self.run_pairs_in_quads::<F, 1>(),
        }
    }

    fn run_pairs_in_quads<F: InQuads, const P: usize>(self) {
        let Self { groups, x, per_row, put, .. } = self;
        for (i, x) in x.chunks_exact(per_row).enumerate() {
            let all = multiply_quads::<F, P>(groups, x);
            all.into_iter().enumerate().for_each(|(pair, sums)| put(pair, 4 * i, sums));
        }
    }
}

fn multiply_all(groups: Neighbours<'_>, x: &[Four], per_row: usize, put: &mut dyn FnMut(usize, [[F4; 4]; 2])) {
    for (i, x) in x.chunks_exact(per_row).enumerate() {
        put(4 * i, multiply(groups, x));
    }
}

/// Sums of 16 bits are enough: see `quads`. Pairs take turns, so that a bundle is read from front to back.
#[inline(never)]
fn multiply_quads<F: InQuads, const P: usize>(groups: Neighbours<'_>, x: &[Four]) -> [[[F4; 4]; 2]; P] {
    let mut acc = [[[F4::splat(0.0); 4]; 2]; P];
    for (t, x) in x.iter().enumerate() {
        for p in 0..P {
            let tiles = groups.from(2 * p * F::TILE).tiles::<2>(t, F::TILE);
            let mut sums: [[H8; 4]; 2] = [x.lanes.each_ref().map(|lanes| H8::pair(lanes).mul(-F::LESS)); 2];
            for (v, x) in x.quads.as_chunks::<2>().0.iter().enumerate() {
                let weights = tiles.map(|tile| F::quads(tile, v));
                for k in 0..2 {
                    for n in 0..4 {
                        let x = B16::quad(&x[k][n]);
                        for m in 0..2 {
                            sums[m][n] = sums[m][n].add(x.dot(weights[m][k]));
                        }
                    }
                }
            }
            let scales = tiles.map(|tile| F4::halves(at(tile, 0)));
            for n in 0..4 {
                let by = F4::splat(x.scales[n]);
                for m in 0..2 {
                    let sum = sums[m][n].widen().to_floats();
                    acc[p][m][n] = acc[p][m][n].add(sum.mul(scales[m].mul(by)));
                }
            }
        }
    }
    acc
}

#[inline(always)]
fn widen<F: Narrow>(tile: &[u8], wide: &mut [u8; TILE]) {
    wide[..8].copy_from_slice(&tile[..8]);
    for (q, quad) in wide[8..].as_chunks_mut::<16>().0.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        F::pair::<0>(tile, q).sub(F::LESS).store_bytes(F::pair::<1>(tile, q).sub(F::LESS), &mut quad[0]);
        F::pair::<2>(tile, q).sub(F::LESS).store_bytes(F::pair::<3>(tile, q).sub(F::LESS), &mut quad[1]);
    }
}

/// A function of its own, so that the compiler has registers enough.
#[inline(never)]
fn multiply(groups: Neighbours<'_>, x: &[Four]) -> [[F4; 4]; 2] {
    let mut acc = [[F4::splat(0.0); 4]; 2];
    for (t, x) in x.iter().enumerate() {
        let tiles = groups.tiles::<2>(t, TILE);
        let mut sums = [[I4::splat(0); 4]; 2];
        for k in 0..PAIRS {
            let weights = tiles.map(|tile| H8::signed_bytes(at(tile, 8 + 8 * k)));
            for n in 0..4 {
                let x = H8::pair(&x.pairs[k][n]);
                for m in 0..2 {
                    sums[m][n] = sums[m][n].add(weights[m].dot(x));
                }
            }
        }
        let scales = tiles.map(|tile| F4::halves(at(tile, 0)));
        for n in 0..4 {
            let by = F4::splat(x.scales[n]);
            for m in 0..2 {
                acc[m][n] = acc[m][n].add(sums[m][n].to_floats().mul(scales[m].mul(by)));
            }
        }
    }
    acc
}
