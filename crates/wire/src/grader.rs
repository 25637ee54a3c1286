//! What a grader looks at, as data: one variant per grader, with the numbers and texts that it needs.

use crate::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a grader looks at. Each gives a score, a reason in plain words, and the bytes of the answer that it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Grader {
    /// 1 if the answer equals an accepted answer byte for byte (outer white space aside), else 0.
    Exact {},
    /// 1 if the answer equals an accepted answer after normalisation (case, accents, punctuation, articles), else 0.
    Normalised {},
    /// 1 if the first number in the answer is within `tolerance` of an accepted number, else 0.
    Numeric {
        /// Largest absolute difference that still counts as right.
        tolerance: f64,
    },
    /// Ternary truthfulness (TruthRL, arXiv 2509.25760): right, abstained and wrong each have their value.
    /// Declining a forbidden request counts as right, doing it as wrong, declining a harmless one as wrong.
    Truthful {
        /// Value of a right answer.
        right: f64,
        /// Value of "I don't know".
        abstain: f64,
        /// Value of a wrong answer.
        wrong: f64,
    },
    /// 1 if the answer is one non-empty sentence that starts with a capital, a digit or a quote and ends with a full stop, else 0.
    Format {},
    /// 0 up to `free` characters, then falling linearly to -1 at `limit` and beyond.
    Length {
        /// Characters that cost nothing.
        free: u32,
        /// Characters at which the full penalty is reached; above `free`.
        limit: u32,
    },
    /// 1 if the pattern is found in the answer, else 0. The syntax of Rust's `regex`; classes such as `\w` and `(?i)`
    /// know ASCII only, and `.` is one byte (`(?u:.)` is one character). Only in builds with the feature `patterns`.
    Regex {
        /// The pattern; `^` and `$` tie it to the ends of the answer.
        pattern: String,
    },
    /// 1 if the whole answer is JSON of this shape, else 0.
    JsonSchema {
        /// The shape: a small part of JSON Schema.
        schema: JsonSchema,
    },
    /// 1 if the answer is these literal parts, each once and in order, with something in every hole, else 0.
    Template {
        /// Literal text with holes, e.g. `<think>{why}</think> <answer>{what}</answer>`. White space stands for any
        /// amount of white space, `{{` and `}}` for braces.
        template: String,
    },
    /// DAPO's soft limit on length (arXiv 2503.14476): 0 up to `max - cache`, falling linearly to -1 at `max`.
    SoftOverlong {
        /// Length at which the full penalty is reached.
        max: u32,
        /// Length of the slope before it.
        cache: u32,
        /// What is counted.
        unit: LengthUnit,
    },
    /// -(1 - different / all) over the groups of `n` neighbouring words: 0 if none comes twice, towards -1 if all do.
    Repetition {
        /// Words in a group.
        n: u32,
    },
    /// Share of the answer's letters that belong to an allowed script.
    Script {
        /// The scripts that are allowed.
        allowed: Vec<Script>,
    },
    /// -1 if the answer says one of the phrases, else 0. Case, accents, punctuation and look-alike letters do not hide one.
    Forbidden {
        /// What must not be said, and why.
        phrases: Vec<ForbiddenPhrase>,
    },
    /// -1 if the answer holds personal data of one of these kinds, else 0.
    Pii {
        /// What is looked for.
        kinds: Vec<PiiKind>,
    },
    /// Share of the answer's content words, other than those of the question, that the conversation before the question
    /// holds.
    Grounding {},
    /// 1 if the answer states sums such as "2 + 3 = 5", all of them right, and concludes with the last one's result; else 0.
    Reasoning {},
    /// Right 1, abstained 0, wrong -t/(1-t) (Kalai et al., arXiv 2509.04664): answering pays off above confidence t.
    Threshold {
        /// The confidence above which an answer is wanted: at least 0, below 1.
        t: f64,
    },
    /// right y - (c - y)^2 for a right (y = 1) or wrong (y = 0) answer with stated confidence c (RLCR, arXiv 2507.16806).
    Confidence {
        /// What being right is worth beside the number: 1 in the paper; 0 leaves the Brier score alone, for rewards that pay for
        /// the truth elsewhere.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        right: f64,
    },
    /// What a script says: a number, or nothing where it does not apply. Only in builds with the feature `programs`; the
    /// language and its limits are in docs/algorithms/rewards.md.
    Program {
        /// The script.
        source: String,
    },
    /// What one of OpenAI's graders gives, in their JSON; those that ask a model or run Python are refused. Templates read the
    /// question's columns as `item`, the answer as `sample.output_text`. Only in builds with the feature `openai`.
    Openai {
        /// The grader; kept as it came, so that whoever checks it can name the place of a mistake.
        grader: serde_json::Value,
    },
    /// The score that learned reward models give. Does not apply where none is at hand.
    RewardModel {
        /// Their checkpoints; several are an ensemble.
        checkpoints: Vec<String>,
        /// How their scores become one.
        #[serde(default)]
        ensemble: Ensemble,
    },
    /// What people's stored votes say of this very text, -1 to 1, weighted by how far raters agree. Does not apply
    /// where there are none.
    Votes {},
    /// Agreement with the other answers drawn for the question, discounted by the entropy of the group, 0 to 1. Does not
    /// apply to an answer alone.
    Consistency {},
}

fn one() -> f64 {
    1.0
}

#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")
)]
#[expect(clippy::float_cmp, reason = "1 is written as 1")]
fn is_one(value: &f64) -> bool {
    *value == 1.0
}

/// How the scores of several reward models become one (arXiv 2310.02743).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ensemble {
    /// Their mean.
    Mean {},
    /// The smallest.
    Worst {},
    /// Mean minus `lambda` times variance: where they disagree nothing is to be gained.
    Cautious {
        /// The price of a unit of variance; 0 or more.
        lambda: f64,
    },
}

impl Default for Ensemble {
    fn default() -> Self {
        Self::Mean {}
    }
}

/// What a length counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthUnit {
    /// Unicode scalar values.
    Characters,
    /// Runs of anything but white space.
    Words,
}

/// A writing system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Script {
    /// English, Vietnamese, Turkish ...
    Latin,
    /// Greek and Coptic.
    Greek,
    /// Russian, Serbian, Kazakh ...
    Cyrillic,
    /// Armenian.
    Armenian,
    /// Hebrew.
    Hebrew,
    /// Arabic, Persian, Urdu ...
    Arabic,
    /// Hindi, Marathi, Nepali ...
    Devanagari,
    /// Bengali and Assamese.
    Bengali,
    /// Tamil.
    Tamil,
    /// Thai.
    Thai,
    /// Georgian.
    Georgian,
    /// Korean.
    Hangul,
    /// The Japanese syllabaries, Hiragana and Katakana.
    Kana,
    /// Chinese characters, wherever they are used.
    Han,
}

/// Something that must not be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForbiddenPhrase {
    /// The words.
    pub phrase: String,
    /// Why not, for the person who reads the receipt.
    pub reason: String,
}

/// A kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PiiKind {
    /// `name@host.tld`.
    Email,
    /// Seven to fifteen digits written as a telephone number.
    Phone,
    /// Thirteen to nineteen digits with a valid Luhn check digit.
    Card,
    /// An international bank account number with valid check digits.
    Iban,
    /// A house number beside the name of a street.
    Address,
}

impl PiiKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Email, Self::Phone, Self::Card, Self::Iban, Self::Address];
}
