//! Answers and rewards to measure the speed of grading with: the same ones natively and in the browser. Whoever has a
//! clock does the timing.

use clicker_wire::{
    Domain, Expected, ForbiddenPhrase, Grader, Item, ItemId, JsonSchema, JsonType, LengthUnit, Message, PiiKind,
    RewardConfig, Script, WeightedGrader,
};

/// Answers to a question in [`groups`].
pub const GROUP: usize = 8;

/// Questions with eight answers each. An answer has about 32 tokens: 20 to 30 words, some right, some wrong, some with
/// digits, a few not ASCII.
#[must_use]
pub fn groups() -> Vec<(Item, Vec<String>)> {
    const FACTS: [(&str, &str, &str); 8] = [
        ("France", "Paris", "Rome"),
        ("Norway", "Oslo", "Bergen"),
        ("Peru", "Lima", "Quito"),
        ("Togo", "Lomé", "Accra"),
        ("Kenya", "Nairobi", "Mombasa"),
        ("Japan", "Tokyo", "Osaka"),
        ("Chile", "Santiago", "Valparaíso"),
        ("Iceland", "Reykjavík", "Akureyri"),
    ];
    FACTS.iter().map(|(country, right, wrong)| group(country, right, wrong)).collect()
}

fn group(country: &str, right: &str, wrong: &str) -> (Item, Vec<String>) {
    let passage = format!("{right} lies in {country}. Its people met in 1905. The market opens on Monday.");
    let item = Item {
        id: ItemId::from(format!("bench/{country}")),
        messages: vec![Message::user(passage), Message::user(format!("What is the capital of {country}?"))],
        expected: Expected::Answer,
        // The number gives the numeric grader something to compare with.
        accepted: vec![right.to_string(), "12".into()],
        domain: Domain::Capitals,
        ..Item::free("")
    };
    let texts = vec![
        format!("The capital of {country} is {right}."),
        format!(
            "The capital of {country} is {wrong}, which lies on the river in the south of the country and has been the seat \
             of its government for a very long time."
        ),
        format!(
            "I think that the answer is {right}, because it is by far the largest city of {country} and most of the people \
             who work for the state live there today."
        ),
        format!(
            "First, {country} has 12 regions and 3 + 4 = 7 large cities; second, its government moved in 1905, so the \
             capital of the country must be {wrong} and not {right}."
        ),
        "I don't know what the capital is. I am not sure. The passage does not say where the government meets, and I have \
         no other source that I could look it up in."
            .to_string(),
        format!(
            "{right} {right} {right} is the capital, the capital is {right}, and once again the capital of {country} is \
             {right}, as everybody who lives there knows very well."
        ),
        format!(
            "It could be {wrong} or it could be {right}; people who travel through {country} by train say that both are \
             beautiful, and that the food on the market is good (confidence 60%)."
        ),
        format!(
            "You asked for the capital of {country}. Call the embassy on weekdays from 9 to 12 and they will tell you that \
             it is {right}, or ask anybody whom you meet there."
        ),
    ];
    (item, texts)
}

/// Every rule grader alone, named by its type, then a reward of six of them, named `composite`.
#[must_use]
pub fn rewards() -> Vec<(String, RewardConfig)> {
    let mut out: Vec<(String, RewardConfig)> = graders()
        .into_iter()
        .map(|(name, grader)| (name.to_string(), RewardConfig::sum(vec![weighted(name, grader)])))
        .collect();
    let six = ["truthful", "format", "length", "repetition", "forbidden", "pii"];
    let composite = graders().into_iter().filter(|(name, _)| six.contains(name)).map(|(n, g)| weighted(n, g)).collect();
    out.push(("composite".into(), RewardConfig::sum(composite)));
    out
}

fn weighted(name: &str, grader: Grader) -> WeightedGrader {
    WeightedGrader { name: name.into(), weight: 1.0, grader }
}

fn graders() -> Vec<(&'static str, Grader)> {
    let city = JsonSchema { kind: Some(JsonType::String), ..JsonSchema::default() };
    let schema = JsonSchema {
        kind: Some(JsonType::Object),
        properties: [("city".into(), city)].into(),
        ..JsonSchema::default()
    };
    let phrases = ["buy now", "my password", "as an AI", "secret", "you idiot", "click here", "guaranteed", "call me"]
        .map(|phrase| ForbiddenPhrase { phrase: phrase.into(), reason: "not here".into() });
    let mut graders = vec![
        ("exact", Grader::Exact {}),
        ("normalised", Grader::Normalised {}),
        ("numeric", Grader::Numeric { tolerance: 0.5 }),
        ("truthful", Grader::Truthful { right: 1.0, abstain: 0.0, wrong: -1.0 }),
        ("format", Grader::Format {}),
        ("length", Grader::Length { free: 48, limit: 96 }),
        ("json_schema", Grader::JsonSchema { schema }),
        ("template", Grader::Template { template: "<think>{why}</think> <answer>{what}</answer>".into() }),
        ("soft_overlong", Grader::SoftOverlong { max: 40, cache: 20, unit: LengthUnit::Words }),
        ("repetition", Grader::Repetition { n: 3 }),
        ("script", Grader::Script { allowed: vec![Script::Latin] }),
        ("forbidden", Grader::Forbidden { phrases: phrases.to_vec() }),
        ("pii", Grader::Pii { kinds: PiiKind::ALL.to_vec() }),
        ("grounding", Grader::Grounding {}),
        ("reasoning", Grader::Reasoning {}),
        ("threshold", Grader::Threshold { t: 0.75 }),
        ("confidence", Grader::Confidence { right: 1.0 }),
        ("consistency", Grader::Consistency {}),
    ];
    if cfg!(feature = "patterns") {
        graders.push(("regex", Grader::Regex { pattern: "^[A-Z].*[.]$".into() }));
    }
    if cfg!(feature = "programs") {
        graders.push(("program", Grader::Program { source: PROGRAM.into() }));
    }
    graders
}

/// A script of the usual size.
const PROGRAM: &str = "let words = answer.split(); if words.len() > 30 { -1.0 } else if answer.contains(item.accepted[0]) { 1.0 } \
    else { 0.0 }";
