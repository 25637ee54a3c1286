//! What drawing answers computed, kept so that training on them need not compute it again: a step's first pass has the
//! weights that drew, the same rows and, row by row, the same arithmetic, so its forward half is there already, bit for bit.
//!
//! Knows no losses and no batches. Whether a recording is that of a pass is decided by its tokens, its plan and its weights.

use super::Shape;
use super::forward::Saved;
use super::pool::{Buffer, Pool};
use crate::RowPlan;
use std::sync::{Arc, Mutex, PoisonError};

/// The rows of one batch of answers, every prompt followed by its own.
#[derive(Debug)]
pub(super) struct Recording {
    version: u64,
    ids: Vec<u32>,
    plan: RowPlan,
    pub(super) rows: Rows,
}

/// What a pass keeps of N rows.
#[derive(Debug)]
pub(super) struct Rows {
    /// One entry for each block.
    pub(super) saved: Vec<Saved>,
    /// Residual stream after the last block, [N, D].
    pub(super) last: Buffer,
}

/// Recordings that nobody has trained on yet, shared by a policy and its snapshots.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo(Arc<Mutex<Vec<Recording>>>);

impl Memo {
    /// Keep a recording; those of other weights are of no use any more.
    pub(super) fn keep(&self, new: Recording) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|old| old.version == new.version);
        all.push(new);
    }

    /// The recording of exactly these rows under these weights. If there is none, something else is trained on, and all go.
    pub(super) fn take(&self, version: u64, ids: &[u32], plan: &RowPlan) -> Option<Rows> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().position(|r| r.version == version && r.ids == ids && r.plan == *plan);
        if found.is_none() {
            all.clear();
        }
        found.map(|i| all.swap_remove(i).rows)
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Rows {
    fn new(shape: Shape, rows: usize, pool: &Pool) -> Self {
        let saved = (0..shape.layers).map(|_| Saved::new(shape, rows, pool)).collect();
        Self { saved, last: pool.take(rows * shape.width) }
    }

    /// Copy `len` rows of others, from `row` on, to the rows from `at` on.
    fn put(&mut self, shape: Shape, at: usize, (saved, last): (&[Saved], &[f32]), row: usize, len: usize) {
        for (to, from) in self.saved.iter_mut().zip(saved) {
            for ((to, from), width) in to.buffers_mut().into_iter().zip(from.buffers()).zip(shape.saved()) {
                to[at * width..(at + len) * width].copy_from_slice(&from[row * width..(row + len) * width]);
            }
        }
        let width = shape.width;
        self.last[at * width..(at + len) * width].copy_from_slice(&last[row * width..(row + len) * width]);
    }

    /// Move `len` rows towards the front.
    fn close_up(&mut self, shape: Shape, from: usize, to: usize, len: usize) {
        if from == to {
            return;
        }
        let all = self.saved.iter_mut().flat_map(|saved| saved.buffers_mut().into_iter().zip(shape.saved()));
        for (rows, width) in all.chain([(&mut self.last, shape.width)]) {
            rows.copy_within(from * width..(from + len) * width, to * width);
        }
    }
}

/// A recording in progress.
#[derive(Debug)]
pub(crate) struct Recorder {
    shape: Shape,
    pool: Pool,
    version: u64,
    /// (start, len) of every prompt within `ids`.
    prompts: Vec<(usize, usize)>,
    ids: Vec<u32>,
    /// Rows of an answer that has all tokens it may have: the last token of an answer is never computed.
    room: usize,
    /// The prompts' rows, then everything at its place.
    rows: Rows,
    /// None until the first token is computed: then it is known how many answers continue which prompt.
    answers: Option<Vec<Answer>>,
}

#[derive(Debug)]
struct Answer {
    prompt: usize,
    /// Its first row.
    at: usize,
    ids: Vec<u32>,
}

impl Recorder {
    /// Begin with prompts that have been computed.
    pub(super) fn new(
        (shape, pool, version): (Shape, &Pool, u64),
        (ids, plan): (&[u32], &RowPlan),
        capacity: usize,
        rows: Rows,
    ) -> Self {
        Self {
            shape,
            pool: pool.clone(),
            version,
            prompts: plan.segments().iter().map(|s| (s.start, s.len)).collect(),
            ids: ids.to_vec(),
            room: capacity.saturating_sub(1),
            rows,
            answers: None,
        }
    }

    /// Add one token for each of some answers. `origins` lists the prompt of every answer there is. None where
    /// there is no room for it: then nothing is recorded any more.
    pub(super) fn add(mut self, origins: &[usize], answers: &[usize], ids: &[u32], new: &Rows) -> Option<Self> {
        if self.answers.is_none() {
            self.place(origins)?;
        }
        let (shape, room) = (self.shape, self.room);
        let all = self.answers.as_mut()?;
        for (row, (&answer, &id)) in answers.iter().zip(ids).enumerate() {
            let answer = all.get_mut(answer).filter(|answer| answer.ids.len() < room)?;
            self.rows.put(shape, answer.at + answer.ids.len(), (&new.saved, &new.last), row, 1);
            answer.ids.push(id);
        }
        Some(self)
    }

    /// Give every answer room behind its prompt.
    fn place(&mut self, origins: &[usize]) -> Option<()> {
        let shape = self.shape;
        let rows = self.ids.len() + origins.len() * self.room;
        let values = shape.saved().iter().sum::<usize>() * shape.layers + shape.width;
        if rows as f64 * values as f64 > MOST {
            return None;
        }
        let mut answers: Vec<Answer> =
            origins.iter().map(|&prompt| Answer { prompt, at: 0, ids: Vec::with_capacity(self.room) }).collect();
        let computed = std::mem::replace(&mut self.rows, Rows::new(shape, rows, &self.pool));
        let mut at = 0;
        for (p, &(start, len)) in self.prompts.iter().enumerate() {
            self.rows.put(shape, at, (&computed.saved, &computed.last), start, len);
            at += len;
            for answer in answers.iter_mut().filter(|answer| answer.prompt == p) {
                answer.at = at;
                at += self.room;
            }
        }
        self.answers = Some(answers);
        Some(())
    }

    /// All rows end to end.
    pub(super) fn finish(mut self, origins: &[usize]) -> Option<Recording> {
        if self.answers.is_none() {
            self.place(origins)?;
        }
        let Self { shape, version, prompts, ids: prompt_ids, mut rows, answers, .. } = self;
        let (answers, mut from) = (answers?, 0);
        let (mut plan, mut ids) = (RowPlan::new(), Vec::new());
        for (p, &(start, len)) in prompts.iter().enumerate() {
            rows.close_up(shape, from, ids.len(), len);
            from += len;
            ids.extend_from_slice(&prompt_ids[start..start + len]);
            let root = plan.push_root(len);
            for answer in answers.iter().filter(|answer| answer.prompt == p && !answer.ids.is_empty()) {
                rows.close_up(shape, answer.at, ids.len(), answer.ids.len());
                ids.extend_from_slice(&answer.ids);
                plan.push_continuation(root, answer.ids.len()).ok()?;
            }
            from += self.room * answers.iter().filter(|answer| answer.prompt == p).count();
        }
        rows.last.truncate(ids.len() * shape.width);
        Some(Recording { version, ids, plan, rows })
    }
}

/// Values for which room is made at most; memory that no answer needs is never touched.
const MOST: f64 = 1e9;
