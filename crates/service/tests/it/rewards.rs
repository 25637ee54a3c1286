//! Rewards: kept, attacked, compared, refused in words.

use crate::bench::{Gate, config, trainer};
use clicker_service::{Service, ServiceError};
use clicker_wire::{Grader, Item, LabSample, NewRewardVersion, RewardConfig};
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
    assert_eq!(presets.len(), 7, "the default, and three lessons before and after");
    for preset in presets {
        let attacked = service.attack_reward(preset.reward).await.expect("attacks");
        assert_eq!(attacked.items.len(), (attacked.report.attacked + attacked.report.left_out) as usize);
        let (hackability, name) = (attacked.report.hackability, preset.name);
        assert_eq!(hackability > 0.2, name.ends_with("broken"), "{name}: {hackability}");
    }
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
