//! Whole runs on a tiny untrained model: resumed equals uninterrupted bit for bit, and frozen models stay frozen.

use clicker_lm::weights::{Encoding, export};
use clicker_train::pretrain::{PretrainSpec, pretrain};
use clicker_train::{Control, Outcome, Sink, Start, StepRecord, run};
use clicker_wire::{Algorithm, Event, Grader, Recipe, RewardConfig, WeightedGrader};
use std::cell::Cell;
use std::sync::OnceLock;

#[derive(Default)]
struct Memory(Vec<StepRecord>);

impl Sink for Memory {
    fn commit(&mut self, record: StepRecord) -> Result<(), String> {
        self.0.push(record);
        Ok(())
    }
}

/// A model that has seen a few batches: enough to answer in words.
fn model() -> &'static [u8] {
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

fn recipe(algorithm: Algorithm) -> Recipe {
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
    recipe
}

fn play(recipe: &Recipe, state: Option<Vec<u8>>, steps: u32) -> Vec<StepRecord> {
    let mut sink = Memory::default();
    let asked = Cell::new(0);
    let control = || {
        asked.set(asked.get() + 1);
        if asked.get() > steps { Control::Pause } else { Control::Continue }
    };
    let outcome =
        run(recipe, &Start { model: model().to_vec(), state, preferences: None }, &mut sink, &control).unwrap();
    let done = sink.0.last().is_some_and(|r| r.step == recipe.steps);
    assert_eq!(outcome, if done { Outcome::Finished } else { Outcome::Paused });
    sink.0
}

/// Events without the wall-clock figures.
fn story(records: &[StepRecord]) -> Vec<String> {
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

#[test]
fn a_resumed_run_is_bit_equal_to_an_uninterrupted_one() {
    for algorithm in [Algorithm::Grpo, Algorithm::Sft] {
        let recipe = recipe(algorithm);
        let whole = play(&recipe, None, u32::MAX);
        assert_eq!(whole.iter().map(|r| r.step).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        let mut parts = play(&recipe, None, 2);
        let state = parts.last().unwrap().state.clone();
        parts.extend(play(&recipe, Some(state), u32::MAX));
        assert_eq!(story(&parts), story(&whole));
        for (a, b) in parts.iter().zip(&whole) {
            assert_eq!(a.state, b.state, "state after step {}", a.step);
            assert_eq!(a.checkpoint.as_ref().map(|c| &c.master), b.checkpoint.as_ref().map(|c| &c.master));
        }
        assert!(whole[2].checkpoint.is_some() && whole[3].checkpoint.is_none() && whole[4].checkpoint.is_some());
    }
}

#[test]
fn a_state_of_another_recipe_is_refused() {
    let recipe = recipe(Algorithm::Sft);
    let state = play(&recipe, None, 1).pop().unwrap().state;
    let other = Recipe { seed: 6, ..recipe };
    let start = Start { model: model().to_vec(), state: Some(state), preferences: None };
    let error = run(&other, &start, &mut Memory::default(), &|| Control::Continue).unwrap_err();
    assert!(error.to_string().contains("another recipe"), "{error}");
}

#[test]
fn the_sampler_and_the_trainer_agree_and_the_reference_stays_behind() {
    let mut recipe = recipe(Algorithm::Grpo);
    recipe.grpo.num_iterations = 1;
    recipe.grpo.beta = 0.05;
    let records = play(&recipe, None, u32::MAX);
    let values = |step: usize| match &records[step].events[0] {
        Event::Metrics { values, .. } => values.clone(),
        other => panic!("{other:?}"),
    };
    for step in 1..=4 {
        assert!(values(step)["sampling/sampling_logp_difference/max"] < 1e-4, "{:?}", values(step));
        assert_eq!(values(step)["clip_ratio/region_mean"], 0.0, "one update per batch never clips");
    }
    assert!(values(1)["kl"].abs() < 1e-9, "before the first update policy and reference are the same");
    assert!(values(4)["kl"] > 0.0, "the reference does not follow the policy");
}

#[test]
fn a_sink_that_fails_stops_the_run() {
    struct Full;
    impl Sink for Full {
        fn commit(&mut self, _: StepRecord) -> Result<(), String> {
            Err("the disk is full".into())
        }
    }
    let start = Start { model: model().to_vec(), state: None, preferences: None };
    let error = run(&recipe(Algorithm::Sft), &start, &mut Full, &|| Control::Continue).unwrap_err().to_string();
    assert!(error.contains("disk is full") && error.contains("step 0"), "{error}");
}
