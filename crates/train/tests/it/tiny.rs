//! Whole runs on a tiny model that has seen a few batches.

use clicker_lm::weights::{Encoding, export};
use clicker_train::pretrain::{PretrainSpec, pretrain};
use clicker_train::{Control, Outcome, Sink, Start, StepRecord, run};
use clicker_wire::{Algorithm, Event, Grader, Recipe, RewardConfig, WeightedGrader};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::OnceLock;

#[derive(Default)]
pub(crate) struct Memory(pub(crate) Vec<StepRecord>);

impl Sink for Memory {
    fn commit(&mut self, record: StepRecord) -> Result<(), String> {
        self.0.push(record);
        Ok(())
    }
}

/// A model that has seen a few batches: enough to answer in words.
pub(crate) fn model() -> &'static [u8] {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    MODEL.get_or_init(|| {
        let spec = PretrainSpec {
            steps: 30,
            batch: 16,
            vocab: 400,
            tokenizer_documents: 500,
            shape: [32, 2, 2, 1, 64, 192],
            ..PretrainSpec::default()
        };
        let (snapshot, tokenizer) = pretrain(&spec, &mut |_| {}).unwrap();
        export(&snapshot, Some(&tokenizer), "tiny", Encoding::F32).unwrap()
    })
}

pub(crate) fn recipe(algorithm: Algorithm) -> Recipe {
    let name = if algorithm == Algorithm::Sft { "sft" } else { "grpo" };
    let mut recipe =
        clicker_train::recipe::from_toml(&format!("name = 'test'\nalgorithm = '{name}'\nsteps = 4\nseed = 5")).unwrap();
    // A model that knows nothing yet earns nothing for truth; answers of different lengths still differ in worth.
    let length = Grader::Length { free: 1, limit: 20 };
    recipe.reward = RewardConfig::sum(vec![WeightedGrader { name: "length".into(), weight: 1.0, grader: length }]);
    recipe.rollout.prompts = 3;
    recipe.rollout.group_size = 4;
    recipe.rollout.sampling.max_new_tokens = 6;
    recipe.sft.batch = 5;
    recipe.grpo.num_iterations = 2;
    recipe.optim.learning_rate = 1e-3;
    recipe.eval.items = 12;
    recipe.eval.every = 2;
    recipe.checkpoint.every = 2;
    recipe.dry_run.start_anyway = "the reward of this test is not about the truth".into();
    recipe
}

pub(crate) fn play(recipe: &Recipe, state: Option<Vec<u8>>, steps: u32) -> Vec<StepRecord> {
    let mut sink = Memory::default();
    let asked = Cell::new(0);
    let control = || {
        asked.set(asked.get() + 1);
        if asked.get() > steps { Control::Pause } else { Control::Continue }
    };
    let outcome =
        run(recipe, &Start { model: model().to_vec(), state, ..Start::default() }, &mut sink, &control).unwrap();
    let done = sink.0.last().is_some_and(|r| r.step == recipe.steps);
    assert_eq!(outcome, if done { Outcome::Finished } else { Outcome::Paused });
    sink.0
}

/// Events without the wall-clock figures.
pub(crate) fn story(records: &[StepRecord]) -> Vec<String> {
    records
        .iter()
        .flat_map(|r| &r.events)
        .map(|event| {
            let mut event = event.clone();
            if let Event::Metrics { values, .. } = &mut event {
                values.retain(|name, _| !name.starts_with("timing/") && name != "step_time");
            }
            serde_json::to_string(&event).unwrap()
        })
        .collect()
}

/// The figures of a step's record, empty if it has none.
pub(crate) fn figures(record: &StepRecord) -> BTreeMap<String, f64> {
    let values = record.events.iter().find_map(|event| match event {
        Event::Metrics { values, .. } => Some(values.clone()),
        _ => None,
    });
    values.unwrap_or_default()
}

/// The alarms of some records: names with their step.
pub(crate) fn alarms(records: &[StepRecord]) -> Vec<(u32, String)> {
    let all = records.iter().flat_map(|r| &r.events);
    all.filter_map(|event| match event {
        Event::Alarm { step, name, .. } => Some((*step, name.clone())),
        _ => None,
    })
    .collect()
}
