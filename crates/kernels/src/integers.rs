//! Block formats taken apart into whole numbers and scales, for those who lay weights out in a way of their own: every weight is
//! scale * q - least. Never knows who multiplies with them.

use crate::Kind;
use crate::formats::{at, half, halves, q4k_scale, q6k_bits};

/// What a block format is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integers {
    /// Bits that hold a q: 4 or 8.
    pub bits: usize,
    /// Neighbouring weights that share a scale.
    pub per: usize,
    /// Whether there is a `least`; q is then never negative. Else it is signed, and `least` is 0.
    pub least: bool,
}

impl Kind {
    /// None for floats.
    #[must_use]
    pub fn integers(self) -> Option<Integers> {
        let (bits, per, least) = match self {
            Self::F32 | Self::F16 | Self::BF16 => return None,
            Self::Q8_0 | Self::Q5_0 => (8, 32, false),
            Self::Q4_0 => (4, 32, false),
            Self::Q4K => (4, 32, true),
            Self::Q6K => (8, 16, false),
        };
        Some(Integers { bits, per, least })
    }

    /// Take whole blocks, as the file stores them, apart: adds every q to `quants`, and every scale to `scales`, each followed by its
    /// `least` where the format has one. Floats add nothing.
    pub fn take_apart(self, bytes: &[u8], quants: &mut Vec<i8>, scales: &mut Vec<f32>) {
        let nibble = |block: &[u8], offset: usize, column: usize| halves(at(block, offset), column) & 15;
        for block in bytes.chunks_exact(self.block().1) {
            match self {
                Self::F32 | Self::F16 | Self::BF16 => {}
                Self::Q8_0 => {
                    scales.push(half(block, 0));
                    quants.extend(block[2..].iter().map(|q| q.cast_signed()));
                }
                Self::Q4_0 => {
                    scales.push(half(block, 0));
                    quants.extend((0..32).map(|i| nibble(block, 2, i).cast_signed() - 8));
                }
                Self::Q5_0 => {
                    scales.push(half(block, 0));
                    let fifth = |i: usize| (block[2 + i / 8] >> (i % 8) & 1) << 4;
                    quants.extend((0..32).map(|i| (nibble(block, 6, i) | fifth(i)).cast_signed() - 16));
                }
                Self::Q4K => {
                    let (d, least) = (half(block, 0), half(block, 2));
                    for part in 0..8 {
                        let (scale, minimum) = q4k_scale(&block[4..16], part);
                        scales.extend([d * f32::from(scale), least * f32::from(minimum)]);
                        let bytes = &block[16 + part / 2 * 32..][..32];
                        quants.extend(bytes.iter().map(|b| (b >> (4 * (part % 2)) & 15).cast_signed()));
                    }
                }
                Self::Q6K => {
                    let d = half(block, 208);
                    for part in 0..8 {
                        scales.extend(
                            block[192 + 2 * part..][..2].iter().map(|scale| d * f32::from(scale.cast_signed())),
                        );
                        quants.extend((0..32).map(|i| {
                            let (low, high) = q6k_bits(block, part, i);
                            (low | high << 4).cast_signed() - 32
                        }));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;

    #[test]
    fn taken_apart_and_put_together_a_row_is_what_the_matrix_decodes() {
        for kind in [Kind::Q8_0, Kind::Q4_0, Kind::Q5_0, Kind::Q4K, Kind::Q6K] {
            let (columns, rows) = (512, 4);
            let mut state = 7u32;
            let mut bytes = vec![0u8; kind.bytes(&[rows, columns]).unwrap()];
            for byte in &mut bytes {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = (state >> 24) as u8;
            }
            // Scales: small finite halves.
            let (_, stored) = kind.block();
            for block in bytes.chunks_exact_mut(stored) {
                let places: &[usize] = match kind {
                    Kind::Q4K => &[0, 2],
                    Kind::Q6K => &[208],
                    _ => &[0],
                };
                for &place in places {
                    block[place + 1] = 0x20 | block[place + 1] & 0x8f;
                }
            }
            let mut matrix = Matrix::new(kind, rows, columns);
            matrix.push_rows(&bytes).unwrap();
            let (mut quants, mut scales) = (Vec::new(), Vec::new());
            kind.take_apart(&bytes, &mut quants, &mut scales);
            let Integers { bits, per, least } = kind.integers().unwrap();
            assert_eq!(quants.len(), rows * columns);
            assert_eq!(scales.len(), rows * columns / per * (1 + usize::from(least)));
            let (lowest, highest) = match (bits, least) {
                (4, true) => (0, 15),
                (4, false) => (-8, 7),
                _ => (-128, 127),
            };
            assert!(quants.iter().all(|q| (lowest..=highest).contains(q)));
            for row in 0..rows {
                let mut decoded = vec![0f32; columns];
                matrix.row(row, &mut decoded);
                for (column, weight) in decoded.iter().enumerate() {
                    let i = row * columns + column;
                    let q = f32::from(quants[i]);
                    let ours =
                        if least { scales[i / per * 2] * q - scales[i / per * 2 + 1] } else { scales[i / per] * q };
                    assert_eq!(ours.to_bits(), weight.to_bits(), "{kind:?} row {row} column {column}: {ours} {weight}");
                }
            }
        }
    }

    #[test]
    fn floats_have_no_integers() {
        let (mut quants, mut scales) = (Vec::new(), Vec::new());
        Kind::F16.take_apart(&[1, 2, 3, 4], &mut quants, &mut scales);
        assert!(quants.is_empty() && scales.is_empty() && Kind::BF16.integers().is_none());
    }
}
