//! Keys and values of texts that are being continued. Prompts are stored once; any number of rows continue one prompt,
//! each with a stretch of its own. Never knows how attention is computed.

use crate::dense::{Recorder, Seen, Space, Stretch};
use crate::ops::AttentionShape;
use crate::{LmError, Result, RowPlan, portable};

/// The cache of one batch of generations, where its model computes.
#[derive(Debug)]
pub struct KvCache(pub(crate) Place);

/// Where keys and values lie.
#[derive(Debug)]
pub(crate) enum Place {
    /// In the processor's memory, for kernels on slices.
    Host(HostCache),
    /// On a device, for tensor operations.
    Device(portable::Cache),
}

impl KvCache {
    /// Position that the row's next token takes.
    pub(crate) fn position(&self, row: usize) -> u32 {
        match &self.0 {
            Place::Host(cache) => cache.position(row),
            Place::Device(cache) => cache.position(row),
        }
    }
}

impl RowCache for KvCache {
    fn add_row(&mut self, prompt: usize) -> Result<usize> {
        match &mut self.0 {
            Place::Host(cache) => cache.add_row(prompt),
            Place::Device(cache) => cache.add_row(prompt),
        }
    }
}

/// Keys and values as slices.
#[derive(Debug)]
pub(crate) struct HostCache {
    shape: AttentionShape,
    /// (start, len) of every prompt within the packed prompt rows.
    prompts: Vec<(usize, usize)>,
    layers: Vec<LayerCache>,
    rows: Vec<Row>,
    capacity: usize,
    pushed: usize,
    space: Space,
    /// Where what is computed is kept for training.
    pub(crate) recorder: Option<Recorder>,
}

#[derive(Debug, Default)]
struct LayerCache {
    prompts: Vec<Stretch>,
    /// Each with room for as many tokens as a row may draw.
    rows: Vec<Stretch>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    prompt: usize,
    len: usize,
}

/// A cache of prompts that rows continue.
pub trait RowCache {
    /// Start a continuation of a prompt (by its index in the plan); returns the row's number.
    ///
    /// # Errors
    /// No such prompt.
    fn add_row(&mut self, prompt: usize) -> Result<usize>;
}

impl HostCache {
    pub(crate) fn add_row(&mut self, prompt: usize) -> Result<usize> {
        if prompt >= self.prompts.len() {
            return Err(LmError::Prompt(format!("row asked for prompt {prompt} of {}", self.prompts.len())));
        }
        for layer in &mut self.layers {
            layer.rows.push(Stretch::new(self.shape, self.capacity));
        }
        self.rows.push(Row { prompt, len: 0 });
        Ok(self.rows.len() - 1)
    }

    pub(crate) fn new(plan: &RowPlan, shape: AttentionShape, layers: usize, capacity: usize) -> Self {
        Self {
            shape,
            prompts: plan.segments().iter().map(|s| (s.start, s.len)).collect(),
            layers: (0..layers).map(|_| LayerCache::default()).collect(),
            rows: Vec::new(),
            capacity,
            pushed: 0,
            space: Space::default(),
            recorder: None,
        }
    }

    /// Keep the prompts' keys and values of the next layer, [prompt rows, K d] each.
    pub(crate) fn push_prompt_layer(&mut self, keys: &[f32], values: &[f32]) {
        let (shape, width) = (self.shape, self.shape.kv_width());
        if let Some(layer) = self.layers.get_mut(self.pushed) {
            layer.prompts.extend(self.prompts.iter().map(|&(start, len)| {
                let (mut new, span) = (Stretch::new(shape, len), start * width..(start + len) * width);
                new.put(shape, 0, &keys[span.clone()], &values[span]);
                new
            }));
        }
        self.pushed += 1;
    }

    /// Position that the row's next token takes.
    pub(crate) fn position(&self, row: usize) -> u32 {
        (self.prompts[self.rows[row].prompt].1 + self.rows[row].len) as u32
    }

    /// Append each row's new key and value, then attend: q [rows, H d], k and v [rows, K d] give [rows, H d].
    pub(crate) fn attend(&mut self, layer: usize, rows: &[usize], q: &[f32], k: &[f32], v: &[f32]) -> Result<Vec<f32>> {
        let (width, q_width) = (self.shape.kv_width(), self.shape.heads * self.shape.head_dim);
        let mut out = vec![0f32; rows.len() * q_width];
        let kv = k.chunks_exact(width).zip(v.chunks_exact(width));
        let outputs = q.chunks_exact(q_width).zip(out.chunks_exact_mut(q_width));
        for ((i, (k, v)), (q, out)) in (0..rows.len()).zip(kv).zip(outputs) {
            self.attend_row(layer, &rows[i..], q, (k, v), out)?;
        }
        Ok(out)
    }

    /// [`Self::attend`] for the first of some rows: q and `out` [H d], the new key and value [K d].
    pub(crate) fn attend_row(
        &mut self,
        layer: usize,
        turn: &[usize],
        q: &[f32],
        (key, value): (&[f32], &[f32]),
        out: &mut [f32],
    ) -> Result<()> {
        let (row, next) = (turn[0], turn.get(1).copied().unwrap_or(turn[0]));
        let Row { prompt, len } = self.rows[row];
        if len >= self.capacity {
            return Err(LmError::Prompt(format!("row {row} has used up its {} new tokens", self.capacity)));
        }
        let LayerCache { prompts, rows } = &mut self.layers[layer];
        rows[row].put(self.shape, len, key, value);
        let next = (&prompts[self.rows[next].prompt], &rows[next]);
        let seen = Seen { prefix: &prompts[prompt], before: self.prompts[prompt].1, len: len + 1, next };
        rows[row].attend(self.shape, seen, q, out, &mut self.space);
        Ok(())
    }

    /// The prompt that every row continues.
    pub(crate) fn origins(&self) -> Vec<usize> {
        self.rows.iter().map(|row| row.prompt).collect()
    }

    pub(crate) fn advance(&mut self, rows: &[usize]) {
        for &row in rows {
            self.rows[row].len += 1;
        }
    }
}
