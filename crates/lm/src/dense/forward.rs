//! Embedding and blocks: packed rows in, the residual stream after the last block out.

use super::pool::{Buffer, Pool};
use super::weights::{Layer, LayerPanels, Slices};
use super::{CHUNK, Setting, Shape, chunks, family, rows, span};
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
    /// Queries and keys before their heads were normalised, [N, (H + K) d]; empty in families that do not.
    pub(super) before_norms: Buffer,
    /// Output of the heads, [N, H d].
    pub(super) attended: Buffer,
    /// Residual stream before the feed-forward layer, [N, D].
    pub(super) before_ffn: Buffer,
    /// [N, 2 F]
    pub(super) gate_up: Buffer,
}

impl Saved {
    pub(super) fn new(shape: Shape, rows: usize, pool: &Pool) -> Self {
        Self::sized(shape, [rows; 3], pool)
    }

    /// Rows of the residual stream, of the heads, of the feed-forward layer.
    fn sized(shape: Shape, [stream, heads, ffn]: [usize; 3], pool: &Pool) -> Self {
        Self {
            before_attention: pool.take(stream * shape.width),
            qkv: pool.take(heads * shape.qkv()),
            before_norms: pool.take(stream * shape.normed()),
            attended: pool.take(heads * shape.q),
            before_ffn: pool.take(stream * shape.width),
            gate_up: pool.take(ffn * 2 * shape.ffn),
        }
    }

    /// All of it, as wide as [`Shape::saved`] says.
    pub(super) fn buffers(&self) -> [&Buffer; 6] {
        let Self { before_attention, qkv, before_norms, attended, before_ffn, gate_up } = self;
        [before_attention, qkv, before_norms, attended, before_ffn, gate_up]
    }

    /// As [`Self::buffers`].
    pub(super) fn buffers_mut(&mut self) -> [&mut Buffer; 6] {
        let Self { before_attention, qkv, before_norms, attended, before_ffn, gate_up } = self;
        [before_attention, qkv, before_norms, attended, before_ffn, gate_up]
    }

    /// Whether this is what a backward pass needs, and not only room for one block's work.
    fn keeps(&self) -> bool {
        !self.before_attention.is_empty()
    }
}

/// Where packed weights come from: a frozen model has them, a policy packs each block when it is needed.
pub(super) enum Source<'a> {
    Frozen(&'a [LayerPanels]),
    Packing(LayerPanels),
}

/// The one step of a block in which rows meet: (layer, qkv [N, (H + 2 K) d], out [N, H d]).
pub(super) type Attend<'a> = dyn FnMut(usize, &[f32], &mut [f32]) -> Result<()> + 'a;

/// What a pass keeps for a backward pass.
#[derive(Debug)]
pub(super) enum Keep {
    /// Everything, one entry for each block.
    All(Vec<Saved>),
    /// Only what goes into each block, [N, D]; the rest is computed again (gradient checkpointing, arXiv 1604.06174).
    Inputs(Vec<Buffer>),
    Nothing,
}

/// Working space of one chunk of rows.
pub(super) struct Work {
    pub(super) scratch: Scratch,
    h: Buffer,
    act: Buffer,
}

impl Work {
    pub(super) fn new(shape: Shape, rows: usize, pool: &Pool) -> Self {
        let chunk = rows.min(CHUNK);
        Self { scratch: Scratch::default(), h: pool.take(chunk * shape.width), act: pool.take(chunk * shape.ffn) }
    }
}

/// Vectors of `ids`, [N, D]; the ids have been checked.
pub(super) fn embed(shape: Shape, w: &Slices<'_>, ids: &[u32], x: &mut [f32]) {
    for (x, &id) in x.chunks_exact_mut(shape.width).zip(ids) {
        w.embedding.copy_to(id as usize * shape.width, x);
    }
}

/// Run `x` [N, D] through all blocks. `attend(layer, qkv, out)` is the only step in which rows meet.
pub(super) fn blocks(
    setting: Setting<'_>,
    w: &Slices<'_>,
    source: &mut Source<'_>,
    x: &mut [f32],
    keep: &mut Keep,
    (work, pool): (&mut Work, &Pool),
    attend: &mut Attend<'_>,
) -> Result<()> {
    let shape = setting.shape;
    let rows = setting.positions.len();
    let mut space = match keep {
        Keep::All(_) => None,
        Keep::Inputs(_) | Keep::Nothing => Some(Saved::sized(shape, [0, rows, rows.min(CHUNK)], pool)),
    };
    for (layer, weights) in w.layers.iter().enumerate() {
        let panels = match source {
            Source::Frozen(all) => &all[layer],
            Source::Packing(panels) => {
                panels.pack_forward(shape, weights);
                panels
            }
        };
        if let Keep::Inputs(all) = keep {
            let mut input = pool.take(x.len());
            input.copy_from_slice(x);
            all.push(input);
        }
        match (&mut space, &mut *keep) {
            (None, Keep::All(all)) => {
                let mut saved = Saved::new(shape, rows, pool);
                block(setting, (layer, weights, panels), x, &mut saved, work, attend)?;
                all.push(saved);
            }
            (Some(space), _) => block(setting, (layer, weights, panels), x, space, work, attend)?,
            (None, _) => {}
        }
    }
    Ok(())
}

/// Run `x` [N, D] through one block; what happens on the way is left in `saved`.
pub(super) fn block(
    setting: Setting<'_>,
    (layer, weights, panels): (usize, &Layer<'_>, &LayerPanels),
    x: &mut [f32],
    saved: &mut Saved,
    work: &mut Work,
    attend: &mut Attend<'_>,
) -> Result<()> {
    let shape = setting.shape;
    let (d, q, f) = (shape.width, shape.q, shape.ffn);
    let (rows, keeps) = (setting.positions.len(), saved.keeps());
    let Work { scratch, h, act } = work;
    let Saved { before_attention, qkv, before_norms, attended, before_ffn, gate_up } = saved;
    for chunk in chunks(rows) {
        let (x, qkv) = (&x[span(&chunk, d)], &mut qkv[span(&chunk, shape.qkv())]);
        let h = &mut h[..chunk.len() * d];
        rows::rms_norm(x, weights.attention_norm, shape.eps, h);
        multiply(View::new(h, chunk.len(), d), &panels.qkv, qkv, shape.qkv(), Store::Set, scratch);
        let before = if keeps { &mut before_norms[span(&chunk, shape.normed())] } else { &mut [][..] };
        family::forward(shape, weights, qkv, before);
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
    Ok(())
}
