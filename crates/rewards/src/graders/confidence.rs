//! Calibration as a reward (RLCR, arXiv 2507.16806): being right pays, and so does knowing how sure to be. The second
//! term is the Brier score, which is best at the true chance of being right.

use super::Graded;
use crate::case::Case;
use crate::confidence::{self, Stated};
use crate::spans::trimmed;
use clicker_wire::{Expected, Verdict};

/// `right y - (c - y)^2` with y = 1 for a right answer and 0 for any other, and c the confidence that it states. The verdict
/// sets the statement aside. Without one, "I don't know" counts as c = 0 (worth 0) and everything else as
/// c = 1: an answer without a doubt is certain. More than one statement counts as none. Does not apply where nothing is
/// known about the truth.
pub(super) fn grade(case: &Case, right: f64) -> Graded {
    let (item, text) = (case.item(), case.text);
    if item.expected == Expected::Unknown {
        return Graded::does_not_apply("nothing is known about the truth of this question");
    }
    let stated = confidence::stated(text);
    let verdict = case.verdict();
    let spans = match &stated {
        Stated::Once { span, .. } => vec![*span],
        Stated::Never | Stated::Often => trimmed(text),
    };
    let (c, how) = match (&stated, verdict) {
        (Stated::Once { value, .. }, _) => (*value, format!("states confidence {value}")),
        (_, Verdict::Abstained) => (0.0, "states no confidence and claims nothing, which counts as 0".to_string()),
        (Stated::Often, _) => (1.0, "states more than one confidence, which counts as 1".to_string()),
        (Stated::Never, _) => (1.0, "states no confidence, which counts as 1".to_string()),
    };
    let (y, was) = match verdict {
        Verdict::Right => (1.0, "right"),
        Verdict::Abstained => (0.0, "says that it does not know"),
        Verdict::Refused => (0.0, "declines what nothing forbids"),
        Verdict::Wrong => (0.0, "wrong"),
    };
    let score = right * y - (c - y) * (c - y);
    Graded::scored(score, format!("{was}, and {how}: {} - ({c} - {y})² = {score:.4}", right * y), spans)
}
