//! What costs less memory: blocks computed again give the very same run, frozen weights in bf16 give a run that resumes.

use crate::tiny::{figures, play, recipe, story};
use clicker_train::StepRecord;
use clicker_wire::{AdvantageEstimator, Algorithm, Dtype, LoraSpec, MemorySpec, Recipe};

fn spend(recipe: &Recipe, memory: MemorySpec) -> Recipe {
    Recipe { memory, ..recipe.clone() }
}

const PLAIN: MemorySpec =
    MemorySpec { gradient_checkpointing: false, micro_batch: 0, frozen_dtype: Dtype::F32, dtype: Dtype::F32 };
const AGAIN: MemorySpec = MemorySpec { gradient_checkpointing: true, ..PLAIN };
const HALF: MemorySpec = MemorySpec { frozen_dtype: Dtype::Bf16, ..PLAIN };

fn master(records: &[StepRecord]) -> &[u8] {
    &records.last().unwrap().checkpoint.as_ref().unwrap().master
}

#[test]
fn gradient_checkpointing_changes_no_bit_of_a_run() {
    let mut all: Vec<Recipe> = [Algorithm::Sft, Algorithm::Grpo, Algorithm::RewardModel]
        .map(|algorithm| Recipe { algorithm, ..recipe(algorithm) })
        .to_vec();
    let mut critic = recipe(Algorithm::Grpo);
    critic.grpo.advantage = AdvantageEstimator::Gae;
    let mut adapter = recipe(Algorithm::Grpo);
    adapter.lora = Some(LoraSpec { r: 4, ..LoraSpec::default() });
    all.extend([critic, adapter]);
    for recipe in all {
        let (plain, again) = (play(&recipe, None, u32::MAX), play(&spend(&recipe, AGAIN), None, u32::MAX));
        assert_eq!(story(&plain), story(&again), "{:?}", recipe.algorithm);
        assert!(master(&plain) == master(&again), "{:?}", recipe.algorithm);
    }
}

#[test]
fn a_batch_is_the_sum_of_its_micro_batches_in_every_loop() {
    use Algorithm::{Dpo, Grpo, Kto, Orpo, Raft, RewardModel, Sft};
    for algorithm in [Sft, Grpo, Dpo, Kto, Orpo, Raft, RewardModel] {
        let mut recipe = Recipe { algorithm, ..recipe(if algorithm == Sft { Sft } else { Grpo }) };
        recipe.raft.accept_above = -1.0;
        let whole = play(&recipe, None, u32::MAX);
        for inputs_only in [false, true] {
            let memory = MemorySpec { gradient_checkpointing: inputs_only, micro_batch: 1, ..PLAIN };
            let parts = play(&spend(&recipe, memory), None, u32::MAX);
            // Sums in another order: the first step differs in the last bits, later ones follow from it.
            for (name, tolerance) in [("loss", 1e-6), ("grad_norm", 1e-4)] {
                let (a, b) = (figures(&parts[1])[name], figures(&whole[1])[name]);
                assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{algorithm:?} {name}: {a} against {b}");
            }
            let (a, b) = (figures(parts.last().unwrap())["loss"], figures(whole.last().unwrap())["loss"]);
            assert!((a - b).abs() <= 1e-2 * b.abs().max(1.0), "{algorithm:?}: {a} against {b}");
        }
    }
}

#[test]
fn frozen_weights_in_bf16_train_and_resume() {
    let mut adapter = recipe(Algorithm::Grpo);
    adapter.lora = Some(LoraSpec { r: 4, ..LoraSpec::default() });
    adapter.grpo.beta = 0.1;
    let mut moving = recipe(Algorithm::Grpo);
    (moving.grpo.beta, moving.grpo.ref_model_sync_steps) = (0.1, 2);
    for (what, recipe) in [("adapter", adapter), ("reference that moves", moving)] {
        let half = spend(&recipe, HALF);
        let whole = play(&half, None, u32::MAX);
        let mut parts = play(&half, None, 2);
        let state = parts.last().unwrap().state.clone();
        parts.extend(play(&half, Some(state), u32::MAX));
        assert_eq!(story(&parts), story(&whole), "{what}");
        assert!(parts.iter().zip(&whole).all(|(a, b)| a.state == b.state), "{what}");
        let single = play(&recipe, None, u32::MAX);
        assert!(master(&whole) != master(&single), "{what}: rounding shows");
        // Eight bits of precision: the first steps look alike.
        let (a, b) = (figures(&whole[1])["grad_norm"], figures(&single[1])["grad_norm"]);
        assert!((a - b).abs() < 0.2 * b, "{what}: {a} and {b}");
    }
}
