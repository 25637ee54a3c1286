//! Runs that train an adapter: they resume bit for bit, leave the base alone, and publish what PEFT can read.

use crate::tiny::{figures, model, play, recipe, story};
use clicker_lm::weights::{Encoding, export, peft};
use clicker_lm::{LoadedModel, PolicySnapshot, Precision};
use clicker_train::recipe::from_toml;
use clicker_wire::{Algorithm, LoraSpec, Recipe};

fn adapted(algorithm: Algorithm) -> Recipe {
    let mut recipe = recipe(algorithm);
    recipe.lora = Some(LoraSpec { r: 4, lora_alpha: 8.0, ..LoraSpec::default() });
    recipe.optim.learning_rate = 5e-3;
    recipe
}

#[test]
fn they_resume_learn_and_publish_their_adapter() {
    for algorithm in [Algorithm::Sft, Algorithm::Grpo] {
        let recipe = adapted(algorithm);
        let whole = play(&recipe, None, u32::MAX);
        let mut parts = play(&recipe, None, 2);
        let state = parts.last().unwrap().state.clone();
        parts.extend(play(&recipe, Some(state), u32::MAX));
        assert_eq!(story(&parts), story(&whole), "{algorithm:?}");
        for (a, b) in parts.iter().zip(&whole) {
            assert!(a.state == b.state, "{algorithm:?}: state after step {}", a.step);
        }
        assert!(figures(&whole[1])["grad_norm"] > 0.0, "{algorithm:?}");

        let last = whole.last().unwrap().checkpoint.as_ref().unwrap();
        let base = LoadedModel::from_gguf(model(), Precision::Full).unwrap();
        let mut read = |name: &str| Ok(last.adapter.iter().find(|(n, _)| n == name).map(|(_, bytes)| bytes.clone()));
        let adapter = peft::read(&mut read, &base.config).unwrap();
        let merged = adapter.merged(base.snapshot.weights(), &base.config, 1.0).unwrap();
        let merged = PolicySnapshot::new(&base.config, merged, 0).unwrap();
        let master = export(&merged, base.tokenizer.as_ref(), "clicker", Encoding::F32).unwrap();
        assert!(master == last.master, "{algorithm:?}: the master is the base with the adapter taken in");
        assert!(master != model(), "{algorithm:?}: something was learnt");
    }
}

#[test]
fn the_state_holds_the_adapter_and_not_the_weights() {
    let size = |recipe: &Recipe| play(recipe, None, 1).last().unwrap().state.len();
    let (adapter, whole) = (size(&adapted(Algorithm::Sft)), size(&recipe(Algorithm::Sft)));
    assert!(adapter * 2 < whole, "{adapter} against {whole} bytes");
    let full = play(&recipe(Algorithm::Sft), None, u32::MAX);
    assert!(full.last().unwrap().checkpoint.as_ref().unwrap().adapter.is_empty());
}

#[test]
fn a_reward_model_is_refused() {
    let text = "name = 'x'\nalgorithm = 'reward_model'\nsteps = 1\n[lora]\nr = 4";
    let message = from_toml(text).unwrap_err().to_string();
    assert!(message.contains("[lora]") && message.contains("head"), "{message}");
}
