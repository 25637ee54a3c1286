//! Tokens that are matched in the text as wholes, before anything is split: the longest of those that begin leftmost.
//!
//! Special ones are found too, and then left to be spelled like any other text: a person who types `<|end|>` means these
//! seven characters, not the end of a turn.

/// One added token.
#[derive(Clone, Debug)]
pub(super) struct Added {
    pub(super) content: String,
    pub(super) id: u32,
    pub(super) special: bool,
    /// White space before it belongs to it.
    pub(super) lstrip: bool,
    /// White space after it belongs to it.
    pub(super) rstrip: bool,
}

/// Added tokens that are looked for together.
#[derive(Clone, Debug, Default)]
pub(super) struct AddedSet {
    /// Sorted by first byte, then the longest first.
    tokens: Vec<Added>,
}

/// A stretch of text: spelled, or one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Text(&'a str),
    Token(u32),
}

impl AddedSet {
    pub(super) fn new(mut tokens: Vec<Added>) -> Self {
        tokens.retain(|t| !t.content.is_empty());
        tokens.sort_by_key(|t| (t.content.as_bytes()[0], std::cmp::Reverse(t.content.len())));
        Self { tokens }
    }

    /// Cut a text at every token that is not special.
    pub(super) fn parts<'a>(&self, text: &'a str, each: &mut dyn FnMut(Part<'a>)) {
        let (mut at, mut told) = (0, 0);
        if self.tokens.iter().any(|t| !t.special) {
            while at < text.len() {
                let Some(token) = self.longest_at(&text.as_bytes()[at..]) else {
                    at += 1;
                    continue;
                };
                let (mut start, mut end) = (at, at + token.content.len());
                at = end;
                if token.special {
                    continue;
                }
                if token.lstrip {
                    start = text[..start].trim_end().len().max(told);
                }
                if token.rstrip {
                    end = text.len() - text[end..].trim_start().len();
                }
                if told < start {
                    each(Part::Text(&text[told..start]));
                }
                each(Part::Token(token.id));
                told = end;
            }
        }
        if told < text.len() {
            each(Part::Text(&text[told..]));
        }
    }

    fn longest_at(&self, bytes: &[u8]) -> Option<&Added> {
        let first = self.tokens.partition_point(|t| t.content.as_bytes()[0] < bytes[0]);
        self.tokens[first..]
            .iter()
            .take_while(|t| t.content.as_bytes()[0] == bytes[0])
            .find(|t| bytes.starts_with(t.content.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(content: &str, id: u32, special: bool) -> Added {
        Added { content: content.into(), id, special, lstrip: false, rstrip: false }
    }

    fn parts(tokens: Vec<Added>, text: &str) -> Vec<String> {
        let mut out = Vec::new();
        AddedSet::new(tokens).parts(text, &mut |part| {
            out.push(match part {
                Part::Text(text) => text.to_owned(),
                Part::Token(id) => format!("#{id}"),
            });
        });
        out
    }

    #[test]
    fn the_longest_wins_and_special_tokens_are_text() {
        let tokens = vec![token("<a>", 1, false), token("<a><b>", 2, false), token("<end>", 3, true)];
        assert_eq!(parts(tokens, "x<a><b>y<a><end>é"), ["x", "#2", "y", "#1", "<end>é"]);
    }

    #[test]
    fn white_space_beside_a_token_can_belong_to_it() {
        let left = Added { lstrip: true, ..token("<l>", 1, false) };
        let right = Added { rstrip: true, ..token("<r>", 2, false) };
        assert_eq!(parts(vec![left, right], "a  <l> b <r>  <l>c"), ["a", "#1", " b ", "#2", "#1", "c"]);
    }
}
