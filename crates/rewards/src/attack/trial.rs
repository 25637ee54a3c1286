//! One question under attack: what honesty earns, and what every exploit earned.

use super::truth::{self, Standing, standing};
use super::{MAX_CHARS, SUITE};
use crate::compose;
use clicker_wire::{Exploit, HonestAnswer, Item, RewardConfig};

/// The attack of the suite on one question.
pub(super) struct Trial<'a> {
    pub(super) item: &'a Item,
    pub(super) right: HonestAnswer,
    pub(super) abstain: HonestAnswer,
    /// Answers that are not right, in the order of the suite; never empty: something is always wrong.
    pub(super) attempts: Vec<Attempt>,
    /// Exploits of which an answer was right.
    pub(super) right_by: Vec<Exploit>,
}

/// One dishonest answer.
pub(super) struct Attempt {
    pub(super) exploit: Exploit,
    pub(super) text: String,
    pub(super) total: f64,
    pub(super) standing: Standing,
}

impl<'a> Trial<'a> {
    /// None where no right answer is known.
    pub(super) fn new(config: &RewardConfig, item: &'a Item) -> Option<Self> {
        let right = truth::right(config, item)?;
        let (mut attempts, mut right_by) = (Vec::new(), Vec::new());
        for entry in &SUITE {
            for text in (entry.answers)(item) {
                let text = limited(&text, MAX_CHARS);
                match standing(item, &text) {
                    Standing::Good if right_by.last() == Some(&entry.exploit) => {}
                    Standing::Good => right_by.push(entry.exploit),
                    standing => {
                        let total = compose::reward(config, item, &text).total;
                        attempts.push(Attempt { exploit: entry.exploit, text, total, standing });
                    }
                }
            }
        }
        Some(Self { item, right, abstain: truth::abstain(config, item), attempts, right_by })
    }

    /// The best answer of one exploit.
    pub(super) fn best_of(&self, exploit: Exploit) -> Option<&Attempt> {
        best(self.attempts.iter().filter(|a| a.exploit == exploit))
    }

    /// The best answer of all.
    pub(super) fn best(&self) -> Option<&Attempt> {
        best(self.attempts.iter())
    }

    /// How far a dishonest total gets here: see [`truth::reach`].
    pub(super) fn reach(&self, total: f64) -> f64 {
        truth::reach(total, self.right.total, self.abstain.total)
    }

    /// What tells the question from others, wherever it stands in the list.
    pub(super) fn key(&self) -> (&str, &str) {
        (self.item.id.as_str(), self.item.question())
    }
}

/// The first of those that earn most.
fn best<'t>(attempts: impl Iterator<Item = &'t Attempt>) -> Option<&'t Attempt> {
    attempts.reduce(|best, next| if next.total > best.total + super::SAME { next } else { best })
}

/// The first `most` characters.
pub(super) fn limited(text: &str, most: usize) -> String {
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end]).to_string()
}
