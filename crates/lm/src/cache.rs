//! Keys and values of texts that are being continued. Prompts are stored once; any number of rows continue one prompt,
//! each with a stretch of its own.

use crate::ops::{AttentionShape, Keys, attend_row};
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
}

#[derive(Clone, Debug, Default)]
struct LayerCache {
    /// [prompt rows, K d]
    prompt_k: Vec<f32>,
    prompt_v: Vec<f32>,
    /// One block of [capacity, K d] for each row.
    own_k: Vec<f32>,
    own_v: Vec<f32>,
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
    fn add_row(&mut self, prompt: usize) -> Result<usize> {
        if prompt >= self.prompts.len() {
            return Err(LmError::Prompt(format!("row asked for prompt {prompt} of {}", self.prompts.len())));
        }
        let block = self.capacity * self.shape.kv_width();
        for layer in &mut self.layers {
            layer.own_k.resize(layer.own_k.len() + block, 0.0);
            layer.own_v.resize(layer.own_v.len() + block, 0.0);
        }
        self.rows.push(Row { prompt, len: 0 });
        Ok(self.rows.len() - 1)
    }

    pub(crate) fn new(plan: &RowPlan, shape: AttentionShape, layers: usize, capacity: usize) -> Self {
        let prompts = plan.segments().iter().map(|s| (s.start, s.len)).collect();
        Self { shape, prompts, layers: vec![LayerCache::default(); layers], rows: Vec::new(), capacity, pushed: 0 }
    }

    /// Keep the prompts' keys and values of the next layer, [prompt rows, K d] each.
    pub(crate) fn push_prompt_layer(&mut self, k: Vec<f32>, v: Vec<f32>) {
        if let Some(layer) = self.layers.get_mut(self.pushed) {
            (layer.prompt_k, layer.prompt_v) = (k, v);
        }
        self.pushed += 1;
    }

    /// Position that the row's next token takes.
    pub(crate) fn position(&self, row: usize) -> u32 {
        (self.prompts[self.rows[row].prompt].1 + self.rows[row].len) as u32
    }

    /// Append each row's new key and value, then attend: q [rows, H d], k and v [rows, K d] give [rows, H d].
    pub(crate) fn attend(&mut self, layer: usize, rows: &[usize], q: &[f32], k: &[f32], v: &[f32]) -> Result<Vec<f32>> {
        if let Some(full) = rows.iter().find(|&&row| self.rows[row].len >= self.capacity) {
            return Err(LmError::Prompt(format!("row {full} has used up its {} new tokens", self.capacity)));
        }
        let width = self.shape.kv_width();
        let (store, q_width) = (&mut self.layers[layer], self.shape.heads * self.shape.head_dim);
        let mut out = vec![0f32; rows.len() * q_width];
        let mut scores = Vec::new();
        for (i, &row) in rows.iter().enumerate() {
            let Row { prompt, len } = self.rows[row];
            let (start, prompt_len) = self.prompts[prompt];
            let own = row * self.capacity * width;
            let new = own + len * width..own + (len + 1) * width;
            store.own_k[new.clone()].copy_from_slice(&k[i * width..(i + 1) * width]);
            store.own_v[new.clone()].copy_from_slice(&v[i * width..(i + 1) * width]);
            let keys = Keys {
                prefix_k: &store.prompt_k[start * width..(start + prompt_len) * width],
                prefix_v: &store.prompt_v[start * width..(start + prompt_len) * width],
                own_k: &store.own_k[own..new.end],
                own_v: &store.own_v[own..new.end],
            };
            let span = i * q_width..(i + 1) * q_width;
            attend_row(&q[span.clone()], &keys, self.shape, &mut scores, &mut out[span]);
        }
        Ok(out)
    }

    pub(crate) fn advance(&mut self, rows: &[usize]) {
        for &row in rows {
            self.rows[row].len += 1;
        }
    }
}
