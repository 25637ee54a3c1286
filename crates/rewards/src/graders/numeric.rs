//! The first number of the answer against the accepted numbers. Words around it do not matter; a repetition of the
//! question before it ("2 + 3 =") is skipped.

use super::{Graded, quoted};
use crate::case::Case;
use crate::matching::after_restatement_in;
use crate::number::{first_number, whole_number};
use crate::spans::trimmed;
use clicker_wire::Span;

/// 1 if the first number is within `tolerance` of an accepted number, else 0; does not apply where no accepted answer
/// is a number. A billionth of the accepted number is granted on top, because 5.2 - 5.1 is not 0.1 in binary.
pub(super) fn grade(case: &Case, tolerance: f64) -> Graded {
    let (item, text) = (case.item(), case.text);
    let wanted: Vec<f64> = item.accepted.iter().filter_map(|a| whole_number(a)).collect();
    if wanted.is_empty() {
        return Graded::does_not_apply("no accepted answer is a number");
    }
    let (offset, rest) = after_restatement_in(case.asked, case.normalised(), text);
    let Some((value, span)) = first_number(rest) else {
        return Graded::scored(
            0.0,
            format!("no number in the answer, expected {}", quoted(&item.accepted)),
            trimmed(text),
        );
    };
    // Answers have at most 2^20 bytes here, so the sum fits.
    let offset = offset as u32;
    let span = Span { start: span.start + offset, end: span.end + offset };
    let slack = |accepted: f64| tolerance + 1e-9 * accepted.abs().max(1.0);
    match wanted.iter().find(|w| (value - **w).abs() <= slack(**w)) {
        Some(w) => Graded::scored(1.0, format!("{value} is within {tolerance} of {w}"), [span]),
        None => Graded::scored(0.0, format!("{value} is not within {tolerance} of {}", quoted(&item.accepted)), [span]),
    }
}
