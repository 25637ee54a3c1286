//! Every kernel against scalar code: packing against candle's decoding, products against sums in f64, on random blocks and on
//! adversarial ones.

use crate::weights::gguf::Kind;
use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{Device, Tensor};
use clicker_kernels::activations::{Activations, BLOCK};
use clicker_kernels::{Matrix, vector};
use half::{bf16, f16};
use std::borrow::Cow;

const KINDS: [(Kind, GgmlDType); 8] = [
    (Kind::F32, GgmlDType::F32),
    (Kind::F16, GgmlDType::F16),
    (Kind::BF16, GgmlDType::BF16),
    (Kind::Q8_0, GgmlDType::Q8_0),
    (Kind::Q4_0, GgmlDType::Q4_0),
    (Kind::Q5_0, GgmlDType::Q5_0),
    (Kind::Q4K, GgmlDType::Q4K),
    (Kind::Q6K, GgmlDType::Q6K),
];

struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn unit(&mut self) -> f32 {
        self.next() as f32 / (1u64 << 31) as f32 * 2.0 - 1.0
    }
}

/// Where the f16 scales of a block lie.
fn scale_places(kind: Kind) -> &'static [usize] {
    match kind {
        Kind::F32 | Kind::F16 | Kind::BF16 => &[],
        Kind::Q8_0 | Kind::Q4_0 | Kind::Q5_0 => &[0],
        Kind::Q4K => &[0, 2],
        Kind::Q6K => &[208],
    }
}

/// A matrix's bytes: any bits, with scales of the given choice.
fn blocks(kind: Kind, rows: usize, columns: usize, noise: &mut Noise, scale: impl Fn(&mut Noise) -> f16) -> Vec<u8> {
    match kind {
        Kind::F32 => (0..rows * columns).flat_map(|_| noise.unit().to_le_bytes()).collect(),
        Kind::F16 => (0..rows * columns).flat_map(|_| f16::from_f32(noise.unit()).to_le_bytes()).collect(),
        Kind::BF16 => (0..rows * columns).flat_map(|_| bf16::from_f32(noise.unit()).to_le_bytes()).collect(),
        _ => {
            let mut bytes: Vec<u8> =
                (0..kind.bytes(&[rows, columns]).unwrap()).map(|_| (noise.next() >> 5) as u8).collect();
            for block in bytes.chunks_exact_mut(kind.block().1) {
                for &at in scale_places(kind) {
                    block[at..at + 2].copy_from_slice(&scale(noise).to_le_bytes());
                }
            }
            bytes
        }
    }
}

fn candle_decodes(dtype: GgmlDType, kind: Kind, rows: usize, columns: usize, bytes: &[u8]) -> Vec<f32> {
    let tensor = match kind {
        Kind::F32 => Tensor::from_raw_buffer(bytes, candle_core::DType::F32, &[rows, columns], &Device::Cpu).unwrap(),
        Kind::F16 => Tensor::from_raw_buffer(bytes, candle_core::DType::F16, &[rows, columns], &Device::Cpu).unwrap(),
        Kind::BF16 => Tensor::from_raw_buffer(bytes, candle_core::DType::BF16, &[rows, columns], &Device::Cpu).unwrap(),
        _ => {
            let storage = QStorage::from_data(Cow::Owned(bytes.to_vec()), &Device::Cpu, dtype).unwrap();
            QTensor::new(storage, (rows, columns)).unwrap().dequantize(&Device::Cpu).unwrap()
        }
    };
    tensor.to_dtype(candle_core::DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Decoded rows equal candle's; products equal sums in f64 of what the kernels were given, for every number of rows and activations.
fn check(kind: Kind, dtype: GgmlDType, bytes: &[u8], rows: usize, columns: usize, input: impl Fn(usize) -> f32) {
    for quads in [false, true] {
        check_laid_out(Matrix::laid_out(kind, rows, columns, quads), (kind, dtype), bytes, (rows, columns), &input);
    }
}

fn check_laid_out(
    mut matrix: Matrix,
    (kind, dtype): (Kind, GgmlDType),
    bytes: &[u8],
    (rows, columns): (usize, usize),
    input: impl Fn(usize) -> f32,
) {
    let want = candle_decodes(dtype, kind, rows, columns, bytes);
    // In two parts, as a file arrives.
    let (first, rest) = bytes.split_at((rows / 8 * 4) * matrix.stored_row());
    matrix.push_rows(first).unwrap();
    matrix.push_rows(rest).unwrap();
    let mut row = vec![0.0; columns];
    for (r, want) in want.chunks_exact(columns).enumerate() {
        matrix.row(r, &mut row);
        for (c, (got, want)) in row.iter().zip(want).enumerate() {
            assert!((got - want).abs() <= want.abs() * 1e-6, "{kind:?} row {r} column {c}: {got} and {want}");
        }
    }
    for n in [1, 2, 3, 4, 5, 6, 7, 8, 11, 12] {
        let mut x = Activations::default();
        x.resize(n, columns);
        x.floats.iter_mut().enumerate().for_each(|(i, v)| *v = input(i));
        x.round_all();
        let rounded: Vec<f32> = if kind.block().0 == 1 {
            x.floats.clone()
        } else {
            x.blocks.iter().flat_map(|b| b.quants.map(|q| f32::from(q) * b.scale)).collect()
        };
        let mut got = Vec::new();
        matrix.product(&x, &mut got);
        assert_eq!(got.len(), n * rows);
        for (i, got) in got.iter().enumerate() {
            let (x, w) = (&rounded[i / rows * columns..][..columns], &want[i % rows * columns..][..columns]);
            let terms = || x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w));
            let (exact, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>());
            // Floats are added one by one, blocks are exact up to their scales; offsets cancel against larger sums.
            let slack = if kind == Kind::Q4K { 2e-5 } else { 2e-6 };
            let off = (f64::from(*got) - exact).abs();
            assert!(off <= size * slack + 1e-30, "{kind:?}, {n} rows of activations, output {i}: {got} and {exact}");
        }
    }
}

#[test]
fn every_kernel_is_its_scalar_twin_on_random_blocks() {
    for (kind, dtype) in KINDS {
        for (rows, blocks_wide) in [(4, 1), (8, 3), (13, 2), (1, 1), (6, 1)] {
            let columns = blocks_wide * kind.block().0.max(BLOCK);
            let mut noise = Noise(kind as u64 * 1000 + rows as u64);
            let bytes = blocks(kind, rows, columns, &mut noise, |n| f16::from_f32(n.unit() * 0.1));
            check(kind, dtype, &bytes, rows, columns, |i| ((i * 7919) % 1009) as f32 / 504.5 - 1.0);
        }
    }
}

/// Every shape has kernels of its own: a row's product must not depend on how many are asked for, nor on which come before it, nor on how weights lie.
#[test]
fn a_row_among_others_has_the_bits_of_one_alone() {
    for (kind, _) in KINDS {
        a_row_has_one_product(kind);
    }
}

fn a_row_has_one_product(kind: Kind) {
    let (rows, columns) = (28, 2 * kind.block().0.max(BLOCK));
    let mut noise = Noise(kind as u64 + 77);
    let mut matrix = Matrix::new(kind, rows, columns);
    let bytes = blocks(kind, rows, columns, &mut noise, |n| f16::from_f32(n.unit() * 0.1));
    matrix.push_rows(&bytes).unwrap();
    let mut in_quads = Matrix::laid_out(kind, rows, columns, true);
    in_quads.push_rows(&bytes).unwrap();
    let floats: Vec<f32> = (0..13 * columns).map(|_| noise.unit()).collect();
    let rounded = |floats: &[f32]| {
        let mut x = Activations::default();
        x.resize(floats.len() / columns, columns);
        x.floats.copy_from_slice(floats);
        x.round_all();
        x
    };
    let mut one = Vec::new();
    let alone: Vec<f32> = floats
        .chunks_exact(columns)
        .flat_map(|row| {
            matrix.product(&rounded(row), &mut one);
            one.clone()
        })
        .collect();
    let mut got = Vec::new();
    for n in 1..=13 {
        matrix.product(&rounded(&floats[..n * columns]), &mut got);
        assert_eq!(got, alone[..n * rows], "{kind:?}, {n} rows");
        in_quads.product(&rounded(&floats[..n * columns]), &mut got);
        assert_eq!(got, alone[..n * rows], "{kind:?} in quads, {n} rows");
    }
    let all = rounded(&floats);
    for of in [0..4, 4..12, 3..13, 5..6, 8..13] {
        matrix.product_of(&all, of.clone(), &mut got);
        assert_eq!(got, alone[of.start * rows..of.end * rows], "{kind:?}, rows {of:?}");
    }
}

#[test]
fn extreme_blocks_are_no_exception() {
    for (kind, dtype) in KINDS {
        if kind.block().0 == 1 {
            continue;
        }
        let columns = kind.block().0 * 2;
        for (scale, fill) in
            [(f16::MAX, 0xff), (f16::MAX, 0x00), (f16::MIN, 0x80), (f16::from_bits(1), 0x7f), (f16::ZERO, 0xaa)]
        {
            let mut bytes = vec![fill; kind.bytes(&[5, columns]).unwrap()];
            for block in bytes.chunks_exact_mut(kind.block().1) {
                for &at in scale_places(kind) {
                    block[at..at + 2].copy_from_slice(&scale.to_le_bytes());
                }
            }
            // All at the limits of a byte, of either sign, and one huge value that rounds its neighbours to nothing.
            check(kind, dtype, &bytes, 5, columns, |_| 127.0);
            check(kind, dtype, &bytes, 5, columns, |i| if i % 2 == 0 { -127.0 } else { 127.0 });
            check(kind, dtype, &bytes, 5, columns, |i| if i % 32 == 3 { 1e6 } else { 1e-3 });
            check(kind, dtype, &bytes, 5, columns, |_| 0.0);
        }
    }
}

#[test]
fn columns_of_floats_need_be_no_multiple_of_anything() {
    for (kind, dtype) in &KINDS[..3] {
        for columns in [1, 2, 3, 7, 33] {
            let bytes = blocks(*kind, 5, columns, &mut Noise(columns as u64), |_| f16::ONE);
            check(*kind, *dtype, &bytes, 5, columns, |i| i as f32 * 0.25 - 3.0);
        }
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    for (kind, _) in KINDS {
        let columns = kind.block().0.max(BLOCK);
        let good = blocks(kind, 4, columns, &mut Noise(3), |_| f16::ONE);
        for bad in [f16::NAN, f16::INFINITY, f16::NEG_INFINITY] {
            let (at, wide): (usize, Vec<u8>) = match kind {
                Kind::F32 => (8, bad.to_f32().to_le_bytes().to_vec()),
                Kind::F16 => (8, bad.to_le_bytes().to_vec()),
                Kind::BF16 => (8, bf16::from_f32(bad.to_f32()).to_le_bytes().to_vec()),
                _ => (kind.block().1 + scale_places(kind).last().unwrap(), bad.to_le_bytes().to_vec()),
            };
            let mut bytes = good.clone();
            bytes[at..at + wide.len()].copy_from_slice(&wide);
            let error = Matrix::new(kind, 4, columns).push_rows(&bytes).unwrap_err().to_string();
            assert!(error.contains("finite"), "{kind:?}: {error}");
        }
        assert!(Matrix::new(kind, 4, columns).push_rows(&good).is_ok());
    }
}

#[test]
fn tiles_take_no_more_room_than_the_file() {
    for (kind, _) in KINDS {
        let (rows, columns) = (64, 512);
        let matrix = Matrix::new(kind, rows, columns);
        let stored = kind.bytes(&[rows, columns]).unwrap();
        assert!(matrix.bytes() as f64 <= stored as f64 * 1.03, "{kind:?}: {} for {stored}", matrix.bytes());
    }
}

#[test]
fn rows_of_any_length_are_those_of_the_decoder() {
    for n in [1, 3, 4, 7, 16, 33] {
        let x: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin() * 3.0).collect();
        let w: Vec<f32> = (0..n).map(|i| 1.0 + i as f32 * 0.01).collect();
        let mut out = vec![0.0; n];
        vector::rms_norm(&x, &w, 1e-5, &mut out);
        let want = crate::ops::rms_norm_rows(&x, &w, 1e-5);
        assert!(out.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-5), "{out:?} {want:?}");
        let mut gate = x.clone();
        vector::swiglu(&mut gate, &w);
        let want = crate::ops::swiglu_rows(&x, &w);
        assert!(gate.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-5), "{gate:?} {want:?}");
        vector::add(&mut gate, &w);
        assert!(gate.iter().zip(&want).zip(&w).all(|((g, a), b)| (g - a - b).abs() < 1e-5));
    }
}
