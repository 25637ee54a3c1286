//! Which questions are asked next: those that the model answered always or never when last asked rest for a while, because a
//! group without any difference teaches nothing. Pass rates are measured from the answers of training itself, so nothing is
//! sampled for it.
//!
//! A step's choice is a pure function of what is saved; what it leads to is saved with the step. Never knows rewards.

use crate::cursor::Cursor;
use crate::rollout::Group;
use clicker_rewards::attack;
use clicker_wire::{CurriculumSpec, Recipe};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far the walk through the questions has come, and which of them rest: part of the saved state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Curriculum {
    /// Places of the endless walk that are behind it.
    walked: u64,
    /// For each resting question how many of its turns it still lets pass.
    resting: BTreeMap<u32, u32>,
}

/// What a step asks.
pub(crate) struct Plan {
    /// Questions by their place in the list.
    pub(crate) items: Vec<usize>,
    /// Turns that were let pass.
    pub(crate) skipped: usize,
    after: Curriculum,
}

impl Curriculum {
    /// The next `wanted` questions.
    pub(crate) fn plan(&self, cursor: &mut Cursor, wanted: usize) -> Plan {
        let mut plan = Plan { items: Vec::with_capacity(wanted), skipped: 0, after: self.clone() };
        while plan.items.len() < wanted {
            let index = cursor.at(plan.after.walked);
            plan.after.walked += 1;
            match plan.after.resting.get_mut(&(index as u32)) {
                // Where nearly everything rests, a step must end all the same.
                Some(left) if plan.skipped < wanted * MOST_SKIPPED => {
                    plan.skipped += 1;
                    *left -= 1;
                    if *left == 0 {
                        plan.after.resting.remove(&(index as u32));
                    }
                }
                _ => plan.items.push(index),
            }
        }
        plan
    }

    /// Times that the list has been gone through.
    pub(crate) fn epoch(&self, questions: usize) -> f64 {
        self.walked as f64 / questions.max(1) as f64
    }
}

/// Turns that a step lets pass at most, for every question that it asks.
const MOST_SKIPPED: usize = 8;

impl Plan {
    /// Where the walk stands once these groups were answered; with their mean pass rate where any truth is known.
    pub(crate) fn answered(self, spec: &CurriculumSpec, groups: &[Group]) -> (Curriculum, Option<f64>) {
        let Self { items, mut after, .. } = self;
        let (mut sum, mut n) = (0.0, 0);
        for (index, group) in items.into_iter().zip(groups) {
            let Some(rate) = pass_rate(group) else { continue };
            (sum, n) = (sum + rate, n + 1);
            let rests = rate >= spec.too_easy || rate <= spec.too_hard;
            match rests && spec.rest > 0 {
                true => after.resting.insert(index as u32, spec.rest),
                false => after.resting.remove(&(index as u32)),
            };
        }
        (after, (n > 0).then(|| sum / f64::from(n)))
    }
}

/// Share of a group's answers that are what was wanted; none where nobody knows what that is.
fn pass_rate(group: &Group) -> Option<f64> {
    let golds = group.answers.iter().map(|answer| attack::gold(&group.item, &answer.text));
    let passed: Vec<bool> = golds.flatten().map(|gold| gold > 0.0).collect();
    (!passed.is_empty()).then(|| passed.iter().filter(|passed| **passed).count() as f64 / passed.len() as f64)
}

/// What is wrong with a recipe's curriculum.
pub(crate) fn complaint(recipe: &Recipe) -> Option<String> {
    let CurriculumSpec { too_easy, too_hard, rest } = recipe.curriculum.as_ref()?;
    if recipe.grpo.max_num_gen_batches > 1 {
        return Some(
            "[curriculum] and grpo.max_num_gen_batches both replace groups without signal; leave one of them out"
                .into(),
        );
    }
    let fits = (0.0..=1.0).contains(too_hard) && (0.0..=1.0).contains(too_easy) && too_hard < too_easy;
    (!fits || *rest > 1000).then(|| {
        format!(
            "curriculum.too_hard, too_easy and rest are {too_hard}, {too_easy} and {rest}; expected shares with too_hard below \
             too_easy, and at most 1000 turns"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_wire::{Expected, Item, StopReason};

    fn group(texts: &[&str]) -> Group {
        let answer = |text: &&str| crate::rollout::Answer {
            text: (*text).into(),
            ids: vec![1],
            pieces: vec![(*text).into()],
            logprobs: vec![-1.0],
            entropies: vec![0.0],
            stop: StopReason::End,
            replies: Vec::new(),
        };
        let item = Item { expected: Expected::Answer, accepted: vec!["yes".into()], ..Item::free("q") };
        Group { item, prompt: vec![0], answers: texts.iter().map(answer).collect() }
    }

    fn spec(rest: u32) -> CurriculumSpec {
        CurriculumSpec { too_easy: 0.9, too_hard: 0.1, rest }
    }

    #[test]
    fn without_rest_it_walks_as_the_cursor_does() {
        let (mut cursor, mut twin) = (Cursor::new(3, 10, 4), Cursor::new(3, 10, 4));
        let mut walk = Curriculum::default();
        for step in 1..=5 {
            let plan = walk.plan(&mut cursor, 4);
            assert_eq!(plan.items, twin.items(step));
            (walk, _) = plan.answered(&spec(0), &[group(&["yes"]), group(&["no"]), group(&["yes"]), group(&["no"])]);
        }
        assert!((walk.epoch(10) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_always_or_never_right_lets_its_turns_pass() {
        let mut cursor = Cursor::new(1, 4, 2);
        let first = Curriculum::default().plan(&mut cursor, 2);
        let asked = first.items.clone();
        let (walk, rate) = first.answered(&spec(2), &[group(&["yes", "yes"]), group(&["yes", "no"])]);
        assert_eq!(rate, Some(0.75));
        assert_eq!(walk.resting, BTreeMap::from([(asked[0] as u32, 2)]), "the mixed one goes on");
        // Its next two turns pass, then it is asked again: twelve questions and two turns that pass are three times all four, and
        // what was left of the first.
        let plan = walk.plan(&mut cursor, 12);
        assert_eq!((plan.skipped, plan.items.iter().filter(|i| **i == asked[0]).count()), (2, 1));
    }

    #[test]
    fn a_step_ends_even_if_everything_rests() {
        let mut cursor = Cursor::new(1, 3, 2);
        let walk = Curriculum { walked: 0, resting: (0..3).map(|i| (i, 1000)).collect() };
        let plan = walk.plan(&mut cursor, 2);
        assert_eq!((plan.items.len(), plan.skipped), (2, 2 * MOST_SKIPPED));
    }

    #[test]
    fn where_nothing_is_known_nothing_rests() {
        let mut cursor = Cursor::new(1, 3, 1);
        let mut free = group(&["x"]);
        free.item = Item::free("q");
        let (walk, rate) = Curriculum::default().plan(&mut cursor, 1).answered(&spec(5), &[free]);
        assert_eq!((walk.resting.len(), rate), (0, None));
    }
}
