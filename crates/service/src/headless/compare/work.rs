//! The runs of a comparison, one after another: tokens per step where the budget needs them, learning rates, then every seed of
//! every arm, and what each says to the held-out questions. What is done is not done again.

use super::super::train::{TrainProgress, TrainRequest, newest_checkpoint, train_within};
use super::super::{HeadlessError, Result, load};
use super::CompareProgress;
use super::folder::Folder;
use crate::comparisons::assemble::{ArmRecord, RunRecord, cost};
use crate::comparisons::plan::{Plan, PlannedArm};
use clicker_dataset::World;
use clicker_train::compare::{answers, experiment};
use clicker_train::eval::spread;
use clicker_train::rollout::Language;
use clicker_train::{Control, MeasuredOn, Outcome, TrainError, View};
use clicker_wire::{
    AnsweredItem, BudgetKind, EvalReport, Event, Grader, RateChoice, RateTry, Recipe, RewardConfig, Split,
    WeightedGrader,
};
use std::path::{Path, PathBuf};

/// Steps after which the tokens of one are known well enough.
const PILOT: u32 = 3;
/// Where a run's reward model lies, below it.
const REWARD_MODEL: &str = "reward-model";

/// A comparison in progress.
pub(super) struct Work<'a> {
    pub(super) plan: &'a Plan,
    pub(super) folder: &'a Folder,
    pub(super) model: PathBuf,
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
                let mut chosen = experiment::within(wanted, plan.experiment.budget, 1.0, per_step);
                if let Some(choice) = &choice {
                    chosen.optim.learning_rate = choice.learning_rate;
                }
                (recipe, rate) = (Some(chosen), choice);
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
        let mut pilot = Recipe { steps: PILOT, seed: self.plan.experiment.tuning.seed, ..recipe.clone() };
        pilot.eval.every = 0;
        pilot.eval.items = 1;
        pilot.optim.warmup_steps = 0;
        match self.train(arm, &pilot, &place, &format!("{}, tokens per step", arm.name), self.tuning_view())? {
            Trained::Paused => return Ok(None),
            Trained::Diverged => return Err(diverged(&arm.name)),
            Trained::Done => {}
        }
        let spent = cost(&self.folder.events(&place)?, &pilot, 0.0);
        let per_step = (spent.generated + spent.trained) / f64::from(PILOT);
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
            let mut one = experiment::within(recipe, self.plan.experiment.budget, spec.share, per_step);
            one.optim.learning_rate = recipe.optim.learning_rate * factor;
            one.seed = spec.seed;
            // All validation questions, after the last step (and before the first, which costs little).
            (one.eval.items, one.eval.every) = (0, 0);
            let place = format!("tuning/{}/times-{factor}", arm.name);
            // Kept by itself: a try whose numbers diverged has no end that it could be read off.
            if let Some(known) = self.folder.read_json(&format!("{place}/try.json"))? {
                tried.push(known);
                continue;
            }
            let what = format!("{}, rate times {factor}", arm.name);
            let score = match self.train(arm, &one, &place, &what, self.tuning_view())? {
                Trained::Paused => return Ok(None),
                Trained::Diverged => None,
                Trained::Done => self.folder.events(&place)?.iter().rev().find_map(|event| match event {
                    Event::Eval { step, report } if *step == one.steps => Some(truth(report)),
                    _ => None,
                }),
            };
            let one = RateTry { factor: *factor, learning_rate: one.optim.learning_rate, steps: one.steps, score };
            self.folder.write_json(&format!("{place}/try.json"), &one)?;
            tried.extend(self.folder.read_json::<RateTry>(&format!("{place}/try.json"))?);
        }
        let best = best(&tried).ok_or_else(|| diverged(&arm.name))?;
        (self.progress)(CompareProgress::Says(format!(
            "{}: the rate {} (times {}) won",
            arm.name, best.learning_rate, best.factor
        )));
        Ok(Some(Some(RateChoice { factor: best.factor, learning_rate: best.learning_rate, tried })))
    }

    fn tuning_view(&self) -> View {
        View { measured: MeasuredOn::Validation, ..self.view() }
    }

    fn view(&self) -> View {
        let budget = self.plan.experiment.budget;
        let at_most = (budget.kind == BudgetKind::Labels).then(|| u32::try_from(budget.amount).unwrap_or(u32::MAX));
        View { at_most, ..View::default() }
    }

    /// One seed of an arm.
    fn seed(&mut self, arm: &PlannedArm, recipe: &Recipe) -> Result<Option<RunRecord>> {
        let place = format!("runs/{}/seed-{}", arm.name, recipe.seed);
        let answers = match self.folder.answers(&place)? {
            Some(answers) => answers,
            None => {
                let what = format!("{}, seed {}", arm.name, recipe.seed);
                match self.train(arm, recipe, &place, &what, self.view())? {
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
            recipe.reward = scored_by(&recipe.reward, &checkpoint);
        }
        self.run(&recipe, place, what, view)
    }

    fn run(&mut self, recipe: &Recipe, place: &str, what: &str, view: View) -> Result<Trained> {
        (self.progress)(CompareProgress::Begins { what: what.into(), steps: recipe.steps });
        let request = TrainRequest {
            recipe: recipe.clone(),
            model: self.model.clone(),
            out: self.folder.place(place),
            resume: true,
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

/// The best try; the one nearest to the recipe's rate where several are equally good.
fn best(tried: &[RateTry]) -> Option<RateTry> {
    let distance = |t: &RateTry| t.factor.ln().abs();
    let scored = tried.iter().filter(|t| t.score.is_some());
    scored
        .max_by(|a, b| {
            a.score.unwrap_or(-2.0).total_cmp(&b.score.unwrap_or(-2.0)).then(distance(b).total_cmp(&distance(a)))
        })
        .copied()
}

/// Right minus wrong answers over all questions of a report.
fn truth(report: &EvalReport) -> f64 {
    let n: f64 = report.by_domain.iter().map(|cell| f64::from(cell.right.n)).sum();
    let sum: f64 = report.by_domain.iter().map(|c| (c.right.value - c.wrong.value) * f64::from(c.right.n)).sum();
    if n > 0.0 { sum / n } else { 0.0 }
}

/// The reward with a reward model's score in the place of the graders that know the truth.
fn scored_by(reward: &RewardConfig, checkpoint: &Path) -> RewardConfig {
    let knows = |g: &WeightedGrader| {
        matches!(
            g.grader,
            Grader::Truthful { .. } | Grader::Exact {} | Grader::Normalised {} | Grader::Threshold { .. }
        )
    };
    let mut graders = vec![WeightedGrader {
        name: "reward_model".into(),
        weight: 1.0,
        grader: Grader::RewardModel {
            checkpoints: vec![checkpoint.display().to_string()],
            ensemble: clicker_wire::Ensemble::default(),
        },
    }];
    graders.extend(reward.graders.iter().filter(|g| !knows(g)).cloned());
    RewardConfig { graders, ..reward.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(factor: f64, score: Option<f64>) -> RateTry {
        RateTry { factor, learning_rate: factor, steps: 1, score }
    }

    #[test]
    fn the_best_rate_wins_and_a_tie_goes_to_the_nearest() {
        let won = |all: &[RateTry]| best(all).map(|t| t.factor);
        assert_eq!(won(&[tried(0.3, Some(0.1)), tried(1.0, Some(0.4)), tried(3.0, Some(0.2))]), Some(1.0));
        assert_eq!(won(&[tried(0.3, Some(0.4)), tried(1.0, Some(0.4)), tried(3.0, Some(0.4))]), Some(1.0));
        assert_eq!(won(&[tried(0.3, Some(-0.9)), tried(3.0, None)]), Some(0.3));
        assert_eq!(won(&[tried(3.0, None)]), None);
    }

    #[test]
    fn a_score_takes_the_place_of_the_truth() {
        let reward: RewardConfig = serde_json::from_value(serde_json::json!({"graders": [
            {"name": "truthful", "weight": 1.0, "grader": {"type": "truthful", "right": 1.0, "abstain": 0.0, "wrong": -1.0}},
            {"name": "format", "weight": 0.1, "grader": {"type": "format"}}]}))
        .expect("a reward");
        let names: Vec<String> = scored_by(&reward, Path::new("m.gguf")).graders.into_iter().map(|g| g.name).collect();
        assert_eq!(names, ["reward_model", "format"]);
    }
}
