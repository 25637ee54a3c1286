//! The blocks' backward pass: from the gradient of the last residual stream to that of every weight.

use super::adapter;
use super::attention::Attention;
use super::family;
use super::forward::{self, Keep, Saved};
use super::gradients::{Gradients, LayerGradients};
use super::pool::{Buffer, Pool};
use super::weights::{Layer, LayerPanels, Slices};
use super::{CHUNK, Setting, Shape, chunks, rows, span};
use crate::kernel::{Panels, Scratch, Store, View, multiply};
use crate::ops::rope_in_place;
use crate::{LmError, Result, RowPlan};

/// Working space of the backward pass.
struct Work {
    scratch: Scratch,
    panels: LayerPanels,
    /// Right-hand operand of a weight's gradient, one chunk of rows.
    inputs: Panels,
    narrow: adapter::Work,
    h: Buffer,
    dh: Buffer,
    act: Buffer,
    d_act: Buffer,
    d_gate_up: Buffer,
    /// [N, H d]
    d_attended: Buffer,
    /// [N, (H + 2 K) d]
    d_qkv: Buffer,
}

/// Bring `dx` [N, D], the gradient of the residual stream after the last block, back to the embedding and add every
/// weight's gradient.
pub(super) fn blocks(
    setting: Setting<'_>,
    w: &Slices<'_>,
    (plan, kept): (&RowPlan, &Keep),
    ids: &[u32],
    dx: &mut [f32],
    gradients: &mut Gradients,
    pool: &Pool,
) -> Result<()> {
    let shape = setting.shape;
    let (d, rows) = (shape.width, ids.len());
    let mut work = Work::new(shape, rows, pool);
    let mut attention = Attention::new(shape, plan);
    // Room for one block that is computed again.
    let mut again = match kept {
        Keep::Inputs(_) => Some((Saved::new(shape, rows, pool), forward::Work::new(shape, rows, pool))),
        Keep::All(_) | Keep::Nothing => None,
    };
    for ((layer, weights), gradients) in w.layers.iter().enumerate().zip(&mut gradients.layers).rev() {
        let saved = match (kept, &mut again) {
            (Keep::All(all), _) => all.get(layer),
            (Keep::Inputs(all), Some((saved, space))) => {
                let mut x = pool.take(rows * d);
                x.copy_from_slice(&all[layer]);
                work.panels.pack_forward(shape, weights);
                let mut attend = |_: usize, qkv: &[f32], out: &mut [f32]| {
                    attention.forward(qkv, out);
                    Ok(())
                };
                forward::block(setting, (layer, weights, &work.panels), &mut x, saved, space, &mut attend)?;
                Some(&*saved)
            }
            _ => None,
        };
        let saved = saved.ok_or_else(|| LmError::Shape {
            op: "decoder",
            expected: "a pass that was kept for going back".into(),
            got: "one that kept nothing, because no weight learns".into(),
        })?;
        work.panels.pack_backward(shape, weights);
        work.block(setting, weights, saved, &mut attention, dx, gradients)?;
    }
    if gradients.embedding.is_empty() {
        return Ok(());
    }
    for (&id, dx) in ids.iter().zip(dx.chunks_exact(d)) {
        rows::add(&mut gradients.embedding[id as usize * d..(id as usize + 1) * d], dx);
    }
    Ok(())
}

impl Work {
    fn new(shape: Shape, rows: usize, pool: &Pool) -> Self {
        let (d, chunk) = (shape.width, rows.min(CHUNK));
        Self {
            scratch: Scratch::default(),
            panels: LayerPanels::default(),
            inputs: Panels::default(),
            narrow: adapter::Work::default(),
            h: pool.take(chunk * d),
            dh: pool.take(chunk * d),
            act: pool.take(chunk * shape.ffn),
            d_act: pool.take(chunk * shape.ffn),
            d_gate_up: pool.take(chunk * 2 * shape.ffn),
            d_attended: pool.take(rows * shape.q),
            d_qkv: pool.take(rows * shape.qkv()),
        }
    }

    /// One block, whose weights are packed: `dx` [N, D] comes in as the gradient of what it gave and leaves as that of what
    /// it was given.
    fn block(
        &mut self,
        setting: Setting<'_>,
        weights: &Layer<'_>,
        saved: &Saved,
        attention: &mut Attention<'_>,
        dx: &mut [f32],
        gradients: &mut LayerGradients,
    ) -> Result<()> {
        let shape = setting.shape;
        let (d, rows) = (shape.width, setting.positions.len());
        for chunk in chunks(rows) {
            let n = chunk.len();
            let dx = &mut dx[span(&chunk, d)];
            let (before, gate_up) = (&saved.before_ffn[span(&chunk, d)], &saved.gate_up[span(&chunk, 2 * shape.ffn)]);
            self.feed_forward(shape, before, weights, gate_up, dx, gradients);
            let Self { scratch, inputs, narrow, panels, d_attended, .. } = self;
            let d_attended = &mut d_attended[span(&chunk, shape.q)];
            multiply(View::new(dx, n, d), &panels.o, d_attended, shape.q, Store::Set, scratch);
            if gradients.o.learns() {
                let attended = View::new(&saved.attended[span(&chunk, shape.q)], n, shape.q);
                inputs.pack(attended);
                gradients.o.add(weights.o, View::new(dx, n, d), (attended, inputs), (narrow, scratch));
            }
        }
        attention.backward(&saved.qkv, &self.d_attended, &mut self.d_qkv);
        for chunk in chunks(rows) {
            self.projections(setting, &chunk, weights, saved, &mut dx[span(&chunk, d)], gradients)?;
        }
        Ok(())
    }

    /// x + down(swiglu(gate(norm x), up(norm x))): `dx` comes in as the gradient of the sum and leaves as that of x.
    fn feed_forward(
        &mut self,
        shape: Shape,
        x: &[f32],
        weights: &Layer<'_>,
        gate_up: &[f32],
        dx: &mut [f32],
        gradients: &mut LayerGradients,
    ) {
        let (d, f, n, norm) = (shape.width, shape.ffn, x.len() / shape.width, weights.ffn_norm);
        let Self { scratch, panels, inputs, narrow, h, dh, act, d_act, d_gate_up, .. } = self;
        let (h, dh, act) = (&mut h[..n * d], &mut dh[..n * d], &mut act[..n * f]);
        let (d_act, d_gate_up) = (&mut d_act[..n * f], &mut d_gate_up[..n * 2 * f]);
        multiply(View::new(dx, n, d), &panels.down, d_act, f, Store::Set, scratch);
        rows::swiglu_backward(gate_up, f, d_act, act, d_gate_up);
        if gradients.down.learns() {
            let act = View::new(act, n, f);
            inputs.pack(act);
            gradients.down.add(weights.down, View::new(dx, n, d), (act, inputs), (narrow, scratch));
        }
        rows::rms_norm(x, norm, shape.eps, h);
        inputs.pack(View::new(h, n, d));
        for (at, out, weight) in [(0, &mut gradients.gate, weights.gate), (f, &mut gradients.up, weights.up)] {
            let dy = View::strided(&d_gate_up[at..], n, f, 2 * f);
            out.add(weight, dy, (View::new(h, n, d), inputs), (narrow, scratch));
        }
        multiply(View::new(d_gate_up, n, 2 * f), &panels.gate_up, dh, d, Store::Set, scratch);
        rows::rms_norm_backward(x, norm, shape.eps, dh, dx, &mut gradients.ffn_norm);
    }

    /// x + attention(rope(q), rope(k), v): as above, given the gradient of what the heads saw.
    fn projections(
        &mut self,
        setting: Setting<'_>,
        chunk: &std::ops::Range<usize>,
        weights: &Layer<'_>,
        saved: &Saved,
        dx: &mut [f32],
        gradients: &mut LayerGradients,
    ) -> Result<()> {
        let (shape, norm) = (setting.shape, weights.attention_norm);
        let (d, width, n) = (shape.width, shape.qkv(), chunk.len());
        let x = &saved.before_attention[span(chunk, d)];
        let Self { scratch, panels, inputs, narrow, h, dh, d_qkv, .. } = self;
        let (h, dh, d_qkv) = (&mut h[..n * d], &mut dh[..n * d], &mut d_qkv[span(chunk, width)]);
        rope_in_place(d_qkv, width, shape.q + shape.kv, &setting.positions[chunk.clone()], setting.rope, -1.0)?;
        let before = &saved.before_norms[span(chunk, shape.normed())];
        family::backward(shape, weights, before, d_qkv, &mut gradients.family);
        rows::rms_norm(x, norm, shape.eps, h);
        inputs.pack(View::new(h, n, d));
        let parts = [
            (0, shape.q, &mut gradients.q, weights.q),
            (shape.q, shape.kv, &mut gradients.k, weights.k),
            (shape.q + shape.kv, shape.kv, &mut gradients.v, weights.v),
        ];
        for (at, outputs, out, weight) in parts {
            let dy = View::strided(&d_qkv[at..], n, outputs, width);
            out.add(weight, dy, (View::new(h, n, d), inputs), (narrow, scratch));
        }
        multiply(View::new(d_qkv, n, width), &panels.qkv, dh, d, Store::Set, scratch);
        rows::rms_norm_backward(x, norm, shape.eps, dh, dx, &mut gradients.attention_norm);
        Ok(())
    }
}
