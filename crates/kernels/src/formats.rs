//! Products of block-quantized weights: one type for each format of the file, with how four rows of it are laid side by side
//! and how such a tile is multiplied.
//!
//! A tile holds the same block of four rows. Two neighbouring columns of all four rows lie together, [row][column], so that one
//! multiplication of eight 16-bit integers with a pair of activations, repeated four times, gives the four rows' partial sums in the
//! four lanes: no lane ever has to be added to another. Integer sums are exact, so their order does not matter; each block's sum
//! is then scaled and added in floats, block by block, the same on every machine. Tiles take exactly the bytes of the file's blocks
//! (Q4_K: 4 bytes more in 144).
#![allow(clippy::needless_range_loop, reason = "m, n and k are coordinates of a block of sums, as in the formulas")]

use crate::activations::{BLOCK, Block};
use crate::fours::{Job, Narrow};
use crate::simd::{F4, H8, I4};
use std::ops::Range;

/// A format's tiles.
pub(crate) trait Format {
    /// Columns of a tile.
    const WIDTH: usize;
    /// Bytes of one row's block in the file.
    const STORED: usize;
    /// Bytes of a tile.
    const TILE: usize;
    /// Tiles that are multiplied at a time, with one row of activations and with several: see [`crate::matrix`].
    const GROUPS: (usize, usize);

    /// Lay four rows' blocks side by side in a tile of zeros.
    fn pack(rows: [&[u8]; 4], tile: &mut [u8]);

    /// acc[m][n] += tile m times activations n, four rows in the lanes. `x` are the tile's blocks of each row of activations.
    fn multiply<const M: usize, const N: usize>(tiles: [&[u8]; M], x: [&[Block]; N], acc: &mut [[F4; N]; M]);

    /// Whether there is a kernel for rows of activations in fours.
    const IN_FOURS: bool = false;

    /// Two groups' products with rows of activations in fours.
    fn fours(_job: Job<'_>) {}

    /// One row of a tile, decoded.
    fn decode(tile: &[u8], row: usize, out: &mut [f32]);

    /// The scales (f16) of one row's block, that must be finite.
    fn scales(block: &[u8]) -> [[u8; 2]; 2];
}

/// A fixed number of bytes at an offset.
#[inline(always)]
pub(crate) fn at<const L: usize>(bytes: &[u8], offset: usize) -> &[u8; L] {
    match bytes[offset..].first_chunk() {
        Some(chunk) => chunk,
        // Tiles are cut by the formats' own sizes.
        None => &[0; L],
    }
}

pub(crate) fn half(bytes: &[u8], offset: usize) -> f32 {
    half::f16::from_le_bytes(*at(bytes, offset)).to_f32()
}

/// Four neighbouring pairs of columns of a tile.
type Quad = [H8; 4];

/// Quad q of a tile.
#[inline(always)]
fn quad<F: Narrow>(tile: &[u8], q: usize) -> Quad {
    [F::pair::<0>(tile, q), F::pair::<1>(tile, q), F::pair::<2>(tile, q), F::pair::<3>(tile, q)]
}

/// Exact sums of some of a block's quads: `weights(m, q)` are quad q of tile m. Written out four pairs at a time, so that what each
/// is shifted by is known when the code is made.
#[inline(always)]
fn sums<const M: usize, const N: usize>(
    start: [[I4; N]; M],
    quads: Range<usize>,
    x: [&Block; N],
    weights: impl Fn(usize, usize) -> Quad,
) -> [[I4; N]; M] {
    let mut sums = start;
    for q in quads {
        let w: [Quad; M] = std::array::from_fn(|m| weights(m, q));
        for n in 0..N {
            let x = H8::pairs(&x[n].quants.as_chunks().0[q]);
            for k in 0..4 {
                for m in 0..M {
                    sums[m][n] = sums[m][n].add(w[m][k].dot(x[k]));
                }
            }
        }
    }
    sums
}

/// Where the value of (row, column) of a 32-column block of 4-bit values lies: (byte, shift). In each of four vectors of 16 bytes, a
/// 16-bit lane holds one (row, parity) of four neighbouring pairs of columns.
fn nibble_place(row: usize, column: usize) -> (usize, u32) {
    let (pair, parity) = (column / 2, column % 2);
    let (vector, field) = (pair / 4, pair % 4);
    (vector * 16 + (row * 2 + parity) * 2 + field / 2, 4 * (field as u32 % 2))
}

/// Put the 32 nibbles of row r into a cleared tile, four pairs of columns at a time.
fn put_nibbles(tile: &mut [u8], row: usize, nibble: impl Fn(usize) -> u8) {
    for vector in 0..4 {
        for parity in 0..2 {
            let at = |pair: usize| u16::from(nibble(8 * vector + 2 * pair + parity) & 15);
            let lane = at(0) | at(1) << 4 | at(2) << 8 | at(3) << 12;
            let place = vector * 16 + (row * 2 + parity) * 2;
            tile[place..place + 2].copy_from_slice(&lane.to_le_bytes());
        }
    }
}

/// [`put_nibbles`] of a block whose bytes hold column i below and column i + 16 above, eight columns at a time.
fn put_halves(tile: &mut [u8], row: usize, bytes: &[u8; 16]) {
    // Every second of eight nibbles, each in a byte, side by side.
    let gather = |x: u64| {
        let x = x & 0x000f_000f_000f_000f;
        let x = (x | x >> 12) & 0x0000_00ff_0000_00ff;
        (x | x >> 24) as u32 & 0xffff
    };
    for (half, eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
        let x = u64::from_le_bytes(*eight);
        for (vector, x) in [(half, x), (half + 2, x >> 4)] {
            let place = vector * 16 + row * 4;
            tile[place..place + 4].copy_from_slice(&(gather(x) | gather(x >> 8) << 16).to_le_bytes());
        }
    }
}

/// Column c of a block whose bytes hold column i below and column i + 16 above.
pub(crate) fn halves(bytes: &[u8; 16], column: usize) -> u8 {
    if column < 16 { bytes[column] } else { bytes[column - 16] >> 4 }
}

fn nibble(tile: &[u8], row: usize, column: usize) -> u8 {
    let (byte, shift) = nibble_place(row, column);
    tile[byte] >> shift & 15
}

/// Pair K of the quad of nibbles at an offset.
#[inline(always)]
fn nibble_of<const K: usize>(tile: &[u8], offset: usize) -> H8 {
    let lane = H8::load(at(tile, offset)).shift(4 * K as i32);
    // Nothing is above the last.
    if K == 3 { lane } else { lane.and(15) }
}

/// Quad q of a tile of nibbles.
#[inline(always)]
fn nibbles(tile: &[u8], q: usize) -> Quad {
    let offset = 16 * q;
    [
        nibble_of::<0>(tile, offset),
        nibble_of::<1>(tile, offset),
        nibble_of::<2>(tile, offset),
        nibble_of::<3>(tile, offset),
    ]
}

/// 32 weights in 34 bytes: scale, signed bytes.
pub(crate) struct Q8_0;

impl Format for Q8_0 {
    const WIDTH: usize = BLOCK;
    const STORED: usize = 34;
    const TILE: usize = 4 * 34;
    const GROUPS: (usize, usize) = (4, 2);
    const IN_FOURS: bool = true;

    fn pack(rows: [&[u8]; 4], tile: &mut [u8]) {
        let [a, b, c, d] = rows.map(|row| at::<34>(row, 0).as_chunks::<2>().0);
        // Seventeen pairs of bytes of each row, the scale first.
        for ((((out, a), b), c), d) in tile.as_chunks_mut::<8>().0.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *out = [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]];
        }
    }

    #[inline(always)]
    fn multiply<const M: usize, const N: usize>(tiles: [&[u8]; M], x: [&[Block]; N], acc: &mut [[F4; N]; M]) {
        let x = x.map(|x| &x[0]);
        let weights = |m: usize, q: usize| {
            let pair = |k: usize| H8::signed_bytes(at(tiles[m], 8 + 32 * q + 8 * k));
            [pair(0), pair(1), pair(2), pair(3)]
        };
        let sums = sums([[I4::splat(0); N]; M], 0..4, x, weights);
        scale(tiles, x, sums, acc);
    }

    fn fours(job: Job<'_>) {
        job.run();
    }

    fn decode(tile: &[u8], row: usize, out: &mut [f32]) {
        let scale = half(tile, 2 * row);
        for (column, o) in out.iter_mut().enumerate() {
            *o = scale * f32::from(tile[8 + column / 2 * 8 + 2 * row + column % 2].cast_signed());
        }
    }

    fn scales(block: &[u8]) -> [[u8; 2]; 2] {
        [*at(block, 0); 2]
    }
}

/// acc += sum * weights' scale * activations' scale, where a tile begins with its four scales.
#[inline(always)]
pub(crate) fn scale<const M: usize, const N: usize>(
    tiles: [&[u8]; M],
    x: [&Block; N],
    sums: [[I4; N]; M],
    acc: &mut [[F4; N]; M],
) {
    for m in 0..M {
        let scales = F4::halves(at(tiles[m], 0));
        for n in 0..N {
            acc[m][n] = acc[m][n].add(sums[m][n].to_floats().mul(scales.mul(F4::splat(x[n].scale))));
        }
    }
}

/// 32 weights in 18 bytes: scale, nibbles less 8.
pub(crate) struct Q4_0;

impl Format for Q4_0 {
    const WIDTH: usize = BLOCK;
    const STORED: usize = 18;
    const TILE: usize = 4 * 18;
    const GROUPS: (usize, usize) = (4, 2);
    const IN_FOURS: bool = true;

    fn pack(rows: [&[u8]; 4], tile: &mut [u8]) {
        for (r, row) in rows.into_iter().enumerate() {
            tile[2 * r..2 * r + 2].copy_from_slice(&row[..2]);
            let bytes = at(row, 2);
            put_halves(&mut tile[8..72], r, bytes);
        }
    }

    #[inline(always)]
    fn multiply<const M: usize, const N: usize>(tiles: [&[u8]; M], x: [&[Block]; N], acc: &mut [[F4; N]; M]) {
        let x = x.map(|x| &x[0]);
        let start = [x.map(|x| I4::splat(-8 * (x.sums[0] + x.sums[1]))); M];
        let sums = sums(start, 0..4, x, |m, q| quad::<Self>(tiles[m], q));
        scale(tiles, x, sums, acc);
    }

    fn fours(job: Job<'_>) {
        job.run_widened::<Self>();
    }

    fn decode(tile: &[u8], row: usize, out: &mut [f32]) {
        let scale = half(tile, 2 * row);
        for (column, o) in out.iter_mut().enumerate() {
            *o = scale * (f32::from(nibble(&tile[8..], row, column)) - 8.0);
        }
    }

    fn scales(block: &[u8]) -> [[u8; 2]; 2] {
        [*at(block, 0); 2]
    }
}

impl Narrow for Q4_0 {
    const LESS: i16 = 8;

    #[inline(always)]
    fn pair<const K: usize>(tile: &[u8], q: usize) -> H8 {
        nibble_of::<K>(tile, 8 + 16 * q)
    }
}

/// 32 weights in 22 bytes: scale, fifth bits, nibbles; less 16.
pub(crate) struct Q5_0;

impl Format for Q5_0 {
    const WIDTH: usize = BLOCK;
    const STORED: usize = 22;
    const TILE: usize = 4 * 22;
    const GROUPS: (usize, usize) = (4, 2);
    const IN_FOURS: bool = true;

    fn pack(rows: [&[u8]; 4], tile: &mut [u8]) {
        for (r, row) in rows.into_iter().enumerate() {
            tile[2 * r..2 * r + 2].copy_from_slice(&row[..2]);
            let bytes = at(row, 6);
            put_halves(&mut tile[24..88], r, bytes);
            // One vector: a 16-bit lane holds the bits of one (row, parity), pair by pair.
            for column in 0..BLOCK {
                let (pair, bit) = (column / 2, row[2 + column / 8] >> (column % 8) & 1);
                tile[8 + (2 * r + column % 2) * 2 + pair / 8] |= bit << (pair % 8);
            }
        }
    }

    #[inline(always)]
    fn multiply<const M: usize, const N: usize>(tiles: [&[u8]; M], x: [&[Block]; N], acc: &mut [[F4; N]; M]) {
        let x = x.map(|x| &x[0]);
        let start = [x.map(|x| I4::splat(-16 * (x.sums[0] + x.sums[1]))); M];
        let sums = sums(start, 0..4, x, |m, q| quad::<Self>(tiles[m], q));
        scale(tiles, x, sums, acc);
    }

    fn fours(job: Job<'_>) {
        job.run_widened::<Self>();
    }

    fn decode(tile: &[u8], row: usize, out: &mut [f32]) {
        let scale = half(tile, 2 * row);
        for (column, o) in out.iter_mut().enumerate() {
            let pair = column / 2;
            let high = tile[8 + (2 * row + column % 2) * 2 + pair / 8] >> (pair % 8) & 1;
            *o = scale * (f32::from(nibble(&tile[24..], row, column) | high << 4) - 16.0);
        }
    }

    fn scales(block: &[u8]) -> [[u8; 2]; 2] {
        [*at(block, 0); 2]
    }
}

impl Narrow for Q5_0 {
    const LESS: i16 = 16;

    #[inline(always)]
    fn pair<const K: usize>(tile: &[u8], q: usize) -> H8 {
        // Bit p of a lane belongs to pair p, and has to come to place 4.
        let high = H8::load(at(tile, 8)).shift((4 * q + K) as i32 - 4).and(16);
        nibble_of::<K>(tile, 24 + 16 * q).or(high)
    }
}

/// Blocks of 32 in a super-block of 256.
const PARTS: usize = 8;

/// 256 weights in 144 bytes: two scales, then a 6-bit scale and a 6-bit minimum for every 32, nibbles.
pub(crate) struct Q4K;

/// Bytes of a 32-column part of a Q4_K tile: four scales, four minima, nibbles.
pub(crate) const Q4K_PART: usize = 4 + 4 + 64;

impl Format for Q4K {
    const WIDTH: usize = 256;
    const STORED: usize = 144;
    const TILE: usize = 16 + PARTS * Q4K_PART;
    const GROUPS: (usize, usize) = (4, 1);

    fn pack(rows: [&[u8]; 4], tile: &mut [u8]) {
        for (r, row) in rows.into_iter().enumerate() {
            tile[2 * r..2 * r + 2].copy_from_slice(&row[..2]);
            tile[8 + 2 * r..10 + 2 * r].copy_from_slice(&row[2..4]);
            for (p, part) in tile[16..].chunks_exact_mut(Q4K_PART).enumerate() {
                (part[r], part[4 + r]) = q4k_scale(&row[4..16], p);
                // Two parts share 32 bytes: the even one has their lower halves.
                let bytes: &[u8; BLOCK] = at(row, 16 + p / 2 * 32);
                put_nibbles(&mut part[8..], r, |i| bytes[i] >> (4 * (p % 2)));
            }
        }
    }

    #[inline(always)]
    fn multiply<const M: usize, const N: usize>(tiles: [&[u8]; M], x: [&[Block]; N], acc: &mut [[F4; N]; M]) {
        q4k_multiply(tiles, x, acc, |x, offset| {
            sums([[I4::splat(0); N]; M], 0..4, x, |m, q| nibbles(&tiles[m][offset..], q))
        });
    }

    fn decode(tile: &[u8], row: usize, out: &mut [f32]) {
        q4k_decode(tile, row, out, nibble);
    }

    fn scales(block: &[u8]) -> [[u8; 2]; 2] {
        [*at(block, 0), *at(block, 2)]
    }
}

/// The product of Q4_K's tiles: `sums` gives those of a part's activations with its nibbles, which begin at an offset.
#[inline(always)]
pub(crate) fn q4k_multiply<const M: usize, const N: usize>(
    tiles: [&[u8]; M],
    x: [&[Block]; N],
    acc: &mut [[F4; N]; M],
    sums: impl Fn([&Block; N], usize) -> [[I4; N]; M],
) {
    let scales: [[F4; 2]; M] = tiles.map(|tile| [F4::halves(at(tile, 0)), F4::halves(at(tile, 8))]);
    for p in 0..PARTS {
        let (x, offset) = (x.map(|x| &x[p]), 16 + p * Q4K_PART);
        let sums = sums(x, offset + 8);
        for m in 0..M {
            let (scale, least) = (I4::bytes(at(tiles[m], offset)), I4::bytes(at(tiles[m], offset + 4)));
            for n in 0..N {
                let by = F4::splat(x[n].scale);
                let offset = least.mul(I4::splat(x[n].sums[0] + x[n].sums[1])).to_floats();
                let sum = scale.mul(sums[m][n]).to_floats();
                acc[m][n] = acc[m][n].add(sum.mul(scales[m][0].mul(by))).sub(offset.mul(scales[m][1].mul(by)));
            }
        }
    }
}

/// One row of a tile of Q4_K, decoded: `nibble` finds (row, column) in a part's.
pub(crate) fn q4k_decode(tile: &[u8], row: usize, out: &mut [f32], nibble: impl Fn(&[u8], usize, usize) -> u8) {
    let (d, least) = (half(tile, 2 * row), half(tile, 8 + 2 * row));
    for (part, out) in tile[16..].chunks_exact(Q4K_PART).zip(out.chunks_exact_mut(BLOCK)) {
        let (scale, minimum) = (d * f32::from(part[row]), least * f32::from(part[4 + row]));
        for (column, o) in out.iter_mut().enumerate() {
            *o = scale * f32::from(nibble(&part[8..], row, column)) - minimum;
        }
    }
}

/// (scale, minimum) of part p: the first four in the low 6 bits of 8 bytes, the others in 4 more bytes and the bits left over.
pub(crate) fn q4k_scale(packed: &[u8], p: usize) -> (u8, u8) {
    if p < 4 {
        return (packed[p] & 63, packed[p + 4] & 63);
    }
    let low = packed[p + 4];
    ((low & 15) | packed[p - 4] >> 6 << 4, low >> 4 | packed[p] >> 6 << 4)
}

/// 256 weights in 210 bytes: low nibbles, high two bits, a signed scale for every 16, a scale; less 32.
pub(crate) struct Q6K;

/// Bytes of a 32-column part of a Q6_K tile: four scales for each half, nibbles, high bits.
pub(crate) const Q6K_PART: usize = 8 + 64 + 32;

impl Format for Q6K {
    const WIDTH: usize = 256;
    const STORED: usize = 210;
    const TILE: usize = 8 + PARTS * Q6K_PART;
    const GROUPS: (usize, usize) = (2, 1);

    fn pack(rows: [&[u8]; 4], tile: &mut [u8]) {
        for (r, row) in rows.into_iter().enumerate() {
            tile[2 * r..2 * r + 2].copy_from_slice(&row[208..210]);
            for (p, part) in tile[8..].chunks_exact_mut(Q6K_PART).enumerate() {
                part[r] = row[192 + 2 * p];
                part[4 + r] = row[192 + 2 * p + 1];
                put_nibbles(&mut part[8..72], r, |i| q6k_bits(row, p, i).0);
                for i in 0..BLOCK {
                    let (_, high) = q6k_bits(row, p, i);
                    part[q6k_high_byte(r, i)] |= high << (2 * (i / 2 % 4));
                }
            }
        }
    }

    #[inline(always)]
    fn multiply<const M: usize, const N: usize>(tiles: [&[u8]; M], x: [&[Block]; N], acc: &mut [[F4; N]; M]) {
        q6k_multiply(tiles, x, acc, |x, offset| {
            let weights = |m: usize, q: usize| {
                let bits = H8::load(at(tiles[m], offset + 64 + q / 2 * 16));
                // Two bits of each of eight pairs, which have to come to place 4.
                let [a, b, c, d] = nibbles(&tiles[m][offset..], q);
                let high = if q.is_multiple_of(2) {
                    [bits.shift(-4), bits.shift(-2), bits, bits.shift(2)]
                } else {
                    [bits.shift(4), bits.shift(6), bits.shift(8), bits.shift(10)]
                };
                let [e, f, g, h] = high.map(|bit| bit.and(0x30));
                [a.or(e), b.or(f), c.or(g), d.or(h)]
            };
            [0, 1].map(|half| {
                let start = [x.map(|x| I4::splat(-32 * x.sums[half])); M];
                sums(start, 2 * half..2 * half + 2, x, weights)
            })
        });
    }

    fn decode(tile: &[u8], row: usize, out: &mut [f32]) {
        q6k_decode(tile, row, out, |part, column| {
            let high = part[q6k_high_byte(row, column)] >> (2 * (column / 2 % 4)) & 3;
            nibble(&part[8..], row, column) | high << 4
        });
    }

    fn scales(block: &[u8]) -> [[u8; 2]; 2] {
        [*at(block, 208); 2]
    }
}

/// The product of Q6_K's tiles: `sums` gives those of each half of a part's activations, less 32, with its bits, which begin at an offset.
#[inline(always)]
pub(crate) fn q6k_multiply<const M: usize, const N: usize>(
    tiles: [&[u8]; M],
    x: [&[Block]; N],
    acc: &mut [[F4; N]; M],
    sums: impl Fn([&Block; N], usize) -> [[[I4; N]; M]; 2],
) {
    let scales: [F4; M] = tiles.map(|tile| F4::halves(at(tile, 0)));
    for p in 0..PARTS {
        let (x, offset) = (x.map(|x| &x[p]), 8 + p * Q6K_PART);
        let [low, high] = sums(x, offset + 8);
        for m in 0..M {
            let by = [I4::signed_bytes(at(tiles[m], offset)), I4::signed_bytes(at(tiles[m], offset + 4))];
            for n in 0..N {
                let sum = by[0].mul(low[m][n]).add(by[1].mul(high[m][n])).to_floats();
                acc[m][n] = acc[m][n].add(sum.mul(scales[m].mul(F4::splat(x[n].scale))));
            }
        }
    }
}

/// One row of a tile of Q6_K, decoded: `value` finds a column's six bits in a part.
pub(crate) fn q6k_decode(tile: &[u8], row: usize, out: &mut [f32], value: impl Fn(&[u8], usize) -> u8) {
    let d = half(tile, 2 * row);
    for (part, out) in tile[8..].chunks_exact(Q6K_PART).zip(out.chunks_exact_mut(BLOCK)) {
        for (column, o) in out.iter_mut().enumerate() {
            let scale = d * f32::from(part[4 * (column / 16) + row].cast_signed());
            *o = scale * (f32::from(value(part, column)) - 32.0);
        }
    }
}

/// The byte of a part that holds a weight's high two bits: in each of two vectors, a 16-bit lane has one (row, parity) of eight
/// neighbouring pairs of columns.
fn q6k_high_byte(row: usize, column: usize) -> usize {
    let (pair, parity) = (column / 2, column % 2);
    72 + pair / 8 * 16 + (2 * row + parity) * 2 + pair % 8 / 4
}

/// (low nibble, high two bits) of column i of part p. In the file, four parts share 64 bytes of nibbles and 32 bytes of high bits.
pub(crate) fn q6k_bits(block: &[u8], p: usize, i: usize) -> (u8, u8) {
    let (group, quarter) = (p / 4, p % 4);
    let low = block[64 * group + 32 * (quarter % 2) + i] >> (4 * (quarter / 2)) & 15;
    let high = block[128 + 32 * group + i] >> (2 * quarter) & 3;
    (low, high)
}
