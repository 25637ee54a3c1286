//! The formats that weights are stored in, under the numbers and in the sizes that GGUF gives them.

/// Element formats of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 4-byte floats.
    F32,
    /// 2-byte floats.
    F16,
    /// 2-byte floats with the range of 4-byte ones.
    BF16,
    /// 32 weights in 18 bytes.
    Q4_0,
    /// 32 weights in 22 bytes.
    Q5_0,
    /// 32 weights in 34 bytes.
    Q8_0,
    /// 256 weights in 144 bytes.
    Q4K,
    /// 256 weights in 210 bytes.
    Q6K,
}

impl Kind {
    /// Every format with its number in GGUF files.
    const ALL: [(u32, Self); 8] = [
        (0, Self::F32),
        (1, Self::F16),
        (2, Self::Q4_0),
        (6, Self::Q5_0),
        (8, Self::Q8_0),
        (12, Self::Q4K),
        (14, Self::Q6K),
        (30, Self::BF16),
    ];

    /// The format with this number.
    #[must_use]
    pub fn from_id(id: u32) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(n, kind)| (n == id).then_some(kind))
    }

    /// Its number.
    #[must_use]
    pub fn id(self) -> u32 {
        Self::ALL.into_iter().find_map(|(n, kind)| (kind == self).then_some(n)).unwrap_or(0)
    }

    /// (weights, bytes) of one block.
    #[must_use]
    pub fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::BF16 => (1, 2),
            Self::Q4_0 => (32, 18),
            Self::Q5_0 => (32, 22),
            Self::Q8_0 => (32, 34),
            Self::Q4K => (256, 144),
            Self::Q6K => (256, 210),
        }
    }

    /// Bytes of a tensor of these dimensions, rows first; none if rows are no whole number of blocks or it overflows.
    #[must_use]
    pub fn bytes(self, dims: &[usize]) -> Option<usize> {
        let (weights, bytes) = self.block();
        let row = *dims.last()?;
        let rows = dims[..dims.len() - 1].iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
        row.is_multiple_of(weights).then_some(())?;
        (row / weights).checked_mul(bytes)?.checked_mul(rows)
    }
}
