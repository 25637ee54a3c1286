//! Embedding and blocks: packed rows in, the residual stream after the last block out.

use super::pool::{Buffer, Pool};
use super::weights::{LayerPanels, Slices};
use super::{CHUNK, Setting, Shape, chunks, rows, span};
use crate::Result;
use crate::kernel::{Scratch, Store, View, multiply};
use crate::ops::rope_in_place;

/// What the backward pass needs of one block, N rows each.
#[derive(Debug)]
pub(super) struct Saved {
    /// Residual stream before attention, [N, D].
    pub(super) before_attention: Buffer,
    /// Queries, keys (both turned) and values, [N, (H + 2 K) d].
    pub(super) qkv: Buffer,
    /// Output of the heads, [N, H d].
    pub(super) attended: Buffer,
    /// Residual stream before the feed-forward layer, [N, D].
    pub(super) before_ffn: Buffer,
    /// [N, 2 F]
    pub(super) gate_up: Buffer,
}

impl Saved {
    fn new(shape: Shape, rows: usize, pool: &Pool) -> Self {
        Self::sized(shape, [rows; 3], pool)
    }

    /// Rows of the residual stream, of the heads, of the feed-forward layer.
    fn sized(shape: Shape, [stream, heads, ffn]: [usize; 3], pool: &Pool) -> Self {
        Self {
            before_attention: pool.take(stream * shape.width),
            qkv: pool.take(heads * shape.qkv()),
            attended: pool.take(heads * shape.q),
            before_ffn: pool.take(stream * shape.width),
            gate_up: pool.take(ffn * 2 * shape.ffn),
        }
    }
}

/// Where packed weights come from: a frozen model has them, a policy packs each block when it is needed.
pub(super) enum Source<'a> {
    Frozen(&'a [LayerPanels]),
    Packing(LayerPanels),
}

/// The one step of a block in which rows meet: (layer, qkv [N, (H + 2 K) d], out [N, H d]).
pub(super) type Attend<'a> = dyn FnMut(usize, &[f32], &mut [f32]) -> Result<()> + 'a;

/// Whether a pass keeps what a backward pass needs.
pub(super) enum Keep<'a> {
    /// One entry for each block is pushed.
    All(&'a mut Vec<Saved>),
    Nothing,
}

/// Working space of one chunk of rows, and of a whole pass that keeps nothing.
pub(super) struct Work {
    pub(super) scratch: Scratch,
    h: Buffer,
    act: Buffer,
    space: Saved,
}

impl Work {
    pub(super) fn new(shape: Shape, rows: usize, keep: &Keep<'_>, pool: &Pool) -> Self {
        let chunk = rows.min(CHUNK);
        let space = match keep {
            Keep::All(_) => Saved::sized(shape, [0; 3], pool),
            Keep::Nothing => Saved::sized(shape, [0, rows, chunk], pool),
        };
        Self {
            scratch: Scratch::default(),
            h: pool.take(chunk * shape.width),
            act: pool.take(chunk * shape.ffn),
            space,
        }
    }
}

/// Vectors of `ids`, [N, D]; the ids have been checked.
pub(super) fn embed(shape: Shape, w: &Slices<'_>, ids: &[u32], x: &mut [f32]) {
    for (x, &id) in x.chunks_exact_mut(shape.width).zip(ids) {
        let at = id as usize * shape.width;
        x.copy_from_slice(&w.embedding[at..at + shape.width]);
    }
}

/// Run `x` [N, D] through all blocks. `attend(layer, qkv, out)` is the only step in which rows meet.
pub(super) fn blocks(
    setting: Setting<'_>,
    w: &Slices<'_>,
    source: &mut Source<'_>,
    x: &mut [f32],
    keep: &mut Keep<'_>,
    (work, pool): (&mut Work, &Pool),
    attend: &mut Attend<'_>,
) -> Result<()> {
    let shape = setting.shape;
    let (d, q, f) = (shape.width, shape.q, shape.ffn);
    let rows = setting.positions.len();
    for (layer, weights) in w.layers.iter().enumerate() {
        let panels = match source {
            Source::Frozen(all) => &all[layer],
            Source::Packing(panels) => {
                panels.pack_forward(shape, weights);
                panels
            }
        };
        let mut saved = match keep {
            Keep::All(_) => Some(Saved::new(shape, rows, pool)),
            Keep::Nothing => None,
        };
        let keeps = saved.is_some();
        let Work { scratch, h, act, space } = &mut *work;
        let Saved { before_attention, qkv, attended, before_ffn, gate_up } = saved.as_mut().unwrap_or(space);
        for chunk in chunks(rows) {
            let (x, qkv) = (&x[span(&chunk, d)], &mut qkv[span(&chunk, shape.qkv())]);
            let h = &mut h[..chunk.len() * d];
            rows::rms_norm(x, weights.attention_norm, shape.eps, h);
            multiply(View::new(h, chunk.len(), d), &panels.qkv, qkv, shape.qkv(), Store::Set, scratch);
            let positions = &setting.positions[chunk.clone()];
            rope_in_place(qkv, shape.qkv(), q + shape.kv, positions, setting.rope, 1.0)?;
        }
        attend(layer, qkv, attended)?;
        for chunk in chunks(rows) {
            let (n, x) = (chunk.len(), &mut x[span(&chunk, d)]);
            if keeps {
                before_attention[span(&chunk, d)].copy_from_slice(x);
            }
            multiply(View::new(&attended[span(&chunk, q)], n, q), &panels.o, x, d, Store::Add, scratch);
            let h = &mut h[..n * d];
            rows::rms_norm(x, weights.ffn_norm, shape.eps, h);
            if keeps {
                before_ffn[span(&chunk, d)].copy_from_slice(x);
            }
            let gate_up = if keeps { &mut gate_up[span(&chunk, 2 * f)] } else { &mut gate_up[..n * 2 * f] };
            multiply(View::new(h, n, d), &panels.gate_up, gate_up, 2 * f, Store::Set, scratch);
            let act = &mut act[..n * f];
            rows::swiglu(gate_up, f, act);
            multiply(View::new(act, n, f), &panels.down, x, d, Store::Add, scratch);
        }
        if let (Keep::All(all), Some(saved)) = (&mut *keep, saved) {
            all.push(saved);
        }
    }
    Ok(())
}
