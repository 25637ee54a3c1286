//! The engine's cache of keys and values, and attention over it.
//!
//! Keys are kept in tiles of four positions, [position / 4][d][4], so that four scores come out in four lanes; values as rows [position][d].
//! A prompt's part is stored once, every row that continues it has its own, which begins with a copy of the prompt's last tile if
//! that is not full: then a position lies in the same lane however the text came about, and sums are taken in the same order. The query heads
//! that share a key head are worked on together, so that a key is read once for all of them.

use super::adapter::Adaptation;
use super::simd::F4;
use super::vector;
use crate::ops::AttentionShape;
use crate::{LmError, Result, RowCache, RowPlan};

/// Keys and values of one run of positions in one layer.
#[derive(Clone, Debug, Default)]
struct Stretch {
    /// [K][capacity / 4][d][4]
    keys: Vec<f32>,
    /// [K][capacity][d]
    values: Vec<f32>,
    capacity: usize,
}

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
        scores: &mut Vec<f32>,
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
            for row in rows {
                let span = (row - first) * q_width..(row - first + 1) * q_width;
                let seen = [(&*part, row - segment.start + 1), (&*part, 0)];
                attend(self.shape, &q[span.clone()], seen, scores, &mut out[span]);
            }
        }
    }

    /// Append each row's new key and value, then attend, as [`Self::attend_prompts`] with N rows.
    #[expect(clippy::too_many_arguments, reason = "the rows of one layer and the buffers that they share")]
    pub(super) fn attend_rows(
        &mut self,
        layer: usize,
        rows: &[usize],
        q: &[f32],
        k: &[f32],
        v: &[f32],
        scores: &mut Vec<f32>,
        out: &mut [f32],
    ) {
        let (q_width, kv_width) = (self.shape.heads * self.shape.head_dim, self.shape.kv_width());
        for (i, &row) in rows.iter().enumerate() {
            let Row { prompt, len, .. } = self.rows[row];
            let own = &mut self.own_parts[layer][row];
            own.put(self.shape, len, &k[i * kv_width..(i + 1) * kv_width], &v[i * kv_width..(i + 1) * kv_width]);
            let span = i * q_width..(i + 1) * q_width;
            let seen = [(&self.prompt_parts[layer][prompt], self.prompts[prompt].shared()), (&*own, len + 1)];
            attend(self.shape, &q[span.clone()], seen, scores, &mut out[span]);
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let all = self.prompt_parts.iter().chain(&self.own_parts).flatten();
        all.map(|part| (part.keys.capacity() + part.values.capacity()) * size_of::<f32>()).sum()
    }
}

impl Stretch {
    fn new(shape: AttentionShape, positions: usize) -> Self {
        let capacity = positions.next_multiple_of(4);
        let zeros = || vec![0f32; capacity * shape.kv_width()];
        Self { keys: zeros(), values: zeros(), capacity }
    }

    fn put(&mut self, shape: AttentionShape, position: usize, k: &[f32], v: &[f32]) {
        let d = shape.head_dim;
        for (head, (k, v)) in k.chunks_exact(d).zip(v.chunks_exact(d)).enumerate() {
            let start = (head * self.capacity + position) * d;
            self.values[start..start + d].copy_from_slice(v);
            let tile = (head * self.capacity + position / 4 * 4) * d;
            for (i, &k) in k.iter().enumerate() {
                self.keys[tile + 4 * i + position % 4] = k;
            }
        }
    }

    /// Copy positions, whole tiles of them: both places begin a tile, and what is copied beyond is not looked at before it is written.
    fn take(&mut self, at: usize, from: &Self, start: usize, positions: usize, d: usize) {
        let count = positions.next_multiple_of(4) * d;
        let heads = self.keys.len() / (self.capacity * d).max(1);
        for head in 0..heads {
            let (to, of) = ((head * self.capacity + at) * d, (head * from.capacity + start) * d);
            self.keys[to..to + count].copy_from_slice(&from.keys[of..of + count]);
            self.values[to..to + count].copy_from_slice(&from.values[of..of + count]);
        }
    }

    /// Keys of one head up to a position, in tiles.
    fn tiles(&self, head: usize, d: usize, len: usize) -> &[f32] {
        let start = head * self.capacity * d;
        &self.keys[start..start + len.next_multiple_of(4) * d]
    }

    fn rows(&self, head: usize, d: usize, len: usize) -> &[f32] {
        let start = head * self.capacity * d;
        &self.values[start..start + len * d]
    }
}

/// One row's attention over two stretches, each seen up to a length.
fn attend(shape: AttentionShape, q: &[f32], seen: [(&Stretch, usize); 2], scores: &mut Vec<f32>, out: &mut [f32]) {
    let (d, sharing) = (shape.head_dim, shape.heads / shape.kv_heads);
    for kv in 0..shape.kv_heads {
        let mut first = kv * sharing;
        while first < (kv + 1) * sharing {
            let left = (kv + 1) * sharing - first;
            let span = |heads: usize| first * d..(first + heads) * d;
            let step = match left {
                1 => attend_heads::<1>(d, kv, &q[span(1)], seen, scores, &mut out[span(1)]),
                2 => attend_heads::<2>(d, kv, &q[span(2)], seen, scores, &mut out[span(2)]),
                _ => attend_heads::<3>(d, kv, &q[span(3)], seen, scores, &mut out[span(3)]),
            };
            first += step;
        }
    }
}

/// `H` query heads that share key head `kv`: returns H.
fn attend_heads<const H: usize>(
    d: usize,
    kv: usize,
    q: &[f32],
    seen: [(&Stretch, usize); 2],
    scores: &mut Vec<f32>,
    out: &mut [f32],
) -> usize {
    let padded: usize = seen.iter().map(|(_, len)| len.next_multiple_of(4)).sum();
    scores.resize(H * padded, 0.0);
    let scale = F4::splat(1.0 / (d as f32).sqrt());
    let q: [&[f32]; H] = std::array::from_fn(|h| &q[h * d..(h + 1) * d]);
    let mut at = 0;
    for (part, len) in seen {
        for tile in part.tiles(kv, d, len).chunks_exact(4 * d) {
            let mut acc = [F4::splat(0.0); H];
            for (i, k) in tile.as_chunks::<4>().0.iter().enumerate() {
                let k = F4::load(k);
                for h in 0..H {
                    acc[h] = acc[h].add(k.mul(F4::splat(q[h][i])));
                }
            }
            for h in 0..H {
                if let Some(four) = scores[h * padded + at..].first_chunk_mut() {
                    acc[h].mul(scale).store(four);
                }
            }
            at += 4;
        }
        // Positions that fill up the last tile are not there.
        for h in 0..H {
            let end = h * padded + at;
            scores[end - (len.next_multiple_of(4) - len)..end].fill(f32::NEG_INFINITY);
        }
    }
    scores.chunks_exact_mut(padded).for_each(vector::softmax);

    let p: [&[f32]; H] = std::array::from_fn(|h| &scores[h * padded..(h + 1) * padded]);
    let values = seen.map(|(part, len)| part.rows(kv, d, len));
    let mut column = 0;
    while column + 8 <= d {
        let mut acc = [[F4::splat(0.0); 2]; H];
        let mut start = 0;
        for ((_, len), values) in seen.iter().zip(values) {
            for (i, row) in values.chunks_exact(d).enumerate() {
                let Some((v, _)) = row[column..].split_first_chunk::<8>() else { continue };
                let [low, high] = [F4::load(four(v, 0)), F4::load(four(v, 4))];
                for h in 0..H {
                    let p = F4::splat(p[h][start + i]);
                    acc[h] = [acc[h][0].add(low.mul(p)), acc[h][1].add(high.mul(p))];
                }
            }
            start += len.next_multiple_of(4);
        }
        for h in 0..H {
            let out = &mut out[h * d + column..h * d + column + 8];
            for (acc, out) in acc[h].into_iter().zip(out.as_chunks_mut::<4>().0) {
                acc.store(out);
            }
        }
        column += 8;
    }
    // Heads whose width is no multiple of eight.
    for column in column..d {
        for h in 0..H {
            let (mut sum, mut start) = (0.0, 0);
            for ((_, len), values) in seen.iter().zip(values) {
                sum += (0..*len).map(|i| p[h][start + i] * values[i * d + column]).sum::<f32>();
                start += len.next_multiple_of(4);
            }
            out[h * d + column] = sum;
        }
    }
    H
}

#[inline(always)]
fn four(x: &[f32; 8], start: usize) -> &[f32; 4] {
    match x[start..].first_chunk() {
        Some(four) => four,
        None => &[0.0; 4],
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
            let (mut scores, cut_q, cut_kv) = (Vec::new(), 3 * heads * d, 3 * kv_heads * d);
            let (low, high) = out.split_at_mut(cut_q);
            ours.attend_prompts(0, &plan, 0, &q[..cut_q], &k[..cut_kv], &v[..cut_kv], &mut scores, low);
            ours.attend_prompts(0, &plan, 3, &q[cut_q..], &k[cut_kv..], &v[cut_kv..], &mut scores, high);
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
                ours.attend_rows(0, &rows, &q, &k, &v, &mut scores, &mut out);
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
