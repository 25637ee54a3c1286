//! The demonstrations before the first drawn answer: a run of supervised fine-tuning within the run, whose last weights are
//! what the run starts from and is compared with.
//!
//! It leaves no state of its own. A run that is killed before its first record makes it again; from then on the reference in the
//! state is the model that came out. Never knows rewards.

use crate::session::Metrics;
use crate::{Control, Outcome, Result, Sink, Start, StepRecord, TrainError};
use clicker_dataset::World;
use clicker_wire::{
    Algorithm, CheckpointSpec, ColdStartSpec, EvalSpec, Event, OptimSpec, Recipe, RewardConfig, RolloutSpec, Schedule,
    SftSpec,
};

/// What came of it.
pub(crate) enum ColdStart {
    /// There is none, or it was made before.
    None,
    /// The person at the wheel said stop.
    Paused,
    /// The weights, as a GGUF file, and the figures of the first and last update.
    Made { model: Vec<u8>, figures: Metrics },
}

/// What is wrong with a recipe's cold start.
pub(crate) fn complaint(recipe: &Recipe) -> Option<String> {
    let ColdStartSpec { steps, batch, learning_rate, .. } = recipe.cold_start.as_ref()?;
    if !recipe.algorithm.samples() {
        return Some("[cold_start] has no effect with an algorithm that draws no answers; leave it out".into());
    }
    if recipe.lora.is_some() {
        return Some(
            "[cold_start] changes the weights that an adapter belongs to, and nobody else would have them; train the demonstrations \
             as a run of their own and start from its checkpoint"
                .into(),
        );
    }
    if recipe.data.file.is_some() {
        return Some(
            "[cold_start] shows the world's demonstrations, which have nothing to do with data.file; leave one of them out".into(),
        );
    }
    let fits = (1..=100_000).contains(steps) && (1..=65_536).contains(batch) && *learning_rate > 0.0;
    (!fits || !learning_rate.is_finite()).then(|| {
        format!(
            "cold_start.steps, batch and learning_rate are {steps}, {batch} and {learning_rate}; expected 1 to 100000, 1 to 65536, \
             and a number above 0"
        )
    })
}

/// Make it, where the recipe has one and the run is at its beginning.
pub(crate) fn make(recipe: &Recipe, start: &Start, world: &World, control: &dyn Fn() -> Control) -> Result<ColdStart> {
    let Some(spec) = recipe.cold_start.as_ref().filter(|_| start.state.is_none()) else { return Ok(ColdStart::None) };
    let demonstrations = Recipe {
        algorithm: Algorithm::Sft,
        steps: spec.steps,
        sft: SftSpec { batch: spec.batch, stated_confidence: spec.stated_confidence },
        optim: OptimSpec {
            learning_rate: spec.learning_rate,
            warmup_steps: WARMUP,
            schedule: Schedule::Constant,
            ..recipe.optim.clone()
        },
        // Dialogues are demonstrated as dialogues. Nobody looks at it on the way.
        eval: EvalSpec { every: 0, items: 1 },
        checkpoint: CheckpointSpec { every: 0 },
        cold_start: None,
        constitution: None,
        reward: RewardConfig::default(),
        rollout: RolloutSpec::default(),
        ..recipe.clone()
    };
    let mut keep = Keep::default();
    let model = Start { model: start.model.clone(), compute: start.compute.clone(), ..Start::default() };
    if crate::run_in(world, &demonstrations, &model, &mut keep, control)? == Outcome::Paused {
        return Ok(ColdStart::Paused);
    }
    let model = keep.model.ok_or_else(|| TrainError::Recipe("the cold start left no weights".into()))?;
    let mut figures = Metrics::new();
    for (name, loss) in [("cold_start/first_loss", keep.first), ("cold_start/last_loss", keep.last)] {
        figures.extend(loss.map(|loss| (name.to_owned(), loss)));
    }
    Ok(ColdStart::Made { model, figures })
}

/// Steps in which the learning rate rises.
const WARMUP: u32 = 5;

/// Keeps the last weights and the first and last loss, in memory.
#[derive(Default)]
struct Keep {
    model: Option<Vec<u8>>,
    first: Option<f64>,
    last: Option<f64>,
}

impl Sink for Keep {
    fn commit(&mut self, record: StepRecord) -> std::result::Result<(), String> {
        for event in &record.events {
            if let Event::Metrics { values, .. } = event
                && let Some(loss) = values.get("loss")
            {
                self.first.get_or_insert(*loss);
                self.last = Some(*loss);
            }
        }
        if let Some(checkpoint) = record.checkpoint {
            self.model = Some(checkpoint.master);
        }
        Ok(())
    }
}
