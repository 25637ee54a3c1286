//! The reward tried on the first step's answers before anything is trained. They are the very answers that the first step
//! trains on, so looking at them first costs nothing but the grading.

use crate::TrainError;
use crate::rollout::Group;
use clicker_rewards::{Outside, attack};
use clicker_wire::{Decision, DryRun, Event, Item, Recipe, StopReason};

/// What is said before the first step, as the events of step 0, and whether the run may start.
#[derive(Default)]
pub(crate) struct Opening {
    /// What step 0 reports.
    pub(crate) events: Vec<Event>,
    /// Why the run must not start.
    pub(crate) refusal: Option<TrainError>,
}

/// Try a recipe's reward on groups of answers.
pub(crate) fn opening(recipe: &Recipe, groups: &[Group], outside: Outside<'_>) -> Opening {
    let report = look(recipe, groups, outside);
    let waived = Some(recipe.dry_run.start_anyway.clone())
        .filter(|reason| report.decision == Decision::Stop && !reason.is_empty());
    let refusal = (report.decision == Decision::Stop && waived.is_none())
        .then(|| TrainError::DryRun { advice: words(&report, Decision::Stop) });
    let mut events = vec![Event::DryRun { report: report.clone(), waived: waived.clone() }];
    if report.decision > Decision::Go {
        let remedy = match (report.decision, waived) {
            (Decision::Stop, None) => "Repair the reward, or start anyway if this is what you want to see.".into(),
            (Decision::Stop, Some(reason)) => format!("Watch the answers. It was started anyway: {reason}."),
            _ => "Look at the answers before you spend time on the run.".into(),
        };
        let (name, cause) = ("dry_run".into(), words(&report, report.decision));
        events.push(Event::Alarm { step: 0, name, cause, remedy });
    }
    Opening { events, refusal }
}

/// The figures of a dry run.
fn look(recipe: &Recipe, groups: &[Group], outside: Outside<'_>) -> DryRun {
    let sampled: Vec<(Item, Vec<String>)> =
        groups.iter().map(|g| (g.item.clone(), g.answers.iter().map(|a| a.text.clone()).collect())).collect();
    let cut = groups.iter().flat_map(|g| &g.answers).filter(|a| a.stop == StopReason::Length).count();
    attack::dry_run_with(&recipe.reward, &sampled, cut as u32, outside)
}

/// The advice of one weight, in one line.
fn words(report: &DryRun, decision: Decision) -> String {
    let said = report.advice.iter().filter(|a| a.decision == decision).map(|a| a.words.as_str());
    said.collect::<Vec<_>>().join(" ")
}
