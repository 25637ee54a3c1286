//! A penalty on saying the same again: how many of the answer's groups of n neighbouring words are repeats. It never
//! looks at meaning, and sees no repetition in other words.

use super::{Graded, MAX_EVIDENCE, excerpt};
use crate::case::Case;
use std::collections::HashSet;

/// Most words in a group.
pub(crate) const MAX_N: u32 = 16;

/// `-(1 - different / all)` over the groups of `n` neighbouring words of the normalised answer; 0 where it is shorter
/// than `n` words. The evidence is the repeats, at most the first sixteen.
pub(super) fn grade(case: &Case, n: u32) -> Graded {
    let normalised = case.with_articles();
    let words: Vec<&str> = normalised.words().collect();
    let n = n.clamp(1, MAX_N) as usize;
    let all = (words.len() + 1).saturating_sub(n);
    if all == 0 {
        return Graded::scored(0.0, format!("fewer than {n} words"), []);
    }
    let again = if all <= FEW { again_few(&words, n) } else { again_many(&words, n) };
    let Some(first) = again.first() else {
        return Graded::scored(0.0, format!("none of {all} groups of {n} words comes twice"), []);
    };
    let repeats = again.len();
    let example = excerpt(&words[*first..first + n].join(" "));
    let reason = format!("{repeats} of {all} groups of {n} words are repeats, the first “{example}”");
    let spans = again.iter().take(MAX_EVIDENCE).filter_map(|at| normalised.span(*at..at + n));
    Graded::scored(-(repeats as f64 / all as f64), reason, spans)
}

/// Groups up to which comparing each with all before it is quicker than a table.
const FEW: usize = 64;

/// Where a group begins that has been before.
fn again_many(words: &[&str], n: usize) -> Vec<usize> {
    let mut seen: HashSet<&[&str]> = HashSet::with_capacity(words.len());
    words.windows(n).enumerate().filter(|(_, group)| !seen.insert(*group)).map(|(at, _)| at).collect()
}

/// As [`again_many`], for a short answer.
fn again_few(words: &[&str], n: usize) -> Vec<usize> {
    // The same word has the number of its first occurrence, so groups are compared by numbers.
    let number = |i: usize| words.iter().position(|word| *word == words[i]).unwrap_or(i) as u32;
    let numbers: Vec<u32> = (0..words.len()).map(number).collect();
    let groups: Vec<&[u32]> = numbers.windows(n).collect();
    (0..groups.len()).filter(|at| groups[..*at].contains(&groups[*at])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_ways_find_the_same(words in proptest::collection::vec("[ab]{1,2}", 0..60), n in 1usize..5) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            prop_assume!(words.len() >= n);
            prop_assert_eq!(again_few(&words, n), again_many(&words, n));
        }
    }
}
