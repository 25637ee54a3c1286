//! Keeps both groups' rewards and advantages in step with the knobs: every change judges again, in the worker, with the
//! very code that trains.

use super::Play;
use super::group::{Drawn, Group, Phase};
use crate::browser::engine::Engine;
use clicker_wire::RewardConfig;
use leptos::prelude::*;

/// Judges whenever a group is complete or the reward changes.
pub(crate) fn keep_judged(play: Play) {
    let reward = Memo::new(move |_| Reward(play.reward()));
    let engine = Engine::here();
    for group in [play.base, play.trained] {
        Effect::new(move |_| {
            let (reward, drawn) = (reward.get().0, group.drawn.get());
            if let Some(drawn) = drawn.filter(|_| !group.phase.get_untracked().busy()) {
                judge(play, engine, group, drawn, reward);
            }
        });
    }
}

#[derive(Clone, PartialEq)]
struct Reward(RewardConfig);

/// Where a grader asks a model, that is the one this tab was opened with: also of a trained model's answers, for nobody may judge
/// itself. Until it has been asked about all of them, receipts are blank.
fn judge(play: Play, engine: Engine, group: Group, drawn: Drawn, reward: RewardConfig) {
    let own = play.model.with_value(|model| model.as_ref().map(|model| model.id.0.clone()));
    engine.judge(drawn.item.clone(), group.texts(), reward.clone(), own, move |judged| {
        // The group may be gone, or be another one by now; replies come in order, so the last one stands.
        if group.drawn.try_get_untracked().flatten().as_ref() != Some(&drawn) {
            return;
        }
        match judged {
            Ok(judgement) if judgement.judging > 0 => {
                // Whoever has turned a knob meanwhile has asked anew.
                if untrack(|| play.reward()) == reward {
                    group.judgement.set(None);
                    judge(play, engine, group, drawn, reward);
                }
            }
            Ok(judgement) => group.judgement.set(Some(judgement)),
            Err(message) => group.phase.set(Phase::Failed(message)),
        }
    });
}
