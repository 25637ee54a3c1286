//! An attack on a reward before anything is trained on it: the suite of `clicker-rewards` over questions of the world.

use super::{HeadlessError, Result, at, recipe};
use clicker_dataset::World;
use clicker_rewards::attack;
use clicker_train::eval::spread;
use clicker_wire::{AttackReport, RewardConfig, Split};
use std::path::PathBuf;

/// What to attack, and how hard.
#[derive(Clone, Debug)]
pub struct AttackRequest {
    /// A reward's JSON, a recipe's TOML, or a lesson: `lesson:NAME` or `lesson:NAME:repaired`.
    pub reward: PathBuf,
    /// Seed of the world.
    pub world_seed: u64,
    /// At most this many questions of the training split.
    pub items: usize,
    /// Answers that the search may try.
    pub budget: u32,
    /// Seed of the search.
    pub seed: u64,
}

/// Attack.
///
/// # Errors
/// No such file or lesson; a reward that is not one.
pub fn attack(request: &AttackRequest) -> Result<AttackReport> {
    let config = reward(request)?;
    clicker_rewards::validate(&config).map_err(|e| HeadlessError::Request(e.to_string()))?;
    if let Some(why) = attack::unattackable(&config) {
        return Err(HeadlessError::Request(why));
    }
    let items = spread(World::new(request.world_seed).items(Split::Rl), request.items);
    Ok(attack::run(&config, &items, request.seed, request.budget))
}

fn reward(request: &AttackRequest) -> Result<RewardConfig> {
    let name = request.reward.to_string_lossy();
    if let Some(lesson) = name.strip_prefix("lesson:") {
        return of_lesson(lesson);
    }
    let text = std::fs::read_to_string(&request.reward).map_err(at(&request.reward))?;
    if request.reward.extension().is_some_and(|e| e == "toml") {
        return Ok(recipe(&text)?.reward);
    }
    serde_json::from_str(&text).map_err(|e| HeadlessError::Request(format!("{name} is not a reward: {e}")))
}

fn of_lesson(name: &str) -> Result<RewardConfig> {
    let (name, repaired) = name.strip_suffix(":repaired").map_or((name, false), |name| (name, true));
    let lessons = attack::lessons();
    let names: Vec<String> = lessons.iter().map(|lesson| lesson.name.clone()).collect();
    let found = lessons.into_iter().find(|lesson| lesson.name == name);
    let lesson = found.ok_or_else(|| {
        HeadlessError::Request(format!("there is no lesson `{name}`; there are {}", names.join(", ")))
    })?;
    Ok(if repaired { lesson.repaired } else { lesson.broken })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(reward: &str) -> AttackRequest {
        AttackRequest { reward: reward.into(), world_seed: 1, items: 40, budget: 200, seed: 1 }
    }

    #[test]
    fn a_lesson_is_hackable_until_it_is_repaired() {
        for lesson in attack::lessons() {
            let broken = attack(&request(&format!("lesson:{}", lesson.name))).expect("attacks");
            let repaired = attack(&request(&format!("lesson:{}:repaired", lesson.name))).expect("attacks");
            assert!(broken.hackability > 0.5, "{}: {}", lesson.name, broken.hackability);
            assert!(repaired.hackability < 0.2, "{}: {}", lesson.name, repaired.hackability);
        }
    }

    #[test]
    fn a_reward_that_is_none_is_named() {
        let none = attack(&request("lesson:nothing")).expect_err("no such lesson").to_string();
        assert!(none.contains("`nothing`") && none.contains("length"), "{none}");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("reward.json");
        std::fs::write(&file, r#"{"graders": [], "bonus": 1}"#).expect("written");
        let unknown = attack(&AttackRequest { reward: file, ..request("") }).expect_err("unknown key").to_string();
        assert!(unknown.contains("bonus"), "{unknown}");
        let file = folder.path().join("judged.json");
        let grader = r#"{"type": "label_model", "name": "l", "model": "builtin", "labels": ["a"], "passing_labels": ["a"],
             "input": [{"role": "user", "content": "x"}]}"#;
        let text = format!(
            r#"{{"graders": [{{"name": "judge", "weight": 1.0, "grader": {{"type": "openai", "grader": {grader}}}}}]}}"#
        );
        std::fs::write(&file, text).expect("written");
        let judged = attack(&AttackRequest { reward: file, ..request("") }).expect_err("no attack").to_string();
        assert!(judged.contains("asks the model \"builtin\""), "{judged}");
    }
}
