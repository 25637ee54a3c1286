//! Where in a JSON text something lies, also while the text is broken; and which word was probably meant.

/// Calls back for every structural byte outside of strings, with its offset and the depth of the container it stands in
/// (brackets count as standing outside of what they enclose).
pub(super) fn scan(text: &str, mut each: impl FnMut(usize, u8, usize)) {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        if quoted {
            quoted = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => (quoted, escaped) = (true, false),
            b'{' | b'[' => {
                each(at, byte, depth);
                depth += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                each(at, byte, depth);
            }
            b',' | b':' => each(at, byte, depth),
            _ => {}
        }
    }
}

/// Bytes up to and with the one that a line and a column (in bytes, both from 1) name; all where the text is shorter.
pub(super) fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let mut at = (before + column).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The part of the document in which a byte lies, as `graders[1].grader.tolerance`.
pub(super) fn part(text: &str, offset: usize) -> String {
    // One entry per open container: the key or the index where it stands now, and the start of the member.
    enum Step {
        Key(String),
        Index(usize),
    }
    let (mut steps, mut from): (Vec<Step>, usize) = (Vec::new(), 0);
    let read = &text[..offset];
    scan(read, |at, byte, _| {
        match byte {
            b'{' => steps.push(Step::Key(String::new())),
            b'[' => steps.push(Step::Index(0)),
            b'}' | b']' => drop(steps.pop()),
            b':' => {
                if let Some(Step::Key(key)) = steps.last_mut() {
                    *key = name(&read[from..at]).to_owned();
                }
            }
            _ => match steps.last_mut() {
                Some(Step::Key(key)) => key.clear(),
                Some(Step::Index(index)) => *index += 1,
                None => {}
            },
        }
        from = at + 1;
    });
    // A member that was just begun, or a key without its colon.
    let tail = name(&read[from..]);
    if let Some(Step::Key(key)) = steps.last_mut()
        && key.is_empty()
    {
        tail.clone_into(key);
    }
    let mut out = String::new();
    for step in &steps {
        match step {
            Step::Key(key) if key.is_empty() => {}
            Step::Key(key) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            Step::Index(index) => out.push_str(&format!("[{index}]")),
        }
    }
    out
}

fn name(text: &str) -> &str {
    text.trim().trim_matches('"')
}

/// Of the words that a message offers in back quotes after the first one, the one most like the first.
pub(super) fn meant(message: &str) -> Option<&str> {
    let mut words = message.split('`').skip(1).step_by(2);
    let given = words.next()?;
    let close = |word: &&str| edits(given, word) <= 2.max(word.len() / 3);
    words.filter(close).min_by_key(|word| edits(given, word))
}

/// Levenshtein distance in bytes: enough for the program's own words.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.bytes().enumerate() {
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
    fn parts_of_a_document() {
        let text = r#"{"graders": [{"name": "a, {b}", "grader": {"type": "exact"}}, {"weight": 1.}], "clamp"#;
        let at = |needle: &str| part(text, text.find(needle).expect("it is there") + needle.len());
        assert_eq!(at("{b}"), "graders[0].name");
        assert_eq!(at("exact"), "graders[0].grader.type");
        assert_eq!(at("1."), "graders[1].weight");
        assert_eq!(at("clamp"), "clamp");
        assert_eq!(part("", 0), "");
    }

    #[test]
    fn words_that_were_meant() {
        assert_eq!(meant("unknown field `wieght`, expected one of `name`, `weight`, `grader`"), Some("weight"));
        assert_eq!(meant("unknown variant `bananas`, expected one of `exact`, `format`"), None);
        assert_eq!(meant("missing field `name`"), None);
    }

    #[test]
    fn offsets_stay_within_the_text() {
        assert_eq!(offset("ab\ncd", 2, 1), 4);
        assert_eq!(offset("ab", 9, 9), 2);
        assert_eq!(offset("\u{e9}", 1, 1), 0);
    }
}
