//! A penalty on long answers. Counts characters (Unicode scalar values), never tokens, so that it is the same for every
//! model.

use super::Graded;
use crate::spans::span;

/// 0 up to `free` characters, falling linearly to -1 at `limit`: `-(n - free) / (limit - free)` between them. The
/// evidence is what lies beyond the free characters. With `limit` at or below `free` (which validation refuses) the
/// fall is a step.
pub(super) fn grade(text: &str, free: u32, limit: u32) -> Graded {
    let count = text.chars().count();
    let (n, free_f, limit_f) = (count as f64, f64::from(free), f64::from(limit));
    if n <= free_f {
        return Graded::scored(0.0, format!("{count} characters, {free} are free"), []);
    }
    let beyond = text.char_indices().nth(free as usize).and_then(|(at, _)| span(at, text.len()));
    let (score, reason) = if n >= limit_f {
        (-1.0, format!("{count} characters, the limit is {limit}"))
    } else {
        (-(n - free_f) / (limit_f - free_f), format!("{count} characters, {free} are free and {limit} cost all"))
    };
    Graded::scored(score, reason, beyond)
}
