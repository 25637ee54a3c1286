//! What people bring instead of JSON lines in one of the formats, and what to do about it. Knows names, not values.

use super::MAX_BYTES;
use crate::Error;
use serde_json::{Map, Value};

/// Refuse files that are no JSON lines, saying what they are.
pub(super) fn refuse_other_files(bytes: &[u8]) -> Result<(), Error> {
    let problem = if bytes.len() > MAX_BYTES {
        format!("{} bytes, the limit is {MAX_BYTES}; split the file", bytes.len())
    } else if bytes.starts_with(b"PAR1") {
        "this is a Parquet file, expected JSON lines; write it with `Dataset.to_json(\"x.jsonl\")`".into()
    } else if bytes.starts_with(b"\x1f\x8b")
        || bytes.starts_with(b"PK\x03\x04")
        || bytes.starts_with(b"\x28\xb5\x2f\xfd")
    {
        "this file is compressed, expected JSON lines; unpack it first".into()
    } else if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        "this file is UTF-16, expected UTF-8; save it as UTF-8".into()
    } else if bytes.trim_ascii_start().starts_with(b"[") {
        "this is one JSON list, expected one JSON object a line; `jq -c '.[]'` makes them".into()
    } else {
        return Ok(());
    };
    Err(Error::File { problem })
}

/// What the columns of a row look like, where they fit no format.
pub(super) fn unknown(fields: &Map<String, Value>) -> String {
    let has = |name: &str| fields.contains_key(name);
    let known = if has("conversations") {
        "`conversations` is ShareGPT's form: write `messages` with `role` and `content`"
    } else if has("instruction") {
        "`instruction` and `output` are Alpaca's form: rename them to `prompt` and `completion`"
    } else if has("question") {
        "rename `question` to `prompt`; a right answer may stay beside it as `answer`"
    } else if has("completions") {
        "`completions` with labels per step are not supported: a row has one answer"
    } else if has("text") {
        "`text` alone has no question in it: cut it into `prompt` and `completion`"
    } else if has("item") {
        "move the fields of `item` up to the row itself"
    } else {
        ""
    };
    let names: Vec<&str> = fields.keys().take(8).map(String::as_str).collect();
    let columns = if names.is_empty() { "no columns".to_owned() } else { format!("the columns {}", names.join(", ")) };
    if known.is_empty() { format!("it has {columns}") } else { format!("it has {columns}: {known}") }
}
