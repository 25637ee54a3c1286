//! The same question in another form: what is told in another order, or asked once more after something irrelevant.

use super::passage::Passage;
use super::{asked, hash_of, words};
use crate::world::dice::Dice;
use clicker_wire::{Item, ItemId, Message, Role};

/// Words at the start of a sentence that lean on the one before it.
const LEANING: [&str; 24] = [
    "he",
    "she",
    "it",
    "they",
    "his",
    "her",
    "its",
    "their",
    "this",
    "that",
    "these",
    "those",
    "then",
    "there",
    "but",
    "so",
    "and",
    "or",
    "after",
    "later",
    "next",
    "also",
    "however",
    "therefore",
];

/// Exchanges between the question and its repetition: what is said, and what is answered.
const BETWEEN: [(&str, &str); 4] = [
    ("Thank you.", "You are welcome."),
    ("All right.", "Go ahead."),
    ("One moment.", "Yes?"),
    ("I see.", "Please ask."),
];

/// The same for questions that are trained on: other words, so that what is measured is not what was learnt by heart.
const TRAINED_BETWEEN: [(&str, &str); 4] = [
    ("Let me think.", "Take your time."),
    ("Good.", "What else?"),
    ("Wait.", "I am here."),
    ("That is fine.", "Very well."),
];

/// The sentences of a passage in another order, the question last as before. None with fewer than two sentences that differ, and where
/// a sentence leans on the one before it ("He ...", "Then ...").
#[must_use]
pub fn reorder(item: &Item, seed: u64) -> Option<Item> {
    let text = &item.messages.last()?.content;
    let cut = Passage::of(text);
    let leans = |s: &str| words(s).next().is_some_and(|w| LEANING.contains(&w.as_str()));
    if cut.told.len() < 2 || cut.told.iter().skip(1).any(|s| leans(s)) || cut.told.iter().all(|s| *s == cut.told[0]) {
        return None;
    }
    let mut told = cut.told.clone();
    let mut dice = Dice::new(seed, "reorder", hash_of(item));
    while told == cut.told {
        dice.shuffle(&mut told);
    }
    Some(asked(item, "reorder", cut.with(&told)))
}

/// The question, what the model `said`, something irrelevant, and the question again. None for conversations that have more than one
/// turn already, because what was said before may be what the question is about.
#[must_use]
pub fn again(item: &Item, said: &str, seed: u64) -> Option<Item> {
    repeated(item, said, &BETWEEN, seed)
}

/// As [`again`] for a question that is trained on: `said` is what a good model answers, and what lies between is said in words that
/// [`again`] never uses.
#[must_use]
pub fn asked_before(item: &Item, said: &str, seed: u64) -> Option<Item> {
    repeated(item, said, &TRAINED_BETWEEN, seed)
}

fn repeated(item: &Item, said: &str, between: &[(&str, &str)], seed: u64) -> Option<Item> {
    let turns = item.messages.iter().filter(|m| m.role != Role::System).count();
    if turns != 1 || said.trim().is_empty() {
        return None;
    }
    let (thanks, reply) = *Dice::new(seed, "again", hash_of(item)).pick(between);
    let question = item.messages.last()?.clone();
    let mut messages = item.messages.clone();
    messages.extend([Message::assistant(said), Message::user(thanks), Message::assistant(reply), question]);
    let id = ItemId::from(format!("{}+again", item.id));
    Some(Item { id, messages, paraphrase_group: None, name_pair: None, ..item.clone() })
}
