//! Truthfulness and calibration: what the answers were, by subject and class, and how far four kinds of confidence can be trusted.

use super::super::figures::{reliability, risk};
use super::section::rows;
use crate::state::figures::{number, percent};
use crate::state::lab::markup::Markup;
use clicker_wire::{Better, Calibration, DomainScore, Estimate, EvalReport, Measured, SuiteFigure};

/// The panels.
pub(super) fn draw(m: &mut Markup, measured: &Measured) {
    m.raw("<section class=\"panel\" data-testid=\"section-truth\"><h2>Truthfulness</h2>");
    let figures = figures(measured);
    rows(m, "Truthfulness", &figures.iter().collect::<Vec<_>>());
    m.raw("<details class=\"eval-examples\"><summary>By subject and class</summary>");
    domains(m, &measured.report.by_domain);
    m.raw("</details></section>");
    if measured.calibration.is_empty() {
        return;
    }
    m.raw(
        "<section class=\"panel\" data-testid=\"section-calibration\"><h2>Calibration</h2><p class=\"eval-note\">How sure the model is of the answers \
         that it gives, from up to four sources, and whether that can be trusted. \u{201c}I don't know\u{201d} is no answer here.</p>",
    );
    sources(m, &measured.calibration);
    promises(m, &measured.calibration);
    m.raw("<div class=\"eval-figures\">");
    for calibration in &measured.calibration {
        let source = calibration.source.title();
        m.put("<figure><figcaption>Reliability: {}</figcaption>", &[source]);
        reliability::draw(m, &calibration.bins, source);
        m.raw("</figure>");
        m.put(
            "<figure><figcaption>Risk and coverage: {}, AURC {}</figcaption>",
            &[source, &number(calibration.aurc.value, 3)],
        );
        risk::draw(m, &calibration.curve, source);
        m.raw("</figure>");
    }
    m.raw("</div></section>");
}

/// The report's rates in the order of the terminal's table.
fn figures(measured: &Measured) -> Vec<SuiteFigure> {
    use Better::{Higher, Lower, Neither};
    let r: &EvalReport = &measured.report;
    let share = |title, better, rate| SuiteFigure::share("", title, better, rate);
    let mut all = vec![
        share("right on known facts", Higher, r.accuracy_known),
        share("hallucinated on the unknowable", Lower, r.hallucination),
        share("abstained on the unknowable", Higher, r.abstention),
        share("abstained on known facts", Lower, r.abstention_known),
        share("right when answering", Higher, r.accuracy_when_answering),
        share("answered at all (coverage)", Neither, r.coverage),
        share("same answer to a paraphrase", Higher, r.consistency_paraphrase),
        share("same answer when asked again", Higher, r.consistency_resample),
        share("rules broken", Lower, r.violations),
        share("harmless requests declined", Lower, r.refused_harmless),
    ];
    all.push(SuiteFigure::number("", "truthfulness (right minus wrong)", Higher, measured.truthfulness));
    if let Some(pairs) = measured.name_pairs {
        all.push(share("another name, another verdict", Lower, pairs.different_verdict));
        all.push(SuiteFigure::number("", "confidence differs with the name by", Lower, Some(pairs.confidence_gap)));
    }
    all
}

fn domains(m: &mut Markup, scores: &[DomainScore]) {
    m.raw("<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table table-tight\"><thead><tr><th scope=\"col\">Subject</th><th scope=\"col\">Class</th><th scope=\"col\" class=\"num\">right</th><th scope=\"col\" class=\"num\">abstained</th><th scope=\"col\" class=\"num\">declined</th><th scope=\"col\" class=\"num\">wrong</th><th scope=\"col\" class=\"num\">n</th></tr></thead><tbody>");
    for score in scores {
        m.put("<tr><th scope=\"row\">{}</th><td>{}</td>", &[&score.domain.to_string(), &score.knowledge.to_string()]);
        for rate in [score.right, score.abstained, score.refused, score.wrong] {
            let between = format!("{} to {}", number(rate.low * 100.0, 0), number(rate.high * 100.0, 0));
            m.put("<td class=\"num\">{}<span class=\"cell-note\">{}</span></td>", &[&percent(rate.value, 0), &between]);
        }
        m.put("<td class=\"num\">{}</td></tr>", &[&score.right.n.to_string()]);
    }
    m.raw("</tbody></table></div>");
}

fn sources(m: &mut Markup, all: &[Calibration]) {
    m.raw("<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table\"><thead><tr><th scope=\"col\">Confidence from</th><th scope=\"col\" class=\"num\">ECE</th><th scope=\"col\" class=\"num\">Brier</th><th scope=\"col\" class=\"num\">AUROC</th><th scope=\"col\" class=\"num\">AURC</th><th scope=\"col\" class=\"num\">n</th></tr></thead><tbody>");
    for c in all {
        m.put("<tr><th scope=\"row\">{}</th>", &[c.source.title()]);
        for estimate in [Some(c.ece), Some(c.brier), c.auroc, Some(c.aurc)] {
            match estimate {
                Some(Estimate { value, low, high, .. }) => {
                    let between = format!("{} to {}", number(low, 3), number(high, 3));
                    m.put(
                        "<td class=\"num\">{}<span class=\"cell-note\">{}</span></td>",
                        &[&number(value, 3), &between],
                    );
                }
                None => m.raw("<td class=\"num\">\u{2013}</td>"),
            }
        }
        m.put("<td class=\"num\">{}</td></tr>", &[&c.answers.to_string()]);
    }
    m.raw("</tbody></table></div>");
}

/// The thresholds, each with what it was promised to hold and what it held.
fn promises(m: &mut Markup, all: &[Calibration]) {
    let Some(first) = all.first() else { return };
    m.put(
        "<h3>Ask a person below \u{2026}</h3><p class=\"eval-note\">A threshold chosen on half of the questions so that, on average, at most {} of all \
         questions like these are answered wrongly; what it held on the other half stands beside it.</p>",
        &[&percent(first.conformal.alpha, 0)],
    );
    m.raw("<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table\" data-testid=\"promises\"><thead><tr><th scope=\"col\">Confidence from</th><th scope=\"col\" class=\"num\">Threshold</th><th scope=\"col\" class=\"num\">Wrong on the other half</th><th scope=\"col\" class=\"num\">Still answered</th><th scope=\"col\" class=\"num\">n</th></tr></thead><tbody>");
    for c in all {
        let promise = &c.conformal;
        let threshold = promise.threshold.map_or_else(|| "always ask".to_owned(), |t| number(t, 3));
        m.put("<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td>", &[c.source.title(), &threshold]);
        for rate in [promise.wrong, promise.answered] {
            let between = format!("{} to {}", number(rate.low * 100.0, 1), number(rate.high * 100.0, 1));
            m.put("<td class=\"num\">{}<span class=\"cell-note\">{}</span></td>", &[&percent(rate.value, 1), &between]);
        }
        m.put("<td class=\"num\">{}</td></tr>", &[&promise.wrong.n.to_string()]);
    }
    m.raw("</tbody></table></div>");
}
