//! Numbers that stop being numbers: every loop ends with the cause, and publishes no weights that are broken.

use crate::tiny::{Memory, alarms, model, play, recipe};
use clicker_lm::{LoadedModel, Precision};
use clicker_train::{Control, Start, TrainError, run};
use clicker_wire::{Algorithm, Recipe};

#[test]
fn every_loop_ends_with_a_cause_and_a_sound_checkpoint() {
    use Algorithm as A;
    for algorithm in [A::Sft, A::Grpo, A::Raft, A::Dpo, A::Kto, A::Orpo, A::RewardModel] {
        let mut recipe = Recipe { algorithm, ..recipe(A::Grpo) };
        recipe.raft.accept_above = -1.0;
        recipe.optim.learning_rate = 1e37;
        recipe.optim.warmup_steps = 0;
        recipe.checkpoint.every = 1;
        recipe.eval.every = 0;
        recipe.eval.items = 2;
        recipe.steps = 9;
        let mut sink = Memory::default();
        let start = Start { model: model().to_vec(), ..Start::default() };
        let error = run(&recipe, &start, &mut sink, &|| Control::Continue).expect_err("diverges");
        let TrainError::Diverged { step, .. } = error else { panic!("{algorithm:?}: {error}") };
        assert_eq!(alarms(&sink.0).last().unwrap(), &(step, "diverged".to_owned()), "{algorithm:?}");
        assert!(sink.0.last().unwrap().checkpoint.is_none(), "{algorithm:?}: broken weights are not published");
        for record in &sink.0 {
            let Some(checkpoint) = &record.checkpoint else { continue };
            LoadedModel::from_gguf(&checkpoint.master, Precision::Full)
                .unwrap_or_else(|e| panic!("{algorithm:?}: {e}"));
        }
    }
}

/// The first model of an ensemble is sound, the second is not: neither is published.
#[test]
fn a_broken_member_of_an_ensemble_is_not_published() {
    let mut recipe = Recipe { algorithm: Algorithm::RewardModel, ..recipe(Algorithm::Grpo) };
    recipe.reward_model.ensemble = 2;
    recipe.checkpoint.every = 1;
    recipe.steps = 3;
    let mut state = play(&recipe, None, 1).last().unwrap().state.clone();
    let header = u64::from_le_bytes(state[..8].try_into().unwrap()) as usize;
    let named: serde_json::Value = serde_json::from_slice(&state[8..8 + header]).unwrap();
    let broken: Vec<[usize; 2]> = named
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| name.starts_with("member0/"))
        .map(|(_, tensor)| serde_json::from_value(tensor["data_offsets"].clone()).unwrap())
        .collect();
    assert!(!broken.is_empty());
    for [start, end] in broken {
        for value in state[8 + header + start..8 + header + end].as_chunks_mut::<4>().0 {
            *value = f32::NAN.to_le_bytes();
        }
    }
    let mut sink = Memory::default();
    let start = Start { model: model().to_vec(), state: Some(state), ..Start::default() };
    let error = run(&recipe, &start, &mut sink, &|| Control::Continue).expect_err("diverges");
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
    assert!(sink.0.iter().all(|record| record.checkpoint.is_none()));
}
