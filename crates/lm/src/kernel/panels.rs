//! How operands lie in memory: any strided matrix as it is, and the packed panels that a tile reads from end to end.

use super::Level;
use super::tile::{Left, MR, NR};
use std::ops::Range;

/// A matrix in place: rows and columns any number of values apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    data: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    row_step: usize,
    column_step: usize,
}

impl<'a> View<'a> {
    /// Rows of `columns` values end to end.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// Rows `step` values apart.
    pub(crate) fn strided(data: &'a [f32], rows: usize, columns: usize, step: usize) -> Self {
        let needed = if rows == 0 || columns == 0 { 0 } else { (rows - 1) * step + columns };
        assert!(data.len() >= needed, "{} values for [{rows}, {columns}] in steps of {step}", data.len());
        Self { data, rows, columns, row_step: step, column_step: 1 }
    }

    /// The transpose.
    pub(crate) fn turned(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
        }
    }

    /// Some rows and columns as a left-hand operand: packed, or in place where a tile reads rows as fast as that.
    pub(crate) fn group<'s>(self, rows: Range<usize>, columns: Range<usize>, space: &'s mut Vec<f32>) -> Group<'s>
    where
        'a: 's,
    {
        let (count, kc) = (rows.len(), columns.len());
        if self.column_step == 1 && Level::of_this_processor() != Level::Avx512 {
            let values = &self.data[rows.start * self.row_step + columns.start..];
            return Group { values, count, column_step: 1, row_step: self.row_step, next: self.row_step };
        }
        pack_rows(self, rows, columns, space);
        Group { values: space, count, column_step: MR, row_step: 1, next: kc }
    }

    #[cfg(test)]
    pub(crate) fn at(&self, row: usize, column: usize) -> f32 {
        self.data[row * self.row_step + column * self.column_step]
    }
}

/// Rows of a left-hand operand, ready for tiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<'a> {
    values: &'a [f32],
    count: usize,
    column_step: usize,
    row_step: usize,
    /// How far apart two rows are where a tile begins.
    next: usize,
}

impl<'a> Group<'a> {
    /// Rows.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The rows of the tile that begins with row `i`, a multiple of [`MR`].
    pub(crate) fn rows(&self, i: usize) -> Left<'a> {
        let Self { values, count, column_step, row_step, next } = *self;
        Left { values: &values[i * next..], column_step, row_step, rows: MR.min(count - i) }
    }
}

/// A right-hand operand [k, n] in panels of [`NR`] columns, each [k, NR], the last one filled up with zeros.
#[derive(Debug, Default)]
pub(crate) struct Panels {
    data: Vec<f32>,
    /// Where the first whole cache line of `data` begins.
    start: usize,
    k: usize,
    n: usize,
}

/// Values in a cache line.
const LINE: usize = 16;

impl Panels {
    /// Replace the contents by one matrix.
    pub(crate) fn pack(&mut self, b: View<'_>) {
        self.clear(b.rows, b.columns);
        self.fill(b, 0, 0);
    }

    /// Replace the contents by matrices that stand below each other, [k_i, n] each.
    pub(crate) fn pack_below<'a>(&mut self, parts: impl Iterator<Item = View<'a>> + Clone) {
        let (k, n) = parts.clone().fold((0, 0), |(k, _), part| (k + part.rows, part.columns));
        self.clear(k, n);
        let mut row = 0;
        for part in parts {
            self.fill(part, row, 0);
            row += part.rows;
        }
    }

    /// Replace the contents by matrices that stand beside each other, [k, n_i] each.
    pub(crate) fn pack_beside<'a>(&mut self, parts: impl Iterator<Item = View<'a>> + Clone) {
        let (k, n) = parts.clone().fold((0, 0), |(_, n), part| (part.rows, n + part.columns));
        self.clear(k, n);
        let mut column = 0;
        for part in parts {
            self.fill(part, 0, column);
            column += part.columns;
        }
    }

    /// Rows (k).
    pub(crate) fn rows(&self) -> usize {
        self.k
    }

    /// Columns (n).
    pub(crate) fn columns(&self) -> usize {
        self.n
    }

    /// Rows k0..k0 + kc of one panel, [kc, NR].
    pub(crate) fn panel(&self, panel: usize, k0: usize, kc: usize) -> &[f32] {
        let at = self.start + (panel * self.k + k0) * NR;
        &self.data[at..at + kc * NR]
    }

    /// [`Self::panel`], if there is that much.
    pub(crate) fn find_panel(&self, panel: usize, k0: usize, kc: usize) -> Option<&[f32]> {
        let at = self.start + (panel * self.k + k0) * NR;
        self.data.get(at..at + kc * NR)
    }

    /// Make room for [k, n]; the last panel's unused columns become zeros, the rest is to be filled.
    pub(crate) fn clear(&mut self, k: usize, n: usize) {
        let panels = n.div_ceil(NR);
        let len = panels * k * NR + LINE;
        if self.data.len() < len {
            self.data = vec![0.0; len];
            self.start = self.data.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        }
        (self.k, self.n) = (k, n);
        if !n.is_multiple_of(NR) {
            let at = self.start + (panels - 1) * k * NR;
            self.data[at..at + k * NR].fill(0.0);
        }
    }

    /// Make whole rows zero.
    pub(crate) fn zero_rows(&mut self, rows: Range<usize>) {
        for panel in 0..self.n.div_ceil(NR) {
            let at = self.start + panel * self.k * NR;
            self.data[at + rows.start * NR..at + rows.end * NR].fill(0.0);
        }
    }

    /// Write a part to (row, column).
    pub(crate) fn fill(&mut self, part: View<'_>, row: usize, column: usize) {
        let mut done = 0;
        while done < part.columns {
            let (panel, offset) = ((column + done) / NR, (column + done) % NR);
            let width = (NR - offset).min(part.columns - done);
            let at = self.start + (panel * self.k + row) * NR;
            let out = &mut self.data[at..at + part.rows * NR];
            if part.column_step == 1 {
                for (t, out) in out.chunks_exact_mut(NR).enumerate() {
                    let from = t * part.row_step + done;
                    out[offset..offset + width].copy_from_slice(&part.data[from..from + width]);
                }
            } else {
                for j in 0..width {
                    let from = &part.data[(done + j) * part.column_step..];
                    for (t, out) in out.chunks_exact_mut(NR).enumerate() {
                        out[offset + j] = from[t * part.row_step];
                    }
                }
            }
            done += width;
        }
    }
}

/// Pack rows of a left-hand operand for tiles: groups of [`MR`] rows, each [k, MR]. The last group's missing rows are left
/// as they were: a tile does not read them.
fn pack_rows(a: View<'_>, rows: Range<usize>, columns: Range<usize>, out: &mut Vec<f32>) {
    let kc = columns.len();
    let len = rows.len().div_ceil(MR) * MR * kc;
    if out.len() < len {
        out.resize(len, 0.0);
    }
    for (group, out) in out[..len].chunks_exact_mut((MR * kc).max(1)).enumerate() {
        let first = rows.start + group * MR;
        let height = MR.min(rows.end - first);
        if a.column_step == 1 {
            pack_group(&a, first, height, columns.clone(), out);
        } else {
            for (t, out) in columns.clone().zip(out.chunks_exact_mut(MR)) {
                let from = t * a.column_step + first * a.row_step;
                if a.row_step != 1 {
                    for (i, out) in out[..height].iter_mut().enumerate() {
                        *out = a.data[from + i * a.row_step];
                    }
                } else if height == MR {
                    // A length that is known when it is compiled: no call for so few values.
                    out.copy_from_slice(&a.data[from..from + MR]);
                } else {
                    out[..height].copy_from_slice(&a.data[from..from + height]);
                }
            }
        }
    }
}

/// Up to [`MR`] rows whose values lie side by side, turned so that a column lies side by side.
fn pack_group(a: &View<'_>, first: usize, height: usize, columns: Range<usize>, out: &mut [f32]) {
    let row = |i: usize| {
        let at = (first + i.min(height - 1)) * a.row_step + columns.start;
        &a.data[at..at + columns.len()]
    };
    // Arrays of known length: the compiler checks no bounds and unrolls the turning.
    const SIDE: usize = 16;
    let blocks: [&[[f32; SIDE]]; MR] = std::array::from_fn(|i| row(i).as_chunks::<SIDE>().0);
    let (whole, rest) = out.split_at_mut(blocks[0].len() * SIDE * MR);
    for (b, out) in whole.as_chunks_mut::<{ SIDE * MR }>().0.iter_mut().enumerate() {
        let blocks: [&[f32; SIDE]; MR] = std::array::from_fn(|i| &blocks[i][b]);
        for t in 0..SIDE {
            for i in 0..MR {
                out[t * MR + i] = blocks[i][t];
            }
        }
    }
    let done = blocks[0].len() * SIDE;
    for (t, out) in rest.as_chunks_mut::<MR>().0.iter_mut().enumerate() {
        for (i, out) in out.iter_mut().enumerate() {
            *out = row(i)[done + t];
        }
    }
}
