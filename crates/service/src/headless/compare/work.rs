//! The runs of a comparison, one after another: tokens per step where the budget needs them, learning rates, then every seed of
//! every arm, and what each says to the held-out questions. What is done is not done again.

use super::super::train::{TrainProgress, TrainRequest, newest_checkpoint, train_within};
use super::super::{HeadlessError, Result, load};
use super::CompareProgress;
use super::folder::Folder;
use crate::comparisons::assemble::{ArmRecord, RunRecord};
use crate::comparisons::parts;
use crate::comparisons::plan::{Plan, PlannedArm};
use clicker_dataset::World;
use clicker_lm::Compute;
use clicker_train::compare::answers;
use clicker_train::eval::spread;
use clicker_train::rollout::Language;
use clicker_train::{Control, Outcome, TrainError, View};
use clicker_wire::{AnsweredItem, BudgetKind, RateChoice, RateTry, Recipe, Split};
use std::path::{Path, PathBuf};

/// Where a run's reward model lies, below it.
const REWARD_MODEL: &str = "reward-model";

/// A comparison in progress.
pub(super) struct Work<'a> {
    pub(super) plan: &'a Plan,
    pub(super) folder: &'a Folder,
    pub(super) model: PathBuf,
    pub(super) builtin: &'a Path,
    pub(super) progress: &'a mut dyn FnMut(CompareProgress),
    pub(super) control: &'a dyn Fn() -> Control,
}

/// A run that is over, or the wish to pause.
enum Trained {
    Done,
    Paused,
    /// Its numbers diverged.
    Diverged,
}

impl Work<'_> {
    /// All runs, made or read back; none if asked to pause.
    pub(super) fn records(&mut self) -> Result<Option<Vec<ArmRecord>>> {
        let plan = self.plan;
        let mut records = Vec::new();
        for arm in &plan.arms {
            let (mut recipe, mut rate) = (None, None);
            if let Some(wanted) = &arm.recipe {
                let Some(per_step) = self.tokens_per_step(arm, wanted)? else { return Ok(None) };
                let Some(choice) = self.rate(arm, wanted, per_step)? else { return Ok(None) };
                (recipe, rate) = (Some(parts::chosen(plan, wanted, choice.as_ref(), per_step)), choice);
            }
            records.push(ArmRecord { recipe, rate, runs: Vec::new() });
        }
        // Seed by seed, so that what is there after a while is a whole comparison with fewer seeds.
        for seed in &plan.experiment.seeds {
            for (arm, record) in plan.arms.iter().zip(&mut records) {
                let run = match &record.recipe {
                    Some(recipe) => self.seed(arm, &Recipe { seed: *seed, ..recipe.clone() })?,
                    None if record.runs.is_empty() => self.base(arm)?,
                    None => continue,
                };
                let Some(run) = run else { return Ok(None) };
                record.runs.push(run);
            }
        }
        Ok(Some(records))
    }

    /// Tokens that a step of this arm takes, from a few of them; 0 where the budget does not ask.
    fn tokens_per_step(&mut self, arm: &PlannedArm, recipe: &Recipe) -> Result<Option<f64>> {
        if self.plan.experiment.budget.kind != BudgetKind::Tokens {
            return Ok(Some(0.0));
        }
        let place = format!("tuning/{}/pilot", arm.name);
        let pilot = parts::pilot(self.plan, recipe);
        match self.train(arm, &pilot, &place, &format!("{}, tokens per step", arm.name), self.view(true))? {
            Trained::Paused => return Ok(None),
            Trained::Diverged => return Err(diverged(&arm.name)),
            Trained::Done => {}
        }
        let per_step = parts::tokens_per_step(&self.folder.events(&place)?, &pilot);
        (self.progress)(CompareProgress::Says(format!("{}: about {per_step:.0} tokens a step", arm.name)));
        Ok(Some(per_step))
    }

    /// The learning rate that answers most validation questions rightly and fewest wrongly after a share of the budget.
    /// None is the wish to pause, none within it that nothing is to be chosen.
    fn rate(&mut self, arm: &PlannedArm, recipe: &Recipe, per_step: f64) -> Result<Option<Option<RateChoice>>> {
        let spec = &self.plan.experiment.tuning;
        if spec.factors.is_empty() {
            return Ok(Some(None));
        }
        let mut tried: Vec<RateTry> = Vec::new();
        for factor in &spec.factors {
            let one = parts::attempt(self.plan, recipe, *factor, per_step);
            let place = format!("tuning/{}/times-{factor}", arm.name);
            // Kept by itself: a try whose numbers diverged has no end that it could be read off.
            if let Some(known) = self.folder.read_json(&format!("{place}/try.json"))? {
                tried.push(known);
                continue;
            }
            let what = format!("{}, rate times {factor}", arm.name);
            let score = match self.train(arm, &one, &place, &what, self.view(true))? {
                Trained::Paused => return Ok(None),
                Trained::Diverged => None,
                Trained::Done => parts::score(&self.folder.events(&place)?, one.steps),
            };
            let one = RateTry { factor: *factor, learning_rate: one.optim.learning_rate, steps: one.steps, score };
            self.folder.write_json(&format!("{place}/try.json"), &one)?;
            tried.extend(self.folder.read_json::<RateTry>(&format!("{place}/try.json"))?);
        }
        let choice = parts::choice(tried).ok_or_else(|| diverged(&arm.name))?;
        (self.progress)(CompareProgress::Says(format!(
            "{}: the rate {} (times {}) won",
            arm.name, choice.learning_rate, choice.factor
        )));
        Ok(Some(Some(choice)))
    }

    fn view(&self, tunes: bool) -> View {
        parts::view(&self.plan.experiment, tunes)
    }

    /// One seed of an arm.
    fn seed(&mut self, arm: &PlannedArm, recipe: &Recipe) -> Result<Option<RunRecord>> {
        let place = format!("runs/{}/seed-{}", arm.name, recipe.seed);
        let answers = match self.folder.answers(&place)? {
            Some(answers) => answers,
            None => {
                let what = format!("{}, seed {}", arm.name, recipe.seed);
                match self.train(arm, recipe, &place, &what, self.view(false))? {
                    Trained::Paused => return Ok(None),
                    Trained::Diverged => return Err(diverged(&what)),
                    Trained::Done => {}
                }
                let model = newest_checkpoint(&self.folder.place(&place)).ok_or_else(|| {
                    HeadlessError::Request(format!(
                        "{place} ended without a checkpoint; delete that folder to run it again"
                    ))
                })?;
                self.keep(&place, &model)?
            }
        };
        let (events, before) = (self.folder.events(&place)?, self.folder.events(&format!("{place}/{REWARD_MODEL}"))?);
        Ok(Some(RunRecord { seed: recipe.seed, place, events, before, answers }))
    }

    /// The starting model as it is.
    fn base(&mut self, arm: &PlannedArm) -> Result<Option<RunRecord>> {
        let place = format!("runs/{}", arm.name);
        let answers = match self.folder.answers(&place)? {
            Some(answers) => answers,
            None => self.keep(&place, &self.model)?,
        };
        Ok(Some(RunRecord { seed: 0, place, events: Vec::new(), before: Vec::new(), answers }))
    }

    /// Ask a model and keep what it says. It is read back, so that a comparison that goes on later computes with the same digits.
    fn keep(&self, place: &str, model: &Path) -> Result<Vec<AnsweredItem>> {
        self.folder.keep_answers(place, &self.ask(model)?)?;
        Ok(self.folder.answers(place)?.unwrap_or_default())
    }

    fn ask(&self, model: &Path) -> Result<Vec<AnsweredItem>> {
        let loaded = load(model)?;
        let world = World::new(self.plan.world_seed());
        let items = spread(world.items(Split::Eval), self.plan.experiment.items as usize);
        Ok(answers::ask(&loaded.snapshot, &Language::of(&loaded)?, &items)?)
    }

    /// Train an arm into a place, its reward model first; goes on where it was.
    fn train(&mut self, arm: &PlannedArm, recipe: &Recipe, place: &str, what: &str, view: View) -> Result<Trained> {
        let mut recipe = recipe.clone();
        if let Some(model) = &arm.reward_model {
            let below = format!("{place}/{REWARD_MODEL}");
            let model = Recipe { seed: recipe.seed, ..model.clone() };
            match self.run(&model, &below, &format!("{what}: reward model"), view)? {
                Trained::Done => {}
                other => return Ok(other),
            }
            let checkpoint = newest_checkpoint(&self.folder.place(&below))
                .ok_or_else(|| HeadlessError::Request(format!("{below} ended without a checkpoint")))?;
            recipe.reward = parts::scored_by(&recipe.reward, &checkpoint.display().to_string());
        }
        self.run(&recipe, place, what, view)
    }

    fn run(&mut self, recipe: &Recipe, place: &str, what: &str, view: View) -> Result<Trained> {
        (self.progress)(CompareProgress::Begins { what: what.into(), steps: recipe.steps });
        let request = TrainRequest {
            recipe: recipe.clone(),
            model: self.model.clone(),
            builtin: self.builtin.to_owned(),
            out: self.folder.place(place),
            resume: true,
            compute: Compute::cpu(),
        };
        let progress = &mut *self.progress;
        let mut told = |TrainProgress::Step(step, _): TrainProgress<'_>| progress(CompareProgress::Step(step));
        match train_within(&request, view, &mut told, self.control) {
            Ok(Outcome::Finished) => Ok(Trained::Done),
            Ok(Outcome::Paused) => Ok(Trained::Paused),
            Err(HeadlessError::Train(TrainError::Diverged { .. })) => Ok(Trained::Diverged),
            Err(HeadlessError::Train(error)) => Err(HeadlessError::Request(format!("{what}: {error}"))),
            Err(error) => Err(error),
        }
    }
}

fn diverged(what: &str) -> HeadlessError {
    HeadlessError::Request(format!(
        "{what}: the numbers diverged; lower the learning rate of the arm's recipe (`set`), or the factors of [tuning]"
    ))
}
