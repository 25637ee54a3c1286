//! One section of a suite's report: its figures, a table with a row per group, and the answers behind them.

use super::super::figures::interval;
use crate::state::figures::{number, percent};
use crate::state::lab::markup::Markup;
use clicker_wire::{Role, SuiteExample, SuiteFigure, SuiteSection, SuiteUnit};

/// The section as a panel.
pub(super) fn draw(m: &mut Markup, section: &SuiteSection) {
    m.put("<section class=\"panel\" data-testid=\"section-{}\"><h2>{}</h2>", &[&section.name, &section.title]);
    for note in &section.notes {
        m.put("<p class=\"eval-note\">{}</p>", &[note]);
    }
    let alone: Vec<&SuiteFigure> = section.figures.iter().filter(|f| f.group.is_none()).collect();
    if !alone.is_empty() {
        rows(m, &section.title, &alone);
    }
    groups(m, section);
    examples(m, section);
    m.raw("</section>");
}

/// A row per figure: value, a drawing of the interval, the interval, n.
pub(super) fn rows(m: &mut Markup, caption: &str, figures: &[&SuiteFigure]) {
    m.put("<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table eval\"><caption class=\"sr-only\">{}</caption>", &[caption]);
    m.raw("<thead><tr><th scope=\"col\">What</th><th scope=\"col\" class=\"num\">Figure</th><th scope=\"col\" class=\"fig-cell\">0 to 100 %</th><th scope=\"col\" class=\"num\">95 % interval</th><th scope=\"col\" class=\"num\">n</th></tr></thead><tbody>");
    for figure in figures {
        let (value, between) = words(figure);
        m.put(
            "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"fig-cell\">",
            &[&figure.title, &value],
        );
        if figure.n > 0 && figure.unit == SuiteUnit::Share {
            interval::draw(m, figure.value, figure.low, figure.high);
        }
        m.put("</td><td class=\"num\">{}</td><td class=\"num\">{}</td></tr>", &[&between, &figure.n.to_string()]);
    }
    m.raw("</tbody></table></div>");
}

/// The figure and its interval in words; dashes where nothing was measured.
fn words(figure: &SuiteFigure) -> (String, String) {
    let SuiteFigure { value, low, high, .. } = figure;
    if figure.n == 0 {
        return ("\u{2013}".into(), "\u{2013}".into());
    }
    match figure.unit {
        SuiteUnit::Share => (percent(*value, 1), format!("{} to {}", number(low * 100.0, 1), number(high * 100.0, 1))),
        SuiteUnit::Number => (number(*value, 3), format!("{} to {}", number(*low, 3), number(*high, 3))),
    }
}

/// A row per group, a column per figure.
fn groups(m: &mut Markup, section: &SuiteSection) {
    let (mut names, mut columns) = (Vec::<&str>::new(), Vec::<(&str, &str)>::new());
    for figure in &section.figures {
        let Some(group) = figure.group.as_deref() else { continue };
        if !names.contains(&group) {
            names.push(group);
        }
        if !columns.iter().any(|(name, _)| *name == figure.name) {
            columns.push((&figure.name, &figure.title));
        }
    }
    if names.is_empty() {
        return;
    }
    m.put("<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table\"><caption class=\"sr-only\">{}, by group</caption><thead><tr><th scope=\"col\"></th>", &[&section.title]);
    for (_, title) in &columns {
        m.put("<th scope=\"col\" class=\"num\">{}</th>", &[title]);
    }
    m.raw("</tr></thead><tbody>");
    for group in names {
        m.put("<tr><th scope=\"row\">{}</th>", &[group]);
        for (name, _) in &columns {
            let cell = section.figures.iter().find(|f| f.group.as_deref() == Some(group) && f.name == *name);
            match cell {
                Some(figure) => {
                    let (value, between) = words(figure);
                    m.put(
                        "<td class=\"num\">{}<span class=\"cell-note\">{}; n = {}</span></td>",
                        &[&value, &between, &figure.n.to_string()],
                    );
                }
                None => m.raw("<td class=\"num\">\u{2013}</td>"),
            }
        }
        m.raw("</tr>");
    }
    m.raw("</tbody></table></div>");
}

fn examples(m: &mut Markup, section: &SuiteSection) {
    if section.examples.is_empty() {
        return;
    }
    m.put(
        "<details class=\"eval-examples\"><summary>{} answers behind these figures</summary><ul class=\"eval-list\">",
        &[&section.examples.len().to_string()],
    );
    for one in &section.examples {
        example(m, one);
    }
    m.raw("</ul></details>");
}

fn example(m: &mut Markup, example: &SuiteExample) {
    m.put("<li class=\"eval-example\"><p><span class=\"badge\">{}</span>", &[&example.of]);
    if let Some(score) = example.score {
        m.put(" <span class=\"badge\">score {}</span>", &[&number(score, 3)]);
    }
    m.raw("</p><div class=\"turns\">");
    for message in &example.prompt {
        let who = match message.role {
            Role::System => "rule",
            Role::User => "asked",
            Role::Assistant => "said before",
        };
        m.put("<p class=\"turn\"><span class=\"turn-who\">{}</span>{}</p>", &[who, &message.content]);
    }
    m.raw("</div><dl class=\"facts eval-facts\">");
    if let Some(clean) = &example.clean {
        m.put("<div><dt>before</dt><dd>{}</dd></div>", &[clean]);
    }
    m.put(
        "<div><dt>answer</dt><dd>{}</dd></div><div><dt>wanted</dt><dd>{}</dd></div>",
        &[&example.answer, &example.wanted],
    );
    for receipt in &example.receipts {
        let score = receipt.score.map_or_else(|| "\u{2013}".to_owned(), |score| number(score, 3));
        m.put("<div><dt>{}</dt><dd>{} {}</dd></div>", &[&receipt.grader, &score, &receipt.reason]);
    }
    m.raw("</dl></li>");
}
