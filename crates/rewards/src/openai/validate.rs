//! From JSON to a grader: first the shape, then what the shape cannot say (templates, formulas, ranges, labels).

use super::error::GraderError;
use super::formula::{Formula, is_name};
use super::parts::named;
use super::schema::{self, wrong};
use super::template::Template;
use super::{Grader, MAX_NAME_BYTES, MAX_SOURCE_BYTES};
use clicker_wire::openai_grader::{Content, ContentItem, ContentPart, LabelModel, Message, Multi, Python, ScoreModel};
use serde_json::Value;
use std::collections::BTreeSet;

type Checked = Result<(), GraderError>;

/// Checks a grader's JSON and reads it.
///
/// # Errors
/// The first mistake: an unknown, missing or ill-typed field, a template or formula that no sample could satisfy, a
/// value outside its range, a `multi` inside a `multi`.
pub fn validate(grader: &Value) -> Result<Grader, GraderError> {
    schema::grader(grader, "grader")?;
    // The shape was checked, so this fails only where the table and the types disagree, which a test rules out.
    let grader = serde_json::from_value::<Grader>(grader.clone()).map_err(json)?;
    meaning(&grader, "grader")?;
    Ok(grader)
}

/// Checks a grader's JSON text and reads it.
///
/// # Errors
/// Text that is not JSON; otherwise as [`validate`].
pub fn parse(text: &str) -> Result<Grader, GraderError> {
    validate(&serde_json::from_str(text).map_err(json)?)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands errors over by value")]
fn json(error: serde_json::Error) -> GraderError {
    GraderError::Json { problem: error.to_string() }
}

fn meaning(grader: &Grader, at: &str) -> Checked {
    match grader {
        Grader::StringCheck(g) => {
            template(&g.input, at, "input")?;
            template(&g.reference, at, "reference")
        }
        Grader::TextSimilarity(g) => {
            template(&g.input, at, "input")?;
            template(&g.reference, at, "reference")
        }
        Grader::ScoreModel(g) => score_model(g, at),
        Grader::LabelModel(g) => label_model(g, at),
        Grader::Python(g) => python(g, at),
        Grader::Multi(g) => multi(g, at),
    }
}

fn score_model(grader: &ScoreModel, at: &str) -> Checked {
    messages(&grader.input, at)?;
    if let Some([low, high]) = grader.range
        && !(low.is_finite() && high.is_finite() && low < high)
    {
        return Err(wrong(&format!("{at}.range"), format!("[{low}, {high}]"), "a lower and a higher number".into()));
    }
    let sampling = grader.sampling_params.clone().unwrap_or_default();
    for (field, value, most) in [("top_p", sampling.top_p, 1.0), ("temperature", sampling.temperature, 2.0)] {
        if let Some(value) = value
            && !(0.0..=most).contains(&value)
        {
            let at = format!("{at}.sampling_params.{field}");
            return Err(wrong(&at, value.to_string(), format!("0 to {most}")));
        }
    }
    Ok(())
}

fn label_model(grader: &LabelModel, at: &str) -> Checked {
    messages(&grader.input, at)?;
    let labels: BTreeSet<&String> = grader.labels.iter().collect();
    if labels.len() < grader.labels.len() {
        return Err(wrong(&format!("{at}.labels"), "a list with a label twice".into(), "every label once".into()));
    }
    match grader.passing_labels.iter().find(|label| !labels.contains(label)) {
        None => Ok(()),
        Some(label) => {
            let expected = format!("only labels of {at}.labels");
            Err(wrong(&format!("{at}.passing_labels"), format!("a list with {label:?}"), expected))
        }
    }
}

fn python(grader: &Python, at: &str) -> Checked {
    let at = format!("{at}.source");
    if grader.source.len() >= MAX_SOURCE_BYTES {
        let expected = format!("fewer than {MAX_SOURCE_BYTES}");
        return Err(wrong(&at, format!("{} bytes", grader.source.len()), expected));
    }
    if !grader.source.contains("def grade") {
        return Err(wrong(&at, "a source without it".into(), "a function grade(sample, item)".into()));
    }
    Ok(())
}

fn multi(grader: &Multi, at: &str) -> Checked {
    let parts = named(&grader.graders);
    let mut names = BTreeSet::new();
    for (name, part) in &parts {
        let place = format!("{at}.graders.{name}");
        if !is_name(name) || name.len() > MAX_NAME_BYTES {
            let expected =
                format!("a name of at most {MAX_NAME_BYTES} letters, digits and _, which a formula can hold");
            return Err(wrong(&place, format!("named {name:?}"), expected));
        }
        if !names.insert(name.as_str()) {
            let expected = format!("one {name}; in an object of graders each has a key of its own");
            return Err(wrong(&format!("{at}.graders"), format!("an array with two graders called {name}"), expected));
        }
        // The shape was checked: no part is a multi, so this goes one level down.
        if !matches!(part, Grader::Multi(_)) {
            meaning(part, &place)?;
        }
    }
    let known: Vec<&str> = names.into_iter().collect();
    Formula::parse(&grader.calculate_output)
        .and_then(|formula| formula.check_names(&known))
        .map_err(|problem| GraderError::Formula { at: format!("{at}.calculate_output"), problem })
}

fn messages(messages: &[Message], at: &str) -> Checked {
    for (index, message) in messages.iter().enumerate() {
        let at = format!("{at}.input[{index}]");
        match &message.content {
            Content::Text(text) => template(text, &at, "content")?,
            Content::Part(part) => content_part(part, &at)?,
            Content::Parts(parts) => {
                for part in parts {
                    match part {
                        ContentItem::Text(text) => template(text, &at, "content")?,
                        ContentItem::Part(part) => content_part(part, &at)?,
                    }
                }
            }
        }
    }
    Ok(())
}

fn content_part(part: &ContentPart, at: &str) -> Checked {
    match part {
        ContentPart::InputText { text } | ContentPart::OutputText { text } => template(text, at, "content"),
        ContentPart::InputImage { image_url, .. } => template(image_url, at, "content.image_url"),
        ContentPart::InputAudio { input_audio } => template(&input_audio.data, at, "content.input_audio.data"),
    }
}

fn template(text: &str, at: &str, field: &str) -> Checked {
    Template::parse(text).map(|_| ()).map_err(|problem| GraderError::Template { at: format!("{at}.{field}"), problem })
}
