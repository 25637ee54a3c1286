//! What every training loop shares: the model being trained, its optimizer, where the run stands, and how a step becomes
//! durable. Never knows an algorithm.

use crate::checkpoint::checkpoint_bytes;
use crate::eval::{EvalOptions, evaluate, spread};
use crate::rollout::Language;
use crate::state::{self, Place};
use crate::{AdamW, Result, Sink, Start, StepRecord, TrainError};
use candle_core::Tensor;
use clicker_dataset::World;
use clicker_lm::{LoadedModel, Policy, PolicySnapshot, Precision};
use clicker_wire::{Event, Item, Recipe, Split};
use std::collections::BTreeMap;
use std::time::Instant;

/// Name to value, one step.
pub(crate) type Metrics = BTreeMap<String, f64>;

/// A run in progress.
pub(crate) struct Session<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) language: Language,
    pub(crate) policy: Policy,
    /// The weights that the run started from.
    pub(crate) reference: PolicySnapshot,
    pub(crate) place: Place,
    optimizer: AdamW,
    eval_items: Vec<Item>,
    fresh: bool,
    /// Whether the model can be asked questions at all.
    answers: bool,
}

impl<'a> Session<'a> {
    /// Load what the run starts or goes on from.
    pub(crate) fn open(recipe: &'a Recipe, start: &Start, world: &World) -> Result<Self> {
        let model = LoadedModel::from_gguf(&start.model, Precision::Full)?;
        let language = Language::of(&model)?;
        let mut policy = Policy::new(&model.config, model.snapshot.weights())?;
        let (place, optimizer) = match &start.state {
            Some(bytes) => state::restore(recipe, bytes, &mut policy)?,
            None => (Place::default(), AdamW::new(&recipe.optim, policy.parameters())),
        };
        Ok(Self {
            recipe,
            language,
            policy,
            reference: model.snapshot,
            place,
            optimizer,
            eval_items: spread(world.items(Split::Eval), recipe.eval.items as usize),
            fresh: start.state.is_none(),
            answers: true,
        })
    }

    /// The model being trained does not answer (it scores): nothing is asked of it when measuring.
    pub(crate) fn never_asks(&mut self) {
        self.answers = false;
    }

    /// Steps that are still to do, the first record first.
    pub(crate) fn next_step(&mut self, sink: &mut dyn Sink) -> Result<Option<u32>> {
        if self.fresh {
            self.fresh = false;
            let events = if self.answers { vec![self.eval()?] } else { Vec::new() };
            self.commit(sink, events)?;
        }
        Ok((self.place.step < self.recipe.steps).then_some(self.place.step + 1))
    }

    /// One optimizer update from gradients in the order of the policy's parameters.
    pub(crate) fn update(&mut self, step: u32, gradients: &[Option<Tensor>], learning_rate: f64) -> Result<f64> {
        let norm = self.optimizer.step(self.policy.parameters(), gradients, learning_rate)?;
        self.policy.bump_version();
        finite(step, "the gradient's norm", norm)
    }

    /// Make a step durable: its metrics and events, a held-out measurement and a checkpoint where they are due.
    pub(crate) fn finish_step(
        &mut self,
        sink: &mut dyn Sink,
        mut metrics: Metrics,
        mut events: Vec<Event>,
        tokens: usize,
    ) -> Result<()> {
        self.place.step += 1;
        self.place.num_tokens += tokens as u64;
        let (step, last) = (self.place.step, self.place.step == self.recipe.steps);
        metrics.insert("num_tokens".into(), self.place.num_tokens as f64);
        events.insert(0, Event::Metrics { step, values: metrics });
        if self.answers && (last || due(step, self.recipe.eval.every)) {
            let eval = self.eval()?;
            events.push(eval);
        }
        self.commit(sink, events)
    }

    fn commit(&self, sink: &mut dyn Sink, events: Vec<Event>) -> Result<()> {
        let step = self.place.step;
        let publish = step > 0 && (step == self.recipe.steps || due(step, self.recipe.checkpoint.every));
        let checkpoint = publish.then(|| checkpoint_bytes(&self.policy.snapshot()?, &self.language)).transpose()?;
        let state = state::save(self.recipe, &self.place, &self.policy, &self.optimizer)?;
        sink.commit(StepRecord { step, events, state, checkpoint }).map_err(|reason| TrainError::Sink { step, reason })
    }

    fn eval(&self) -> Result<Event> {
        let report =
            evaluate(&self.policy.snapshot()?, &self.language, &self.eval_items, &EvalOptions::quick("held-out"))?;
        Ok(Event::Eval { step: self.place.step, report })
    }
}

/// Refuse a number that is not finite, naming it.
pub(crate) fn finite(step: u32, what: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() { Ok(value) } else { Err(TrainError::Diverged { step, what, value }) }
}

/// Adds up wall-clock seconds under names, for metrics; nothing that is trained depends on it.
pub(crate) struct Stopwatch {
    start: Instant,
    lap: Instant,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Self { start: now, lap: now }
    }

    /// Book the time since the last lap.
    pub(crate) fn lap(&mut self, metrics: &mut Metrics, name: &str) {
        *metrics.entry(name.to_owned()).or_default() += self.lap.elapsed().as_secs_f64();
        self.lap = Instant::now();
    }

    /// Book the time since the start.
    pub(crate) fn total(&self, metrics: &mut Metrics) {
        metrics.insert("step_time".into(), self.start.elapsed().as_secs_f64());
    }
}

fn due(step: u32, every: u32) -> bool {
    every > 0 && step.is_multiple_of(every)
}
