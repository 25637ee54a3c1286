//! Rollouts, one thin loop per algorithm, optimizer, schedule, evaluation, recipes, events.
//!
//! Reading order: a recipe ([`recipe`]) starts a run ([`run`]); each algorithm is one loop (`grpo`, `sft`) over shared
//! pieces: [`rollout`] draws answers, [`reward`] scores them, [`batch`] packs them for the model, [`optimizer`] updates it,
//! [`eval`] measures it, and every step leaves a [`StepRecord`] with a [`Sink`].
//!
//! Never knows SQL, HTTP, the object store or the user interface: it emits events and bytes.
#![warn(missing_docs)]

mod alarms;
pub mod batch;
pub mod bench;
mod checkpoint;
pub mod constitution;
mod cursor;
mod error;
pub mod eval;
mod grpo;
pub mod optimizer;
mod parallel;
pub mod pretrain;
pub mod recipe;
pub mod reward;
pub mod rollout;
mod samples;
pub mod schedule;
mod session;
mod sft;
mod sink;
pub mod state;

pub use alarms::Alarms;
pub use checkpoint::checkpoint_bytes;
pub use error::{Result, TrainError};
pub use optimizer::AdamW;
pub use sink::{CheckpointBytes, Control, Outcome, Sink, StepRecord};

use clicker_dataset::World;
use clicker_wire::{Algorithm, Item, Recipe, Split};
use session::Session;

/// What a run starts from.
pub struct Start {
    /// GGUF bytes of the starting model (a checkpoint's master file).
    pub model: Vec<u8>,
    /// State of the last committed step, to go on from there.
    pub state: Option<Vec<u8>>,
}

/// Run a recipe from its start (or its last committed step) to its end, blocking the calling thread. `control` is asked
/// before every step.
///
/// # Errors
/// An impossible recipe, unreadable weights or state, numbers that diverge, or a sink that fails.
pub fn run(recipe: &Recipe, start: &Start, sink: &mut dyn Sink, control: &dyn Fn() -> Control) -> Result<Outcome> {
    recipe::validate(recipe)?;
    let world = World::new(recipe.data.world_seed);
    let mut session = Session::open(recipe, start, &world)?;
    match recipe.algorithm {
        Algorithm::Grpo => {
            let items = items(&world, recipe, Split::Rl)?;
            grpo::run(&mut session, &items, sink, control)
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
