//! The report of a comparison: pure functions from [`Comparison`] to markup, the same on a page and as a file of its own. Knows no
//! service, no address and no script.
//!
//! [`inside`] draws it within a page, whose styles come from [`STYLE`]; [`document`] makes one HTML file that needs nothing else.

mod cards;
mod curves;
mod figures;
mod scatter;
mod summary;
mod tables;

use crate::state::figures::{number, percent, signed};
use crate::state::lab::markup::Markup;
use clicker_wire::Comparison;

/// The report's styles, written with the variables of style/theme.css.
pub const STYLE: &str = include_str!("report.css");
/// Those variables and the page around a report that stands alone.
const ALONE: &str = include_str!("alone.css");

/// A report as one HTML file: no request to any host, readable in light and dark, on a phone and printed.
#[must_use]
pub fn document(comparison: &Comparison) -> String {
    let mut m = Markup::new();
    m.raw("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    m.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    m.raw("<meta name=\"color-scheme\" content=\"light dark\">");
    // Whatever a name or an answer may hold: nothing is loaded and nothing runs.
    m.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">");
    m.put("<title>{}: a comparison made with Clicker</title><style>", &[&comparison.experiment.name]);
    m.raw(ALONE);
    m.raw(STYLE);
    m.raw("</style></head><body><main class=\"cr-alone\">");
    m.put("<header class=\"cr-title\"><p class=\"cr-kind\">Comparison</p><h1>{}</h1>", &[&comparison.experiment.name]);
    if !comparison.experiment.about.is_empty() {
        m.put("<p class=\"cr-about\">{}</p>", &[&comparison.experiment.about]);
    }
    m.raw("</header>");
    m.drawn(&inside(comparison).done());
    m.put("<footer class=\"cr-foot\">Made with Clicker {}.</footer>", &[&comparison.made.version]);
    m.raw("</main></body></html>\n");
    m.done()
}

/// A report within a page.
pub(crate) fn inside(comparison: &Comparison) -> Markup {
    let mut m = Markup::new();
    m.raw("<div class=\"cr\" data-testid=\"report\">");
    summary::draw(&mut m, comparison);
    legend(&mut m, comparison);
    figures::draw(&mut m, comparison);
    scatter::draw(&mut m, comparison);
    curves::draw(&mut m, comparison);
    tables::cost(&mut m, comparison);
    tables::domains(&mut m, comparison);
    tables::differences(&mut m, comparison);
    cards::limitations(&mut m, comparison);
    cards::data(&mut m, comparison);
    cards::rewards(&mut m, comparison);
    cards::run(&mut m, comparison);
    m.raw("</div>");
    m
}

/// Colours and dashes of the arms.
fn legend(m: &mut Markup, comparison: &Comparison) {
    m.raw("<ul class=\"cr-legend\">");
    for (place, arm) in comparison.arms.iter().enumerate() {
        m.put("<li class=\"{}\"><svg viewBox=\"0 0 28 8\" aria-hidden=\"true\">", &[&tone(place)]);
        m.raw("<path class=\"cr-line\" d=\"M0 4H28\"/></svg><span>");
        m.text(&arm.name);
        m.raw("</span></li>");
    }
    m.raw("</ul>");
}

/// The class that gives an arm its colour and its dashes.
fn tone(place: usize) -> String {
    format!("cr-arm cr-arm-{}", place % 8)
}

/// The place of an arm in the experiment.
fn place_of(comparison: &Comparison, name: &str) -> usize {
    comparison.arms.iter().position(|arm| arm.name == name).unwrap_or(0)
}

/// How a figure's values are written, and the range that they are drawn over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// A share, in percent.
    Share,
    /// From -1 to 1.
    Score,
    /// From 0 to 1, three digits.
    Error,
}

impl Unit {
    fn of(id: &str) -> Self {
        match id {
            "truthfulness" => Self::Score,
            "ece" => Self::Error,
            _ => Self::Share,
        }
    }

    fn write(self, value: f64) -> String {
        match self {
            Self::Share => percent(value, 1),
            Self::Score => number(value, 3),
            Self::Error => number(value, 3),
        }
    }

    /// Both ends of an interval, the unit once.
    fn interval(self, [low, high]: [f64; 2]) -> String {
        match self {
            // Student's t knows no ends; figures have some.
            Self::Share => {
                format!("[{}, {}]", number(low.max(0.0) * 100.0, 1), number(high.min(1.0) * 100.0, 1))
            }
            Self::Score | Self::Error => {
                let (least, most) = self.range();
                format!("[{}, {}]", number(low.max(least), 3), number(high.min(most), 3))
            }
        }
    }

    /// A difference with its sign; of shares in points.
    fn difference(self, value: f64) -> String {
        match self {
            Self::Share => signed(value * 100.0, 1),
            Self::Score | Self::Error => signed(value, 3),
        }
    }

    fn difference_interval(self, low: f64, high: f64) -> String {
        let write = |v| self.difference(v);
        format!("[{}, {}]", write(low), write(high))
    }

    fn range(self) -> (f64, f64) {
        match self {
            Self::Share | Self::Error => (0.0, 1.0),
            Self::Score => (-1.0, 1.0),
        }
    }

    /// Percent of the way across.
    fn across(self, value: f64) -> f64 {
        let (low, high) = self.range();
        ((value - low) / (high - low) * 100.0).clamp(0.0, 100.0)
    }
}

/// A coordinate with two decimals, as attributes hold it.
fn at(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests;
