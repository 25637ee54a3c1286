//! The tile in vectors of x86-64. Knows nothing but pointers: [`tile`](super::tile) has checked every length.
//!
//! While sums are made, what is needed next is fetched into the second cache: weights and the keys of many texts come from
//! memory that is far away, and a processor that guesses what comes next stops at every page of 4 KiB.
#![expect(unsafe_code, reason = "vector loads and stores take pointers; the callers have checked every length")]

use super::tile::{Left, MR, NR};
use super::{Group, Store};
use std::arch::x86_64::{
    __m256, __m512, _MM_HINT_T1, _mm_prefetch, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_storeu_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps,
    _mm512_setzero_ps, _mm512_storeu_ps,
};

/// Values in a cache line.
const LINE: usize = 16;

/// Columns of the inner dimension between two fetches of a line.
const STRETCH: usize = 8;

/// Call a function for a number of rows that is known when it is compiled, as may be whether they are packed.
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
    // SAFETY: `Level::Avx512` is only chosen on a processor that has it; `check` has seen that `a` holds k
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

/// One tile. Where a row or two meet a panel, `ahead` [k, NR] is fetched.
pub(super) fn avx2(k: usize, a: Left<'_>, (b, ahead): (&[f32], &[f32]), (c, step): (&mut [f32], usize), store: Store) {
    let (b, c) = (b.as_ptr(), c.as_mut_ptr());
    if a.rows <= 2 {
        let (steps, values) = ((a.column_step, a.row_step), a.values.as_ptr());
        // SAFETY: as in `avx512`; AVX2 and FMA come with either level.
        unsafe {
            by_rows!(a.rows, few256, (k, values, steps, (b, ahead.as_ptr()), c, step, store); 1 2);
        }
        return;
    }
    for j in [0, NR / 2] {
        for i in (0..a.rows).step_by(MR / 2) {
            // Nothing is fetched but what is there already.
            part256(k, a, i, (b.wrapping_add(j), b), (c.wrapping_add(i * step + j), step), store);
        }
    }
}

/// All rows of a group times one panel, whose `next` is fetched: half the panel's columns at a time, which stay in the first cache.
pub(super) fn avx2_group(
    k: usize,
    a: &Group<'_>,
    (b, next): (&[f32], &[f32]),
    (c, step): (&mut [f32], usize),
    store: Store,
) {
    let (here, c) = (b.as_ptr(), c.as_mut_ptr());
    // Every part fetches some lines of what comes next, until all are there.
    let lines = k / STRETCH;
    let mut fetched = 0;
    for j in [0, NR / 2] {
        for first in (0..a.count()).step_by(MR) {
            let a = a.rows(first);
            for i in (0..a.rows).step_by(MR / 2) {
                let ahead = if fetched < next.len() { next.as_ptr().wrapping_add(fetched) } else { here };
                fetched += lines * LINE;
                let c = c.wrapping_add((first + i) * step + j);
                part256(k, a, i, (here.wrapping_add(j), ahead), (c, step), store);
            }
        }
    }
}

/// Rows of `a` from `i` on, six at most, times half the columns of a panel, which begin at `b`: sixteen registers hold no more sums.
fn part256(
    k: usize,
    a: Left<'_>,
    i: usize,
    (b, ahead): (*const f32, *const f32),
    (c, step): (*mut f32, usize),
    store: Store,
) {
    let (values, few) = (a.values.as_ptr().wrapping_add(i * a.row_step), (a.rows - i).min(MR / 2));
    // SAFETY: as in `avx512`, for the rows from i on and for half the columns; nothing is read from `ahead`.
    unsafe {
        if a.row_step == 1 {
            by_rows!(few, rows256 true, (k, values, a.column_step, (b, ahead), c, step, store); 1 2 3 4 5 6);
        } else {
            by_rows!(few, rows256 false, (k, values, a.row_step, (b, ahead), c, step, store); 1 2 3 4 5 6);
        }
    }
}

/// Up to six rows times 16 columns. `a_step` is how far apart columns lie where rows are packed, else how far apart rows lie.
#[target_feature(enable = "avx2,fma")]
unsafe fn rows256<const M: usize, const PACKED: bool>(
    k: usize,
    a: *const f32,
    a_step: usize,
    (mut b, mut ahead): (*const f32, *const f32),
    c: *mut f32,
    step: usize,
    store: Store,
) {
    let mut sums: [[__m256; 2]; M] = [[_mm256_setzero_ps(); 2]; M];
    if store == Store::GoOn {
        for (i, sum) in sums.iter_mut().enumerate() {
            for (half, sum) in sum.iter_mut().enumerate() {
                // SAFETY: see `part256`; row i of `c` holds 16 values.
                *sum = unsafe { _mm256_loadu_ps(c.wrapping_add(i * step + half * 8)) };
            }
        }
    }
    // An address for every row: one that moves from row to row would have to be waited for.
    let rows: [*const f32; M] = std::array::from_fn(|i| a.wrapping_add(if PACKED { i } else { i * a_step }));
    let mut at = 0;
    let column = if PACKED { a_step } else { 1 };
    let mut turn = |at: usize, b: *const f32| {
        // SAFETY: see `part256`.
        let (low, high) = unsafe { (_mm256_loadu_ps(b), _mm256_loadu_ps(b.wrapping_add(8))) };
        for (sum, row) in sums.iter_mut().zip(&rows) {
            // SAFETY: as above.
            let x = _mm256_set1_ps(unsafe { *row.wrapping_add(at) });
            sum[0] = _mm256_fmadd_ps(x, low, sum[0]);
            sum[1] = _mm256_fmadd_ps(x, high, sum[1]);
        }
    };
    for _ in 0..k / STRETCH {
        _mm_prefetch::<_MM_HINT_T1>(ahead.cast());
        ahead = ahead.wrapping_add(LINE);
        for u in 0..STRETCH {
            turn(at + u * column, b.wrapping_add(u * NR));
        }
        at += STRETCH * column;
        b = b.wrapping_add(STRETCH * NR);
    }
    for _ in 0..k % STRETCH {
        turn(at, b);
        at += column;
        b = b.wrapping_add(NR);
    }
    for (i, sum) in sums.iter().enumerate() {
        for (half, sum) in sum.iter().enumerate() {
            let at = c.wrapping_add(i * step + half * 8);
            // SAFETY: see `part256`.
            unsafe {
                let sum = if store == Store::Add { _mm256_add_ps(_mm256_loadu_ps(at), *sum) } else { *sum };
                _mm256_storeu_ps(at, sum);
            }
        }
    }
}

/// A row or two times all columns of a panel: enough sums that one need not wait for another.
#[target_feature(enable = "avx2,fma")]
unsafe fn few256<const M: usize>(
    k: usize,
    a: *const f32,
    (column_step, row_step): (usize, usize),
    (mut b, mut ahead): (*const f32, *const f32),
    c: *mut f32,
    step: usize,
    store: Store,
) {
    let mut sums: [[__m256; 4]; M] = [[_mm256_setzero_ps(); 4]; M];
    if store == Store::GoOn {
        for (i, sum) in sums.iter_mut().enumerate() {
            for (part, sum) in sum.iter_mut().enumerate() {
                // SAFETY: see `avx2`; row i of `c` holds NR values.
                *sum = unsafe { _mm256_loadu_ps(c.wrapping_add(i * step + part * 8)) };
            }
        }
    }
    let mut a = a;
    for _ in 0..k {
        _mm_prefetch::<_MM_HINT_T1>(ahead.cast());
        _mm_prefetch::<_MM_HINT_T1>(ahead.wrapping_add(LINE).cast());
        ahead = ahead.wrapping_add(NR);
        // SAFETY: see `avx2`.
        let b4: [__m256; 4] = std::array::from_fn(|part| unsafe { _mm256_loadu_ps(b.wrapping_add(part * 8)) });
        for (i, sum) in sums.iter_mut().enumerate() {
            // SAFETY: as above.
            let x = _mm256_set1_ps(unsafe { *a.wrapping_add(i * row_step) });
            for (sum, b) in sum.iter_mut().zip(b4) {
                *sum = _mm256_fmadd_ps(x, b, *sum);
            }
        }
        a = a.wrapping_add(column_step);
        b = b.wrapping_add(NR);
    }
    for (i, sum) in sums.iter().enumerate() {
        for (part, sum) in sum.iter().enumerate() {
            let at = c.wrapping_add(i * step + part * 8);
            // SAFETY: see `avx2`.
            unsafe {
                let sum = if store == Store::Add { _mm256_add_ps(_mm256_loadu_ps(at), *sum) } else { *sum };
                _mm256_storeu_ps(at, sum);
            }
        }
    }
}
