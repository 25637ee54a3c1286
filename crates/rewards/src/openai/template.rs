//! Templates: `{{item.label}}`, `{{ sample.output_json.steps[0].text }}`. Read once, filled once: what a sample writes in
//! braces stays text. Knows JSON and paths, not graders.

use crate::nearest::nearest;
use serde_json::Value;
use std::borrow::Cow;

/// Most templates of one text.
pub const MAX_TEMPLATES: usize = 256;
/// Most steps of one path.
pub const MAX_STEPS: usize = 64;

/// The fields that `sample` can have.
pub(super) const SAMPLE_FIELDS: [&str; 4] = ["output_text", "output_json", "output_tools", "choices"];

/// A text cut into what stands and what is filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Template<'a> {
    pieces: Vec<Piece<'a>>,
}

/// Why a template cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TemplateError {
    /// Braces that open and do not close.
    #[error("the template that begins at byte {at} has no closing braces; write {{{{item.field}}}}")]
    Unclosed {
        /// Byte of the first brace.
        at: usize,
    },
    /// Another namespace.
    #[error("template {path:?} begins with neither item nor sample{}", meant(.nearest))]
    Namespace {
        /// What stands between the braces.
        path: String,
        /// The namespace that is spelled nearly so.
        nearest: Option<&'static str>,
    },
    /// A namespace without a field, an empty step, a bracket that does not close.
    #[error("template {path:?} is no path; write it as item.field, item.list[0] or item[\"a field\"]")]
    Path {
        /// What stands between the braces.
        path: String,
    },
    /// A field that no sample has.
    #[error("template {path:?}: sample has output_text, output_json, output_tools and choices{}", meant(.nearest))]
    SampleField {
        /// What stands between the braces.
        path: String,
        /// The field that is spelled nearly so.
        nearest: Option<&'static str>,
    },
    /// More than anybody writes by hand.
    #[error("more than {MAX_TEMPLATES} templates in one text, or more than {MAX_STEPS} steps in one path")]
    TooMany,
}

/// Why a template could not be filled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FillError {
    /// Nothing stands at the path.
    #[error("{path} does not exist")]
    Missing {
        /// The path.
        path: String,
    },
    /// The answer is not JSON, so `sample.output_json` holds nothing.
    #[error("{path} does not exist: the answer is not JSON")]
    NotJson {
        /// The path.
        path: String,
    },
    /// The text grew over the limit.
    #[error("the filled text has more than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
}

#[derive(Clone, Debug, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    Path(Path<'a>),
}

#[derive(Clone, Debug, PartialEq)]
struct Path<'a> {
    written: &'a str,
    of_sample: bool,
    steps: Vec<&'a str>,
}

impl<'a> Template<'a> {
    /// Reads a text.
    ///
    /// # Errors
    /// Braces that do not close, a path that is none, a namespace or sample field that does not exist, too many.
    pub fn parse(text: &'a str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let (mut rest, mut at, mut templates) = (text, 0, 0);
        while let Some(open) = rest.find("{{") {
            let inside = &rest[open + 2..];
            let close = inside.find("}}").ok_or(TemplateError::Unclosed { at: at + open })?;
            templates += 1;
            if templates > MAX_TEMPLATES {
                return Err(TemplateError::TooMany);
            }
            pieces.push(Piece::Text(&rest[..open]));
            pieces.push(Piece::Path(Path::parse(inside[..close].trim())?));
            rest = &inside[close + 2..];
            at += open + close + 4;
        }
        pieces.push(Piece::Text(rest));
        Ok(Self { pieces })
    }

    /// Fills it: strings as they are, everything else as compact JSON.
    ///
    /// # Errors
    /// A path at which nothing stands; a result of more than `limit` bytes.
    pub fn fill(&self, sample: &Value, item: &Value, limit: usize) -> Result<String, FillError> {
        let mut out = String::new();
        for piece in &self.pieces {
            let text = match piece {
                Piece::Text(text) => Cow::Borrowed(*text),
                Piece::Path(path) => shown(path.find(if path.of_sample { sample } else { item })?),
            };
            if out.len() + text.len() > limit {
                return Err(FillError::TooLong { limit });
            }
            out.push_str(&text);
        }
        Ok(out)
    }
}

impl<'a> Path<'a> {
    fn parse(written: &'a str) -> Result<Self, TemplateError> {
        let owned = || written.chars().take(80).collect::<String>();
        let end = written.find(['.', '[']).unwrap_or(written.len());
        let (namespace, rest) = written.split_at(end);
        let of_sample = match namespace.trim_end() {
            "sample" => true,
            "item" => false,
            other => {
                let nearest = nearest(other, ["item", "sample"]);
                return Err(TemplateError::Namespace { path: owned(), nearest });
            }
        };
        let steps = steps(rest).ok_or_else(|| TemplateError::Path { path: owned() })?;
        if steps.len() > MAX_STEPS {
            return Err(TemplateError::TooMany);
        }
        if of_sample && !SAMPLE_FIELDS.contains(&steps[0]) {
            let nearest = nearest(steps[0], SAMPLE_FIELDS);
            return Err(TemplateError::SampleField { path: owned(), nearest });
        }
        Ok(Self { written, of_sample, steps })
    }

    fn find<'v>(&self, root: &'v Value) -> Result<&'v Value, FillError> {
        let step = |value: &'v Value, step: &&str| match value {
            Value::Object(map) => map.get(*step),
            Value::Array(list) => step.parse::<usize>().ok().and_then(|index| list.get(index)),
            _ => None,
        };
        self.steps.iter().try_fold(root, step).ok_or_else(|| {
            let path = self.written.to_string();
            match self.of_sample && self.steps[0] == "output_json" && root.get("output_json").is_none() {
                true => FillError::NotJson { path },
                false => FillError::Missing { path },
            }
        })
    }
}

/// The steps of `.a.b[0]["c d"]`: at least one, none empty.
fn steps(mut rest: &str) -> Option<Vec<&str>> {
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('[') {
            Some(bracket) => match bracket.chars().next()? {
                quote @ ('"' | '\'') => {
                    let (step, after) = bracket[1..].split_once(quote)?;
                    (step, after.strip_prefix(']')?)
                }
                _ => {
                    let (step, after) = bracket.split_once(']')?;
                    (step.chars().all(|c| c.is_ascii_digit()).then_some(step)?, after)
                }
            },
            None => {
                let name = rest.strip_prefix('.')?;
                name.split_at(name.find(['.', '[']).unwrap_or(name.len()))
            }
        };
        if step.is_empty() || out.len() > MAX_STEPS {
            return None;
        }
        out.push(step);
        rest = after;
    }
    (!out.is_empty()).then_some(out)
}

fn shown(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn meant(nearest: &Option<&'static str>) -> String {
    nearest.map(|word| format!("; did you mean {word}?")).unwrap_or_default()
}
