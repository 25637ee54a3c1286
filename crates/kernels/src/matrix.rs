//! A weight matrix in tiles of four rows, filled row by row as its bytes arrive, and its product with rows of activations.

use crate::activations::{Activations, BLOCK, Block, HAVE_QUADS};
use crate::bundle::{GROUPS, Layout, Neighbours, ROWS};
use crate::crew::{self, Parted};
use crate::floats::{self, Bf16, F16, F32, Float};
use crate::formats::{Format, Q4_0, Q4K, Q5_0, Q6K, Q8_0};
use crate::fours::{Four, Job};
use crate::simd::F4;
use crate::{KernelError, Kind, Result, quads};
use std::marker::PhantomData;
use std::ops::Range;

/// A matrix [rows, columns], one row per output.
#[derive(Debug)]
pub struct Matrix {
    kind: Kind,
    rows: usize,
    columns: usize,
    /// Groups of four rows that have arrived.
    filled: usize,
    /// All of them, the last filled up with zeros.
    data: Vec<u8>,
    quads: bool,
}

/// Call a generic function with the type that belongs to a kind and a layout.
macro_rules! by_kind {
    ($kind:expr, $quads:expr, $blocks:ident, $floats:ident, $($args:expr),*) => {
        match $kind {
            Kind::F32 => $floats::<F32>($($args),*),
            Kind::F16 => $floats::<F16>($($args),*),
            Kind::BF16 => $floats::<Bf16>($($args),*),
            Kind::Q8_0 => $blocks::<Q8_0>($($args),*),
            Kind::Q4_0 if $quads => $blocks::<quads::Q4_0>($($args),*),
            Kind::Q5_0 if $quads => $blocks::<quads::Q5_0>($($args),*),
            Kind::Q4K if $quads => $blocks::<quads::Q4K>($($args),*),
            Kind::Q6K if $quads => $blocks::<quads::Q6K>($($args),*),
            Kind::Q4_0 => $blocks::<Q4_0>($($args),*),
            Kind::Q5_0 => $blocks::<Q5_0>($($args),*),
            Kind::Q4K => $blocks::<Q4K>($($args),*),
            Kind::Q6K => $blocks::<Q6K>($($args),*),
        }
    };
}

impl Matrix {
    /// An empty matrix. Nothing is allocated before rows arrive beyond what the rows will take.
    #[must_use]
    pub fn new(kind: Kind, rows: usize, columns: usize) -> Self {
        Self::laid_out(kind, rows, columns, false)
    }

    /// The same; outside WebAssembly in quads if so wished, as builds with relaxed SIMD have them, so that tests compare the layouts.
    #[must_use]
    pub fn laid_out(kind: Kind, rows: usize, columns: usize, quads: bool) -> Self {
        let mut matrix = Self { kind, rows, columns, filled: 0, data: Vec::new(), quads };
        let Layout { groups, tiles, tile } =
            by_kind!(kind, matrix.in_quads(), blocks_layout, floats_layout, rows, columns);
        matrix.data = Vec::with_capacity(groups * tiles * tile);
        matrix
    }

    /// The builds for browsers each know one layout, and only its kernels are in them.
    #[inline(always)]
    fn in_quads(&self) -> bool {
        if cfg!(target_arch = "wasm32") { HAVE_QUADS } else { self.quads }
    }

    /// Add the next rows, as the file stores them: a multiple of four, or all that are left.
    ///
    /// # Errors
    /// A weight or a scale that is no finite number.
    pub fn push_rows(&mut self, bytes: &[u8]) -> Result<()> {
        by_kind!(self.kind, self.in_quads(), pack_blocks, pack_floats, self, bytes)
            .map_err(|at| KernelError::NotFinite { at })
    }

    /// Bytes of one row in the file.
    #[must_use]
    pub fn stored_row(&self) -> usize {
        self.kind.bytes(&[self.columns]).unwrap_or(0)
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.data.capacity()
    }

    /// Decode one row: a token's vector.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        by_kind!(self.kind, self.in_quads(), blocks_row, floats_row, self, row, out);
    }

    /// Outputs.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether products take activations as blocks.
    #[must_use]
    pub fn is_in_blocks(&self) -> bool {
        self.kind.block().0 > 1
    }

    /// x [N, columns] to `out` [N, rows].
    pub fn product(&self, x: &Activations, out: &mut Vec<f32>) {
        self.product_of(x, 0..x.rows(), out);
    }

    /// Some rows of x to `out` [n, rows].
    pub fn product_of(&self, x: &Activations, of: Range<usize>, out: &mut Vec<f32>) {
        Self::products(x, of, &mut [(self, out)]);
    }

    /// Some rows of x with up to three matrices of as many columns, each to its own `out` [n, rows], as one piece of work: threads meet once.
    pub fn products(x: &Activations, of: Range<usize>, with: &mut [(&Self, &mut Vec<f32>)]) {
        let mut outs = with.iter_mut();
        let parts: [Option<(&Self, Parted<'_, f32>)>; 3] = std::array::from_fn(|_| {
            let (matrix, out) = outs.next()?;
            out.resize(of.len() * matrix.rows, 0.0);
            Some((*matrix, Parted::new(out.as_mut_slice())))
        });
        let sum = |each: fn(&Self) -> usize| parts.iter().flatten().map(|(matrix, _)| each(matrix)).sum::<usize>();
        crew::share(
            sum(Self::units),
            || of.len() * sum(|matrix| matrix.rows * matrix.columns),
            |units| {
                let mut first = 0;
                for (matrix, out) in parts.iter().flatten() {
                    let here = units.start.max(first)..units.end.min(first + matrix.units());
                    if !here.is_empty() {
                        matrix.part(here.start - first..here.end - first, x, of.clone(), out);
                    }
                    first += matrix.units();
                }
            },
        );
    }

    /// Bundles: where a product is cut no kernel is.
    fn units(&self) -> usize {
        self.rows.div_ceil(ROWS * GROUPS)
    }

    /// The columns of `out` that belong to some units.
    #[inline(never)]
    fn part(&self, units: Range<usize>, x: &Activations, of: Range<usize>, out: &Parted<'_, f32>) {
        let groups = GROUPS * units.start..(GROUPS * units.end).min(self.rows.div_ceil(ROWS));
        by_kind!(self.kind, self.in_quads(), blocks_product, floats_product, self, groups, x, of, out);
    }
}

fn blocks_layout<F: Format>(rows: usize, columns: usize) -> Layout {
    Layout::new(rows, columns / F::WIDTH, F::TILE)
}

/// A tile of floats is one column of four rows.
fn floats_layout<K: Float>(rows: usize, columns: usize) -> Layout {
    Layout::new(rows, columns, ROWS * K::BYTES)
}

/// Lay rows side by side; an error is the place of the first weight that is not finite.
fn pack_blocks<F: Format>(matrix: &mut Matrix, bytes: &[u8]) -> std::result::Result<(), usize> {
    let not_finite = |scale: [u8; 2]| scale[1] & 0x7c == 0x7c;
    if let Some(bad) = bytes.chunks_exact(F::STORED).position(|block| F::scales(block).into_iter().any(not_finite)) {
        return Err(bad * F::WIDTH);
    }
    let (blocks, zeros) = (matrix.columns / F::WIDTH, [0; 256]);
    matrix.fill(blocks_layout::<F>(matrix.rows, matrix.columns), bytes, blocks * F::STORED, |four, b, tile| {
        let block = |row: usize| four.get((row * blocks + b) * F::STORED..(row * blocks + b + 1) * F::STORED);
        F::pack(std::array::from_fn(|row| block(row).unwrap_or(&zeros[..F::STORED])), tile);
    });
    Ok(())
}

fn pack_floats<K: Float>(matrix: &mut Matrix, bytes: &[u8]) -> std::result::Result<(), usize> {
    if let Some(bad) = bytes.chunks_exact(K::BYTES).position(|weight| !K::one(weight).is_finite()) {
        return Err(bad);
    }
    let columns = matrix.columns;
    matrix.fill(floats_layout::<K>(matrix.rows, columns), bytes, columns * K::BYTES, |four, column, tile| {
        for (row, to) in tile.chunks_exact_mut(K::BYTES).enumerate() {
            let start = (row * columns + column) * K::BYTES;
            to.copy_from_slice(four.get(start..start + K::BYTES).unwrap_or(&[0; 4][..K::BYTES]));
        }
    });
    Ok(())
}

impl Matrix {
    /// The next rows' tiles: `pack` makes one from up to four rows' bytes and its number.
    #[inline(always)]
    fn fill(&mut self, layout: Layout, bytes: &[u8], stored_row: usize, pack: impl Fn(&[u8], usize, &mut [u8])) {
        let fours = bytes.chunks((ROWS * stored_row).max(1));
        // All at once: it is fresh memory, which costs as much as laying out.
        self.data.resize(layout.bytes(self.filled + fours.len()), 0);
        for four in fours {
            let (start, stride) = layout.place(self.filled);
            for (t, place) in self.data[start..].chunks_mut(stride).take(layout.tiles).enumerate() {
                pack(four, t, &mut place[..layout.tile]);
            }
            self.filled += 1;
        }
    }
}

fn blocks_row<F: Format>(matrix: &Matrix, row: usize, out: &mut [f32]) {
    let group = blocks_layout::<F>(matrix.rows, matrix.columns).neighbours(&matrix.data, row / ROWS);
    for (t, out) in out.chunks_exact_mut(F::WIDTH).enumerate() {
        let [tile] = group.tiles(t, F::TILE);
        F::decode(tile, row % ROWS, out);
    }
}

fn floats_row<K: Float>(matrix: &Matrix, row: usize, out: &mut [f32]) {
    let group = floats_layout::<K>(matrix.rows, matrix.columns).neighbours(&matrix.data, row / ROWS);
    for (column, o) in out.iter_mut().enumerate() {
        let [tile] = group.tiles(column, ROWS * K::BYTES);
        *o = K::one(&tile[row % ROWS * K::BYTES..]);
    }
}

/// Sums of M groups of four rows with N rows of activations, elements T.
trait Kernel<T> {
    /// Groups at a time for one row of activations: 4 or 2; and for several: 2 or 1. As many sums as leave registers for
    /// decoding the weights.
    const ALONE: usize;
    const TOGETHER: usize;

    fn run<const M: usize, const N: usize>(groups: Neighbours<'_>, x: [&[T]; N]) -> [[F4; N]; M];

    /// See [`Format`].
    const IN_FOURS: bool;

    /// See [`Format`].
    fn fours(job: Job<'_>);
}

/// Of block formats.
struct Tiles<F>(PhantomData<F>);

impl<F: Format> Kernel<Block> for Tiles<F> {
    const ALONE: usize = F::GROUPS.0;
    const TOGETHER: usize = F::GROUPS.1;

    /// A function of its own for each shape: in one that held them all, the compiler would run out of registers.
    #[inline(never)]
    fn run<const M: usize, const N: usize>(groups: Neighbours<'_>, x: [&[Block]; N]) -> [[F4; N]; M] {
        let mut acc = [[F4::splat(0.0); N]; M];
        let width = F::WIDTH / BLOCK;
        for t in 0..x[0].len() / width {
            F::multiply(groups.tiles(t, F::TILE), x.map(|x| &x[t * width..(t + 1) * width]), &mut acc);
        }
        acc
    }

    const IN_FOURS: bool = F::IN_FOURS;

    fn fours(job: Job<'_>) {
        F::fours(job);
    }
}

/// Of floats.
struct Columns<K>(PhantomData<K>);

impl<K: Float> Kernel<f32> for Columns<K> {
    const ALONE: usize = 2;
    const TOGETHER: usize = 1;

    #[inline(never)]
    fn run<const M: usize, const N: usize>(groups: Neighbours<'_>, x: [&[f32]; N]) -> [[F4; N]; M] {
        floats::multiply::<K, M, N>(groups, x)
    }

    const IN_FOURS: bool = false;

    fn fours(_job: Job<'_>) {}
}

fn blocks_product<F: Format>(
    matrix: &Matrix,
    groups: Range<usize>,
    x: &Activations,
    of: Range<usize>,
    out: &Parted<'_, f32>,
) {
    let (layout, per_row) = (blocks_layout::<F>(matrix.rows, matrix.columns), matrix.columns / BLOCK);
    // Rows that begin within a four are taken one by one, which only adapters ask for.
    let fours = if of.start.is_multiple_of(4) { &x.fours[of.start / 4 * per_row..of.end / 4 * per_row] } else { &[] };
    let x = &x.blocks[of.start * per_row..of.end * per_row];
    Product { matrix, groups, layout, x, fours, per_row, out }.run::<Tiles<F>>();
}

fn floats_product<K: Float>(
    matrix: &Matrix,
    groups: Range<usize>,
    x: &Activations,
    of: Range<usize>,
    out: &Parted<'_, f32>,
) {
    let (layout, per_row) = (floats_layout::<K>(matrix.rows, matrix.columns), matrix.columns);
    let x = &x.floats[of.start * per_row..of.end * per_row];
    Product { matrix, groups, layout, x, fours: &[], per_row, out }.run::<Columns<K>>();
}

/// A product of some groups of rows with all activations, cut into the shapes that the kernels have.
struct Product<'a, T> {
    matrix: &'a Matrix,
    groups: Range<usize>,
    layout: Layout,
    x: &'a [T],
    /// The same side by side, for formats that have kernels for it; none where they do not begin with a whole four.
    fours: &'a [Four],
    per_row: usize,
    /// [N, rows], of which it writes the columns of its groups.
    out: &'a Parted<'a, f32>,
}

impl<'a, T> Product<'a, T> {
    /// Groups are the outer loop, so that each is read from memory once for all activations.
    fn run<K: Kernel<T>>(&mut self) {
        let rows = self.x.len() / self.per_row;
        let rest = match (rows, K::ALONE, K::TOGETHER) {
            (1, 4, _) => self.alone::<K, 4>(),
            (1, _, _) => self.alone::<K, 2>(),
            (_, _, 2) => self.together::<K, 2>(rows),
            _ => self.together::<K, 1>(rows),
        };
        for g in rest..self.groups.end {
            for n in 0..rows {
                self.put(g, n, K::run::<1, 1>(self.at(g), self.rows(n)));
            }
        }
    }

    /// M groups at a time with the one row; returns the first group that is left.
    fn alone<K: Kernel<T>, const M: usize>(&mut self) -> usize {
        let end = self.groups.start + self.groups.len() / M * M;
        for g in (self.groups.start..end).step_by(M) {
            self.put(g, 0, K::run::<M, 1>(self.at(g), self.rows(0)));
        }
        end
    }

    /// M groups at a time with four rows, two, and one; returns the first group that is left.
    fn together<K: Kernel<T>, const M: usize>(&mut self, rows: usize) -> usize {
        let end = self.groups.start + self.groups.len() / M * M;
        let mut panel = Vec::new();
        for g in (self.groups.start..end).step_by(M) {
            let mut n = 0;
            if K::IN_FOURS && !self.fours.is_empty() {
                // A whole bundle is one job, which its first pair begins.
                let whole = g / GROUPS * GROUPS + GROUPS <= self.groups.end;
                let (groups, x, per_row) = (self.at(g), self.fours, self.per_row);
                let pairs = if whole { GROUPS / 2 } else { 1 };
                let put = &mut |pair, row, sums| self.put(g + 2 * pair, row, sums);
                if !whole || g.is_multiple_of(GROUPS) {
                    K::fours(Job { groups, pairs, x, per_row, panel: &mut panel, put });
                }
                n = rows / 4 * 4;
            }
            while !K::IN_FOURS && n + 4 <= rows {
                self.put(g, n, K::run::<M, 4>(self.at(g), self.rows(n)));
                n += 4;
            }
            while n + 2 <= rows {
                self.put(g, n, K::run::<M, 2>(self.at(g), self.rows(n)));
                n += 2;
            }
            if n < rows {
                self.put(g, n, K::run::<M, 1>(self.at(g), self.rows(n)));
            }
        }
        end
    }

    fn at(&self, group: usize) -> Neighbours<'a> {
        self.layout.neighbours(&self.matrix.data, group)
    }

    fn rows<const N: usize>(&self, first: usize) -> [&[T]; N] {
        std::array::from_fn(|n| &self.x[(first + n) * self.per_row..(first + n + 1) * self.per_row])
    }

    /// Write sums to their places; the last group may have fewer than four rows.
    #[expect(unsafe_code, reason = "several threads write one product, each its groups' columns")]
    fn put<const M: usize, const N: usize>(&mut self, group: usize, row: usize, sums: [[F4; N]; M]) {
        let outputs = self.matrix.rows;
        for (m, sums) in sums.into_iter().enumerate() {
            let (start, here) = (4 * (group + m), (outputs - 4 * (group + m)).min(4));
            for (n, sums) in sums.into_iter().enumerate() {
                // SAFETY: nobody else has these groups.
                let out = unsafe { self.out.at((row + n) * outputs + start, here) };
                match out.first_chunk_mut() {
                    Some(all) => sums.store(all),
                    None => out.iter_mut().zip(sums.lanes()).for_each(|(o, s)| *o = s),
                }
            }
        }
    }
}
