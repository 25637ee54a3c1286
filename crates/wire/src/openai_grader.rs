//! OpenAI's graders as JSON: what a grader says, what is asked of it, what it answers.
//!
//! Field for field the schema of `POST /fine_tuning/alpha/graders/validate` and `/run`, so that a grader written for
//! OpenAI's reinforcement fine-tuning is read here unchanged and its receipts are read there unchanged. These types are
//! data only: `clicker_rewards::openai` checks and runs them, and says more about a wrong field than serde can.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A grader. `label_model` is allowed at the top as well as in a `multi`; a `multi` may not hold a `multi`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Grader {
    /// Compares two texts: 0 or 1.
    StringCheck(StringCheck),
    /// Measures how alike two texts are: 0 to 1.
    TextSimilarity(TextSimilarity),
    /// Asks a model for a number.
    ScoreModel(ScoreModel),
    /// Asks a model for a label: 1 if it is a passing one, else 0.
    LabelModel(LabelModel),
    /// Runs a Python function. Read and checked here, never run.
    Python(Python),
    /// Combines graders by a formula.
    Multi(Multi),
}

impl Grader {
    /// Its `type`, as in the JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::StringCheck(_) => "string_check",
            Self::TextSimilarity(_) => "text_similarity",
            Self::ScoreModel(_) => "score_model",
            Self::LabelModel(_) => "label_model",
            Self::Python(_) => "python",
            Self::Multi(_) => "multi",
        }
    }

    /// Its `name`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::StringCheck(g) => &g.name,
            Self::TextSimilarity(g) => &g.name,
            Self::ScoreModel(g) => &g.name,
            Self::LabelModel(g) => &g.name,
            Self::Python(g) => &g.name,
            Self::Multi(g) => &g.name,
        }
    }

    /// The models that it asks, its parts' among them.
    #[must_use]
    pub fn models(&self) -> BTreeSet<&str> {
        match self {
            Self::StringCheck(_) | Self::TextSimilarity(_) | Self::Python(_) => BTreeSet::new(),
            Self::ScoreModel(g) => BTreeSet::from([g.model.as_str()]),
            Self::LabelModel(g) => BTreeSet::from([g.model.as_str()]),
            Self::Multi(g) => match &g.graders {
                Parts::One(part) => part.models(),
                Parts::List(parts) => parts.iter().flat_map(Self::models).collect(),
                Parts::Named(parts) => parts.values().flat_map(Self::models).collect(),
            },
        }
    }
}

/// The models that a grader's JSON asks, its parts' among them, whether or not the grader is a good one.
#[must_use]
pub fn models_asked(grader: &Value) -> BTreeSet<&str> {
    if let Some("score_model" | "label_model") = grader["type"].as_str() {
        return grader["model"].as_str().into_iter().collect();
    }
    match &grader["graders"] {
        Value::Array(parts) => parts.iter().flat_map(models_asked).collect(),
        // One part by itself; a part called `type` would be an object.
        part @ Value::Object(_) if part["type"].is_string() => models_asked(part),
        Value::Object(parts) => parts.values().flat_map(models_asked).collect(),
        _ => BTreeSet::new(),
    }
}

/// Compares `input` with `reference`; both may hold templates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StringCheck {
    /// Name of the grader.
    pub name: String,
    /// The text that is graded.
    pub input: String,
    /// The text it is compared with.
    pub reference: String,
    /// How.
    pub operation: StringOperation,
}

/// How [`StringCheck`] compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StringOperation {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// The input contains the reference.
    Like,
    /// The same without regard to case.
    Ilike,
}

/// Measures how alike `input` and `reference` are; both may hold templates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSimilarity {
    /// Name of the grader.
    pub name: String,
    /// The text that is graded.
    pub input: String,
    /// The text it is compared with.
    pub reference: String,
    /// The measure.
    pub evaluation_metric: Metric,
}

/// A measure of likeness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Cosine of two embeddings.
    Cosine,
    /// Share of characters in common order.
    FuzzyMatch,
    /// BLEU-4.
    Bleu,
    /// Google-BLEU.
    Gleu,
    /// METEOR.
    Meteor,
    /// ROUGE over words.
    #[serde(rename = "rouge_1")]
    Rouge1,
    /// ROUGE over pairs of words.
    #[serde(rename = "rouge_2")]
    Rouge2,
    /// ROUGE over triples of words.
    #[serde(rename = "rouge_3")]
    Rouge3,
    /// ROUGE over runs of four words.
    #[serde(rename = "rouge_4")]
    Rouge4,
    /// ROUGE over runs of five words.
    #[serde(rename = "rouge_5")]
    Rouge5,
    /// ROUGE over the longest common subsequence of words.
    #[serde(rename = "rouge_l")]
    RougeL,
}

/// Asks a model for a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreModel {
    /// Name of the grader.
    pub name: String,
    /// What the model is shown; texts may hold templates.
    pub input: Vec<Message>,
    /// Which model.
    pub model: String,
    /// Lowest and highest score; 0 and 1 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// How the model samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling_params: Option<SamplingParams>,
}

/// Asks a model for one of a list of labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelModel {
    /// Name of the grader.
    pub name: String,
    /// What the model is shown; texts may hold templates.
    pub input: Vec<Message>,
    /// Which model.
    pub model: String,
    /// What it may answer.
    pub labels: Vec<String>,
    /// Which of those score 1.
    pub passing_labels: Vec<String>,
}

/// A Python function `grade(sample: dict, item: dict) -> float`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Python {
    /// Name of the grader.
    pub name: String,
    /// The program.
    pub source: String,
    /// Which image of OpenAI's sandbox it was written for, such as `2025-05-08`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_tag: Option<String>,
}

/// Graders and the formula that combines them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Multi {
    /// Name of the grader.
    pub name: String,
    /// The parts.
    pub graders: Parts,
    /// The formula over the parts' names.
    pub calculate_output: String,
}

/// The parts of a [`Multi`], in one of the three shapes that OpenAI's pages show. Written back in the shape it came in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Parts {
    /// One grader, as the reference types it: its name in the formula is `<type>_score`.
    One(Box<Grader>),
    /// An array, as the reference's example: each name in the formula is `<type>_score`.
    List(Vec<Grader>),
    /// An object, as the guides: the key is the name in the formula.
    Named(BTreeMap<String, Grader>),
}

/// One message to a judging model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Content,
    /// Always `message`, where present.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<MessageKind>,
}

/// Who speaks in a [`Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person who asks.
    User,
    /// The model, earlier.
    Assistant,
    /// Instructions above the user's.
    System,
    /// The same by its newer name.
    Developer,
}

/// The only `type` a [`Message`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// A message.
    Message,
}

/// What a [`Message`] holds: a text, one part, or parts in order (each again a text or a part).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// One typed part.
    Part(ContentPart),
    /// Several.
    Parts(Vec<ContentItem>),
}

/// One entry of a list of contents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ContentItem {
    /// Plain text.
    Text(String),
    /// A typed part.
    Part(ContentPart),
}

/// A typed part of a [`Message`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ContentPart {
    /// Text for the model.
    InputText {
        /// The text.
        text: String,
    },
    /// Text of the model.
    OutputText {
        /// The text.
        text: String,
    },
    /// An image.
    InputImage {
        /// Where it is.
        image_url: String,
        /// `high`, `low` or `auto`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// A sound.
    InputAudio {
        /// The sound.
        input_audio: AudioData,
    },
}

/// A sound in base64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioData {
    /// Base64.
    pub data: String,
    /// `mp3` or `wav`.
    pub format: String,
}

/// How a judging model samples. Every field may be absent or null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplingParams {
    /// Seed of the sampler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Nucleus; 1 keeps all tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Temperature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Longest reply, tokens; at least 1. The plural in the middle is OpenAI's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_completions_tokens: Option<u64>,
    /// How long it thinks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<ReasoningEffort>,
}

/// How long a judging model thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningEffort {
    /// Not at all.
    None,
    /// Barely.
    Minimal,
    /// A little.
    Low,
    /// As usual.
    Medium,
    /// Long.
    High,
    /// As long as it can.
    Xhigh,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is read from the JSON is what the types say, in each of the three shapes of `graders`.
    #[test]
    fn models_are_found_in_every_shape() {
        let asks = |model: &str| json!({"type": "label_model", "name": "l", "model": model, "labels": ["a"], "passing_labels": ["a"], "input": []});
        let check = json!({"type": "string_check", "name": "c", "input": "", "reference": "", "operation": "eq"});
        let multi = |graders: Value| json!({"type": "multi", "name": "m", "calculate_output": "1", "graders": graders});
        for (grader, expected) in [
            (asks("x"), vec!["x"]),
            (check.clone(), vec![]),
            (multi(json!([asks("b"), check])), vec!["b"]),
            (multi(asks("one")), vec!["one"]),
            (multi(json!({"type": asks("t"), "other": asks("s")})), vec!["s", "t"]),
        ] {
            assert_eq!(models_asked(&grader).into_iter().collect::<Vec<_>>(), expected, "{grader}");
            let typed: Grader = serde_json::from_value(grader.clone()).unwrap();
            assert_eq!(typed.models(), models_asked(&grader), "{grader}");
        }
        assert!(models_asked(&json!(3)).is_empty() && models_asked(&json!({"graders": 3})).is_empty());
    }
}
