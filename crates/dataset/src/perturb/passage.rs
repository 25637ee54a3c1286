//! A text as what is told and what is asked: sentences, the last of which is the question. Knows no language, only full stops.

/// Words before a passage that are no part of it.
const OPENERS: [&str; 6] = ["Text: ", "Read this. ", "Passage: ", "Context: ", "Read the passage. ", "Read the text. "];

/// A text, cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passage<'a> {
    /// What introduces the passage; may be empty.
    opener: &'a str,
    /// What is told.
    pub(super) told: Vec<&'a str>,
    /// What is asked.
    pub(super) question: &'a str,
}

impl<'a> Passage<'a> {
    /// Cut a text. The last sentence is the question.
    pub(super) fn of(text: &'a str) -> Self {
        let opener = OPENERS.iter().find(|o| text.starts_with(**o)).map_or(0, |o| o.len());
        let mut told = sentences(&text[opener..]);
        let question = told.pop().unwrap_or_default();
        Self { opener: &text[..opener], told, question }
    }

    /// The text again, with these sentences in place of what was told.
    pub(super) fn with(&self, told: &[&str]) -> String {
        let all: Vec<&str> = told.iter().copied().chain([self.question]).collect();
        format!("{}{}", self.opener, all.join(" "))
    }
}

/// Sentences end at `.`, `!` or `?` before a space; a single letter with a point ("D.") ends none.
fn sentences(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        let next = text[at + c.len_utf8()..].chars().next();
        let ends = matches!(c, '.' | '!' | '?') && next == Some(' ');
        let initial = c == '.' && text[start..at].rsplit([' ', '.']).next().is_some_and(|w| w.chars().count() == 1);
        let digit = text[..at].chars().next_back().is_some_and(|d| d.is_ascii_digit());
        if ends && (!initial || digit) {
            out.push(text[start..=at].trim());
            start = at + 1;
        }
    }
    let rest = text[start..].trim();
    if !rest.is_empty() {
        out.push(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_told_and_asked() {
        let text = "Text: Ana left the kite. The drum was sold on Monday. Question: Who left the kite?";
        let cut = Passage::of(text);
        assert_eq!(cut.told, ["Ana left the kite.", "The drum was sold on Monday."]);
        assert_eq!(cut.question, "Question: Who left the kite?");
        assert_eq!(cut.with(&cut.told), text);
        assert_eq!(Passage::of("Who?").told, [""; 0]);
        assert_eq!(Passage::of("").question, "");
        assert_eq!(Passage::of("J. Smith has 3. Who?").told, ["J. Smith has 3."]);
    }
}
