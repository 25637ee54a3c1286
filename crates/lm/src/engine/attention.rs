//! The engine's cache of keys and values, and who attends to what.
//!
//! A prompt's part is stored once, every row that continues it has its own, which begins with a copy of the prompt's last tile of four
//! positions if that is not full: then a position lies in the same lane however the text came about, and sums are taken in the same
//! order.

use super::adapter::Adaptation;
use crate::ops::AttentionShape;
use crate::{LmError, Result, RowCache, RowPlan};
use clicker_kernels::attention::{Stretch, attend};

/// The cache of one batch of generations.
#[derive(Debug)]
pub struct EngineCache {
    shape: AttentionShape,
    prompts: Vec<Prompt>,
    /// [layer][prompt]
    prompt_parts: Vec<Vec<Stretch>>,
    rows: Vec<Row>,
    /// [layer][row]
    own_parts: Vec<Vec<Stretch>>,
    capacity: usize,
    pub(super) scratch: super::Scratch,
}

#[derive(Clone, Debug)]
struct Prompt {
    len: usize,
    with: Option<Adaptation>,
}

impl Prompt {
    /// Positions in full tiles, which rows read in the prompt's own part.
    fn shared(&self) -> usize {
        self.len / 4 * 4
    }
}

#[derive(Clone, Debug)]
struct Row {
    prompt: usize,
    /// Positions in its own part, those copied from the prompt included.
    len: usize,
    with: Option<Adaptation>,
    /// Whether it has always computed as its prompt did.
    pure: bool,
}

impl RowCache for EngineCache {
    fn add_row(&mut self, prompt: usize) -> Result<usize> {
        if prompt >= self.prompts.len() {
            return Err(LmError::Prompt(format!("row asked for prompt {prompt} of {}", self.prompts.len())));
        }
        let Prompt { len, with } = self.prompts[prompt].clone();
        let (shared, d) = (self.prompts[prompt].shared(), self.shape.head_dim);
        for (layer, prompts) in self.own_parts.iter_mut().zip(&self.prompt_parts) {
            let mut own = Stretch::new(self.shape, len - shared + self.capacity);
            own.take(0, &prompts[prompt], shared, len - shared, d);
            layer.push(own);
        }
        self.rows.push(Row { prompt, len: len - shared, with, pure: true });
        Ok(self.rows.len() - 1)
    }
}

impl EngineCache {
    pub(super) fn new(plan: &RowPlan, shape: AttentionShape, layers: usize, capacity: usize) -> Result<Self> {
        if plan.segments().iter().any(|s| s.prefix.is_some()) {
            return Err(LmError::Prompt("the engine continues prompts by rows, not by segments of one plan".into()));
        }
        let prompts: Vec<Prompt> = plan.segments().iter().map(|s| Prompt { len: s.len, with: None }).collect();
        let parts: Vec<Stretch> = prompts.iter().map(|prompt| Stretch::new(shape, prompt.len)).collect();
        Ok(Self {
            shape,
            prompts,
            prompt_parts: vec![parts; layers],
            rows: Vec::new(),
            own_parts: vec![Vec::new(); layers],
            capacity,
            scratch: super::Scratch::default(),
        })
    }

    /// Position that the row's next token takes.
    pub(super) fn position(&self, row: usize) -> u32 {
        (self.prompts[self.rows[row].prompt].shared() + self.rows[row].len) as u32
    }

    /// Tokens that a row was fed.
    fn fed(&self, row: &Row) -> usize {
        let prompt = &self.prompts[row.prompt];
        row.len - (prompt.len - prompt.shared())
    }

    /// From the next token on, a row computes with this.
    ///
    /// # Errors
    /// No such row.
    pub fn adapt(&mut self, row: usize, with: Option<Adaptation>) -> Result<()> {
        let rows = self.rows.len();
        let changed = self.rows.get_mut(row);
        let changed = changed.ok_or_else(|| LmError::Prompt(format!("row {row} of {rows} asked for an adapter")))?;
        changed.pure &= Adaptation::same(with.as_ref(), changed.with.as_ref());
        changed.with = with;
        Ok(())
    }

    /// What a row computes with.
    pub(super) fn adaptation(&self, row: usize) -> Option<&Adaptation> {
        self.rows.get(row)?.with.as_ref()
    }

    pub(super) fn prompt_adaptation(&self, prompt: usize) -> Option<&Adaptation> {
        self.prompts.get(prompt)?.with.as_ref()
    }

    /// The prompt, and all rows that will continue it, compute with this.
    pub(super) fn adapt_prompt(&mut self, prompt: usize, with: Option<Adaptation>) {
        self.prompts[prompt].with = with;
    }

    /// Tokens behind the prompt that are in the cache, and with what they were computed; none if with several things.
    pub(super) fn computed(&self, row: usize) -> Option<(usize, Option<&Adaptation>)> {
        let row = self.rows.get(row).filter(|row| row.pure)?;
        Some((self.fed(row), row.with.as_ref()))
    }

    /// Copy the first `len` positions of a text of another cache of this model, prompt and row, into a prompt of this one.
    pub(super) fn take(&mut self, prompt: usize, from: &Self, of: usize, row: Option<usize>, len: usize) {
        let (d, shared) = (self.shape.head_dim, from.prompts[of].shared());
        for (layer, parts) in self.prompt_parts.iter_mut().enumerate() {
            let theirs = &from.prompt_parts[layer][of];
            match row.filter(|_| len > shared) {
                None => parts[prompt].take(0, theirs, 0, len, d),
                Some(row) => {
                    parts[prompt].take(0, theirs, 0, shared, d);
                    parts[prompt].take(shared, &from.own_parts[layer][row], 0, len - shared, d);
                }
            }
        }
    }

    /// Every row has room for one more token.
    pub(super) fn check(&self, rows: &[usize]) -> Result<()> {
        match rows.iter().find(|&&row| self.rows.get(row).is_none_or(|r| self.fed(r) >= self.capacity)) {
            Some(full) => Err(LmError::Prompt(format!("row {full} has used up its {} new tokens", self.capacity))),
            None => Ok(()),
        }
    }

    pub(super) fn advance(&mut self, rows: &[usize]) {
        for &row in rows {
            self.rows[row].len += 1;
        }
    }

    /// Keep the keys and values of a plan's rows from `first` on and attend: q [N, H d], k and v [N, K d] to out [N, H d].
    #[expect(clippy::too_many_arguments, reason = "the rows of one layer and the buffers that they share")]
    pub(super) fn attend_prompts(
        &mut self,
        layer: usize,
        plan: &RowPlan,
        first: usize,
        q: &[f32],
        k: &[f32],
        v: &[f32],
        out: &mut [f32],
    ) {
        let (q_width, kv_width) = (self.shape.heads * self.shape.head_dim, self.shape.kv_width());
        let end = first + k.len() / kv_width;
        for (segment, part) in plan.segments().iter().zip(&mut self.prompt_parts[layer]) {
            let rows = segment.start.max(first)..(segment.start + segment.len).min(end);
            for row in rows.clone() {
                let span = (row - first) * kv_width..(row - first + 1) * kv_width;
                part.put(self.shape, row - segment.start, &k[span.clone()], &v[span]);
            }
            if rows.is_empty() {
                continue;
            }
            let (part, before) = (&*part, rows.start - segment.start);
            let span = (rows.start - first) * q_width..(rows.end - first) * q_width;
            attend(self.shape, &q[span.clone()], |row| [(part, before + row + 1), (part, 0)], &mut out[span]);
        }
    }

    /// Append each row's new key and value, then attend, as [`Self::attend_prompts`] with N rows.
    pub(super) fn attend_rows(
        &mut self,
        layer: usize,
        rows: &[usize],
        q: &[f32],
        k: &[f32],
        v: &[f32],
        out: &mut [f32],
    ) {
        let kv_width = self.shape.kv_width();
        for (&row, (k, v)) in rows.iter().zip(k.chunks_exact(kv_width).zip(v.chunks_exact(kv_width))) {
            self.own_parts[layer][row].put(self.shape, self.rows[row].len, k, v);
        }
        let (own, prompts) = (&self.own_parts[layer], &self.prompt_parts[layer]);
        let seen = |i: usize| {
            let Row { prompt, len, .. } = self.rows[rows[i]];
            [(&prompts[prompt], self.prompts[prompt].shared()), (&own[rows[i]], len + 1)]
        };
        attend(self.shape, q, seen, out);
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let all = self.prompt_parts.iter().chain(&self.own_parts).flatten();
        all.map(Stretch::bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attention_over_prompt_and_own_rows_is_the_decoders() {
        for (heads, kv_heads, d) in [(2, 1, 16), (4, 4, 6), (9, 3, 64), (8, 1, 10), (5, 1, 32)] {
            let shape = AttentionShape { heads, kv_heads, head_dim: d };
            let mut next = 1u32;
            let mut noise = |n: usize| -> Vec<f32> {
                (0..n)
                    .map(|_| {
                        next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        (next >> 9) as f32 / 8_388_608.0 * 4.0 - 2.0
                    })
                    .collect()
            };
            let plan = RowPlan::independent(&[7, 1]);
            let (q, k, v) = (noise(8 * heads * d), noise(8 * kv_heads * d), noise(8 * kv_heads * d));
            let mut ours = EngineCache::new(&plan, shape, 1, 5).unwrap();
            let mut theirs = crate::cache::HostCache::new(&plan, shape, 1, 5);
            let mut out = vec![0.0; q.len()];
            // In two parts, the second of which begins inside the first prompt.
            let (cut_q, cut_kv) = (3 * heads * d, 3 * kv_heads * d);
            let (low, high) = out.split_at_mut(cut_q);
            ours.attend_prompts(0, &plan, 0, &q[..cut_q], &k[..cut_kv], &v[..cut_kv], low);
            ours.attend_prompts(0, &plan, 3, &q[cut_q..], &k[cut_kv..], &v[cut_kv..], high);
            close(&out, &crate::ops::attention_rows(&q, &k, &v, &plan, shape));
            theirs.push_prompt_layer(&k, &v);
            let rows = [1, 0, 2];
            for prompt in [0, 0, 1] {
                ours.add_row(prompt).unwrap();
                theirs.add_row(prompt).unwrap();
            }
            for _ in 0..5 {
                let (q, k, v) = (noise(3 * heads * d), noise(3 * kv_heads * d), noise(3 * kv_heads * d));
                let mut out = vec![0.0; q.len()];
                ours.check(&rows).unwrap();
                ours.attend_rows(0, &rows, &q, &k, &v, &mut out);
                ours.advance(&rows);
                close(&out, &theirs.attend(0, &rows, &q, &k, &v).unwrap());
                theirs.advance(&rows);
            }
            assert!(ours.check(&rows).is_err());
        }
    }

    fn close(a: &[f32], b: &[f32]) {
        let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(a.len() == b.len() && worst < 3e-6, "off by {worst:e}");
    }
}
