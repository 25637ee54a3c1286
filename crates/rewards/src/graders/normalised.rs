//! Equality with an accepted answer in the one spelling of `normalise`, alone or in a sentence that repeats the
//! question.

use super::{Graded, quoted};
use crate::case::Case;
use crate::spans::trimmed;

/// 1 if [`crate::matching::find`] finds an accepted answer, else 0; does not apply where nothing is accepted.
pub(super) fn grade(case: &Case) -> Graded {
    let item = case.item();
    if item.accepted.is_empty() {
        return Graded::does_not_apply("no accepted answer is known for this question");
    }
    match case.found() {
        Some(hit) => Graded::scored(1.0, format!("says “{}”", hit.accepted), [hit.span]),
        None => {
            Graded::scored(0.0, format!("does not say {} and nothing else", quoted(&item.accepted)), trimmed(case.text))
        }
    }
}
