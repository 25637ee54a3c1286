//! DAPO's soft limit on length (arXiv 2503.14476, "soft overlong punishment"). Departure: it counts characters or words
//! of the text, not tokens, so that it is the same for every model.

use super::Graded;
use crate::spans::{span, word_starts};
use clicker_wire::LengthUnit;

/// With length n: 0 if n <= max - cache, `((max - cache) - n) / cache` up to max, -1 beyond. The evidence is what lies
/// beyond the free length. With a cache of 0 or above max (which validation refuses) the fall is a step at max.
pub(super) fn grade(text: &str, max: u32, cache: u32, unit: LengthUnit) -> Graded {
    let (n, called) = match unit {
        LengthUnit::Characters => (text.chars().count(), "characters"),
        LengthUnit::Words => (text.split_whitespace().count(), "words"),
    };
    let free = max.saturating_sub(cache);
    if n <= free as usize {
        return Graded::scored(0.0, format!("{n} {called}, {free} are free"), []);
    }
    let from = match unit {
        LengthUnit::Characters => text.char_indices().nth(free as usize).map(|(at, _)| at),
        LengthUnit::Words => word_starts(text).nth(free as usize),
    };
    let beyond = from.and_then(|from| span(from, text.trim_end().len().max(from)));
    if n > max as usize {
        return Graded::scored(-1.0, format!("{n} {called}, the limit is {max}"), beyond);
    }
    let score = -((n - free as usize) as f64) / f64::from(cache.max(1));
    Graded::scored(score.max(-1.0), format!("{n} {called}, {free} are free and {max} cost all"), beyond)
}
