//! Root-mean-square norm (arXiv 1910.07467): y = x / sqrt(mean(x^2) + eps) * w, over the last dimension.

use super::{math, slice, with_slice};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

/// Normalise every row of `x` [N, D] and scale it by `weight` [D].
///
/// # Errors
/// Shapes that do not fit, or tensors that are not f32 on the CPU.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    x.apply_op2(weight, RmsNorm { eps })
}

/// [`rms_norm`] of plain rows.
pub(crate) fn rms_norm_rows(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    let mut out = vec![0f32; x.len()];
    for (row, out) in x.chunks_exact(weight.len()).zip(out.chunks_exact_mut(weight.len())) {
        let inverse = inverse(row, eps);
        for ((o, x), w) in out.iter_mut().zip(row).zip(weight) {
            *o = x * inverse * w;
        }
    }
    out
}

/// 1 / sqrt(mean(x^2) + eps) of one row.
fn inverse(row: &[f32], eps: f32) -> f32 {
    1.0 / (math::dot(row, row) / row.len() as f32 + eps).sqrt()
}

struct RmsNorm {
    eps: f32,
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms_norm"
    }

    fn cpu_fwd(&self, xs: &CpuStorage, xl: &Layout, ws: &CpuStorage, wl: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, w) = (slice(xs, xl, "rms_norm")?, slice(ws, wl, "rms_norm")?);
        if w.is_empty() || xl.dims().last() != Some(&w.len()) {
            candle_core::bail!("rms_norm: rows of {:?} do not fit a weight of {:?}", xl.shape(), wl.shape());
        }
        Ok((CpuStorage::F32(rms_norm_rows(x, w, self.eps)), xl.shape().clone()))
    }

    /// With r = 1/rms and n = x r: dw = sum_rows g n, dx = r (g w - n mean(g w n)).
    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let width = weight.dim(0)?;
        let (dx, dw) = with_slice(x, "rms_norm", |x| {
            with_slice(weight, "rms_norm", |w| {
                with_slice(grad, "rms_norm", |g| {
                    let (mut dx, mut dw) = (vec![0f32; x.len()], vec![0f32; width]);
                    let mut gw = vec![0f32; width];
                    for ((row, g), dx) in
                        x.chunks_exact(width).zip(g.chunks_exact(width)).zip(dx.chunks_exact_mut(width))
                    {
                        let r = inverse(row, self.eps);
                        for i in 0..width {
                            gw[i] = g[i] * w[i];
                            dw[i] += g[i] * row[i] * r;
                        }
                        let mean = math::dot(&gw, row) * r * r / width as f32;
                        for i in 0..width {
                            dx[i] = r * (gw[i] - row[i] * mean);
                        }
                    }
                    (dx, dw)
                })
            })
        })???;
        Ok((Some(Tensor::from_vec(dx, x.shape(), x.device())?), Some(Tensor::from_vec(dw, width, x.device())?)))
    }
}
