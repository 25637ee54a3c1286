//! Whole runs on a tiny untrained model: resumed equals uninterrupted bit for bit, and frozen models stay frozen.

use crate::tiny::{Memory, figures, model, play, recipe, story};
use clicker_train::{Control, Sink, Start, StepRecord, run};
use clicker_wire::{Algorithm, CurriculumSpec, Event, Recipe};

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
fn a_resumed_curriculum_goes_on_where_it_was() {
    let mut recipe = recipe(Algorithm::Grpo);
    recipe.curriculum = Some(CurriculumSpec { too_easy: 1.0, too_hard: 0.0, rest: 3 });
    recipe.data.domains = vec![clicker_wire::Domain::Rules];
    recipe.rollout.prompts = 60;
    let whole = play(&recipe, None, u32::MAX);
    let skipped: f64 = whole[1..].iter().map(|r| figures(r)["curriculum/skipped"]).sum();
    assert!(skipped > 0.0, "a model that knows nothing fails often enough to let questions rest");
    for stop in [0, 1, 3] {
        let mut parts = play(&recipe, None, stop);
        let state = parts.last().unwrap().state.clone();
        parts.extend(play(&recipe, Some(state), u32::MAX));
        assert_eq!(story(&parts), story(&whole), "stopped after step {stop}");
    }
}

#[test]
fn a_state_of_another_recipe_is_refused() {
    let recipe = recipe(Algorithm::Sft);
    let state = play(&recipe, None, 1).pop().unwrap().state;
    let other = Recipe { seed: 6, ..recipe };
    let start = Start { model: model().to_vec(), state: Some(state), ..Start::default() };
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
    let start = Start { model: model().to_vec(), ..Start::default() };
    let error = run(&recipe(Algorithm::Sft), &start, &mut Full, &|| Control::Continue).unwrap_err().to_string();
    assert!(error.contains("disk is full") && error.contains("step 0"), "{error}");
}
