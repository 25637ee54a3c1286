//! The innermost product: up to 12 rows times 32 columns, all sums held in registers.

#[cfg(target_arch = "x86_64")]
use super::x86;
use super::{Group, Level, Store};

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
    tile_at(Level::of_this_processor(), k, a, (b, b), c, store);
}

/// [`tile`], which fetches `ahead`, as long as `b`, into the cache meanwhile where few rows leave time for it.
#[inline]
pub(crate) fn tile_ahead(k: usize, a: Left<'_>, (b, ahead): (&[f32], &[f32]), c: Output<'_>, store: Store) {
    tile_at(Level::of_this_processor(), k, a, (b, ahead), c, store);
}

/// Put a b into c for all rows of a group and one panel `b` [k, NR]; the panel that comes next, or nothing, is fetched meanwhile.
pub(crate) fn tiles(
    k: usize,
    a: &Group<'_>,
    (b, next): (&[f32], &[f32]),
    (c, step, columns): Output<'_>,
    store: Store,
) {
    let level = Level::of_this_processor();
    #[cfg(target_arch = "x86_64")]
    if level == Level::Avx2 && columns == NR {
        for i in (0..a.count()).step_by(MR) {
            check(k, a.rows(i), b, (&mut c[i * step..], step, columns));
        }
        return x86::avx2_group(k, a, (b, next), (c, step), store);
    }
    for i in (0..a.count()).step_by(MR) {
        tile_at(level, k, a.rows(i), (b, next), (&mut c[i * step..], step, columns), store);
    }
}

/// What is read and written must be there.
fn check(k: usize, a: Left<'_>, b: &[f32], (c, step, columns): Output<'_>) {
    let (rows, last) = (a.rows, a.rows.saturating_sub(1) * a.row_step + k.saturating_sub(1) * a.column_step);
    assert!(rows > 0 && rows <= MR && columns > 0 && columns <= NR, "a tile of [{rows}, {columns}]");
    assert!(k == 0 || a.values.len() > last, "{} values for {k} columns of {rows}", a.values.len());
    assert!(b.len() >= k * NR, "{} values for {k} rows of {NR}", b.len());
    assert!(c.len() >= (rows - 1) * step + columns, "{} values for [{rows}, {columns}]", c.len());
    assert!(a.row_step == 1 || a.column_step == 1, "rows {} and columns {} apart", a.row_step, a.column_step);
}

fn tile_at(
    level: Level,
    k: usize,
    a: Left<'_>,
    (b, ahead): (&[f32], &[f32]),
    (c, step, columns): Output<'_>,
    store: Store,
) {
    check(k, a, b, (&mut *c, step, columns));
    if columns == NR {
        return whole(level, k, a, (b, ahead), (c, step), store);
    }
    let rows = a.rows;
    let mut whole_tile = [0f32; MR * NR];
    for (i, sums) in whole_tile.chunks_exact_mut(NR).enumerate().take(rows) {
        sums[..columns].copy_from_slice(&c[i * step..i * step + columns]);
    }
    whole(level, k, a, (b, ahead), (&mut whole_tile, NR), store);
    for (i, sums) in whole_tile.chunks_exact(NR).enumerate().take(rows) {
        c[i * step..i * step + columns].copy_from_slice(&sums[..columns]);
    }
}

/// [`tile_at`] for all columns; the sizes have been checked.
fn whole(
    level: Level,
    k: usize,
    a: Left<'_>,
    (b, ahead): (&[f32], &[f32]),
    (c, step): (&mut [f32], usize),
    store: Store,
) {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 if a.row_step == 1 => x86::avx512(k, a, b, (c, step), store),
        // Twelve rows in place would need twelve addresses: a processor with AVX-512 has AVX2 as well.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Avx2 => x86::avx2(k, a, (b, ahead), (c, step), store),
        _ => {
            let _ = ahead;
            portable(k, a, b, (c, step), store);
        }
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
                        tile_at(level, k, a, (&b, &b), (&mut c, 40, columns), store);
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
                tile_at(level, k, left(&a, rows), (&b, &b), (&mut once, NR, columns), Store::Set);
                let first = k / 2;
                tile_at(level, first, left(&a, rows), (&b, &b), (&mut twice, NR, columns), Store::Set);
                let (a, b) = (&a[first * MR..], &b[first * NR..]);
                tile_at(level, k - first, left(a, rows), (b, b), (&mut twice, NR, columns), Store::GoOn);
                for (once, twice) in once.chunks_exact(NR).zip(twice.chunks_exact(NR)) {
                    assert_eq!(once[..columns], twice[..columns], "{level:?}");
                }
            }
        }
    }
}
