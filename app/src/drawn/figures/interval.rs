//! A proportion with its interval on a line from 0 to 100 %.

use crate::state::lab::markup::Markup;

/// Width and height of the drawing's own units.
const SIZE: (f64, f64) = (120.0, 16.0);

/// The line, the interval, the value.
pub(crate) fn draw(m: &mut Markup, value: f64, low: f64, high: f64) {
    let at = |share: f64| format!("{:.1}", 4.0 + share.clamp(0.0, 1.0) * (SIZE.0 - 8.0));
    let [value, low, high] = [value, low, high].map(at);
    m.raw("<svg class=\"fig-interval\" viewBox=\"0 0 120 16\" aria-hidden=\"true\"><path class=\"fig-axis\" d=\"M4 8H116\"/>");
    m.put("<path class=\"fig-whisker\" d=\"M{} 8H{}\"/>", &[&low, &high]);
    m.put("<circle class=\"fig-dot\" cx=\"{}\" cy=\"8\" r=\"3.5\"/></svg>", &[&value]);
}
