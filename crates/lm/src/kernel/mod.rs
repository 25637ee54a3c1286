//! Matrix products of f32 on plain slices: panels packed for the processor's vectors, one small tile computed in registers
//! at a time. Knows no tensors, no models and no threads.
//!
//! Every output value is a chain of fused multiply-adds over the inner dimension, in order, cut into stretches of [`KC`]
//! that are added up in order. Neither the size of a tile nor the number of rows that are computed together has any part
//! in that, so AVX-512, AVX2 with FMA and 64-bit ARM give the same bits, and a row's values do not depend on its
//! neighbours. A processor without fused multiply-add rounds twice and differs in the last bits.
//!
//! With AVX2 the panel that comes next is fetched while this one is used (see `x86`); AVX-512 and the portable tile fetch nothing.

mod level;
mod panels;
mod tile;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use level::{Level, by_level};
pub(crate) use panels::{Group, Panels, View};
use tile::tiles;
pub(crate) use tile::{Left, MR, NR, tile, tile_ahead};

/// Inner dimension that is summed up in registers before it is added to the output.
const KC: usize = 384;

/// Rows that are packed together; a multiple of [`MR`].
const MC: usize = 192;

/// Whether a product replaces what the output holds or is added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// c = a b
    Set,
    /// c += a b
    Add,
    /// c is the sum so far, which goes on: the same bits as one product over both inner dimensions.
    GoOn,
}

/// Space for packed rows, kept between products.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    a: Vec<f32>,
}

/// c [m, n] (rows `step` values apart) = or += a [m, k] b [k, n]. Shapes must fit; what does not is a bug of the caller.
pub(crate) fn multiply(a: View<'_>, b: &Panels, c: &mut [f32], step: usize, store: Store, scratch: &mut Scratch) {
    let (m, k, n) = (a.rows, a.columns, b.columns());
    assert!(k == b.rows(), "a product of [{m}, {k}] and [{}, {n}]", b.rows());
    for k0 in (0..k).step_by(KC) {
        let kc = KC.min(k - k0);
        let store = if k0 > 0 { Store::Add } else { store };
        for m0 in (0..m).step_by(MC) {
            let mc = MC.min(m - m0);
            let packed = a.group(m0..m0 + mc, k0..k0 + kc, &mut scratch.a);
            for n0 in (0..n).step_by(NR) {
                let columns = NR.min(n - n0);
                let here = b.panel(n0 / NR, k0, kc);
                let next = match (n0 + NR < n, k - k0 - kc) {
                    (true, _) => b.panel(n0 / NR + 1, k0, kc),
                    (false, 0) => &[],
                    (false, left) => b.panel(0, k0 + kc, KC.min(left)),
                };
                tiles(kc, &packed, (here, next), (&mut c[m0 * step + n0..], step, columns), store);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn noise(seed: u32, n: usize) -> Vec<f32> {
        let mut state = seed.wrapping_mul(747_796_405).wrapping_add(1);
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    /// The slow twin, in f64.
    fn twin(a: View<'_>, b: View<'_>) -> Vec<f64> {
        let mut out = Vec::new();
        for i in 0..a.rows {
            for j in 0..b.columns {
                out.push((0..a.columns).map(|t| f64::from(a.at(i, t)) * f64::from(b.at(t, j))).sum());
            }
        }
        out
    }

    #[test]
    fn products_of_any_shape_and_order_equal_the_slow_twin() {
        let shapes = [(1, 1, 1), (12, 8, 32), (13, 3, 33), (7, 400, 5), (25, 769, 70), (193, 30, 31), (5, 0, 4)];
        for (m, k, n) in shapes {
            let (a, b) = (noise(1, m * k), noise(2, k * n));
            for a_turned in [false, true] {
                for b_turned in [false, true] {
                    let a = if a_turned { View::new(&a, k, m).turned() } else { View::new(&a, m, k) };
                    let b = if b_turned { View::new(&b, n, k).turned() } else { View::new(&b, k, n) };
                    let mut panels = Panels::default();
                    panels.pack(b);
                    let step = n + 3;
                    let mut c = vec![0.5f32; m * step];
                    multiply(a, &panels, &mut c, step, Store::Set, &mut Scratch::default());
                    multiply(a, &panels, &mut c, step, Store::Add, &mut Scratch::default());
                    let want = twin(a, b);
                    for i in 0..m {
                        for j in 0..step {
                            // Without an inner dimension nothing is computed, and what lies between rows stays.
                            let want = if j < n && k > 0 { 2.0 * want[i * n + j] } else { 0.5 };
                            let got = f64::from(c[i * step + j]);
                            assert!((got - want).abs() < 1e-4 * (1.0 + k as f64).sqrt(), "{m} {k} {n}: {got} {want}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_rows_values_do_not_depend_on_its_neighbours() {
        let (k, n) = (500, 40);
        let (a, b) = (noise(3, 30 * k), noise(4, k * n));
        let mut panels = Panels::default();
        panels.pack(View::new(&b, k, n));
        let mut all = vec![0f32; 30 * n];
        multiply(View::new(&a, 30, k), &panels, &mut all, n, Store::Set, &mut Scratch::default());
        for i in [0, 11, 12, 29] {
            let mut one = vec![0f32; n];
            multiply(View::new(&a[i * k..], 1, k), &panels, &mut one, n, Store::Set, &mut Scratch::default());
            assert_eq!(one, all[i * n..(i + 1) * n]);
        }
    }
}
