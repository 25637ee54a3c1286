//! Computing prompts some rows at a time, and scoring given texts.

use super::attention::EngineCache;
use super::distribution::normaliser;
use super::{Engine, Scratch};
use crate::generate::describe;
use crate::{Draw, LmError, Result, RowPlan};
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
    /// Rows computed.
    done: usize,
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
        let (scratch, last) = (Scratch::default(), Vec::new());
        Ok(Self { engine, ids: ids.to_vec(), plan: plan.clone(), cache, scratch, done: 0, last })
    }

    /// Compute the next rows, at most so many; says whether that was all.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn step(&mut self, rows: usize) -> Result<bool> {
        let (first, end) = (self.done, (self.done + rows).min(self.ids.len()));
        if first < end {
            let (plan, cache) = (&self.plan, &mut self.cache);
            let positions = &plan.positions()[first..end];
            self.engine.run(&self.ids[first..end], positions, &mut self.scratch, |s, layer| {
                let out = &mut s.attended.floats;
                cache.attend_prompts(layer, plan, first, &s.q, &s.k, &s.v, &mut s.scores, out);
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
