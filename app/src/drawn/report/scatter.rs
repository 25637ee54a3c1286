//! Accuracy against coverage: whoever answers less can be right more often, so one number without the other says little.

use super::{at, tone};
use crate::state::figures::percent;
use crate::state::lab::markup::Markup;
use clicker_wire::Comparison;

pub(super) fn draw(m: &mut Markup, of: &Comparison) {
    let points = |place: usize| -> Vec<(f64, f64)> {
        let runs = of.arms[place].runs.iter();
        runs.filter_map(|run| Some((*run.figures.get("coverage")?, *run.figures.get("accuracy_when_answering")?)))
            .collect()
    };
    m.raw("<section class=\"cr-card\"><h2>Accuracy against coverage</h2><p class=\"cr-note\">Across: the share of questions that were \
           answered at all. Up: the share of those answers that is right. Up and to the right is better; a model that answers less \
           moves to the left. Small dots are seeds, large ones means.</p>");
    m.raw("<figure class=\"cr-plane\"><div class=\"cr-up\" aria-hidden=\"true\"><span>100 %</span><span>50 %</span><span>0 %</span></div>");
    m.raw("<div class=\"cr-field\">");
    m.put(
        "<svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        &[&label(of, &points)],
    );
    m.raw("<path class=\"cr-axis\" d=\"M0 25H100M0 50H100M0 75H100M25 0V100M50 0V100M75 0V100M0 0V100H100\"/>");
    for place in 0..of.arms.len() {
        let all = points(place);
        m.put("<g class=\"{}\">", &[&tone(place)]);
        for (x, y) in &all {
            m.put("<path class=\"cr-seed\" d=\"M{} {}h0.01\"/>", &[&at(x * 100.0), &at(100.0 - y * 100.0)]);
        }
        if let Some((x, y)) = mean(&all) {
            m.put("<path class=\"cr-mean\" d=\"M{} {}h0.01\"/>", &[&at(x * 100.0), &at(100.0 - y * 100.0)]);
        }
        m.raw("</g>");
    }
    m.raw("</svg>");
    for (place, x, y, shift) in labels((0..of.arms.len()).filter_map(|p| Some((p, mean(&points(p))?))).collect()) {
        let side = if x > 0.7 { "cr-label-left" } else { "cr-label-right" };
        let position = format!("left:{}%;top:calc({}% + {}rem)", at(x * 100.0), at(100.0 - y * 100.0), at(shift));
        m.put("<span class=\"cr-label {} {}\" style=\"{}\">", &[side, &tone(place), &position]);
        m.text(&of.arms[place].name);
        m.raw("</span>");
    }
    m.raw("</div><div class=\"cr-scale cr-below\" aria-hidden=\"true\"><span>0 %</span><span>answered</span><span>100 %</span></div>");
    m.raw("</figure></section>");
}

fn mean(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let n = points.len() as f64;
    let sum = points.iter().fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
    (!points.is_empty()).then(|| (sum.0 / n, sum.1 / n))
}

/// Labels from the top, each moved down by so many rem that it does not lie on the one above.
fn labels(mut means: Vec<(usize, (f64, f64))>) -> Vec<(usize, f64, f64, f64)> {
    means.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    // The field is 18 rem high, a label 1.1.
    let (mut lowest, mut out) = (f64::NEG_INFINITY, Vec::new());
    for (place, (x, y)) in means {
        let wanted = (1.0 - y) * 18.0;
        let there = wanted.max(lowest + 1.1);
        lowest = there;
        out.push((place, x, y, there - wanted));
    }
    out
}

fn label(of: &Comparison, points: &dyn Fn(usize) -> Vec<(f64, f64)>) -> String {
    let one = |place: usize| {
        let (x, y) = mean(&points(place))?;
        Some(format!("{} answers {} and is right on {} of those", of.arms[place].name, percent(x, 0), percent(y, 0)))
    };
    let all: Vec<String> = (0..of.arms.len()).filter_map(one).collect();
    format!("Accuracy against coverage: {}", all.join("; "))
}
