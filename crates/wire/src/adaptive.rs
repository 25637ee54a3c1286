//! Weights that change while a run goes on: by a schedule of steps, or by rules that watch a measured signal. Each change
//! is a record with its cause.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which weights change, and when. A grader is moved by one schedule or by rules, never by both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adaptive {
    /// Weights that follow the step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<WeightSchedule>,
    /// Weights that follow a measurement; tried in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<WeightRule>,
}

impl Adaptive {
    /// Whether no weight ever changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.schedules.is_empty() && self.rules.is_empty()
    }
}

/// A weight that goes from one value to another between two steps, and stays before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightSchedule {
    /// The grader's name.
    pub grader: String,
    /// Its weight until `start` steps are done; replaces the weight of the configuration.
    pub from: f64,
    /// Its weight once `end` steps are done.
    pub to: f64,
    /// Steps done when it begins to move.
    #[serde(default)]
    pub start: u32,
    /// Steps done when it has arrived; above `start`.
    pub end: u32,
    /// How it moves between them.
    #[serde(default)]
    pub curve: WeightCurve,
}

/// How a scheduled weight moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightCurve {
    /// The same amount at every step.
    #[default]
    Linear,
    /// Half a cosine: slowly at both ends.
    Cosine,
}

/// When a signal has been above or below a value for some measurements in a row, a weight is changed within bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightRule {
    /// The metric that is watched, by its name, e.g. `rewards/format/saturation`.
    pub signal: String,
    /// What its value must be, e.g. `{"above": 0.9}`.
    pub when: SignalTest,
    /// Measurements in a row for which it must be so; at least 1. The count begins anew after a change.
    #[serde(default = "once")]
    pub patience: u32,
    /// The grader whose weight changes.
    pub grader: String,
    /// How, e.g. `{"multiply": 0.5}`.
    pub change: WeightAction,
    /// Smallest weight.
    pub low: f64,
    /// Largest weight.
    pub high: f64,
}

fn once() -> u32 {
    1
}

/// What a signal is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalTest {
    /// It is greater than this.
    Above(f64),
    /// It is less than this.
    Below(f64),
}

/// What is done to a weight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightAction {
    /// It is multiplied by this.
    Multiply(f64),
    /// This is added to it.
    Add(f64),
}

/// Where the weights of a run stand: part of its checkpoint, so that a resumed run goes on as it would have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveState {
    /// The weight in force of every grader that a schedule or a rule moves.
    pub weights: BTreeMap<String, f64>,
    /// For each rule, the measurements in a row for which it has held.
    pub streaks: Vec<u32>,
}

/// One change of one weight: the history that a run keeps and a page draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightChange {
    /// The training step after which it happened; the next step uses `to`.
    pub step: u32,
    /// The grader.
    pub grader: String,
    /// Its weight before.
    pub from: f64,
    /// Its weight after.
    pub to: f64,
    /// Why, in plain words.
    pub cause: String,
}
