//! Answers that follow a rule: languages against tables and the `regex` crate, answers of models without sense against a reader
//! and a validator of JSON, and what is refused.

use crate::support::{random_model, tokenizer, wide_model};
use clicker_lm::weights::{Encoding, export};
use clicker_lm::{Architecture, Constraint, Engine, GenerateOptions, Generator, LmError, LoadedModel, Result, Rule};
use clicker_wire::{Sampling, StopReason};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn patterns_match_what_they_say() {
    for (pattern, yes, no) in [
        ("", &[""][..], &["a"][..]),
        ("abc", &["abc"], &["ab", "abcd", "xabc"]),
        ("^a|b$", &["a", "b"], &["ab", ""]),
        ("(ab|c)+d?", &["ab", "abcab", "ccd"], &["d", "abd d"]),
        ("a{2}b{1,}c{0,2}", &["aab", "aabbbcc"], &["ab", "aac", "aabccc"]),
        ("[a-c^-]+", &["a-b^c"], &["d", ""]),
        ("[^a-c]", &["d", "\n", "€", "🦀"], &["a", "", "dd"]),
        (".", &["x", "é", "漢", "🦀"], &["\n", "\r", "", "xx"]),
        (r"\d{3}-\w+\s?", &["123-a_9 ", "000-Z"], &["12-a", "123- "]),
        (r"\S\D\W", &["a!?", "éé "], &["a1 ", "abc"]),
        (r"\x41\u00e9\.\*\n\/", &["Aé.*\n/"], &["Ae.*\n/"]),
        (
            "[\u{7f0}-\u{10ffff}]",
            &["\u{7f0}", "\u{800}", "\u{d7ff}", "\u{e000}", "\u{ffff}", "\u{10ffff}"],
            &["\u{7ef}", "a"],
        ),
        ("(?:yes|no)(, (?:yes|no)){0,2}", &["yes", "no, yes", "no, no, no"], &["yes, ", "no, no, no, no"]),
    ] {
        let mut rule = Rule::regex(pattern).unwrap();
        for text in yes {
            assert!(rule.holds(text), "/{pattern}/ and {text:?}");
        }
        for text in no {
            assert!(!rule.holds(text), "/{pattern}/ and {text:?}");
        }
    }
    for (pattern, bytes) in
        [("", 0), ("abc", 3), ("(ab|c)+d?", 1), ("a{2}b{1,}c{0,2}", 3), ("[é漢]", 2), ("(?:yes|no), ", 4)]
    {
        assert_eq!(Rule::regex(pattern).unwrap().least(), bytes, "/{pattern}/");
    }
}

/// The same pattern for a crate whose classes would be Unicode's.
fn theirs(pattern: &str) -> regex::Regex {
    let ascii = pattern.replace(r"\d", "[0-9]").replace(r"\w", "[A-Za-z0-9_]");
    regex::Regex::new(&ascii).unwrap()
}

/// Patterns over few characters, so that texts over as few often match.
fn pattern() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[abé]",
        Just(".".to_owned()),
        Just("[ab]".to_owned()),
        Just("[^b]".to_owned()),
        Just(r"\x61".to_owned())
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(?:{a}|{b})")),
            (inner, prop_oneof![Just("*"), Just("+"), Just("?"), Just("{2}"), Just("{0,2}"), Just("{1,}")])
                .prop_map(|(a, by)| format!("(?:{a}){by}")),
        ]
    })
}

proptest! {
    #[test]
    fn patterns_match_what_the_regex_crate_says(pattern in pattern(), texts in prop::collection::vec("[abé]{0,6}", 1..20)) {
        let theirs = theirs(&format!("^(?:{pattern})$"));
        let mut ours = Rule::regex(&pattern).unwrap();
        for text in texts {
            prop_assert_eq!(ours.holds(&text), theirs.is_match(&text), "/{}/ and {:?}", &pattern, &text);
        }
    }
}

#[test]
fn schemas_hold_their_values_and_no_others() {
    for (schema, yes, no) in [
        (r#"{"type":"integer"}"#, &["0", "-7", "123456789012345"][..], &["01", "1.5", "-", "1234567890123456"][..]),
        (r#"{"type":"number"}"#, &["0.5", "-1e9", "12.25E-3"], &[".5", "1.", "1e", "+1"]),
        (r#"{"type":["boolean","null"]}"#, &["true", "false", "null"], &["True", "nul"]),
        (r#"{"const":{"b":[1,"x\n"],"a":null}}"#, &[r#"{"b":[1,"x\n"],"a":null}"#], &[r#"{"a":null,"b":[1,"x\n"]}"#]),
        (r#"{"enum":["red","green",3,true],"type":"string"}"#, &[r#""red""#, r#""green""#], &["3", "true", "red"]),
        (
            r#"{"type":"string","maxLength":2}"#,
            &[r#""""#, r#""é\n""#, r#""🦀\"""#],
            &[r#""abc""#, "\"\n\"", r#""\q""#, r#""a"#],
        ),
        (r#"{"type":"string","pattern":"^[A-Z]\"?$"}"#, &[r#""A""#, r#""B\"""#], &[r#""a""#, r#""AB""#, r#""A"""#]),
        (r#"{"type":"string","pattern":"b+"}"#, &[r#""b""#, r#""abbc""#], &[r#""ac""#]),
        (
            r#"{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":2}"#,
            &["[1]", "[1,2]", "[1, 2]"],
            &["[]", "[1,2,3]", "[1 ,2]"],
        ),
        (
            r#"{"type":"object","properties":{"z":{"type":"null"},"a":{"type":"boolean"},"m":{"type":"integer"}},"required":["a"]}"#,
            &[r#"{"a":true}"#, r#"{"z":null,"a": true}"#, r#"{"z":null, "a":false, "m":1}"#, r#"{"a":true,"m":1}"#],
            &["{}", r#"{"a":true,}"#, r#"{"a":true,"z":null}"#, r#"{"m":1}"#, r#"{"a":true,"b":1}"#],
        ),
        (r#"{"properties":{"a":{"type":"null"}}}"#, &["{}", r#"{"a":null}"#], &["{,}"]),
        (
            r#"{"anyOf":[{"type":"null"},{"type":"array","items":{"anyOf":[{"const":1},{"const":"x"}]}}]}"#,
            &["null", "[]", r#"[1,"x",1]"#],
            &["[2]"],
        ),
    ] {
        let mut rule = Rule::schema(schema).unwrap();
        for text in yes {
            assert!(rule.holds(text), "{schema} and {text}");
            serde_json::from_str::<Value>(text).unwrap();
        }
        for text in no {
            assert!(!rule.holds(text), "{schema} and {text}");
        }
    }
}

#[test]
fn what_cannot_be_is_refused_where_it_stands() {
    let deep = format!("{}{}{}", r#"{"type":"array","items":"#.repeat(70), r#"{"type":"null"}"#, "}".repeat(70));
    let patterns = [
        ("a(b", "character 2", "not closed"),
        ("a[bc", "character 2", "not closed"),
        ("a)", "character 2", "out of place"),
        ("*a", "character 1", "out of place"),
        ("a**", "character 3", "out of place"),
        ("a{3,2}", "character 2", "n at most m"),
        ("a{x}", "character 2", "{n}"),
        (r"(a)\1", r"character 5", r"\1"),
        (r"\bword", "character 2", r"\b"),
        (r"\p{L}", "character 2", r"\p"),
        ("(?=a)", "character 1", "plain groups"),
        ("a^b", "character 2", "out of place"),
        ("(a$)b", "character 3", "outermost"),
        ("[b-a]", "character 5", "range"),
        ("[]", "character 2", "empty class"),
        (r"\u12", "character 3", "hexadecimal"),
        (r"[^\s\S]", "", "no text satisfies"),
        ("a\\", "character 3", "backslash"),
    ];
    let schemas = [
        ("[", "``", "not JSON"),
        ("true", "`/`", "expected an object"),
        ("{}", "`/`", "`type` says nothing"),
        (r#"{"type":"text"}"#, "`/`", "`text`"),
        (r#"{"type":"string","format":"date"}"#, "`/`", "`format`"),
        (r#"{"type":"integer","minimum":3}"#, "`/`", "`minimum`"),
        (r##"{"$ref":"#/a"}"##, "`/`", "`$ref` is not supported"),
        (r#"{"type":"object","properties":{"a":{"type":"array"}}}"#, "`/properties/a/`", "without `items`"),
        (r#"{"type":"object","properties":{},"required":["b"]}"#, "`/`", "\"b\""),
        (r#"{"type":"array","items":{"enum":[]}}"#, "`/items/`", "no value"),
        (r#"{"anyOf":[{"type":"null"},{"enum":["a"],"type":"integer"}]}"#, "`/anyOf/1/`", "no value"),
        (r#"{"type":"string","minLength":3,"maxLength":2}"#, "`/`", "no value"),
        (r#"{"type":"array","items":{"type":"null"},"minItems":2,"maxItems":1}"#, "`/`", "no value"),
        (r#"{"type":"string","pattern":"(?!a)"}"#, "`/pattern/`", "plain groups"),
        (r#"{"type":"string","pattern":"a","maxLength":3}"#, "`/`", "beside a length"),
        (r#"{"type":"string","maxLength":-1}"#, "`/`", "-1"),
        (&deep, "/items/items/", "within each other"),
    ];
    let all = patterns.iter().map(|(p, at, word)| (*p, Rule::regex(p), *at, *word));
    let all = all.chain(schemas.iter().map(|(s, at, word)| (*s, Rule::schema(s), *at, *word)));
    for (given, result, at, word) in all {
        let error = result.err().unwrap_or_else(|| panic!("{given}: accepted")).to_string();
        assert!(error.contains(word) && (at == "``" || error.contains(at)), "{given}: {error}");
    }
    assert!(Rule::regex(&"(".repeat(200)).is_err() && Rule::regex(&"a?".repeat(1500)).is_err());
}

fn model() -> Engine {
    let file = export(&random_model(), Some(&tokenizer()), "test", Encoding::F32).unwrap();
    LoadedModel::for_engine(file.as_slice()).unwrap().snapshot
}

fn options(temperature: f32, max_new_tokens: u32) -> GenerateOptions {
    let sampling = Sampling { temperature, max_new_tokens, ..Sampling::default() };
    GenerateOptions { sampling, stop: vec![5], alternatives: 0 }
}

/// Texts of a group under a rule, with how they ended.
fn say(model: &Engine, rule: Rule, options: GenerateOptions, seed: u64) -> Result<Vec<(String, clicker_lm::Drawn)>> {
    let tokenizer = tokenizer();
    let rows: Vec<(usize, u64)> = (0..4).map(|g| (0, seed * 10 + g)).collect();
    let generator = Generator::new(model, &[vec![1, 40, 41]], &rows, options)?;
    let mut generator = generator.within(Constraint::new(rule, &tokenizer))?;
    while !generator.is_done() {
        generator.step()?;
    }
    Ok(generator.finish().into_iter().map(|drawn| (tokenizer.decode(&drawn.ids()), drawn)).collect())
}

/// A validator of the part of JSON Schema that is supported.
fn valid(schema: &Value, value: &Value) -> bool {
    if let Some(ways) = schema["anyOf"].as_array() {
        return ways.iter().any(|way| valid(way, value));
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.contains(value);
    }
    if !schema["const"].is_null() {
        return schema["const"] == *value;
    }
    let kinds = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    kinds.iter().any(|kind| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.as_f64().is_some_and(f64::is_finite),
        "string" => value.as_str().is_some_and(|text| {
            let chars = text.chars().count() as u64;
            let pattern = schema["pattern"].as_str().is_none_or(|p| theirs(p).is_match(text));
            pattern
                && chars >= schema["minLength"].as_u64().unwrap_or(0)
                && chars <= schema["maxLength"].as_u64().unwrap_or(u64::MAX)
        }),
        "array" => value.as_array().is_some_and(|items| {
            items.iter().all(|item| valid(&schema["items"], item))
                && items.len() as u64 >= schema["minItems"].as_u64().unwrap_or(0)
                && items.len() as u64 <= schema["maxItems"].as_u64().unwrap_or(u64::MAX)
        }),
        _ => value.as_object().is_some_and(|members| {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            required.iter().all(|name| members.contains_key(name.as_str().unwrap()))
                && members.iter().all(|(name, value)| valid(&schema["properties"][name], value))
        }),
    })
}

fn schemas() -> Vec<Value> {
    vec![
        json!({"type": "integer"}),
        json!({"type": ["number", "null"]}),
        json!({"type": "string"}),
        json!({"type": "string", "minLength": 2, "maxLength": 5}),
        json!({"type": "string", "pattern": "^[a-f]{2}(-[0-9]+)?$"}),
        json!({"enum": ["Paris", "I don't know", {"a": [1, null]}, "é\"\\"]}),
        json!({"type": "array", "items": {"type": "boolean"}}),
        json!({"type": "array", "items": {"type": "array", "items": {"type": "number"}, "maxItems": 2}, "minItems": 1}),
        json!({"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}),
        json!({"type": "object", "properties": {
            "why": {"type": "string", "maxLength": 6},
            "answer": {"anyOf": [{"type": "null"}, {"type": "string", "pattern": "^\\w+$"}]},
            "confidence": {"type": "number"},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3}
        }, "required": ["answer", "confidence"]}),
        json!({"type": "object", "properties": {
            "inner": {"type": "object", "properties": {"deep": {"type": "object", "properties": {"n": {"type": "null"}}}}}
        }}),
    ]
}

#[test]
fn every_answer_of_a_senseless_model_parses_and_validates() {
    let model = model();
    let mut ends = std::collections::BTreeMap::new();
    for schema in schemas() {
        for seed in 0..12 {
            // Hot, so that anything allowed is tried; few tokens, so that many answers are brought to an end.
            let (temperature, most) = ([0.0, 0.7, 3.0, 100.0][seed as usize % 4], [24, 40, 58][seed as usize % 3]);
            let rule = Rule::schema(&schema.to_string()).unwrap();
            if rule.least() as usize >= most as usize {
                continue;
            }
            for (text, drawn) in say(&model, rule, options(temperature, most), seed).unwrap() {
                let value: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{schema}: {text}: {e}"));
                assert!(valid(&schema, &value), "{schema}: {text}");
                assert!(drawn.draws.len() <= most as usize);
                *ends.entry(format!("{:?}", drawn.stop)).or_insert(0) += 1;
                assert!(drawn.draws[..drawn.draws.len() - 1].iter().all(|draw| draw.id != 5), "one end only");
            }
        }
    }
    assert!(ends.keys().all(|end| end == "End" || end == "Length") && ends["End"] > 50, "{ends:?}");
}

#[test]
fn patterns_hold_for_answers_too() {
    let model = model();
    for pattern in ["(yes|no|maybe)", r"\d{4}-\d{2}-\d{2}", "[^a-z]{3,8}", "(é|漢|🦀){2,}", "a*", ""] {
        let theirs = theirs(&format!("^(?:{pattern})$"));
        for seed in 0..8 {
            for (text, drawn) in say(&model, Rule::regex(pattern).unwrap(), options(2.0, 30), seed).unwrap() {
                assert!(theirs.is_match(&text), "/{pattern}/: {text:?}");
                assert!(drawn.stop != StopReason::Cancelled);
            }
        }
    }
}

#[test]
fn what_is_reported_stays_the_models_own() {
    let model = model();
    let (text, drawn) = say(&model, Rule::regex("[0-9]{12}").unwrap(), options(1.0, 30), 3).unwrap().remove(0);
    assert_eq!(text.len(), 12);
    let ids: Vec<u32> = [1, 40, 41].into_iter().chain(drawn.ids()).collect();
    let scored = model.score(&ids, 3, 0).unwrap();
    for (drawn, scored) in drawn.draws.iter().zip(&scored) {
        assert!((drawn.logprob - scored.logprob).abs() < 1e-4 && (drawn.entropy - scored.entropy).abs() < 1e-3);
    }
    assert!(drawn.draws.iter().any(|draw| draw.logprob < -2.0), "digits are not what it would have said");
}

#[test]
fn a_rule_that_does_not_fit_the_tokens_or_the_bias_is_an_error() {
    let model = model();
    let refused = |rule: Rule, most: u32| match say(&model, rule, options(1.0, most), 1) {
        Err(error @ LmError::Constraint { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let error = refused(Rule::regex("[0-9]{9000}").unwrap(), 20);
    assert!(error.contains("may have 20") && error.contains("allow more"), "{error}");
    let tokenizer = tokenizer();
    let digits = (0..320).filter(|&id| tokenizer.token_bytes(id).iter().any(u8::is_ascii_digit));
    let generator = Generator::new(&model, &[vec![1]], &[(0, 1)], options(1.0, 9)).unwrap();
    let generator = generator.biased(digits.map(|id| (id, f32::NEG_INFINITY)).collect()).unwrap();
    let mut generator = generator.within(Constraint::new(Rule::regex("[0-9]{3}").unwrap(), &tokenizer)).unwrap();
    let error = generator.step().unwrap_err().to_string();
    assert!(error.contains("logit bias"), "{error}");
}

#[test]
fn greedy_answers_under_a_rule_that_allows_all_are_those_without() {
    let file = export(&wide_model(Architecture::Llama), Some(&tokenizer()), "test", Encoding::Q8_0).unwrap();
    let model = LoadedModel::for_engine(file.as_slice()).unwrap().snapshot;
    let free = clicker_lm::generate(&model, &[vec![1, 40, 41]], &[(0, 10)], options(0.0, 20)).unwrap().remove(0);
    // Only where it is text: special tokens and broken characters are no part of any language.
    let tokenizer = tokenizer();
    let whole: Vec<u32> =
        free.ids().into_iter().take_while(|&id| tokenizer.token_bytes(id).is_ascii() && id > 5).collect();
    let bound = say(&model, Rule::regex(r"[\x00-\x7f]*").unwrap(), options(0.0, 40), 1).unwrap().remove(0).1;
    assert_eq!(bound.ids()[..whole.len()], whole);
}
