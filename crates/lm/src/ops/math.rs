//! Vector arithmetic in a fixed order of summation, and an exponential that is the same on every machine.

const LANES: usize = 8;

/// Sum of products, in eight lanes that are added pairwise at the end.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for i in 0..LANES {
            lanes[i] += x[i] * y[i];
        }
    }
    let mut rest = 0.0;
    for (x, y) in a_rest.iter().zip(b_rest) {
        rest += x * y;
    }
    ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7])) + rest
}

/// `y += a * x`.
#[inline(always)]
pub(crate) fn axpy(y: &mut [f32], a: f32, x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// e^x to about 2 units in the last place: range reduction by ln 2 in two parts and a polynomial of degree 6
/// (Cephes, Moshier 1984). Below -87.3 it gives 0, above 88 it stays at e^88; NaN stays NaN.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // 1.5 * 2^23: added, it leaves the integer n in the low bits, without a conversion that must mind what is no integer.
    const MAGIC: f32 = 12_582_912.0;
    let clamped = x.clamp(-87.336_54, 88.0);
    let n = (clamped * std::f32::consts::LOG2_E + 0.5).floor();
    let r = clamped - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p =
        ((((1.987_569_2e-4 * r + 1.398_2e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r + 0.166_666_66) * r + 0.5;
    let power = f32::from_bits(((n + MAGIC).to_bits() << 23).wrapping_add(127 << 23));
    let value = (p * r * r + r + 1.0) * power;
    if x < -87.336_54 { 0.0 } else { value }
}

/// Lanes of the functions below: one vector of AVX-512, four of wasm.
const WIDE: usize = 16;

/// Add up lanes in halves.
#[inline(always)]
fn add_lanes(lanes: [f32; WIDE]) -> f32 {
    let mut lanes = lanes;
    let mut width = WIDE / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// The largest value; NaN never wins, nothing gives -inf.
#[inline(always)]
pub(crate) fn max(x: &[f32]) -> f32 {
    max_of(x, x.len())
}

/// The largest of the first `n` values. Values behind them, up to whole lanes, save a loop over what is left over.
#[inline(always)]
pub(crate) fn max_of(x: &[f32], n: usize) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; WIDE];
    let (chunks, rest) = x[..n].as_chunks::<WIDE>();
    for x in chunks {
        for i in 0..WIDE {
            lanes[i] = if x[i] > lanes[i] { x[i] } else { lanes[i] };
        }
    }
    if let Some(last) = padded(x, n) {
        for i in 0..WIDE {
            let x = if i < rest.len() { last[i] } else { f32::NEG_INFINITY };
            lanes[i] = if x > lanes[i] { x } else { lanes[i] };
        }
    } else {
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane = if x > *lane { x } else { *lane };
        }
    }
    let mut width = WIDE / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = if lanes[i + width] > lanes[i] { lanes[i + width] } else { lanes[i] };
        }
        width /= 2;
    }
    lanes[0]
}

/// The lanes that the last few of `n` values lie in, if there are any and `x` has all of them.
#[inline(always)]
fn padded(x: &[f32], n: usize) -> Option<&[f32; WIDE]> {
    let whole = n / WIDE * WIDE;
    if whole < n { x[whole..].first_chunk() } else { None }
}

/// Replace every x by e^(scale x - shift) and give their sum, in sixteen lanes.
#[inline(always)]
pub(crate) fn exp_and_sum(x: &mut [f32], scale: f32, shift: f32) -> f32 {
    exp_and_sum_of(x, x.len(), scale, shift)
}

/// [`exp_and_sum`] of the first `n` values, with the same bits. Values behind them, up to whole lanes, save a loop over what is
/// left over; they come to hold anything.
#[inline(always)]
pub(crate) fn exp_and_sum_of(x: &mut [f32], n: usize, scale: f32, shift: f32) -> f32 {
    let mut lanes = [0f32; WIDE];
    let whole = n / WIDE * WIDE;
    for x in x[..whole].as_chunks_mut::<WIDE>().0 {
        for i in 0..WIDE {
            x[i] = exp(x[i] * scale - shift);
            lanes[i] += x[i];
        }
    }
    let mut sum = add_lanes(lanes);
    if whole == n {
        return sum;
    }
    if let Some(last) = x[whole..].first_chunk_mut::<WIDE>() {
        for x in last.iter_mut() {
            *x = exp(*x * scale - shift);
        }
    } else {
        for x in &mut x[whole..n] {
            *x = exp(*x * scale - shift);
        }
    }
    for x in &x[whole..n] {
        sum += x;
    }
    sum
}

/// Sum of products in sixteen lanes.
#[inline(always)]
pub(crate) fn wide_dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; WIDE];
    let (a_chunks, a_rest) = a.as_chunks::<WIDE>();
    let (b_chunks, b_rest) = b.as_chunks::<WIDE>();
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for i in 0..WIDE {
            lanes[i] += x[i] * y[i];
        }
    }
    let mut sum = add_lanes(lanes);
    for (x, y) in a_rest.iter().zip(b_rest) {
        sum += x * y;
    }
    sum
}

/// Turn scores into probabilities in place.
#[inline(always)]
pub(crate) fn softmax(scores: &mut [f32]) {
    let shift = max(scores);
    let scale = 1.0 / exp_and_sum(scores, 1.0, shift);
    for s in scores.iter_mut() {
        *s *= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_exact_value_over_its_whole_range() {
        let mut worst = 0f64;
        for i in -8700..=8800 {
            let x = i as f32 * 0.01;
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) - exact).abs() / exact);
        }
        assert!(worst < 4e-7, "relative error {worst}");
        assert_eq!(exp(-1000.0), 0.0);
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(1000.0).is_finite());
    }

    #[test]
    fn dot_and_axpy_take_any_length() {
        for n in 0..40 {
            let a: Vec<f32> = (0..n).map(|i| i as f32).collect();
            assert_eq!(dot(&a, &a), (0..n).map(|i| (i * i) as f32).sum::<f32>());
            let mut y = a.clone();
            axpy(&mut y, 2.0, &a);
            assert!(y.iter().zip(&a).all(|(y, a)| *y == 3.0 * a));
        }
    }

    #[test]
    fn softmax_sums_to_one_and_keeps_order() {
        let mut s = [1.0, 3.0, -200.0];
        softmax(&mut s);
        assert!((s.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(s[1] > s[0] && s[2] == 0.0);
    }

    #[test]
    fn values_behind_those_that_count_change_nothing() {
        for n in 0..70 {
            let values: Vec<f32> = (0..n).map(|i| ((i * 7919) % 101) as f32 * 0.1 - 5.0).collect();
            let mut alone = values.clone();
            let most = max(&alone);
            let sum = exp_and_sum(&mut alone, 0.5, most * 0.5);
            for behind in [f32::NAN, f32::INFINITY, -3.0] {
                let mut more = values.clone();
                more.resize(n + 20, behind);
                assert_eq!(max_of(&more, n), most);
                assert_eq!(exp_and_sum_of(&mut more, n, 0.5, most * 0.5), sum);
                assert_eq!(more[..n], alone);
            }
        }
    }

    #[test]
    fn the_largest_value_is_found_anywhere_and_nan_never_wins() {
        for n in 1..40 {
            for at in 0..n {
                let x: Vec<f32> = (0..n).map(|i| if i == at { 2.0 } else { -1.0 }).collect();
                assert_eq!(max(&x), 2.0);
            }
        }
        assert_eq!(max(&[1.0; 40]), 1.0);
        assert_eq!(max(&[f32::NAN, 2.0, 3.0]), 3.0);
    }
}
