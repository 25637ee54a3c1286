//! Cases that a native build and a wasm build must answer with the same bytes: what is previewed is what is trained. They are data, which
//! a native program hands to the wasm build, so that no browser downloads them.

use crate::matching::core_answer;
use crate::normalise::normalise;
use crate::{Outside, Scorer, verdict};
use clicker_wire::{
    ABSTAIN, Clamp, Combine, Constraint, Domain, DomainWeight, Ensemble, Expected, ForbiddenPhrase, Gate, Grader, Item,
    ItemId, JsonSchema, JsonType, LengthUnit, PiiKind, REFUSE, RewardConfig, Script, WeightedGrader,
};

/// A reward, and answers to one question that are graded together.
pub type Case = (RewardConfig, Item, Vec<String>);

/// Varied cases: every grader, every expectation, numbers, scripts, accents, emoji, odd white space, long and empty
/// texts. First answers alone, then all answers to a question together; with scripts and OpenAI's graders in builds that have them.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (item, texts) in questions() {
        for (i, text) in texts.into_iter().enumerate() {
            let config = match i % 6 {
                0 => RewardConfig::default(),
                2 => composed(),
                3 => lexicographic(),
                _ => everything(),
            };
            cases.push((config, item.clone(), vec![text]));
        }
    }
    let together = [
        outsiders(),
        #[cfg(feature = "programs")]
        scripted(),
        #[cfg(feature = "openai")]
        openai_graders(),
    ];
    for config in together {
        cases.extend(questions().into_iter().map(|(item, texts)| (config.clone(), item, texts)));
    }
    cases
}

/// Cases for a judge: rewards of labels, of numbers greedy and drawn, of a formula over both, and of a conversation that is longer
/// than a small model reads. The same model must give the same bytes everywhere.
#[cfg(feature = "openai")]
#[must_use]
pub fn judged_cases() -> Vec<Case> {
    let some = questions().into_iter().map(|(item, texts)| {
        let texts = texts.into_iter().filter(|text| text.len() < 200).take(4).collect();
        (judged(), item, texts)
    });
    some.collect()
}

/// What is made of a case, as one JSON text: the answers' rewards, then verdict, normalised text and core answer of each.
///
/// # Errors
/// None that is known: JSON can hold all of it.
pub fn graded((config, item, texts): &Case, outside: Outside<'_>) -> Result<String, serde_json::Error> {
    let rewards = Scorer::new(config).with(outside).group(item, texts);
    let said = |text: &String| (verdict(item, text), normalise(text).text, core_answer(item, text));
    serde_json::to_string(&(rewards, texts.iter().map(said).collect::<Vec<_>>()))
}

/// Model graders that ask `builtin`.
#[cfg(feature = "openai")]
fn judged() -> RewardConfig {
    use serde_json::json;
    let asked = |words: &str| json!([{"role": "user", "content": format!("{words} {{{{item.question}}}} {{{{sample.output_text}}}}")}]);
    let label = json!({
        "type": "label_model", "name": "l", "model": "builtin", "labels": ["right", "wrong"], "passing_labels": ["right"],
        "input": asked("Right or wrong?"),
    });
    let score = |range: &serde_json::Value, sampling: &serde_json::Value| {
        json!({
            "type": "score_model", "name": "s", "model": "builtin", "range": range, "sampling_params": sampling,
            "input": asked("How good is it?"),
        })
    };
    let both = json!({
        "type": "multi", "name": "m", "graders": {"l": label, "s": score(&json!([0, 3]), &json!(null))},
        "calculate_output": "l + s / 3",
    });
    let long = json!({
        "type": "label_model", "name": "l", "model": "builtin", "labels": ["right", "wrong"], "passing_labels": ["right"],
        "input": asked(&"many words ".repeat(2000)),
    });
    let drawn = json!({"temperature": 1.0, "top_p": 0.9, "seed": 7});
    let named = [
        ("label", label),
        ("greedy", score(&json!(null), &json!(null))),
        ("drawn", score(&json!([1, 7]), &drawn)),
        ("both", both),
        ("long", long),
    ];
    RewardConfig::sum(
        named
            .map(|(name, grader)| WeightedGrader { name: name.into(), weight: 0.2, grader: Grader::Openai { grader } })
            .into(),
    )
}

/// Every similarity, a check, a formula over both, and a template that names what is not there.
#[cfg(feature = "openai")]
#[must_use]
pub fn openai_graders() -> RewardConfig {
    use serde_json::{Value, json};
    let (said, wanted) = ("{{sample.output_text}}", "{{item.reference_answer}}");
    let close = |metric: &str| json!({"type": "text_similarity", "name": metric, "input": said, "reference": wanted, "evaluation_metric": metric});
    let check =
        json!({"type": "string_check", "name": "says", "input": said, "reference": wanted, "operation": "ilike"});
    let formula = json!({
        "type": "multi",
        "name": "both",
        "graders": {"says": check, "close": close("rouge_l")},
        "calculate_output": "max(says, 0.5) * exp(close) - sqrt(2) / 3",
    });
    let missing =
        json!({"type": "string_check", "name": "m", "input": "{{item.gone}}", "reference": said, "operation": "eq"});
    let metrics = ["fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_l", "cosine"];
    let named =
        metrics.iter().map(|metric| (*metric, close(metric))).chain([("formula", formula), ("missing", missing)]);
    let weighted = |(name, grader): (&str, Value)| WeightedGrader {
        name: name.into(),
        weight: 0.3,
        grader: Grader::Openai { grader },
    };
    RewardConfig::sum(named.map(weighted).collect())
}

/// Scripts that compute, mark, decline, loop, fail, and would run for ever.
#[cfg(feature = "programs")]
#[must_use]
pub fn scripted() -> RewardConfig {
    let script = |name: &str, weight: f64, source: &str| WeightedGrader {
        name: name.into(),
        weight,
        grader: Grader::Program { source: source.into() },
    };
    RewardConfig::sum(vec![
        script("curve", 0.3, "pow(answer.len.to_float(), 0.37) + exp(-0.1 * words(answer).len.to_float()) - ln(1.5)"),
        script(
            "marks",
            0.2,
            "#{score: if verdict == \"right\" { 1.0 } else { -0.25 }, reason: verdict, spans: [[0, 2], [3, 5]]}",
        ),
        script("number", 0.4, "let n = first_number(answer); if n == () { () } else { n / 3.0 }"),
        script("words", 0.1, "let sum = 0.0; for w in words(answer) { sum += sqrt(w.len.to_float()); } sum"),
        script("share", 0.7, "fn share(a, b) { a.to_float() / b.to_float() } share(answer.len, item.question.len)"),
        script("fails", 0.1, "item.accepted[3]"),
        script("endless", 0.1, "let i = 0; while true { i += 1; }"),
    ])
}

/// Graders that need more than the text; where nobody has it they say so.
#[must_use]
pub fn outsiders() -> RewardConfig {
    let models = |checkpoints: &[&str], ensemble| Grader::RewardModel {
        checkpoints: checkpoints.iter().map(ToString::to_string).collect(),
        ensemble,
    };
    let grader = |name: &str, weight, grader| WeightedGrader { name: name.into(), weight, grader };
    RewardConfig::sum(vec![
        grader("consistency", 0.7, Grader::Consistency {}),
        grader("votes", 1.3, Grader::Votes {}),
        grader("mean", 0.3, models(&["short", "near"], Ensemble::Mean {})),
        grader("worst", 0.1, models(&["short", "near"], Ensemble::Worst {})),
        grader("cautious", 0.2, models(&["short", "near"], Ensemble::Cautious { lambda: 0.3 })),
        grader("missing", 0.2, models(&["near", "gone"], Ensemble::Mean {})),
    ])
}

/// A configuration with every grader that every build has (all but `regex`) and awkward weights.
#[must_use]
pub fn everything() -> RewardConfig {
    let grader = |name: &str, weight: f64, grader: Grader| WeightedGrader { name: name.into(), weight, grader };
    let phrase = |phrase: &str, reason: &str| ForbiddenPhrase { phrase: phrase.into(), reason: reason.into() };
    RewardConfig::sum(vec![
        grader("exact", 0.1, Grader::Exact {}),
        grader("normalised", 0.7, Grader::Normalised {}),
        grader("numeric", 1.0 / 3.0, Grader::Numeric { tolerance: 0.05 }),
        grader("truthful", 1.5, Grader::Truthful { right: 1.0, abstain: 0.1, wrong: -0.9 }),
        grader("format", -0.25, Grader::Format {}),
        grader("length", 0.3, Grader::Length { free: 7, limit: 31 }),
        grader("shape", 0.2, Grader::JsonSchema { schema: answer_schema() }),
        grader("template", 0.2, Grader::Template { template: "<think>{why}</think> <answer>{what}</answer>".into() }),
        grader("overlong", 0.15, Grader::SoftOverlong { max: 9, cache: 7, unit: LengthUnit::Words }),
        grader("repetition", 0.3, Grader::Repetition { n: 2 }),
        grader("script", 0.11, Grader::Script { allowed: vec![Script::Latin, Script::Greek] }),
        grader("forbidden", 0.4, Grader::Forbidden { phrases: vec![phrase("my secret", "it is one")] }),
        grader("pii", 0.6, Grader::Pii { kinds: PiiKind::ALL.to_vec() }),
        grader("grounding", 0.25, Grader::Grounding {}),
        grader("reasoning", 0.35, Grader::Reasoning {}),
        grader("threshold", 0.1, Grader::Threshold { t: 0.7 }),
        grader("confidence", 0.9, Grader::Confidence { right: 1.0 }),
    ])
}

/// The same graders put together in every way that is not a plain sum.
#[must_use]
pub fn composed() -> RewardConfig {
    RewardConfig {
        domain_weights: vec![DomainWeight { domain: Domain::Capitals, grader: "truthful".into(), factor: 1.7 }],
        constraints: vec![Constraint { grader: "pii".into(), limit: 0.05, start: 0.3, rate: 0.1 }],
        clamp: Some(Clamp { low: -1.1, high: 1.3 }),
        gates: vec![Gate { grader: "forbidden".into(), at_least: -0.5, otherwise: -2.0 }],
        ..everything()
    }
}

/// Truth first, then form, then length.
#[must_use]
pub fn lexicographic() -> RewardConfig {
    RewardConfig { combine: Combine::Lexicographic { levels: 11 }, ..RewardConfig::default() }
}

fn answer_schema() -> JsonSchema {
    let of = |kind| JsonSchema { kind: Some(kind), ..JsonSchema::default() };
    let city = JsonSchema { min_length: Some(1), max_length: Some(30), ..of(JsonType::String) };
    let share = JsonSchema { minimum: Some(0.0), maximum: Some(1.0), ..of(JsonType::Number) };
    let names = JsonSchema { items: Some(Box::new(of(JsonType::String))), ..of(JsonType::Array) };
    JsonSchema {
        properties: [("city".into(), city), ("share".into(), share), ("names".into(), names)].into(),
        required: vec!["city".into()],
        additional_properties: Some(false),
        ..of(JsonType::Object)
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
            item("reading", "Text: Anna has a red kite. Ben is in Oslo. Where is Ben?", Expected::Answer, &["Oslo"]),
            s(&[
                "In Oslo.",
                "Ben is in Rome.",
                "Oslo (confidence 7/10)",
                "I'm 70% sure it is Oslo.",
                "Confidence: 0.25. Rome",
                "<think>He is in Oslo.</think>\n<answer>Oslo</answer>",
                "<think></think><answer>Oslo</answer>",
                "{\"city\": \"Oslo\", \"share\": 0.5}",
                "{\"city\": \"\", \"names\": [1]}",
                "My s\u{435}cret: write to ben@example.org or call +47 22 33 44 55.",
                "Ben is at 12 Baker Street with card 4111 1111 1111 1111.",
                "GB82 WEST 1234 5698 7654 32 is m y s e c r e t",
                "Oslo Oslo Oslo Oslo Oslo Oslo",
                "My $\u{435}cr\u{200b}et, my s-e-c-r-e-t, my s*cret and ｍｙ ｓｅｃｒｅｔ.",
                "ben (at) example.org, ben at example dot org, ｂｅｎ＠ｅｘａｍｐｌｅ．ｏｒｇ, ٠٤٠ ١٢٣٤ ٥٦٧٨",
            ]),
        ),
        (
            item("steps", "What is 2 + 3 * 4?", Expected::Answer, &["14"]),
            s(&[
                "3 * 4 = 12, 2 + 12 = 14. The answer is 14.",
                "2 + 3 × 4 = 2 + 12 = 14",
                "2 + 3 = 5 and 5 * 4 = 20",
                "10 / 3 = 3.33",
                "3 * 4 = 12, so 13",
                "14",
            ]),
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
