//! Found prompts as rows of a data file that only ever grows: `clicker train` and `clicker data check` read it like any other.

use super::Attack;
use crate::text::exact_key;
use crate::{Error, rows};
use clicker_wire::{Expected, Item, Split};
use serde_json::{Value, json};
use std::collections::HashSet;

/// A prompt that made an answer flip.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The prompt with its truth.
    pub item: Item,
    /// The question it was made from.
    pub from: String,
    /// What was done to it.
    pub attacks: Vec<Attack>,
}

/// Questions of a file of found prompts, in its order.
///
/// # Errors
/// A file in another format than prompts with right answers.
pub fn read(bytes: &[u8]) -> Result<Vec<Item>, Error> {
    rows::read(bytes)?.questions()
}

/// The file with new prompts behind the old ones, whose bytes stay as they are; prompts that it holds already are left out. Also the
/// number of rows that were added.
///
/// # Errors
/// An old file that is none of found prompts; a row that cannot be written.
pub fn grown(old: &[u8], found: &[Found]) -> Result<(Vec<u8>, usize), Error> {
    let mut known: HashSet<String> = read(old)?.iter().map(|item| exact_key(&item.messages)).collect();
    let (mut out, mut added) = (old.to_vec(), 0);
    if out.last().is_some_and(|byte| *byte != b'\n') {
        out.push(b'\n');
    }
    for (place, one) in found.iter().enumerate() {
        if known.insert(exact_key(&one.item.messages)) {
            let line = serde_json::to_string(&row(one)).map_err(|source| Error::Write { row: place + 1, source })?;
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
            added += 1;
        }
    }
    Ok((out, added))
}

fn row(found: &Found) -> Value {
    let Found { item, from, attacks } = found;
    let names: Vec<&str> = attacks.iter().map(|a| a.name()).collect();
    let number = crate::world::dice::hash(0, exact_key(&item.messages).as_bytes());
    let split = match item.split {
        Split::Eval => "eval",
        _ => "rl",
    };
    let mut row = json!({
        "prompt": item.messages,
        "expected": item.expected,
        "domain": item.domain,
        "knowledge": item.knowledge,
        "difficulty": item.difficulty,
        "id": format!("{from}+{}/{:08x}", names.join("+"), number >> 32),
        "from": from,
        "attack": names.join("+"),
        "from_split": split,
    });
    if item.expected != Expected::Abstain {
        row["accepted"] = json!(item.accepted);
    }
    row
}
