//! One batch of texts in progress on the card: prompts in pieces, then a token for each of some rows at a time. A prompt's keys and
//! values lie in the cache once; each row that continues it has a stretch of its own behind them.

use crate::model::Model;
use crate::ops::{Buffers, Ops, ROWS};
use js_sys::Float32Array;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wgpu::{Buffer, BufferUsages};

/// Most bytes of keys and values of one batch.
const MOST_CACHE: usize = 1 << 30;

/// A batch.
#[wasm_bindgen]
pub struct Session {
    model: Rc<Model>,
    buffers: Buffers,
    ops: Ops,
    /// Where results come back.
    staging: Rc<Buffer>,
    ids: Vec<u32>,
    prompts: Vec<Prompt>,
    rows: Vec<Row>,
    capacity: usize,
    /// Tokens of the prompts that are computed.
    done: usize,
    /// Logits that follow the prompts computed so far, [_, V].
    known: Vec<f32>,
}

#[derive(Clone, Copy)]
struct Prompt {
    start: usize,
    len: usize,
}

struct Row {
    prompt: usize,
    len: usize,
}

/// One row of a pass: a token, where it stands, where its key goes and what it sees.
struct Token {
    id: u32,
    position: usize,
    slot: usize,
    span: [usize; 4],
}

impl Session {
    pub(crate) fn new(
        model: Rc<Model>,
        ids: Vec<u32>,
        lens: &[u32],
        rows: &[u32],
        capacity: usize,
    ) -> Result<Self, String> {
        let mut start = 0;
        let mut prompts = Vec::new();
        for &len in lens {
            prompts.push(Prompt { start, len: len as usize });
            start += len as usize;
        }
        let config = &model.config;
        if start != ids.len() || prompts.iter().any(|p| p.len == 0 || p.len + capacity > config.context) {
            return Err(format!(
                "{} ids for prompts of {lens:?} tokens that go on by {capacity}; expected as many ids, and at most {} tokens each",
                ids.len(),
                config.context
            ));
        }
        if rows.len() > ROWS || rows.iter().any(|&prompt| prompt as usize >= prompts.len()) {
            return Err(format!(
                "rows of prompts {rows:?} of {}; expected at most {ROWS} of prompts that are there",
                prompts.len()
            ));
        }
        check(&ids, config.vocab)?;
        let slots = ids.len() + rows.len() * capacity;
        let cache = 8 * slots * config.kv_heads * config.head_dim * config.layers;
        if cache > MOST_CACHE {
            return Err(format!(
                "keys and values of {slots} tokens take {} MB, and the graphics card is asked for {} at most: ask for fewer samples or fewer new tokens",
                cache >> 20,
                MOST_CACHE >> 20
            ));
        }
        let most = rows.len().max(prompts.len().min(ROWS)).max(1);
        let buffers = Buffers::new(&model, slots, most)?;
        let ops = Ops::new(&model, &buffers);
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let staging = Rc::new(model.processor.plain(4 * most * config.vocab, usage));
        let rows = rows.iter().map(|&prompt| Row { prompt: prompt as usize, len: 0 }).collect();
        Ok(Self { model, buffers, ops, staging, ids, prompts, rows, capacity, done: 0, known: Vec::new() })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.staging.destroy();
    }
}

fn check(ids: &[u32], vocab: usize) -> Result<(), String> {
    match ids.iter().find(|&&id| id as usize >= vocab) {
        Some(id) => Err(format!("token {id} of a vocabulary of {vocab}")),
        None => Ok(()),
    }
}

#[wasm_bindgen]
impl Session {
    /// Compute a piece of the prompts; after the last one the logits that follow each, [prompts, V], before that nothing.
    ///
    /// # Errors
    /// Whatever went wrong on the card.
    pub async fn more(&mut self) -> Result<Option<Float32Array>, JsError> {
        self.piece().await.map_err(|e| JsError::new(&e))
    }

    /// One more token for each of these rows: the logits that follow, [rows, V].
    ///
    /// # Errors
    /// A row that is not there or full, ids outside the vocabulary, whatever went wrong on the card.
    pub async fn step(&mut self, ids: Vec<u32>, rows: Vec<u32>) -> Result<Float32Array, JsError> {
        match self.advance(&ids, &rows).await {
            Ok(logits) => Ok(Float32Array::from(logits.as_slice())),
            Err(error) => Err(JsError::new(&error)),
        }
    }
}

impl Session {
    async fn piece(&mut self) -> Result<Option<Float32Array>, String> {
        let end = (self.done + ROWS).min(self.ids.len());
        let (mut tokens, mut picks) = (Vec::new(), Vec::new());
        for i in self.done..end {
            let prompt = self.prompts.iter().rfind(|prompt| prompt.start <= i).copied();
            let Prompt { start, len } = prompt.unwrap_or(Prompt { start: 0, len: self.ids.len() });
            let position = i - start;
            if position + 1 == len {
                picks.push((i - self.done) as u32);
            }
            tokens.push(Token { id: self.ids[i], position, slot: i, span: [0, 0, start, position + 1] });
        }
        let logits = self.pass(&tokens, &picks).await?;
        self.known.extend(logits);
        self.done = end;
        Ok((end == self.ids.len()).then(|| Float32Array::from(std::mem::take(&mut self.known).as_slice())))
    }

    async fn advance(&mut self, ids: &[u32], rows: &[u32]) -> Result<Vec<f32>, String> {
        check(ids, self.model.config.vocab)?;
        let full = |row: &&u32| self.rows.get(**row as usize).is_none_or(|row| row.len >= self.capacity);
        if let Some(full) = rows.iter().find(full) {
            return Err(format!("row {full} is not there, or has used up its {} new tokens", self.capacity));
        }
        if ids.len() != rows.len() || ids.is_empty() || self.done < self.ids.len() {
            return Err(format!(
                "{} ids for {} rows, {} prompt tokens to go",
                ids.len(),
                rows.len(),
                self.ids.len() - self.done
            ));
        }
        let mut tokens = Vec::new();
        for (&id, &row) in ids.iter().zip(rows) {
            let (index, row) = (row as usize, &mut self.rows[row as usize]);
            let Prompt { start, len } = self.prompts[row.prompt];
            let own = self.ids.len() + index * self.capacity;
            let span = [start, len, own, row.len + 1];
            tokens.push(Token { id, position: len + row.len, slot: own + row.len, span });
            row.len += 1;
        }
        let picks: Vec<u32> = (0..ids.len() as u32).collect();
        self.pass(&tokens, &picks).await
    }

    /// Everything of one pass in one submission, and the logits of the picked rows.
    async fn pass(&self, tokens: &[Token], picks: &[u32]) -> Result<Vec<f32>, String> {
        let Model { processor, config, frequencies, .. } = &*self.model;
        let (buffers, queue) = (&self.buffers, &processor.queue);
        let put = |buffer: &Buffer, words: &[u32]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            queue.write_buffer(buffer, 0, &bytes);
        };
        let all = |of: fn(&Token) -> u32| tokens.iter().map(of).collect::<Vec<_>>();
        put(&buffers.step, &[tokens.len() as u32, picks.len() as u32, 0, 0]);
        put(&buffers.ids, &all(|token| token.id));
        put(&buffers.slots, &all(|token| token.slot as u32));
        put(&buffers.spans, &tokens.iter().flat_map(|token| token.span.map(|s| s as u32)).collect::<Vec<_>>());
        put(&buffers.pick, picks);
        // Angles in f64, rounded once, as the engine does.
        let angles = tokens.iter().flat_map(|token| {
            frequencies.iter().flat_map(move |f| {
                let (sin, cos) = (token.position as f64 * f).sin_cos();
                [(cos as f32).to_bits(), (sin as f32).to_bits()]
            })
        });
        put(&buffers.angles, &angles.collect::<Vec<_>>());
        let mut encoder = processor.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            self.ops.record(&mut pass, tokens.len() as u32, picks.len() as u32);
        }
        // Where nothing is wanted one float is read nonetheless: whoever waits knows that the card has come this far.
        let floats = (picks.len() * config.vocab).max(1);
        encoder.copy_buffer_to_buffer(&buffers.logits, 0, &self.staging, 0, 4 * floats as u64);
        queue.submit([encoder.finish()]);
        let mut logits = processor.read(&self.staging, floats).await?;
        logits.truncate(picks.len() * config.vocab);
        Ok(logits)
    }
}
