//! What the runs of an arm are before its seeds, and what is read off them: tokens of a step, the best learning rate, a reward model's
//! place in a reward. The same for `clicker compare` and a server; knows neither folders nor tables.

use super::assemble::cost;
use super::plan::Plan;
use clicker_train::compare::experiment::within;
use clicker_train::{MeasuredOn, View};
use clicker_wire::{
    BudgetKind, EvalReport, Event, Experiment, Grader, RateChoice, RateTry, Recipe, RewardConfig, WeightedGrader,
};

/// Steps after which the tokens of one are known well enough.
const PILOT: u32 = 3;

/// A few steps of a recipe, to learn how many tokens one takes.
pub(crate) fn pilot(plan: &Plan, recipe: &Recipe) -> Recipe {
    let mut pilot = Recipe { steps: PILOT, seed: plan.experiment.tuning.seed, ..recipe.clone() };
    pilot.eval.every = 0;
    pilot.eval.items = 1;
    pilot.optim.warmup_steps = 0;
    pilot
}

/// Tokens that a step took, from a pilot's events.
pub(crate) fn tokens_per_step(events: &[Event], pilot: &Recipe) -> f64 {
    let spent = cost(events, pilot, 0.0);
    (spent.generated + spent.trained) / f64::from(PILOT)
}

/// A try of a learning rate: a share of the budget, all validation questions after its last step (and before the first, which costs
/// little).
pub(crate) fn attempt(plan: &Plan, recipe: &Recipe, factor: f64, per_step: f64) -> Recipe {
    let spec = &plan.experiment.tuning;
    let mut one = within(recipe, plan.experiment.budget, spec.share, per_step);
    one.optim.learning_rate = recipe.optim.learning_rate * factor;
    one.seed = spec.seed;
    (one.eval.items, one.eval.every) = (0, 0);
    one
}

/// What a try came to: right minus wrong answers after its last step.
pub(crate) fn score(events: &[Event], steps: u32) -> Option<f64> {
    events.iter().rev().find_map(|event| match event {
        Event::Eval { step, report } if *step == steps => Some(truth(report)),
        _ => None,
    })
}

/// The best try; the one nearest to the recipe's rate where several are equally good. None where all diverged.
pub(crate) fn choice(tried: Vec<RateTry>) -> Option<RateChoice> {
    let distance = |t: &RateTry| t.factor.ln().abs();
    let scored = tried.iter().filter_map(|t| Some((t.score?, t)));
    let (_, best) = scored.max_by(|(a, x), (b, y)| a.total_cmp(b).then(distance(y).total_cmp(&distance(x))))?;
    Some(RateChoice { factor: best.factor, learning_rate: best.learning_rate, tried })
}

/// What is run under every seed: the budget's steps at the chosen rate.
pub(crate) fn chosen(plan: &Plan, recipe: &Recipe, rate: Option<&RateChoice>, per_step: f64) -> Recipe {
    let mut chosen = within(recipe, plan.experiment.budget, 1.0, per_step);
    if let Some(rate) = rate {
        chosen.optim.learning_rate = rate.learning_rate;
    }
    chosen
}

/// The questions that a run may use.
pub(crate) fn view(experiment: &Experiment, tunes: bool) -> View {
    let budget = experiment.budget;
    let at_most = (budget.kind == BudgetKind::Labels).then(|| u32::try_from(budget.amount).unwrap_or(u32::MAX));
    View { at_most, measured: if tunes { MeasuredOn::Validation } else { MeasuredOn::HeldOut } }
}

/// The reward with the score of a reward model, a checkpoint by its name, in the place of the graders that know the truth.
pub(crate) fn scored_by(reward: &RewardConfig, checkpoint: &str) -> RewardConfig {
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
            checkpoints: vec![checkpoint.to_owned()],
            ensemble: clicker_wire::Ensemble::default(),
        },
    }];
    graders.extend(reward.graders.iter().filter(|g| !knows(g)).cloned());
    RewardConfig { graders, ..reward.clone() }
}

/// Right minus wrong answers over all questions of a report.
fn truth(report: &EvalReport) -> f64 {
    let n: f64 = report.by_domain.iter().map(|cell| f64::from(cell.right.n)).sum();
    let sum: f64 = report.by_domain.iter().map(|c| (c.right.value - c.wrong.value) * f64::from(c.right.n)).sum();
    if n > 0.0 { sum / n } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(factor: f64, score: Option<f64>) -> RateTry {
        RateTry { factor, learning_rate: factor, steps: 1, score }
    }

    #[test]
    fn the_best_rate_wins_and_a_tie_goes_to_the_nearest() {
        let won = |all: &[RateTry]| choice(all.to_vec()).map(|c| c.factor);
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
        let names: Vec<String> = scored_by(&reward, "m.gguf").graders.into_iter().map(|g| g.name).collect();
        assert_eq!(names, ["reward_model", "format"]);
    }
}
