//! What every training loop shares: the model being trained, its optimizer, where the run stands, and how a step becomes
//! durable. Never knows an algorithm.

use crate::checkpoint::checkpoint_bytes;
use crate::controllers::Controllers;
use crate::critic::{self, Critic};
use crate::dialogue::Dialogues;
use crate::dry_run::Opening;
use crate::eval::{EvalOptions, evaluate, spread};
use crate::held_out::HeldOut;
use crate::looks::looks;
use crate::reward::Scored;
use crate::rollout::{Group, Language};
use crate::scorer::Scorers;
use crate::state::{self, Beside, Place};
use crate::{AdamW, Result, Sink, Start, StepRecord, TrainError, schedule};
use candle_core::Tensor;
use clicker_dataset::World;
use clicker_lm::lora::Adapter;
use clicker_lm::weights::WeightTensor;
use clicker_lm::{LoadedModel, PassMemory, Policy, PolicySnapshot, Precision};
use clicker_rewards::votes;
use clicker_wire::{AdvantageEstimator, Algorithm, Dtype, Event, GrpoSpec, Item, Recipe, Split};
use std::collections::BTreeMap;
use std::time::Instant;

/// Name to value, one step.
pub(crate) type Metrics = BTreeMap<String, f64>;

/// A run in progress.
pub(crate) struct Session<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) language: Language,
    pub(crate) policy: Policy,
    /// The weights that the run started from, or what a recipe lets follow the policy.
    pub(crate) reference: PolicySnapshot,
    pub(crate) place: Place,
    /// The reward models that the reward names.
    pub(crate) scorers: Scorers,
    /// PPO's value network.
    pub(crate) critic: Option<Critic>,
    /// Members of an ensemble of reward models behind the first, which is the policy.
    pub(crate) members: Vec<Critic>,
    optimizer: AdamW,
    eval_items: Vec<Item>,
    /// What the reward is compared on while it trains; none without a reward.
    held_out: Option<HeldOut>,
    fresh: bool,
    /// What the first record says before anything else, and why nothing may follow it.
    opening: Option<Opening>,
    /// Figures of what came before the first step.
    before: Metrics,
}

impl<'a> Session<'a> {
    /// Load what the run starts or goes on from: `model` is a GGUF file, a state goes before it.
    pub(crate) fn open(recipe: &'a Recipe, model: &[u8], start: &Start, world: &World) -> Result<Self> {
        let model = LoadedModel::from_gguf(model, Precision::Full)?.on(&start.compute)?;
        let language = Language::of(&model)?;
        let mut reference = frozen(recipe, model.snapshot.clone())?;
        let mut policy = match recipe.algorithm {
            // A head that was trained to predict text scores far from 0.
            Algorithm::RewardModel => {
                critic::without_scores(&model.snapshot, critic::score_token(&language.tokenizer))?
            }
            _ => match &recipe.lora {
                Some(spec) => {
                    let adapter = Adapter::new(spec, &model.config, recipe.seed)?;
                    Policy::adapted(&model.config, reference.weights(), &adapter)?
                }
                None => Policy::new(&model.config, model.snapshot.weights())?,
            },
        };
        policy = policy.keeping(kept(recipe));
        let network = || -> Result<Critic> {
            Ok(Critic::new(&recipe.optim, &model.snapshot, &language.tokenizer)?.keeping(kept(recipe)))
        };
        let guesses = recipe.algorithm == Algorithm::Grpo && recipe.grpo.advantage == AdvantageEstimator::Gae;
        let mut critic = match guesses {
            true => Some(network()?),
            false => None,
        };
        let further = match recipe.algorithm {
            Algorithm::RewardModel => recipe.reward_model.ensemble.saturating_sub(1),
            _ => 0,
        };
        let mut members = (0..further).map(|_| network()).collect::<Result<Vec<_>>>()?;
        if let Some(bytes) = &start.state {
            state::restore_members(recipe, bytes, &mut members)?;
            if let Some(critic) = &mut critic {
                state::restore_critic(recipe, bytes, critic)?;
            }
        }
        let (place, optimizer) = match &start.state {
            Some(bytes) => {
                if let Some(moved) = state::reference(bytes, &model.config)? {
                    reference = frozen(recipe, moved.on(&start.compute)?)?;
                }
                state::restore(recipe, bytes, &mut policy)?
            }
            None => (
                Place { controllers: Controllers::start(&recipe.reward), ..Place::default() },
                AdamW::of(&recipe.optim, &policy)?,
            ),
        };
        Ok(Self {
            recipe,
            language,
            policy,
            reference,
            critic,
            members,
            place,
            scorers: if recipe.algorithm.samples() {
                Scorers::new(&recipe.reward, &start.reward_models, &start.judges)?.on(&start.compute)?
            } else {
                Scorers::default()
            },
            optimizer,
            eval_items: spread(world.items(Split::Eval), recipe.eval.items as usize),
            held_out: None,
            fresh: start.state.is_none(),
            opening: None,
            before: Metrics::new(),
        })
    }

    /// Compare the reward with held-out questions at every measurement.
    pub(crate) fn compare_with(&mut self, held_out: HeldOut) {
        self.held_out = Some(held_out);
    }

    /// The model being trained does not answer (it scores): nothing is asked of it when measuring.
    pub(crate) fn never_asks(&mut self) {
        self.eval_items.clear();
    }

    /// Whether nothing has been recorded yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// What the first record is to say, behind what it says already.
    pub(crate) fn open_with(&mut self, opening: Opening) {
        let said = self.opening.get_or_insert_default();
        said.events.extend(opening.events);
        if said.refusal.is_none() {
            said.refusal = opening.refusal;
        }
    }

    /// Figures of what came before the first step, for the first record.
    pub(crate) fn begin_with(&mut self, figures: Metrics) {
        self.before = figures;
    }

    /// Steps that are still to do, the first record first.
    pub(crate) fn next_step(&mut self, sink: &mut dyn Sink) -> Result<Option<u32>> {
        if self.fresh {
            self.fresh = false;
            let (mut events, refusal) = self.opening.take().map_or_else(Default::default, |o| (o.events, o.refusal));
            if let Some(refusal) = refusal {
                self.commit(sink, events, Publish::WhenDue)?;
                return Err(refusal);
            }
            let mut metrics = std::mem::take(&mut self.before);
            let measured = self.measure(0, &mut metrics)?;
            if !metrics.is_empty() {
                events.push(Event::Metrics { step: 0, values: metrics });
            }
            events.extend(measured);
            self.commit(sink, events, Publish::WhenDue)?;
        }
        Ok((self.place.step < self.recipe.steps).then_some(self.place.step + 1))
    }

    /// After a step's answers are rewarded: the controllers move, and what the answers look like is noted.
    pub(crate) fn observe(&mut self, step: u32, groups: &[Group], scored: &Scored) -> Metrics {
        let config = &self.recipe.reward;
        if self.held_out.is_some() {
            HeldOut::book(config, self.scorers.outside(), &mut self.place.course, groups, scored);
        }
        let mut metrics = looks(groups);
        metrics.extend(self.place.controllers.advance(step, config, &scored.rewards));
        metrics
    }

    /// One optimizer update from gradients in the order of the policy's parameters.
    pub(crate) fn update(&mut self, step: u32, gradients: &[Option<Tensor>], learning_rate: f64) -> Result<f64> {
        let norm = self.optimizer.step(self.policy.parameters(), gradients, learning_rate)?;
        finite(step, "the gradient's norm", norm)?;
        self.policy.updated()?;
        Ok(norm)
    }

    /// Check a loss, update once, note both; where a number is not finite, rescue what can be rescued.
    ///
    /// # Errors
    /// Numbers that are not finite; a sink that fails.
    pub(crate) fn learn(
        &mut self,
        sink: &mut dyn Sink,
        step: u32,
        metrics: &mut Metrics,
        loss: f64,
        gradients: &[Option<Tensor>],
    ) -> Result<()> {
        let learning_rate = schedule::learning_rate(&self.recipe.optim, step, self.recipe.steps);
        let update = finite(step, LOSS, loss).and_then(|_| self.update(step, gradients, learning_rate));
        match update {
            Ok(norm) => {
                let named = [("loss", loss), ("grad_norm", norm), ("learning_rate", learning_rate)];
                metrics.extend(named.map(|(name, value)| (name.to_owned(), value)));
                Ok(())
            }
            Err(error) => Err(self.rescue(sink, std::mem::take(metrics), error)),
        }
    }

    /// After a step: the reference takes a share of the policy, where the recipe says so and it is due.
    pub(crate) fn refresh_reference(&mut self, step: u32, spec: &GrpoSpec) -> Result<()> {
        if !due(step, spec.ref_model_sync_steps) {
            return Ok(());
        }
        let share = spec.ref_model_mixup_alpha.unwrap_or(MIXUP);
        let mut mixed = self.reference.weights().beside();
        let policy = self.policy.snapshot()?;
        for (name, _) in policy.decoder().config().tensor_shapes() {
            let (old, new) = (self.reference.weights().get(&name)?, policy.weights().get(&name)?);
            let new = clicker_rl::control::mixed(&old.to_dense()?, &new.to_dense()?, share)?;
            mixed.insert(name, WeightTensor::Dense(new));
        }
        let mixed = PolicySnapshot::new(self.policy.decoder().config(), mixed, self.policy.version())?;
        self.reference = frozen(self.recipe, mixed)?;
        Ok(())
    }

    /// One update of the value network.
    pub(crate) fn update_critic(&mut self, step: u32, gradients: &[Option<Tensor>], learning_rate: f64) -> Result<()> {
        let Some(critic) = &mut self.critic else { return Ok(()) };
        let norm = critic.optimizer.step(critic.policy.parameters(), gradients, learning_rate)?;
        finite(step, "the norm of the value network's gradient", norm)?;
        critic.policy.updated()?;
        Ok(())
    }

    /// One update of a further member of an ensemble; its gradient's norm.
    pub(crate) fn update_member(&mut self, step: u32, k: usize, gradients: &[Option<Tensor>]) -> Result<f64> {
        let learning_rate = schedule::learning_rate(&self.recipe.optim, step, self.recipe.steps);
        let Some(member) = self.members.get_mut(k) else { return Ok(0.0) };
        let norm = member.optimizer.step(member.policy.parameters(), gradients, learning_rate)?;
        finite(step, "the norm of a member's gradient", norm)?;
        member.policy.updated()?;
        Ok(norm)
    }

    /// A number is not finite: the step is recorded without its update, and the error that ends the run comes back. Weights
    /// that are still sound are published; others never are, so that the newest checkpoint is a good one.
    pub(crate) fn rescue(&mut self, sink: &mut dyn Sink, metrics: Metrics, error: TrainError) -> TrainError {
        let TrainError::Diverged { step, what, value } = error else { return error };
        self.place.step = step;
        let metrics: Metrics = metrics.into_iter().filter(|(_, value)| value.is_finite()).collect();
        let (publish, kept) = if what != LOSS && self.is_sound().unwrap_or(false) {
            (Publish::Now, "this step's checkpoint holds the weights before it")
        } else {
            (Publish::Never, "the weights are broken already, the newest checkpoint is the last good one")
        };
        let alarm = Event::Alarm {
            step,
            name: "diverged".into(),
            cause: format!("{what} is {value}; the run ends, {kept}"),
            remedy: "Lower the learning rate or raise beta, and start again from that checkpoint.".into(),
        };
        match self.commit(sink, vec![Event::Metrics { step, values: metrics }, alarm], publish) {
            Ok(()) => TrainError::Diverged { step, what, value },
            Err(sink) => sink,
        }
    }

    /// Whether all weights that would be published are anywhere near those of the start: training moves their norm by percents.
    fn is_sound(&self) -> Result<bool> {
        let most = 3.0 * norm(&self.reference)?;
        let policies = std::iter::once(&self.policy).chain(self.members.iter().map(|member| &member.policy));
        for policy in policies {
            // What is no number is not below it either.
            let sound = norm(&policy.snapshot()?)? < most;
            if !sound {
                return Ok(false);
            }
        }
        Ok(true)
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
        if last || due(step, self.recipe.eval.every) {
            events.extend(self.measure(step, &mut metrics)?);
            if self.recipe.reward.adaptive.rules.iter().any(|rule| rule.signal.starts_with(votes::SIGNALS)) {
                metrics.extend(sink.heard().map_err(|reason| TrainError::Sink { step, reason })?);
            }
        }
        let changes = self.place.controllers.adapt(step, &self.recipe.reward, &metrics);
        if !changes.is_empty() {
            events.push(Event::Weights { step, changes });
        }
        events.insert(0, Event::Metrics { step, values: metrics });
        self.commit(sink, events, Publish::WhenDue)
    }

    fn commit(&self, sink: &mut dyn Sink, events: Vec<Event>, publish: Publish) -> Result<()> {
        let step = self.place.step;
        let due = step > 0 && (step == self.recipe.steps || due(step, self.recipe.checkpoint.every));
        let publish = match publish {
            Publish::WhenDue => due,
            Publish::Now => true,
            Publish::Never => false,
        };
        let checkpoint = publish.then(|| checkpoint_bytes(&self.policy, &self.members, &self.language)).transpose()?;
        // A reference that never moves is the starting model, which whoever resumes has, unless the run made it itself.
        let own = self.recipe.grpo.ref_model_sync_steps > 0 || self.recipe.cold_start.is_some();
        let moved = own.then_some(&self.reference);
        let beside = Beside { reference: moved, critic: self.critic.as_ref(), members: &self.members };
        let state = state::save(self.recipe, &self.place, &self.policy, &self.optimizer, beside)?;
        sink.commit(StepRecord { step, events, state, checkpoint }).map_err(|reason| TrainError::Sink { step, reason })
    }

    /// Ask the held-out questions; figures of the reward go to `metrics`.
    fn measure(&mut self, step: u32, metrics: &mut Metrics) -> Result<Vec<Event>> {
        if self.eval_items.is_empty() {
            return Ok(Vec::new());
        }
        let policy = self.policy.snapshot()?;
        let report = evaluate(&policy, &self.language, &self.eval_items, &EvalOptions::quick("held-out"))?;
        let mut events = vec![Event::Eval { step, report }];
        if let Some(spec) = self.recipe.environment.as_ref().filter(|_| self.recipe.algorithm.samples()) {
            let domains = &self.recipe.data.domains;
            let asked = self.eval_items.iter().filter(|item| domains.is_empty() || domains.contains(&item.domain));
            let asked: Vec<Item> = asked.cloned().collect();
            let dialogues = Dialogues::new(spec, &asked, self.recipe.seed);
            metrics.extend(dialogues.measure((&policy, &self.language), &self.recipe.rollout.sampling)?);
        }
        if let Some(held_out) = &self.held_out {
            let Place { course, alarms, .. } = &mut self.place;
            let models = (&policy, &self.reference);
            let (figures, raised) = held_out.measure(
                (&self.recipe.reward, self.scorers.outside()),
                course,
                alarms,
                step,
                models,
                &self.language,
            )?;
            metrics.extend(figures);
            events.extend(raised);
        }
        Ok(events)
    }
}

/// What passes keep until they are gone back.
fn kept(recipe: &Recipe) -> PassMemory {
    PassMemory { inputs_only: recipe.memory.gradient_checkpointing, texts: recipe.memory.micro_batch as usize }
}

/// A model that is not trained, stored as the recipe says.
fn frozen(recipe: &Recipe, model: PolicySnapshot) -> Result<PolicySnapshot> {
    match recipe.memory.frozen_dtype {
        Dtype::F32 => Ok(model),
        Dtype::Bf16 => {
            let config = model.decoder().config();
            Ok(PolicySnapshot::new(config, model.weights().halved(config)?, model.version())?)
        }
    }
}

/// Share of the policy in a refreshed reference where the recipe names none (arXiv 2404.09656).
const MIXUP: f64 = 0.6;

/// Whether a record publishes its weights.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Publish {
    /// As the recipe says.
    WhenDue,
    /// In any case.
    Now,
    /// In no case.
    Never,
}

/// Root of the sum of all squared weights.
fn norm(model: &PolicySnapshot) -> Result<f64> {
    let mut sum = 0.0;
    for (name, _) in model.decoder().config().tensor_shapes() {
        let values = model.weights().get(&name)?.to_dense()?.flatten_all()?.to_vec1::<f32>()?;
        sum += values.into_iter().map(|x| f64::from(x) * f64::from(x)).sum::<f64>();
    }
    Ok(sum.sqrt())
}

/// What [`Session::rescue`] tells broken weights by.
pub(crate) const LOSS: &str = "the loss";

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
