//! Rollouts, one thin loop per algorithm, optimizer, schedule, evaluation, recipes, events.
//!
//! Reading order: a recipe ([`recipe`]) starts a run ([`run`]); each algorithm is one loop (`grpo` for its whole family, `sft`,
//! `dpo`, `kto`, `orpo`, `raft`, `reward_model`) over shared pieces: [`rollout`] draws answers, [`reward`] scores them, [`batch`]
//! packs them for the model, [`optimizer`] updates it, [`eval`] measures it, and every step leaves a [`StepRecord`] with a
//! [`Sink`].
//!
//! Never knows SQL, HTTP, the object store or the user interface: it emits events and bytes.
#![warn(missing_docs)]

mod alarms;
pub mod batch;
pub mod bench;
pub mod calibration;
mod checkpoint;
mod coefficients;
pub mod confidence;
pub mod constitution;
mod controllers;
mod critic;
mod cursor;
mod dpo;
mod dry_run;
mod error;
mod estimate;
pub mod eval;
mod exact;
mod grpo;
mod held_out;
mod kto;
mod looks;
mod objective;
pub mod optimizer;
mod orpo;
mod pairs;
mod parallel;
pub mod pretrain;
mod raft;
pub mod recipe;
mod refill;
pub mod reward;
mod reward_model;
pub mod rollout;
mod samples;
pub mod schedule;
pub mod scorer;
mod session;
mod sft;
mod sink;
pub mod state;

pub use alarms::Alarms;
pub use coefficients::Coefficients;
pub use controllers::Controllers;
pub use error::{Result, TrainError};
pub use held_out::Course;
pub use optimizer::AdamW;
pub use sink::{CheckpointBytes, Control, Outcome, Sink, StepRecord};

use clicker_dataset::{Comparison, World};
use clicker_wire::{Algorithm, Item, Recipe, Split};
use held_out::HeldOut;
use pairs::Pair;
use session::Session;
use std::collections::BTreeMap;

/// What a run starts from.
pub struct Start {
    /// GGUF bytes of the starting model (a checkpoint's master file).
    pub model: Vec<u8>,
    /// State of the last committed step, to go on from there.
    pub state: Option<Vec<u8>>,
    /// The JSONL that `data.preferences` of the recipe names.
    pub preferences: Option<Vec<u8>>,
    /// GGUF bytes of the reward models that the recipe's graders name, under those names.
    pub reward_models: BTreeMap<String, Vec<u8>>,
}

/// Run a recipe from its start (or its last committed step) to its end, blocking the calling thread. `control` is asked
/// before every step.
///
/// # Errors
/// An impossible recipe, a reward that fails its dry run, unreadable weights or state, numbers that diverge, or a sink
/// that fails.
pub fn run(recipe: &Recipe, start: &Start, sink: &mut dyn Sink, control: &dyn Fn() -> Control) -> Result<Outcome> {
    recipe::validate(recipe)?;
    if let (Some(named), None) = (&recipe.data.preferences, &start.preferences) {
        return Err(TrainError::Recipe(format!("data.preferences names {named}, but its rows were not brought along")));
    }
    let world = World::new(recipe.data.world_seed);
    let mut session = Session::open(recipe, start, &world)?;
    match recipe.algorithm {
        Algorithm::Grpo => {
            let items = items(&world, recipe, Split::Rl)?;
            session.compare_with(HeldOut::new(recipe, &items, world.items(Split::Eval)));
            grpo::run(&mut session, &items, sink, control)
        }
        Algorithm::Raft => {
            let items = items(&world, recipe, Split::Rl)?;
            raft::run(&mut session, &items, sink, control)
        }
        Algorithm::Dpo => {
            let pairs = pairs(&session, &comparisons(&world, recipe, start)?)?;
            dpo::run(&mut session, &pairs, sink, control)
        }
        Algorithm::Orpo => {
            let pairs = pairs(&session, &comparisons(&world, recipe, start)?)?;
            orpo::run(&mut session, &pairs, sink, control)
        }
        Algorithm::RewardModel => {
            let pairs = pairs(&session, &comparisons(&world, recipe, start)?)?;
            // People's comparisons have no held-out half that we could know of.
            let held_out = match start.preferences {
                Some(_) => Vec::new(),
                None => self::pairs(&session, &made(&world, recipe, Split::Eval)?)?,
            };
            reward_model::run(&mut session, &pairs, &held_out, sink, control)
        }
        Algorithm::Kto => {
            let judged = match &start.preferences {
                Some(bytes) => not_empty(clicker_dataset::comparisons::read_judgements(bytes)?)?,
                None => clicker_dataset::comparisons::judgements(&items(&world, recipe, Split::Rl)?, recipe.seed),
            };
            let votes = judged.iter().map(|j| kto::Vote::new(&session.language, j)).collect::<Result<Vec<_>>>()?;
            kto::run(&mut session, &votes, sink, control)
        }
        Algorithm::Sft => {
            let demonstrations = items(&world, recipe, Split::Sft)?
                .iter()
                .map(|item| {
                    let mut messages = item.messages.clone();
                    messages.push(world.demonstration(item));
                    let language = &session.language;
                    let mut chat = language.template.render(&language.tokenizer, &messages)?;
                    teach_last_turn_only(&mut chat);
                    Ok(chat)
                })
                .collect::<Result<Vec<_>>>()?;
            sft::run(&mut session, &demonstrations, sink, control)
        }
    }
}

/// What a run compares: the recipe's file, or pairs made from the questions that GRPO would ask.
fn comparisons(world: &World, recipe: &Recipe, start: &Start) -> Result<Vec<Comparison>> {
    match &start.preferences {
        Some(bytes) => not_empty(clicker_dataset::comparisons::read_comparisons(bytes)?),
        None => made(world, recipe, Split::Rl),
    }
}

fn made(world: &World, recipe: &Recipe, split: Split) -> Result<Vec<Comparison>> {
    not_empty(clicker_dataset::comparisons::comparisons(&items(world, recipe, split)?, recipe.seed))
}

fn not_empty<T>(rows: Vec<T>) -> Result<Vec<T>> {
    match rows.is_empty() {
        true => Err(TrainError::Recipe("data.preferences holds no rows that can be learnt from".into())),
        false => Ok(rows),
    }
}

fn pairs(session: &Session<'_>, rows: &[Comparison]) -> Result<Vec<Pair>> {
    rows.iter().map(|row| Pair::new(&session.language, row)).collect()
}

/// Earlier assistant turns of a demonstration are context, not lessons.
fn teach_last_turn_only(chat: &mut clicker_lm::RenderedChat) {
    let last_untaught = chat.loss_mask.iter().rposition(|taught| !taught).unwrap_or(0);
    chat.loss_mask[..last_untaught].fill(false);
}

fn items(world: &World, recipe: &Recipe, split: Split) -> Result<Vec<Item>> {
    let domains = &recipe.data.domains;
    let wanted = |i: &&Item| domains.is_empty() || domains.contains(&i.domain);
    let items: Vec<Item> = world.items(split).iter().filter(wanted).cloned().collect();
    if items.is_empty() {
        return Err(TrainError::Recipe(format!("data.domains {domains:?} holds no {split:?} items")));
    }
    Ok(items)
}
