//! What a reward's JSON may hold, as a table: the form is drawn from it, part by part. Knows wire's names as text, nothing of
//! what graders do; a test holds the table against wire's types.

/// What stands in a place.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Any number, changed in steps of this.
    Number(&'static str),
    /// A whole number from 0.
    Whole,
    /// A line of text.
    Text,
    /// Text in the monospaced face: patterns, templates.
    Mono,
    /// Several lines of it.
    Long,
    /// One of these words.
    Choice(&'static [(&'static str, &'static str)]),
    /// The name of a grader of the document.
    Name,
    /// Any of these words, each once.
    Set(&'static [(&'static str, &'static str)]),
    /// An object with a `type`.
    OneOf(&'static [Variant]),
    /// An object that may be left out.
    Maybe(&'static Part),
    /// A list of objects.
    List(&'static Part),
    /// An object that is always there.
    Inner(&'static [Field]),
    /// JSON as it is.
    Json,
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    pub(crate) kind: Kind,
}

/// An object of which there are several, or none.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its title as a list.
    pub(crate) title: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
    /// What one is called on buttons.
    pub(crate) one: &'static str,
    pub(crate) fields: &'static [Field],
    /// A new one, as JSON.
    pub(crate) blank: &'static str,
}

/// One of several objects that a `type` tells apart.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) tag: &'static str,
    pub(crate) label: &'static str,
    pub(crate) about: &'static str,
    pub(crate) fields: &'static [Field],
    /// A new one, as JSON.
    pub(crate) blank: &'static str,
}

const fn field(key: &'static str, label: &'static str, kind: Kind) -> Field {
    Field { key, label, kind }
}

const fn variant(
    tag: &'static str,
    label: &'static str,
    about: &'static str,
    blank: &'static str,
    fields: &'static [Field],
) -> Variant {
    Variant { tag, label, about, fields, blank }
}

const STEP: Kind = Kind::Number("0.1");
const FINE: Kind = Kind::Number("0.05");

/// How a grader stands in the list.
pub(crate) const GRADER: [Field; 3] = [
    field("name", "Name", Kind::Text),
    field("grader", "Kind", Kind::OneOf(&GRADERS)),
    field("weight", "Weight", STEP),
];

/// What stands beside the graders.
pub(crate) const REST: [Field; 6] = [
    field("combine", "Combination", Kind::OneOf(&COMBINE)),
    field("gates", "Gates", Kind::List(&GATES)),
    field("constraints", "Safety limits", Kind::List(&CONSTRAINTS)),
    field("domain_weights", "Weights by domain", Kind::List(&DOMAIN_WEIGHTS)),
    field("clamp", "Clamp", Kind::Maybe(&CLAMP)),
    field("adaptive", "Moving weights", Kind::Inner(&ADAPTIVE)),
];

const COMBINE: [Variant; 3] = [
    variant("sum", "Weighted sum", "Weight times score, added up.", r#"{"type":"sum"}"#, &[]),
    variant(
        "lexicographic",
        "In order of precedence",
        "Earlier graders decide, later ones only break ties.",
        r#"{"type":"lexicographic","levels":3}"#,
        &[field("levels", "Steps a score can take", Kind::Whole)],
    ),
    variant(
        "normalise_then_sum",
        "Normalise, then sum",
        "Each grader is compared within the group before the sum (GDPO), so a rare success weighs more. Receipts stay sums.",
        r#"{"type":"normalise_then_sum"}"#,
        &[],
    ),
];

const GATES: Part = Part {
    title: "Gates",
    about: "Nothing else counts until this grader is content.",
    one: "gate",
    blank: r#"{"grader":"","at_least":1.0,"otherwise":-1.0}"#,
    fields: &[
        field("grader", "Grader", Kind::Name),
        field("at_least", "Opens at", STEP),
        field("otherwise", "Total while closed", STEP),
    ],
};

const CONSTRAINTS: Part = Part {
    title: "Safety limits",
    about: "A cost that must stay below a limit on average; its price rises while it does not.",
    one: "safety limit",
    blank: r#"{"grader":"","limit":0.05,"start":1.0,"rate":0.05}"#,
    fields: &[
        field("grader", "Cost is minus the score of", Kind::Name),
        field("limit", "Largest mean cost", FINE),
        field("start", "First multiplier", STEP),
        field("rate", "Rate", FINE),
    ],
};

const DOMAIN_WEIGHTS: Part = Part {
    title: "Weights by domain",
    about: "A factor on one grader's weight, for questions of one domain.",
    one: "factor",
    blank: r#"{"domain":"capitals","grader":"","factor":1.0}"#,
    fields: &[
        field("domain", "Domain", Kind::Choice(&DOMAINS)),
        field("grader", "Grader", Kind::Name),
        field("factor", "Factor", STEP),
    ],
};

const CLAMP: Part = Part {
    title: "Clamp",
    about: "Keeps the total within a range.",
    one: "clamp",
    blank: r#"{"low":-1.0,"high":1.0}"#,
    fields: &[field("low", "Lowest total", STEP), field("high", "Highest total", STEP)],
};

const ADAPTIVE: [Field; 2] = [
    field("schedules", "Scheduled weights", Kind::List(&SCHEDULES)),
    field("rules", "Rules on weights", Kind::List(&RULES)),
];

const SCHEDULES: Part = Part {
    title: "Scheduled weights",
    about: "A weight that goes from one value to another while a run goes on.",
    one: "schedule",
    blank: r#"{"grader":"","from":1.0,"to":0.0,"start":0,"end":100,"curve":"linear"}"#,
    fields: &[
        field("grader", "Grader", Kind::Name),
        field("from", "From", STEP),
        field("to", "To", STEP),
        field("start", "Starts at step", Kind::Whole),
        field("end", "Arrives at step", Kind::Whole),
        field("curve", "Curve", Kind::Choice(&[("linear", "Linear"), ("cosine", "Cosine")])),
    ],
};

const RULES: Part = Part {
    title: "Rules on weights",
    about: "Changes a weight while a measured signal stays above or below a value: rewards/NAME/saturation, or votes/liked, what people say of the run's answers.",
    one: "rule",
    blank: r#"{"signal":"rewards/format/saturation","when":{"above":0.9},"patience":3,"grader":"","change":{"multiply":0.5},"low":0.0,"high":1.0}"#,
    fields: &[
        field("signal", "Signal", Kind::Mono),
        field("when", "When, as JSON", Kind::Json),
        field("patience", "Measurements in a row", Kind::Whole),
        field("grader", "Grader", Kind::Name),
        field("change", "Change, as JSON", Kind::Json),
        field("low", "Lowest weight", STEP),
        field("high", "Highest weight", STEP),
    ],
};

const ENSEMBLE: [Variant; 3] = [
    variant("mean", "Mean", "The mean of their scores.", r#"{"type":"mean"}"#, &[]),
    variant("worst", "Worst", "The smallest of their scores.", r#"{"type":"worst"}"#, &[]),
    variant(
        "cautious",
        "Cautious",
        "Mean minus lambda times variance.",
        r#"{"type":"cautious","lambda":1.0}"#,
        &[field("lambda", "Lambda", STEP)],
    ),
];

const DOMAINS: [(&str, &str); 8] = [
    ("capitals", "Capitals"),
    ("elements", "Elements"),
    ("arithmetic", "Arithmetic"),
    ("reading", "Reading"),
    ("follow_up", "Follow-up"),
    ("rules", "Rules"),
    ("name_pairs", "Name pairs"),
    ("free", "Your own"),
];

const PHRASES: Part = Part {
    title: "Phrases",
    about: "",
    one: "phrase",
    blank: r#"{"phrase":"as an AI","reason":"says nothing about the question"}"#,
    fields: &[field("phrase", "Phrase", Kind::Text), field("reason", "Why it must not be said", Kind::Text)],
};

/// Every grader.
pub(crate) const GRADERS: [Variant; 23] = [
    variant(
        "truthful",
        "Truthful",
        "Right, \u{201c}I don't know\u{201d} and wrong each have their value.",
        r#"{"type":"truthful","right":1.0,"abstain":0.0,"wrong":-1.0}"#,
        &[
            field("right", "Right", STEP),
            field("abstain", "\u{201c}I don't know\u{201d}", STEP),
            field("wrong", "Wrong", STEP),
        ],
    ),
    variant(
        "threshold",
        "Confidence threshold",
        "Right 1, abstained 0, wrong \u{2212}t/(1\u{2212}t): answering pays off above confidence t.",
        r#"{"type":"threshold","t":0.5}"#,
        &[field("t", "t, from 0 to below 1", FINE)],
    ),
    variant(
        "confidence",
        "Stated confidence",
        "y \u{2212} (c \u{2212} y)\u{b2}: honest confidence c pays most.",
        r#"{"type":"confidence","right":1}"#,
        &[field("right", "Worth of being right", STEP)],
    ),
    variant("exact", "Exact match", "1 if the answer is an accepted one, byte for byte.", r#"{"type":"exact"}"#, &[]),
    variant(
        "normalised",
        "Normalised match",
        "1 if it is an accepted one but for case, accents, punctuation and articles.",
        r#"{"type":"normalised"}"#,
        &[],
    ),
    variant(
        "numeric",
        "Numeric",
        "1 if its first number is close to an accepted one.",
        r#"{"type":"numeric","tolerance":0.0}"#,
        &[field("tolerance", "Tolerance", STEP)],
    ),
    variant("format", "Format", "1 for one clean sentence.", r#"{"type":"format"}"#, &[]),
    variant(
        "length",
        "Length",
        "0 up to the free characters, then falling to \u{2212}1 at the limit.",
        r#"{"type":"length","free":48,"limit":96}"#,
        &[field("free", "Free characters", Kind::Whole), field("limit", "Full penalty at", Kind::Whole)],
    ),
    variant(
        "soft_overlong",
        "Soft length limit",
        "0 up to max \u{2212} cache, then falling to \u{2212}1 at max (DAPO).",
        r#"{"type":"soft_overlong","max":200,"cache":50,"unit":"characters"}"#,
        &[
            field("max", "Max", Kind::Whole),
            field("cache", "Cache", Kind::Whole),
            field("unit", "Counts", Kind::Choice(&[("characters", "Characters"), ("words", "Words")])),
        ],
    ),
    variant(
        "repetition",
        "Repetition",
        "Falls towards \u{2212}1 the more groups of n words come twice.",
        r#"{"type":"repetition","n":2}"#,
        &[field("n", "Words in a group", Kind::Whole)],
    ),
    variant(
        "regex",
        "Pattern",
        "1 if the pattern is found.",
        r#"{"type":"regex","pattern":"^[A-Z].*\\.$"}"#,
        &[field("pattern", "Pattern", Kind::Mono)],
    ),
    variant(
        "template",
        "Template",
        "1 if the answer is these literal parts with something in every hole.",
        r#"{"type":"template","template":"<think>{why}</think> <answer>{what}</answer>"}"#,
        &[field("template", "Template", Kind::Mono)],
    ),
    variant(
        "json_schema",
        "JSON shape",
        "1 if the whole answer is JSON of this shape.",
        r#"{"type":"json_schema","schema":{"type":"object","required":["answer"]}}"#,
        &[field("schema", "Shape", Kind::Json)],
    ),
    variant(
        "grounding",
        "Grounding",
        "Share of its words that the conversation before the question holds.",
        r#"{"type":"grounding"}"#,
        &[],
    ),
    variant(
        "reasoning",
        "Stated sums",
        "1 if all stated sums are right and the last one is the conclusion.",
        r#"{"type":"reasoning"}"#,
        &[],
    ),
    variant(
        "forbidden",
        "Forbidden phrases",
        "\u{2212}1 if it says one of the phrases.",
        r#"{"type":"forbidden","phrases":[{"phrase":"as an AI","reason":"says nothing about the question"}]}"#,
        &[field("phrases", "Phrases", Kind::List(&PHRASES))],
    ),
    variant(
        "pii",
        "Personal data",
        "\u{2212}1 if it holds personal data of these kinds.",
        r#"{"type":"pii","kinds":["email","phone"]}"#,
        &[field(
            "kinds",
            "Kinds",
            Kind::Set(&[
                ("email", "E-mail"),
                ("phone", "Phone"),
                ("card", "Card"),
                ("iban", "IBAN"),
                ("address", "Address"),
            ]),
        )],
    ),
    variant(
        "script",
        "Writing system",
        "Share of its letters that belong to an allowed script.",
        r#"{"type":"script","allowed":["latin"]}"#,
        &[field(
            "allowed",
            "Allowed",
            Kind::Set(&[
                ("latin", "Latin"),
                ("greek", "Greek"),
                ("cyrillic", "Cyrillic"),
                ("armenian", "Armenian"),
                ("hebrew", "Hebrew"),
                ("arabic", "Arabic"),
                ("devanagari", "Devanagari"),
                ("bengali", "Bengali"),
                ("tamil", "Tamil"),
                ("thai", "Thai"),
                ("georgian", "Georgian"),
                ("hangul", "Hangul"),
                ("kana", "Kana"),
                ("han", "Han"),
            ]),
        )],
    ),
    variant(
        "program",
        "Script",
        "What a small script in the language Rhai says of the answer.",
        r#"{"type":"program","source":"if answer.len() > 0 { 1.0 } else { 0.0 }"}"#,
        &[field("source", "Source", Kind::Long)],
    ),
    variant(
        "openai",
        "OpenAI grader",
        "One of OpenAI's graders as JSON. A score_model or label_model with the model “builtin” is judged by the model in this tab.",
        r#"{"type":"openai","grader":{"type":"text_similarity","name":"close","input":"{{sample.output_text}}","reference":"{{item.reference_answer}}","evaluation_metric":"fuzzy_match"}}"#,
        &[field("grader", "Grader", Kind::Json)],
    ),
    variant(
        "reward_model",
        "Learned reward model",
        "The score of reward models by their checkpoints. Does not apply where none is at hand.",
        r#"{"type":"reward_model","checkpoints":["0000000000000000000000000000000000000000000000000000000000000000"],"ensemble":{"type":"mean"}}"#,
        &[
            field("checkpoints", "Checkpoints, as JSON", Kind::Json),
            field("ensemble", "Ensemble", Kind::OneOf(&ENSEMBLE)),
        ],
    ),
    variant("votes", "Human votes", "What people's stored votes say of this very text.", r#"{"type":"votes"}"#, &[]),
    variant(
        "consistency",
        "Consistency",
        "Agreement with the other answers to the question.",
        r#"{"type":"consistency"}"#,
        &[],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_wire::{Combine, Domain, Ensemble, Grader, RewardConfig};
    use serde_json::{Value, json};

    /// The words that serde would take in place of a wrong one.
    fn words<T: serde::de::DeserializeOwned>(wrong: Value) -> Vec<String> {
        let error = serde_json::from_value::<T>(wrong).err().expect("it is wrong").to_string();
        error.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    fn keys(blank: &str) -> Vec<String> {
        let blank: Value = serde_json::from_str(blank).expect("JSON");
        blank.as_object().expect("an object").keys().filter(|key| *key != "type").cloned().collect()
    }

    fn sorted(mut words: Vec<String>) -> Vec<String> {
        words.sort();
        words
    }

    #[test]
    fn every_kind_of_grader_is_in_the_table() {
        let known = sorted(words::<Grader>(json!({"type": "none"})));
        assert!(known.len() > 10, "{known:?}");
        assert_eq!(sorted(GRADERS.iter().map(|v| v.tag.to_owned()).collect()), known);
        let ensembles = sorted(words::<Ensemble>(json!({"type": "none"})));
        assert_eq!(sorted(ENSEMBLE.iter().map(|v| v.tag.to_owned()).collect()), ensembles);
        let combinations = sorted(words::<Combine>(json!({"type": "none"})));
        assert_eq!(sorted(COMBINE.iter().map(|v| v.tag.to_owned()).collect()), combinations);
    }

    #[test]
    fn every_blank_is_one_and_every_member_has_a_field() {
        for variant in &GRADERS {
            let grader: Grader = serde_json::from_str(variant.blank).expect(variant.tag);
            assert_eq!(serde_json::to_value(&grader).expect("JSON")["type"], variant.tag);
            let fields = sorted(variant.fields.iter().map(|f| f.key.to_owned()).collect());
            assert_eq!(fields, sorted(keys(variant.blank)), "{}", variant.tag);
            let unknown = words::<Grader>(json!({"type": variant.tag, "none": 0}));
            assert!(unknown.iter().all(|key| fields.contains(key)), "{}: {unknown:?}", variant.tag);
        }
        for part in [&GATES, &CONSTRAINTS, &DOMAIN_WEIGHTS, &CLAMP, &PHRASES, &SCHEDULES, &RULES] {
            assert_eq!(
                sorted(part.fields.iter().map(|f| f.key.to_owned()).collect()),
                sorted(keys(part.blank)),
                "{}",
                part.title
            );
        }
    }

    #[test]
    fn every_part_of_a_reward_is_in_the_form() {
        let known = words::<RewardConfig>(json!({"none": 0}));
        let form = REST.iter().map(|f| f.key.to_owned()).chain(["graders".to_owned()]).collect();
        assert_eq!(sorted(form), sorted(known));
    }

    #[test]
    fn every_choice_is_a_word_of_wires() {
        for (word, _) in DOMAINS {
            assert!(serde_json::from_value::<Domain>(json!(word)).is_ok(), "{word}");
        }
        for variant in &GRADERS {
            for field in variant.fields {
                let (Kind::Choice(choices) | Kind::Set(choices)) = &field.kind else { continue };
                for (word, _) in *choices {
                    let mut blank: Value = serde_json::from_str(variant.blank).expect("JSON");
                    blank[field.key] = if matches!(field.kind, Kind::Set(_)) { json!([word]) } else { json!(word) };
                    assert!(serde_json::from_value::<Grader>(blank).is_ok(), "{}.{}: {word}", variant.tag, field.key);
                }
            }
        }
    }
}
