//! The small operations between two matrix products, on four floats at a time: norm, rotation, gate, softmax.

use crate::simd::{F4, I4};

/// e^x to about 2 units in the last place, rounded to the nearest power of two by one addition; 0 below -87.3.
#[inline(always)]
pub(crate) fn exp(x: F4) -> F4 {
    // 1.5 * 2^23: added, it rounds to an integer and leaves it in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    let splat = F4::splat;
    // Above 88 it stays at e^88.
    let clamped = splat(0.0).sub(splat(-88.0).max(splat(0.0).sub(x)));
    let shifted = clamped.mul(splat(std::f32::consts::LOG2_E)).add(splat(MAGIC));
    let n = shifted.sub(splat(MAGIC));
    let r = clamped.sub(n.mul(splat(0.693_359_4))).add(n.mul(splat(2.121_944_4e-4)));
    let mut p = splat(1.987_569_2e-4);
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5] {
        p = p.mul(r).add(splat(c));
    }
    let power = shifted.bits().add(I4::splat(127)).shl::<23>().as_floats();
    p.mul(r).mul(r).add(r).add(splat(1.0)).mul(power).where_above(x, -87.336_54)
}

/// Sum of the four, in pairs.
#[inline(always)]
pub(crate) fn sum(x: F4) -> f32 {
    let [a, b, c, d] = x.lanes();
    (a + c) + (b + d)
}

/// Largest of the four.
#[inline(always)]
pub(crate) fn largest(x: F4) -> f32 {
    let [a, b, c, d] = x.lanes();
    a.max(b).max(c.max(d))
}

/// Turn scores into probabilities in place; the length is a multiple of four.
pub(crate) fn softmax(scores: &mut [f32]) {
    let (chunks, _) = scores.as_chunks_mut::<4>();
    let max = chunks.iter().fold(F4::splat(f32::NEG_INFINITY), |m, c| m.max(F4::load(c)));
    let max = F4::splat(largest(max));
    let mut total = F4::splat(0.0);
    for chunk in chunks.iter_mut() {
        let e = exp(F4::load(chunk).sub(max));
        total = total.add(e);
        e.store(chunk);
    }
    let scale = F4::splat(1.0 / sum(total));
    for chunk in chunks.iter_mut() {
        F4::load(chunk).mul(scale).store(chunk);
    }
}

/// x / sqrt(mean(x^2) + eps) * w of one row.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let ((x4, x_rest), (w4, w_rest)) = (x.as_chunks::<4>(), weight.as_chunks::<4>());
    // Two sums, so that an addition need not wait for the one before.
    let mut squares = [F4::splat(0.0); 2];
    for (i, chunk) in x4.iter().enumerate() {
        let v = F4::load(chunk);
        squares[i % 2] = squares[i % 2].add(v.mul(v));
    }
    let rest: f32 = x_rest.iter().map(|v| v * v).sum();
    let mean = (sum(squares[0].add(squares[1])) + rest) / x.len() as f32;
    let inverse = 1.0 / (mean + eps).sqrt();
    let (out4, out_rest) = out.as_chunks_mut::<4>();
    for ((o, x), w) in out4.iter_mut().zip(x4).zip(w4) {
        F4::load(x).mul(F4::splat(inverse)).mul(F4::load(w)).store(o);
    }
    for ((o, x), w) in out_rest.iter_mut().zip(x_rest).zip(w_rest) {
        *o = x * inverse * w;
    }
}

/// gate <- gate / (1 + e^-gate) * up.
pub fn swiglu(gate: &mut [f32], up: &[f32]) {
    let one = |g: F4, u: F4| g.div(F4::splat(1.0).add(exp(F4::splat(0.0).sub(g)))).mul(u);
    let ((g4, g_rest), (u4, u_rest)) = (gate.as_chunks_mut::<4>(), up.as_chunks::<4>());
    for (g, u) in g4.iter_mut().zip(u4) {
        one(F4::load(g), F4::load(u)).store(g);
    }
    for (g, u) in g_rest.iter_mut().zip(u_rest) {
        *g = one(F4::splat(*g), F4::splat(*u)).lanes()[0];
    }
}

/// x += y.
pub fn add(x: &mut [f32], y: &[f32]) {
    let ((x4, x_rest), (y4, y_rest)) = (x.as_chunks_mut::<4>(), y.as_chunks::<4>());
    for (x, y) in x4.iter_mut().zip(y4) {
        F4::load(x).add(F4::load(y)).store(x);
    }
    for (x, y) in x_rest.iter_mut().zip(y_rest) {
        *x += y;
    }
}

/// Which two values of a head turn together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// 2i and 2i + 1: the row order of Llama's GGUF files.
    Neighbours,
    /// i and i + d/2: everybody else's.
    Halves,
}

/// Turn every head of a row by the angles of its position, [d/2] cosines and sines.
pub fn turn(row: &mut [f32], cos: &[f32], sin: &[f32], pairing: Pairing) {
    let half = cos.len();
    for head in row.chunks_exact_mut(2 * half) {
        match pairing {
            Pairing::Neighbours => {
                for ((pair, cos), sin) in head.as_chunks_mut::<2>().0.iter_mut().zip(cos).zip(sin) {
                    *pair = [pair[0] * cos - pair[1] * sin, pair[1] * cos + pair[0] * sin];
                }
            }
            Pairing::Halves => {
                let (a, b) = head.split_at_mut(half);
                for (((a, b), cos), sin) in a.iter_mut().zip(b).zip(cos).zip(sin) {
                    (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_exact_value_over_its_whole_range() {
        for i in -8733..=8790 {
            let x = i as f32 * 0.01;
            let exact = f64::from(x).exp();
            let got = f64::from(exp(F4::splat(x)).lanes()[0]);
            assert!((got - exact).abs() / exact < 4e-7, "e^{x} is {exact:e}, got {got:e}");
        }
        assert_eq!(exp(F4::splat(-1000.0)).lanes(), [0.0; 4]);
        assert_eq!(exp(F4::splat(f32::NEG_INFINITY)).lanes(), [0.0; 4]);
        assert!(exp(F4::splat(1e9)).lanes()[0].is_finite());
    }

    #[test]
    fn softmax_sums_to_one_and_ignores_what_is_masked() {
        let mut scores = [1.0, 3.0, -2.0, f32::NEG_INFINITY, 0.5, 2.0, f32::NEG_INFINITY, f32::NEG_INFINITY];
        let mut want: Vec<f32> = scores.iter().map(|&s| s.exp()).collect();
        let total: f32 = want.iter().sum();
        want.iter_mut().for_each(|w| *w /= total);
        softmax(&mut scores);
        assert!(scores.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-6), "{scores:?} {want:?}");
        assert_eq!(scores[3], 0.0);
    }

    #[test]
    fn both_pairings_turn_by_the_same_angle() {
        let (cos, sin) = ([0.6, 0.8], [0.8, 0.6]);
        let mut halves = [1.0, 2.0, 3.0, 4.0];
        turn(&mut halves, &cos, &sin, Pairing::Halves);
        let mut neighbours = [1.0, 3.0, 2.0, 4.0];
        turn(&mut neighbours, &cos, &sin, Pairing::Neighbours);
        assert_eq!(
            halves,
            [1.0 * 0.6 - 3.0 * 0.8, 2.0 * 0.8 - 4.0 * 0.6, 3.0 * 0.6 + 1.0 * 0.8, 4.0 * 0.8 + 2.0 * 0.6]
        );
        assert_eq!([neighbours[0], neighbours[2], neighbours[1], neighbours[3]], halves);
    }
}
