//! A penalty on saying the same again: how many of the answer's groups of n neighbouring words are repeats. It never
//! looks at meaning, and sees no repetition in other words.

use super::{Graded, MAX_EVIDENCE, excerpt};
use crate::normalise::normalise_with_articles;
use std::collections::HashSet;

/// Most words in a group.
pub(crate) const MAX_N: u32 = 16;

/// `-(1 - different / all)` over the groups of `n` neighbouring words of the normalised answer; 0 where it is shorter
/// than `n` words. The evidence is the repeats, at most the first sixteen.
pub(super) fn grade(text: &str, n: u32) -> Graded {
    let normalised = normalise_with_articles(text);
    let words: Vec<&str> = normalised.words().collect();
    let n = n.clamp(1, MAX_N) as usize;
    let all = (words.len() + 1).saturating_sub(n);
    if all == 0 {
        return Graded::scored(0.0, format!("fewer than {n} words"), []);
    }
    let mut seen: HashSet<&[&str]> = HashSet::with_capacity(all);
    let (mut spans, mut first) = (Vec::new(), None);
    for (at, group) in words.windows(n).enumerate() {
        if !seen.insert(group) {
            first.get_or_insert(group);
            if spans.len() < MAX_EVIDENCE {
                spans.extend(normalised.span(at..at + n));
            }
        }
    }
    let repeats = all - seen.len();
    let Some(group) = first else {
        return Graded::scored(0.0, format!("none of {all} groups of {n} words comes twice"), []);
    };
    let example = excerpt(&group.join(" "));
    let reason = format!("{repeats} of {all} groups of {n} words are repeats, the first “{example}”");
    Graded::scored(-(repeats as f64 / all as f64), reason, spans)
}
