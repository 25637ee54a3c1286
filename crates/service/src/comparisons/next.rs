//! What a comparison on a server needs next, from the runs that it has and how they ended: stage after stage, the next one when all runs
//! of those before have ended. A function of what is stored, so a kill between two stages changes nothing. Never knows the queue.

use super::parts::{attempt, choice, chosen, pilot, score, scored_by, tokens_per_step};
use super::plan::{Plan, PlannedArm};
use clicker_train::TrainError;
use clicker_wire::{BudgetKind, ComparisonPart, ComparisonRun, Event, RateChoice, RateTry, Recipe, Run, RunStatus};

/// A run of the comparison that has ended.
pub(crate) struct Ended {
    /// What it is for.
    pub(crate) of: ComparisonRun,
    /// How it ended.
    pub(crate) run: Run,
    /// Its events; only those of runs that choose settings are looked at.
    pub(crate) events: Vec<Event>,
}

/// A run to queue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) arm: String,
    pub(crate) seed: u64,
    pub(crate) part: ComparisonPart,
    pub(crate) recipe: Recipe,
}

/// What an arm is run with, once that is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settled {
    /// The recipe: the budget's steps, the chosen rate; the reward still its own.
    pub(crate) recipe: Recipe,
    /// How the rate was chosen.
    pub(crate) rate: Option<RateChoice>,
}

/// The runs that are missing and whose own needs are met; none when everything has been run.
///
/// # Errors
/// A run that did not end well, a reward model without a checkpoint, an arm all of whose tries diverged: in words.
pub(crate) fn next(plan: &Plan, ended: &[Ended]) -> Result<Vec<Wanted>, String> {
    if let Some(bad) = ended.iter().find(|e| e.run.status != RunStatus::Succeeded && !diverged_try(e)) {
        let why = bad.run.error.clone().unwrap_or_else(|| "it was stopped".into());
        return Err(format!("{}, {} did not end well: {why}", bad.of.arm, bad.of.part.name(bad.of.seed)));
    }
    let mut wanted = Vec::new();
    let mut settled = Vec::new();
    for arm in plan.arms.iter().filter(|arm| arm.recipe.is_some()) {
        match settle(plan, arm, ended)? {
            Ok(one) => settled.push((arm, one)),
            Err(runs) => wanted.extend(runs),
        }
    }
    // Seed by seed, so that what is there after a while is a whole comparison with fewer seeds.
    for seed in &plan.experiment.seeds {
        for (arm, settled) in &settled {
            let recipe = Recipe { seed: *seed, ..settled.recipe.clone() };
            match scorer(arm, *seed, ComparisonPart::RewardModel, ended)? {
                Scorer::Missing(run) => wanted.push(*run),
                scorer => wanted.extend(missing(arm, ComparisonPart::Seed, scorer.in_the_reward_of(recipe), ended)),
            }
        }
    }
    Ok(wanted)
}

/// An arm's recipe with steps and rate, or the runs that it still takes to know them.
///
/// # Errors
/// As [`next`].
pub(crate) fn settle(plan: &Plan, arm: &PlannedArm, ended: &[Ended]) -> Result<Result<Settled, Vec<Wanted>>, String> {
    let recipe = arm.recipe.as_ref().ok_or_else(|| format!("{} is not trained", arm.name))?;
    let (experiment, tuning) = (&plan.experiment, &plan.experiment.tuning);
    let counts_tokens = experiment.budget.kind == BudgetKind::Tokens;
    if !counts_tokens && tuning.factors.is_empty() {
        return Ok(Ok(Settled { recipe: chosen(plan, recipe, None, 0.0), rate: None }));
    }
    let scorer = match scorer(arm, tuning.seed, ComparisonPart::TuningRewardModel, ended)? {
        Scorer::Missing(run) => return Ok(Err(vec![*run])),
        scorer => scorer,
    };
    let mut per_step = 0.0;
    if counts_tokens {
        match found(arm, tuning.seed, ComparisonPart::Pilot, ended) {
            Some(done) => per_step = tokens_per_step(&done.events, &done.run.recipe),
            None => {
                let run = scorer.in_the_reward_of(pilot(plan, recipe));
                return Ok(Err(missing(arm, ComparisonPart::Pilot, run, ended).into_iter().collect()));
            }
        }
    }
    let tries = tuning.factors.iter().map(|factor| (*factor, attempt(plan, recipe, *factor, per_step)));
    let absent: Vec<Wanted> = tries
        .clone()
        .filter_map(|(factor, one)| missing(arm, ComparisonPart::Rate { factor }, scorer.in_the_reward_of(one), ended))
        .collect();
    if !absent.is_empty() {
        return Ok(Err(absent));
    }
    if tuning.factors.is_empty() {
        return Ok(Ok(Settled { recipe: chosen(plan, recipe, None, per_step), rate: None }));
    }
    let tried = tries.map(|(factor, one)| {
        let done = found(arm, tuning.seed, ComparisonPart::Rate { factor }, ended);
        let score = done.filter(|d| d.run.status == RunStatus::Succeeded).and_then(|d| score(&d.events, one.steps));
        RateTry { factor, learning_rate: one.optim.learning_rate, steps: one.steps, score }
    });
    let rate = choice(tried.collect()).ok_or_else(|| {
        format!("{}: the numbers diverged at every learning rate that was tried; try smaller factors", arm.name)
    })?;
    Ok(Ok(Settled { recipe: chosen(plan, recipe, Some(&rate), per_step), rate: Some(rate) }))
}

/// What scores the answers of an arm that has a reward model.
enum Scorer {
    /// It has none: the reward is the recipe's.
    OfTheRecipe,
    /// This checkpoint.
    Checkpoint(String),
    /// Nothing yet: this run makes it.
    Missing(Box<Wanted>),
}

impl Scorer {
    fn in_the_reward_of(&self, recipe: Recipe) -> Recipe {
        match self {
            Self::Checkpoint(id) => Recipe { reward: scored_by(&recipe.reward, id), ..recipe },
            _ => recipe,
        }
    }
}

fn scorer(arm: &PlannedArm, seed: u64, part: ComparisonPart, ended: &[Ended]) -> Result<Scorer, String> {
    let Some(model) = &arm.reward_model else { return Ok(Scorer::OfTheRecipe) };
    if let Some(done) = found(arm, seed, part, ended) {
        let id = done.run.checkpoint.as_ref();
        let id = id.ok_or_else(|| format!("{}, {} ended without a checkpoint", arm.name, part.name(seed)))?;
        return Ok(Scorer::Checkpoint(id.to_string()));
    }
    let recipe = Recipe { seed, ..model.clone() };
    Ok(Scorer::Missing(Box::new(Wanted { arm: arm.name.clone(), seed, part, recipe })))
}

fn missing(arm: &PlannedArm, part: ComparisonPart, recipe: Recipe, ended: &[Ended]) -> Option<Wanted> {
    let seed = recipe.seed;
    found(arm, seed, part, ended).is_none().then(|| Wanted { arm: arm.name.clone(), seed, part, recipe })
}

fn found<'a>(arm: &PlannedArm, seed: u64, part: ComparisonPart, ended: &'a [Ended]) -> Option<&'a Ended> {
    ended.iter().find(|e| e.of.arm == arm.name && e.of.seed == seed && e.of.part == part)
}

/// A try whose numbers diverged says something: this rate is too high. It ends no comparison.
fn diverged_try(ended: &Ended) -> bool {
    let diverged = ended.run.error.as_deref().is_some_and(TrainError::tells_of_divergence);
    matches!(ended.of.part, ComparisonPart::Rate { .. }) && ended.run.status == RunStatus::Failed && diverged
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_train::compare::experiment::from_toml;
    use clicker_wire::{CheckpointId, EvalReport, Rate, RunId};
    use std::collections::BTreeMap;

    const TUNED: &str = "name = 'x'\nseeds = [1, 2]\nbudget = { kind = 'tokens', amount = 9000 }\n\
        tuning = { factors = [1.0, 3.0], share = 0.5 }\n[[arms]]\nname = 'base'\n[[arms]]\nname = 'sft'\nrecipe = 'sft'\n\
        [[arms]]\nname = 'ppo'\nrecipe = 'family/ppo'\nreward_model = 'reward-model'\n";

    fn plan(text: &str) -> Plan {
        Plan::new(from_toml(text).expect("an experiment"), &|_| Err("no files".into())).expect("a plan")
    }

    fn report() -> EvalReport {
        let rate = Rate::of(1, 2);
        EvalReport {
            suite: "world".into(),
            model: "x".into(),
            items: 2,
            accuracy_known: rate,
            hallucination: rate,
            abstention: rate,
            abstention_known: rate,
            accuracy_when_answering: rate,
            coverage: rate,
            consistency_paraphrase: rate,
            consistency_resample: rate,
            violations: rate,
            refused_harmless: rate,
            by_domain: Vec::new(),
        }
    }

    /// A run that did what was wanted; a try with rate 3 diverged.
    fn done(wanted: Wanted) -> Ended {
        let high = wanted.part == ComparisonPart::Rate { factor: 3.0 };
        let of = ComparisonRun {
            arm: wanted.arm.clone(),
            seed: wanted.seed,
            part: wanted.part,
            run: RunId(format!("{} {:?} {}", wanted.arm, wanted.part, wanted.seed)),
        };
        let values = BTreeMap::from([("num_tokens".to_owned(), 300.0)]);
        let events =
            vec![Event::Metrics { step: 3, values }, Event::Eval { step: wanted.recipe.steps, report: report() }];
        let diverged = TrainError::Diverged { step: 2, what: "loss", value: f64::NAN };
        let run = Run {
            status: if high { RunStatus::Failed } else { RunStatus::Succeeded },
            step: wanted.recipe.steps,
            error: high.then(|| diverged.to_string()),
            checkpoint: Some(CheckpointId::from(format!("made by {}", of.run).as_str())),
            ..Run::queued(of.run.clone(), wanted.recipe, 0)
        };
        Ended { of, run, events }
    }

    #[test]
    fn stages_follow_from_what_has_ended() {
        let plan = plan(TUNED);
        let (mut ended, mut stages) = (Vec::new(), Vec::new());
        loop {
            let wanted = next(&plan, &ended).expect("goes on");
            if wanted.is_empty() {
                break;
            }
            stages.push(wanted.iter().map(|w| format!("{}: {}", w.arm, w.part.name(w.seed))).collect::<Vec<_>>());
            ended.extend(wanted.into_iter().map(done));
        }
        let expected: [&[&str]; 5] = [
            &["sft: tokens per step", "ppo: reward model for the tries"],
            &["sft: rate times 1", "sft: rate times 3", "ppo: tokens per step"],
            &["ppo: rate times 1", "ppo: rate times 3", "sft: seed 1", "sft: seed 2"],
            &["ppo: reward model of seed 1", "ppo: reward model of seed 2"],
            &["ppo: seed 1", "ppo: seed 2"],
        ];
        assert_eq!(stages, expected);
        let settled = settle(&plan, &plan.arms[2], &ended).expect("is known").expect("is settled");
        let rate = settled.rate.expect("was tried");
        assert_eq!((rate.factor, rate.tried.len(), rate.tried[1].score), (1.0, 2, None));
        assert_eq!(settled.recipe.reward.graders[0].name, "truthful", "the reward is still the recipe's");
        let scored = |e: &&Ended| e.of.arm == "ppo" && e.of.part == ComparisonPart::Seed;
        let json = serde_json::to_string(&ended.iter().find(scored).expect("ran").run.recipe.reward).expect("JSON");
        assert!(json.contains("made by ppo RewardModel 1"), "{json}");
    }

    #[test]
    fn without_tuning_all_seeds_are_the_first_stage() {
        let text = "name = 'x'\nseeds = [1, 2]\nbudget = { kind = 'prompts', amount = 64 }\n[[arms]]\nname = 'base'\n\
                    [[arms]]\nname = 'sft'\nrecipe = 'sft'\n";
        let wanted = next(&plan(text), &[]).expect("goes on");
        assert_eq!(
            wanted.iter().map(|w| (w.seed, w.part)).collect::<Vec<_>>(),
            [(1, ComparisonPart::Seed), (2, ComparisonPart::Seed)]
        );
    }

    #[test]
    fn a_run_that_failed_ends_it_by_name() {
        let plan = plan(TUNED);
        let mut bad = done(next(&plan, &[]).expect("goes on").remove(0));
        (bad.run.status, bad.run.error) = (RunStatus::Failed, Some("the disk is full".into()));
        let words = next(&plan, &[bad]).expect_err("fails");
        assert_eq!(words, "sft, tokens per step did not end well: the disk is full");
    }
}
