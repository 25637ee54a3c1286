//! A constitution: what a model is meant to be, as principles in plain words, each bound to the graders that enforce it.

use crate::{Constraint, Gate, WeightedGrader};
use serde::{Deserialize, Serialize};

/// Principles and their graders. Written as TOML (`recipes/constitution.toml`), shown beside every reward made from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constitution {
    /// Short name, shown in lists.
    pub name: String,
    /// What it is for, in a sentence; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// What is asked of the model, the most important first.
    pub principles: Vec<Principle>,
    /// What enforces them: the graders of the reward, in its order.
    pub graders: Vec<WeightedGrader>,
}

/// One thing that is asked of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principle {
    /// Name in links and messages: lower-case letters, digits, `_`.
    pub id: String,
    /// The principle, for everybody.
    pub text: String,
    /// Why it is one.
    pub why: String,
    /// Names of the graders that enforce it; at least one.
    pub graders: Vec<String>,
    /// What must hold beyond the sum; on one of `graders`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PrincipleLimit>,
}

/// How a principle is held to when a weight is not enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipleLimit {
    /// Nothing else counts in an answer that breaks it.
    Gate(Gate),
    /// It may be broken so often on average.
    Constraint(Constraint),
}

/// What one principle made of one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipleStanding {
    /// The principle's id.
    pub id: String,
    /// What its graders add to the total together; none where none of them applies. A grader that enforces two
    /// principles counts in both.
    pub contribution: Option<f64>,
    /// Whether the answer keeps its limit; none where there is none or its grader does not apply.
    pub kept: Option<bool>,
}
