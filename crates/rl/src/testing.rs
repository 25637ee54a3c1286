//! Helpers of the tests: small f64 tensors, reproducible noise, and the finite-difference check every gradient has to
//! pass.

use candle_core::{DType, Device, Tensor, Var};

/// A matrix from rows.
pub(crate) fn matrix(rows: &[&[f64]]) -> Tensor {
    let flat: Vec<f64> = rows.concat();
    Tensor::from_vec(flat, (rows.len(), rows[0].len()), &Device::Cpu).unwrap()
}

/// All values in order, as f64.
pub(crate) fn values(t: &Tensor) -> Vec<f64> {
    t.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// Values spread evenly over (-scale, scale), the same on every machine (splitmix64).
pub(crate) fn noise(seed: u64, shape: &[usize], scale: f64) -> Tensor {
    let count = shape.iter().product::<usize>() as u64;
    let numbers: Vec<f64> = (0..count)
        .map(|i| {
            let mut z = (seed << 32 | i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0) * scale
        })
        .collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

/// Equal within an absolute or relative tolerance, whichever is larger.
#[track_caller]
pub(crate) fn assert_close(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{got:?} against {expected:?}");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= tolerance * e.abs().max(1.0), "at {i}: got {g}, expected {e}\n{got:?}\n{expected:?}");
    }
}

/// Gradient of the scalar `f` at `x` by backpropagation; 0 where no gradient arrives.
pub(crate) fn gradient(x: &Tensor, f: impl Fn(&Tensor) -> Tensor) -> Vec<f64> {
    let var = Var::from_tensor(&x.contiguous().unwrap()).unwrap();
    let grads = f(var.as_tensor()).backward().unwrap();
    grads.get(&var).map_or_else(|| vec![0.0; x.elem_count()], values)
}

/// Backpropagation must agree with central differences (step 1e-5, f64) in every coordinate.
#[track_caller]
pub(crate) fn check_gradient(x: &Tensor, f: impl Fn(&Tensor) -> Tensor) {
    const STEP: f64 = 1e-5;
    let point = values(x);
    let at = |i: usize, delta: f64| {
        let mut moved = point.clone();
        moved[i] += delta;
        values(&f(&Tensor::from_vec(moved, x.dims(), &Device::Cpu).unwrap()))[0]
    };
    let numeric: Vec<f64> = (0..point.len()).map(|i| (at(i, STEP) - at(i, -STEP)) / (2.0 * STEP)).collect();
    assert_close(&gradient(x, f), &numeric, 1e-6);
}
