//! The path that cards take, computed by the processor, against the dense decoder: every figure of `clicker bench check`, and
//! whole runs. What runs on a card is this very path on another device.

use crate::tiny::{Memory, figures, model, play, recipe};
use clicker_lm::weights::WeightTensor;
use clicker_lm::{Compute, LoadedModel, PolicySnapshot, Precision};
use clicker_train::check::{check, families};
use clicker_train::{Control, Outcome, Start, StepRecord, run};
use clicker_wire::{
    AdvantageEstimator, Algorithm, Ensemble, EnvironmentSpec, Grader, LoraSpec, MemorySpec, Recipe, RewardConfig,
    WeightedGrader,
};

#[test]
fn every_figure_of_every_family_is_the_dense_decoders() {
    let mut all = families().unwrap();
    all.push(("tiny".into(), LoadedModel::from_gguf(model(), Precision::Full).unwrap()));
    let mut count = 0;
    for (name, model) in all {
        for compared in check(&name, &model, &Compute::portable_cpu()).unwrap() {
            // On the same processor an order of magnitude nearer than on a card.
            assert!(compared.gap <= compared.tolerance / 5.0, "{}: {:e}", compared.what, compared.gap);
            count += 1;
        }
    }
    assert!(count > 100, "{count} figures");
}

/// What would the check say of a decoder that computes something else? Here the difference is a weight.
#[test]
fn another_model_is_not_taken_for_the_same() {
    let (_, model) = families().unwrap().swap_remove(0);
    let mut weights = model.snapshot.weights().beside();
    for (name, _) in model.config.tensor_shapes() {
        let tensor = model.snapshot.weights().get(&name).unwrap().to_dense().unwrap();
        let by = if name.ends_with("layers.1.self_attn.k_proj.weight") { 1.01 } else { 1.0 };
        weights.insert(name, WeightTensor::Dense((tensor * by).unwrap()));
    }
    let other = PolicySnapshot::new(&model.config, weights, 0).unwrap().on(&Compute::portable_cpu()).unwrap();
    let there = LoadedModel { snapshot: other, ..model.clone() };
    let logits = |m: &LoadedModel| m.snapshot.last_logits(&[3, 1, 4, 1, 5, 9]).unwrap();
    let gap = logits(&model).iter().zip(logits(&there)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let size = logits(&model).iter().fold(0f32, |most, x| most.max(x.abs()));
    assert!(
        gap > 4e-5 * size,
        "a hundredth of one matrix moves logits by {gap:e} of {size}: the bound above would let it pass"
    );
}

fn play_there(recipe: &Recipe, state: Option<Vec<u8>>) -> Vec<StepRecord> {
    play_on(&Compute::portable_cpu(), recipe, state)
}

fn play_on(compute: &Compute, recipe: &Recipe, state: Option<Vec<u8>>) -> Vec<StepRecord> {
    let mut sink = Memory::default();
    let mut start = Start { model: model().to_vec(), state, compute: compute.clone(), ..Start::default() };
    start.reward_models.insert("rm".into(), vec![model().to_vec()]);
    assert_eq!(run(recipe, &start, &mut sink, &|| Control::Continue).unwrap(), Outcome::Finished);
    sink.0
}

/// Every loop and every network beside the policy runs there, and its first step is the dense decoder's.
#[test]
fn whole_runs_go_the_same_way() {
    use Algorithm::{Dpo, Grpo, Kto, Orpo, Raft, RewardModel, Sft};
    let mut all: Vec<(String, Recipe)> = [Sft, Grpo, Dpo, Kto, Orpo, Raft, RewardModel]
        .map(|a| (format!("{a:?}"), Recipe { algorithm: a, ..recipe(if a == Sft { Sft } else { Grpo }) }))
        .to_vec();
    let mut value = recipe(Grpo);
    value.grpo.advantage = AdvantageEstimator::Gae;
    let mut entropy = recipe(Grpo);
    (entropy.grpo.entropy_coef, entropy.grpo.beta, entropy.grpo.ref_model_sync_steps) = (0.01, 0.1, 2);
    let mut adapter = recipe(Grpo);
    adapter.lora = Some(LoraSpec { r: 4, ..LoraSpec::default() });
    adapter.memory = MemorySpec { micro_batch: 1, frozen_dtype: clicker_wire::Dtype::Bf16, ..MemorySpec::default() };
    let mut dialogues = recipe(Grpo);
    dialogues.environment = Some(EnvironmentSpec { turns: 3, ..EnvironmentSpec::default() });
    let mut scored = recipe(Grpo);
    let grader = Grader::RewardModel { checkpoints: vec!["rm".into()], ensemble: Ensemble::default() };
    scored.reward = RewardConfig::sum(vec![WeightedGrader { name: "rm".into(), weight: 1.0, grader }]);
    all.extend([("value network".into(), value), ("entropy".into(), entropy), ("adapter".into(), adapter)]);
    all.extend([("dialogues".into(), dialogues), ("a reward model".into(), scored)]);
    for (what, mut recipe) in all {
        recipe.raft.accept_above = -1.0;
        recipe.steps = 2;
        let (here, there) = (play_on(&Compute::cpu(), &recipe, None), play_there(&recipe, None));
        assert_eq!(here.len(), there.len(), "{what}");
        let (a, b) = (figures(&here[1]), figures(&there[1]));
        assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "{what}");
        for (name, tolerance) in [("loss", 1e-4), ("grad_norm", 2e-3)] {
            let gap = (a[name] - b[name]).abs() / a[name].abs().max(1.0);
            assert!(gap <= tolerance, "{what} {name}: {} and {}", a[name], b[name]);
        }
        if let Some(gap) = b.get("sampling/sampling_logp_difference/max") {
            // Keys and values were kept from token to token and from turn to turn, training computes the whole.
            assert!(*gap < 5e-5, "{what}: {gap:e}");
        }
    }
}

/// A state is of no device: a run that began on one goes on on the other.
#[test]
fn a_run_goes_on_elsewhere() {
    let recipe = recipe(Algorithm::Grpo);
    let begun = play(&recipe, None, 2);
    let state = begun.last().unwrap().state.clone();
    let rest = play_there(&recipe, Some(state.clone()));
    let stayed = play(&recipe, Some(state), u32::MAX);
    assert_eq!((rest.len(), rest.last().unwrap().step), (stayed.len(), recipe.steps));
    let (a, b) = (figures(&rest[0])["loss"], figures(&stayed[0])["loss"]);
    assert!((a - b).abs() < 1e-3, "{a} and {b}");
    // And back again, from the state that the other path wrote.
    let state = rest[0].state.clone();
    assert_eq!(play(&recipe, Some(state), u32::MAX).last().unwrap().step, recipe.steps);
}
