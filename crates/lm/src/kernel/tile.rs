//! The innermost product: up to 12 rows times 32 columns, all sums held in registers.

use super::{Level, Store};

/// Rows of a tile.
pub(crate) const MR: usize = 12;

/// Columns of a tile.
pub(crate) const NR: usize = 32;

/// A left-hand operand of one tile: values, how far apart two columns lie, rows.
pub(crate) type Rows<'a> = (&'a [f32], usize, usize);

/// An output of one tile: values, how far apart two rows lie, columns.
pub(crate) type Output<'a> = (&'a mut [f32], usize, usize);

/// Put a b into c: `a` is [k] columns of up to [`MR`] values each, `b` is [k, NR].
#[inline]
pub(crate) fn tile(k: usize, a: Rows<'_>, b: &[f32], c: Output<'_>, store: Store) {
    tile_at(Level::of_this_processor(), k, a, b, c, store);
}

fn tile_at(
    level: Level,
    k: usize,
    (a, a_step, rows): Rows<'_>,
    b: &[f32],
    (c, step, columns): Output<'_>,
    store: Store,
) {
    assert!(rows > 0 && rows <= MR && columns > 0 && columns <= NR, "a tile of [{rows}, {columns}]");
    assert!(k == 0 || a.len() >= (k - 1) * a_step + rows, "{} values for {k} columns of {rows}", a.len());
    assert!(b.len() >= k * NR, "{} values for {k} rows of {NR}", b.len());
    assert!(c.len() >= (rows - 1) * step + columns, "{} values for [{rows}, {columns}]", c.len());
    if columns == NR {
        return whole(level, k, (a, a_step, rows), b, (c, step), store);
    }
    let mut whole_tile = [0f32; MR * NR];
    for (i, sums) in whole_tile.chunks_exact_mut(NR).enumerate().take(rows) {
        sums[..columns].copy_from_slice(&c[i * step..i * step + columns]);
    }
    whole(level, k, (a, a_step, rows), b, (&mut whole_tile, NR), store);
    for (i, sums) in whole_tile.chunks_exact(NR).enumerate().take(rows) {
        c[i * step..i * step + columns].copy_from_slice(&sums[..columns]);
    }
}

/// [`tile_at`] for all columns; the sizes have been checked.
fn whole(level: Level, k: usize, (a, a_step, rows): Rows<'_>, b: &[f32], (c, step): (&mut [f32], usize), store: Store) {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => x86::avx512(k, (a, a_step, rows), b, (c, step), store),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => x86::avx2(k, (a, a_step, rows), b, (c, step), store),
        _ => portable(k, (a, a_step, rows), b, (c, step), store),
    }
}

/// Fused where the target has the instruction at all times: elsewhere it would be a slow library call.
#[inline(always)]
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) { a.mul_add(b, c) } else { a * b + c }
}

fn portable(k: usize, (a, a_step, rows): Rows<'_>, b: &[f32], (c, step): (&mut [f32], usize), store: Store) {
    const WIDE: usize = 8;
    for i in 0..rows {
        for j in (0..NR).step_by(WIDE) {
            let c = &mut c[i * step + j..i * step + j + WIDE];
            let mut sums = [0f32; WIDE];
            if store == Store::GoOn {
                sums.copy_from_slice(c);
            }
            for t in 0..k {
                let (x, row) = (a[t * a_step + i], &b[t * NR + j..t * NR + j + WIDE]);
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
    use super::{MR, NR, Rows, Store};
    use std::arch::x86_64::{
        __m256, __m512, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps,
        _mm256_storeu_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps,
        _mm512_storeu_ps,
    };

    /// Call the function for a number of rows that is known when it is compiled.
    macro_rules! by_rows {
        ($rows:expr, $call:ident, $args:tt; $($n:literal)*) => {
            match $rows {
                $($n => $call::<$n> $args,)*
                _ => {}
            }
        };
    }

    pub(super) fn avx512(k: usize, (a, a_step, rows): Rows<'_>, b: &[f32], (c, step): (&mut [f32], usize), store: Store) {
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        // SAFETY: `Level::Avx512` is only chosen on a processor that has it; `tile_at` has checked that `a` holds k
        // columns of `rows`, `b` holds [k, NR], and `c` holds `rows` rows of NR.
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

    pub(super) fn avx2(k: usize, (a, a_step, rows): Rows<'_>, b: &[f32], (c, step): (&mut [f32], usize), store: Store) {
        // Sixteen registers hold 6 rows of 16 columns, so the tile is computed in four parts.
        for i in (0..rows).step_by(MR / 2) {
            for j in [0, NR / 2] {
                let (a, b) = (a.as_ptr().wrapping_add(i), b.as_ptr().wrapping_add(j));
                let c = c.as_mut_ptr().wrapping_add(i * step + j);
                // SAFETY: as in `avx512`, for the rows from i on and for half the columns from j on.
                unsafe {
                    by_rows!((rows - i).min(MR / 2), rows256, (k, a, a_step, b, c, step, store); 1 2 3 4 5 6);
                }
            }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn rows256<const M: usize>(
        k: usize,
        mut a: *const f32,
        a_step: usize,
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
                let x = _mm256_set1_ps(unsafe { *a.wrapping_add(i) });
                sum[0] = _mm256_fmadd_ps(x, low, sum[0]);
                sum[1] = _mm256_fmadd_ps(x, high, sum[1]);
            }
            a = a.wrapping_add(a_step);
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

    #[test]
    fn every_level_gives_the_same_bits() {
        let levels: Vec<Level> =
            [Level::Avx512, Level::Avx2, Level::Portable].into_iter().filter(|l| l.is_here()).collect();
        for (k, rows, columns) in [(1, 1, 1), (5, 12, 32), (300, 7, 32), (33, 11, 17), (64, 6, 31)] {
            let (a, b) = (noise(1, k * 15), noise(2, k * NR));
            for store in [Store::Set, Store::Add, Store::GoOn] {
                let outputs: Vec<Vec<f32>> = levels
                    .iter()
                    .map(|&level| {
                        let mut c = noise(3, rows * 40);
                        tile_at(level, k, (&a, 15, rows), &b, (&mut c, 40, columns), store);
                        c
                    })
                    .collect();
                for (level, out) in levels.iter().zip(&outputs) {
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
                tile_at(level, k, (&a, MR, rows), &b, (&mut once, NR, columns), Store::Set);
                let first = k / 2;
                tile_at(level, first, (&a, MR, rows), &b, (&mut twice, NR, columns), Store::Set);
                let (a, b) = (&a[first * MR..], &b[first * NR..]);
                tile_at(level, k - first, (a, MR, rows), b, (&mut twice, NR, columns), Store::GoOn);
                for (once, twice) in once.chunks_exact(NR).zip(twice.chunks_exact(NR)) {
                    assert_eq!(once[..columns], twice[..columns], "{level:?}");
                }
            }
        }
    }
}
