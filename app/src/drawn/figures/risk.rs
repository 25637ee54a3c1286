//! The risk-coverage curve: keep the surest answers only, and see how many of them are wrong. The area below it is the AURC; a flat line
//! at the height of its right end is what a confidence has that knows nothing.

use crate::state::lab::markup::Markup;
use clicker_wire::RiskPoint;
use std::fmt::Write;

/// Left, top, width and height of the plot within a drawing of 320 by 290.
const PLOT: [f64; 4] = [44.0, 12.0, 264.0, 220.0];

/// The curve.
pub(crate) fn draw(m: &mut Markup, curve: &[RiskPoint], source: &str) {
    let [left, top, width, height] = PLOT;
    let highest = curve.iter().map(|point| point.risk).fold(0.0, f64::max);
    // Quarters on the axis at every scale.
    let scale = [0.1, 0.2, 0.4, 0.6, 0.8].into_iter().find(|top| highest <= *top).unwrap_or(1.0);
    let x = |share: f64| format!("{:.1}", left + share * width);
    let y = |risk: f64| format!("{:.1}", top + (1.0 - risk / scale) * height);
    let end = curve.last().map_or(0.0, |point| point.risk);
    m.put(
        "<svg class=\"fig\" viewBox=\"0 0 320 290\" role=\"img\" aria-label=\"Risk-coverage curve of {}: {} % of all answers are wrong\">",
        &[source, &format!("{:.1}", end * 100.0)],
    );
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        let risk = format!("{:.0}", share * scale * 100.0);
        m.put("<path class=\"fig-grid\" d=\"M{} {}H{}\"/>", &[&x(0.0), &y(share * scale), &x(1.0)]);
        m.put("<text class=\"fig-label fig-end\" x=\"38\" y=\"{}\" dy=\"4\">{}</text>", &[&y(share * scale), &risk]);
        m.put(
            "<text class=\"fig-label fig-mid\" x=\"{}\" y=\"252\">{}</text>",
            &[&x(share), &format!("{:.0}", share * 100.0)],
        );
    }
    m.put("<path class=\"fig-even\" d=\"M{} {}H{}\"/>", &[&x(0.0), &y(end), &x(1.0)]);
    let mut line = String::new();
    let mut area = String::new();
    for (i, point) in curve.iter().enumerate() {
        // Writing into a text does not fail.
        let _ = write!(line, "{}{} {}", if i == 0 { 'M' } else { 'L' }, x(point.coverage), y(point.risk));
        let _ = write!(area, "L{} {}", x(point.coverage), y(point.risk));
    }
    if let (Some(first), Some(last)) = (curve.first(), curve.last()) {
        m.put(
            "<path class=\"fig-area\" d=\"M{} {}{}L{} {}Z\"/>",
            &[&x(first.coverage), &y(0.0), &area, &x(last.coverage), &y(0.0)],
        );
        m.put("<path class=\"fig-line\" d=\"{}\"/>", &[&line]);
    }
    m.raw("<text class=\"fig-label fig-mid\" x=\"176\" y=\"274\">answers kept, %, the surest first</text>");
    m.raw("<text class=\"fig-label fig-mid\" transform=\"translate(11 122) rotate(-90)\">wrong among them, %</text></svg>");
}
