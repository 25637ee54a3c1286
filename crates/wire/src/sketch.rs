//! A recipe as a page knows it: its JSON, the few things that a page reads of it, and what it changes. The page's wasm would
//! otherwise carry the code that reads and writes every choice of every algorithm.

use crate::{Algorithm, Recipe};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The JSON of a [`Recipe`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sketch(Map<String, Value>);

impl Sketch {
    /// The recipe's name; empty where the JSON has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// The starting weights; empty where the JSON names none.
    #[must_use]
    pub fn model(&self) -> &str {
        self.text("model")
    }

    /// Optimizer steps.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.0.get("steps").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
    }

    /// Root of all randomness.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.0.get("seed").and_then(Value::as_u64).unwrap_or(0)
    }

    /// How weights are changed.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.read("algorithm")
    }

    /// A number of a section.
    #[must_use]
    pub fn number(&self, section: &str, key: &str) -> Option<f64> {
        self.0.get(section)?.get(key)?.as_f64()
    }

    /// A member, read as a type of its own; none where it is missing or something else.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        // By way of text: a page has the code that reads texts anyway.
        serde_json::from_str(&self.0.get(key)?.to_string()).ok()
    }

    /// With another member.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// With another member of a section, which is made where there is none.
    #[must_use]
    pub fn with_in(mut self, section: &str, key: &str, value: impl Into<Value>) -> Self {
        let inner = self.0.entry(section).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(inner) = inner {
            inner.insert(key.to_owned(), value.into());
        }
        self
    }

    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }
}

impl From<&Recipe> for Sketch {
    fn from(recipe: &Recipe) -> Self {
        match serde_json::to_value(recipe) {
            Ok(Value::Object(map)) => Self(map),
            // Plain structs of strings and numbers cannot fail to serialise, and become an object.
            _ => Self(Map::new()),
        }
    }
}

impl TryFrom<Sketch> for Recipe {
    type Error = serde_json::Error;

    /// # Errors
    /// An unknown, missing or ill-typed member.
    fn try_from(sketch: Sketch) -> Result<Self, Self::Error> {
        serde_json::from_value(Value::Object(sketch.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        serde_json::from_str(r#"{"name": "x", "algorithm": "grpo", "steps": 7, "seed": 3}"#).expect("a recipe")
    }

    #[test]
    fn a_sketch_says_what_its_recipe_says() {
        let (recipe, sketch) = (recipe(), Sketch::from(&recipe()));
        assert_eq!((sketch.name(), sketch.model()), (recipe.name.as_str(), recipe.model.as_str()));
        assert_eq!((sketch.steps(), sketch.seed(), sketch.algorithm()), (7, 3, Some(Algorithm::Grpo)));
        assert_eq!(sketch.number("grpo", "beta"), Some(recipe.grpo.beta));
        assert_eq!((sketch.number("grpo", "none"), sketch.read::<u32>("none")), (None, None));
        assert_eq!(Recipe::try_from(sketch).expect("the same recipe"), recipe);
    }

    #[test]
    fn what_a_page_changes_arrives() {
        let sketch = Sketch::from(&recipe()).with("steps", 9).with_in("grpo", "beta", 0.25).with_in(
            "dry_run",
            "start_anyway",
            "why",
        );
        let changed = Recipe::try_from(sketch).expect("a recipe");
        assert_eq!((changed.steps, changed.grpo.beta, changed.dry_run.start_anyway.as_str()), (9, 0.25, "why"));
        assert!(Recipe::try_from(Sketch::from(&recipe()).with("stepps", 1)).is_err());
    }
}
