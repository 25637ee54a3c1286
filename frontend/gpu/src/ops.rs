//! One pass of the decoder as a list of kernels with what they read and write, made once for a batch; and how many groups of 64 each
//! takes for a number of rows.

use crate::model::{Matrix, Model};
use crate::processor::{Kernel, Processor, READS};
use clicker_lm::Architecture;
use std::num::NonZeroU64;
use wgpu::{BindGroup, Buffer, BufferBinding, BufferUsages, ComputePass, ComputePipeline};

/// Rows of one pass at most: samples that draw side by side, or a piece of a prompt.
pub(crate) const ROWS: usize = 64;

/// From here on, a product is computed in tiles.
const MANY: u32 = 9;

// As in the kernels.
const ADD: u32 = 1;
const PICKED: u32 = 2;
const BIAS: u32 = 4;
const NORM: u32 = 8;
const HALVES: u32 = 16;
const NEIGHBOURS: u32 = 32;
const CACHE: u32 = 64;

/// Bytes from one kernel's uniforms to the next, as every card allows.
const STRIDE: usize = 256;

/// `Op` of the kernels.
#[derive(Clone, Copy, Default)]
struct Params {
    rows: usize,
    columns: usize,
    per: usize,
    flags: u32,
    kv: usize,
    share: usize,
    scale: f32,
    eps: f32,
}

impl Params {
    fn bytes(self) -> Vec<u8> {
        let whole =
            [self.rows as u32, self.columns as u32, self.per as u32, self.flags, self.kv as u32, self.share as u32];
        let mut out: Vec<u8> = whole.into_iter().flat_map(u32::to_le_bytes).collect();
        out.extend([self.scale, self.eps].into_iter().flat_map(f32::to_le_bytes));
        out
    }
}

/// How many groups of 64 a kernel takes.
enum Work {
    /// One for each row.
    Rows,
    /// One for each of so many heads of each row.
    Heads(u32),
    /// For so many elements of each row.
    Elements(u32),
    /// For so many outputs of each row; with a kernel for few rows and one for many.
    Product(u32, ComputePipeline),
}

struct Op {
    kernel: ComputePipeline,
    bind: BindGroup,
    work: Work,
    /// Whether it computes the picked rows only.
    picked: bool,
}

/// What a batch computes in; activations have room for [`ROWS`].
pub(crate) struct Buffers {
    /// Rows of this pass and how many of them are picked, for all kernels.
    pub(crate) step: Buffer,
    pub(crate) ids: Buffer,
    /// Cosine and sine, [n, d / 2, 2].
    pub(crate) angles: Buffer,
    /// Where in the cache each row's key goes.
    pub(crate) slots: Buffer,
    /// What each row sees: see `attend.wgsl`.
    pub(crate) spans: Buffer,
    /// Rows whose logits are wanted.
    pub(crate) pick: Buffer,
    /// [picked, V]
    pub(crate) logits: Buffer,
    x: Buffer,
    normed: Buffer,
    fresh: [Buffer; 3],
    q: Buffer,
    attended: Buffer,
    gate: Buffer,
    up: Buffer,
    /// Keys and values of each layer, [slots, K d].
    cache: Vec<[Buffer; 2]>,
}

impl Buffers {
    pub(crate) fn new(model: &Model, slots: usize, most_picked: usize) -> Result<Self, String> {
        let (config, processor) = (&model.config, &model.processor);
        let (q_width, kv_width) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        let rows = |what: &str, width: usize| processor.buffer(what, 4 * ROWS * width);
        let stretch = |what: &str| processor.buffer(what, 4 * slots * kv_width);
        let uniform = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        Ok(Self {
            step: processor.plain(16, uniform),
            ids: rows("ids", 1)?,
            angles: rows("angles", config.head_dim)?,
            slots: rows("slots", 1)?,
            spans: rows("spans", 4)?,
            pick: rows("picks", 1)?,
            logits: processor.buffer("the logits", 4 * most_picked * config.vocab)?,
            x: rows("the residual stream", config.width)?,
            normed: rows("the norm", config.width)?,
            fresh: [rows("queries", q_width)?, rows("keys", kv_width)?, rows("values", kv_width)?],
            q: rows("queries", q_width)?,
            attended: rows("attention", q_width)?,
            gate: rows("the gate", config.ffn)?,
            up: rows("the feed-forward layer", config.ffn)?,
            cache: (0..config.layers)
                .map(|_| Ok([stretch("a layer's keys")?, stretch("a layer's values")?]))
                .collect::<Result<_, String>>()?,
        })
    }
}

/// A batch's memory is given back with it, and not when the browser finds out.
impl Drop for Buffers {
    fn drop(&mut self) {
        let own = [&self.step, &self.ids, &self.angles, &self.slots, &self.spans, &self.pick, &self.logits, &self.x];
        let more = [&self.normed, &self.q, &self.attended, &self.gate, &self.up];
        own.into_iter().chain(more).chain(&self.fresh).chain(self.cache.iter().flatten()).for_each(Buffer::destroy);
    }
}

/// The list.
pub(crate) struct Ops(Vec<Op>);

struct Builder<'a> {
    processor: &'a Processor,
    step: &'a Buffer,
    params: Buffer,
    ops: Vec<Op>,
}

impl Builder<'_> {
    fn push(&mut self, kernel: Kernel, params: Params, reads: &[&Buffer], write: &Buffer, work: Work) {
        let offset = self.ops.len() * STRIDE;
        self.processor.queue.write_buffer(&self.params, offset as u64, &params.bytes());
        let params_here = BufferBinding { buffer: &self.params, offset: offset as u64, size: NonZeroU64::new(32) };
        let mut entries = vec![
            wgpu::BindGroupEntry { binding: 0, resource: self.step.as_entire_binding() },
            wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Buffer(params_here) },
        ];
        for i in 0..READS {
            let buffer = reads.get(i).copied().unwrap_or(&self.processor.nothing);
            entries.push(wgpu::BindGroupEntry { binding: 2 + i as u32, resource: buffer.as_entire_binding() });
        }
        entries.push(wgpu::BindGroupEntry { binding: 2 + READS as u32, resource: write.as_entire_binding() });
        let layout = &self.processor.bindings;
        let bind = self.processor.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout,
            entries: &entries,
        });
        let picked = params.flags & PICKED != 0;
        self.ops.push(Op { kernel: self.processor.kernel(kernel), bind, work, picked });
    }

    fn product(&mut self, matrix: &Matrix, x: &Buffer, y: &Buffer, flags: u32) {
        let params = Params { rows: matrix.rows, columns: matrix.columns, per: matrix.per, flags, ..Params::default() };
        let scales = matrix.scales.as_ref().unwrap_or(&matrix.words);
        let many = self.processor.kernel(Kernel::Many(matrix.layout));
        let work = Work::Product(matrix.rows as u32, many);
        self.push(Kernel::Few(matrix.layout), params, &[&matrix.words, scales, x], y, work);
    }

    fn norm(&mut self, model: &Model, weight: &Buffer, buffers: &Buffers, flags: u32) {
        let params = Params { columns: model.config.width, eps: model.config.rms_eps, flags, ..Params::default() };
        self.push(Kernel::Norm, params, &[&buffers.x, weight, &buffers.pick], &buffers.normed, Work::Rows);
    }
}

impl Ops {
    pub(crate) fn new(model: &Model, buffers: &Buffers) -> Self {
        let (config, processor) = (&model.config, &model.processor);
        let most = 16 * config.layers + 8;
        let params = processor.plain(most * STRIDE, BufferUsages::UNIFORM | BufferUsages::COPY_DST);
        let mut list = Builder { processor, step: &buffers.step, params, ops: Vec::new() };
        let (d, heads, kv_heads) = (config.head_dim, config.heads, config.kv_heads);
        let rotation = match config.architecture {
            Architecture::Llama => NEIGHBOURS,
            Architecture::Qwen2 | Architecture::Qwen3 => HALVES,
        };
        let table = &model.embedding;
        let params = Params { rows: table.rows, columns: table.columns, per: table.per, ..Params::default() };
        let scales = table.scales.as_ref().unwrap_or(&table.words);
        list.push(Kernel::Gather(table.layout), params, &[&table.words, scales, &buffers.ids], &buffers.x, Work::Rows);
        for (layer, [keys, values]) in model.layers.iter().zip(&buffers.cache) {
            list.norm(model, &layer.attention_norm, buffers, 0);
            let places = [(heads, &buffers.q, rotation), (kv_heads, keys, rotation | CACHE), (kv_heads, values, CACHE)];
            for (i, matrix) in [&layer.q, &layer.k, &layer.v].into_iter().enumerate() {
                let (heads, to, mut flags) = places[i];
                list.product(matrix, &buffers.normed, &buffers.fresh[i], 0);
                let bias = layer.biases.as_ref().map(|biases| &biases[i]);
                // Values are not normalised.
                let norm = layer.head_norms.as_ref().and_then(|norms| norms.get(i));
                flags |= bias.map_or(0, |_| BIAS) | norm.map_or(0, |_| NORM);
                let params = Params { rows: heads, columns: d, flags, eps: config.rms_eps, ..Params::default() };
                let nothing = &processor.nothing;
                let reads = [
                    &buffers.fresh[i],
                    bias.unwrap_or(nothing),
                    norm.unwrap_or(nothing),
                    &buffers.angles,
                    &buffers.slots,
                ];
                list.push(Kernel::Place, params, &reads, to, Work::Heads(heads as u32));
            }
            let params = Params {
                rows: heads,
                columns: d,
                kv: kv_heads * d,
                share: heads / kv_heads,
                scale: 1.0 / (d as f32).sqrt(),
                ..Params::default()
            };
            let reads = [&buffers.q, keys, values, &buffers.spans];
            list.push(Kernel::Attend, params, &reads, &buffers.attended, Work::Heads(heads as u32));
            list.product(&layer.o, &buffers.attended, &buffers.x, ADD);
            list.norm(model, &layer.ffn_norm, buffers, 0);
            list.product(&layer.gate, &buffers.normed, &buffers.gate, 0);
            list.product(&layer.up, &buffers.normed, &buffers.up, 0);
            let params = Params { columns: config.ffn, ..Params::default() };
            list.push(Kernel::Swiglu, params, &[&buffers.up], &buffers.gate, Work::Elements(config.ffn as u32));
            list.product(&layer.down, &buffers.gate, &buffers.x, ADD);
        }
        list.norm(model, &model.norm, buffers, PICKED);
        list.product(model.head.as_ref().unwrap_or(&model.embedding), &buffers.normed, &buffers.logits, PICKED);
        Self(list.ops)
    }

    /// Record all of it for n rows, of which some are picked for their logits.
    pub(crate) fn record(&self, pass: &mut ComputePass<'_>, n: u32, picked: u32) {
        for op in &self.0 {
            let rows = if op.picked { picked } else { n };
            if rows == 0 {
                continue;
            }
            let mut kernel = &op.kernel;
            let groups = match &op.work {
                Work::Rows => (rows, 1, 1),
                Work::Heads(heads) => (*heads, rows, 1),
                Work::Elements(elements) => along((rows * elements).div_ceil(64), 1),
                Work::Product(outputs, many) if rows >= MANY => {
                    kernel = many;
                    along(outputs.div_ceil(32), rows.div_ceil(32))
                }
                Work::Product(outputs, _) => along(*outputs, rows.div_ceil(4)),
            };
            pass.set_pipeline(kernel);
            pass.set_bind_group(0, &op.bind, &[]);
            pass.dispatch_workgroups(groups.0, groups.1, groups.2);
        }
    }
}

/// So many groups in a row, cut where one dimension ends.
fn along(groups: u32, z: u32) -> (u32, u32, u32) {
    let x = groups.min(32_768);
    (x, groups.div_ceil(x), z)
}
