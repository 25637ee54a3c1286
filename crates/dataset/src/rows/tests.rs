//! Formats, what is taken of them, and mistakes with their line.

use super::*;
use crate::World;
use clicker_wire::{ABSTAIN, Domain, Expected, REFUSE, Split};
use proptest::prelude::*;

fn one(line: &str) -> Row {
    let mut rows = read(line.as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}")).rows;
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

#[test]
fn every_format_in_its_plain_and_its_conversational_form() {
    let hi = || vec![Message::user("Hi")];
    let pair = || Body::Preference { chosen: "Hello".into(), rejected: "Go".into(), weight: 1.0, margin: 0.0 };
    let thumb = || Body::Unpaired { completion: "Hello".into(), label: true, weight: 1.0 };
    let said = || Body::Completion("Hello".into());
    for (line, prompt, body) in [
        (r#"{"prompt": "Hi"}"#, hi(), Body::Prompt),
        (r#"{"prompt": [{"role": "user", "content": "Hi"}]}"#, hi(), Body::Prompt),
        (r#"{"prompt": "Hi", "completion": "Hello"}"#, hi(), said()),
        (
            r#"{"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Hello"}]}"#,
            hi(),
            said(),
        ),
        (r#"{"prompt": "Hi", "chosen": "Hello", "rejected": "Go"}"#, hi(), pair()),
        // The question repeated before each answer, as many published sets have it; and without `prompt` beside it.
        (
            r#"{"prompt": "Hi", "chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "rejected": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Go"}]}"#,
            hi(),
            pair(),
        ),
        (
            r#"{"chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "rejected": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Go"}]}"#,
            hi(),
            pair(),
        ),
        (r#"{"prompt": "Hi", "completion": "Hello", "label": true}"#, hi(), thumb()),
        // OpenAI.
        (r#"{"messages": [{"role": "user", "content": "Hi"}], "reference_answer": "Hello"}"#, hi(), Body::Prompt),
        (
            r#"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}"#,
            hi(),
            said(),
        ),
        (
            r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}, {"role": "assistant", "content": "Hello", "tool_calls": null, "weight": 1}]}"#,
            hi(),
            said(),
        ),
        (
            r#"{"messages": [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hi", "name": "Ann"}]}"#,
            vec![Message::system("Be kind."), Message::user("Hi")],
            Body::Prompt,
        ),
        (
            r#"{"input": {"messages": [{"role": "user", "content": "Hi"}], "tools": []}, "preferred_output": [{"role": "assistant", "content": "Hello"}], "non_preferred_output": [{"role": "assistant", "content": "Go"}]}"#,
            hi(),
            pair(),
        ),
    ] {
        let row = one(line);
        assert_eq!((&row.prompt, &row.body), (&prompt, &body), "{line}");
        let names: Vec<&String> = row.fields.keys().collect();
        assert!(names.is_empty() || names == ["reference_answer"], "{line}: {names:?}");
    }
}

#[test]
fn lines_are_numbered_as_in_an_editor_and_none_is_lost() {
    let rows = read(b"\xef\xbb\xbf\r\n{\"prompt\": \"a\"}\r\n\n  \n{\"prompt\": \"b\", \"x\": [1]}\n").unwrap();
    let lines: Vec<usize> = rows.rows.iter().map(|row| row.line).collect();
    assert_eq!((lines, rows.blank_lines), (vec![2, 5], 3));
    assert_eq!(rows.rows[1].fields["x"], serde_json::json!([1]));
    assert_eq!(read(b"").unwrap().format(), None);
}

#[test]
fn mistakes_say_the_line_what_is_there_and_what_was_expected() {
    for (row, words) in [
        ("{", ["not JSON", "one JSON object a line"]),
        ("3", ["a number", "object"]),
        ("{}", ["no columns", "`prompt`"]),
        (r#"{"prompt": null}"#, ["prompt", "`messages`"]),
        (r#"{"conversations": []}"#, ["ShareGPT", "`messages`"]),
        (r#"{"instruction": "a", "output": "b"}"#, ["Alpaca", "`completion`"]),
        (r#"{"text": "a"}"#, ["`text`", "cut it"]),
        (r#"{"prompt": ""}"#, ["`prompt` has no text", "a question"]),
        (r#"{"prompt": 3}"#, ["`prompt` is a number", "list of turns"]),
        (r#"{"prompt": "a", "chosen": "b"}"#, ["`rejected` is missing", "rejected"]),
        (r#"{"chosen": "b", "rejected": "c"}"#, ["no `prompt`", "chosen"]),
        (r#"{"prompt": "a", "chosen": [], "rejected": "c"}"#, ["chosen", "empty list"]),
        (r#"{"prompt": "a", "chosen": [{"role": "user", "content": "b"}], "rejected": "c"}"#, ["chosen", "assistant"]),
        (
            r#"{"prompt": "a", "chosen": [{"role": "user", "content": "z"}, {"role": "assistant", "content": "b"}], "rejected": "c"}"#,
            ["other turns", "prompt"],
        ),
        (r#"{"prompt": "a", "chosen": "b", "rejected": "c", "weight": -1}"#, ["weight", "at least 0"]),
        (r#"{"prompt": "a", "chosen": "b", "rejected": "c", "margin": "x"}"#, ["margin", "finite"]),
        (r#"{"prompt": "a", "completion": "b", "label": 1}"#, ["label", "true or false"]),
        (r#"{"completion": "b"}"#, ["no `prompt`", "completion"]),
        (r#"{"messages": [{"from": "human", "value": "a"}]}"#, ["turn 1", "ShareGPT"]),
        (r#"{"messages": [{"role": "tool", "content": "a"}]}"#, ["tool", "cannot be trained"]),
        (r#"{"messages": [{"role": "user", "content": "a"}], "tools": [{}]}"#, ["tools", "cannot be trained"]),
        (
            r#"{"messages": [{"role": "user", "content": " "}, {"role": "assistant", "content": "a"}]}"#,
            ["turn 1", "no text"],
        ),
        (
            r#"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}]}"#,
            ["weight 0", "learn from"],
        ),
        (r#"{"messages": [{"role": "user", "content": "a", "audio": {"id": 1}}]}"#, ["audio", "lost"]),
        (r#"{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}"#, ["image_url", "text parts"]),
        (r#"{"messages": [{"role": "assistant", "content": "a"}]}"#, ["no user's turn", "question"]),
        (r#"{"messages": [{"role": "user"}]}"#, ["no `content`", "a text"]),
    ] {
        let error = read(format!("\n{row}").as_bytes()).expect_err(row).to_string();
        assert!(error.starts_with("line 2: ") && error.contains("expected"), "{row}: {error}");
        assert!(words.iter().all(|word| error.contains(word)), "{row}: {error}");
    }
    let mixed = read(b"{\"prompt\": \"a\"}\n{\"prompt\": \"a\", \"completion\": \"b\"}").unwrap_err().to_string();
    assert!(mixed.contains("line 2") && mixed.contains("like line 1"), "{mixed}");
    let long = vec![b'x'; MAX_LINE_BYTES + 1];
    assert!(matches!(read(&long), Err(Error::LineTooLong { line: 1, .. })));
}

#[test]
fn files_of_other_kinds_say_what_they_are() {
    for (bytes, word) in [
        (&b"PAR1xx"[..], "Parquet"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"\xff\xfe{\x00", "UTF-16"),
        (b"  [{\"prompt\": \"a\"}]", "jq"),
    ] {
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn questions_carry_their_truth_and_their_columns() {
    let items = |text: &str| read(text.as_bytes()).unwrap().questions();
    let asked = items(
        r#"{"prompt": "2 + 2?", "answer": 4, "tests": ["a"], "domain": "arithmetic"}
           {"prompt": "Who?", "id": "q7", "domain": "mystery"}
           {"prompt": "Colour?", "solution": ["red", "crimson"], "accepted": []}"#,
    )
    .unwrap();
    assert_eq!((asked[0].expected, asked[0].accepted.as_slice()), (Expected::Answer, &["4".to_owned()][..]));
    assert_eq!((asked[0].id.as_str(), asked[0].domain), ("line/1", Domain::Arithmetic));
    assert_eq!(asked[0].fields["tests"], serde_json::json!(["a"]));
    assert!(!asked[0].fields.contains_key("domain"), "it is on the item");
    assert_eq!((asked[1].id.as_str(), asked[1].expected, asked[1].domain), ("q7", Expected::Unknown, Domain::Free));
    assert_eq!(asked[1].fields["domain"], "mystery");
    assert_eq!(asked[2].accepted, ["red", "crimson"]);
    let told = items(&format!(
        "{{\"prompt\": \"a\", \"completion\": \"b\"}}\n{{\"prompt\": \"c\", \"completion\": \"{ABSTAIN}\"}}\n\
         {{\"prompt\": \"d\", \"completion\": \"{REFUSE}\"}}\n{{\"prompt\": \"e\", \"completion\": \"It is f.\", \"answer\": \"f\"}}"
    ))
    .unwrap();
    let truths: Vec<_> = told.iter().map(|item| (item.expected, item.accepted.join("|"))).collect();
    let expected = [(Expected::Answer, "b"), (Expected::Abstain, ""), (Expected::Refuse, ""), (Expected::Answer, "f")];
    assert_eq!(truths, expected.map(|(e, a)| (e, a.to_owned())));
    let error = items(r#"{"prompt": "a", "expected": "answer"}"#).unwrap_err().to_string();
    assert!(error.contains("line 1") && error.contains("accepted"), "{error}");
}

#[test]
fn the_worlds_own_items_are_rows() {
    let items = World::new(1).items(Split::Rl)[..50].to_vec();
    let rows = read(crate::jsonl::write(&items).unwrap().as_bytes()).unwrap();
    assert_eq!(rows.questions().unwrap(), items);
    let world = World::new(1);
    let told = rows.demonstrations().unwrap();
    assert!(items.iter().zip(&told).all(|(item, told)| world.demonstration(item).content == told.answer));
}

#[test]
fn demonstrations_pairs_and_thumbs() {
    let rows = |text: &str| read(text.as_bytes()).unwrap();
    let told = rows(r#"{"prompt": "a", "completion": "b"}"#).demonstrations().unwrap();
    assert_eq!(told, [Demonstration { prompt: vec![Message::user("a")], answer: "b".into() }]);
    let pairs = rows(r#"{"prompt": "a", "chosen": "b", "rejected": "", "weight": 0.5, "margin": 2, "annotator": "x"}"#);
    let pair = &pairs.comparisons().unwrap()[0];
    assert_eq!((pair.chosen.as_str(), pair.rejected.as_str(), pair.weight, pair.margin), ("b", "", 0.5, 2.0));
    let thumbs: Vec<_> = pairs.judgements().unwrap().into_iter().map(|j| (j.completion, j.good, j.weight)).collect();
    assert_eq!(thumbs, [("b".to_owned(), true, 0.5), (String::new(), false, 0.5)]);
    for (error, words) in [
        (rows(r#"{"prompt": "a"}"#).demonstrations().unwrap_err(), ["line 1", "completion"]),
        (rows(r#"{"prompt": "a", "completion": " "}"#).demonstrations().unwrap_err(), ["line 1", "no text"]),
        (
            rows(r#"{"prompt": "a", "chosen": "b", "rejected": "b "}"#).comparisons().unwrap_err(),
            ["line 1", "the same"],
        ),
        (pairs.questions().unwrap_err(), ["preference", "prompt-only"]),
        (pairs.demonstrations().unwrap_err(), ["preference", "prompt-completion"]),
        (rows(r#"{"prompt": "a", "completion": "b"}"#).judgements().unwrap_err(), ["prompt-completion", "label"]),
        (
            rows(r#"{"prompt": "a", "completion": "b", "label": false}"#).comparisons().unwrap_err(),
            ["unpaired", "chosen"],
        ),
    ] {
        let error = error.to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = read(&bytes);
    }

    #[test]
    fn arbitrary_rows_never_panic_and_every_one_is_kept(
        texts in prop::collection::vec("[ -~]{0,12}", 1..8),
        name in prop::sample::select(vec!["completion", "answer", "label", "weight", "messages"]),
    ) {
        let lines = texts.iter().map(|text| serde_json::json!({"prompt": format!("q{text}"), name: text}).to_string());
        let text = lines.collect::<Vec<_>>().join("\n");
        if let Ok(rows) = read(text.as_bytes()) {
            prop_assert_eq!(rows.rows.len(), texts.len());
            let _ = (rows.questions(), rows.demonstrations(), rows.comparisons(), rows.judgements());
        } else {
            prop_assert_eq!(name, "messages");
        }
    }
}
