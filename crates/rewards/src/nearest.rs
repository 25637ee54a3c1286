//! The word that was probably meant. Knows spelling, not meaning.

/// The candidate that fewest single-letter edits turn into `word`, where a third of its letters or two edits suffice.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(64).collect();
    candidates
        .into_iter()
        .map(|candidate| (edits(&word, &candidate.chars().collect::<Vec<_>>()), candidate))
        .filter(|(edits, candidate)| *edits <= 2.max(candidate.len() / 3) && *edits < candidate.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance: insertions, deletions and replacements that turn `a` into `b`.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let words = ["reference", "operation", "input", "name", "max_completions_tokens"];
        for (typed, meant) in [
            ("refrence", Some("reference")),
            ("operator", Some("operation")),
            ("inputs", Some("input")),
            ("max_completion_tokens", Some("max_completions_tokens")),
            ("pass_threshold", None),
            ("", None),
            ("zzzzz", None),
        ] {
            assert_eq!(nearest(typed, words), meant, "{typed}");
        }
        assert_eq!(nearest("neq", ["eq", "ne", "like", "ilike"]), Some("eq"));
        assert_eq!(edits(&['a', 'b'], &[]), 2);
    }
}
