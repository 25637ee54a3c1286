//! Item lists as JSON lines. Reading checks what a type cannot: an item that contradicts itself is an error with its line.

use crate::Error;
use clicker_wire::{Expected, Item, Role};

/// Longest line that is read, bytes. A real question is a thousand times shorter; a longer line is not a data set.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// The items of a JSONL text, one per line. Empty lines are skipped; a byte order mark is ignored.
pub fn read(bytes: &[u8]) -> Result<Vec<Item>, Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut items = Vec::new();
    for (index, raw) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = index + 1;
        let raw = raw.trim_ascii();
        if raw.is_empty() {
            continue;
        }
        if raw.len() > MAX_LINE_BYTES {
            return Err(Error::LineTooLong { line, bytes: raw.len(), limit: MAX_LINE_BYTES });
        }
        let item: Item = serde_json::from_slice(raw).map_err(|source| Error::Json { line, source })?;
        if let Some(problem) = contradiction(&item) {
            return Err(Error::Item { line, id: item.id.0, problem });
        }
        items.push(item);
    }
    Ok(items)
}

/// The items as JSONL, each line ended by a newline. What is written reads back equal.
pub fn write(items: &[Item]) -> Result<String, Error> {
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        text.push_str(&serde_json::to_string(item).map_err(|source| Error::Write { row: index + 1, source })?);
        text.push('\n');
    }
    Ok(text)
}

/// What is wrong with an item that parses, in words; none if it is sound.
pub(crate) fn contradiction(item: &Item) -> Option<String> {
    let Some(last) = item.messages.last() else {
        return Some("`messages` is empty, expected at least one turn".into());
    };
    if last.role != Role::User {
        return Some(format!("the last turn is by {:?}, expected the user's question", last.role));
    }
    if let Some(place) = item.messages.iter().position(|m| m.content.trim().is_empty()) {
        return Some(format!("turn {} has no text", place + 1));
    }
    if !(0.0..=1.0).contains(&item.difficulty) {
        return Some(format!("`difficulty` is {}, expected a number from 0 to 1", item.difficulty));
    }
    if item.expected == Expected::Answer && item.accepted.is_empty() {
        return Some("`expected` is `answer`, but `accepted` is empty; give at least one right answer".into());
    }
    if item.expected == Expected::Abstain && !item.accepted.is_empty() {
        return Some("`expected` is `abstain`, but `accepted` holds answers; empty it or expect an answer".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::World;
    use clicker_wire::{Message, Split};
    use proptest::prelude::*;

    fn free() -> Item {
        Item::free("Who?")
    }

    #[test]
    fn a_world_reads_back_equal() {
        let items = World::new(1).items(Split::Eval).to_vec();
        assert_eq!(read(write(&items).unwrap().as_bytes()).unwrap(), items);
    }

    #[test]
    fn errors_name_their_line() {
        let good = write(&[free()]).unwrap();
        let text = format!("{good}\n\r\n{{\"id\": 3}}\n");
        let message = read(text.as_bytes()).unwrap_err().to_string();
        assert!(message.starts_with("line 4 is not an item"), "{message}");
        let long = format!("{good}{}", "x".repeat(MAX_LINE_BYTES + 1));
        assert!(matches!(read(long.as_bytes()), Err(Error::LineTooLong { line: 2, .. })));
        assert!(matches!(read(b"\xff\xfe"), Err(Error::Json { line: 1, .. })));
    }

    #[test]
    fn contradictions_are_errors() {
        for (bad, part) in [
            (Item { messages: vec![], ..free() }, "empty"),
            (Item { messages: vec![Message::assistant("Hi.")], ..free() }, "last turn"),
            (Item { messages: vec![Message::user(" ")], ..free() }, "no text"),
            (Item { difficulty: 2.0, ..free() }, "difficulty"),
            (Item { expected: Expected::Answer, ..free() }, "accepted"),
            (Item { expected: Expected::Abstain, accepted: vec!["Yes.".into()], ..free() }, "accepted"),
        ] {
            let message = read(write(&[bad]).unwrap().as_bytes()).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives_the_round_trip(content in "\\S.*", id: String) {
            let item = Item { id: id.into(), messages: vec![Message::user(content)], ..free() };
            let back = read(write(std::slice::from_ref(&item)).unwrap().as_bytes()).unwrap();
            prop_assert_eq!(back, vec![item]);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
