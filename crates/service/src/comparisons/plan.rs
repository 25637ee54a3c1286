//! An experiment with its recipes found: what is remembered, so that a comparison that goes on is the one that was begun.

use super::shipped;
use clicker_train::TrainError;
use clicker_train::compare::experiment;
use clicker_wire::{Experiment, Recipe};
use serde::{Deserialize, Serialize};

/// An experiment and the recipe of every arm, before the budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// What was asked.
    pub(crate) experiment: Experiment,
    /// Its arms, in its order.
    pub(crate) arms: Vec<PlannedArm>,
}

/// An arm with its recipes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlannedArm {
    /// Its name.
    pub(crate) name: String,
    /// None for the starting model.
    pub(crate) recipe: Option<Recipe>,
    /// What is trained first, if anything.
    pub(crate) reward_model: Option<Recipe>,
}

impl Plan {
    /// Find and check the recipes. `read` reads a file beside the experiment's.
    ///
    /// # Errors
    /// An unfair or impossible arm; recipes that learn from different worlds; a recipe that is neither shipped nor there.
    pub(crate) fn new(
        experiment: Experiment,
        read: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, TrainError> {
        experiment::validate(&experiment)?;
        let text = |arm: &str, name: &str| match shipped::recipe(name) {
            Some(text) => Ok(text.to_owned()),
            None => read(name).map_err(|reason| {
                let known: Vec<&str> = shipped::arms().collect();
                TrainError::Comparison(format!(
                    "arm `{arm}`: recipe `{name}` is neither shipped ({}) nor a file that can be read: {reason}",
                    known.join(", ")
                ))
            }),
        };
        let mut arms = Vec::new();
        for arm in &experiment.arms {
            let recipe = match &arm.recipe {
                None => None,
                Some(name) => {
                    let beside = |file: &str| match name.rsplit_once('/') {
                        Some((folder, _)) => read(&format!("{folder}/{file}")),
                        None => read(file),
                    };
                    Some(experiment::arm_recipe(&experiment, arm, &text(&arm.name, name)?, &beside)?)
                }
            };
            let reward_model = match &arm.reward_model {
                None => None,
                Some(name) => Some(experiment::reward_model_recipe(&experiment, arm, &text(&arm.name, name)?)?),
            };
            if reward_model.is_some() && !recipe.as_ref().is_some_and(|r| r.algorithm.samples()) {
                return Err(TrainError::Comparison(format!(
                    "arm `{}` has a reward_model, but its recipe draws no answers that it could score; expected one of \
                     algorithm grpo (ppo among them) or raft",
                    arm.name
                )));
            }
            arms.push(PlannedArm { name: arm.name.clone(), recipe, reward_model });
        }
        let mut worlds: Vec<u64> = arms.iter().filter_map(|a| Some(a.recipe.as_ref()?.data.world_seed)).collect();
        worlds.dedup();
        if worlds.len() > 1 {
            return Err(TrainError::Comparison(format!(
                "the arms learn from different worlds (data.world_seed {worlds:?}); set the same in all"
            )));
        }
        Ok(Self { experiment, arms })
    }

    /// Seed of the world that all arms learn from.
    pub(crate) fn world_seed(&self) -> u64 {
        self.arms.iter().find_map(|arm| Some(arm.recipe.as_ref()?.data.world_seed)).unwrap_or(1)
    }

    /// The arm that the others are held against first.
    pub(crate) fn against(&self) -> &str {
        let trained = || self.arms.iter().find(|arm| arm.recipe.is_some()).map_or("", |arm| arm.name.as_str());
        self.experiment.against.as_deref().unwrap_or_else(trained)
    }

    /// What another plan says otherwise, in words; none if it is the same.
    pub(crate) fn differs(&self, other: &Self) -> Option<String> {
        if self == other {
            return None;
        }
        let fields = |plan: &Self| serde_json::to_value(&plan.experiment).unwrap_or_default();
        let (mine, others) = (fields(self), fields(other));
        let keys = mine.as_object().into_iter().flat_map(|o| o.keys());
        let changed: Vec<String> =
            keys.filter(|key| mine[key.as_str()] != others[key.as_str()]).map(|key| format!("`{key}`")).collect();
        if !changed.is_empty() {
            return Some(format!("{} of the experiment", changed.join(", ")));
        }
        let arm = self.arms.iter().zip(&other.arms).find(|(a, b)| a != b);
        Some(arm.map_or_else(|| "its arms".into(), |(a, _)| format!("the recipe of arm `{}`", a.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_train::compare::experiment::from_toml;

    const SHIPPED: [&str; 2] = [
        include_str!("../../../../recipes/experiments/sft-vs-rft.toml"),
        include_str!("../../../../recipes/experiments/quick.toml"),
    ];

    fn nothing(name: &str) -> Result<String, String> {
        Err(format!("there is no {name}"))
    }

    #[test]
    fn shipped_experiments_are_plans() {
        for text in SHIPPED {
            let plan = Plan::new(from_toml(text).expect("an experiment"), &nothing).expect("a plan");
            assert!(plan.arms.len() >= 3 && plan.arms[0].recipe.is_none());
            assert_eq!(plan.against(), "sft");
            assert_eq!(plan.differs(&plan.clone()), None);
        }
    }

    #[test]
    fn every_shipped_recipe_can_be_an_arm() {
        for name in shipped::arms() {
            let text = format!(
                "name = 'x'\nseeds = [1]\nbudget = {{ kind = 'prompts', amount = 64 }}\n[[arms]]\nname = 'base'\n[[arms]]\n\
                 name = 'a'\nrecipe = '{name}'\n"
            );
            Plan::new(from_toml(&text).expect("an experiment"), &nothing).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }

    #[test]
    fn what_changed_is_named() {
        let experiment = from_toml(SHIPPED[1]).expect("an experiment");
        let plan = Plan::new(experiment.clone(), &nothing).expect("a plan");
        let mut other = plan.clone();
        other.experiment.seeds.push(77);
        assert!(plan.differs(&other).expect("a difference").contains("`seeds`"));
        let mut other = plan.clone();
        other.arms[1].recipe.as_mut().expect("a recipe").optim.learning_rate *= 2.0;
        assert!(plan.differs(&other).expect("a difference").contains("arm `sft`"));
        let mut wrong = experiment;
        wrong.arms[1].recipe = Some("sfft".into());
        let message = Plan::new(wrong, &nothing).expect_err("is not there").to_string();
        assert!(message.contains("sfft") && message.contains("truthful"), "{message}");
    }
}
