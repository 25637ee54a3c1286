//! The innermost product: up to 12 rows times 32 columns, all sums held in registers.

use super::{Level, Store};

/// Rows of a tile.
pub(crate) const MR: usize = 12;

/// Columns of a tile.
pub(crate) const NR: usize = 32;

/// A left-hand operand of one tile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left<'a> {
    pub(crate) values: &'a [f32],
    /// How far apart two columns lie.
    pub(crate) column_step: usize,
    /// How far apart two rows lie: 1 where they are packed.
    pub(crate) row_step: usize,
    /// Rows, up to [`MR`].
    pub(crate) rows: usize,
}

/// An output of one tile: values, how far apart two rows lie, columns.
pub(crate) type Output<'a> = (&'a mut [f32], usize, usize);

/// Put a b into c: `a` is [rows, k], `b` is [k, NR].
#[inline]
pub(crate) fn tile(k: usize, a: Left<'_>, b: &[f32], c: Output<'_>, store: Store) {
    tile_at(Level::of_this_processor(), k, a, b, c, store);
}

fn tile_at(level: Level, k: usize, a: Left<'_>, b: &[f32], (c, step, columns): Output<'_>, store: Store) {
    let (rows, last) = (a.rows, a.rows.saturating_sub(1) * a.row_step + k.saturating_sub(1) * a.column_step);
    assert!(rows > 0 && rows <= MR && columns > 0 && columns <= NR, "a tile of [{rows}, {columns}]");
    assert!(k == 0 || a.values.len() > last, "{} values for {k} columns of {rows}", a.values.len());
    assert!(b.len() >= k * NR, "{} values for {k} rows of {NR}", b.len());
    assert!(c.len() >= (rows - 1) * step + columns, "{} values for [{rows}, {columns}]", c.len());
    if columns == NR {
        return whole(level, k, a, b, (c, step), store);
    }
    let mut whole_tile = [0f32; MR * NR];
    for (i, sums) in whole_tile.chunks_exact_mut(NR).enumerate().take(rows) {
        sums[..columns].copy_from_slice(&c[i * step..i * step + columns]);
    }
    whole(level, k, a, b, (&mut whole_tile, NR), store);
    for (i, sums) in whole_tile.chunks_exact(NR).enumerate().take(rows) {
        c[i * step..i * step + columns].copy_from_slice(&sums[..columns]);
    }
}

/// [`tile_at`] for all columns; the sizes have been checked.
fn whole(level: Level, k: usize, a: Left<'_>, b: &[f32], (c, step): (&mut [f32], usize), store: Store) {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 if a.row_step == 1 => x86::avx512(k, a, b, (c, step), store),
        // Twelve rows in place would need twelve addresses: a processor with AVX-512 has AVX2 as well.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Avx2 => x86::avx2(k, a, b, (c, step), store),
        _ => portable(k, a, b, (c, step), store),
    }
}

/// Fused where the target has the instruction at all times: elsewhere it would be a slow library call.
#[inline(always)]
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) { a.mul_add(b, c) } else { a * b + c }
}

fn portable(k: usize, a: Left<'_>, b: &[f32], (c, step): (&mut [f32], usize), store: Store) {
    const WIDE: usize = 8;
    for i in 0..a.rows {
        for j in (0..NR).step_by(WIDE) {
            let c = &mut c[i * step + j..i * step + j + WIDE];
            let mut sums = [0f32; WIDE];
            if store == Store::GoOn {
                sums.copy_from_slice(c);
            }
            for t in 0..k {
                let (x, row) = (a.values[t * a.column_step + i * a.row_step], &b[t * NR + j..t * NR + j + WIDE]);
                for (sum, y) in sums.iter_mut().zip(row) {
                    *sum = multiply_add(x, *y, *sum);
                }
            }
            for (c, sum) in c.iter_mut().zip(sums) {
                *c = if store == Store::Add { *c + sum } else { sum };
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads and stores take pointers; the callers have checked every length")]
mod x86 {
    use super::{Left, MR, NR, Store};
    use std::arch::x86_64::{
        __m256, __m512, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps,
        _mm256_storeu_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps,
        _mm512_storeu_ps,
    };

    /// Call the function for a number of rows that is known when it is compiled, as may be whether they are packed.
    macro_rules! by_rows {
        ($rows:expr, $call:ident, $args:tt; $($n:literal)*) => {
            match $rows {
                $($n => $call::<$n> $args,)*
                _ => {}
            }
        };
        ($rows:expr, $call:ident $packed:literal, $args:tt; $($n:literal)*) => {
            match $rows {
                $($n => $call::<$n, $packed> $args,)*
                _ => {}
            }
        };
    }

    /// Rows that are packed.
    pub(super) fn avx512(k: usize, a: Left<'_>, b: &[f32], (c, step): (&mut [f32], usize), store: Store) {
        let Left { values, column_step: a_step, rows, .. } = a;
        let (a, b, c) = (values.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        // SAFETY: `Level::Avx512` is only chosen on a processor that has it; `tile_at` has checked that `a` holds k
        // columns of `rows` side by side, `b` holds [k, NR], and `c` holds `rows` rows of NR.
        unsafe {
            by_rows!(rows, rows512, (k, a, a_step, b, c, step, store); 1 2 3 4 5 6 7 8 9 10 11 12);
        }
    }

    #[target_feature(enable = "avx512f")]
    unsafe fn rows512<const M: usize>(
        k: usize,
        mut a: *const f32,
        a_step: usize,
        mut b: *const f32,
        c: *mut f32,
        step: usize,
        store: Store,
    ) {
        let mut sums: [[__m512; 2]; M] = [[_mm512_setzero_ps(); 2]; M];
        if store == Store::GoOn {
            for (i, sum) in sums.iter_mut().enumerate() {
                for (half, sum) in sum.iter_mut().enumerate() {
                    // SAFETY: see `avx512`; row i of `c` holds NR values.
                    *sum = unsafe { _mm512_loadu_ps(c.wrapping_add(i * step + half * 16)) };
                }
            }
        }
        for _ in 0..k {
            // SAFETY: see `avx512`; the pointers move on by one column and one row for each of k turns.
            let (low, high) = unsafe { (_mm512_loadu_ps(b), _mm512_loadu_ps(b.wrapping_add(16))) };
            for (i, sum) in sums.iter_mut().enumerate() {
                // SAFETY: as above, i is below the number of rows.
                let x = _mm512_set1_ps(unsafe { *a.wrapping_add(i) });
                sum[0] = _mm512_fmadd_ps(x, low, sum[0]);
                sum[1] = _mm512_fmadd_ps(x, high, sum[1]);
            }
            a = a.wrapping_add(a_step);
            b = b.wrapping_add(NR);
        }
        for (i, sum) in sums.iter().enumerate() {
            for (half, sum) in sum.iter().enumerate() {
                let at = c.wrapping_add(i * step + half * 16);
                // SAFETY: see `avx512`; row i of `c` holds NR values.
                unsafe {
                    let sum = if store == Store::Add { _mm512_add_ps(_mm512_loadu_ps(at), *sum) } else { *sum };
                    _mm512_storeu_ps(at, sum);
                }
            }
        }
    }

    pub(super) fn avx2(k: usize, a: Left<'_>, b: &[f32], (c, step): (&mut [f32], usize), store: Store) {
        let Left { values, column_step, row_step, rows } = a;
        let steps = (column_step, row_step);
        // Sixteen registers hold 6 rows of 16 columns, so the tile is computed in four parts.
        for i in (0..rows).step_by(MR / 2) {
            for j in [0, NR / 2] {
                let (a, b) = (values.as_ptr().wrapping_add(i * row_step), b.as_ptr().wrapping_add(j));
                let c = c.as_mut_ptr().wrapping_add(i * step + j);
                // SAFETY: as in `avx512`, for the rows from i on and for half the columns from j on.
                unsafe {
                    let few = (rows - i).min(MR / 2);
                    if row_step == 1 {
                        by_rows!(few, rows256 true, (k, a, steps, b, c, step, store); 1 2 3 4 5 6);
                    } else {
                        by_rows!(few, rows256 false, (k, a, steps, b, c, step, store); 1 2 3 4 5 6);
                    }
                }
            }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn rows256<const M: usize, const PACKED: bool>(
        k: usize,
        mut a: *const f32,
        (column_step, row_step): (usize, usize),
        mut b: *const f32,
        c: *mut f32,
        step: usize,
        store: Store,
    ) {
        let mut sums: [[__m256; 2]; M] = [[_mm256_setzero_ps(); 2]; M];
        if store == Store::GoOn {
            for (i, sum) in sums.iter_mut().enumerate() {
                for (half, sum) in sum.iter_mut().enumerate() {
                    // SAFETY: see `avx2`; row i of `c` holds NR values.
                    *sum = unsafe { _mm256_loadu_ps(c.wrapping_add(i * step + half * 8)) };
                }
            }
        }
        for _ in 0..k {
            // SAFETY: see `avx2`.
            let (low, high) = unsafe { (_mm256_loadu_ps(b), _mm256_loadu_ps(b.wrapping_add(8))) };
            for (i, sum) in sums.iter_mut().enumerate() {
                // SAFETY: as above, i is below the number of rows.
                let x = _mm256_set1_ps(unsafe { *a.wrapping_add(if PACKED { i } else { i * row_step }) });
                sum[0] = _mm256_fmadd_ps(x, low, sum[0]);
                sum[1] = _mm256_fmadd_ps(x, high, sum[1]);
            }
            a = a.wrapping_add(column_step);
            b = b.wrapping_add(NR);
        }
        for (i, sum) in sums.iter().enumerate() {
            for (half, sum) in sum.iter().enumerate() {
                let at = c.wrapping_add(i * step + half * 8);
                // SAFETY: see `avx2`.
                unsafe {
                    let sum = if store == Store::Add { _mm256_add_ps(_mm256_loadu_ps(at), *sum) } else { *sum };
                    _mm256_storeu_ps(at, sum);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tests::noise;

    fn left(values: &[f32], rows: usize) -> Left<'_> {
        Left { values, column_step: MR, row_step: 1, rows }
    }

    #[test]
    fn every_level_gives_the_same_bits() {
        let levels: Vec<Level> =
            [Level::Avx512, Level::Avx2, Level::Portable].into_iter().filter(|l| l.is_here()).collect();
        for (k, rows, columns) in [(1, 1, 1), (5, 12, 32), (300, 7, 32), (33, 11, 17), (64, 6, 31)] {
            let (a, b) = (noise(1, (k + 3) * 15), noise(2, k * NR));
            // Packed, and the same values row by row.
            let packed = Left { values: &a, column_step: 15, row_step: 1, rows };
            let by_row: Vec<f32> = (0..rows * (k + 3)).map(|at| a[(at % (k + 3)) * 15 + at / (k + 3)]).collect();
            let in_place = Left { values: &by_row, column_step: 1, row_step: k + 3, rows };
            for store in [Store::Set, Store::Add, Store::GoOn] {
                let ways: Vec<(Level, Left<'_>)> = levels.iter().flat_map(|&l| [(l, packed), (l, in_place)]).collect();
                let outputs: Vec<Vec<f32>> = ways
                    .iter()
                    .map(|&(level, a)| {
                        let mut c = noise(3, rows * 40);
                        tile_at(level, k, a, &b, (&mut c, 40, columns), store);
                        c
                    })
                    .collect();
                for ((level, _), out) in ways.iter().zip(&outputs) {
                    let fused = *level != Level::Portable || cfg!(any(target_arch = "aarch64", target_feature = "fma"));
                    if fused {
                        assert_eq!(out, &outputs[0], "{level:?}");
                    }
                    let gap = out.iter().zip(&outputs[0]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    assert!(gap < 1e-4, "{level:?}: {gap}");
                }
            }
        }
    }

    #[test]
    fn a_sum_that_goes_on_has_the_bits_of_one_that_never_stopped() {
        let levels = [Level::Avx512, Level::Avx2, Level::Portable];
        for level in levels.into_iter().filter(|level| level.is_here()) {
            for (k, rows, columns) in [(2, 1, 1), (50, 12, 32), (33, 7, 17)] {
                let (a, b) = (noise(1, k * MR), noise(2, k * NR));
                let (mut once, mut twice) = (noise(3, rows * NR), noise(4, rows * NR));
                tile_at(level, k, left(&a, rows), &b, (&mut once, NR, columns), Store::Set);
                let first = k / 2;
                tile_at(level, first, left(&a, rows), &b, (&mut twice, NR, columns), Store::Set);
                let (a, b) = (&a[first * MR..], &b[first * NR..]);
                tile_at(level, k - first, left(a, rows), b, (&mut twice, NR, columns), Store::GoOn);
                for (once, twice) in once.chunks_exact(NR).zip(twice.chunks_exact(NR)) {
                    assert_eq!(once[..columns], twice[..columns], "{level:?}");
                }
            }
        }
    }
}
