//! Whether two item lists share what they must not: training on a question that is later measured would fake progress.

use crate::text::{exact_key, normalised_key};
use clicker_wire::{Item, ItemId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Something that two lists share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// What is shared.
    pub kind: LeakKind,
    /// The item of the first list.
    pub a: ItemId,
    /// The item of the second list.
    pub b: ItemId,
}

/// What two lists share, the plainest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakKind {
    /// The same conversation, byte for byte.
    SameMessages,
    /// The same conversation but for case, punctuation and spaces.
    SameWords,
    /// The same id on different questions.
    SameId,
    /// Wordings of the same unknowable question: a model trained on one is not new to the other.
    SameUnknowable,
}

/// Every leak between two lists, at most one per item of the second: the plainest. Linear in the lists' lengths.
#[must_use]
pub fn leaks(a: &[Item], b: &[Item]) -> Vec<Leak> {
    type Key = fn(&Item) -> Option<String>;
    let checks: [(LeakKind, Key); 4] = [
        (LeakKind::SameMessages, |item| Some(exact_key(&item.messages))),
        (LeakKind::SameWords, |item| Some(normalised_key(&item.messages))),
        (LeakKind::SameId, |item| Some(item.id.0.clone())),
        (LeakKind::SameUnknowable, |item| item.paraphrase_group.clone().filter(|_| item.knowledge.is_unknowable())),
    ];
    let indices = checks.map(|(kind, key)| {
        let index: HashMap<String, &ItemId> = a.iter().filter_map(|item| Some((key(item)?, &item.id))).collect();
        (kind, key, index)
    });
    b.iter()
        .filter_map(|item| {
            indices.iter().find_map(|(kind, key, index)| {
                let found = *index.get(&key(item)?)?;
                Some(Leak { kind: *kind, a: found.clone(), b: item.id.clone() })
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_wire::Knowledge;

    fn item(id: &str, text: &str) -> Item {
        Item { id: id.into(), ..Item::free(text) }
    }

    #[test]
    fn each_kind_is_found_and_the_plainest_is_named() {
        let group = |id: &str, text: &str| Item {
            knowledge: Knowledge::Withheld,
            paraphrase_group: Some("capitals/chad".into()),
            ..item(id, text)
        };
        let a = [item("a1", "Who?"), item("a2", "Where is it?"), item("x", "One."), group("a4", "Capital of Chad?")];
        let b = [
            item("b1", "Who?"),
            item("b2", "where is it"),
            item("x", "Two."),
            group("b4", "Name the capital of Chad."),
            item("b5", "Fresh?"),
        ];
        let kinds: Vec<_> = leaks(&a, &b).into_iter().map(|l| (l.kind, l.b.0)).collect();
        let expected = [
            (LeakKind::SameMessages, "b1"),
            (LeakKind::SameWords, "b2"),
            (LeakKind::SameId, "x"),
            (LeakKind::SameUnknowable, "b4"),
        ];
        assert_eq!(kinds, expected.map(|(kind, id)| (kind, id.to_owned())));
    }

    #[test]
    fn known_facts_may_be_asked_in_other_words() {
        let known = |id: &str, text: &str| Item {
            knowledge: Knowledge::Known,
            paraphrase_group: Some("capitals/france".into()),
            ..item(id, text)
        };
        assert!(leaks(&[known("a", "Capital of France?")], &[known("b", "Name the capital of France.")]).is_empty());
    }
}
