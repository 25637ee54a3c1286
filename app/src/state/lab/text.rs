//! The document as text: laid out for people, read back with complaints that name the place.

use super::place;
use clicker_wire::RewardConfig;

/// Columns within which a value stays on one line.
const WIDTH: usize = 66;

/// Why a text is no reward.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Complaint {
    /// Line and column, from 1.
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// The byte at which reading stopped.
    pub(crate) offset: usize,
    /// The part of the document it lies in, e.g. `graders[1].weight`; empty at the top.
    pub(crate) part: String,
    /// What is wrong, with the word that was probably meant.
    pub(crate) message: String,
}

/// Reads a text as a reward.
pub(crate) fn read(text: &str) -> Result<RewardConfig, Complaint> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line().max(1), error.column().max(1));
        let whole = error.to_string();
        let message = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(message, _)| message);
        let meant = place::meant(message).map(|word| format!(". Did you mean `{word}`?")).unwrap_or_default();
        let offset = place::offset(text, line, column);
        Complaint { line, column, offset, part: place::part(text, offset), message: format!("{message}{meant}") }
    })
}

/// A reward as text: its canonical JSON, broken into lines where it is long.
pub(crate) fn write(config: &RewardConfig) -> String {
    layout(&serde_json::to_string(config).unwrap_or_default())
}

/// A text laid out, if it is a reward; else as it is.
pub(crate) fn tidy(text: String) -> String {
    read(&text).map_or(text, |config| write(&config))
}

/// Compact JSON laid out.
pub(crate) fn layout(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    lay(json, 0, 0, &mut out);
    out
}

/// Writes one value. `indent` is the depth of its line, `used` what stands before it there.
fn lay(value: &str, indent: usize, used: usize, out: &mut String) {
    let short = value.len() + 2 * parts(inner(value)).len() + used <= WIDTH;
    let scalar = !value.starts_with(['{', '[']);
    if scalar || value.len() == 2 || (short && indent > 0) {
        return spaced(value, out);
    }
    let (open, close) = if value.starts_with('{') { ('{', '}') } else { ('[', ']') };
    out.push(open);
    for (index, part) in parts(inner(value)).into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        line(indent + 1, out);
        let (key, value) = if open == '{' { keyed(part) } else { ("", part) };
        if !key.is_empty() {
            out.push_str(key);
            out.push_str(": ");
        }
        lay(value, indent + 1, 2 * (indent + 1) + key.len() + 3, out);
    }
    line(indent, out);
    out.push(close);
}

fn line(indent: usize, out: &mut String) {
    out.push('\n');
    (0..indent).for_each(|_| out.push_str("  "));
}

/// What stands between the brackets.
fn inner(value: &str) -> &str {
    value.get(1..value.len().saturating_sub(1)).unwrap_or_default()
}

/// The members or elements of a container, split at its own commas.
fn parts(inner: &str) -> Vec<&str> {
    let (mut parts, mut from) = (Vec::new(), 0);
    place::scan(inner, |at, byte, depth| {
        if byte == b',' && depth == 0 {
            parts.push(&inner[from..at]);
            from = at + 1;
        }
    });
    if !inner.is_empty() {
        parts.push(&inner[from..]);
    }
    parts
}

/// A member's key, quotes included, and its value.
fn keyed(member: &str) -> (&str, &str) {
    let mut colon = None;
    place::scan(member, |at, byte, depth| {
        if byte == b':' && depth == 0 {
            colon.get_or_insert(at);
        }
    });
    colon.map_or(("", member), |at| (&member[..at], &member[at + 1..]))
}

/// On one line, with spaces as people set them.
fn spaced(value: &str, out: &mut String) {
    let mut from = 0;
    place::scan(value, |at, byte, _| {
        let next = value.as_bytes().get(at + 1);
        let (before, after) = match byte {
            b',' | b':' => (false, true),
            b'{' => (false, next != Some(&b'}')),
            b'}' => (at > 0 && value.as_bytes()[at - 1] != b'{', false),
            _ => return,
        };
        out.push_str(&value[from..at]);
        if before {
            out.push(' ');
        }
        out.push(char::from(byte));
        if after {
            out.push(' ');
        }
        from = at + 1;
    });
    out.push_str(&value[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_wire::{Gate, Grader, WeightedGrader};

    fn tricky() -> RewardConfig {
        let template = "{a}, \"b\": [c] \\ {{x}} \u{e9}".to_owned();
        let grader = Grader::Template { template };
        let mut config = RewardConfig::sum(vec![WeightedGrader { name: "t".into(), weight: 1.5, grader }]);
        config.gates = vec![Gate { grader: "t".into(), at_least: 1.0, otherwise: -1.0 }];
        config
    }

    #[test]
    fn what_is_written_is_read_back() {
        for config in [RewardConfig::default(), tricky(), RewardConfig::sum(Vec::new())] {
            let text = write(&config);
            assert_eq!(read(&text), Ok(config), "{text}");
        }
    }

    #[test]
    fn tidying_keeps_what_is_broken() {
        assert_eq!(tidy("{ broken".into()), "{ broken");
        let config = RewardConfig::default();
        assert_eq!(tidy(serde_json::to_string(&config).expect("JSON")), write(&config));
    }

    #[test]
    fn short_values_share_a_line() {
        let expected = "{\n  \"graders\": [\n    { \"name\": \"a\", \"weight\": 1.0, \"grader\": { \"type\": \"exact\" } }\n  ]\n}";
        let grader = WeightedGrader { name: "a".into(), weight: 1.0, grader: Grader::Exact {} };
        let text = write(&RewardConfig::sum(vec![grader]));
        assert!(text == expected || text.lines().count() == 3, "{text}");
    }

    #[test]
    fn a_complaint_names_the_place_and_the_word_that_was_meant() {
        let text =
            "{\n  \"graders\": [\n    { \"name\": \"a\", \"wieght\": 1, \"grader\": { \"type\": \"exact\" } }\n  ]\n}";
        let complaint = read(text).expect_err("an unknown key");
        assert_eq!((complaint.line, complaint.part.as_str()), (3, "graders[0].wieght"), "{complaint:?}");
        assert!(complaint.message.ends_with("Did you mean `weight`?"), "{complaint:?}");
        let unclosed = read("{\"graders\": [").expect_err("unclosed");
        assert_eq!((unclosed.line, unclosed.part.as_str()), (1, "graders[0]"), "{unclosed:?}");
    }

    #[test]
    fn nothing_panics_on_broken_text() {
        let text = write(&tricky());
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let complaint = read(&text[..end]).expect_err("cut off");
            assert!(complaint.offset <= end, "{complaint:?}");
        }
    }
}
