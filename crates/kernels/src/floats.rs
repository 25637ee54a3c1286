//! Products of unquantized weights: four rows side by side, column by column, decoded four at a time.
#![allow(clippy::needless_range_loop, reason = "m and n are coordinates of a block of sums, as in the formulas")]

use crate::bundle::Neighbours;
use crate::simd::F4;

/// How a weight is stored.
pub(crate) trait Float {
    /// Bytes of one weight.
    const BYTES: usize;

    /// The four rows' weights of one column.
    fn four(bytes: &[u8]) -> F4;

    /// One weight.
    fn one(bytes: &[u8]) -> f32;
}

pub(crate) struct F32;
pub(crate) struct F16;
pub(crate) struct Bf16;

impl Float for F32 {
    const BYTES: usize = 4;

    #[inline(always)]
    fn four(bytes: &[u8]) -> F4 {
        F4::floats(bytes.first_chunk().unwrap_or(&[0; 16]))
    }

    fn one(bytes: &[u8]) -> f32 {
        f32::from_le_bytes(*bytes.first_chunk().unwrap_or(&[0; 4]))
    }
}

impl Float for F16 {
    const BYTES: usize = 2;

    #[inline(always)]
    fn four(bytes: &[u8]) -> F4 {
        F4::halves(bytes.first_chunk().unwrap_or(&[0; 8]))
    }

    fn one(bytes: &[u8]) -> f32 {
        half::f16::from_le_bytes(*bytes.first_chunk().unwrap_or(&[0; 2])).to_f32()
    }
}

impl Float for Bf16 {
    const BYTES: usize = 2;

    #[inline(always)]
    fn four(bytes: &[u8]) -> F4 {
        F4::brains(bytes.first_chunk().unwrap_or(&[0; 8]))
    }

    fn one(bytes: &[u8]) -> f32 {
        half::bf16::from_le_bytes(*bytes.first_chunk().unwrap_or(&[0; 2])).to_f32()
    }
}

/// The sums of M groups of four rows with N rows of activations.
#[inline(always)]
pub(crate) fn multiply<K: Float, const M: usize, const N: usize>(
    groups: Neighbours<'_>,
    x: [&[f32]; N],
) -> [[F4; N]; M] {
    // Even and odd columns apart, so that an addition need not wait for the one before.
    let mut acc = [[[F4::splat(0.0); 2]; N]; M];
    let columns = x[0].len();
    let (x, bytes) = (x.map(|x| &x[..columns]), 4 * K::BYTES);
    for pair in 0..columns / 2 {
        for odd in 0..2 {
            let column = 2 * pair + odd;
            let w: [F4; M] = groups.tiles(column, bytes).map(K::four);
            for n in 0..N {
                let x = F4::splat(x[n][column]);
                for m in 0..M {
                    acc[m][n][odd] = acc[m][n][odd].add(w[m].mul(x));
                }
            }
        }
    }
    if columns % 2 == 1 {
        let column = columns - 1;
        let w: [F4; M] = groups.tiles(column, bytes).map(K::four);
        for m in 0..M {
            for n in 0..N {
                acc[m][n][0] = acc[m][n][0].add(w[m].mul(F4::splat(x[n][column])));
            }
        }
    }
    acc.map(|row| row.map(|[even, odd]| even.add(odd)))
}
