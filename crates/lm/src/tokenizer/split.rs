//! The splitting rules that byte-level tokenizers use, written as code: a text is cut into pieces, and no token spans two.
//!
//! Four rules are in use by the models that this crate runs: GPT-2's, Llama 3's, Qwen2's, and digits that stand alone (SmolLM2).
//! Files give them as regular expressions; those are recognised by their text and anything else is refused, because a
//! piece cut elsewhere is a different sequence of tokens. Never knows a vocabulary.

use super::unicode::{Class, Classes};
use crate::{LmError, Result};
use serde_json::Value;

/// Rules in the order in which they are applied, each to the pieces of the one before.
#[derive(Clone, Debug)]
pub(super) struct Splitter {
    steps: Vec<Step>,
    classes: Classes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Every digit is a piece.
    EachDigit,
    /// Every run of digits is a piece.
    DigitRuns,
    /// A piece that does not begin with a space gets one.
    LeadingSpace,
    /// GPT-2: contractions; letters, numbers or other characters, each with at most one space before; white space.
    Gpt2,
    /// Llama 3 and its relatives: as GPT-2, but any one character may come before letters, numbers have at most this many digits,
    /// and line breaks end a piece.
    Llama3 { digits: usize },
}

/// (what files write, what it means)
pub(super) const PATTERNS: [(&str, Step); 4] = [
    (r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", Step::Gpt2),
    (r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", Step::Gpt2),
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        Step::Llama3 { digits: 3 },
    ),
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        Step::Llama3 { digits: 1 },
    ),
];

impl Splitter {
    /// From the `pre_tokenizer` of a tokenizer.json.
    pub(super) fn from_json(value: &Value) -> Result<Self> {
        let mut steps = Vec::new();
        let complete = read(value, &mut steps)?;
        if !complete {
            return Err(refused(value, "it does not end in `ByteLevel`, so the tokens are not bytes"));
        }
        Ok(Self { steps, classes: Classes::new() })
    }

    /// Call `each` with every piece, in order.
    pub(super) fn split(&self, text: &str, each: &mut dyn FnMut(&str)) {
        self.run(&self.steps, text, each);
    }

    fn run(&self, steps: &[Step], piece: &str, each: &mut dyn FnMut(&str)) {
        let Some((step, rest)) = steps.split_first() else {
            each(piece);
            return;
        };
        if *step == Step::LeadingSpace {
            if piece.starts_with(' ') {
                self.run(rest, piece, each);
            } else {
                self.run(rest, &format!(" {piece}"), each);
            }
            return;
        }
        let mut left = piece;
        while !left.is_empty() {
            // Every rule takes at least one character, so this ends.
            let (first, after) = left.split_at(self.first(*step, left));
            self.run(rest, first, each);
            left = after;
        }
    }

    /// Bytes of the first piece of a text that is not empty.
    fn first(&self, step: Step, text: &str) -> usize {
        let length = match step {
            Step::EachDigit if text.starts_with(char::is_numeric) => char_len(text),
            Step::EachDigit => text.find(char::is_numeric).unwrap_or(text.len()),
            Step::DigitRuns => {
                let digit = text.starts_with(char::is_numeric);
                text.find(|c: char| c.is_numeric() != digit).unwrap_or(text.len())
            }
            Step::LeadingSpace => text.len(),
            Step::Gpt2 => self.gpt2(text),
            Step::Llama3 { digits } => self.llama3(text, digits),
        };
        length.max(char_len(text))
    }

    fn gpt2(&self, text: &str) -> usize {
        if let Some(length) = contraction(text, |c| c) {
            return length;
        }
        let space = usize::from(text.starts_with(' '));
        let body = &text[space..];
        match body.chars().next().map(|c| self.classes.of(c)) {
            Some(class) if class != Class::Space => space + self.run_of(body, class, usize::MAX),
            _ => self.white_space(text),
        }
    }

    fn llama3(&self, text: &str, digits: usize) -> usize {
        // Regular expressions fold U+017F, the long s, to s.
        if let Some(length) = contraction(text, |c| if c == '\u{17f}' { 's' } else { c.to_ascii_lowercase() }) {
            return length;
        }
        let mut chars = text.chars();
        let (Some(c), next) = (chars.next(), chars.next()) else { return 0 };
        let class = self.classes.of(c);
        let next = next.map(|c| self.classes.of(c));
        match class {
            Class::Letter => return self.run_of(text, Class::Letter, usize::MAX),
            Class::Number => return self.run_of(text, Class::Number, digits),
            Class::Space | Class::Other if next == Some(Class::Letter) && c != '\r' && c != '\n' => {
                return c.len_utf8() + self.run_of(&text[c.len_utf8()..], Class::Letter, usize::MAX);
            }
            Class::Space | Class::Other => {}
        }
        let space = usize::from(c == ' ' && next == Some(Class::Other));
        if class == Class::Other || space == 1 {
            let end = space + self.run_of(&text[space..], Class::Other, usize::MAX);
            return text[end..].find(|c| c != '\r' && c != '\n').map_or(text.len(), |breaks| end + breaks);
        }
        let run = self.run_of(text, Class::Space, usize::MAX);
        match text[..run].rfind(['\r', '\n']) {
            Some(last) => last + 1,
            None => self.white_space(text),
        }
    }

    /// Bytes of the run of one class at the start, of at most so many characters.
    fn run_of(&self, text: &str, class: Class, most: usize) -> usize {
        let mut end = 0;
        for c in text.chars().take(most) {
            if self.classes.of(c) != class {
                break;
            }
            end += c.len_utf8();
        }
        end
    }

    /// White space at the start; its last character is left to a word that follows, unless it is the only one.
    fn white_space(&self, text: &str) -> usize {
        let run = self.run_of(text, Class::Space, usize::MAX);
        if run == text.len() {
            return run;
        }
        let last = text[..run].chars().next_back().map_or(0, char::len_utf8);
        if run > last { run - last } else { run }
    }
}

fn char_len(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

/// Bytes of an apostrophe with one of the endings that stand alone.
fn contraction(text: &str, fold: impl Fn(char) -> char) -> Option<usize> {
    let rest = text.strip_prefix('\'')?;
    let mut chars = rest.chars();
    let (first, second) = (chars.next()?, chars.next());
    match (fold(first), second.map(fold)) {
        ('s' | 't' | 'm' | 'd', _) => Some(1 + first.len_utf8()),
        ('r' | 'v', Some('e')) | ('l', Some('l')) => Some(3),
        _ => None,
    }
}

/// Add the steps of one rule; says whether it ends in bytes.
fn read(value: &Value, steps: &mut Vec<Step>) -> Result<bool> {
    let flag = |key: &str, usual: bool| value[key].as_bool().unwrap_or(usual);
    match value["type"].as_str() {
        Some("ByteLevel") => {
            if flag("add_prefix_space", true) {
                steps.push(Step::LeadingSpace);
            }
            if flag("use_regex", true) {
                steps.push(Step::Gpt2);
            }
            Ok(true)
        }
        Some("Digits") => {
            steps.push(if flag("individual_digits", false) { Step::EachDigit } else { Step::DigitRuns });
            Ok(false)
        }
        Some("Split") => {
            let pattern = value["pattern"]["Regex"].as_str();
            let known = PATTERNS.iter().find(|(text, _)| Some(*text) == pattern);
            match known {
                Some((_, step)) if value["behavior"] == "Isolated" && !flag("invert", false) => steps.push(*step),
                _ => return Err(refused(value, "its pattern is none of GPT-2's, Llama 3's and Qwen2's")),
            }
            Ok(false)
        }
        Some("Sequence") => {
            let mut complete = false;
            for part in value["pretokenizers"].as_array().into_iter().flatten() {
                if complete {
                    return Err(refused(value, "`ByteLevel` is not the last of its rules"));
                }
                complete = read(part, steps)?;
            }
            Ok(complete)
        }
        _ => Err(refused(value, "expected ByteLevel, Digits, Split, or a Sequence of these")),
    }
}

fn refused(value: &Value, why: &str) -> LmError {
    let shown: String = value.to_string().chars().take(300).collect();
    LmError::Tokenizer(format!("pre_tokenizer {shown}: {why}. This version reads byte-level BPE"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pieces(rule: &Value, text: &str) -> Vec<String> {
        let mut out = Vec::new();
        Splitter::from_json(rule).unwrap().split(text, &mut |piece| out.push(piece.to_owned()));
        out
    }

    fn split(pattern: usize) -> Value {
        json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": PATTERNS[pattern].0}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
        ]})
    }

    #[test]
    fn words_take_their_space_along() {
        let gpt2 = json!({"type": "ByteLevel", "add_prefix_space": false});
        assert_eq!(
            pieces(&gpt2, "I'll say  it's 42!!\n\n ok  "),
            ["I", "'ll", " say", " ", " it", "'s", " 42", "!!", "\n\n", " ok", "  "]
        );
        assert_eq!(pieces(&split(0), "a  \n b"), ["a", "  \n", " b"]);
        assert_eq!(pieces(&split(1), "don't"), ["don", "'t"]);
        let spaced = json!({"type": "ByteLevel", "add_prefix_space": true});
        assert_eq!(pieces(&spaced, "a b"), [" a", " b"]);
    }

    #[test]
    fn llama_and_qwen_differ_in_digits_only() {
        assert_eq!(
            pieces(&split(2), "IT'S 12345 (ok)\r\n\tx"),
            ["IT", "'S", " ", "123", "45", " (", "ok", ")\r\n", "\tx"]
        );
        assert_eq!(pieces(&split(3), "123 x"), ["1", "2", "3", " x"]);
        assert_eq!(pieces(&split(2), "a \n \n  b"), ["a", " \n \n", " ", " b"]);
    }

    #[test]
    fn digits_stand_alone_before_words_are_cut() {
        let rule = json!({"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": false}]});
        assert_eq!(pieces(&rule, "in 1984, x"), ["in", " ", "1", "9", "8", "4", ",", " x"]);
        let runs = json!({"type": "Sequence", "pretokenizers": [
            {"type": "Digits"}, {"type": "ByteLevel", "add_prefix_space": false}]});
        assert_eq!(pieces(&runs, "in 1984, x"), ["in", " ", "1984", ",", " x"]);
    }

    #[test]
    fn unknown_rules_are_named() {
        for (rule, word) in [
            (json!(null), "expected ByteLevel"),
            (json!({"type": "Metaspace"}), "Metaspace"),
            (json!({"type": "Digits"}), "not bytes"),
            (json!({"type": "Split", "pattern": {"Regex": "\\d"}, "behavior": "Isolated"}), "Llama 3's"),
            (json!({"type": "Split", "pattern": {"Regex": PATTERNS[0].0}, "behavior": "Removed"}), "Removed"),
            (json!({"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Digits"}]}), "not the last"),
        ] {
            let message = Splitter::from_json(&rule).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
