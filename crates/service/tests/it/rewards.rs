//! Rewards: kept, attacked, compared, refused in words.

use crate::bench::{Gate, config, recipe, trainer};
use clicker_service::{Service, ServiceError};
use clicker_wire::{Grader, Item, LabSample, NewRewardVersion, Recipe, RewardConfig, RewardPreset, WeightedGrader};
use tempfile::TempDir;

async fn open(dir: &TempDir) -> Service {
    let (trainer, _told) = trainer(&Gate::open());
    Service::open(config(dir, trainer)).await.expect("opens")
}

fn new(name: &str, note: &str) -> NewRewardVersion {
    NewRewardVersion { name: name.into(), note: note.into(), reward: RewardConfig::default() }
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_with_its_field() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir).await;
    let mut unusable = new("a", "");
    unusable.reward.graders[2].grader = Grader::Length { free: 9, limit: 3 };
    for (field, bad) in [
        ("name", new(" ", "")),
        ("name", new(&"x".repeat(81), "")),
        ("note", new("a", &"x".repeat(501))),
        ("reward", unusable),
    ] {
        let refused = service.save_reward(bad).await;
        assert!(matches!(&refused, Err(ServiceError::Invalid { field: f, .. }) if f == field), "{field}: {refused:?}");
    }
    let kept = service.save_reward(new(" a ", " b ")).await.expect("keeps");
    assert_eq!((kept.name.as_str(), kept.note.as_str()), ("a", "b"));
    assert_eq!(service.reward_version(&kept.hash).await.expect("reads"), kept);
    assert!(matches!(service.reward_version("none").await, Err(ServiceError::NotFound { .. })));
}

#[tokio::test]
async fn every_preset_can_be_used_and_an_attack_tells_broken_from_repaired() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir).await;
    let presets = service.reward_presets();
    assert_eq!(presets.len(), 8, "the default, three lessons before and after, and one that a model judges");
    let judged = |preset: &RewardPreset| !preset.reward.judges().is_empty();
    assert_eq!(presets.iter().filter(|preset| judged(preset)).count(), 1);
    for preset in presets.into_iter().filter(|preset| !judged(preset)) {
        let attacked = service.attack_reward(preset.reward).await.expect("attacks");
        assert_eq!(attacked.items.len(), (attacked.report.attacked + attacked.report.left_out) as usize);
        let (hackability, name) = (attacked.report.hackability, preset.name);
        assert_eq!(hackability > 0.2, name.ends_with("broken"), "{name}: {hackability}");
    }
}

#[tokio::test]
async fn rewards_are_named_as_they_were_kept_or_are_offered() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir).await;
    let named = service.named_reward(RewardConfig::default()).await.expect("a reward");
    assert_eq!(named.name.as_deref(), Some("default"));
    let kept = service.save_reward(new("mine", "the first")).await.expect("keeps");
    let named = service.named_reward(RewardConfig::default()).await.expect("a reward");
    assert_eq!((named.name.as_deref(), named.note.as_str()), (Some("mine"), "the first"));
    assert_eq!(named.hash, kept.hash);
    let mut other = RewardConfig::default();
    other.graders[0].weight = 0.125;
    assert_eq!(service.named_reward(other.clone()).await.expect("a reward").name, None);
    other.graders.clear();
    let refused = service.named_reward(other).await;
    assert!(matches!(&refused, Err(ServiceError::Invalid { field, .. }) if field == "reward"), "{refused:?}");
}

#[tokio::test]
async fn scripts_are_compiled_and_what_is_wrong_is_said() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir).await;
    let scripts = ["1.0", "if answer.len( { 1.0 }", "nothing_like_it"].map(str::to_owned);
    let said = service.check_scripts(&scripts).expect("few");
    assert_eq!(said[0], None);
    for (said, word) in [(&said[1], "line 1"), (&said[2], "nothing_like_it")] {
        assert!(
            said.as_deref().is_some_and(|s| s.starts_with("a script that compiles") && s.contains(word)),
            "{said:?}"
        );
    }
    assert!(service.check_scripts(&vec![String::new(); 33]).is_err());
}

#[tokio::test]
async fn two_rewards_are_compared_on_the_same_answers() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir).await;
    let mut other = RewardConfig::default();
    other.graders[1].weight = -1.0;
    let sample = |text: &str| LabSample { item: Item::free("Why?"), text: text.into() };
    let samples = vec![sample("Because it is."), sample("because it is")];
    let compared = service.compare_rewards(&RewardConfig::default(), &other, samples).await.expect("compares");
    assert_eq!(compared.changes.len(), 1, "{:?}", compared.changes);
    assert_eq!((compared.comparison.ordered_pairs, compared.comparison.flipped_pairs), (1, 1));
}

/// A reward whose only grader asks this model.
fn asking(model: &str) -> RewardConfig {
    let grader = serde_json::json!({
        "type": "label_model", "name": "l", "model": model, "labels": ["a", "b"], "passing_labels": ["a"],
        "input": [{"role": "user", "content": "{{sample.output_text}}"}],
    });
    RewardConfig::sum(vec![WeightedGrader { name: "judge".into(), weight: 1.0, grader: Grader::Openai { grader } }])
}

#[tokio::test]
async fn a_reward_that_asks_a_model_is_kept_not_attacked_and_trained_only_where_there_is_that_model() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir).await;
    let reward = asking("gpt-4o");
    service.save_reward(NewRewardVersion { reward: reward.clone(), ..new("judged", "") }).await.expect("keeps");
    let refused = service.attack_reward(reward.clone()).await.expect_err("an attack would ask thousands of times");
    assert!(
        refused.to_string().contains("\"gpt-4o\"") && refused.to_string().contains("without that grader"),
        "{refused}"
    );
    let recipe = |reward: RewardConfig| Recipe { reward, ..recipe(1) };
    let refused = service.start_run(recipe(reward)).await.expect_err("nobody can judge");
    assert!(refused.to_string().contains("no model \"gpt-4o\" on this server"), "{refused}");
    service.start_run(recipe(asking("builtin"))).await.expect("the built-in model judges");
}
