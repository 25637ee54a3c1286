//! Questions changed on purpose, to see whether an answer holds: attacks, other orders, the same question again, other names, and
//! the rows in which found prompts are kept.
//!
//! Every change is a function of a question and a seed. What counts as right never changes: the words of the accepted answers
//! stay where they are in the text, letter by letter. A change that does not apply to a question gives none. Never knows what a
//! model answers.

mod decoys;
mod insert;
pub mod kept;
mod letters;
pub mod names;
mod passage;
mod retell;
mod worked;

pub use decoys::{WrongAnswers, decoys};
pub use letters::plain;
pub use retell::{again, asked_before, reorder};
pub use worked::{SHOW_STEPS, worked};

use crate::world::dice::Dice;
use clicker_wire::{Expected, Item, ItemId};
use std::collections::HashSet;
use std::fmt;

/// A way to attack a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attack {
    /// Letters swapped, dropped or doubled inside words.
    Typos,
    /// Sentences that have nothing to do with the question.
    Distractor,
    /// A sentence inside the passage that tells the model what to do.
    Injection,
    /// A wrong answer, stated as known before the question.
    FalsePremise,
    /// A wrong answer, suggested behind the question.
    Leading,
    /// Letters replaced by others that look the same.
    LookAlike,
}

impl Attack {
    /// All of them, in the order of every table.
    pub const ALL: [Self; 6] =
        [Self::Typos, Self::Distractor, Self::Injection, Self::FalsePremise, Self::Leading, Self::LookAlike];

    /// Its name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Typos => "typos",
            Self::Distractor => "distractor",
            Self::Injection => "injection",
            Self::FalsePremise => "false_premise",
            Self::Leading => "leading",
            Self::LookAlike => "look_alike",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Typos => "typing mistakes",
            Self::Distractor => "irrelevant sentences",
            Self::Injection => "instruction in the passage",
            Self::FalsePremise => "false premise",
            Self::Leading => "leading question",
            Self::LookAlike => "look-alike letters",
        }
    }

    /// The question under this attack, `strength` times as hard (1 is the least). `decoy` is an answer that is wrong here. None where
    /// the attack does not apply, or where it would change what is right.
    #[must_use]
    pub fn apply(self, item: &Item, decoy: Option<&str>, strength: usize, seed: u64) -> Option<Item> {
        let mut dice = Dice::new(seed, self.name(), hash_of(item));
        let text = item.messages.last()?.content.as_str();
        let guarded = guarded(item);
        let text = match self {
            Self::Typos => letters::typos(text, &guarded, strength + 1, &mut dice),
            Self::LookAlike => letters::look_alike(text, &guarded, 4 * strength, &mut dice),
            Self::Distractor => insert::distractor(text, strength + 1, &mut dice),
            Self::Injection if item.expected == Expected::Refuse => insert::above_the_rule(text, &mut dice),
            Self::Injection if item.expected == Expected::Answer => insert::injection(text, decoy?, &mut dice),
            Self::FalsePremise if item.expected == Expected::Answer => insert::premise(text, decoy?, &mut dice),
            Self::Leading if matches!(item.expected, Expected::Answer | Expected::Abstain) => {
                insert::leading(text, decoy?, &mut dice)
            }
            Self::Injection | Self::FalsePremise | Self::Leading => None,
        }?;
        Some(asked(item, self.name(), text))
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One try of a search: the question under one attack or several, more of them and harder ones as `round` rises from 0. Gives the
/// attacks too; none where nothing applied.
#[must_use]
pub fn mutate(item: &Item, decoy: Option<&str>, round: usize, seed: u64) -> Option<(Item, Vec<Attack>)> {
    let mut dice = Dice::new(seed, "search", hash_of(item) ^ (round as u64).rotate_left(32));
    let mut order = Attack::ALL;
    dice.shuffle(&mut order);
    let (most, strength) = (1 + round / 2, 1 + round / 3);
    let (mut found, mut used) = (item.clone(), Vec::new());
    for attack in order {
        if used.len() == most {
            break;
        }
        let own = seed.wrapping_add(round as u64 + 1);
        if let Some(next) = attack.apply(&found, decoy, strength, own) {
            (found, used) = (Item { id: item.id.clone(), ..next }, [used, vec![attack]].concat());
        }
    }
    used.sort_unstable();
    let names: Vec<&str> = used.iter().map(|a| a.name()).collect();
    let id = ItemId::from(format!("{}+{}", item.id, names.join("+")));
    (!used.is_empty()).then_some((Item { id, ..found }, used))
}

/// The item with another last turn. It belongs to no paraphrase group and no pair any more.
fn asked(item: &Item, how: &str, text: String) -> Item {
    let mut changed = item.clone();
    if let Some(last) = changed.messages.last_mut() {
        last.content = text;
    }
    Item { id: ItemId::from(format!("{}+{how}", item.id)), paraphrase_group: None, name_pair: None, ..changed }
}

/// The words that must stay as they are: those of the accepted answers, small letters.
fn guarded(item: &Item) -> HashSet<String> {
    item.accepted.iter().flat_map(|answer| words(answer)).collect()
}

/// Words of letters and digits, small.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase)
}

/// A number that belongs to the question, so that its changes do not depend on where it stands in a list.
fn hash_of(item: &Item) -> u64 {
    crate::world::dice::hash(0, crate::text::exact_key(&item.messages).as_bytes())
}

#[cfg(test)]
mod tests;
