//! What came out, in a few sentences: every trained arm against the one that the others are held against.

use super::Unit;
use crate::state::lab::markup::Markup;
use clicker_wire::{BudgetKind, Comparison, Difference, FigureResult};

/// The figures that sentences are made of: id, the words for less and for more of it.
const TOLD: [(&str, &str); 4] = [
    ("hallucination", "made things up"),
    ("everything_known", "was right on what can be known"),
    ("abstention_known", "said \"I don't know\" about what can be known"),
    ("violations", "broke rules"),
];

pub(super) fn draw(m: &mut Markup, of: &Comparison) {
    m.raw("<section class=\"cr-card cr-short\"><h2>In short</h2><ul>");
    for arm in of.arms.iter().filter(|arm| arm.recipe.is_some() && arm.name != of.against) {
        let said: Vec<String> = TOLD.iter().filter_map(|(id, words)| sentence(of, &arm.name, id, words)).collect();
        m.put("<li><strong>{}</strong> against {}: ", &[&arm.name, &of.against]);
        m.text(&(said.join("; ") + "."));
        m.raw("</li>");
    }
    m.put("</ul><p class=\"cr-note\">{}</p></section>", &[&rules(of)]);
}

fn sentence(of: &Comparison, arm: &str, id: &str, words: &str) -> Option<String> {
    let figure = of.figures.iter().find(|f| f.id == id)?;
    let (value, low, high) = against(figure, arm, &of.against)?;
    let unit = Unit::of(id);
    let points = unit.difference(value.abs()).trim_start_matches('+').to_owned();
    let interval = unit.difference_interval(low, high);
    Some(if low <= 0.0 && high >= 0.0 {
        format!("{words} about as often ({} points {interval})", unit.difference(value))
    } else {
        let way = if value < 0.0 { "less often" } else { "more often" };
        format!("{words} {way}, by {points} points {interval}")
    })
}

/// `arm` minus `other`, whichever way round it is stored.
pub(super) fn against(figure: &FigureResult, arm: &str, other: &str) -> Option<(f64, f64, f64)> {
    let same = |d: &&Difference| d.arm == arm && d.against == other;
    let turned = |d: &&Difference| d.arm == other && d.against == arm;
    match figure.differences.iter().find(same) {
        Some(d) => Some((d.value, d.low, d.high)),
        None => figure.differences.iter().find(turned).map(|d| (-d.value, -d.high, -d.low)),
    }
}

/// What was equal, what was repeated and how intervals came about.
fn rules(of: &Comparison) -> String {
    let amount = of.experiment.budget.amount;
    let budget = match of.experiment.budget.kind {
        BudgetKind::Prompts => format!("{amount} training prompts, repetitions counted, to whole steps"),
        BudgetKind::Labels => format!("the first {amount} labelled examples, as often as its recipe's steps take them"),
        BudgetKind::Tokens => format!("{amount} tokens that are trained on or generated"),
    };
    let seeds: Vec<String> = of.experiment.seeds.iter().map(u64::to_string).collect();
    let rates = match of.experiment.tuning.factors.is_empty() {
        true => "learning rates are the recipes' own".to_owned(),
        false => format!(
            "learning rates were tuned alike in every arm ({} tries each, on training questions held back)",
            of.experiment.tuning.factors.len()
        ),
    };
    format!(
        "Every trained arm starts from the same model and gets per seed {budget}; seeds {}; {rates}. {} held-out questions, answered \
         greedily. Brackets are 95 % intervals: of differences by a paired bootstrap over questions ({} resamples), of an arm over \
         its seeds (Student's t) and over questions.",
        seeds.join(", "),
        of.data.held_out,
        of.resamples
    )
}
