//! Short vectors for the kernels, on WebAssembly's 128-bit instructions. Same functions and same results as `simd_plain.rs`.
#![expect(unsafe_code, reason = "loading and storing a vector has no safe form")]

use std::arch::wasm32::*;

/// Four floats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct F4(v128);

/// Four 32-bit integers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct I4(v128);

/// Eight 16-bit integers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct H8(v128);

/// Sixteen bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct B16(v128);

// SAFETY, for every load and store below: the argument is a reference to an array of exactly the bytes that are touched, and
// these instructions take any alignment.

impl F4 {
    #[inline(always)]
    pub(crate) fn splat(x: f32) -> Self {
        Self(f32x4_splat(x))
    }

    #[inline(always)]
    pub(crate) fn load(x: &[f32; 4]) -> Self {
        Self(unsafe { v128_load(x.as_ptr().cast()) })
    }

    /// Four floats of 4 bytes each, least significant first.
    #[inline(always)]
    pub(crate) fn floats(x: &[u8; 16]) -> Self {
        Self(unsafe { v128_load(x.as_ptr().cast()) })
    }

    /// Four finite floats of 2 bytes each (IEEE half precision).
    #[inline(always)]
    pub(crate) fn halves(x: &[u8; 8]) -> Self {
        let wide = i32x4_shl(unsafe { i32x4_load_extend_i16x4(x.as_ptr().cast()) }, 13);
        // Sign, exponent and fraction are in place; 2^112 makes up for the two exponents' offsets, also below the normal numbers.
        Self(f32x4_mul(
            v128_and(wide, i32x4_splat(0x8fff_e000_u32.cast_signed())),
            f32x4_splat(f32::from_bits(0x7780_0000)),
        ))
    }

    /// Four floats of which only the upper 2 bytes are kept (bfloat16).
    #[inline(always)]
    pub(crate) fn brains(x: &[u8; 8]) -> Self {
        Self(i32x4_shl(unsafe { u32x4_load_extend_u16x4(x.as_ptr().cast()) }, 16))
    }

    #[inline(always)]
    pub(crate) fn store(self, out: &mut [f32; 4]) {
        unsafe { v128_store(out.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        Self(f32x4_add(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn sub(self, other: Self) -> Self {
        Self(f32x4_sub(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn mul(self, other: Self) -> Self {
        Self(f32x4_mul(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn div(self, other: Self) -> Self {
        Self(f32x4_div(self.0, other.0))
    }

    /// The larger of each two; not defined for NaN.
    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        Self(f32x4_pmax(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn abs(self) -> Self {
        Self(f32x4_abs(self.0))
    }

    /// These where `x` is above `limit`, 0 elsewhere.
    #[inline(always)]
    pub(crate) fn where_above(self, x: Self, limit: f32) -> Self {
        Self(v128_and(self.0, f32x4_gt(x.0, f32x4_splat(limit))))
    }

    /// The bits.
    #[inline(always)]
    pub(crate) fn bits(self) -> I4 {
        I4(self.0)
    }

    #[inline(always)]
    pub(crate) fn lanes(self) -> [f32; 4] {
        let mut out = [0.0; 4];
        self.store(&mut out);
        out
    }
}

impl I4 {
    #[inline(always)]
    pub(crate) fn splat(x: i32) -> Self {
        Self(i32x4_splat(x))
    }

    /// Four unsigned bytes.
    #[inline(always)]
    pub(crate) fn bytes(x: &[u8; 4]) -> Self {
        let all = unsafe { v128_load32_zero(x.as_ptr().cast()) };
        Self(u32x4_extend_low_u16x8(u16x8_extend_low_u8x16(all)))
    }

    /// Four signed bytes.
    #[inline(always)]
    pub(crate) fn signed_bytes(x: &[u8; 4]) -> Self {
        let all = unsafe { v128_load32_zero(x.as_ptr().cast()) };
        Self(i32x4_extend_low_i16x8(i16x8_extend_low_i8x16(all)))
    }

    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        Self(i32x4_add(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn mul(self, other: Self) -> Self {
        Self(i32x4_mul(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn shl<const N: u32>(self) -> Self {
        Self(i32x4_shl(self.0, N))
    }

    #[inline(always)]
    pub(crate) fn to_floats(self) -> F4 {
        F4(f32x4_convert_i32x4(self.0))
    }

    /// As the bits of floats.
    #[inline(always)]
    pub(crate) fn as_floats(self) -> F4 {
        F4(self.0)
    }
}

impl H8 {
    /// Eight signed bytes.
    #[inline(always)]
    pub(crate) fn signed_bytes(x: &[u8; 8]) -> Self {
        Self(unsafe { i16x8_load_extend_i8x8(x.as_ptr().cast()) })
    }

    /// Eight integers of 2 bytes each.
    #[inline(always)]
    pub(crate) fn load(x: &[u8; 16]) -> Self {
        Self(unsafe { v128_load(x.as_ptr().cast()) })
    }

    /// A pair of integers, four times over.
    #[inline(always)]
    pub(crate) fn pair(x: &[i16; 2]) -> Self {
        Self(unsafe { v128_load32_splat(x.as_ptr().cast()) })
    }

    /// Each of four pairs of integers, four times over. One load and four shuffles: cheaper than four loads that repeat a pair.
    #[inline(always)]
    pub(crate) fn pairs(x: &[i16; 8]) -> [Self; 4] {
        let x = unsafe { v128_load(x.as_ptr().cast()) };
        [
            Self(i32x4_shuffle::<0, 0, 0, 0>(x, x)),
            Self(i32x4_shuffle::<1, 1, 1, 1>(x, x)),
            Self(i32x4_shuffle::<2, 2, 2, 2>(x, x)),
            Self(i32x4_shuffle::<3, 3, 3, 3>(x, x)),
        ]
    }

    #[inline(always)]
    pub(crate) fn and(self, mask: u16) -> Self {
        Self(v128_and(self.0, u16x8_splat(mask)))
    }

    #[inline(always)]
    pub(crate) fn or(self, other: Self) -> Self {
        Self(v128_or(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn sub(self, x: i16) -> Self {
        Self(i16x8_sub(self.0, i16x8_splat(x)))
    }

    /// Shift right without sign, or left by a negative number.
    #[inline(always)]
    pub(crate) fn shift(self, right: i32) -> Self {
        if right >= 0 {
            Self(u16x8_shr(self.0, right.unsigned_abs()))
        } else {
            Self(i16x8_shl(self.0, right.unsigned_abs()))
        }
    }

    /// Wraps.
    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        Self(i16x8_add(self.0, other.0))
    }

    /// Wraps.
    #[inline(always)]
    pub(crate) fn mul(self, x: i16) -> Self {
        Self(i16x8_mul(self.0, i16x8_splat(x)))
    }

    /// Neighbours added.
    #[inline(always)]
    pub(crate) fn widen(self) -> I4 {
        I4(i32x4_extadd_pairwise_i16x8(self.0))
    }

    /// Products, added in neighbouring pairs.
    #[inline(always)]
    pub(crate) fn dot(self, other: Self) -> I4 {
        I4(i32x4_dot_i16x8(self.0, other.0))
    }

    /// Eight floats within the 16-bit range, rounded to the nearest, ties to even.
    #[inline(always)]
    pub(crate) fn rounded(low: F4, high: F4) -> Self {
        // Adding 1.5 * 2^23 leaves the rounded integer in the low bits.
        let (magic, bits) = (f32x4_splat(12_582_912.0), i32x4_splat(0x4b40_0000));
        let round = |x: F4| i32x4_sub(f32x4_add(x.0, magic), bits);
        Self(i16x8_narrow_i32x4(round(low), round(high)))
    }

    /// Sixteen integers within the 8-bit range, these first.
    #[inline(always)]
    pub(crate) fn store_bytes(self, other: Self, out: &mut [u8; 16]) {
        unsafe { v128_store(out.as_mut_ptr().cast(), i8x16_narrow_i16x8(self.0, other.0)) }
    }

    #[inline(always)]
    pub(crate) fn store(self, out: &mut [i16; 8]) {
        unsafe { v128_store(out.as_mut_ptr().cast(), self.0) }
    }
}

impl B16 {
    #[inline(always)]
    pub(crate) fn load(x: &[u8; 16]) -> Self {
        Self(unsafe { v128_load(x.as_ptr().cast()) })
    }

    /// Four signed bytes, four times over.
    #[inline(always)]
    pub(crate) fn quad(x: &[i8; 4]) -> Self {
        Self(unsafe { v128_load32_splat(x.as_ptr().cast()) })
    }

    #[inline(always)]
    pub(crate) fn and(self, mask: u8) -> Self {
        Self(v128_and(self.0, u8x16_splat(mask)))
    }

    #[inline(always)]
    pub(crate) fn or(self, other: Self) -> Self {
        Self(v128_or(self.0, other.0))
    }

    /// Shift right, or left by a negative number, in pairs of bytes: a neighbour's bits come in.
    #[inline(always)]
    pub(crate) fn shift(self, right: i32) -> Self {
        Self(H8(self.0).shift(right).0)
    }

    /// Products of these as signed bytes with bytes below 128, added in neighbouring pairs. With such bytes the relaxed instruction leaves nothing
    /// open: every machine gives the same.
    #[cfg(target_feature = "relaxed-simd")]
    #[inline(always)]
    pub(crate) fn dot(self, other: Self) -> H8 {
        H8(i16x8_relaxed_dot_i8x16_i7x16(self.0, other.0))
    }

    #[cfg(not(target_feature = "relaxed-simd"))]
    #[inline(always)]
    pub(crate) fn dot(self, other: Self) -> H8 {
        let (low, high) = (i16x8_extmul_low_i8x16(self.0, other.0), i16x8_extmul_high_i8x16(self.0, other.0));
        H8(i16x8_add(
            i16x8_shuffle::<0, 2, 4, 6, 8, 10, 12, 14>(low, high),
            i16x8_shuffle::<1, 3, 5, 7, 9, 11, 13, 15>(low, high),
        ))
    }
}
