//! One question over a run's checkpoints: two lines and the table behind them.

use super::tokens::{percent, said};
use crate::drawn::fields::sentences;
use crate::state::lab::markup::Markup;
use clicker_wire::Timeline;

/// Size of the drawing, and its margins left, right, top and bottom.
const SIZE: (f64, f64) = (720.0, 260.0);
const MARGIN: (f64, f64, f64, f64) = (48.0, 24.0, 16.0, 36.0);

pub(super) fn draw(m: &mut Markup, told: &Timeline, run: &str) {
    m.raw("<section class=\"panel\" data-testid=\"timeline\"><h2>When did it learn this?</h2>");
    sentences(m, &told.words);
    if !told.points.is_empty() {
        figure(m, told);
        table(m, told);
    }
    m.put(
        "<p class=\"hint\">Each checkpoint of <a href=\"/runs/{}\" rel=\"external\">the run</a> was asked the same question. \
         Probabilities are of whole answers, from the first token to the end marker; other wordings of the same are not in them.</p>\
         </section>",
        &[run],
    );
}

fn figure(m: &mut Markup, told: &Timeline) {
    let last = told.points.last().map_or(1, |p| p.step).max(1);
    let x = |step: u32| MARGIN.0 + f64::from(step) / f64::from(last) * (SIZE.0 - MARGIN.0 - MARGIN.1);
    let y = |p: f64| MARGIN.2 + (1.0 - p) * (SIZE.1 - MARGIN.2 - MARGIN.3);
    let label = format!("Probability of whole answers over steps 0 to {last}; the table below has the numbers.");
    m.put("<figure class=\"plot\"><svg viewBox=\"0 0 720 260\" role=\"img\" aria-label=\"{}\">", &[&label]);
    for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (at, text) = (format!("{:.1}", y(part)), format!("{:.0} %", part * 100.0));
        m.put("<path class=\"plot-grid\" d=\"M48 {}H696\"/><text x=\"42\" y=\"{}\" dy=\"4\" text-anchor=\"end\">{}</text>", &[&at, &at, &text]);
    }
    for step in [0, last / 2, last] {
        let at = format!("{:.1}", x(step));
        m.put("<text x=\"{}\" y=\"244\" text-anchor=\"middle\">{}</text>", &[&at, &step.to_string()]);
    }
    if let Some(step) = told.first_unknown {
        let at = format!("{:.1}", x(step));
        m.put("<path class=\"plot-mark\" d=\"M{} 16V224\"/>", &[&at]);
    }
    let abstain: Vec<(f64, f64)> = told.points.iter().map(|p| (x(p.step), y(p.abstain_logprob.exp()))).collect();
    let right: Vec<(f64, f64)> =
        told.points.iter().filter_map(|p| Some((x(p.step), y(p.accepted_logprob?.exp())))).collect();
    line(m, "tone-doubt", &abstain, "");
    line(m, "tone-gain", &right, " plot-dashed");
    m.raw("</svg><figcaption class=\"readout\"><span class=\"readout-entry tone-doubt\"><i class=\"swatch\"></i>“I don't know.”</span>");
    if let Some(text) = &told.accepted {
        m.put(
            "<span class=\"readout-entry tone-gain\"><i class=\"swatch swatch-dashed\"></i>the right answer “{}”</span>",
            &[text],
        );
    }
    if told.first_unknown.is_some() {
        m.raw("<span class=\"readout-entry\">upright line: the first “I don't know”</span>");
    }
    m.raw("<span class=\"readout-step\">step</span></figcaption></figure>");
}

fn line(m: &mut Markup, tone: &str, points: &[(f64, f64)], style: &str) {
    if points.is_empty() {
        return;
    }
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    m.put("<g class=\"{}\"><path class=\"plot-line{}\" d=\"M{}\"/>", &[tone, style, &path.join("L")]);
    for (x, y) in points {
        m.put("<circle class=\"plot-dot\" cx=\"{}\" cy=\"{}\" r=\"3.5\"/>", &[&format!("{x:.1}"), &format!("{y:.1}")]);
    }
    m.raw("</g>");
}

fn table(m: &mut Markup, told: &Timeline) {
    m.raw(
        "<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table table-tight\" data-testid=\"timeline-table\"><caption \
         class=\"sr-only\">The question over the run's checkpoints</caption><thead><tr><th scope=\"col\" class=\"num\">step</th><th \
         scope=\"col\">its own answer</th><th scope=\"col\">verdict</th><th scope=\"col\" class=\"num\">p of its own</th><th \
         scope=\"col\" class=\"num\">p of “I don't know.”</th><th scope=\"col\" class=\"num\">p of the right answer</th></tr></thead><tbody>",
    );
    for point in &told.points {
        let first = if told.first_unknown == Some(point.step) { " class=\"shift-row\"" } else { "" };
        m.raw("<tr");
        m.drawn(first);
        let verdict = if point.verdict.is_none() && point.abstains { "abstains" } else { said(point.verdict) };
        let right = point.accepted_logprob.map_or_else(|| "-".to_owned(), percent);
        m.put(
            "><th scope=\"row\" class=\"num\">{}</th><td>{}</td><td>{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td \
             class=\"num\">{}</td></tr>",
            &[
                &point.step.to_string(),
                &point.answer,
                verdict,
                &percent(point.logprob),
                &percent(point.abstain_logprob),
                &right,
            ],
        );
    }
    m.raw("</tbody></table></div>");
}
