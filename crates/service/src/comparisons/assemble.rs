//! The result of a comparison from what its runs left behind: events and answers in, figures, costs and cards out. Knows neither
//! folders nor tables.

use super::parts::scored_by;
use super::plan::{Plan, PlannedArm};
use clicker_dataset::{World, comparisons};
use clicker_train::TrainError;
use clicker_train::compare::experiment::prompts_per_step;
use clicker_train::compare::paired::{Arm, compare};
use clicker_train::compare::{figures, limits};
use clicker_wire::{
    Algorithm, AnsweredItem, ArmResult, BudgetKind, ClassCount, Comparison, Cost, CurvePoint, DataCard, EvalReport,
    Event, FigureResult, Knowledge, RateChoice, Recipe, RewardCard, RunCard, Saw, SeedRun, Split,
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};

/// Seed of the resamples: the same result is the same bytes.
const SEED: u64 = 1;

/// An arm's runs.
pub(crate) struct ArmRecord {
    /// What was run, with rate and steps; none for the starting model.
    pub(crate) recipe: Option<Recipe>,
    /// How the rate was chosen.
    pub(crate) rate: Option<RateChoice>,
    /// One per seed; one for the starting model.
    pub(crate) runs: Vec<RunRecord>,
}

/// What one run left behind.
pub(crate) struct RunRecord {
    /// Its seed.
    pub(crate) seed: u64,
    /// Where it lies.
    pub(crate) place: String,
    /// Its events, those of its reward model's training apart.
    pub(crate) events: Vec<Event>,
    /// The events of its reward model's training.
    pub(crate) before: Vec<Event>,
    /// What its last checkpoint says to the held-out questions.
    pub(crate) answers: Vec<AnsweredItem>,
}

/// Put the result together.
///
/// # Errors
/// Runs that did not answer the same questions.
pub(crate) fn assemble(
    plan: &Plan,
    records: &[ArmRecord],
    made: RunCard,
    resamples: u32,
) -> Result<Comparison, TrainError> {
    let arms: Vec<Arm<'_>> = plan
        .arms
        .iter()
        .zip(records)
        .map(|(arm, record)| Arm {
            name: &arm.name,
            runs: record.runs.iter().map(|run| run.answers.as_slice()).collect(),
        })
        .collect();
    let figures = compare(&arms, resamples, SEED)?;
    let world = World::new(plan.world_seed());
    let asked = arms.first().and_then(|arm| arm.runs.first()).copied().unwrap_or_default();
    let each = plan.arms.iter().zip(records).zip(&arms);
    let mut comparison = Comparison {
        experiment: plan.experiment.clone(),
        against: plan.against().to_owned(),
        made,
        data: data_card(plan, &world, asked),
        arms: each.map(|((arm, record), answers)| arm_result(plan, &world, arm, record, answers, &figures)).collect(),
        figures,
        resamples,
        limitations: Vec::new(),
    };
    comparison.limitations = limits::limitations(&comparison);
    Ok(comparison)
}

fn arm_result(
    plan: &Plan,
    world: &World,
    arm: &PlannedArm,
    record: &ArmRecord,
    answers: &Arm<'_>,
    suite: &[FigureResult],
) -> ArmResult {
    let watts = plan.experiment.watts;
    let places = answers.runs.first().map(|run| figures::units(run)).unwrap_or_default();
    let all = answers.runs.first().map(|run| figures::of(run)).unwrap_or_default();
    let wanted: Vec<_> = all.iter().filter(|f| f.cell.is_none() && suite.iter().any(|s| s.id == f.id)).collect();
    let runs: Vec<SeedRun> = record
        .runs
        .iter()
        .zip(&answers.runs)
        .map(|(run, said)| {
            let one = Arm { name: answers.name, runs: vec![said] };
            let value = |f: &&figures::Figure| {
                let value = clicker_train::compare::paired::per_run(f, &one, &places).first().copied().flatten()?;
                Some((f.id.clone(), value))
            };
            let cost = match &record.recipe {
                Some(recipe) => {
                    let (own, before) = (
                        cost(&run.events, recipe, watts),
                        match &arm.reward_model {
                            Some(model) => cost(&run.before, model, watts),
                            None => Cost::default(),
                        },
                    );
                    Cost {
                        seconds: own.seconds + before.seconds,
                        generated: own.generated + before.generated,
                        trained: own.trained + before.trained,
                        watt_hours: own.watt_hours + before.watt_hours,
                    }
                }
                None => Cost::default(),
            };
            SeedRun {
                seed: run.seed,
                place: run.place.clone(),
                steps: record.recipe.as_ref().map_or(0, |r| r.steps),
                cost,
                alarms: alarms(&run.events),
                figures: wanted.iter().filter_map(value).collect(),
                curve: curve(&run.events, record.recipe.as_ref().map_or(0, prompts_per_step)),
            }
        })
        .collect();
    let mean = |of: &dyn Fn(&Cost) -> f64| runs.iter().map(|r| of(&r.cost)).sum::<f64>() / runs.len().max(1) as f64;
    ArmResult {
        name: arm.name.clone(),
        recipe: record.recipe.clone(),
        rate: record.rate.clone(),
        reward: record.recipe.as_ref().and_then(|recipe| reward_card(arm, recipe)),
        saw: record.recipe.as_ref().map(|recipe| saw(plan, world, arm, recipe)).unwrap_or_default(),
        cost: Cost {
            seconds: mean(&|c| c.seconds),
            generated: mean(&|c| c.generated),
            trained: mean(&|c| c.trained),
            watt_hours: mean(&|c| c.watt_hours),
        },
        runs,
    }
}

/// What the steps of a run cost.
///
/// Trained tokens are `num_tokens` of the metrics, once per update that used them; generated ones the mean length of the answers
/// times their number. A reference's or a frozen copy's passes are in neither.
pub(crate) fn cost(events: &[Event], recipe: &Recipe, watts: f64) -> Cost {
    let (mut seconds, mut generated, mut trained) = (0.0, 0.0, 0.0);
    let updates = match recipe.algorithm {
        Algorithm::Grpo => f64::from(recipe.grpo.num_iterations.max(1)),
        _ => 1.0,
    };
    for event in events {
        let Event::Metrics { step: 1.., values } = event else { continue };
        let value = |name: &str| values.get(name).copied();
        seconds += value("step_time").unwrap_or(0.0);
        let prompts = value("dynamic_sampling/prompts").unwrap_or(f64::from(recipe.rollout.prompts));
        if recipe.algorithm.samples() {
            let answers = prompts * f64::from(recipe.rollout.group_size);
            generated += value("completions/mean_length").unwrap_or(0.0) * answers;
        }
        trained = value("num_tokens").unwrap_or(trained);
    }
    Cost { seconds, generated, trained: trained * updates, watt_hours: seconds * watts / 3600.0 }
}

fn alarms(events: &[Event]) -> Vec<String> {
    let names = events.iter().filter_map(|event| match event {
        Event::Alarm { name, .. } => Some(name.clone()),
        _ => None,
    });
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn curve(events: &[Event], per_step: u64) -> Vec<CurvePoint> {
    let points = events.iter().filter_map(|event| match event {
        Event::Eval { step, report } => {
            Some(CurvePoint { step: *step, prompts: u64::from(*step) * per_step, figures: measured(report) })
        }
        _ => None,
    });
    points.collect()
}

/// Figures of a measurement while training, under the names that the result gives them.
fn measured(report: &EvalReport) -> BTreeMap<String, f64> {
    let named = [
        ("hallucination", report.hallucination),
        ("everything_known", report.accuracy_known),
        ("abstention_known", report.abstention_known),
        ("accuracy_when_answering", report.accuracy_when_answering),
        ("coverage", report.coverage),
        ("violations", report.violations),
    ];
    named.into_iter().map(|(id, rate)| (id.to_owned(), rate.value)).collect()
}

/// The reward that the arm was trained on; a reward model in it is another one for every seed, so it is named by where it comes from.
fn reward_card(arm: &PlannedArm, recipe: &Recipe) -> Option<RewardCard> {
    let reward = match arm.reward_model {
        Some(_) => scored_by(&recipe.reward, "trained first, with the same seed"),
        None => recipe.reward.clone(),
    };
    recipe.algorithm.samples().then(|| RewardCard {
        sha256: hex::encode(Sha256::digest(clicker_rewards::hash_input(&reward))),
        reward,
        constitution: recipe.constitution.clone(),
    })
}

/// What an arm saw per seed.
fn saw(plan: &Plan, world: &World, arm: &PlannedArm, recipe: &Recipe) -> Saw {
    let prompts = u64::from(recipe.steps) * prompts_per_step(recipe);
    let most = match plan.experiment.budget.kind {
        BudgetKind::Labels => plan.experiment.budget.amount,
        _ => u64::MAX,
    };
    let within = |split| {
        let items = world.items(split);
        &items[..items.len().min(usize::try_from(most).unwrap_or(usize::MAX))]
    };
    let unknowable = |split| within(split).iter().filter(|i| i.knowledge.is_unknowable()).count();
    let base = Saw { prompts, ..Saw::default() };
    let (shown, asked) = (within(Split::Sft), within(Split::Rl));
    match recipe.algorithm {
        Algorithm::Sft => Saw {
            labels: prompts.min(shown.len() as u64),
            demonstrations: prompts,
            words: format!(
                "Right answers to imitate. {} of {} demonstrations are of questions that cannot be answered, all of them passages \
                 that do not tell.",
                unknowable(Split::Sft),
                shown.len()
            ),
            ..base
        },
        Algorithm::Dpo | Algorithm::Orpo | Algorithm::RewardModel => {
            let pairs = comparisons::comparisons(asked, recipe.seed).len() as u64;
            Saw { labels: prompts.min(pairs), pairs: prompts, words: shows(unknowable(Split::Rl), asked.len()), ..base }
        }
        Algorithm::Kto => {
            let judged = comparisons::judgements(asked, recipe.seed).len() as u64;
            Saw {
                labels: prompts.min(judged),
                judgements: prompts,
                words: shows(unknowable(Split::Rl), asked.len()),
                ..base
            }
        }
        Algorithm::Grpo | Algorithm::Raft => {
            let rewarded = prompts * u64::from(recipe.rollout.group_size);
            let cold = recipe.cold_start.as_ref().map_or(0, |cold| u64::from(cold.steps) * u64::from(cold.batch));
            let shown = cold.min(shown.len() as u64 + further(recipe));
            let labels = prompts.min(asked.len() as u64 + further(recipe)) + shown;
            match &arm.reward_model {
                None => Saw {
                    labels,
                    rewarded,
                    demonstrations: cold,
                    words: match cold {
                        0 => "Its own answers with a reward each: the key says whether an answer is right, nothing shows what \
                              would have been."
                            .into(),
                        _ => "Demonstrations of right answers first (a cold start), beside the budget; then its own answers with \
                              a reward each."
                            .into(),
                    },
                    ..base
                },
                Some(model) => {
                    let pairs = u64::from(model.steps) * prompts_per_step(model);
                    Saw {
                        labels: pairs.min(asked.len() as u64),
                        pairs,
                        rewarded,
                        words: "Pairs first, from which a reward model was made; then its own answers with that model's score \
                                each."
                            .into(),
                        ..base
                    }
                }
            }
        }
    }
}

/// Questions that a recipe asks beside the world's list: `[data] more`. Other forms of the same questions need no further label.
fn further(recipe: &Recipe) -> u64 {
    recipe.data.more.values().map(|n| u64::from(*n)).sum()
}

fn shows(unknowable: usize, all: usize) -> String {
    format!(
        "Better and worse answers. For {unknowable} of {all} questions \"I don't know\" is shown as the better one."
    )
}

fn data_card(plan: &Plan, world: &World, asked: &[AnsweredItem]) -> DataCard {
    let mut counts: BTreeMap<(clicker_wire::Domain, Knowledge), u32> = BTreeMap::new();
    for item in asked {
        *counts.entry((item.domain, item.knowledge)).or_default() += 1;
    }
    let questions = |split| world.items(split).iter().map(|i| &i.messages).collect::<HashSet<_>>();
    let held_out = questions(Split::Eval);
    let shared =
        [Split::Sft, Split::Rl].into_iter().map(|s| questions(s).intersection(&held_out).count()).sum::<usize>();
    let validation = match plan.experiment.tuning.factors.is_empty() {
        true => 0,
        false => World::new(plan.world_seed()).for_tuning().items(Split::Eval).len(),
    };
    DataCard {
        source: "the built-in question world: real facts, some of them withheld from every training text, and things that do \
                 not exist (docs/guide/world.md)"
            .into(),
        world_seed: plan.world_seed(),
        demonstrations: world.items(Split::Sft).len() as u32,
        questions: world.items(Split::Rl).len() as u32,
        validation: validation as u32,
        held_out: asked.len() as u32,
        classes: counts.into_iter().map(|((domain, knowledge), n)| ClassCount { domain, knowledge, n }).collect(),
        shared: shared as u32,
    }
}
