//! Judging by a model: what it is asked, and how its reply becomes a number. This crate never loads or calls one; the
//! caller passes a [`Judge`].

use super::MAX_TEXT_BYTES;
use crate::number::whole_number;
use clicker_wire::grader_run::TokenCounts;
use clicker_wire::openai_grader::{Role, SamplingParams};
use serde_json::Value;

/// A model that can be asked.
pub trait Judge {
    /// What stands behind a grader's name for a model, so that replies can be remembered by it.
    ///
    /// # Errors
    /// Why nobody judges under this name, where that is known before anything is asked.
    fn seated(&self, model: &str) -> Result<String, String> {
        Ok(model.to_owned())
    }

    /// Asks it once, and waits.
    ///
    /// # Errors
    /// It could not be asked, gave no answer in time, or declined.
    fn ask(&self, request: &JudgeRequest<'_>) -> Result<JudgeReply, JudgeError>;
}

/// What a model grader asks.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgeRequest<'a> {
    /// The model that the grader names. A judge may answer with another one and say so in its reply.
    pub model: &'a str,
    /// The conversation, templates filled.
    pub messages: Vec<(Role, String)>,
    /// How to sample; none for a label.
    pub sampling: Option<&'a SamplingParams>,
    /// What the reply must be.
    pub wants: Verdict<'a>,
}

/// What a model's reply must be: JSON `{"result": ...}`, or the bare number or label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict<'a> {
    /// A number of this range.
    Score {
        /// Lowest.
        low: f64,
        /// Highest.
        high: f64,
    },
    /// One of these.
    Label(&'a [String]),
}

/// What a model replied.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgeReply {
    /// Its words.
    pub text: String,
    /// The model that spoke.
    pub model: String,
    /// Tokens used.
    pub usage: TokenCounts,
    /// How sure the model is of it: its probability among the replies that were allowed, where the model says so.
    pub share: Option<f64>,
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JudgeError {
    /// It could not be asked; why.
    Server(String),
    /// It gave no answer in time.
    Unresponsive,
    /// It was not asked yet.
    Later,
    /// It declined.
    Refused,
}

/// The number in a reply, drawn to the range; none where there is none.
pub(super) fn score(reply: &str, low: f64, high: f64) -> Option<f64> {
    let number = match result(reply)? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => whole_number(&text)?,
        _ => return None,
    };
    (number.is_finite() && low <= high).then(|| number.clamp(low, high))
}

/// The label in a reply; none where it is none of them.
pub(super) fn label<'a>(reply: &str, labels: &'a [String]) -> Option<&'a String> {
    let Value::String(said) = result(reply)? else { return None };
    labels.iter().find(|label| label.trim() == said.trim())
}

/// `result` of a JSON object, or the whole reply as a number or text.
fn result(reply: &str) -> Option<Value> {
    if reply.len() > MAX_TEXT_BYTES {
        return None;
    }
    match serde_json::from_str::<Value>(reply) {
        Ok(Value::Object(mut map)) => map.remove("result"),
        Ok(value @ (Value::Number(_) | Value::String(_))) => Some(value),
        Ok(_) => None,
        Err(_) => Some(Value::String(reply.trim().to_string())),
    }
}
