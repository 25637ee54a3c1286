//! Experiments as TOML, the rules that one must keep, and the recipe of each arm. Knows no run.

use crate::{Result, TrainError, recipe};
use clicker_wire::{Algorithm, ArmSpec, Budget, BudgetKind, Experiment, Recipe};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Held-out measurements while a run trains, beside the one before the first step.
const CURVE: u32 = 6;
/// Questions of each; the figures of the result ask all.
const CURVE_ITEMS: u32 = 240;

/// Read an experiment.
///
/// # Errors
/// Not TOML, an unknown key, or a rule that [`validate`] holds.
pub fn from_toml(text: &str) -> Result<Experiment> {
    let experiment: Experiment = toml::from_str(text).map_err(|e| TrainError::Comparison(e.to_string()))?;
    validate(&experiment)?;
    Ok(experiment)
}

/// Refuse what cannot be compared, naming the value and what would do.
///
/// # Errors
/// The first rule that is broken.
pub fn validate(experiment: &Experiment) -> Result<()> {
    let Experiment { seeds, budget, tuning, arms, .. } = experiment;
    let names: BTreeSet<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
    let spelt = |name: &str| {
        !name.is_empty()
            && name.len() <= 40
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let tuned = tuning.factors.iter().all(|f| f.is_finite() && *f > 0.0);
    let bare = arms.iter().find(|arm| arm.recipe.is_none() && !(arm.set.is_empty() && arm.reward_model.is_none()));
    let against = experiment.against.as_deref();
    let misspelt = arms.iter().find(|arm| !spelt(&arm.name)).map_or("", |arm| arm.name.as_str());
    let rules = [
        (
            !experiment.name.trim().is_empty() && experiment.name.len() <= 80,
            "name: give it 1 to 80 characters".to_owned(),
        ),
        (arms.len() >= 2, format!("arms: there is {}; expected at least 2 to compare", arms.len())),
        (arms.len() <= 12, format!("arms: there are {}; expected at most 12", arms.len())),
        (
            misspelt.is_empty() && arms.iter().all(|arm| !arm.name.is_empty()),
            format!("arm `{misspelt}`: a name has 1 to 40 letters, digits, `-` and `_`"),
        ),
        (names.len() == arms.len(), "arms: two have the same name".into()),
        (
            arms.iter().any(|arm| arm.recipe.is_some()),
            "arms: none of them trains; name a `recipe` in at least one".into(),
        ),
        (
            arms.iter().filter(|arm| arm.recipe.is_none()).count() <= 1,
            "arms: two have no recipe, which is the same arm twice".into(),
        ),
        (
            bare.is_none(),
            format!(
                "arm `{}` has no recipe, so `set` and `reward_model` mean nothing; name a recipe, or leave them out",
                bare.map_or("", |arm| arm.name.as_str())
            ),
        ),
        (
            against.is_none_or(|name| names.contains(name)),
            format!("against is `{}`, which is no arm; expected one of {names:?}", against.unwrap_or_default()),
        ),
        (!seeds.is_empty(), "seeds: there is none; expected at least one, better five".into()),
        (seeds.len() <= 64, format!("seeds: there are {}; expected at most 64", seeds.len())),
        (seeds.iter().collect::<BTreeSet<_>>().len() == seeds.len(), "seeds: one stands there twice".into()),
        (seeds.iter().all(|seed| i64::try_from(*seed).is_ok()), "seeds: expected numbers below 2^63".into()),
        (budget.amount >= 1, "budget.amount is 0; expected at least 1".into()),
        (tuned, "tuning.factors: expected numbers above 0".into()),
        (
            tuning.share > 0.0 && tuning.share <= 1.0,
            format!("tuning.share is {}; expected above 0, at most 1", tuning.share),
        ),
        (
            tuning.factors.is_empty() || !seeds.contains(&tuning.seed),
            format!("tuning.seed is {}, which is one of the seeds compared; choose another", tuning.seed),
        ),
        (
            experiment.watts.is_finite() && experiment.watts >= 0.0,
            format!("watts is {}; expected a number of at least 0", experiment.watts),
        ),
    ];
    match rules.into_iter().find(|(kept, _)| !kept) {
        Some((_, rule)) => Err(TrainError::Comparison(rule)),
        None => Ok(()),
    }
}

/// The recipe of an arm: the text of its recipe with the arm's keys set, starting from the experiment's model, measured like all
/// others. `read` reads files beside the recipe. The budget is not in it yet.
///
/// # Errors
/// A recipe that cannot be run, or that would not be a fair arm.
pub fn arm_recipe(
    experiment: &Experiment,
    arm: &ArmSpec,
    text: &str,
    read: &dyn Fn(&str) -> std::result::Result<String, String>,
) -> Result<Recipe> {
    let named = |e: TrainError| TrainError::Comparison(format!("arm `{}`: {e}", arm.name));
    let refuse = |words: String| Err(TrainError::Comparison(format!("arm `{}`: {words}", arm.name)));
    let mut table: toml::Table = toml::from_str(text).map_err(|e| named(TrainError::Recipe(e.to_string())))?;
    set(&mut table, &arm.set).map_err(|words| named(TrainError::Recipe(words)))?;
    let text = toml::to_string(&table).map_err(|e| named(TrainError::Recipe(e.to_string())))?;
    let mut recipe = recipe::from_toml_beside(&text, read).map_err(named)?;
    recipe.model.clone_from(&experiment.model);
    recipe.eval.items = CURVE_ITEMS;
    recipe.checkpoint.every = 0;
    if recipe.algorithm == Algorithm::RewardModel {
        return refuse(
            "a reward model answers nothing; name it as `reward_model` of an arm that is trained on it".into(),
        );
    }
    match fair(&recipe) {
        Ok(()) => Ok(recipe),
        Err(words) => refuse(words),
    }
}

/// The recipe of an arm's reward model.
///
/// # Errors
/// A recipe that makes no reward model.
pub fn reward_model_recipe(experiment: &Experiment, arm: &ArmSpec, text: &str) -> Result<Recipe> {
    let refuse = |words: String| TrainError::Comparison(format!("arm `{}`, reward_model: {words}", arm.name));
    let mut recipe = recipe::from_toml(text).map_err(|e| refuse(e.to_string()))?;
    if recipe.algorithm != Algorithm::RewardModel {
        return Err(refuse("that recipe trains no reward model; expected algorithm = \"reward_model\"".into()));
    }
    fair(&recipe).map_err(refuse)?;
    recipe.model.clone_from(&experiment.model);
    recipe.eval.every = 0;
    recipe.checkpoint.every = 0;
    Ok(recipe)
}

/// What an arm may not do: bring data of its own, or let its reward follow what is measured on the held-out questions.
fn fair(recipe: &Recipe) -> std::result::Result<(), String> {
    let data = &recipe.data;
    if data.file.is_some() || data.preferences.is_some() {
        return Err(
            "it brings rows of its own (`data.file` or `data.preferences`); arms learn from the same world, so that \
                    what they saw can be compared"
                .into(),
        );
    }
    match recipe.reward.adaptive.rules.iter().find(|rule| rule.signal.starts_with("heldout/")) {
        Some(rule) => Err(format!(
            "its reward follows `{}`, which is measured on the held-out questions: then they are trained on",
            rule.signal
        )),
        None => Ok(()),
    }
}

/// Training prompts of one step.
#[must_use]
pub fn prompts_per_step(recipe: &Recipe) -> u64 {
    u64::from(match recipe.algorithm {
        Algorithm::Sft => recipe.sft.batch,
        Algorithm::Dpo => recipe.dpo.batch,
        Algorithm::Kto => recipe.kto.batch,
        Algorithm::Orpo => recipe.orpo.batch,
        Algorithm::RewardModel => recipe.reward_model.batch,
        Algorithm::Grpo | Algorithm::Raft => recipe.rollout.prompts,
    })
}

/// The recipe with the steps of a share of a budget; `per_step` are the tokens that a step takes, for a budget of tokens. At least
/// one step.
#[must_use]
pub fn within(recipe: &Recipe, budget: Budget, share: f64, per_step: f64) -> Recipe {
    let mut recipe = recipe.clone();
    let amount = budget.amount as f64 * share;
    let steps = match budget.kind {
        BudgetKind::Prompts => amount / prompts_per_step(&recipe) as f64,
        BudgetKind::Tokens => amount / per_step.max(1.0),
        BudgetKind::Labels => f64::from(recipe.steps) * share,
    };
    recipe.steps = steps.round().clamp(1.0, 1e6) as u32;
    recipe.eval.every = recipe.steps.div_ceil(CURVE);
    recipe.optim.warmup_steps = recipe.optim.warmup_steps.min(recipe.steps / 4);
    recipe
}

/// Set keys in a table, going down into sections.
fn set(table: &mut toml::Table, keys: &Map<String, Value>) -> std::result::Result<(), String> {
    for (key, value) in keys {
        match (table.get_mut(key), value) {
            (Some(toml::Value::Table(section)), Value::Object(inner)) => set(section, inner)?,
            (_, value) => {
                let value = toml::Value::try_from(value).map_err(|e| format!("set.{key}: {e}"))?;
                table.insert(key.clone(), value);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SFT: &str = include_str!("../../../../recipes/sft.toml");
    const BASE: &str = "name = 'x'\nseeds = [1, 2]\nbudget = { kind = 'prompts', amount = 640 }\n";
    const ARMS: &str = "[[arms]]\nname = 'base'\n[[arms]]\nname = 'sft'\nrecipe = 'sft'\n";

    fn none(_: &str) -> std::result::Result<String, String> {
        Err("no files here".into())
    }

    #[test]
    fn an_experiment_is_read_and_its_arms_get_the_budget() {
        let text = format!("{BASE}{ARMS}set = {{ optim = {{ learning_rate = 1e-5 }}, steps = 7 }}\n");
        let experiment = from_toml(&text).unwrap();
        let recipe = arm_recipe(&experiment, &experiment.arms[1], SFT, &none).unwrap();
        assert_eq!((recipe.optim.learning_rate, recipe.optim.warmup_steps, recipe.steps), (1e-5, 5, 7));
        let of = |kind, amount, share| within(&recipe, Budget { kind, amount }, share, 31.0);
        let budget = of(BudgetKind::Prompts, 640, 1.0);
        assert_eq!(
            (budget.steps, budget.eval.every, budget.optim.warmup_steps),
            (10, 2, 2),
            "64 demonstrations a step"
        );
        assert_eq!(of(BudgetKind::Prompts, 640, 0.5).steps, 5);
        assert_eq!(of(BudgetKind::Tokens, 640, 1.0).steps, 21);
        assert_eq!(of(BudgetKind::Labels, 640, 1.0).steps, 7, "as the recipe says");
        assert_eq!(of(BudgetKind::Prompts, 1, 0.1).steps, 1);
    }

    #[test]
    fn what_is_refused_names_the_value() {
        for (text, word) in [
            (format!("{BASE}[[arms]]\nname = 'base'\n"), "at least 2"),
            (format!("{BASE}{ARMS}[[arms]]\nname = 'sft'\n"), "same name"),
            (format!("{BASE}[[arms]]\nname = 'a'\n[[arms]]\nname = 'b'\n"), "none of them trains"),
            (format!("{BASE}[[arms]]\nname = 'a/b'\n[[arms]]\nname = 'b'\nrecipe = 'sft'\n"), "a/b"),
            (format!("against = 'dpo'\n{BASE}{ARMS}"), "dpo"),
            (format!("{BASE}{ARMS}").replace("[1, 2]", "[1, 1]"), "twice"),
            (format!("{BASE}tuning = {{ factors = [1.0], seed = 2 }}\n{ARMS}"), "another"),
            (format!("{BASE}{ARMS}").replace("640", "0"), "amount"),
            (format!("{BASE}{ARMS}").replace("prompts", "prompt"), "prompt"),
            (format!("sede = 1\n{BASE}{ARMS}"), "sede"),
        ] {
            let message = from_toml(&text).unwrap_err().to_string();
            assert!(message.contains(word), "{text} gave: {message}");
        }
        let experiment = from_toml(&format!("{BASE}{ARMS}")).unwrap();
        let arm = &experiment.arms[1];
        let with = |toml: &str| arm_recipe(&experiment, arm, toml, &none).unwrap_err().to_string();
        assert!(with(&SFT.replace("[sft]", "[data]\nfile = 'x.jsonl'\n[sft]")).contains("rows of its own"));
        assert!(with(include_str!("../../../../recipes/reward-model.toml")).contains("answers nothing"));
        assert!(with(&SFT.replace("batch", "bach")).contains("did you mean `batch`?"));
        assert!(reward_model_recipe(&experiment, arm, SFT).unwrap_err().to_string().contains("reward_model"));
    }

    /// A reward whose weights follow what is measured on the held-out questions would train on them.
    #[test]
    fn a_reward_that_follows_the_held_out_questions_is_no_arm() {
        let experiment = from_toml(&format!("{BASE}{ARMS}")).unwrap();
        let text = "name = 'x'\nalgorithm = 'grpo'\nsteps = 3\n[reward]\n\
                    graders = [{ name = 'f', weight = 1.0, grader = { type = 'format' } }]\n\
                    [[reward.adaptive.rules]]\nsignal = 'SIGNAL'\nwhen = { above = 0.1 }\ngrader = 'f'\n\
                    change = { multiply = 0.5 }\nlow = 0.1\nhigh = 1.0\n";
        let arm = |signal: &str| arm_recipe(&experiment, &experiment.arms[1], &text.replace("SIGNAL", signal), &none);
        let message = arm("heldout/gap").unwrap_err().to_string();
        assert!(message.contains("heldout/gap") && message.contains("trained on"), "{message}");
        assert!(arm("rewards/f/saturation").is_ok());
    }
}
