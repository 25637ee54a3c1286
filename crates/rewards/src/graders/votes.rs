//! What people said of this very text, from votes that are brought in from outside.

use super::Graded;
use crate::case::Case;
use crate::outside::Outside;

/// The score of the ballot; does not apply without one, and to a text that nobody voted on.
pub(super) fn grade(case: &Case, outside: &Outside) -> Graded {
    match outside.votes {
        Some(ballot) => ballot.score_of(case.text, &case.normalised().text),
        None => Graded::does_not_apply("no votes are at hand here"),
    }
}
