//! Gated feed-forward activation (arXiv 2002.05202): y = silu(gate) * up, silu(z) = z / (1 + e^-z).

use super::{math, slice, with_slice};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

/// silu(gate) * up, element by element; both [N, F].
///
/// # Errors
/// Shapes that differ, or tensors that are not f32 on the CPU.
pub fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.apply_op2(up, SwiGlu)
}

/// [`swiglu`] of plain rows.
pub(crate) fn swiglu_rows(gate: &[f32], up: &[f32]) -> Vec<f32> {
    gate.iter().zip(up).map(|(&g, &u)| g * sigmoid(g) * u).collect()
}

struct SwiGlu;

#[inline]
fn sigmoid(z: f32) -> f32 {
    1.0 / (1.0 + math::exp(-z))
}

impl CustomOp2 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(&self, gs: &CpuStorage, gl: &Layout, us: &CpuStorage, ul: &Layout) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (slice(gs, gl, "swiglu")?, slice(us, ul, "swiglu")?);
        if gl.shape() != ul.shape() {
            candle_core::bail!("swiglu: gate {:?} and up {:?} differ", gl.shape(), ul.shape());
        }
        Ok((CpuStorage::F32(swiglu_rows(gate, up)), gl.shape().clone()))
    }

    /// With s = sigmoid(g): d silu(g) / dg = s (1 + g (1 - s)).
    fn bwd(
        &self,
        gate: &Tensor,
        up: &Tensor,
        _out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (d_gate, d_up) = with_slice(gate, "swiglu", |gate| {
            with_slice(up, "swiglu", |up| {
                with_slice(grad, "swiglu", |grad| {
                    let (mut d_gate, mut d_up) = (vec![0f32; gate.len()], vec![0f32; gate.len()]);
                    let (gate, up, grad) = (&gate[..gate.len()], &up[..gate.len()], &grad[..gate.len()]);
                    for i in 0..gate.len() {
                        let s = sigmoid(gate[i]);
                        d_gate[i] = grad[i] * up[i] * s * (1.0 + gate[i] * (1.0 - s));
                        d_up[i] = grad[i] * gate[i] * s;
                    }
                    (d_gate, d_up)
                })
            })
        })???;
        Ok((
            Some(Tensor::from_vec(d_gate, gate.shape(), gate.device())?),
            Some(Tensor::from_vec(d_up, up.shape(), up.device())?),
        ))
    }
}
