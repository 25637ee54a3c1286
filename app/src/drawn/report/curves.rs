//! Learning curves of all arms on the same axes: held-out figures over training prompts seen, the mean of the seeds with the band
//! from the lowest to the highest.

use super::{at, tone};
use crate::state::figures::percent;
use crate::state::lab::markup::Markup;
use clicker_wire::{ArmResult, Comparison};

/// What is drawn: id and title.
const DRAWN: [(&str, &str); 4] = [
    ("hallucination", "hallucinated on the unknowable"),
    ("everything_known", "right on everything known"),
    ("abstention_known", "abstained on everything known"),
    ("accuracy_when_answering", "right when answering"),
];

/// A point of an arm: prompts seen, mean, lowest and highest over seeds.
type Point = (f64, f64, f64, f64);

pub(super) fn draw(m: &mut Markup, of: &Comparison) {
    let most = of.arms.iter().flat_map(|a| &a.runs).flat_map(|r| &r.curve).map(|p| p.prompts).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    m.raw("<section class=\"cr-card\"><h2>While training</h2><p class=\"cr-note\">A part of the held-out questions, asked from time to \
           time. Nothing was decided by these figures. Lines are means over seeds, bands reach from the lowest seed to the highest; \
           across: training prompts seen.</p><div class=\"cr-curves\">");
    for (id, title) in DRAWN {
        chart(m, of, id, title, most as f64);
    }
    m.raw("</div></section>");
}

fn chart(m: &mut Markup, of: &Comparison, id: &str, title: &str, most: f64) {
    let lines: Vec<(usize, Vec<Point>)> =
        of.arms.iter().enumerate().map(|(i, arm)| (i, points(arm, id))).filter(|(_, p)| !p.is_empty()).collect();
    let ends: Vec<String> = lines
        .iter()
        .filter_map(|(i, p)| {
            let ((_, from, ..), (_, to, ..)) = (p.first()?, p.last()?);
            Some(format!("{} from {} to {}", of.arms[*i].name, percent(*from, 0), percent(*to, 0)))
        })
        .collect();
    let label = format!("{title} over training prompts: {}", ends.join("; "));
    m.put("<figure class=\"cr-curve\"><figcaption>{}</figcaption>", &[title]);
    m.raw("<div class=\"cr-plane\"><div class=\"cr-up\" aria-hidden=\"true\"><span>100 %</span><span>50 %</span><span>0 %</span></div>");
    m.put("<div class=\"cr-field cr-low\"><svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">", &[&label]);
    m.raw("<path class=\"cr-axis\" d=\"M0 0H100M0 25H100M0 50H100M0 75H100M0 0V100H100\"/>");
    let x = |prompts: f64| at(prompts / most * 100.0);
    let y = |value: f64| at(100.0 - value * 100.0);
    for (place, line) in &lines {
        m.put("<g class=\"{}\">", &[&tone(*place)]);
        let there = line.iter().map(|(p, _, _, high)| format!("{} {}", x(*p), y(*high)));
        let back = line.iter().rev().map(|(p, _, low, _)| format!("{} {}", x(*p), y(*low)));
        let band: Vec<String> = there.chain(back).collect();
        m.put("<path class=\"cr-band\" d=\"M{}Z\"/>", &[&band.join("L")]);
        let path: Vec<String> = line.iter().map(|(p, mean, ..)| format!("{} {}", x(*p), y(*mean))).collect();
        m.put("<path class=\"cr-line\" d=\"M{}\"/></g>", &[&path.join("L")]);
    }
    m.raw("</svg></div><div class=\"cr-scale cr-below\" aria-hidden=\"true\"><span>0</span><span>prompts seen</span>");
    m.put("<span>{}</span></div></div></figure>", &[&format!("{most:.0}")]);
}

/// The points of an arm; those that every seed has.
fn points(arm: &ArmResult, id: &str) -> Vec<Point> {
    let Some(first) = arm.runs.first() else { return Vec::new() };
    let of = |prompts: u64| -> Vec<f64> {
        let at = |run: &clicker_wire::SeedRun| {
            run.curve.iter().find(|p| p.prompts == prompts).and_then(|p| p.figures.get(id)).copied()
        };
        arm.runs.iter().filter_map(at).collect()
    };
    let point = |prompts: u64| {
        let values = of(prompts);
        let whole = values.len() == arm.runs.len() && !values.is_empty();
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        whole.then_some((prompts as f64, mean, low, high))
    };
    first.curve.iter().filter_map(|p| point(p.prompts)).collect()
}
