//! Recipes as TOML, and the rules that a recipe must keep before anything starts.

mod keys;
mod preferences;

use crate::{Result, TrainError, cold_start, constitution, curriculum, dialogue, objective};
use clicker_dataset::World;
use clicker_wire::{
    AdvantageEstimator, AdvantageScale, Algorithm, Combine, Dtype, Grader, Recipe, Retelling, RewardConfig,
};

/// Read a recipe; unknown keys are errors that name the key and what was probably meant, and so are keys without effect.
///
/// # Errors
/// Not TOML, an unknown key, or a rule that [`validate`] holds.
pub fn from_toml(text: &str) -> Result<Recipe> {
    let recipe: Recipe = toml::from_str(text).map_err(|e| TrainError::Recipe(keys::with_suggestion(&e.to_string())))?;
    let recipe = resolved(recipe)?;
    validate(&recipe)?;
    if let Some(complaint) = keys::inert(text, recipe.algorithm) {
        return Err(TrainError::Recipe(complaint));
    }
    Ok(recipe)
}

/// As [`from_toml`], for a recipe whose `constitution` may name a file, which `read` reads.
///
/// # Errors
/// As [`from_toml`]; a constitution that cannot be read, or one beside a reward.
pub fn from_toml_beside(text: &str, read: &dyn Fn(&str) -> std::result::Result<String, String>) -> Result<Recipe> {
    let mut table: toml::Table = toml::from_str(text).map_err(|e| TrainError::Recipe(e.to_string()))?;
    let Some(toml::Value::String(file)) = table.get("constitution").cloned() else { return from_toml(text) };
    if table.contains_key("reward") {
        return Err(TrainError::Recipe(
            "it has a `constitution` and a `reward`; the reward is that of the constitution: remove one of the two"
                .into(),
        ));
    }
    table.remove("constitution");
    let recipe: Recipe =
        table.try_into().map_err(|e: toml::de::Error| TrainError::Recipe(keys::with_suggestion(&e.to_string())))?;
    if let Some(complaint) = keys::inert(text, recipe.algorithm) {
        return Err(TrainError::Recipe(complaint));
    }
    let text = read(&file).map_err(|reason| TrainError::Recipe(format!("constitution: {file}: {reason}")))?;
    let recipe = under(recipe, &text)?;
    validate(&recipe)?;
    Ok(recipe)
}

/// A recipe under the constitution of this text: its reward becomes that of the principles.
///
/// # Errors
/// A text that is no constitution.
pub fn under(recipe: Recipe, text: &str) -> Result<Recipe> {
    let (constitution, reward) = constitution::from_toml(text)?;
    Ok(Recipe { constitution: Some(constitution), reward, ..recipe })
}

/// A recipe with a constitution and no reward of its own has the reward of its principles.
///
/// # Errors
/// A constitution that cannot be enforced.
pub fn resolved(recipe: Recipe) -> Result<Recipe> {
    match &recipe.constitution {
        Some(constitution) if recipe.reward == RewardConfig::default() => {
            let reward = clicker_rewards::constitution::reward_config(constitution)?;
            Ok(Recipe { reward, ..recipe })
        }
        _ => Ok(recipe),
    }
}

/// Refuse what cannot be run, naming the value and what would do.
///
/// # Errors
/// The first rule that is broken.
pub fn validate(recipe: &Recipe) -> Result<()> {
    let rollout = &recipe.rollout;
    let positive = |x: f64| x.is_finite() && x > 0.0;
    let not_negative = |x: f64| x.is_finite() && x >= 0.0;
    let fraction = |x: f64| (0.0..1.0).contains(&x);
    let grpo = recipe.algorithm == Algorithm::Grpo;
    let samples = recipe.algorithm.samples();
    let rules = [
        (!recipe.name.trim().is_empty() && recipe.name.len() <= 80, "name: give it 1 to 80 characters".to_owned()),
        ((1..=1_000_000).contains(&recipe.steps), format!("steps is {}; expected 1 to 1000000", recipe.steps)),
        (
            positive(recipe.optim.learning_rate),
            format!("optim.learning_rate is {}; expected a number above 0", recipe.optim.learning_rate),
        ),
        (
            fraction(recipe.optim.adam_beta1) && fraction(recipe.optim.adam_beta2),
            "optim.adam_beta1 and adam_beta2: expected 0 up to 1, without 1".into(),
        ),
        (
            positive(recipe.optim.adam_epsilon),
            format!("optim.adam_epsilon is {}; expected a number above 0", recipe.optim.adam_epsilon),
        ),
        (
            not_negative(recipe.optim.weight_decay) && not_negative(recipe.optim.max_grad_norm),
            "optim.weight_decay and max_grad_norm: expected numbers of at least 0".into(),
        ),
        (
            recipe.algorithm != Algorithm::Sft || (1..=65_536).contains(&recipe.sft.batch),
            format!("sft.batch is {}; expected 1 to 65536", recipe.sft.batch),
        ),
        (
            !samples || (1..=4096).contains(&rollout.prompts),
            format!("rollout.prompts is {}; expected 1 to 4096", rollout.prompts),
        ),
        (
            !samples || (2..=1024).contains(&rollout.group_size),
            format!(
                "rollout.group_size is {}; a group needs at least 2 answers to compare, at most 1024",
                rollout.group_size
            ),
        ),
        (
            !samples || rollout.sampling.max_new_tokens >= 1,
            "rollout.sampling.max_new_tokens is 0; expected at least 1".into(),
        ),
        (
            !samples || positive(rollout.sampling.temperature.into()),
            format!(
                "rollout.sampling.temperature is {}; exploring needs a number above 0",
                rollout.sampling.temperature
            ),
        ),
        (
            !grpo || not_negative(recipe.grpo.beta),
            format!("grpo.beta is {}; expected a number of at least 0", recipe.grpo.beta),
        ),
        (
            !grpo || (fraction(recipe.grpo.epsilon) && not_negative(recipe.grpo.epsilon_high)),
            "grpo.epsilon: expected 0 up to 1; grpo.epsilon_high: at least 0".into(),
        ),
        (
            !grpo || (1..=64).contains(&recipe.grpo.num_iterations),
            format!("grpo.num_iterations is {}; expected 1 to 64", recipe.grpo.num_iterations),
        ),
    ];
    if let Some((_, rule)) = rules.into_iter().find(|(kept, _)| !kept) {
        return Err(TrainError::Recipe(rule));
    }
    if let Some(rule) = lora_complaint(recipe).or_else(|| memory_complaint(recipe)) {
        return Err(TrainError::Recipe(rule));
    }
    if let Some(rule) = cold_start::complaint(recipe)
        .or_else(|| more_complaint(recipe))
        .or_else(|| retold_complaint(recipe))
        .or_else(|| curriculum::complaint(recipe))
        .or_else(|| dialogue::complaint(recipe))
    {
        return Err(TrainError::Recipe(rule));
    }
    if let Some(rule) = preferences::complaint(recipe) {
        return Err(TrainError::Recipe(rule));
    }
    if let Some(rule) = objective::complaint(&recipe.grpo).filter(|_| grpo) {
        return Err(TrainError::Recipe(rule));
    }
    let group_mean = recipe.grpo.advantage == AdvantageEstimator::Grpo && !recipe.grpo.kl_in_reward;
    if grpo && recipe.reward.combine == (Combine::NormaliseThenSum {}) && !group_mean {
        return Err(TrainError::Recipe(
            "reward.combine normalise_then_sum makes advantages by itself; leave grpo.advantage and kl_in_reward out, or \
             combine by sum"
                .into(),
        ));
    }
    if grpo
        && recipe.reward.combine == (Combine::NormaliseThenSum {})
        && recipe.grpo.scale_rewards != AdvantageScale::Group
    {
        return Err(TrainError::Recipe(
            "grpo.scale_rewards is inert with reward.combine normalise_then_sum, which normalises by itself; leave it at \
             `group`, or combine by sum"
                .into(),
        ));
    }
    if let Some(constitution) = &recipe.constitution
        && clicker_rewards::constitution::reward_config(constitution)? != recipe.reward
    {
        return Err(TrainError::Recipe(
            "its reward is not that of its constitution, so its checkpoints would be shown under principles that did not \
             train them; leave `reward` out, or leave the constitution out"
                .into(),
        ));
    }
    if samples {
        clicker_rewards::compose::validate(&recipe.reward)?;
        graders_run(&recipe.reward)?;
    }
    Ok(())
}

fn lora_complaint(recipe: &Recipe) -> Option<String> {
    let lora = recipe.lora.as_ref()?;
    if recipe.algorithm == Algorithm::RewardModel {
        return Some(
            "[lora] has no effect with algorithm = \"reward_model\", whose score is a row of the head, which an adapter does \
             not train; leave it out"
                .into(),
        );
    }
    lora.complaint()
}

fn memory_complaint(recipe: &Recipe) -> Option<String> {
    let refused = recipe.memory.dtype == Dtype::Bf16;
    refused.then(|| {
        "memory.dtype is `bf16`; expected `f32`: an update of one part in a hundred thousand is lost in eight bits of precision, \
         and a processor multiplies bf16 no faster. To save memory say frozen_dtype = \"bf16\" (the reference and the weights \
         under an adapter) or gradient_checkpointing = true"
            .into()
    })
}

fn more_complaint(recipe: &Recipe) -> Option<String> {
    let (domain, count) = recipe.data.more.iter().find(|(domain, count)| {
        !World::GROWS.contains(domain) || !(1..=MOST_MORE).contains(*count) || recipe.data.file.is_some()
    })?;
    if recipe.data.file.is_some() {
        return Some(
            "data.more has no effect beside data.file, whose rows are all there is; leave one of them out".into(),
        );
    }
    let grows: Vec<String> = World::GROWS.iter().map(ToString::to_string).collect();
    Some(format!(
        "data.more.{domain} is {count}; expected 1 to {MOST_MORE} further questions, of the domains that have any: {}",
        grows.join(", ")
    ))
}

fn retold_complaint(recipe: &Recipe) -> Option<String> {
    let (form, count) =
        recipe.data.retold.iter().find(|(_, n)| !(1..=MOST_MORE).contains(*n) || recipe.data.file.is_some())?;
    let form = match form {
        Retelling::Again => "again",
        Retelling::Reorder => "reorder",
        Retelling::Steps => "steps",
    };
    Some(match recipe.data.file {
        Some(_) => format!(
            "data.retold.{form} has no effect beside data.file, whose rows are asked as they are; leave one of them out"
        ),
        None => format!("data.retold.{form} is {count}; expected 1 to {MOST_MORE} questions"),
    })
}

/// Most further questions of one domain: the world draws each of them until it finds a new one.
const MOST_MORE: u32 = 2_000;

/// A grader that this build does not run would be left out of every reward, unseen.
fn graders_run(reward: &RewardConfig) -> Result<()> {
    let foreign = reward.graders.iter().find(|graded| matches!(graded.grader, Grader::Openai { .. }));
    if let Some(graded) = foreign.filter(|_| !clicker_rewards::RUNS_OPENAI) {
        return Err(TrainError::Recipe(format!(
            "its grader `{}` is one of OpenAI's, which this build does not run; use the other graders, or build \
             clicker-rewards with the feature `openai`",
            graded.name
        )));
    }
    let script = reward.graders.iter().find(|graded| matches!(graded.grader, Grader::Program { .. }));
    match script.filter(|_| !clicker_rewards::RUNS_PROGRAMS) {
        None => Ok(()),
        Some(graded) => Err(TrainError::Recipe(format!(
            "its grader `{}` is a script, and this build has no script engine; use the other graders, or build \
             clicker-rewards with the feature `programs`",
            graded.name
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        let base = "name = 'x'\nalgorithm = 'grpo'\nsteps = 3\n";
        assert!(from_toml(base).is_ok());
        for (extra, word) in [
            ("stepz = 3", "stepz"),
            ("[grpo]\nbeta = -1.0", "beta"),
            ("[grpo]\nbetta = 1.0", "betta"),
            ("[rollout]\ngroup_size = 1", "group_size"),
            ("[optim]\nlearning_rate = 0.0", "learning_rate"),
            ("[reward]\ngraders = []", "grader"),
            ("[dry_run]\nskip = true", "skip"),
            ("[lora]\nr = 0", "lora.r"),
            ("[data]\nretold = { again = 0 }", "retold.again is 0"),
            ("[data]\nfile = 'x'\nretold = { reorder = 5 }", "retold.reorder has no effect"),
            ("[data]\nretold = { agian = 5 }", "did you mean `again`?"),
            ("[lora]\ntarget_modules = ['q_prof']", "q_prof"),
            ("[lora]\nrank = 4", "rank"),
            ("[memory]\ndtype = 'bf16'", "frozen_dtype"),
            ("[environment]\nturns = 1", "environment.turns is 1"),
            ("[environment]\npushes = []", "wrong_suggestion"),
            ("[environment]\npushes = ['dout']", "did you mean `doubt`?"),
            ("[environment]\nsteadfast = -1.0", "steadfast"),
            ("[environment]\n[grpo]\nadvantage = 'remax'", "remax"),
            ("[memory]\nfrozen_dtype = 'f16'", "bf16"),
            (
                "[reward]\ngraders = [{ name = 'f', weight = 1.0, grader = { type = 'format' } }]\ncombine = { type = 'normalise_then_sum' }\n[grpo]\nscale_rewards = 'none'",
                "scale_rewards",
            ),
        ] {
            let message = from_toml(&format!("{base}{extra}")).unwrap_err().to_string();
            assert!(message.contains(word), "{extra} gave: {message}");
        }
        for (text, words) in [
            ("algorithm = 'grpo'\n[grpo]\nbetta = 1.0", ["betta", "did you mean `beta`?"]),
            ("algorithm = 'dpo'\n[grpo]\nbeta = 1.0", ["[grpo]", "dpo"]),
            ("algorithm = 'dpo'\n[dpo]\ngamma = 1.0", ["gamma", "simpo"]),
            ("algorithm = 'kto'\n[kto]\nbatch = 1", ["kto.batch", "2"]),
            ("algorithm = 'grpo'\n[data]\npreferences = 'x.jsonl'", ["preferences", "no effect"]),
            ("algorithm = 'sft'\n[data]\nsha256 = 'ab'", ["sha256", "data.file"]),
            ("algorithm = 'sft'\n[data]\nfile = 'x'\nsha256 = 'ab'", ["sha256", "64"]),
            ("algorithm = 'dpo'\n[data]\nfile = 'x'\npreferences = 'y'", ["preferences", "leave one"]),
            ("algorithm = 'sft'\n[data]\nfile = 'x'\ndomains = ['rules']", ["domains", "no effect"]),
            ("algorithm = 'grpo'\n[grpo]\ndelta = 1.0", ["delta", "epsilon_high"]),
            ("algorithm = 'grpo'\n[grpo]\nkl_estimator = 'k4'", ["k4", "did you mean `k"]),
        ] {
            let message = from_toml(&format!("name = 'x'\nsteps = 3\n{text}")).unwrap_err().to_string();
            assert!(words.iter().all(|word| message.contains(word)), "{text} gave: {message}");
        }
        assert!(from_toml("name = 'x'\nalgorithm = 'ppo'\nsteps = 3").unwrap_err().to_string().contains("ppo"));
    }

    #[test]
    fn a_constitution_is_the_reward() {
        const SHIPPED: &str = include_str!("../../../recipes/constitution.toml");
        let read = |name: &str| if name == "c.toml" { Ok(SHIPPED.to_owned()) } else { Err("no such file".to_owned()) };
        let base = "name = 'x'\nalgorithm = 'grpo'\nsteps = 3\n";
        let recipe = from_toml_beside(&format!("{base}constitution = 'c.toml'"), &read).unwrap();
        let (constitution, reward) = constitution::from_toml(SHIPPED).unwrap();
        assert_eq!((recipe.constitution.as_ref(), &recipe.reward), (Some(&constitution), &reward));
        // As JSON over the API, with the reward left out.
        let mut json = serde_json::to_value(&recipe).unwrap();
        json.as_object_mut().unwrap().remove("reward");
        assert_eq!(resolved(serde_json::from_value(json).unwrap()).unwrap(), recipe);
        let cut = Recipe { reward: RewardConfig::sum(reward.graders[..1].to_vec()), ..recipe };
        assert!(validate(&cut).unwrap_err().to_string().contains("principles"));
        for (extra, word) in [
            ("constitution = 'gone.toml'", "gone.toml"),
            ("constitution = 'c.toml'\n[reward]\ngraders = []", "remove one"),
        ] {
            let message = from_toml_beside(&format!("{base}{extra}"), &read).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
