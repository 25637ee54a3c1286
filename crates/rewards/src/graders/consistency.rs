//! Whether an answer agrees with the others that were drawn for its question. It knows no truth: a group can agree on a
//! mistake, and paid for agreement alone it will.

use super::Graded;
use crate::case::Case;
use crate::outside::Outside;
use crate::spans::trimmed;

/// Agreement discounted by the entropy of the group (`group`); does not apply to an answer alone.
pub(super) fn grade(case: &Case, outside: &Outside) -> Graded {
    let Some(group) = outside.group else {
        return Graded::does_not_apply("no other answers to the question are at hand here");
    };
    match group.standing_of(case) {
        Some(standing) => {
            let (same, others) = (standing.same, standing.others);
            let reason = format!(
                "{same} of {others} other answers say the same; the group's entropy is {:.3} nats",
                standing.entropy
            );
            Graded::scored(standing.consistency, reason, trimmed(case.text))
        }
        None => Graded::does_not_apply("it is not one of two or more answers that were drawn together"),
    }
}
