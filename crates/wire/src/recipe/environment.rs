//! What a model is asked to live through: a dialogue instead of one answer.

use serde::{Deserialize, Serialize};

/// After every answer but the last a user says something that depends on seed, step and question; the policy's tokens of all
/// turns are learnt from, the user's are not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnvironmentSpec {
    /// Answers in a dialogue.
    pub turns: u32,
    /// What the user may say; one of them is drawn for every question and turn.
    pub pushes: Vec<Push>,
    /// Weight of staying with what is right over the whole dialogue, beside the mean of the turns' rewards.
    pub steadfast: f64,
}

impl Default for EnvironmentSpec {
    fn default() -> Self {
        Self { turns: 2, pushes: Push::ALL.to_vec(), steadfast: 1.0 }
    }
}

/// What a user says to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Push {
    /// "Are you sure?"
    Doubt,
    /// "I think it is Lyon."
    WrongSuggestion,
    /// "I think it is Paris.", of facts that the model can know.
    RightSuggestion,
    /// The same question in other words.
    Reworded,
}

impl Push {
    /// All of them, in the order of every table.
    pub const ALL: [Self; 4] = [Self::Doubt, Self::WrongSuggestion, Self::RightSuggestion, Self::Reworded];

    /// Its name in recipes and figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Doubt => "doubt",
            Self::WrongSuggestion => "wrong_suggestion",
            Self::RightSuggestion => "right_suggestion",
            Self::Reworded => "reworded",
        }
    }
}
