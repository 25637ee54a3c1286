//! The tokenizer against the `tokenizers` crate: the same pieces and the same ids, for every rule, over random Unicode and every
//! placement of special tokens.

use super::split::Splitter;
use super::{Tokenizer, train_bpe};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, PreTokenizerWrapper};

/// Every rule that a file may ask for.
fn rules() -> Vec<Value> {
    let split = |pattern: &str| {
        json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
        ]})
    };
    let bytes = |prefix: bool| json!({"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": true, "use_regex": true});
    let digits = |each: bool| json!({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": each}, bytes(false)]});
    let mut rules = vec![bytes(false), bytes(true), digits(true), digits(false)];
    rules.extend(super::split::PATTERNS.iter().map(|(pattern, _)| split(pattern)));
    rules
}

fn crate_pieces(rule: &PreTokenizerWrapper, text: &str) -> Vec<String> {
    let mut pieces = PreTokenizedString::from(text);
    rule.pre_tokenize(&mut pieces).unwrap();
    let spelled = pieces.get_splits(OffsetReferential::Normalized, OffsetType::Byte);
    spelled.into_iter().map(|(piece, _, _)| piece.to_owned()).collect()
}

fn our_pieces(rule: &Splitter, text: &str) -> Vec<String> {
    let characters = super::byte_characters();
    let mut out = Vec::new();
    if !text.is_empty() {
        rule.split(text, &mut |piece| out.push(piece.bytes().map(|b| characters[usize::from(b)]).collect()));
    }
    out
}

#[test]
fn every_character_is_cut_as_the_crate_cuts_it() {
    for rule in rules() {
        let theirs: PreTokenizerWrapper = serde_json::from_value(rule.clone()).unwrap();
        let ours = Splitter::from_json(&rule).unwrap();
        // Each beside letters, digits, spaces and marks; many to a text, because the crate is slow to begin one.
        let all: Vec<char> = (1..=0x10_ffff)
            .filter_map(char::from_u32)
            .filter(|c| u32::from(*c) < 0x3_2000 || u32::from(*c) % 997 == 0)
            .collect();
        for chunk in all.chunks(4096) {
            let text: String =
                chunk.iter().flat_map(|&c| ['a', c, c, '1', c, ' ', c, '!', c, '\n', ' ', c, '\'', c]).collect();
            assert_eq!(
                our_pieces(&ours, &text),
                crate_pieces(&theirs, &text),
                "{rule} from U+{:04X}",
                u32::from(chunk[0])
            );
        }
    }
}

/// A trained vocabulary with special and other added tokens.
fn base() -> Value {
    let texts: Vec<String> = (0..300)
        .map(|i| format!("I'll say it's {i} times: Zürich costs {}€!\n\n  The «naïve» 日本語 text, don't\tyou THINK'S so? été Привет\r\n", i * 37))
        .collect();
    let json = train_bpe(&texts, 600, &["<|pad|>", "<|end|>"]).unwrap().to_json().unwrap();
    let mut file: Value = serde_json::from_str(&json).unwrap();
    // The crate numbers added tokens on from the vocabulary, whatever the file says.
    let size = file["model"]["vocab"].as_object().unwrap().len();
    let added = file["added_tokens"].as_array_mut().unwrap();
    for (i, (content, lstrip, rstrip, normalized)) in [
        ("<tool>", false, false, false),
        ("<tool><tool>", false, false, false),
        ("<left>", true, false, false),
        ("<right>", false, true, false),
        ("<naïve>", false, false, true),
        ("<|end|><x>", false, false, false),
    ]
    .into_iter()
    .enumerate()
    {
        added.push(json!({"id": size + i, "content": content, "single_word": false, "lstrip": lstrip, "rstrip": rstrip, "normalized": normalized, "special": false}));
    }
    file
}

/// The base under every rule, with and without composition and merges.
fn variants() -> Vec<(String, Tokenizer, tokenizers::Tokenizer)> {
    let mut out = Vec::new();
    for (i, rule) in rules().into_iter().enumerate() {
        let mut file = base();
        file["pre_tokenizer"] = rule;
        file["model"]["ignore_merges"] = json!(i % 2 == 1);
        if i % 3 == 2 {
            file["normalizer"] = json!({"type": "NFC"});
        }
        let json = file.to_string();
        let mut reference = tokenizers::Tokenizer::from_bytes(json.as_bytes()).unwrap();
        reference.set_encode_special_tokens(true);
        out.push((format!("rule {i}"), Tokenizer::from_json(json.as_bytes()).unwrap(), reference));
    }
    out
}

fn fragment() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        " ",
        "  ",
        "\n",
        "\r\n",
        "\t",
        "\u{a0}",
        "'s",
        "'LL",
        "'ſ",
        "'",
        "a",
        "Zürich",
        "e\u{301}",
        "日本",
        "9",
        "12345",
        "²",
        "Ⅷ",
        "!?",
        "€",
        "<|end|>",
        "<|pad|>",
        "<tool>",
        "<left>",
        "<right>",
        "<naïve>",
        "<nai\u{308}ve>",
        "<x>",
        "<",
        "<|end",
        "the",
        " costs",
        "😀",
        "\u{200d}",
    ]);
    prop_oneof![
        3 => known.prop_map(str::to_owned),
        // Composition of characters younger than the crate's tables is not compared.
        1 => any::<char>().prop_map(String::from),
    ]
}

#[test]
fn ids_and_texts_are_the_crates() {
    let variants = variants();
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let text = prop::collection::vec(fragment(), 0..24).prop_map(|parts| parts.concat());
    let run = runner.run(&text, |text| {
        for (name, ours, theirs) in &variants {
            let expected = theirs.encode_fast(text.as_str(), false).unwrap().get_ids().to_vec();
            let got = ours.encode(&text).unwrap();
            prop_assert_eq!(&got, &expected, "{}: {:?}", name, text);
            prop_assert_eq!(ours.decode(&got), theirs.decode(&expected, true).unwrap());
        }
        Ok(())
    });
    run.unwrap();
}

#[test]
fn any_sequence_of_ids_decodes_as_the_crate_decodes_it() {
    let (_, ours, theirs) = variants().remove(0);
    let mut state = 1u64;
    for _ in 0..500 {
        let ids: Vec<u32> = (0..12)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u32 % ours.vocab_size() as u32
            })
            .collect();
        assert_eq!(ours.decode(&ids), theirs.decode(&ids, true).unwrap(), "{ids:?}");
        for &id in &ids {
            assert_eq!(theirs.id_to_token(id).as_deref().and_then(|t| ours.id(t)), Some(id));
        }
    }
}

#[test]
fn long_texts_without_a_space_are_the_crates_too() {
    for (name, ours, theirs) in variants() {
        for unit in ["a", "the", "日本", "!?", " ", "1", "naïve"] {
            let text = unit.repeat(700);
            let expected = theirs.encode_fast(text.as_str(), false).unwrap().get_ids().to_vec();
            assert_eq!(ours.encode(&text).unwrap(), expected, "{name}, {unit:?}");
        }
    }
}

#[test]
fn files_that_are_not_byte_level_bpe_are_refused_by_name() {
    let change = |key: &str, value: Value| {
        let mut file = base();
        match key.split_once('.') {
            Some((outer, inner)) => file[outer][inner] = value,
            None => file[key] = value,
        }
        Tokenizer::from_json(file.to_string().as_bytes()).unwrap_err().to_string()
    };
    for (key, value, word) in [
        ("model.type", json!("Unigram"), "Unigram"),
        ("model.end_of_word_suffix", json!("</w>"), "</w>"),
        ("model.dropout", json!(0.1), "dropout"),
        ("model.merges", json!([["a", "no such"]]), "no such"),
        ("model.merges", json!(["ab"]), "no space"),
        ("normalizer", json!({"type": "Lowercase"}), "Lowercase"),
        ("pre_tokenizer", json!({"type": "Metaspace"}), "Metaspace"),
        ("added_tokens", json!([{"id": 1, "content": "x", "single_word": true}]), "single_word"),
        ("added_tokens", json!([{"id": 4_000_000_000u32, "content": "x"}]), "id above"),
    ] {
        let message = change(key, value);
        assert!(message.contains(word), "{key}: {message}");
    }
}
