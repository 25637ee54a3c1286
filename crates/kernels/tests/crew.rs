//! Products and attention on several threads: the bits of one.

use clicker_kernels::attention::{AttentionShape, Stretch, attend};
use clicker_kernels::crew::crew;
use clicker_kernels::{Activations, Kind, Matrix};

/// Numbers between -1 and 1.
fn noise(seed: u32, n: usize) -> Vec<f32> {
    let mut x = seed;
    let mut next = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn matrix(kind: Kind, rows: usize, columns: usize) -> Matrix {
    let mut matrix = Matrix::new(kind, rows, columns);
    let bytes: Vec<u8> = match kind {
        Kind::Q8_0 => {
            let quants = noise(7, rows * columns);
            // Scales of 2^-4 and 2^-5.
            let block = |(i, q): (usize, &[f32])| {
                let scale: [u8; 2] = [0, if i % 3 == 0 { 0x2c } else { 0x28 }];
                scale.into_iter().chain(q.iter().map(|q| (q * 127.0) as i8 as u8)).collect::<Vec<u8>>()
            };
            quants.chunks_exact(32).enumerate().flat_map(block).collect()
        }
        _ => noise(5, rows * columns).iter().flat_map(|x| x.to_le_bytes()).collect(),
    };
    matrix.push_rows(&bytes).expect("finite weights");
    matrix
}

/// What `work` gives with three threads and with one.
fn both<T>(work: impl Fn() -> T) -> (T, T) {
    while crew().joined() < 3 {
        std::thread::yield_now();
    }
    crew().work_alone(false);
    let together = work();
    crew().work_alone(true);
    (together, work())
}

/// One test, because they share a crew.
#[test]
fn whatever_the_number_of_threads_the_bits_are_the_same() {
    for _ in 0..2 {
        std::thread::spawn(|| crew().join());
    }
    // The last group is not full, the last four groups are not four.
    for (kind, rows, columns) in
        [(Kind::F32, 523, 160), (Kind::Q8_0, 523, 160), (Kind::Q8_0, 4096, 64), (Kind::Q8_0, 5, 9600)]
    {
        let matrix = matrix(kind, rows, columns);
        for n in [1, 2, 3, 8] {
            let mut x = Activations::default();
            x.resize(n, columns);
            x.floats.copy_from_slice(&noise(n as u32, n * columns));
            x.round_all();
            let (together, alone) = both(|| {
                let mut out = Vec::new();
                matrix.product(&x, &mut out);
                out
            });
            assert!(alone.iter().any(|y| *y != 0.0));
            assert!(
                together.iter().map(|y| y.to_bits()).eq(alone.iter().map(|y| y.to_bits())),
                "{kind:?} {rows} x {columns}, {n}"
            );
        }
    }
    let shape = AttentionShape { heads: 9, kv_heads: 3, head_dim: 64 };
    let mut stretch = Stretch::new(shape, 70);
    for position in 0..70 {
        let [k, v] = [noise(position, 192), noise(1000 + position, 192)];
        stretch.put(shape, position as usize, &k, &v);
    }
    let q = noise(3, 20 * 576);
    let (together, alone) = both(|| {
        let mut out = vec![0.0; q.len()];
        attend(shape, &q, |row| [(&stretch, 50), (&stretch, row + 1)], &mut out);
        out
    });
    assert!(alone.iter().all(|y| y.is_finite() && *y != 0.0));
    assert_eq!(together, alone);
}
