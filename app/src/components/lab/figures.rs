//! How the scores are spread and how far the graders agree: small pictures, each with its table.

use super::Lab;
use crate::state::figures::{number, signed, tone};
use crate::state::lab::markup::Markup;
use crate::state::words;
use clicker_wire::{Histogram, Preview};

/// Width and height of a cell of the agreement picture.
const CELL: (usize, usize) = (56, 30);

/// The panel's inside.
pub(crate) fn draw(lab: &Lab) -> String {
    let mut m = Markup::new();
    let Some(preview) = lab.preview.as_ref().filter(|p| !p.totals.is_empty()) else {
        m.raw(
            "<div class=\"empty\"><p class=\"empty-title\">Nothing to count yet</p><p>As soon as answers are rewarded, the \
             spread of every grader's scores stands here, and how far any two of them say the same.</p></div>",
        );
        return m.done();
    };
    let pressed = if lab.tables { "true" } else { "false" };
    m.put(
        "<div class=\"lab-part-head\"><span class=\"lab-part-title\">Spread</span><button class=\"link\" type=\"button\" \
         id=\"tables\" data-do=\"tables\" aria-pressed=\"{}\">{}</button></div><div class=\"lab-spreads\">",
        &[pressed, if lab.tables { "Hide tables" } else { "Show tables" }],
    );
    spread(&mut m, "total", &preview.total, "accent", lab.tables);
    for (name, histogram) in lab.graders.iter().zip(&preview.graders) {
        spread(&mut m, &words::grader(name), histogram, "even", lab.tables);
    }
    m.raw("</div>");
    agreement(&mut m, lab, preview);
    m.done()
}

fn spread(m: &mut Markup, name: &str, histogram: &Histogram, colour: &str, table: bool) {
    let mean = histogram.mean.map_or_else(|| "\u{2013}".to_owned(), |mean| signed(mean, 2));
    m.put(
        "<figure class=\"lab-spread tone-{}\"><figcaption><span>{}</span><span class=\"muted\">mean {}</span></figcaption>",
        &[colour, name, &mean],
    );
    m.put(
        "<svg viewBox=\"0 0 100 32\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Spread of {}, from {} to {}\">",
        &[name, &number(histogram.low, 2), &number(histogram.high, 2)],
    );
    m.raw("<path class=\"lab-base\" d=\"M0 32H100\"/>");
    let most = histogram.counts.iter().copied().max().unwrap_or(1).max(1);
    let width = 100.0 / histogram.counts.len().max(5) as f64;
    let left = if histogram.counts.len() == 1 { 50.0 - width / 2.0 } else { 0.0 };
    for (bin, count) in histogram.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = f64::from(*count) / f64::from(most) * 30.0;
        let x = number(left + bin as f64 * width + 0.5, 1);
        m.put(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            &[&x, &number(32.0 - height, 1), &number(width - 1.0, 1), &number(height, 1)],
        );
    }
    m.put(
        "</svg><p class=\"lab-ends\"><span>{}</span><span>{}</span></p>",
        &[&number(histogram.low, 2), &number(histogram.high, 2)],
    );
    if table {
        bins(m, name, histogram);
    }
    m.raw("</figure>");
}

fn bins(m: &mut Markup, name: &str, histogram: &Histogram) {
    m.put(
        "<table class=\"table table-tight\"><caption class=\"sr-only\">Spread of {}</caption><thead><tr><th \
         scope=\"col\">from</th><th scope=\"col\">to</th><th scope=\"col\" class=\"num\">answers</th></tr></thead><tbody>",
        &[name],
    );
    let step = (histogram.high - histogram.low) / histogram.counts.len().max(1) as f64;
    for (bin, count) in histogram.counts.iter().enumerate() {
        let from = histogram.low + bin as f64 * step;
        m.put(
            "<tr><td>{}</td><td>{}</td><td class=\"num\">{}</td></tr>",
            &[&number(from, 2), &number(from + step, 2), &count.to_string()],
        );
    }
    m.raw("</tbody></table>");
}

/// Spearman's rank correlation between any two graders, and with the total: a dot per pair, larger where they agree more.
fn agreement(m: &mut Markup, lab: &Lab, preview: &Preview) {
    let names: Vec<String> = lab.graders.iter().map(|name| words::grader(name)).chain(["total".to_owned()]).collect();
    m.raw(
        "<div class=\"lab-part-head\"><span class=\"lab-part-title\">Agreement</span><span class=\"hint\">Spearman's rank \
         correlation</span></div>",
    );
    let (wide, high) = (CELL.0 * names.len(), CELL.1 * names.len());
    m.raw("<div class=\"lab-agreement\"><ol class=\"lab-agreement-names\" aria-hidden=\"true\">");
    names.iter().for_each(|name| m.put("<li>{}</li>", &[name]));
    m.put(
        "</ol><svg width=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"Rank correlation between graders\">",
        &[&wide.to_string(), &wide.to_string(), &high.to_string()],
    );
    for (row, values) in preview.agreement.iter().enumerate() {
        for (column, value) in values.iter().enumerate().take(row) {
            let (x, y) = (column * CELL.0 + CELL.0 / 2, row * CELL.1 + CELL.1 / 2);
            let (x, y) = (x.to_string(), y.to_string());
            let rho = value.unwrap_or(0.0);
            m.put(
                "<circle class=\"fill-{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>",
                &[tone(rho), &x, &y, &number(rho.abs().sqrt() * 13.0 + 0.5, 1)],
            );
            let text = value.map_or_else(|| "\u{2013}".to_owned(), |rho| signed(rho, 2));
            m.put("<text x=\"{}\" y=\"{}\">{}</text>", &[&x, &y, &text]);
        }
        let (x, y) = (row * CELL.0 + CELL.0 / 2, row * CELL.1 + CELL.1 / 2);
        let number = (row + 1).to_string();
        m.put("<text class=\"lab-own\" x=\"{}\" y=\"{}\">{}</text>", &[&x.to_string(), &y.to_string(), &number]);
    }
    m.raw("</svg></div>");
    if lab.tables {
        table(m, &names, preview);
    }
}

fn table(m: &mut Markup, names: &[String], preview: &Preview) {
    m.raw(
        "<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table table-tight\"><caption class=\"sr-only\">Rank \
         correlation between graders</caption><thead><tr><th scope=\"col\">grader</th>",
    );
    names.iter().for_each(|name| m.put("<th scope=\"col\">{}</th>", &[name]));
    m.raw("</tr></thead><tbody>");
    for (name, values) in names.iter().zip(&preview.agreement) {
        m.put("<tr><th scope=\"row\">{}</th>", &[name]);
        for value in values {
            let text = value.map_or_else(|| "\u{2013}".to_owned(), |rho| signed(rho, 2));
            m.put("<td class=\"num\">{}</td>", &[&text]);
        }
        m.raw("</tr>");
    }
    m.raw("</tbody></table></div>");
}
