//! Batched generation: every prompt is computed once, all its samples continue it side by side, finished rows leave the
//! batch. One call of [`Generator::step`] draws one token for each row that is still going, so that a caller can
//! stream, yield or stop between tokens.

use crate::sample::Sampler;
use crate::{KvCache, LmError, ModelConfig, Result, RowPlan, ops};
use clicker_wire::{Sampling, StopReason};
use std::sync::Arc;

/// How answers are drawn.
#[derive(Clone, Debug)]
pub struct GenerateOptions {
    /// Temperature, truncation and length; the seed is not used here, every row gets a stream of its own.
    pub sampling: Sampling,
    /// Tokens that end an answer; they are part of it.
    pub stop: Vec<u32>,
    /// Likeliest tokens to report per position.
    pub alternatives: usize,
}

/// One drawn token with the model's own numbers (temperature 1, nothing cut off).
#[derive(Clone, Debug, PartialEq)]
pub struct Draw {
    /// The token.
    pub id: u32,
    /// ln p, nats.
    pub logprob: f32,
    /// Entropy of the distribution, nats.
    pub entropy: f32,
    /// Likeliest tokens with ln p, best first.
    pub alternatives: Vec<(u32, f32)>,
}

/// One finished answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Its tokens, the end marker included.
    pub draws: Vec<Draw>,
    /// Why it ended.
    pub stop: StopReason,
}

impl Drawn {
    /// The token ids.
    #[must_use]
    pub fn ids(&self) -> Vec<u32> {
        self.draws.iter().map(|d| d.id).collect()
    }
}

/// What it takes to continue texts: the candle decoder's snapshots and the browser's engine both do.
pub trait Inference {
    /// The shape.
    fn config(&self) -> &ModelConfig;

    /// Compute packed prompts: the logits that follow each segment, [segments, V], and a cache in which rows may continue
    /// them by up to `capacity` tokens.
    ///
    /// # Errors
    /// Ids outside the vocabulary, positions beyond the context.
    fn prefill(&self, ids: &[u32], plan: &Arc<RowPlan>, capacity: usize) -> Result<(Vec<f32>, KvCache)>;

    /// One more token for each listed row of the cache: the logits that follow, [rows, V].
    ///
    /// # Errors
    /// As [`Self::prefill`], or a row that is full.
    fn step(&self, ids: &[u32], rows: &[usize], cache: &mut KvCache) -> Result<Vec<f32>>;
}

/// A batch of generations in progress.
#[derive(Debug)]
pub struct Generator<'a, M> {
    model: &'a M,
    options: GenerateOptions,
    cache: KvCache,
    rows: Vec<Row>,
    active: Vec<usize>,
    started: bool,
}

#[derive(Debug)]
struct Row {
    sampler: Sampler,
    logprobs: Vec<f32>,
    limit: usize,
    out: Drawn,
}

impl<'a, M: Inference> Generator<'a, M> {
    /// Compute the prompts and get ready to draw. `rows` lists (prompt index, stream seed), one entry per sample.
    ///
    /// # Errors
    /// No prompts, an empty prompt, ids outside the vocabulary, a prompt that fills the context, a sampling setting out
    /// of range.
    pub fn new(model: &'a M, prompts: &[Vec<u32>], rows: &[(usize, u64)], options: GenerateOptions) -> Result<Self> {
        check(&options.sampling)?;
        let context = model.config().context;
        if let Some(bad) = prompts.iter().find(|p| p.is_empty() || p.len() >= context) {
            return Err(LmError::Prompt(format!("{} tokens; expected 1 to {}", bad.len(), context - 1)));
        }
        let lens: Vec<usize> = prompts.iter().map(Vec::len).collect();
        let plan = Arc::new(RowPlan::independent(&lens));
        let longest = lens.iter().copied().min().map_or(0, |shortest| context - shortest);
        let capacity = (options.sampling.max_new_tokens as usize).min(longest);
        let (logits, mut cache) = model.prefill(&prompts.concat(), &plan, capacity)?;
        let first = log_softmax_rows(&logits, model.config().vocab);
        let rows = rows
            .iter()
            .map(|&(prompt, stream)| {
                cache.add_row(prompt)?;
                Ok(Row {
                    sampler: Sampler::new(&options.sampling, stream),
                    logprobs: first[prompt].clone(),
                    limit: capacity.min(context - lens[prompt]),
                    out: Drawn { draws: Vec::new(), stop: StopReason::Cancelled },
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { active: (0..rows.len()).collect(), model, options, cache, rows, started: false })
    }

    /// Draw one token for every row still going: (row, token). Empty when all are finished.
    ///
    /// # Errors
    /// Tensor arithmetic.
    pub fn step(&mut self) -> Result<Vec<(usize, Draw)>> {
        if self.started {
            self.advance()?;
        }
        self.started = true;
        let mut drawn = Vec::with_capacity(self.active.len());
        for &index in &self.active {
            let row = &mut self.rows[index];
            if row.limit == 0 {
                row.out.stop = StopReason::Length;
                continue;
            }
            let draw = describe(row.sampler.draw(&row.logprobs), &row.logprobs, self.options.alternatives);
            drawn.push((index, draw.clone()));
            row.out.draws.push(draw);
            let last = row.out.draws.len();
            if self.options.stop.contains(&row.out.draws[last - 1].id) {
                row.out.stop = StopReason::End;
            } else if last >= row.limit {
                row.out.stop = StopReason::Length;
            }
        }
        self.active.retain(|&index| self.rows[index].out.stop == StopReason::Cancelled);
        Ok(drawn)
    }

    /// Whether every row has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.active.is_empty()
    }

    /// The answers, in row order; rows that were still going are marked as cancelled.
    #[must_use]
    pub fn finish(self) -> Vec<Drawn> {
        self.rows.into_iter().map(|row| row.out).collect()
    }

    /// Feed the last drawn tokens and compute what comes next.
    fn advance(&mut self) -> Result<()> {
        if self.active.is_empty() {
            return Ok(());
        }
        let last = |row: &Row| row.out.draws.last().map_or(0, |d| d.id);
        let ids: Vec<u32> = self.active.iter().map(|&i| last(&self.rows[i])).collect();
        let logits = self.model.step(&ids, &self.active, &mut self.cache)?;
        let next = log_softmax_rows(&logits, self.model.config().vocab);
        for (&index, logprobs) in self.active.iter().zip(next) {
            self.rows[index].logprobs = logprobs;
        }
        Ok(())
    }
}

/// Draw all answers at once, in the order of `rows`.
///
/// # Errors
/// As [`Generator::new`].
pub fn generate<M: Inference>(
    model: &M,
    prompts: &[Vec<u32>],
    rows: &[(usize, u64)],
    options: GenerateOptions,
) -> Result<Vec<Drawn>> {
    let mut generator = Generator::new(model, prompts, rows, options)?;
    while !generator.is_done() {
        generator.step()?;
    }
    Ok(generator.finish())
}

fn check(s: &Sampling) -> Result<()> {
    if !(s.temperature.is_finite() && s.temperature >= 0.0 && s.top_p > 0.0 && s.top_p <= 1.0) {
        return Err(LmError::Prompt(format!(
            "temperature {} and top_p {}; expected a temperature of at least 0 (0 is greedy) and top_p above 0, at most 1",
            s.temperature, s.top_p
        )));
    }
    Ok(())
}

fn describe(id: u32, logprobs: &[f32], alternatives: usize) -> Draw {
    let entropy = logprobs.iter().filter(|l| l.is_finite()).map(|&l| -l * ops::math::exp(l)).sum();
    let mut best: Vec<(u32, f32)> = Vec::new();
    if alternatives > 0 {
        best = logprobs.iter().enumerate().map(|(i, &l)| (i as u32, l)).collect();
        let by_probability = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if alternatives < best.len() {
            best.select_nth_unstable_by(alternatives, by_probability);
            best.truncate(alternatives);
        }
        best.sort_unstable_by(by_probability);
    }
    Draw { id, logprob: logprobs[id as usize], entropy, alternatives: best }
}

/// Log-probabilities of every row of logits [N, V].
fn log_softmax_rows(logits: &[f32], vocab: usize) -> Vec<Vec<f32>> {
    logits
        .chunks_exact(vocab)
        .map(|row| {
            let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = row.iter().map(|&l| ops::math::exp(l - max)).sum();
            let log_sum = max + sum.ln();
            row.iter().map(|&l| l - log_sum).collect()
        })
        .collect()
}
