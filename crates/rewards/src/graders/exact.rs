//! Byte for byte equality with an accepted answer, outer white space aside. It never looks at meaning.

use super::{Graded, quoted};
use crate::spans::trimmed;
use clicker_wire::Item;

/// 1 if the answer equals an accepted answer, else 0; does not apply where nothing is accepted.
pub(super) fn grade(item: &Item, text: &str) -> Graded {
    if item.accepted.is_empty() {
        return Graded::does_not_apply("no accepted answer is known for this question");
    }
    match item.accepted.iter().find(|a| a.trim() == text.trim()) {
        Some(accepted) => Graded::scored(1.0, format!("exactly “{accepted}”"), trimmed(text)),
        None => Graded::scored(0.0, format!("not exactly {}", quoted(&item.accepted)), trimmed(text)),
    }
}
