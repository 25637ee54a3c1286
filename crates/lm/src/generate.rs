//! Batched generation: every prompt is computed once, all its samples continue it side by side, finished rows leave the
//! batch. One call of [`Generator::step`] draws one token for each row that is still going, so that a caller can
//! stream, yield or stop between tokens.

use crate::constrain::{Allowed, Constraint, Progress};
use crate::sample::Sampler;
use crate::{LmError, ModelConfig, Result, RowCache, RowPlan};
use clicker_kernels::distribution::{Normaliser, normaliser};
use clicker_wire::{Sampling, StopReason};
use std::collections::BTreeSet;
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
    /// Keys and values of texts in progress.
    type Cache: RowCache;

    /// The shape.
    fn config(&self) -> &ModelConfig;

    /// Compute packed prompts: the logits that follow each segment, [segments, V], and a cache in which rows may continue
    /// them by up to `capacity` tokens.
    ///
    /// # Errors
    /// Ids outside the vocabulary, positions beyond the context.
    fn prefill(&self, ids: &[u32], plan: &Arc<RowPlan>, capacity: usize) -> Result<(Vec<f32>, Self::Cache)>;

    /// One more token for each listed row of the cache: the logits that follow, [rows, V].
    ///
    /// # Errors
    /// As [`Self::prefill`], or a row that is full.
    fn step(&self, ids: &[u32], rows: &[usize], cache: &mut Self::Cache) -> Result<Vec<f32>>;

    /// Take back the cache of a batch of which every row has ended.
    fn finished(&self, _cache: Self::Cache) {}
}

/// What a model has to compute before answers to prompts can be drawn.
#[derive(Clone, Debug)]
pub struct Prompts {
    /// All prompts, end to end.
    pub ids: Vec<u32>,
    /// Where each begins and ends.
    pub plan: Arc<RowPlan>,
    /// Tokens by which a row may continue.
    pub capacity: usize,
}

impl Prompts {
    /// Prompts for a model of this shape.
    ///
    /// # Errors
    /// As [`Generator::new`].
    pub fn new(config: &ModelConfig, prompts: &[Vec<u32>], options: &GenerateOptions) -> Result<Self> {
        check(&options.sampling)?;
        let context = config.context;
        if let Some(bad) = prompts.iter().find(|p| p.is_empty() || p.len() >= context) {
            return Err(LmError::Prompt(format!("{} tokens; expected 1 to {}", bad.len(), context - 1)));
        }
        let lens: Vec<usize> = prompts.iter().map(Vec::len).collect();
        let longest = lens.iter().copied().min().map_or(0, |shortest| context - shortest);
        Ok(Self {
            ids: prompts.concat(),
            plan: Arc::new(RowPlan::independent(&lens)),
            capacity: (options.sampling.max_new_tokens as usize).min(longest),
        })
    }
}

/// A batch of generations in progress.
#[derive(Debug)]
pub struct Generator<'a, M: Inference> {
    model: &'a M,
    options: GenerateOptions,
    cache: M::Cache,
    rows: Vec<Row>,
    active: Vec<usize>,
    /// What the model said last, [_, V], with what normalises each row.
    logits: Vec<f32>,
    normalisers: Vec<Normaliser>,
    /// Added to the logits of these tokens before drawing.
    bias: Vec<(u32, f32)>,
    /// The rule that answers follow.
    within: Option<Constraint>,
    /// Logits changed for drawing, where anything changes them.
    changed: Vec<f32>,
    /// Whether the logits are those that the next draw takes.
    known: bool,
}

#[derive(Debug)]
struct Row {
    sampler: Sampler,
    /// Its row of the logits.
    at: usize,
    /// Draws, of all turns, after which this turn is cut off.
    limit: usize,
    /// Tokens by which the cache lets it continue its prompt.
    room: usize,
    /// Tokens of the user's turns among them.
    replied: usize,
    /// Tokens of the prompt and drawn since, for the repetition penalty; empty without one.
    seen: BTreeSet<u32>,
    /// How far it has come within the rule, if there is one.
    progress: Option<Progress>,
    out: Drawn,
}

impl Row {
    /// Tokens by which it has continued its prompt.
    fn used(&self) -> usize {
        self.out.draws.len() + self.replied
    }
}

impl<'a, M: Inference> Generator<'a, M> {
    /// Compute the prompts and get ready to draw. `rows` lists (prompt index, stream seed), one entry per sample.
    ///
    /// # Errors
    /// No prompts, an empty prompt, ids outside the vocabulary, a prompt that fills the context, a sampling setting out
    /// of range.
    pub fn new(model: &'a M, prompts: &[Vec<u32>], rows: &[(usize, u64)], options: GenerateOptions) -> Result<Self> {
        let prompts = Prompts::new(model.config(), prompts, &options)?;
        let computed = model.prefill(&prompts.ids, &prompts.plan, prompts.capacity)?;
        Self::after(model, &prompts, computed, rows, options)
    }

    /// [`Self::new`] with room in which rows can go on by `room` tokens in all, their own and those of [`Self::reply`].
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_room(
        model: &'a M,
        prompts: &[Vec<u32>],
        rows: &[(usize, u64)],
        options: GenerateOptions,
        room: usize,
    ) -> Result<Self> {
        let mut prompts = Prompts::new(model.config(), prompts, &options)?;
        let shortest = prompts.plan.segments().iter().map(|s| s.len).min().unwrap_or(0);
        prompts.capacity = room.min(model.config().context - shortest);
        let computed = model.prefill(&prompts.ids, &prompts.plan, prompts.capacity)?;
        Self::after(model, &prompts, computed, rows, options)
    }

    /// [`Self::new`] from prompts that have been computed already.
    ///
    /// # Errors
    /// A row of a prompt that is not there.
    pub fn after(
        model: &'a M,
        prompts: &Prompts,
        (logits, mut cache): (Vec<f32>, M::Cache),
        rows: &[(usize, u64)],
        options: GenerateOptions,
    ) -> Result<Self> {
        let context = model.config().context;
        let penalised = options.sampling.repetition_penalty != 1.0;
        let rows = rows
            .iter()
            .map(|&(prompt, stream)| {
                cache.add_row(prompt)?;
                let segment = prompts.plan.segments()[prompt];
                let ids = &prompts.ids[segment.start..segment.start + segment.len];
                let room = prompts.capacity.min(context - segment.len);
                Ok(Row {
                    sampler: Sampler::new(&options.sampling, stream),
                    at: prompt,
                    limit: room.min(options.sampling.max_new_tokens as usize),
                    room,
                    replied: 0,
                    seen: if penalised { ids.iter().copied().collect() } else { BTreeSet::new() },
                    progress: None,
                    out: Drawn { draws: Vec::new(), stop: StopReason::Cancelled },
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let normalisers = logits.chunks_exact(model.config().vocab).map(normaliser).collect();
        let active = (0..rows.len()).collect();
        let (bias, changed) = (Vec::new(), Vec::new());
        Ok(Self { active, model, options, cache, rows, logits, normalisers, bias, within: None, changed, known: true })
    }

    /// Answers that follow a rule: tokens that lead nowhere are ruled out before drawing, and an answer ends only where it is whole. When the
    /// tokens that are left would not do, it is brought to the nearest end. What is reported of a draw stays the model's own.
    ///
    /// # Errors
    /// The rule asks for more than the most new tokens can hold.
    pub fn within(mut self, rule: Constraint) -> Result<Self> {
        let least = rule.least_tokens();
        if let Some(row) = self.rows.iter().find(|row| row.limit < least) {
            return Err(LmError::Constraint {
                at: "its shortest text".into(),
                problem: format!(
                    "it takes {least} tokens at least, the answer may have {}; allow more new tokens or shorten the prompt",
                    row.limit
                ),
            });
        }
        self.rows.iter_mut().for_each(|row| row.progress = Some(rule.start()));
        self.within = Some(rule);
        Ok(self)
    }

    /// Add to the logits of these tokens before drawing; minus infinity rules a token out. What is reported of a draw stays the
    /// model's own.
    ///
    /// # Errors
    /// A token outside the vocabulary, or a bias that is no number.
    pub fn biased(mut self, bias: Vec<(u32, f32)>) -> Result<Self> {
        let vocab = self.model.config().vocab;
        if let Some((id, by)) =
            bias.iter().find(|(id, by)| *id as usize >= vocab || by.is_nan() || *by == f32::INFINITY)
        {
            return Err(LmError::Prompt(format!(
                "a logit bias of {by} for token {id}; expected a number (or minus infinity) for a token below {vocab}"
            )));
        }
        self.bias = bias;
        Ok(self)
    }

    /// Draw one token for every row still going: (row, token). Empty when all are finished.
    ///
    /// # Errors
    /// Tensor arithmetic.
    pub fn step(&mut self) -> Result<Vec<(usize, Draw)>> {
        if let Some((ids, rows)) = self.wanted() {
            let logits = self.model.step(&ids, &rows, &mut self.cache)?;
            self.given(logits)?;
        }
        self.known = false;
        let mut drawn = Vec::with_capacity(self.active.len());
        for &index in &self.active {
            let row = &mut self.rows[index];
            if row.limit == 0 {
                row.out.stop = StopReason::Length;
                continue;
            }
            let vocab = self.model.config().vocab;
            let logits = &self.logits[row.at * vocab..(row.at + 1) * vocab];
            let id = if self.bias.is_empty() && row.seen.is_empty() && self.within.is_none() {
                row.sampler.draw(logits)
            } else {
                change(logits, self.options.sampling.repetition_penalty, &row.seen, &self.bias, &mut self.changed);
                if let (Some(rule), Some(progress)) = (&mut self.within, row.progress) {
                    let left = row.limit - row.out.draws.len();
                    let allowed = rule.restrict(progress, left, &self.options.stop, &mut self.changed)?;
                    if allowed == Allowed::End && self.options.stop.is_empty() {
                        row.out.stop = StopReason::End;
                        continue;
                    }
                }
                let id = row.sampler.draw(&self.changed);
                if let (Some(rule), Some(progress)) = (&mut self.within, &mut row.progress) {
                    rule.follow(progress, id, &self.options.stop)?;
                }
                id
            };
            if self.options.sampling.repetition_penalty != 1.0 {
                row.seen.insert(id);
            }
            let draw = describe(id, logits, self.normalisers[row.at], self.options.alternatives);
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

    /// What has to be computed before the next draw: a token for each of these rows. None where that is known, or all rows have ended.
    /// Somebody else may compute it and hand it to [`Self::given`]; otherwise [`Self::step`] does.
    #[must_use]
    pub fn wanted(&self) -> Option<(Vec<u32>, Vec<usize>)> {
        if self.known || self.active.is_empty() {
            return None;
        }
        let last = |&row: &usize| self.rows[row].out.draws.last().map_or(0, |draw| draw.id);
        Some((self.active.iter().map(last).collect(), self.active.clone()))
    }

    /// What [`Self::wanted`] asked for: the logits that follow, [rows, V].
    ///
    /// # Errors
    /// Another number of logits.
    pub fn given(&mut self, logits: Vec<f32>) -> Result<()> {
        let (rows, vocab) = (self.active.len(), self.model.config().vocab);
        if logits.len() != rows * vocab {
            return Err(LmError::Prompt(format!("{} logits; expected {vocab} for each of {rows} rows", logits.len())));
        }
        self.logits = logits;
        self.normalisers.clear();
        self.normalisers.extend(self.logits.chunks_exact(vocab).map(normaliser));
        for (at, &row) in self.active.iter().enumerate() {
            self.rows[row].at = at;
        }
        self.known = true;
        Ok(())
    }

    /// Whether every row has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.active.is_empty()
    }

    /// End one row here, as if it had drawn a stop token.
    pub fn stop(&mut self, row: usize) {
        if let Some(ended) = self.rows.get_mut(row).filter(|r| r.out.stop == StopReason::Cancelled) {
            ended.out.stop = StopReason::End;
            self.active.retain(|&active| active != row);
        }
    }

    /// What a row has drawn so far, all turns one behind the other, and why it stands.
    #[must_use]
    pub fn drawn(&self, row: usize) -> Option<&Drawn> {
        self.rows.get(row).map(|row| &row.out)
    }

    /// Rows that have ended go on after tokens that they did not draw: a user's turn. Keys and values of all that was said
    /// before are kept, only these tokens are computed. Each row may then draw as many tokens as before.
    ///
    /// # Errors
    /// Rows that still draw, a row that is not there or listed twice, no tokens, or a row without room for them and one more.
    pub fn reply(&mut self, replies: &[(usize, Vec<u32>)]) -> Result<()> {
        if !self.is_done() {
            return Err(LmError::Prompt(format!(
                "{} rows are still drawing; a reply comes after all ended",
                self.active.len()
            )));
        }
        for (i, (index, tokens)) in replies.iter().enumerate() {
            let twice = replies[..i].iter().any(|(other, _)| other == index);
            let Some(row) = self.rows.get(*index).filter(|_| !twice && !tokens.is_empty()) else {
                return Err(LmError::Prompt(format!("a reply of {} tokens to row {index}", tokens.len())));
            };
            let used = row.used() + tokens.len();
            if used >= row.room {
                return Err(LmError::Prompt(format!(
                    "a dialogue needs {used} tokens behind its prompt and one to answer with, and there is room for {}: shorten \
                     the prompt, ask for fewer new tokens or fewer turns",
                    row.room
                )));
            }
        }
        let longest = self.options.sampling.max_new_tokens as usize;
        let penalised = self.options.sampling.repetition_penalty != 1.0;
        let mut feed = Vec::with_capacity(replies.len());
        for (index, tokens) in replies {
            let row = &mut self.rows[*index];
            row.replied += tokens.len();
            row.limit = row.out.draws.len() + longest.min(row.room - row.used());
            row.out.stop = StopReason::Cancelled;
            // Every turn follows the rule from its beginning.
            row.progress = self.within.as_ref().map(Constraint::start);
            if penalised {
                row.seen.extend(tokens);
            }
            // The last token that was drawn has not been computed yet.
            let last = row.out.draws.last().map(|draw| draw.id);
            feed.push((*index, last.into_iter().chain(tokens.iter().copied()).collect::<Vec<u32>>()));
        }
        self.feed(&feed)
    }

    /// Compute given tokens row by row, side by side; every row's logits after its last token remain.
    fn feed(&mut self, feed: &[(usize, Vec<u32>)]) -> Result<()> {
        let vocab = self.model.config().vocab;
        self.logits = vec![0.0; feed.len() * vocab];
        for t in 0..feed.iter().map(|(_, tokens)| tokens.len()).max().unwrap_or(0) {
            let now: Vec<usize> = (0..feed.len()).filter(|i| t < feed[*i].1.len()).collect();
            let ids: Vec<u32> = now.iter().map(|i| feed[*i].1[t]).collect();
            let rows: Vec<usize> = now.iter().map(|i| feed[*i].0).collect();
            let logits = self.model.step(&ids, &rows, &mut self.cache)?;
            for (&i, logits) in now.iter().zip(logits.chunks_exact(vocab)) {
                self.logits[i * vocab..(i + 1) * vocab].copy_from_slice(logits);
            }
        }
        self.normalisers.clear();
        self.normalisers.extend(self.logits.chunks_exact(vocab).map(normaliser));
        self.active = feed.iter().map(|(row, _)| *row).collect();
        for (at, (row, _)) in feed.iter().enumerate() {
            self.rows[*row].at = at;
        }
        // What comes next is known: the next step draws before it computes.
        self.known = true;
        Ok(())
    }

    /// The answers, in row order; rows that were still going are marked as cancelled.
    #[must_use]
    pub fn finish(self) -> Vec<Drawn> {
        self.finish_with_cache().0
    }

    /// [`Self::finish`], and the cache for whoever goes on from there.
    #[must_use]
    pub fn finish_with_cache(self) -> (Vec<Drawn>, M::Cache) {
        (self.rows.into_iter().map(|row| row.out).collect(), self.cache)
    }

    /// The cache, to change what later tokens are computed with.
    pub fn cache_mut(&mut self) -> &mut M::Cache {
        &mut self.cache
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
    let (drawn, cache) = generator.finish_with_cache();
    model.finished(cache);
    Ok(drawn)
}

fn check(s: &Sampling) -> Result<()> {
    if !(s.temperature.is_finite() && s.temperature >= 0.0 && s.top_p > 0.0 && s.top_p <= 1.0) {
        return Err(LmError::Prompt(format!(
            "temperature {} and top_p {}; expected a temperature of at least 0 (0 is greedy) and top_p above 0, at most 1",
            s.temperature, s.top_p
        )));
    }
    if !((0.0..=1.0).contains(&s.min_p) && s.repetition_penalty.is_finite() && s.repetition_penalty > 0.0) {
        return Err(LmError::Prompt(format!(
            "min_p {} and repetition_penalty {}; expected min_p from 0 (off) to 1 and a penalty above 0 (1 is none)",
            s.min_p, s.repetition_penalty
        )));
    }
    Ok(())
}

/// Logits with the repetition penalty (arXiv 1909.05858: what was seen is divided by it where positive, else multiplied) and the bias.
fn change(logits: &[f32], penalty: f32, seen: &BTreeSet<u32>, bias: &[(u32, f32)], out: &mut Vec<f32>) {
    out.clear();
    out.extend_from_slice(logits);
    for &id in seen {
        let logit = &mut out[id as usize];
        *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
    }
    for &(id, by) in bias {
        out[id as usize] += by;
    }
}

pub(crate) fn describe(id: u32, logits: &[f32], normaliser: Normaliser, alternatives: usize) -> Draw {
    let mut best: Vec<(u32, f32)> = Vec::new();
    if alternatives > 0 {
        let likeliest = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        // A few are kept and the least of them replaced: most logits are looked at once and forgotten.
        for (i, &logit) in logits.iter().enumerate() {
            if best.len() < alternatives || best.last().is_some_and(|least| logit > least.1) {
                let new = (i as u32, logit);
                let place = best.partition_point(|kept| likeliest(kept, &new).is_lt());
                best.insert(place, new);
                best.truncate(alternatives);
            }
        }
        best.iter_mut().for_each(|(_, logit)| *logit -= normaliser.log_sum);
    }
    let logprob = logits[id as usize] - normaliser.log_sum;
    Draw { id, logprob, entropy: normaliser.entropy, alternatives: best }
}
