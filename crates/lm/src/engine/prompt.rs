//! Computing prompts some rows at a time, and scoring given texts.

use super::adapter::{self, Adaptation};
use super::attention::EngineCache;
use super::{Engine, Scratch};
use crate::generate::describe;
use crate::{Draw, LmError, Result, RowPlan};
use clicker_kernels::{distribution::normaliser, vector};
use std::sync::Arc;

/// Rows of logits computed at a time while a text is scored.
const SCORED_ROWS: usize = 16;

/// Prompts while they are computed, some rows at a time, so that a caller can do other things in between.
#[derive(Debug)]
pub struct PromptPass<'a> {
    engine: &'a Engine,
    ids: Vec<u32>,
    plan: Arc<RowPlan>,
    cache: EngineCache,
    scratch: Scratch,
    /// Rows computed, or there already.
    done: usize,
    /// Rows at the beginning of each segment that are there already.
    there: Vec<usize>,
    /// Final states of every segment's last row, [segments, D].
    last: Vec<f32>,
}

impl<'a> PromptPass<'a> {
    /// Packed prompts that rows will continue by up to `capacity` tokens; nothing is computed yet.
    ///
    /// # Errors
    /// Ids outside the vocabulary, positions beyond the context, prompts that continue others.
    pub fn new(engine: &'a Engine, ids: &[u32], plan: &Arc<RowPlan>, capacity: usize) -> Result<Self> {
        engine.config.check_ids(ids, plan.positions())?;
        let cache = EngineCache::new(plan, engine.config.attention(), engine.config.layers, capacity)?;
        let (scratch, last, there) = (Scratch::default(), Vec::new(), vec![0; plan.segments().len()]);
        Ok(Self { engine, ids: ids.to_vec(), plan: plan.clone(), cache, scratch, done: 0, there, last })
    }

    /// Compute each prompt, and what will continue it, with an adapter, or without; one entry for each prompt.
    ///
    /// # Errors
    /// Another number of entries than of prompts.
    pub fn adapted(mut self, with: Vec<Option<Adaptation>>) -> Result<Self> {
        if with.len() != self.prompts() {
            let (given, wanted) = (with.len(), self.prompts());
            return Err(LmError::Prompt(format!("{given} adaptations for {wanted} prompts; expected one for each")));
        }
        for (prompt, with) in with.into_iter().enumerate() {
            self.cache.adapt_prompt(prompt, with);
        }
        Ok(self)
    }

    /// How many prompts there are.
    pub(super) fn prompts(&self) -> usize {
        self.plan.segments().len()
    }

    pub(super) fn prompt(&self, prompt: usize) -> &[u32] {
        let segment = self.plan.segments()[prompt];
        &self.ids[segment.start..segment.start + segment.len]
    }

    pub(super) fn adaptation(&self, prompt: usize) -> Option<&Adaptation> {
        self.cache.prompt_adaptation(prompt)
    }

    /// The first `len` tokens of a prompt are in another cache, as the beginning of prompt `of` and its row.
    pub(super) fn take(&mut self, prompt: usize, from: &EngineCache, of: usize, row: Option<usize>, len: usize) {
        self.cache.take(prompt, from, of, row, len);
        self.there[prompt] = len;
    }

    /// The next rows to compute, at most so many: none when all are there. Rows on both sides of some that are there already do
    /// not go together.
    fn next(&self, rows: usize) -> std::ops::Range<usize> {
        let ends = || self.plan.segments().iter().zip(&self.there).map(|(s, there)| (s.start, s.start + there));
        // Segments lie in order, so that one pass steps over all that follow each other.
        let first = ends().fold(self.done, |at, (start, end)| if (start..end).contains(&at) { end } else { at });
        let limit = ends().filter(|(start, end)| start < end && *start > first).map(|(start, _)| start).min();
        first..(first + rows).min(self.ids.len()).min(limit.unwrap_or(usize::MAX))
    }

    /// Compute the next rows, at most so many; says whether that was all.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn step(&mut self, rows: usize) -> Result<bool> {
        let std::ops::Range { start: first, end } = self.next(rows);
        if first < end {
            let (plan, cache) = (&self.plan, &mut self.cache);
            let positions = &plan.positions()[first..end];
            let inside = |row: usize| plan.segments().iter().position(|s| (s.start..s.start + s.len).contains(&row));
            let with = (first..end).map(|row| cache.prompt_adaptation(inside(row)?));
            let runs = adapter::runs(with);
            self.engine.run(&self.ids[first..end], positions, &runs, &mut self.scratch, |s, layer| {
                cache.attend_prompts(layer, plan, first, &s.q, &s.k, &s.v, &mut s.attended.floats);
            })?;
            let width = self.engine.config.width;
            for row in plan.last_rows().into_iter().map(|row| row as usize).filter(|row| (first..end).contains(row)) {
                self.last.extend_from_slice(&self.scratch.x[(row - first) * width..(row - first + 1) * width]);
            }
            self.done = end;
        }
        Ok(self.done == self.ids.len())
    }

    /// What [`Inference::prefill`] gives.
    #[must_use]
    pub fn finish(self) -> (Vec<f32>, EngineCache) {
        let Self { engine, plan, mut cache, mut scratch, last, .. } = self;
        scratch.x = last;
        let logits = engine.logits(0..plan.segments().len(), &mut scratch);
        cache.scratch = scratch;
        (logits, cache)
    }
}

impl Engine {
    /// A text as a direction [D]: the mean of the normalised final states of its tokens, scaled to length 1. The dot product of two is
    /// the cosine of the angle between them.
    ///
    /// # Errors
    /// No tokens, ids outside the vocabulary, a text longer than the context.
    pub fn embed(&self, ids: &[u32], with: Option<Adaptation>) -> Result<Vec<f32>> {
        let plan = Arc::new(RowPlan::independent(&[ids.len()]));
        let mut pass = PromptPass::new(self, ids, &plan, 0)?.adapted(vec![with])?;
        let width = self.config.width;
        let (mut sum, mut normed) = (vec![0f32; width], vec![0f32; width]);
        while pass.done < ids.len() {
            let start = pass.done;
            pass.step(SCORED_ROWS)?;
            for x in pass.scratch.x[..(pass.done - start) * width].chunks_exact(width) {
                vector::rms_norm(x, &self.norm, self.config.rms_eps, &mut normed);
                vector::add(&mut sum, &normed);
            }
        }
        // The mean's length makes no difference; a text of nothing but zeros stays where it is.
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
        sum.iter_mut().for_each(|x| *x /= length.max(f32::MIN_POSITIVE));
        Ok(sum)
    }

    /// What the model thinks of a given text: for every token from `first` on, ln p given the tokens before it, with entropy and
    /// likeliest alternatives, as if it had been drawn.
    ///
    /// # Errors
    /// `first` is 0 or beyond the text, ids outside the vocabulary, a text longer than the context.
    pub fn score(&self, ids: &[u32], first: usize, alternatives: usize) -> Result<Vec<Draw>> {
        if first == 0 || first > ids.len() {
            return Err(LmError::Prompt(format!(
                "score from token {first} of {}; expected at least 1 token before, and no more than there are",
                ids.len()
            )));
        }
        let plan = Arc::new(RowPlan::independent(&[ids.len()]));
        let mut pass = PromptPass::new(self, ids, &plan, 0)?;
        let mut out = Vec::with_capacity(ids.len() - first);
        let vocab = self.config.vocab;
        while pass.done < ids.len() {
            let start = pass.done;
            pass.step(SCORED_ROWS)?;
            // Logits of a few rows at a time: a large vocabulary's of a long text would not fit a tab. Row i speaks of token i + 1.
            let rows = start.max(first - 1)..pass.done.min(ids.len() - 1);
            if rows.is_empty() {
                continue;
            }
            let logits = self.logits(rows.clone().map(|row| row - start), &mut pass.scratch);
            let drawn = logits.chunks_exact(vocab).zip(&ids[rows.start + 1..=rows.end]);
            out.extend(drawn.map(|(row, &id)| describe(id, row, normaliser(row), alternatives)));
        }
        Ok(out)
    }
}
