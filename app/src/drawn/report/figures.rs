//! A forest plot per figure of the suite: every arm with its intervals, and beside it every arm's difference from the one that the
//! others are held against.

use super::summary::against;
use super::{Unit, at, place_of, tone};
use crate::state::lab::markup::Markup;
use clicker_wire::{ArmFigure, Better, Comparison, FigureResult};

pub(super) fn draw(m: &mut Markup, of: &Comparison) {
    m.raw(
        "<section class=\"cr-card\"><h2>Figures</h2><p class=\"cr-note\">Of each figure first every arm: a dot for the mean over \
         seeds, a thick line for its interval over seeds, a thin one for its interval over questions. Then every difference from ",
    );
    m.text(&of.against);
    m.raw(", coloured where its interval leaves 0 out.</p><div class=\"cr-forest\">");
    for figure in of.figures.iter().filter(|f| f.cell.is_none()) {
        one(m, of, figure);
    }
    m.raw("</div></section>");
}

fn one(m: &mut Markup, of: &Comparison, figure: &FigureResult) {
    let unit = Unit::of(&figure.id);
    let better = match figure.better {
        Better::Lower => "less is better",
        Better::Higher => "more is better",
        Better::Neither => "neither way is better by itself",
    };
    let n = figure.n.to_string();
    m.put("<article class=\"cr-figure\" id=\"figure-{}\"><h3>{}</h3>", &[&figure.id, &figure.title]);
    m.put("<p class=\"cr-note\">{}; {}; n = {}</p>", &[&figure.meaning, better, &n]);
    m.raw("<div class=\"cr-pair\"><div class=\"cr-rows\">");
    for arm in &figure.arms {
        row(m, of, unit, figure, arm);
    }
    axis(m, unit);
    m.raw("</div><div class=\"cr-rows cr-rows-diff\">");
    differences(m, of, unit, figure);
    m.raw("</div></div></article>");
}

fn row(m: &mut Markup, of: &Comparison, unit: Unit, figure: &FigureResult, arm: &ArmFigure) {
    let interval = unit.interval(arm.over_seeds.unwrap_or(arm.over_items));
    let over = if arm.over_seeds.is_some() { "over seeds" } else { "over questions" };
    let label = format!("{}, {}: {} {interval} {over}", figure.title, arm.arm, unit.write(arm.mean));
    m.put("<div class=\"cr-row {}\"><span class=\"cr-name\">{}</span>", &[&tone(place_of(of, &arm.arm)), &arm.arm]);
    m.put(
        "<svg class=\"cr-whisker\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        &[&label],
    );
    m.raw("<path class=\"cr-axis\" d=\"M0 5H100\"/>");
    span(m, "cr-thin", unit, arm.over_items);
    if let Some(seeds) = arm.over_seeds {
        span(m, "cr-thick", unit, seeds);
    }
    m.put("<path class=\"cr-dot\" d=\"M{} 5h0.01\"/></svg>", &[&at(unit.across(arm.mean))]);
    m.put("<span class=\"cr-value\">{} <small>{}</small></span></div>", &[&unit.write(arm.mean), &interval]);
}

fn span(m: &mut Markup, class: &str, unit: Unit, [low, high]: [f64; 2]) {
    m.put("<path class=\"{}\" d=\"M{} 5H{}\"/>", &[class, &at(unit.across(low)), &at(unit.across(high))]);
}

fn axis(m: &mut Markup, unit: Unit) {
    let ticks = match unit {
        Unit::Share => ["0 %", "50 %", "100 %"],
        Unit::Score => ["\u{2212}1", "0", "1"],
        Unit::Error => ["0", "0.5", "1"],
    };
    m.raw("<div class=\"cr-row cr-ticks\" aria-hidden=\"true\"><span></span><span class=\"cr-scale\">");
    for tick in ticks {
        m.put("<span>{}</span>", &[tick]);
    }
    m.raw("</span><span></span></div>");
}

fn differences(m: &mut Markup, of: &Comparison, unit: Unit, figure: &FigureResult) {
    let all: Vec<(&str, (f64, f64, f64))> = figure
        .arms
        .iter()
        .filter(|arm| arm.arm != of.against)
        .filter_map(|arm| Some((arm.arm.as_str(), against(figure, &arm.arm, &of.against)?)))
        .collect();
    // All differences of a figure on one scale, with 0 in the middle.
    let widest = all.iter().flat_map(|(_, (v, l, h))| [v.abs(), l.abs(), h.abs()]).fold(1e-3, f64::max);
    let across = |v: f64| at(50.0 + v / widest * 48.0);
    for (arm, (value, low, high)) in &all {
        let clear = *low > 0.0 || *high < 0.0;
        let sign = match (clear, figure.better, *value < 0.0) {
            (false, _, _) | (_, Better::Neither, _) => "even",
            (true, Better::Lower, true) | (true, Better::Higher, false) => "gain",
            _ => "loss",
        };
        let interval = unit.difference_interval(*low, *high);
        let label = format!("{}: {arm} minus {}, {} {interval}", figure.title, of.against, unit.difference(*value));
        m.put(
            "<div class=\"cr-row cr-sign-{}\"><span class=\"cr-name\">{} \u{2212} {}</span>",
            &[sign, arm, &of.against],
        );
        m.put("<svg class=\"cr-whisker\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">", &[&label]);
        m.raw("<path class=\"cr-axis\" d=\"M0 5H100M50 0V10\"/>");
        m.put("<path class=\"cr-thick\" d=\"M{} 5H{}\"/>", &[&across(*low), &across(*high)]);
        m.put("<path class=\"cr-dot\" d=\"M{} 5h0.01\"/></svg>", &[&across(*value)]);
        m.put("<span class=\"cr-value\">{} <small>{}</small></span></div>", &[&unit.difference(*value), &interval]);
    }
    if !all.is_empty() {
        let edge = unit.difference(widest / 0.96);
        let edge = edge.trim_start_matches('+');
        m.raw("<div class=\"cr-row cr-ticks\" aria-hidden=\"true\"><span></span><span class=\"cr-scale\">");
        m.put("<span>\u{2212}{}</span><span>0</span><span>+{}</span></span><span></span></div>", &[edge, edge]);
    }
}
