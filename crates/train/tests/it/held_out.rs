//! No recipe learns from the held-out questions: with other questions in their place every run ends with the same weights, bit for
//! bit.

use crate::tiny::{Memory, model};
use clicker_dataset::World;
use clicker_train::{Control, Start, recipe, run_in};
use clicker_wire::{Grader, Recipe, Split, StatedConfidence, WeightedGrader};
use std::path::{Path, PathBuf};

fn shipped() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let files = |folder: PathBuf| {
        let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
        entries.filter(|p| p.extension().is_some_and(|e| e == "toml")).collect::<Vec<_>>()
    };
    let mut all: Vec<PathBuf> =
        ["", "family", "lessons", "truth"].into_iter().flat_map(|f| files(root.join(f))).collect();
    // The adversarial recipe trains on a file's rows alone, which the test below looks at.
    all.retain(|path| !path.ends_with("constitution.toml") && !path.ends_with("adversarial.toml"));
    all.sort();
    all
}

/// Two quick steps of a shipped recipe, measured after each.
fn quick(path: &Path) -> Recipe {
    let text = std::fs::read_to_string(path).unwrap();
    let beside = |name: &str| std::fs::read_to_string(path.with_file_name(name)).map_err(|e| e.to_string());
    let mut recipe = recipe::from_toml_beside(&text, &beside).unwrap();
    recipe.steps = 2;
    recipe.rollout.prompts = 3;
    recipe.rollout.group_size = 3;
    recipe.rollout.sampling.max_new_tokens = 6;
    (recipe.sft.batch, recipe.dpo.batch, recipe.kto.batch, recipe.orpo.batch) = (4, 4, 4, 4);
    recipe.reward_model.batch = 4;
    recipe.raft.accept_above = -9.0;
    recipe.optim.learning_rate = 1e-3;
    recipe.optim.warmup_steps = 0;
    (recipe.eval.every, recipe.eval.items, recipe.checkpoint.every) = (1, 8, 0);
    if let Some(cold) = &mut recipe.cold_start {
        (cold.steps, cold.batch) = (2, 4);
        // Drawing from the model to every question would take longer than all the rest.
        cold.stated_confidence = cold.stated_confidence.and(Some(StatedConfidence::Chance));
    }
    recipe.dry_run.start_anyway = "a test".into();
    if recipe.algorithm.samples() {
        // A model that knows nothing yet earns nothing for truth; answers of different lengths still differ in worth.
        let grader = Grader::Length { free: 1, limit: 20 };
        recipe.reward.graders.push(WeightedGrader { name: "of_the_test".into(), weight: 1.0, grader });
    }
    recipe
}

fn weights(recipe: &Recipe, world: &World) -> Vec<u8> {
    let mut sink = Memory::default();
    let start = Start { model: model().to_vec(), ..Start::default() };
    run_in(world, recipe, &start, &mut sink, &|| Control::Continue).unwrap();
    sink.0.last().unwrap().checkpoint.as_ref().unwrap().master.clone()
}

#[test]
fn no_shipped_recipe_learns_from_the_held_out_questions() {
    let recipes = shipped();
    assert!(recipes.len() >= 20, "{recipes:?}");
    let world = World::new(1);
    let other = World::new(1).with_held_out(World::new(2).items(Split::Eval).iter().rev().cloned().collect());
    assert_ne!(world.items(Split::Eval), other.items(Split::Eval));
    for path in recipes {
        let recipe = quick(&path);
        let (a, b) = (weights(&recipe, &world), weights(&recipe, &other));
        assert!(a == b, "{}: other held-out questions gave other weights", path.display());
    }
}

/// The check above would see it: other training questions do give other weights.
#[test]
fn other_training_questions_are_seen() {
    let (world, fewer) = (World::new(1), World::new(1).at_most(40));
    for name in ["sft", "truthful", "dpo"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../recipes/{name}.toml"));
        let recipe = quick(&path);
        assert!(weights(&recipe, &world) != weights(&recipe, &fewer), "{name}");
    }
}

/// Nor can tuning: in its world there are none, and what is measured there is not trained on.
#[test]
fn a_world_for_tuning_holds_none_of_them() {
    let (world, tuning) = (World::new(1), World::new(1).for_tuning());
    let held_out: std::collections::HashSet<_> = world.items(Split::Eval).iter().map(|i| &i.messages).collect();
    for split in [Split::Sft, Split::Rl, Split::Eval] {
        assert!(tuning.items(split).iter().all(|i| !held_out.contains(&i.messages)), "{split:?}");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/truthful.toml");
    let recipe = quick(&path);
    let replaced = World::new(1).with_held_out(Vec::new()).for_tuning();
    assert!(weights(&recipe, &tuning) == weights(&recipe, &replaced), "a rate is chosen without them");
}

#[test]
fn shipped_attacks_are_made_of_training_questions() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/truth/found.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let world = World::new(1);
    let asked: std::collections::HashSet<&str> = world.items(Split::Rl).iter().map(|item| item.id.as_str()).collect();
    assert!(text.lines().count() > 200);
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(row["from_split"], "rl", "{line}");
        assert!(asked.contains(row["from"].as_str().unwrap()), "{line}");
    }
}
