//! Comparisons on a server: asked for, listed, read. Their runs are ordinary runs.

use super::plan::Plan;
use super::shipped;
use crate::ids::random_hex;
use crate::{Service, ServiceError};
use clicker_train::compare::experiment::within;
use clicker_wire::{
    ArmSpec, Budget, BudgetKind, Comparison, Experiment, Recipe, Run, RunId, RunStatus, StoredComparison, TuningSpec,
};

/// Lists show at most this many.
const LIST: u32 = 100;
/// Most seeds, and most training prompts per seed and arm, of a comparison on a server; `clicker compare` knows no such limit.
const MOST: (usize, u64) = (10, 1_000_000);

/// What the page's form asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComparisonOrder {
    /// Its name; empty gives one.
    pub name: String,
    /// Names of shipped recipes; the starting model is always an arm.
    pub arms: Vec<String>,
    /// So many seeds, from 1.
    pub seeds: usize,
    /// Training prompts per seed and arm.
    pub prompts: u64,
}

impl ComparisonOrder {
    /// The experiment that it means.
    #[must_use]
    pub fn experiment(&self) -> Experiment {
        let arm = |name: &str, recipe: Option<String>| ArmSpec {
            name: name.into(),
            recipe,
            set: serde_json::Map::new(),
            reward_model: None,
        };
        let named = |recipe: &String| arm(&recipe.replace('/', "-"), Some(recipe.clone()));
        Experiment {
            name: if self.name.trim().is_empty() { "comparison".into() } else { self.name.trim().into() },
            about: String::new(),
            model: "builtin".into(),
            seeds: (1..=self.seeds as u64).collect(),
            items: 0,
            against: None,
            budget: Budget { kind: BudgetKind::Prompts, amount: self.prompts },
            tuning: TuningSpec::default(),
            watts: 15.0,
            arms: std::iter::once(arm("base", None)).chain(self.arms.iter().map(named)).collect(),
        }
    }
}

impl Service {
    /// Names of the recipes that an arm can be.
    #[must_use]
    pub fn comparison_arms(&self) -> Vec<&'static str> {
        shipped::arms().collect()
    }

    /// Store a comparison and queue its runs.
    ///
    /// # Errors
    /// An experiment that cannot be made, or not on a server; a store that fails.
    pub async fn start_comparison(&self, experiment: Experiment) -> Result<StoredComparison, ServiceError> {
        if self.is_closing() {
            return Err(ServiceError::ShuttingDown);
        }
        let elsewhere = "what a server does; `clicker compare` does the rest";
        if experiment.budget.kind != BudgetKind::Prompts {
            return Err(ServiceError::invalid("budget.kind", "a server counts prompts", elsewhere));
        }
        if !experiment.tuning.factors.is_empty() {
            return Err(ServiceError::invalid("tuning.factors", "a server tunes no learning rates", elsewhere));
        }
        if experiment.arms.iter().any(|arm| arm.reward_model.is_some()) {
            return Err(ServiceError::invalid("reward_model", "a server trains none within a comparison", elsewhere));
        }
        let (seeds, prompts) = MOST;
        if experiment.seeds.len() > seeds || experiment.budget.amount > prompts {
            let given = format!("{} seeds, {} prompts", experiment.seeds.len(), experiment.budget.amount);
            return Err(ServiceError::invalid("budget", given, format!("at most {seeds} seeds and {prompts} prompts")));
        }
        let plan = planned(&experiment)?;
        let first = Recipe { model: experiment.model.clone(), ..plan_recipe(&plan)? };
        self.starting_checkpoint(&first).await?;
        let (id, now) = (random_hex::<8>()?, self.inner.now());
        let mut queued = Vec::new();
        for seed in &experiment.seeds {
            for arm in &plan.arms {
                let Some(recipe) = &arm.recipe else { continue };
                let mut recipe = within(recipe, experiment.budget, 1.0, 0.0);
                recipe.seed = *seed;
                recipe.name = title(&experiment.name, &arm.name, *seed);
                let run = Run {
                    id: RunId(random_hex::<8>()?),
                    recipe,
                    status: RunStatus::Queued,
                    step: 0,
                    // The queue is in the order of asking.
                    created_ms: now + queued.len() as i64,
                    started_ms: None,
                    ended_ms: None,
                    error: None,
                    checkpoint: None,
                    eta_s: None,
                };
                queued.push((arm.name.clone(), *seed, run));
            }
        }
        self.inner.store.insert_comparison(&id, &experiment, &queued, now).await?;
        self.inner.announce();
        self.inner.queued.notify_one();
        self.comparison(&id).await
    }

    /// The newest comparisons, newest first.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn comparisons(&self) -> Result<Vec<StoredComparison>, ServiceError> {
        Ok(self.inner.store.comparisons(LIST).await?)
    }

    /// One comparison.
    ///
    /// # Errors
    /// There is none with this id; a store that fails.
    pub async fn comparison(&self, id: &str) -> Result<StoredComparison, ServiceError> {
        self.inner.store.comparison(id).await?.ok_or_else(|| ServiceError::NotFound {
            what: "comparison",
            id: id.to_owned(),
            hint: "the list of comparisons names those that exist",
        })
    }

    /// What came out of it; none while it goes on, and where it failed.
    ///
    /// # Errors
    /// There is none with this id; a store that fails.
    pub async fn comparison_result(&self, id: &str) -> Result<Option<Comparison>, ServiceError> {
        self.comparison(id).await?;
        Ok(self.inner.store.comparison_result(id).await?)
    }
}

/// The plan of an experiment that names shipped recipes only.
pub(crate) fn planned(experiment: &Experiment) -> Result<Plan, ServiceError> {
    Plan::new(experiment.clone(), &|_| Err("a server reads no recipe files".into()))
        .map_err(|e| ServiceError::Recipe { reason: e.to_string() })
}

fn plan_recipe(plan: &Plan) -> Result<Recipe, ServiceError> {
    let recipe = plan.arms.iter().find_map(|arm| arm.recipe.clone());
    recipe.ok_or_else(|| ServiceError::invalid("arms", "none of them trains", "at least one recipe"))
}

/// A run's name: at most 80 bytes, cut where the comparison's name is long.
fn title(name: &str, arm: &str, seed: u64) -> String {
    let tail = format!(": {arm}, seed {seed}");
    let room = 80_usize.saturating_sub(tail.len());
    let cut = (0..=room.min(name.len())).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    format!("{}{tail}", &name[..cut])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit() {
        assert_eq!(title("x", "sft", 2), "x: sft, seed 2");
        let long = title(&"\u{e4}".repeat(60), "family-reinforce-plus-plus", 10);
        assert!(long.len() <= 80 && long.ends_with(", seed 10"), "{long}");
    }

    #[test]
    fn an_order_is_an_experiment() {
        let order =
            ComparisonOrder { name: " ".into(), arms: vec!["sft".into(), "family/ppo".into()], seeds: 2, prompts: 96 };
        let plan = planned(&order.experiment()).expect("a plan");
        let names: Vec<&str> = plan.arms.iter().map(|arm| arm.name.as_str()).collect();
        assert_eq!(names, ["base", "sft", "family-ppo"]);
        assert!(planned(&ComparisonOrder { arms: vec!["../etc/passwd".into()], ..order }.experiment()).is_err());
    }
}
