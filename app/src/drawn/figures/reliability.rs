//! The reliability diagram: how often answers are right that the model is so sure of. On the diagonal it is as sure as it should be; below
//! it, too sure. Whiskers are 95 % intervals, the numbers at the foot are answers.

use crate::state::lab::markup::Markup;
use clicker_wire::ReliabilityBin;

/// Left, top, width and height of the plot within a drawing of 320 by 290.
const PLOT: [f64; 4] = [44.0, 12.0, 264.0, 220.0];

/// The diagram.
pub(crate) fn draw(m: &mut Markup, bins: &[ReliabilityBin], source: &str) {
    let [left, top, width, height] = PLOT;
    let x = |share: f64| format!("{:.1}", left + share * width);
    let y = |share: f64| format!("{:.1}", top + (1.0 - share) * height);
    let asked: u32 = bins.iter().map(|bin| bin.right.n).sum();
    m.put(
        "<svg class=\"fig\" viewBox=\"0 0 320 290\" role=\"img\" aria-label=\"Reliability diagram of {}, {} answers; the table has its numbers\">",
        &[source, &asked.to_string()],
    );
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let label = format!("{:.0}", tick * 100.0);
        m.put("<path class=\"fig-grid\" d=\"M{} {}H{}\"/>", &[&x(0.0), &y(tick), &x(1.0)]);
        m.put("<text class=\"fig-label fig-end\" x=\"38\" y=\"{}\" dy=\"4\">{}</text>", &[&y(tick), &label]);
        m.put("<text class=\"fig-label fig-mid\" x=\"{}\" y=\"264\">{}</text>", &[&x(tick), &label]);
    }
    m.put("<path class=\"fig-even\" d=\"M{} {}L{} {}\"/>", &[&x(0.0), &y(0.0), &x(1.0), &y(1.0)]);
    for bin in bins {
        let middle = x((bin.low + bin.high) / 2.0);
        if bin.right.n == 0 {
            continue;
        }
        let (from, to) = (bin.low + 0.01, bin.high - 0.01);
        let tall = format!("{:.1}", bin.right.value * height);
        let wide = format!("{:.1}", (to - from) * width);
        m.put(
            "<rect class=\"fig-bar\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            &[&x(from), &y(bin.right.value), &wide, &tall],
        );
        m.put("<path class=\"fig-whisker\" d=\"M{} {}V{}\"/>", &[&middle, &y(bin.right.low), &y(bin.right.high)]);
        m.put("<circle class=\"fig-dot\" cx=\"{}\" cy=\"{}\" r=\"3.5\"/>", &[&x(bin.confidence), &y(bin.right.value)]);
        m.put("<text class=\"fig-count fig-mid\" x=\"{}\" y=\"246\">{}</text>", &[&middle, &bin.right.n.to_string()]);
    }
    m.raw("<text class=\"fig-label fig-mid\" x=\"176\" y=\"283\">confidence, % (answers above)</text>");
    m.raw("<text class=\"fig-label fig-mid\" transform=\"translate(11 122) rotate(-90)\">right, %</text></svg>");
}
