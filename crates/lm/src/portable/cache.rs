//! Keys and values of texts in progress on a device. A step of the batch writes one slot for all rows that take part in it; who
//! does not, never looks there. So rows that stand at different lengths, as in dialogues, still write side by side.

use super::grid::{Grid, HIDDEN, Turn};
use super::{Portable, layers};
use crate::{LmError, Result, RowPlan};
use candle_core::{DType, Tensor};

/// The cache of one batch of generations.
#[derive(Debug)]
pub(crate) struct Cache {
    /// Tokens of every prompt.
    prompts: Vec<usize>,
    /// Keys and values of the prompts, by layer: [P, K, Tp, d] each.
    prompt: Vec<[Tensor; 2]>,
    rows: Vec<Row>,
    /// Of the rows that steps have been computed for, by layer.
    layers: Vec<Continued>,
    /// Rows that these hold.
    held: usize,
    /// Slots that exist, and those that have been written.
    slots: usize,
    used: usize,
    capacity: usize,
}

#[derive(Debug)]
struct Row {
    prompt: usize,
    /// Whether each written slot is its own.
    own: Vec<bool>,
    len: usize,
}

/// One layer's keys and values of all rows: their prompts' [B, K, Tp, d] and their own [B, K, slots, d].
#[derive(Debug)]
struct Continued {
    prefix: [Tensor; 2],
    own: [Tensor; 2],
}

impl Cache {
    pub(crate) fn add_row(&mut self, prompt: usize) -> Result<usize> {
        if prompt >= self.prompts.len() {
            return Err(LmError::Prompt(format!("row asked for prompt {prompt} of {}", self.prompts.len())));
        }
        self.rows.push(Row { prompt, own: vec![false; self.used], len: 0 });
        Ok(self.rows.len() - 1)
    }

    pub(crate) fn position(&self, row: usize) -> u32 {
        (self.prompts[self.rows[row].prompt] + self.rows[row].len) as u32
    }

    /// Room for all rows that were added, and for one more slot.
    fn make_room(&mut self) -> Result<()> {
        let slots = match self.used < self.slots {
            true => self.slots,
            false => (2 * self.slots).max(self.capacity).max(1),
        };
        if self.held == self.rows.len() && slots == self.slots {
            return Ok(());
        }
        let prompts: Vec<u32> = self.rows.iter().map(|row| row.prompt as u32).collect();
        for (layer, prompt) in self.prompt.iter().enumerate() {
            let index = Tensor::new(prompts.as_slice(), prompt[0].device())?;
            let (_, heads, _, d) = prompt[0].dims4()?;
            let prefix = [prompt[0].index_select(&index, 0)?, prompt[1].index_select(&index, 0)?];
            let fresh = || Tensor::zeros((prompts.len(), heads, slots, d), DType::F32, prompt[0].device());
            let own = [fresh()?, fresh()?];
            if let Some(old) = self.layers.get(layer).filter(|_| self.used > 0) {
                for (new, old) in own.iter().zip(&old.own) {
                    let missing = (prompts.len() - self.held, heads, self.used, d);
                    let written = old.narrow(2, 0, self.used)?;
                    let written = match missing.0 {
                        0 => written.contiguous()?,
                        _ => Tensor::cat(&[written, Tensor::zeros(missing, DType::F32, old.device())?], 0)?,
                    };
                    new.slice_set(&written.contiguous()?, 2, 0)?;
                }
            }
            let continued = Continued { prefix, own };
            match self.layers.get_mut(layer) {
                Some(place) => *place = continued,
                None => self.layers.push(continued),
            }
        }
        (self.held, self.slots) = (self.rows.len(), slots);
        Ok(())
    }

    /// What each listed row may look at, the slot that is written now included: [A, 1, 1, Tp + used + 1].
    fn mask(&self, rows: &[usize], longest: usize) -> Vec<f32> {
        let seen = |yes: bool| if yes { 0.0 } else { HIDDEN };
        let of = |&row: &usize| {
            let row = &self.rows[row];
            let prompt = self.prompts[row.prompt];
            (0..longest).map(move |j| seen(j < prompt)).chain(row.own.iter().map(move |own| seen(*own))).chain([0.0])
        };
        rows.iter().flat_map(of).collect()
    }
}

impl Portable {
    /// As [`crate::Inference::prefill`]; ids and positions have been checked.
    pub(crate) fn prefill(&self, ids: &[u32], plan: &RowPlan, capacity: usize) -> Result<(Vec<f32>, Cache)> {
        if plan.segments().iter().any(|segment| segment.prefix.is_some()) {
            return Err(LmError::Shape {
                op: "prefill",
                expected: "prompts that continue nothing".into(),
                got: "a continuation".into(),
            });
        }
        let grid = Grid::new(ids, plan, &self.rope, &self.device)?;
        let w: Vec<Tensor> = self.tensors.iter().map(Tensor::detach).collect();
        let (mut x, mut prompt) = (layers::embed(&w[0], &grid.ids)?, Vec::new());
        for layer in 0..self.spec.layers {
            x = layers::block(&self.spec, &w[self.layer_at(layer)], &x, &grid.turn, &mut |q, k, v| {
                let (out, keys) = layers::attention(&self.spec, &grid, q, k, v)?;
                prompt.push(keys);
                Ok(out)
            })?;
        }
        let last = x.index_select(&grid.index(plan.last_rows().into_iter(), &self.device)?, 0)?;
        let logits = layers::logits(&self.spec, &w[self.norm_at()], &w[self.head_at()], &last)?;
        let prompts = plan.segments().iter().map(|segment| segment.len).collect();
        let cache =
            Cache { prompts, prompt, rows: Vec::new(), layers: Vec::new(), held: 0, slots: 0, used: 0, capacity };
        Ok((logits.flatten_all()?.to_vec1()?, cache))
    }

    /// As [`crate::Inference::step`]; ids and positions have been checked.
    pub(crate) fn step(&self, ids: &[u32], positions: &[u32], rows: &[usize], cache: &mut Cache) -> Result<Vec<f32>> {
        if let Some(full) = rows.iter().find(|&&row| cache.rows[row].len >= cache.capacity) {
            return Err(LmError::Prompt(format!("row {full} has used up its {} new tokens", cache.capacity)));
        }
        cache.make_room()?;
        let device = &self.device;
        let w: Vec<Tensor> = self.tensors.iter().map(Tensor::detach).collect();
        let turn = Turn::of(&self.rope, positions, device)?;
        let longest = match cache.prompt.first() {
            Some([keys, _]) => keys.dim(2)?,
            None => 0,
        };
        let (count, used) = (rows.len(), cache.used);
        let seen = longest + used + 1;
        let mask = Tensor::from_vec(cache.mask(rows, longest), (count, 1, 1, seen), device)?;
        let all = count == cache.held && rows.iter().enumerate().all(|(i, &row)| i == row);
        let listed: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
        let listed = Tensor::new(listed, device)?;
        let (kv, d) = (self.spec.attention.kv_heads, self.spec.attention.head_dim);
        let mut x = layers::embed(&w[0], &Tensor::new(ids, device)?)?;
        for layer in 0..self.spec.layers {
            let Continued { prefix, own } = &cache.layers[layer];
            x = layers::block(&self.spec, &w[self.layer_at(layer)], &x, &turn, &mut |q, k, v| {
                for (own, new) in own.iter().zip([k, v]) {
                    let new = new.reshape((count, kv, 1, d))?.contiguous()?;
                    let new = match all {
                        true => new,
                        false => {
                            let nobody = Tensor::zeros((cache.held, kv, 1, d), DType::F32, device)?;
                            nobody.index_add(&listed, &new, 0)?
                        }
                    };
                    own.slice_set(&new, 2, used)?;
                }
                let of = |keys: &Tensor| -> Result<Tensor> {
                    Ok(if all { keys.clone() } else { keys.contiguous()?.index_select(&listed, 0)? })
                };
                let written = |own: &Tensor| -> Result<Tensor> { of(&own.narrow(2, 0, used + 1)?) };
                let q = q.reshape((count, kv, (), d))?.contiguous()?;
                let parts = [q.matmul(&of(&prefix[0])?.t()?)?, q.matmul(&written(&own[0])?.t()?)?];
                let scores = (Tensor::cat(&parts, 3)? * f64::from(self.spec.attention.scale()))?;
                let p = layers::softmax(&scores.broadcast_add(&mask)?)?;
                let before = p.narrow(3, 0, longest)?.contiguous()?.matmul(&of(&prefix[1])?)?;
                let since = p.narrow(3, longest, used + 1)?.contiguous()?.matmul(&written(&own[1])?)?;
                Ok((before + since)?.reshape((count, ()))?)
            })?;
        }
        let mut taking = vec![false; cache.rows.len()];
        for &row in rows {
            taking[row] = true;
            cache.rows[row].len += 1;
        }
        cache.rows.iter_mut().zip(taking).for_each(|(row, own)| row.own.push(own));
        cache.used += 1;
        let logits = layers::logits(&self.spec, &w[self.norm_at()], &w[self.head_at()], &x)?;
        Ok(logits.flatten_all()?.to_vec1()?)
    }
}
