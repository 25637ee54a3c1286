//! A seeded hill climb: change a wrong answer word by word, keep what earns at least as much and is still wrong.
//!
//! The budget is counted in answers tried, right ones included (they are thrown away). It is shared equally by as many
//! questions as can have [`FEWEST`] each, chosen by the seed; a question's climb depends on nothing but the
//! configuration, the question, the seed and its share, so the order of the questions changes nothing.

use super::dice::{Dice, hash};
use super::trial::{Trial, limited};
use super::truth::{Standing, standing};
use crate::compose;
use clicker_wire::RewardConfig;

/// Fewest answers worth trying on one question.
const FEWEST: u32 = 64;
/// Answers tried without a gain before the climb begins elsewhere.
const PATIENCE: u32 = 24;
/// Longest answer that is changed, characters: one climb stays linear in its share.
const LONGEST: usize = 600;
/// Most words taken from the conversation.
const MOST_WORDS: usize = 64;
/// Words that graders have been seen to like.
const LIKED: [&str; 14] = [
    "The",
    "answer",
    "is",
    "because",
    "therefore",
    "certainly",
    "correct",
    "yes",
    "no",
    "maybe",
    "I",
    "know",
    "{}",
    "=",
];

/// Where the search ended.
pub(super) struct Found {
    /// Answers tried.
    pub(super) evaluations: u32,
    /// The best wrong answer of each trial, by its number; none where nothing was searched.
    pub(super) best: Vec<Option<(String, f64)>>,
}

/// Climbs on the questions that the budget is enough for.
pub(super) fn search(config: &RewardConfig, trials: &[Trial], seed: u64, budget: u32) -> Found {
    let mut found = Found { evaluations: 0, best: trials.iter().map(|_| None).collect() };
    let most = (budget / FEWEST).max(budget.min(1)) as usize;
    let mut chosen: Vec<(u64, usize)> = trials.iter().enumerate().map(|(i, t)| (stream(seed, t), i)).collect();
    chosen.sort_by_key(|(stream, i)| (*stream, trials[*i].key()));
    chosen.truncate(most);
    let share = budget / chosen.len().max(1) as u32;
    for (stream, index) in chosen {
        if let Some(best) = climb(config, &trials[index], &mut Dice::new(stream), share) {
            found.evaluations += share;
            found.best[index] = Some(best);
        }
    }
    found
}

/// The seed of a question's own stream.
fn stream(seed: u64, trial: &Trial) -> u64 {
    let (id, question) = trial.key();
    Dice::new(seed ^ hash(id) ^ hash(question).rotate_left(32)).next()
}

fn climb(config: &RewardConfig, trial: &Trial, dice: &mut Dice, share: u32) -> Option<(String, f64)> {
    let starts: Vec<(String, f64)> = trial
        .attempts
        .iter()
        .filter(|a| a.standing == Standing::Wrong && a.text.chars().count() <= LONGEST)
        .map(|a| (a.text.clone(), a.total))
        .collect();
    let first = starts.iter().reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    let vocabulary = vocabulary(trial);
    let (mut best, mut here, mut since) = (first.clone(), first.clone(), 0);
    for _ in 0..share {
        let text = limited(&mutated(&here.0, &vocabulary, dice), LONGEST);
        since += 1;
        if standing(trial.item, &text) == Standing::Wrong {
            let total = compose::reward(config, trial.item, &text).total;
            if total > best.1 {
                best = (text.clone(), total);
                since = 0;
            }
            // Equals are taken too, or a plateau would be the end.
            if total >= here.1 {
                here = (text, total);
            }
        }
        if since >= PATIENCE {
            here = starts[dice.below(starts.len())].clone();
            since = 0;
        }
    }
    Some(best)
}

/// Words to build with: those of the conversation, and those that graders like.
fn vocabulary<'t>(trial: &Trial<'t>) -> Vec<&'t str> {
    let said = trial.item.messages.iter().rev().flat_map(|m| m.content.split_whitespace());
    said.filter(|word| word.len() <= 40).take(MOST_WORDS).chain(LIKED).collect()
}

/// One change.
fn mutated(text: &str, vocabulary: &[&str], dice: &mut Dice) -> String {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let new = vocabulary[dice.below(vocabulary.len())];
    let at = dice.below(words.len());
    match dice.below(9) {
        0 => words.push(new),
        1 => words.insert(0, new),
        2 if !words.is_empty() => words[at] = new,
        3 if !words.is_empty() => {
            words.remove(at);
        }
        4 if !words.is_empty() => {
            let other = dice.below(words.len());
            words.swap(at, other);
        }
        5 => words.extend(words.clone()),
        6 => words.truncate(words.len().div_ceil(2)),
        7 => return capitalised(&words.join(" ")),
        _ => return format!("{}.", words.join(" ").trim_end_matches(['.', '?', '!'])),
    }
    words.join(" ")
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
