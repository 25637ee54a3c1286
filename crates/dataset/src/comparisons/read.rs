//! Comparisons and judgements from JSONL, in TRL's shapes: `prompt`, `chosen`, `rejected`, or `prompt`, `completion`, `label`.
//! Texts are plain strings or lists of turns (the answer then one assistant turn). `weight` and `margin` may stand beside
//! them; all other columns are provenance and left alone.

use super::{Comparison, Judgement};
use crate::Error;
use crate::jsonl::MAX_LINE_BYTES;
use clicker_wire::{Message, Role};
use serde::Deserialize;

/// The comparisons of a JSONL text, one per line; empty lines are skipped.
///
/// # Errors
/// A line that is too long, no such object, or says something impossible; its number is in the message.
pub fn read_comparisons(bytes: &[u8]) -> Result<Vec<Comparison>, Error> {
    rows(bytes, |row: PairRow| {
        let (chosen, rejected) = (row.chosen.answer("chosen")?, row.rejected.answer("rejected")?);
        if chosen.trim() == rejected.trim() {
            return Err("`chosen` and `rejected` say the same; leave ties out".into());
        }
        if !row.margin.is_finite() {
            return Err(format!("`margin` is {}, expected a finite number", row.margin));
        }
        Ok(Comparison {
            prompt: row.prompt.turns()?,
            chosen,
            rejected,
            weight: weight(row.weight)?,
            margin: row.margin,
        })
    })
}

/// The judgements of a JSONL text, one per line; empty lines are skipped.
///
/// # Errors
/// As [`read_comparisons`].
pub fn read_judgements(bytes: &[u8]) -> Result<Vec<Judgement>, Error> {
    rows(bytes, |row: ThumbRow| {
        let completion = row.completion.answer("completion")?;
        Ok(Judgement { prompt: row.prompt.turns()?, completion, good: row.label, weight: weight(row.weight)? })
    })
}

#[derive(Deserialize)]
struct PairRow {
    prompt: Text,
    chosen: Text,
    rejected: Text,
    #[serde(default = "one")]
    weight: f64,
    #[serde(default)]
    margin: f64,
}

#[derive(Deserialize)]
struct ThumbRow {
    prompt: Text,
    completion: Text,
    label: bool,
    #[serde(default = "one")]
    weight: f64,
}

/// A text, or a conversation.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Turns(Vec<Message>),
}

impl Text {
    fn turns(self) -> Result<Vec<Message>, String> {
        let turns = match self {
            Self::Plain(text) => vec![Message::user(text)],
            Self::Turns(turns) => turns,
        };
        match turns.last() {
            Some(last) if last.role == Role::User && !last.content.trim().is_empty() => Ok(turns),
            _ => Err("`prompt` does not end with a user's turn that says something".into()),
        }
    }

    /// One answer; it may be empty, because an empty answer can be the worse one.
    fn answer(self, field: &str) -> Result<String, String> {
        match self {
            Self::Plain(text) => Ok(text),
            Self::Turns(turns) => match <[Message; 1]>::try_from(turns) {
                Ok([turn]) if turn.role == Role::Assistant => Ok(turn.content),
                _ => Err(format!("`{field}` is a list of turns, expected exactly one by the assistant")),
            },
        }
    }
}

fn rows<R: for<'de> Deserialize<'de>, T>(bytes: &[u8], make: impl Fn(R) -> Result<T, String>) -> Result<Vec<T>, Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut out = Vec::new();
    for (index, raw) in bytes.split(|b| *b == b'\n').enumerate() {
        let (line, raw) = (index + 1, raw.trim_ascii());
        if raw.is_empty() {
            continue;
        }
        if raw.len() > MAX_LINE_BYTES {
            return Err(Error::LineTooLong { line, bytes: raw.len(), limit: MAX_LINE_BYTES });
        }
        let row: R = serde_json::from_slice(raw).map_err(|source| Error::Row { line, problem: source.to_string() })?;
        out.push(make(row).map_err(|problem| Error::Row { line, problem })?);
    }
    Ok(out)
}

fn weight(weight: f64) -> Result<f64, String> {
    if weight.is_finite() && weight >= 0.0 {
        return Ok(weight);
    }
    Err(format!("`weight` is {weight}, expected a finite number of at least 0"))
}

fn one() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_and_their_forms() {
        let text = r#"
            {"prompt": "2 + 2?", "chosen": "4", "rejected": "5", "annotator": "x", "weight": 0.5}
            {"prompt": [{"role": "user", "content": "Hi"}], "chosen": [{"role": "assistant", "content": "Hello"}], "rejected": "", "margin": 1.0}
        "#;
        let pairs = read_comparisons(text.as_bytes()).unwrap();
        assert_eq!(pairs.len(), 2);
        assert_eq!((pairs[0].chosen.as_str(), pairs[0].weight, pairs[0].margin), ("4", 0.5, 0.0));
        assert_eq!((pairs[1].rejected.as_str(), pairs[1].weight, pairs[1].margin), ("", 1.0, 1.0));
        assert_eq!(pairs[0].prompt, [Message::user("2 + 2?")]);
        let votes = read_judgements(br#"{"prompt": "2 + 2?", "completion": "4", "label": true}"#).unwrap();
        assert!(votes[0].good && votes[0].weight == 1.0);
        assert!(read_comparisons(b"\n\n").unwrap().is_empty());
    }

    #[test]
    fn mistakes_name_their_line() {
        for (row, word) in [
            ("{", "EOF"),
            (r#"{"prompt": "a", "chosen": "b"}"#, "rejected"),
            (r#"{"prompt": "a", "chosen": "b", "rejected": "b "}"#, "the same"),
            (r#"{"prompt": "", "chosen": "b", "rejected": "c"}"#, "prompt"),
            (r#"{"prompt": "a", "chosen": [], "rejected": "c"}"#, "chosen"),
            (r#"{"prompt": "a", "chosen": [{"role": "user", "content": "b"}], "rejected": "c"}"#, "assistant"),
            (r#"{"prompt": "a", "chosen": "b", "rejected": "c", "weight": -1}"#, "weight"),
        ] {
            let error = read_comparisons(format!("\n{row}").as_bytes()).unwrap_err().to_string();
            assert!(error.contains("line 2") && error.contains(word), "{row}: {error}");
        }
        assert!(read_judgements(br#"{"prompt": "a", "completion": "b"}"#).unwrap_err().to_string().contains("label"));
        let long = vec![b'x'; MAX_LINE_BYTES + 1];
        assert!(matches!(read_comparisons(&long), Err(Error::LineTooLong { line: 1, .. })));
    }
}
