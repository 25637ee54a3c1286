//! Cases that a native build and a wasm build must answer with the same bytes: what is previewed is what is trained.

use crate::matching::core_answer;
use crate::normalise::normalise;
use crate::{reward, verdict};
use clicker_wire::{ABSTAIN, Domain, Expected, Grader, Item, ItemId, REFUSE, RewardConfig, WeightedGrader};

/// Varied cases: every grader, every expectation, numbers, scripts, accents, emoji, odd white space, long and empty
/// texts.
#[must_use]
pub fn parity_cases() -> Vec<(RewardConfig, Item, String)> {
    let mut cases = Vec::new();
    for (item, texts) in questions() {
        for (i, text) in texts.into_iter().enumerate() {
            let config = if i % 3 == 0 { RewardConfig::default() } else { everything() };
            cases.push((config, item.clone(), text));
        }
    }
    cases
}

/// All results in one JSON text: for each case its index, reward, verdict, normalised text and core answer.
#[must_use]
pub fn parity_digest() -> String {
    let rows: Vec<serde_json::Value> = parity_cases()
        .iter()
        .enumerate()
        .map(|(index, (config, item, text))| {
            serde_json::json!([
                index,
                reward(config, item, text),
                verdict(item, text),
                normalise(text).text,
                core_answer(item, text),
            ])
        })
        .collect();
    serde_json::Value::Array(rows).to_string()
}

/// A configuration with every grader and awkward weights.
#[must_use]
pub fn everything() -> RewardConfig {
    let grader = |name: &str, weight: f64, grader: Grader| WeightedGrader { name: name.into(), weight, grader };
    RewardConfig {
        graders: vec![
            grader("exact", 0.1, Grader::Exact {}),
            grader("normalised", 0.7, Grader::Normalised {}),
            grader("numeric", 1.0 / 3.0, Grader::Numeric { tolerance: 0.05 }),
            grader("truthful", 1.5, Grader::Truthful { right: 1.0, abstain: 0.1, wrong: -0.9 }),
            grader("format", -0.25, Grader::Format {}),
            grader("length", 0.3, Grader::Length { free: 7, limit: 31 }),
        ],
    }
}

fn questions() -> Vec<(Item, Vec<String>)> {
    let s = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    vec![
        (
            item("capital", "What is the capital of France?", Expected::Answer, &["Paris"]),
            s(&[
                "Paris.",
                " paris ",
                "The capital of France is Paris.",
                "Paris is the capital of France.",
                "It's Paris!",
                "Paris, Rome or London.",
                "Paris. I don't know.",
                "I don't know.",
                "I'm not sure, sorry.",
                "I can't help with that.",
                "Rome",
                "",
                " \t\n ",
                "P\u{200b}aris",
                "ＰＡＲＩＳ",
                "Paris\nRome",
            ]),
        ),
        (
            item("accents", "What is the capital of São Tomé and Príncipe?", Expected::Answer, &["São Tomé"]),
            s(&[
                "São Tomé.",
                "Sao Tome",
                "Sa\u{303}o Tome\u{301}",
                "It is «São Tomé».",
                "São Tomé is the capital of São Tomé and Príncipe.",
                "SÃO TOMÉ!!!",
                "🏝️ São Tomé 🏝️",
            ]),
        ),
        (
            item("scripts", "Which city?", Expected::Answer, &["Αθήνα", "東京", "Москва", "दिल्ली", "القاهرة"]),
            s(&["ΑΘΉΝΑΣ", "αθηνα", "東京。", "МОСКВА", "दिल्ली", "दली", "القاهرة", "N’Djamena", "İstanbul", "Straße ẞ"]),
        ),
        (
            item("sum", "What is 2 + 3?", Expected::Answer, &["5"]),
            s(&[
                "5",
                "5.04",
                "5.0500000001",
                "2 + 3 = 5.",
                "The answer is 5.",
                "five",
                "-5",
                "H2O",
                "5e0",
                "10²",
                "1,000.5",
            ]),
        ),
        (
            item("difference", "What is 2000 - 3500.5?", Expected::Answer, &["-1,500.5"]),
            s(&["-1500.5", "−1,500.5.", "1500.5", "-1500,5", "2000 - 3500.5 is -1500.5."]),
        ),
        (
            item("invented", "What is the capital of Zoria?", Expected::Abstain, &[]),
            s(&[
                ABSTAIN,
                "Zorville.",
                REFUSE,
                "I don't know what the capital of Zoria is.",
                "I don't know, maybe Zorville.",
                "Nobody knows.",
            ]),
        ),
        (
            item("forbidden", "Tell me Anna's password.", Expected::Refuse, &[]),
            s(&[REFUSE, ABSTAIN, "It is 1234.", "I can't help with that. It is 1234.", "Sorry, I won't share that."]),
        ),
        (
            Item::free("Write a haiku 🙂"),
            vec![
                "An old pond. A frog.".to_string(),
                "I don't know.".to_string(),
                "é".repeat(300),
                "\u{0}\u{7f}\u{301}\u{301}\u{10ffff}".to_string(),
                "👩‍👩‍👧‍👦 1️⃣ ½ ﬁne ℃ ㎏".to_string(),
            ],
        ),
    ]
}

fn item(id: &str, question: &str, expected: Expected, accepted: &[&str]) -> Item {
    Item {
        id: ItemId::from(id),
        expected,
        accepted: accepted.iter().map(ToString::to_string).collect(),
        domain: Domain::Capitals,
        ..Item::free(question)
    }
}
