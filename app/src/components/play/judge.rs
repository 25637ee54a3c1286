//! Keeps both groups' rewards and advantages in step with the knobs: every change judges again, in the worker, with the
//! very code that trains.

use super::Play;
use super::group::{Group, Phase};
use crate::browser::engine::Engine;
use clicker_wire::RewardConfig;
use leptos::prelude::*;

/// Judges whenever a group is complete or the reward changes.
pub(crate) fn keep_judged(play: Play) {
    let reward = Memo::new(move |_| Reward(play.reward()));
    let engine = Engine::here();
    for group in [play.base, play.trained] {
        Effect::new(move |_| judge(engine, group, reward.get().0));
    }
}

#[derive(Clone, PartialEq)]
struct Reward(RewardConfig);

fn judge(engine: Engine, group: Group, reward: RewardConfig) {
    let drawn = group.drawn.get();
    let Some(drawn) = drawn else { return };
    if group.phase.get_untracked().busy() {
        return;
    }
    let item = drawn.item.clone();
    engine.judge(item, group.texts(), reward, move |judged| {
        // The group may be gone, or be another one by now; replies come in order, so the last one stands.
        if group.drawn.try_get_untracked().flatten().as_ref() != Some(&drawn) {
            return;
        }
        match judged {
            Ok(judgement) => group.judgement.set(Some(judgement)),
            Err(message) => group.phase.set(Phase::Failed(message)),
        }
    });
}
