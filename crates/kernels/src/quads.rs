//! The formats of fewer than 8 bits in another layout, for builds with relaxed SIMD: four neighbouring columns of four rows in a vector of 16 bytes.
//!
//! There, one instruction multiplies 16 signed bytes with 16 bytes that are not negative and adds neighbours ([`B16::dot`]). Weights as stored
//! are such bytes, activations are the signed ones. Sums stay in 16 bits for a whole block, two for each row, and are then added in 32: half the work of
//! [`crate::formats`], which has to widen both to 16 bits first. What stored weights are too large by is taken off at the start, where it cancels
//! every overflow: 16 columns times at most 16 or 32 times 127 fit into 16 bits, and additions wrap. The integers, and so the bits of every
//! product, are those of the other layout.
#![allow(clippy::needless_range_loop, reason = "m and n are coordinates of a block of sums, as in the formulas")]

use crate::activations::{BLOCK, Block};
use crate::formats::{self, Format, at, half, q4k_scale, q6k_bits};
use crate::fours::{InQuads, Job};
use crate::simd::{B16, F4, H8};
use std::ops::Range;

/// Whether products of bytes are exact on this machine: all that the kernels here rely on, at the ends of both ranges and between.
#[must_use]
pub fn is_exact() -> bool {
    let bytes = |from: i32, step: i32| -> [i32; 16] { std::array::from_fn(|i| (from + step * i as i32) % 128) };
    [(127, 0), (-127, 0), (1, 37), (-1, -53)].into_iter().all(|(x, step)| {
        [(63, 0), (0, 9), (15, 0), (1, 5)].into_iter().all(|(w, by)| {
            let (x, w) = (bytes(x, step), bytes(w, by).map(|w| w % 64));
            let sums = B16::load(&x.map(|x| x as u8)).dot(B16::load(&w.map(|w| w as u8)));
            let mut got = [0; 8];
            sums.store(&mut got);
            (0..8).all(|i| i32::from(got[i]) == x[2 * i] * w[2 * i] + x[2 * i + 1] * w[2 * i + 1])
        })
    })
}

/// Where the value of (row, column) of a 32-column block of 4-bit values lies: (byte, shift). A byte of a vector has two columns, four apart.
fn nibble_place(row: usize, column: usize) -> (usize, u32) {
    (column / 8 * 16 + row * 4 + column % 4, 4 * (column as u32 / 4 % 2))
}

/// Put the 32 nibbles of a row into a cleared tile.
fn put_nibbles(tile: &mut [u8], row: usize, nibble: impl Fn(usize) -> u8) {
    for column in 0..BLOCK {
        let (byte, shift) = nibble_place(row, column);
        tile[byte] |= (nibble(column) & 15) << shift;
    }
}

/// [`put_nibbles`] of a block whose bytes hold column i below and column i + 16 above, eight columns at a time.
fn put_halves(tile: &mut [u8], row: usize, bytes: &[u8; 16]) {
    for (half, eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
        let x = u64::from_le_bytes(*eight);
        for (vector, x) in [(half, x), (half + 2, x >> 4)] {
            let x = x & 0x0f0f_0f0f_0f0f_0f0f;
            let place = vector * 16 + row * 4;
            tile[place..place + 4].copy_from_slice(&((x | x >> 28) as u32).to_le_bytes());
        }
    }
}

fn nibble(tile: &[u8], row: usize, column: usize) -> u8 {
    let (byte, shift) = nibble_place(row, column);
    tile[byte] >> shift & 15
}

/// Quads 2 v and 2 v + 1 of the nibbles at an offset.
#[inline(always)]
fn nibbles(tile: &[u8], offset: usize, v: usize) -> [B16; 2] {
    let both = B16::load(at(tile, offset + 16 * v));
    [both.and(15), both.shift(4).and(15)]
}

/// Sums of some of a block's vectors, two lanes for each row: `weights(m, v)` are quads 2 v and 2 v + 1 of tile m.
#[inline(always)]
fn sums<const M: usize, const N: usize>(
    start: [H8; N],
    vectors: Range<usize>,
    x: [&Block; N],
    weights: impl Fn(usize, usize) -> [B16; 2],
) -> [[H8; N]; M] {
    let mut sums = [start; M];
    for v in vectors {
        let w: [[B16; 2]; M] = std::array::from_fn(|m| weights(m, v));
        for n in 0..N {
            for k in 0..2 {
                let x = B16::quad(&x[n].bytes.as_chunks().0[2 * v + k]);
                for m in 0..M {
                    sums[m][n] = sums[m][n].add(x.dot(w[m][k]));
                }
            }
        }
    }
    sums
}

/// The product of tiles that begin with four scales, and whose weights are all too large by the same.
#[inline(always)]
fn multiply<F: InQuads, const M: usize, const N: usize>(tiles: [&[u8]; M], x: [&[Block]; N], acc: &mut [[F4; N]; M]) {
    let x = x.map(|x| &x[0]);
    let sums = sums(x.map(|x| x.start(F::LESS)), 0..4, x, |m, v| F::quads(tiles[m], v));
    formats::scale(tiles, x, sums.map(|row| row.map(H8::widen)), acc);
}

/// As [`formats::Q4_0`].
pub(crate) struct Q4_0;

impl Format for Q4_0 {
    const WIDTH: usize = BLOCK;
    const STORED: usize = formats::Q4_0::STORED;
    const TILE: usize = formats::Q4_0::TILE;
    const GROUPS: (usize, usize) = (4, 2);
    const IN_FOURS: bool = true;

    fn pack(rows: [&[u8]; 4], tile: &mut [u8]) {
        for (r, row) in rows.into_iter().enumerate() {
            tile[2 * r..2 * r + 2].copy_from_slice(&row[..2]);
            put_halves(&mut tile[8..72], r, at(row, 2));
        }
    }

    #[inline(always)]
    fn multiply<const M: usize, const N: usize>(tiles: [&[u8]; M], x: [&[Block]; N], acc: &mut [[F4; N]; M]) {
        multiply::<Self, M, N>(tiles, x, acc);
    }

    fn fours(job: Job<'_>) {
        job.run_in_quads::<Self>();
    }

    fn decode(tile: &[u8], row: usize, out: &mut [f32]) {
        let scale = half(tile, 2 * row);
        for (column, o) in out.iter_mut().enumerate() {
            *o = scale * (f32::from(nibble(&tile[8..], row, column)) - 8.0);
        }
    }

    fn scales(block: &[u8]) -> [[u8; 2]; 2] {
        formats::Q4_0::scales(block)
    }
}

impl InQuads for Q4_0 {
    const LESS: i16 = 8;

    #[inline(always)]
    fn quads(tile: &[u8], v: usize) -> [B16; 2] {
        nibbles(tile, 8, v)
    }
}

/// As [`formats::Q5_0`].
pub(crate) struct Q5_0;

impl Format for Q5_0 {
    const WIDTH: usize = BLOCK;
    const STORED: usize = formats::Q5_0::STORED;
    const TILE: usize = formats::Q5_0::TILE;
    const GROUPS: (usize, usize) = (4, 2);
    const IN_FOURS: bool = true;

    fn pack(rows: [&[u8]; 4], tile: &mut [u8]) {
        for (r, row) in rows.into_iter().enumerate() {
            tile[2 * r..2 * r + 2].copy_from_slice(&row[..2]);
            put_halves(&mut tile[24..88], r, at(row, 6));
            // One vector: a byte holds the bits of one (row, column of a quad), quad by quad.
            for column in 0..BLOCK {
                tile[8 + 4 * r + column % 4] |= (row[2 + column / 8] >> (column % 8) & 1) << (column / 4);
            }
        }
    }

    #[inline(always)]
    fn multiply<const M: usize, const N: usize>(tiles: [&[u8]; M], x: [&[Block]; N], acc: &mut [[F4; N]; M]) {
        multiply::<Self, M, N>(tiles, x, acc);
    }

    fn fours(job: Job<'_>) {
        job.run_in_quads::<Self>();
    }

    fn decode(tile: &[u8], row: usize, out: &mut [f32]) {
        let scale = half(tile, 2 * row);
        for (column, o) in out.iter_mut().enumerate() {
            let high = tile[8 + 4 * row + column % 4] >> (column / 4) & 1;
            *o = scale * (f32::from(nibble(&tile[24..], row, column) | high << 4) - 16.0);
        }
    }

    fn scales(block: &[u8]) -> [[u8; 2]; 2] {
        formats::Q5_0::scales(block)
    }
}

impl InQuads for Q5_0 {
    const LESS: i16 = 16;

    #[inline(always)]
    fn quads(tile: &[u8], v: usize) -> [B16; 2] {
        let bits = B16::load(at(tile, 8));
        let [low, high] = nibbles(tile, 24, v);
        // Bit q of a byte belongs to quad q, and has to come to place 4.
        let place = 2 * v as i32 - 4;
        [low.or(bits.shift(place).and(16)), high.or(bits.shift(place + 1).and(16))]
    }
}

/// As [`formats::Q4K`].
pub(crate) struct Q4K;

impl Format for Q4K {
    const WIDTH: usize = formats::Q4K::WIDTH;
    const STORED: usize = formats::Q4K::STORED;
    const TILE: usize = formats::Q4K::TILE;
    const GROUPS: (usize, usize) = (4, 1);

    fn pack(rows: [&[u8]; 4], tile: &mut [u8]) {
        for (r, row) in rows.into_iter().enumerate() {
            tile[2 * r..2 * r + 2].copy_from_slice(&row[..2]);
            tile[8 + 2 * r..10 + 2 * r].copy_from_slice(&row[2..4]);
            for (p, part) in tile[16..].chunks_exact_mut(formats::Q4K_PART).enumerate() {
                (part[r], part[4 + r]) = q4k_scale(&row[4..16], p);
                // Two parts share 32 bytes: the even one has their lower halves.
                let bytes: &[u8; BLOCK] = at(row, 16 + p / 2 * 32);
                put_nibbles(&mut part[8..], r, |i| bytes[i] >> (4 * (p % 2)));
            }
        }
    }

    #[inline(always)]
    fn multiply<const M: usize, const N: usize>(tiles: [&[u8]; M], x: [&[Block]; N], acc: &mut [[F4; N]; M]) {
        formats::q4k_multiply(tiles, x, acc, |x, offset| {
            sums([H8::pair(&[0, 0]); N], 0..4, x, |m, v| nibbles(tiles[m], offset, v)).map(|row| row.map(H8::widen))
        });
    }

    fn decode(tile: &[u8], row: usize, out: &mut [f32]) {
        formats::q4k_decode(tile, row, out, nibble);
    }

    fn scales(block: &[u8]) -> [[u8; 2]; 2] {
        formats::Q4K::scales(block)
    }
}

/// As [`formats::Q6K`].
pub(crate) struct Q6K;

impl Format for Q6K {
    const WIDTH: usize = formats::Q6K::WIDTH;
    const STORED: usize = formats::Q6K::STORED;
    const TILE: usize = formats::Q6K::TILE;
    const GROUPS: (usize, usize) = (4, 1);

    fn pack(rows: [&[u8]; 4], tile: &mut [u8]) {
        for (r, row) in rows.into_iter().enumerate() {
            tile[2 * r..2 * r + 2].copy_from_slice(&row[208..210]);
            for (p, part) in tile[8..].chunks_exact_mut(formats::Q6K_PART).enumerate() {
                part[r] = row[192 + 2 * p];
                part[4 + r] = row[192 + 2 * p + 1];
                put_nibbles(&mut part[8..72], r, |i| q6k_bits(row, p, i).0);
                for i in 0..BLOCK {
                    part[q6k_high_byte(r, i)] |= q6k_bits(row, p, i).1 << (2 * (i / 4 % 4));
                }
            }
        }
    }

    #[inline(always)]
    fn multiply<const M: usize, const N: usize>(tiles: [&[u8]; M], x: [&[Block]; N], acc: &mut [[F4; N]; M]) {
        formats::q6k_multiply(tiles, x, acc, |x, offset| {
            let weights = |m: usize, v: usize| {
                let bits = B16::load(at(tiles[m], offset + 64 + v / 2 * 16));
                // Two bits of each of four quads, which have to come to place 4.
                let place = 4 * (v as i32 % 2) - 4;
                let [low, high] = nibbles(tiles[m], offset, v);
                [low.or(bits.shift(place).and(0x30)), high.or(bits.shift(place + 2).and(0x30))]
            };
            [0, 1].map(|half| {
                let start = x.map(|x: &Block| H8::pair(&x.lanes[half]).mul(-32));
                sums(start, 2 * half..2 * half + 2, x, weights).map(|row| row.map(H8::widen))
            })
        });
    }

    fn decode(tile: &[u8], row: usize, out: &mut [f32]) {
        formats::q6k_decode(tile, row, out, |part, column| {
            nibble(&part[8..], row, column) | (part[q6k_high_byte(row, column)] >> (2 * (column / 4 % 4)) & 3) << 4
        });
    }

    fn scales(block: &[u8]) -> [[u8; 2]; 2] {
        formats::Q6K::scales(block)
    }
}

/// The byte of a part that holds a weight's high two bits: in each of two vectors, a byte has one (row, column of a quad) of four quads.
fn q6k_high_byte(row: usize, column: usize) -> usize {
    72 + column / 16 * 16 + 4 * row + column % 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_exact() {
        assert!(is_exact());
    }

    #[test]
    fn every_nibble_has_its_place() {
        let bytes: [u8; 16] = std::array::from_fn(|i| (i as u8 * 29) ^ 0x5a);
        let (mut fast, mut slow) = ([0; 64], [0; 64]);
        put_halves(&mut fast, 2, &bytes);
        put_nibbles(&mut slow, 2, |column| formats::halves(&bytes, column));
        assert_eq!(fast, slow);
        assert!((0..BLOCK).all(|column| nibble(&fast, 2, column) == formats::halves(&bytes, column) & 15));
    }
}
