//! Rollouts, one thin loop per algorithm, optimizer, schedule, evaluation, recipes, events.
//!
//! Reading order: a recipe ([`recipe`]) starts a run ([`run`]); each algorithm is one loop (`grpo` for its whole family, `sft`,
//! `dpo`, `kto`, `orpo`, `raft`, `reward_model`) over shared pieces: [`rollout`] draws answers, [`reward`] scores them, [`batch`]
//! packs them for the model, [`optimizer`] updates it, [`eval`] and [`suites`] measure it, and every step leaves a [`StepRecord`] with a
//! [`Sink`].
//!
//! Never knows SQL, HTTP, the object store or the user interface: it emits events and bytes.
#![warn(missing_docs)]

mod alarms;
pub mod batch;
pub mod bench;
pub mod calibration;
pub mod check;
mod checkpoint;
mod coefficients;
mod cold_start;
pub mod compare;
pub mod confidence;
pub mod constitution;
mod controllers;
mod critic;
mod curriculum;
mod cursor;
pub mod data;
mod dialogue;
mod dpo;
mod dry_run;
mod error;
mod estimate;
pub mod eval;
mod exact;
pub mod explain;
mod grpo;
mod held_out;
pub mod judging;
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
mod stated;
pub mod suites;

pub use alarms::Alarms;
pub use coefficients::Coefficients;
pub use controllers::Controllers;
pub use curriculum::Curriculum;
pub use error::{Result, TrainError};
pub use held_out::Course;
pub use optimizer::AdamW;
pub use sink::{CheckpointBytes, Control, Outcome, Sink, StepRecord};

use clicker_dataset::rows::Demonstration;
use clicker_dataset::{Comparison, World};
use clicker_lm::{Compute, RenderedChat};
use clicker_wire::{Algorithm, Message, Recipe, Split};
use cold_start::ColdStart;
use data::Data;
use held_out::HeldOut;
use pairs::Pair;
use rollout::Language;
use session::Session;
use std::collections::BTreeMap;

/// What a run starts from.
#[derive(Default)]
pub struct Start {
    /// GGUF bytes of the starting model (a checkpoint's master file).
    pub model: Vec<u8>,
    /// State of the last committed step, to go on from there.
    pub state: Option<Vec<u8>>,
    /// The JSONL that `data.file` of the recipe names.
    pub data: Option<Vec<u8>>,
    /// The JSONL that `data.preferences` of the recipe names.
    pub preferences: Option<Vec<u8>>,
    /// GGUF bytes of the reward models that the recipe's graders name, under those names: one, or all members of an ensemble.
    pub reward_models: BTreeMap<String, Vec<Vec<u8>>>,
    /// GGUF bytes (the file that browsers get) of the models that the reward's graders ask, under the names they give them.
    pub judges: BTreeMap<String, Vec<u8>>,
    /// Where models compute: the policy and what stands beside it. Judges are the browser's engine and stay on the processor.
    pub compute: Compute,
    /// Which of the world's questions the run may use; by default it trains on all training questions.
    pub view: View,
}

/// Which of the world's questions a run may use. A comparison sets it; whatever it is, the held-out questions are never trained
/// on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// What is measured while it trains.
    pub measured: MeasuredOn,
    /// At most so many questions of every training list; none means all.
    pub at_most: Option<u32>,
}

/// What is measured while a run trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MeasuredOn {
    /// The held-out questions.
    #[default]
    HeldOut,
    /// A part of the training questions, which is then held back from training: for choosing settings. The held-out questions
    /// do not exist for such a run.
    Validation,
}

impl View {
    /// The world as such a run sees it.
    #[must_use]
    pub fn of(self, world: World) -> World {
        let world = match self.measured {
            MeasuredOn::HeldOut => world,
            MeasuredOn::Validation => world.for_tuning(),
        };
        match self.at_most {
            None => world,
            Some(n) => world.at_most(n as usize),
        }
    }
}

/// Run a recipe from its start (or its last committed step) to its end, blocking the calling thread. `control` is asked
/// before every step.
///
/// # Errors
/// An impossible recipe, a reward that fails its dry run, unreadable weights or state, numbers that diverge, or a sink
/// that fails.
pub fn run(recipe: &Recipe, start: &Start, sink: &mut dyn Sink, control: &dyn Fn() -> Control) -> Result<Outcome> {
    run_in(&start.view.of(World::new(recipe.data.world_seed)), recipe, start, sink, control)
}

/// As [`run`], in a world that is given: what a test needs that changes the held-out questions and expects the same weights.
///
/// # Errors
/// As [`run`].
pub fn run_in(
    world: &World,
    recipe: &Recipe,
    start: &Start,
    sink: &mut dyn Sink,
    control: &dyn Fn() -> Control,
) -> Result<Outcome> {
    recipe::validate(recipe)?;
    let data = Data::open(recipe, start, world)?;
    let (model, figures) = match cold_start::make(recipe, start, world, control)? {
        ColdStart::Paused => return Ok(Outcome::Paused),
        ColdStart::Made { model, figures } => (Some(model), figures),
        ColdStart::None => Default::default(),
    };
    let mut session = Session::open(recipe, model.as_deref().unwrap_or(&start.model), start, world)?;
    session.begin_with(figures);
    data.fits_into(&session.language, session.policy.decoder().config().context)?;
    if session.is_fresh()
        && let Some(opening) = data.opening()
    {
        let refused = opening.refusal.is_some();
        session.open_with(opening);
        if refused {
            // The first record says why, before anything is drawn.
            session.next_step(sink)?;
        }
    }
    match recipe.algorithm {
        Algorithm::Grpo => {
            let items = data.questions()?;
            // Rows of one's own are of no kind that the world's held-out questions have.
            let held_out = HeldOut::new(recipe, &items, world.items(Split::Eval));
            if !held_out.is_empty() {
                session.compare_with(held_out);
            }
            grpo::run(&mut session, &items, sink, control)
        }
        Algorithm::Raft => {
            let items = data.questions()?;
            raft::run(&mut session, &items, sink, control)
        }
        Algorithm::Dpo => {
            let pairs = pairs(&session, &data.comparisons()?)?;
            dpo::run(&mut session, &pairs, sink, control)
        }
        Algorithm::Orpo => {
            let pairs = pairs(&session, &data.comparisons()?)?;
            orpo::run(&mut session, &pairs, sink, control)
        }
        Algorithm::RewardModel => {
            let pairs = pairs(&session, &data.comparisons()?)?;
            let held_out = self::pairs(&session, &data.held_out_comparisons()?)?;
            reward_model::run(&mut session, &pairs, &held_out, sink, control)
        }
        Algorithm::Kto => {
            let judged = data.judgements()?;
            let votes = judged.iter().map(|j| kto::Vote::new(&session.language, j)).collect::<Result<Vec<_>>>()?;
            kto::run(&mut session, &votes, sink, control)
        }
        Algorithm::Sft => {
            let language = &session.language;
            let mut shown = data.demonstrations()?;
            if let (Some(how), Some(items)) = (recipe.sft.stated_confidence, data.demonstrated()?) {
                let asked = data.questions()?;
                let told = stated::Told { items: &items, shown, asked: &asked };
                shown = stated::with_confidences(recipe, how, told, (&session.reference, language))?;
            }
            let demonstrations = match (&recipe.environment, data.demonstrated()?) {
                // The demonstrations before a run of dialogues (see `cold_start`).
                (Some(spec), Some(items)) => dialogue::shown(spec, recipe.seed, language, &items, shown)?,
                _ => shown.into_iter().map(|shown| single(language, shown)).collect::<Result<Vec<_>>>()?,
            };
            sft::run(&mut session, &demonstrations, sink, control)
        }
    }
}

fn pairs(session: &Session<'_>, rows: &[Comparison]) -> Result<Vec<Pair>> {
    rows.iter().map(|row| Pair::new(&session.language, row)).collect()
}

/// A demonstration of one answer.
fn single(language: &Language, shown: Demonstration) -> Result<RenderedChat> {
    let mut messages = shown.prompt;
    messages.push(Message::assistant(shown.answer));
    let mut chat = language.template.render(&language.tokenizer, &messages)?;
    teach_last_turn_only(&mut chat);
    Ok(chat)
}

/// Earlier assistant turns of a demonstration are context, not lessons.
fn teach_last_turn_only(chat: &mut RenderedChat) {
    let end = chat.loss_mask.iter().rposition(|taught| *taught).unwrap_or(0);
    let last_untaught = chat.loss_mask[..end].iter().rposition(|taught| !taught).unwrap_or(0);
    chat.loss_mask[..last_untaught].fill(false);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_answer_is_taught_whatever_stands_behind_it() {
        let taught = |mask: &[u8]| {
            let loss_mask: Vec<bool> = mask.iter().map(|m| *m == 1).collect();
            let mut chat = RenderedChat { ids: vec![0; mask.len()], loss_mask };
            teach_last_turn_only(&mut chat);
            chat.loss_mask.iter().map(|m| u8::from(*m)).collect::<Vec<_>>()
        };
        assert_eq!(taught(&[0, 1, 1, 0, 0, 1, 1]), [0, 0, 0, 0, 0, 1, 1]);
        // ChatML ends a turn with a line break that nobody is taught.
        assert_eq!(taught(&[0, 1, 1, 0, 0, 1, 1, 0]), [0, 0, 0, 0, 0, 1, 1, 0]);
        assert_eq!(taught(&[0, 0]), [0, 0]);
        assert_eq!(taught(&[1, 1]), [1, 1]);
    }
}
