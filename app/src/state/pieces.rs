//! Evidence inside tokens: cuts a token's text where a receipt's byte spans begin and end.

use clicker_wire::Span;

/// The parts of a token's text, each with whether a span covers it. `start` is the byte of the answer at which the token
/// begins. Spans off character boundaries (they never should be) are widened to the nearest ones.
pub(crate) fn cut(text: &str, start: usize, spans: &[Span]) -> Vec<(String, bool)> {
    let mut parts: Vec<(String, bool)> = Vec::new();
    for (offset, character) in text.char_indices() {
        let (from, to) = (start + offset, start + offset + character.len_utf8());
        let marked = spans.iter().any(|s| (s.start as usize) < to && from < s.end as usize);
        match parts.last_mut() {
            Some((part, same)) if *same == marked => part.push(character),
            _ => parts.push((character.to_string(), marked)),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_both_ends_of_a_span() {
        let parts = cut("Paris", 10, &[Span { start: 11, end: 13 }]);
        assert_eq!(parts, vec![("P".into(), false), ("ar".into(), true), ("is".into(), false)]);
    }

    #[test]
    fn whole_characters_only() {
        let parts = cut("é!", 0, &[Span { start: 1, end: 2 }]);
        assert_eq!(parts, vec![("é".into(), true), ("!".into(), false)]);
    }
}
