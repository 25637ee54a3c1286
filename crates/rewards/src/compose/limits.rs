//! What each grader's values must be. The match is exhaustive, so that a new grader is asked for its limits.

use crate::RewardError;
use crate::graders::{forbidden, openai, pattern, program, repetition, reward_model, template};
use clicker_wire::{Ensemble, ForbiddenPhrase, Grader, JsonSchema, PiiKind, Script};
use std::collections::HashSet;

/// Deepest nesting of a schema, and most shapes in it.
const MAX_SCHEMA: (usize, usize) = (8, 256);

/// Checks what one grader works with.
pub(super) fn limits(name: &str, grader: &Grader) -> Result<(), RewardError> {
    match grader {
        Grader::Exact {}
        | Grader::Normalised {}
        | Grader::Format {}
        | Grader::Grounding {}
        | Grader::Reasoning {}
        | Grader::Votes {}
        | Grader::Consistency {} => Ok(()),
        Grader::Confidence { right } => {
            finite(name, "right", *right)?;
            if *right < 0.0 {
                return Err(out_of_range(name, "right", right, "0 or more".into()));
            }
            Ok(())
        }
        Grader::Numeric { tolerance } => {
            finite(name, "tolerance", *tolerance)?;
            if *tolerance < 0.0 {
                return Err(out_of_range(name, "tolerance", tolerance, "0 or more".into()));
            }
            Ok(())
        }
        Grader::Truthful { right, abstain, wrong } => {
            finite(name, "right", *right)?;
            finite(name, "abstain", *abstain)?;
            finite(name, "wrong", *wrong)
        }
        Grader::Length { free, limit } if limit <= free => {
            Err(out_of_range(name, "limit", limit, format!("more than free, which is {free}")))
        }
        Grader::Length { .. } => Ok(()),
        Grader::Regex { pattern } => match pattern::complaint(pattern) {
            Some(expected) => Err(out_of_range(name, "pattern", &shown(pattern), expected)),
            None => Ok(()),
        },
        Grader::JsonSchema { schema } => shape(name, schema, 1).map(|_| ()),
        Grader::Template { template } => match template::parse(template) {
            Err(expected) => Err(out_of_range(name, "template", &shown(template), expected)),
            Ok(_) => Ok(()),
        },
        Grader::SoftOverlong { max, cache, .. } if *cache == 0 || cache > max => {
            Err(out_of_range(name, "cache", cache, format!("1 to max, which is {max}")))
        }
        Grader::SoftOverlong { .. } => Ok(()),
        Grader::Repetition { n } if !(1..=repetition::MAX_N).contains(n) => {
            Err(out_of_range(name, "n", n, format!("1 to {} words", repetition::MAX_N)))
        }
        Grader::Repetition { .. } => Ok(()),
        Grader::Script { allowed } => scripts(name, allowed),
        Grader::Forbidden { phrases } => forbidden_phrases(name, phrases),
        Grader::Pii { kinds } => pii_kinds(name, kinds),
        Grader::Threshold { t } if !(0.0..=MAX_THRESHOLD).contains(t) => {
            let expected = format!("0 to {MAX_THRESHOLD}: at 1 a wrong answer would cost infinitely much");
            Err(out_of_range(name, "t", t, expected))
        }
        Grader::Threshold { .. } => Ok(()),
        Grader::Program { source } => match program::complaint(source) {
            Some(expected) => Err(out_of_range(name, "source", &shown(source), expected)),
            None => Ok(()),
        },
        Grader::Openai { grader } => match openai::complaint(grader) {
            Some(expected) => Err(out_of_range(name, "grader", &shown(&grader.to_string()), expected)),
            None => Ok(()),
        },
        Grader::RewardModel { checkpoints, ensemble } => reward_models(name, checkpoints, *ensemble),
    }
}

/// At 0.999 a wrong answer costs 999.
const MAX_THRESHOLD: f64 = 0.999;

/// The number of shapes in the schema.
fn shape(name: &str, schema: &JsonSchema, depth: usize) -> Result<usize, RewardError> {
    let (deepest, most) = MAX_SCHEMA;
    if depth > deepest {
        return Err(out_of_range(name, "schema", &"nested deeper", format!("at most {deepest} levels; flatten it")));
    }
    if let Some(value) = schema.values.iter().find(|v| v.is_object() || v.is_array()) {
        let expected = "texts, numbers, true, false or null; describe objects with properties".to_string();
        return Err(out_of_range(name, "enum", &shown(&value.to_string()), expected));
    }
    for (field, value) in [("minimum", schema.minimum), ("maximum", schema.maximum)] {
        finite(name, field, value.unwrap_or(0.0))?;
    }
    if let (Some(low), Some(high)) = (schema.minimum, schema.maximum)
        && high < low
    {
        return Err(out_of_range(name, "maximum", &high, format!("at least minimum, which is {low}")));
    }
    if let (Some(fewest), Some(longest)) = (schema.min_length, schema.max_length)
        && longest < fewest
    {
        return Err(out_of_range(name, "maxLength", &longest, format!("at least minLength, which is {fewest}")));
    }
    let mut count = 1;
    for inner in schema.properties.values().chain(schema.items.as_deref()) {
        count += shape(name, inner, depth + 1)?;
    }
    if count > most {
        return Err(out_of_range(name, "schema", &count, format!("at most {most} shapes; leave some out")));
    }
    Ok(count)
}

fn reward_models(name: &str, checkpoints: &[String], ensemble: Ensemble) -> Result<(), RewardError> {
    let most = reward_model::MAX_MEMBERS;
    let different: HashSet<&String> = checkpoints.iter().collect();
    let named = checkpoints.iter().all(|checkpoint| (1..=MAX_CHECKPOINT).contains(&checkpoint.len()));
    if checkpoints.is_empty() || checkpoints.len() > most || different.len() < checkpoints.len() || !named {
        let expected = format!("1 to {most} checkpoints, each once, by a name of 1 to {MAX_CHECKPOINT} bytes");
        return Err(out_of_range(name, "checkpoints", &shown(&checkpoints.join(", ")), expected));
    }
    match ensemble {
        Ensemble::Mean {} | Ensemble::Worst {} => Ok(()),
        Ensemble::Cautious { lambda } if lambda.is_finite() && lambda >= 0.0 => Ok(()),
        Ensemble::Cautious { lambda } => {
            Err(out_of_range(name, "lambda", &lambda, "a finite number, 0 or more".into()))
        }
    }
}

/// Longest name of a checkpoint, bytes: a path may be one.
const MAX_CHECKPOINT: usize = 512;

fn scripts(name: &str, allowed: &[Script]) -> Result<(), RewardError> {
    let different: HashSet<&Script> = allowed.iter().collect();
    if allowed.is_empty() || different.len() < allowed.len() {
        let expected = "one or more scripts such as latin, each once".to_string();
        return Err(out_of_range(name, "allowed", &format!("{allowed:?}"), expected));
    }
    Ok(())
}

fn pii_kinds(name: &str, kinds: &[PiiKind]) -> Result<(), RewardError> {
    let different: HashSet<&PiiKind> = kinds.iter().collect();
    if kinds.is_empty() || different.len() < kinds.len() {
        let expected = "one or more of email, phone, card, iban, address, each once".to_string();
        return Err(out_of_range(name, "kinds", &format!("{kinds:?}"), expected));
    }
    Ok(())
}

fn forbidden_phrases(name: &str, phrases: &[ForbiddenPhrase]) -> Result<(), RewardError> {
    if phrases.is_empty() || phrases.len() > forbidden::MAX_PHRASES {
        let expected = format!("1 to {} phrases", forbidden::MAX_PHRASES);
        return Err(out_of_range(name, "phrases", &phrases.len(), expected));
    }
    for ForbiddenPhrase { phrase, reason } in phrases {
        if phrase.len() > forbidden::MAX_PHRASE || forbidden::is_empty(phrase) {
            let expected = format!("at most {} bytes with a letter or a digit", forbidden::MAX_PHRASE);
            return Err(out_of_range(name, "phrase", &shown(phrase), expected));
        }
        if reason.trim().is_empty() || reason.len() > forbidden::MAX_PHRASE {
            let expected = format!("at most {} bytes that say why {phrase:?} is forbidden", forbidden::MAX_PHRASE);
            return Err(out_of_range(name, "reason", &shown(reason), expected));
        }
    }
    Ok(())
}

pub(super) fn finite(name: &str, field: &'static str, value: f64) -> Result<(), RewardError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(out_of_range(name, field, &value, "a finite number".into()))
}

pub(super) fn out_of_range(name: &str, field: &'static str, got: &impl ToString, expected: String) -> RewardError {
    RewardError::Value { name: name.to_string(), field, got: got.to_string(), expected }
}

fn shown(text: &str) -> String {
    format!("“{}”", crate::graders::excerpt(text))
}
