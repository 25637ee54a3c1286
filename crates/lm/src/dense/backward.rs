//! The blocks' backward pass: from the gradient of the last residual stream to that of every weight.

use super::attention::Attention;
use super::forward::Saved;
use super::pool::{Buffer, Pool};
use super::weights::{LayerPanels, PER_LAYER, Slices};
use super::{CHUNK, Setting, Shape, chunks, rows, span};
use crate::kernel::{Panels, Scratch, Store, View, multiply};
use crate::ops::rope_in_place;
use crate::{Result, RowPlan};

/// Gradients of all tensors, in the order of [`crate::ModelConfig::tensor_shapes`].
pub(super) struct Gradients {
    pub(super) embedding: Vec<f32>,
    layers: Vec<LayerGradients>,
    pub(super) norm: Vec<f32>,
    /// None where the embedding is also the head.
    pub(super) head: Option<Vec<f32>>,
}

struct LayerGradients {
    attention_norm: Vec<f32>,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    o: Vec<f32>,
    ffn_norm: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    down: Vec<f32>,
}

impl Gradients {
    pub(super) fn zeros(shape: Shape, tied: bool) -> Self {
        let zeros = |n: usize| vec![0f32; n];
        let d = shape.width;
        let layers = (0..shape.layers)
            .map(|_| LayerGradients {
                attention_norm: zeros(d),
                q: zeros(shape.q * d),
                k: zeros(shape.kv * d),
                v: zeros(shape.kv * d),
                o: zeros(d * shape.q),
                ffn_norm: zeros(d),
                gate: zeros(shape.ffn * d),
                up: zeros(shape.ffn * d),
                down: zeros(d * shape.ffn),
            })
            .collect();
        let table = shape.vocab * d;
        Self { embedding: zeros(table), layers, norm: zeros(d), head: (!tied).then(|| zeros(table)) }
    }

    /// One list, in file order.
    pub(super) fn into_list(self) -> Vec<Vec<f32>> {
        let mut all = Vec::with_capacity(self.layers.len() * PER_LAYER + 3);
        all.push(self.embedding);
        for l in self.layers {
            all.extend([l.attention_norm, l.q, l.k, l.v, l.o, l.ffn_norm, l.gate, l.up, l.down]);
        }
        all.push(self.norm);
        all.extend(self.head);
        all
    }
}

/// Working space of the backward pass.
struct Work {
    scratch: Scratch,
    panels: LayerPanels,
    /// Right-hand operand of a weight's gradient, one chunk of rows.
    inputs: Panels,
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
    (plan, saved): (&RowPlan, &[Saved]),
    ids: &[u32],
    dx: &mut [f32],
    gradients: &mut Gradients,
    pool: &Pool,
) -> Result<()> {
    let shape = setting.shape;
    let (d, rows) = (shape.width, ids.len());
    let chunk = rows.min(CHUNK);
    let mut work = Work {
        scratch: Scratch::default(),
        panels: LayerPanels::default(),
        inputs: Panels::default(),
        h: pool.take(chunk * d),
        dh: pool.take(chunk * d),
        act: pool.take(chunk * shape.ffn),
        d_act: pool.take(chunk * shape.ffn),
        d_gate_up: pool.take(chunk * 2 * shape.ffn),
        d_attended: pool.take(rows * shape.q),
        d_qkv: pool.take(rows * shape.qkv()),
    };
    let mut attention = Attention::new(shape, plan);
    for ((weights, saved), gradients) in w.layers.iter().zip(saved).zip(&mut gradients.layers).rev() {
        work.panels.pack_backward(shape, weights);
        for chunk in chunks(rows) {
            let n = chunk.len();
            let dx = &mut dx[span(&chunk, d)];
            work.feed_forward(
                shape,
                &saved.before_ffn[span(&chunk, d)],
                weights.ffn_norm,
                &saved.gate_up[span(&chunk, 2 * shape.ffn)],
                dx,
                gradients,
            );
            let Work { scratch, inputs, panels, d_attended, .. } = &mut work;
            let d_attended = &mut d_attended[span(&chunk, shape.q)];
            multiply(View::new(dx, n, d), &panels.o, d_attended, shape.q, Store::Set, scratch);
            inputs.pack(View::new(&saved.attended[span(&chunk, shape.q)], n, shape.q));
            multiply(View::new(dx, n, d).turned(), inputs, &mut gradients.o, shape.q, Store::Add, scratch);
        }
        attention.backward(&saved.qkv, &work.d_attended, &mut work.d_qkv);
        for chunk in chunks(rows) {
            let before = &saved.before_attention[span(&chunk, d)];
            work.projections(setting, &chunk, before, weights.attention_norm, &mut dx[span(&chunk, d)], gradients)?;
        }
    }
    for (&id, dx) in ids.iter().zip(dx.chunks_exact(d)) {
        rows::add(&mut gradients.embedding[id as usize * d..(id as usize + 1) * d], dx);
    }
    Ok(())
}

impl Work {
    /// x + down(swiglu(gate(norm x), up(norm x))): `dx` comes in as the gradient of the sum and leaves as that of x.
    fn feed_forward(
        &mut self,
        shape: Shape,
        x: &[f32],
        norm: &[f32],
        gate_up: &[f32],
        dx: &mut [f32],
        gradients: &mut LayerGradients,
    ) {
        let (d, f, n) = (shape.width, shape.ffn, x.len() / shape.width);
        let Self { scratch, panels, inputs, h, dh, act, d_act, d_gate_up, .. } = self;
        let (h, dh, act) = (&mut h[..n * d], &mut dh[..n * d], &mut act[..n * f]);
        let (d_act, d_gate_up) = (&mut d_act[..n * f], &mut d_gate_up[..n * 2 * f]);
        multiply(View::new(dx, n, d), &panels.down, d_act, f, Store::Set, scratch);
        rows::swiglu_backward(gate_up, f, d_act, act, d_gate_up);
        inputs.pack(View::new(act, n, f));
        multiply(View::new(dx, n, d).turned(), inputs, &mut gradients.down, f, Store::Add, scratch);
        rows::rms_norm(x, norm, shape.eps, h);
        inputs.pack(View::new(h, n, d));
        for (at, out) in [(0, &mut gradients.gate), (f, &mut gradients.up)] {
            let dy = View::strided(&d_gate_up[at..], n, f, 2 * f).turned();
            multiply(dy, inputs, out, d, Store::Add, scratch);
        }
        multiply(View::new(d_gate_up, n, 2 * f), &panels.gate_up, dh, d, Store::Set, scratch);
        rows::rms_norm_backward(x, norm, shape.eps, dh, dx, &mut gradients.ffn_norm);
    }

    /// x + attention(rope(q), rope(k), v): as above, given the gradient of what the heads saw.
    fn projections(
        &mut self,
        setting: Setting<'_>,
        chunk: &std::ops::Range<usize>,
        x: &[f32],
        norm: &[f32],
        dx: &mut [f32],
        gradients: &mut LayerGradients,
    ) -> Result<()> {
        let shape = setting.shape;
        let (d, width, n) = (shape.width, shape.qkv(), chunk.len());
        let Self { scratch, panels, inputs, h, dh, d_qkv, .. } = self;
        let (h, dh, d_qkv) = (&mut h[..n * d], &mut dh[..n * d], &mut d_qkv[span(chunk, width)]);
        rope_in_place(d_qkv, width, shape.q + shape.kv, &setting.positions[chunk.clone()], setting.rope, -1.0)?;
        rows::rms_norm(x, norm, shape.eps, h);
        inputs.pack(View::new(h, n, d));
        for (at, outputs, out) in [
            (0, shape.q, &mut gradients.q),
            (shape.q, shape.kv, &mut gradients.k),
            (shape.q + shape.kv, shape.kv, &mut gradients.v),
        ] {
            multiply(View::strided(&d_qkv[at..], n, outputs, width).turned(), inputs, out, d, Store::Add, scratch);
        }
        multiply(View::new(d_qkv, n, width), &panels.qkv, dh, d, Store::Set, scratch);
        rows::rms_norm_backward(x, norm, shape.eps, dh, dx, &mut gradients.attention_norm);
        Ok(())
    }
}
