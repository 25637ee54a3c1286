//! Short vectors for the kernels, on plain arrays: what every machine has, and what the wasm instructions are compared with.

use half::{bf16, f16};
use std::array::from_fn;

/// Four floats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct F4([f32; 4]);

/// Four 32-bit integers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct I4([i32; 4]);

/// Eight 16-bit integers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct H8([i16; 8]);

/// Sixteen bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct B16([u8; 16]);

impl F4 {
    #[inline(always)]
    pub(crate) fn splat(x: f32) -> Self {
        Self([x; 4])
    }

    #[inline(always)]
    pub(crate) fn load(x: &[f32; 4]) -> Self {
        Self(*x)
    }

    /// Four floats of 4 bytes each, least significant first.
    #[inline(always)]
    pub(crate) fn floats(x: &[u8; 16]) -> Self {
        Self(from_fn(|i| f32::from_le_bytes([x[4 * i], x[4 * i + 1], x[4 * i + 2], x[4 * i + 3]])))
    }

    /// Four finite floats of 2 bytes each (IEEE half precision).
    #[inline(always)]
    pub(crate) fn halves(x: &[u8; 8]) -> Self {
        Self(from_fn(|i| f16::from_le_bytes([x[2 * i], x[2 * i + 1]]).to_f32()))
    }

    /// Four floats of which only the upper 2 bytes are kept (bfloat16).
    #[inline(always)]
    pub(crate) fn brains(x: &[u8; 8]) -> Self {
        Self(from_fn(|i| bf16::from_le_bytes([x[2 * i], x[2 * i + 1]]).to_f32()))
    }

    #[inline(always)]
    pub(crate) fn store(self, out: &mut [f32; 4]) {
        *out = self.0;
    }

    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] + other.0[i]))
    }

    #[inline(always)]
    pub(crate) fn sub(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] - other.0[i]))
    }

    #[inline(always)]
    pub(crate) fn mul(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] * other.0[i]))
    }

    #[inline(always)]
    pub(crate) fn div(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] / other.0[i]))
    }

    /// The larger of each two; not defined for NaN.
    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        Self(from_fn(|i| if self.0[i] < other.0[i] { other.0[i] } else { self.0[i] }))
    }

    #[inline(always)]
    pub(crate) fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }

    /// These where `x` is above `limit`, 0 elsewhere.
    #[inline(always)]
    pub(crate) fn where_above(self, x: Self, limit: f32) -> Self {
        Self(from_fn(|i| if x.0[i] > limit { self.0[i] } else { 0.0 }))
    }

    /// The bits.
    #[inline(always)]
    pub(crate) fn bits(self) -> I4 {
        I4(self.0.map(|x| x.to_bits().cast_signed()))
    }

    #[inline(always)]
    pub(crate) fn lanes(self) -> [f32; 4] {
        self.0
    }
}

impl I4 {
    #[inline(always)]
    pub(crate) fn splat(x: i32) -> Self {
        Self([x; 4])
    }

    /// Four unsigned bytes.
    #[inline(always)]
    pub(crate) fn bytes(x: &[u8; 4]) -> Self {
        Self(x.map(i32::from))
    }

    /// Four signed bytes.
    #[inline(always)]
    pub(crate) fn signed_bytes(x: &[u8; 4]) -> Self {
        Self(x.map(|b| b.cast_signed().into()))
    }

    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i].wrapping_add(other.0[i])))
    }

    #[inline(always)]
    pub(crate) fn mul(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i].wrapping_mul(other.0[i])))
    }

    #[inline(always)]
    pub(crate) fn shl<const N: u32>(self) -> Self {
        Self(self.0.map(|x| x << N))
    }

    #[inline(always)]
    pub(crate) fn to_floats(self) -> F4 {
        F4(self.0.map(|x| x as f32))
    }

    /// As the bits of floats.
    #[inline(always)]
    pub(crate) fn as_floats(self) -> F4 {
        F4(self.0.map(|x| f32::from_bits(x.cast_unsigned())))
    }
}

impl H8 {
    /// Eight signed bytes.
    #[inline(always)]
    pub(crate) fn signed_bytes(x: &[u8; 8]) -> Self {
        Self(x.map(|b| b.cast_signed().into()))
    }

    /// Eight integers of 2 bytes each.
    #[inline(always)]
    pub(crate) fn load(x: &[u8; 16]) -> Self {
        Self(from_fn(|i| i16::from_le_bytes([x[2 * i], x[2 * i + 1]])))
    }

    /// A pair of integers, four times over.
    #[inline(always)]
    pub(crate) fn pair(x: &[i16; 2]) -> Self {
        Self(from_fn(|i| x[i % 2]))
    }

    /// Each of four pairs of integers, four times over.
    #[inline(always)]
    pub(crate) fn pairs(x: &[i16; 8]) -> [Self; 4] {
        from_fn(|pair| Self(from_fn(|i| x[2 * pair + i % 2])))
    }

    #[inline(always)]
    pub(crate) fn and(self, mask: u16) -> Self {
        Self(self.0.map(|x| x & mask.cast_signed()))
    }

    #[inline(always)]
    pub(crate) fn or(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] | other.0[i]))
    }

    #[inline(always)]
    pub(crate) fn sub(self, x: i16) -> Self {
        Self(self.0.map(|y| y.wrapping_sub(x)))
    }

    /// Shift right without sign, or left by a negative number.
    #[inline(always)]
    pub(crate) fn shift(self, right: i32) -> Self {
        let one = |x: u16| if right >= 0 { x >> right } else { x << -right };
        Self(self.0.map(|x| one(x.cast_unsigned()).cast_signed()))
    }

    /// Wraps.
    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i].wrapping_add(other.0[i])))
    }

    /// Wraps.
    #[inline(always)]
    pub(crate) fn mul(self, x: i16) -> Self {
        Self(self.0.map(|y| y.wrapping_mul(x)))
    }

    /// Neighbours added.
    #[inline(always)]
    pub(crate) fn widen(self) -> I4 {
        I4(from_fn(|i| i32::from(self.0[2 * i]) + i32::from(self.0[2 * i + 1])))
    }

    /// Products, added in neighbouring pairs.
    #[inline(always)]
    pub(crate) fn dot(self, other: Self) -> I4 {
        let product = |i: usize| i32::from(self.0[i]) * i32::from(other.0[i]);
        I4(from_fn(|i| product(2 * i).wrapping_add(product(2 * i + 1))))
    }

    /// Eight floats within the 16-bit range, rounded to the nearest, ties to even.
    #[inline(always)]
    pub(crate) fn rounded(low: F4, high: F4) -> Self {
        Self(from_fn(|i| if i < 4 { low.0[i] } else { high.0[i - 4] }.round_ties_even() as i16))
    }

    /// Sixteen integers within the 8-bit range, these first.
    #[inline(always)]
    pub(crate) fn store_bytes(self, other: Self, out: &mut [u8; 16]) {
        *out = from_fn(|i| if i < 8 { self.0[i] } else { other.0[i - 8] }.to_le_bytes()[0]);
    }

    #[inline(always)]
    pub(crate) fn store(self, out: &mut [i16; 8]) {
        *out = self.0;
    }
}

impl B16 {
    #[inline(always)]
    pub(crate) fn load(x: &[u8; 16]) -> Self {
        Self(*x)
    }

    /// Four signed bytes, four times over.
    #[inline(always)]
    pub(crate) fn quad(x: &[i8; 4]) -> Self {
        Self(from_fn(|i| x[i % 4].cast_unsigned()))
    }

    #[inline(always)]
    pub(crate) fn and(self, mask: u8) -> Self {
        Self(self.0.map(|x| x & mask))
    }

    #[inline(always)]
    pub(crate) fn or(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i] | other.0[i]))
    }

    /// Shift right, or left by a negative number, in pairs of bytes: a neighbour's bits come in.
    #[inline(always)]
    pub(crate) fn shift(self, right: i32) -> Self {
        let one = |x: u16| if right >= 0 { x >> right } else { x << -right };
        Self(from_fn(|i| one(u16::from_le_bytes([self.0[i & !1], self.0[i | 1]])).to_le_bytes()[i & 1]))
    }

    /// Products of these as signed bytes with bytes below 128, added in neighbouring pairs.
    #[inline(always)]
    pub(crate) fn dot(self, other: Self) -> H8 {
        let product = |i: usize| i16::from(self.0[i].cast_signed()) * i16::from(other.0[i]);
        H8(from_fn(|i| product(2 * i) + product(2 * i + 1)))
    }
}
