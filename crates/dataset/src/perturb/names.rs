//! The same question about another person.

use super::words;
use crate::world::names as known;
use clicker_wire::{Item, ItemId};

/// Names that stand in for the one in a question, in the order of every table: a fixed choice, so that every table compares the same.
pub const STAND_INS: [&str; 8] = ["Ana", "Ben", "Chen", "Fatima", "Kofi", "Mia", "Omar", "Priya"];

/// The name in the conversation, if it holds exactly one of those that the world knows.
#[must_use]
pub fn only_name(item: &Item) -> Option<&'static str> {
    let texts = || item.messages.iter().map(|m| m.content.as_str());
    let said = |name: &&&str| texts().any(|text| pieces(text).any(|piece| piece == **name));
    let mut found = known().iter().filter(said);
    let name = *found.next()?;
    found.next().is_none().then_some(name)
}

/// The item with `to` wherever `from` stands as a word, in the conversation and in the accepted answers.
#[must_use]
pub fn fill(item: &Item, from: &str, to: &str) -> Item {
    let swap = |text: &str| pieces(text).map(|piece| if piece == from { to } else { piece }).collect::<String>();
    let mut filled = item.clone();
    for message in &mut filled.messages {
        message.content = swap(&message.content);
    }
    let id = ItemId::from(format!("{}+{}", item.id, words(to).collect::<String>()));
    Item {
        id,
        accepted: item.accepted.iter().map(|a| swap(a)).collect(),
        paraphrase_group: None,
        name_pair: None,
        ..filled
    }
}

/// The text cut into words and what is between them; together they are the text.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let other = |c: char| c.is_alphanumeric() != first.is_alphanumeric();
        let (piece, after) = rest.split_at(rest.find(other).unwrap_or(rest.len()));
        rest = after;
        Some(piece)
    })
}
