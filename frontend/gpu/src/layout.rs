//! How weights lie on the card: as the file has them where those are floats, else whole numbers in words of 32 bits, four or eight to
//! a word, and their scales beside them. Never knows which tensor it is.

use clicker_lm::weights::gguf::Kind;

/// A way to lay weights out, and to read four neighbours of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layout {
    /// A word each.
    F32,
    /// Half a word each.
    F16,
    /// The same, with the range of whole floats.
    BF16,
    /// Signed bytes and a scale: Q8_0, Q5_0, Q6_K.
    Bytes,
    /// Signed nibbles and a scale: Q4_0.
    Nibbles,
    /// Nibbles from 0 on, a scale, and what is taken away: Q4_K.
    Offset,
}

impl Layout {
    /// The layout of a format.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        match (kind, kind.integers()) {
            (Kind::F16, _) => Self::F16,
            (Kind::BF16, _) => Self::BF16,
            (_, None) => Self::F32,
            (_, Some(parts)) if parts.least => Self::Offset,
            (_, Some(parts)) if parts.bits == 4 => Self::Nibbles,
            (_, Some(_)) => Self::Bytes,
        }
    }

    /// WGSL of `weights(row, column)`: four neighbours from a column on that is a multiple of four.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::F32 => {
                "fn weights(row: u32, column: u32) -> vec4<f32> {
                   let at = row * op.columns + column;
                   return bitcast<vec4<f32>>(vec4<u32>(words[at], words[at + 1u], words[at + 2u], words[at + 3u]));
                 }"
            }
            Self::F16 => {
                "fn weights(row: u32, column: u32) -> vec4<f32> {
                   let at = (row * op.columns + column) / 2u;
                   return vec4<f32>(unpack2x16float(words[at]), unpack2x16float(words[at + 1u]));
                 }"
            }
            Self::BF16 => {
                "fn weights(row: u32, column: u32) -> vec4<f32> {
                   let at = (row * op.columns + column) / 2u;
                   let pair = vec2<u32>(words[at], words[at + 1u]);
                   let low = pair << vec2<u32>(16u);
                   let high = pair & vec2<u32>(0xffff0000u);
                   return bitcast<vec4<f32>>(vec4<u32>(low.x, high.x, low.y, high.y));
                 }"
            }
            Self::Bytes => {
                "fn weights(row: u32, column: u32) -> vec4<f32> {
                   let at = row * op.columns + column;
                   let q = (vec4<i32>(bitcast<i32>(words[at / 4u])) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u);
                   return vec4<f32>(q) * scales[at / op.per];
                 }"
            }
            Self::Nibbles => {
                "fn weights(row: u32, column: u32) -> vec4<f32> {
                   let at = row * op.columns + column;
                   let word = words[at / 8u] >> (at % 8u * 4u);
                   let q = (vec4<i32>(bitcast<i32>(word)) << vec4<u32>(28u, 24u, 20u, 16u)) >> vec4<u32>(28u);
                   return vec4<f32>(q) * scales[at / op.per];
                 }"
            }
            Self::Offset => {
                "fn weights(row: u32, column: u32) -> vec4<f32> {
                   let at = row * op.columns + column;
                   let word = words[at / 8u] >> (at % 8u * 4u);
                   let q = (vec4<u32>(word) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u);
                   let by = at / op.per * 2u;
                   return vec4<f32>(q) * scales[by] - vec4<f32>(scales[by + 1u]);
                 }"
            }
        }
    }

    /// Bytes of so many weights: of their words, and of their scales.
    #[must_use]
    pub fn bytes(kind: Kind, weights: usize) -> (usize, usize) {
        match kind.integers() {
            None => (weights * kind.block().1, 0),
            Some(parts) => (weights * parts.bits / 8, weights / parts.per * 4 * (1 + usize::from(parts.least))),
        }
    }

    /// Whole blocks of a file to words and scales, as bytes.
    pub fn pack(kind: Kind, stored: &[u8], words: &mut Vec<u8>, scales: &mut Vec<u8>) {
        words.clear();
        scales.clear();
        let Some(parts) = kind.integers() else {
            words.extend_from_slice(stored);
            return;
        };
        let (mut quants, mut floats) = (Vec::new(), Vec::new());
        kind.take_apart(stored, &mut quants, &mut floats);
        scales.extend(floats.iter().flat_map(|scale| scale.to_le_bytes()));
        if parts.bits == 8 {
            words.extend(quants.iter().map(|q| q.cast_unsigned()));
        } else {
            let pairs = quants.as_chunks::<2>().0.iter();
            words.extend(pairs.map(|[a, b]| (a.cast_unsigned() & 15) | b.cast_unsigned() << 4));
        }
    }
}
