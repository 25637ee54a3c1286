//! Comparisons on a server: asked for, listed, read. Their runs are ordinary runs.

use super::next::{Wanted, next};
use super::plan::Plan;
use super::shipped;
use crate::ids::random_hex;
use crate::{Service, ServiceError};
use clicker_store::QueuedPart;
use clicker_wire::{
    ArmSpec, Budget, BudgetKind, Comparison, Experiment, Recipe, Run, RunId, StoredComparison, TuningSpec,
};

/// Lists show at most this many.
const LIST: u32 = 100;
/// Most seeds, and most of what the budget counts per seed and arm, of a comparison on a server; `clicker compare` knows no such limit.
const MOST: (usize, u64) = (10, 100_000_000);
/// Most tries of a learning rate per arm.
const MOST_TRIES: usize = 8;
/// The arm of the form that learns a reward model from pairs first and is trained on its score.
const BY_REWARD_MODEL: (&str, &str, &str) = ("reward-model+ppo", "family/ppo", "reward-model");
/// What the form's tick tries around each recipe's learning rate.
const FACTORS: [f64; 3] = [0.33, 1.0, 3.0];

/// What the page's form asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparisonOrder {
    /// Its name; empty gives one.
    pub name: String,
    /// Names of shipped recipes; the starting model is always an arm.
    pub arms: Vec<String>,
    /// So many seeds, from 1.
    pub seeds: usize,
    /// What every arm gets, per seed.
    pub budget: Budget,
    /// Whether learning rates are tuned.
    pub tune: bool,
}

impl Default for ComparisonOrder {
    fn default() -> Self {
        let budget = Budget { kind: BudgetKind::Prompts, amount: 0 };
        Self { name: String::new(), arms: Vec::new(), seeds: 0, budget, tune: false }
    }
}

impl ComparisonOrder {
    /// The experiment that it means.
    #[must_use]
    pub fn experiment(&self) -> Experiment {
        let arm = |name: &str, recipe: Option<&str>, reward_model: Option<&str>| ArmSpec {
            name: name.into(),
            recipe: recipe.map(Into::into),
            set: serde_json::Map::new(),
            reward_model: reward_model.map(Into::into),
        };
        let (scored, recipe, model) = BY_REWARD_MODEL;
        let named = |name: &String| match name == scored {
            true => arm(&name.replace('+', "-"), Some(recipe), Some(model)),
            false => arm(&name.replace('/', "-"), Some(name), None),
        };
        let factors = if self.tune { FACTORS.to_vec() } else { Vec::new() };
        Experiment {
            name: if self.name.trim().is_empty() { "comparison".into() } else { self.name.trim().into() },
            about: String::new(),
            model: "builtin".into(),
            seeds: (1..=self.seeds as u64).collect(),
            items: 0,
            against: None,
            budget: self.budget,
            tuning: TuningSpec { factors, ..TuningSpec::default() },
            watts: 15.0,
            arms: std::iter::once(arm("base", None, None)).chain(self.arms.iter().map(named)).collect(),
        }
    }
}

impl Service {
    /// What an arm can be: the names of shipped recipes, and one that is trained on a reward model's score.
    #[must_use]
    pub fn comparison_arms(&self) -> Vec<&'static str> {
        shipped::arms().chain([BY_REWARD_MODEL.0]).collect()
    }

    /// Store a comparison and queue its runs.
    ///
    /// # Errors
    /// An experiment that cannot be made, or not on a server; a store that fails.
    pub async fn start_comparison(&self, experiment: Experiment) -> Result<StoredComparison, ServiceError> {
        if self.is_closing() {
            return Err(ServiceError::ShuttingDown);
        }
        let (seeds, amount) = MOST;
        if experiment.seeds.len() > seeds || experiment.budget.amount > amount {
            let given = format!("{} seeds, an amount of {}", experiment.seeds.len(), experiment.budget.amount);
            return Err(ServiceError::invalid(
                "budget",
                given,
                format!("at most {seeds} seeds and an amount of {amount}"),
            ));
        }
        if experiment.tuning.factors.len() > MOST_TRIES {
            let given = format!("{} factors", experiment.tuning.factors.len());
            return Err(ServiceError::invalid("tuning.factors", given, format!("at most {MOST_TRIES}")));
        }
        let plan = planned(&experiment)?;
        let first = Recipe { model: experiment.model.clone(), ..plan_recipe(&plan)? };
        self.starting_checkpoint(&first).await?;
        let (id, now) = (random_hex::<8>()?, self.inner.now());
        let wanted = next(&plan, &[]).map_err(|reason| ServiceError::Recipe { reason })?;
        let queued = queued(&experiment.name, wanted, now)?;
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

/// Runs to queue, in this order.
pub(crate) fn queued(comparison: &str, wanted: Vec<Wanted>, now: i64) -> Result<Vec<QueuedPart>, ServiceError> {
    let each = wanted.into_iter().zip(now..).map(|(wanted, created_ms)| {
        let Wanted { arm, seed, part, mut recipe } = wanted;
        recipe.name = title(comparison, &arm, &part.name(seed));
        // The queue is in the order of asking.
        let run = Run::queued(RunId(random_hex::<8>()?), recipe, created_ms);
        Ok(QueuedPart { arm, seed, part, run })
    });
    each.collect()
}

/// A run's name: at most 80 bytes, cut where the comparison's name is long.
fn title(name: &str, arm: &str, part: &str) -> String {
    let tail = format!(": {arm}, {part}");
    let room = 80_usize.saturating_sub(tail.len());
    let cut = (0..=room.min(name.len())).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    format!("{}{tail}", &name[..cut])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit() {
        assert_eq!(title("x", "sft", "seed 2"), "x: sft, seed 2");
        let long = title(&"\u{e4}".repeat(60), "family-reinforce-plus-plus", "seed 10");
        assert!(long.len() <= 80 && long.ends_with(", seed 10"), "{long}");
    }

    #[test]
    fn an_order_is_an_experiment() {
        let budget = Budget { kind: BudgetKind::Tokens, amount: 96 };
        let arms = vec!["sft".into(), "family/dapo".into(), BY_REWARD_MODEL.0.into()];
        let order = ComparisonOrder { name: " ".into(), arms, seeds: 2, budget, tune: true };
        let plan = planned(&order.experiment()).expect("a plan");
        let names: Vec<&str> = plan.arms.iter().map(|arm| arm.name.as_str()).collect();
        assert_eq!(names, ["base", "sft", "family-dapo", "reward-model-ppo"]);
        assert!(plan.arms[3].reward_model.is_some() && plan.arms[2].reward_model.is_none());
        assert_eq!((plan.experiment.budget, plan.experiment.tuning.factors.len()), (budget, 3));
        assert!(planned(&ComparisonOrder { arms: vec!["../etc/passwd".into()], ..order }.experiment()).is_err());
    }
}
