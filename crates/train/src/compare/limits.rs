//! What a comparison cannot say, in plain words, computed from the comparison itself. Knows no page.

use clicker_wire::{Algorithm, ArmResult, BudgetKind, Comparison, FigureResult};

/// The limitations of a comparison, the weightiest first.
#[must_use]
pub fn limitations(of: &Comparison) -> Vec<String> {
    let all = [
        seeds(of),
        labels(of),
        pairs_and_rewards(of),
        beside_the_budget(of),
        budget(of),
        tuning(of),
        chance(of),
        small(of),
        alarms(of),
    ];
    let mut words: Vec<String> = all.into_iter().flatten().collect();
    words.push(
        "Intervals of differences are over questions: they say what other questions of the same kinds would give with these \
         runs. Intervals over seeds say what other seeds would give on these questions. No interval holds both."
            .into(),
    );
    words.push(
        "The questions come from a small built-in world and the models are small: that one way wins here is a reason to try it \
         elsewhere, not a proof for large models."
            .into(),
    );
    words.push(format!(
        "Energy is an estimate: {} W, as the experiment says, times the seconds of the steps. It was not measured, and other \
         programs may have used the machine at the same time.",
        of.experiment.watts
    ));
    words
}

fn trained(of: &Comparison) -> impl Iterator<Item = (&ArmResult, Algorithm)> {
    of.arms.iter().filter_map(|arm| Some((arm, arm.recipe.as_ref()?.algorithm)))
}

fn names<'a>(arms: impl Iterator<Item = &'a ArmResult>) -> String {
    let names: Vec<&str> = arms.map(|arm| arm.name.as_str()).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn seeds(of: &Comparison) -> Vec<String> {
    let words = match of.experiment.seeds.len() {
        1 => {
            "One seed: nothing here says how much chance of training is in these numbers. Run at least three, better five."
        }
        2 => {
            "Two seeds: the interval over seeds means little. It stretches 12.7 standard errors to each side, and even then it \
             rests on one difference."
        }
        3 | 4 => "Few seeds: the intervals over seeds are wide and rest on little. Five or more are better.",
        _ => return Vec::new(),
    };
    vec![words.to_owned()]
}

fn labels(of: &Comparison) -> Vec<String> {
    let sft: Vec<&ArmResult> = trained(of).filter(|(_, a)| *a == Algorithm::Sft).map(|(arm, _)| arm).collect();
    match sft.is_empty() {
        true => Vec::new(),
        false => vec![format!(
            "The demonstrations of {} are ordinary ones: right answers to what can be answered. Outside of passages nobody \
             demonstrates \"I don't know\", so it could not learn that from them. Demonstrations that did would be a fairer match, \
             and cost somebody who knows what the model does not know.",
            names(sft.into_iter())
        )],
    }
}

fn pairs_and_rewards(of: &Comparison) -> Vec<String> {
    let pairs = |a: Algorithm| matches!(a, Algorithm::Dpo | Algorithm::Kto | Algorithm::Orpo);
    let shown: Vec<&ArmResult> = trained(of).filter(|(_, a)| pairs(*a)).map(|(arm, _)| arm).collect();
    let rewarded: Vec<&ArmResult> = trained(of).filter(|(_, a)| a.samples()).map(|(arm, _)| arm).collect();
    if shown.is_empty() {
        return Vec::new();
    }
    let mut words = format!(
        "Pairs know what is unknowable: the data of {} shows \"I don't know\" as the better answer wherever nothing else can be \
         right.",
        names(shown.into_iter())
    );
    if !rewarded.is_empty() {
        words += &format!(
            " The reward of {} has to find that out from its own answers. The labels of the two do not say the same.",
            names(rewarded.into_iter())
        );
    }
    vec![words]
}

/// Demonstrations of a cold start and further questions are outside of what the budget counts.
fn beside_the_budget(of: &Comparison) -> Vec<String> {
    let says = |(arm, _): (&ArmResult, Algorithm)| -> Option<String> {
        let recipe = arm.recipe.as_ref()?;
        let cold = recipe.cold_start.as_ref().map(|c| {
            format!("{} demonstrations of a cold start, repetitions counted", u64::from(c.steps) * u64::from(c.batch))
        });
        let more: u64 = recipe.data.more.values().map(|n| u64::from(*n)).sum();
        let more = (more > 0).then(|| format!("{more} further questions"));
        let all: Vec<String> = [cold, more].into_iter().flatten().collect();
        (!all.is_empty()).then(|| format!("{} ({})", arm.name, all.join("; ")))
    };
    let all: Vec<String> = trained(of).filter_map(says).collect();
    match all.is_empty() {
        true => Vec::new(),
        false => vec![format!(
            "Not everybody had the same labels: the budget does not count what {} had beside it. \"What it saw\" says how many labels each \
             arm had in all.",
            all.join(" and ")
        )],
    }
}

fn budget(of: &Comparison) -> Vec<String> {
    let tokens = |arm: &ArmResult| arm.cost.generated + arm.cost.trained;
    let range = |value: &dyn Fn(&ArmResult) -> f64| -> Option<(String, String, f64)> {
        let arms = || trained(of).map(|(arm, _)| arm).filter(|arm| value(arm) > 0.0);
        let most = arms().max_by(|a, b| value(a).total_cmp(&value(b)))?;
        let least = arms().min_by(|a, b| value(a).total_cmp(&value(b)))?;
        let factor = value(most) / value(least);
        (factor > 1.25).then(|| (most.name.clone(), least.name.clone(), factor))
    };
    let wanted = of.experiment.budget.amount as f64;
    let mut words = Vec::new();
    if of.experiment.budget.kind == BudgetKind::Prompts {
        for (arm, _) in trained(of) {
            let off = arm.saw.prompts as f64 / wanted - 1.0;
            if off.abs() > 0.1 {
                words.push(format!(
                    "Steps are whole, so {} had {} training prompts instead of {} ({:+.0} %): more of them for every arm come closer.",
                    arm.name,
                    arm.saw.prompts,
                    of.experiment.budget.amount,
                    off * 100.0
                ));
            }
        }
    }
    if of.experiment.budget.kind != BudgetKind::Tokens
        && let Some((most, least, factor)) = range(&tokens)
    {
        words.push(format!(
            "The budget counts {}, not the work: {most} took {factor:.1} times as many tokens as {least}.",
            match of.experiment.budget.kind {
                BudgetKind::Prompts => "training prompts",
                BudgetKind::Labels => "labelled examples",
                BudgetKind::Tokens => "tokens",
            }
        ));
    }
    if of.experiment.budget.kind == BudgetKind::Tokens {
        let off = trained(of).map(|(arm, _)| (arm, tokens(arm) / wanted - 1.0));
        for (arm, off) in off.filter(|(_, off)| off.abs() > 0.1) {
            let (name, percent) = (&arm.name, off * 100.0);
            words.push(format!(
                "{name} missed its budget of tokens by {percent:+.0} %: its answers changed in length while it trained."
            ));
        }
    }
    if of.experiment.budget.kind != BudgetKind::Prompts
        && let Some((most, least, factor)) = range(&|arm| arm.saw.prompts as f64)
    {
        words.push(format!("{most} saw {factor:.1} times as many prompts as {least}, repetitions counted."));
    }
    words
}

fn tuning(of: &Comparison) -> Vec<String> {
    let factors = &of.experiment.tuning.factors;
    if factors.is_empty() {
        return vec![
            "Learning rates are those of the recipes: they were not tuned for this comparison, and a recipe that was written \
             with more care has an advantage."
                .into(),
        ];
    }
    let (low, high) =
        (factors.iter().copied().fold(f64::INFINITY, f64::min), factors.iter().copied().fold(0.0, f64::max));
    let mut words = vec![format!(
        "Learning rates were chosen by right minus wrong answers on {} training questions held back, from one short try each. \
         That is what the ternary reward pays, so the measure suits arms trained on it.",
        of.data.validation
    )];
    let at_edge: Vec<&ArmResult> = of
        .arms
        .iter()
        .filter(|arm| factors.len() > 1 && arm.rate.as_ref().is_some_and(|r| r.factor == low || r.factor == high))
        .collect();
    if !at_edge.is_empty() {
        let (name, its) = (names(at_edge.iter().copied()), if at_edge.len() == 1 { "its" } else { "their" });
        words.push(format!(
            "For {name} the best factor lies at the edge of the grid: a wider one might find {its} better rate."
        ));
    }
    words
}

fn chance(of: &Comparison) -> Vec<String> {
    let suite = of.figures.iter().filter(|f| f.cell.is_none());
    let compared: usize = suite.map(|f| f.differences.len()).sum();
    match compared {
        0 | 1 => Vec::new(),
        n => vec![format!(
            "{n} differences of the whole suite are listed, each with a 95 % interval and no correction: about {:.0} of them would \
             leave 0 out by chance alone if nothing differed.",
            n as f64 * 0.05
        )],
    }
}

fn small(of: &Comparison) -> Vec<String> {
    let few: Vec<&FigureResult> = of.figures.iter().filter(|f| f.cell.is_none() && f.n < 60).collect();
    match few.is_empty() {
        true => Vec::new(),
        false => {
            let named: Vec<String> = few.iter().map(|f| format!("{} ({})", f.title, f.n)).collect();
            vec![format!("Some figures rest on few questions: {}.", named.join(", "))]
        }
    }
}

fn alarms(of: &Comparison) -> Vec<String> {
    let raised = |arm: &ArmResult| {
        let mut names: Vec<&str> = arm.runs.iter().flat_map(|run| run.alarms.iter().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then(|| format!("{}: {}", arm.name, names.join(", ")))
    };
    let all: Vec<String> = of.arms.iter().filter_map(raised).collect();
    match all.is_empty() {
        true => Vec::new(),
        false => vec![format!(
            "Alarms were raised while training ({}); docs/algorithms/run-alarms.md says what each means.",
            all.join("; ")
        )],
    }
}
