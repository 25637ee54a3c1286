//! Tables: what each arm cost and saw, every domain and class, and every difference.

use super::{Unit, place_of, tone};
use crate::state::figures::{number, percent};
use crate::state::lab::markup::Markup;
use clicker_wire::{Comparison, Domain, Knowledge};

pub(super) fn cost(m: &mut Markup, of: &Comparison) {
    m.raw("<section class=\"cr-card\"><h2>What it cost and what it saw</h2><p class=\"cr-note\">Per seed, without tuning. Tokens trained \
           go through training passes, prompts included; tokens generated are answers drawn to train on. Energy is an estimate: ");
    m.text(&number(of.experiment.watts, 0));
    m.raw(" W, as the experiment assumes, times the seconds; it was not measured.</p><div class=\"cr-scroll\"><table><thead><tr><th>arm</th>");
    for head in [
        "seconds",
        "steps",
        "tokens generated",
        "tokens trained",
        "energy, Wh (estimate)",
        "prompts",
        "labels",
        "learning rate",
    ] {
        m.put("<th class=\"cr-num\">{}</th>", &[head]);
    }
    m.raw("</tr></thead><tbody>");
    for (place, arm) in of.arms.iter().enumerate() {
        m.put("<tr><th class=\"{}\"><span class=\"cr-swatch\"></span>{}</th>", &[&tone(place), &arm.name]);
        let (cost, saw) = (&arm.cost, &arm.saw);
        let Some(recipe) = &arm.recipe else {
            m.raw("<td colspan=\"8\">the starting model as it is: nothing was trained</td></tr>");
            continue;
        };
        let rate = format!("{:.2e}", recipe.optim.learning_rate);
        for cell in [
            number(cost.seconds, 1),
            recipe.steps.to_string(),
            number(cost.generated, 0),
            number(cost.trained, 0),
            number(cost.watt_hours, 3),
            saw.prompts.to_string(),
            saw.labels.to_string(),
            rate,
        ] {
            m.put("<td class=\"cr-num\">{}</td>", &[&cell]);
        }
        m.raw("</tr>");
    }
    m.raw("</tbody></table></div><ul class=\"cr-saw\">");
    for arm in of.arms.iter().filter(|arm| arm.recipe.is_some()) {
        m.put("<li><strong>{}</strong> ", &[&arm.name]);
        m.text(&seen(arm));
        m.raw("</li>");
    }
    m.raw("</ul></section>");
}

fn seen(arm: &clicker_wire::ArmResult) -> String {
    let saw = &arm.saw;
    let counted = [
        (saw.demonstrations, "demonstrations"),
        (saw.pairs, "pairs"),
        (saw.judgements, "judgements"),
        (saw.rewarded, "rewarded answers"),
    ];
    let parts: Vec<String> = counted.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let rate = match &arm.rate {
        None => "Its learning rate is the recipe's.".to_owned(),
        Some(rate) => {
            let tries: Vec<String> = rate
                .tried
                .iter()
                .map(|t| {
                    let score = t.score.map_or_else(|| "diverged".into(), |s| number(s, 3));
                    format!("times {} gave {score}", t.factor)
                })
                .collect();
            let steps = rate.tried.first().map_or(0, |t| t.steps);
            format!(
                "Of its rates, tried for {steps} steps each, times {} won ({}: right minus wrong on the validation part).",
                rate.factor,
                tries.join(", ")
            )
        }
    };
    format!("saw {} from {} labelled examples. {} {rate}", parts.join(" and "), saw.labels, saw.words)
}

pub(super) fn domains(m: &mut Markup, of: &Comparison) {
    let mut cells: Vec<(Domain, Knowledge)> = of.figures.iter().filter_map(|f| f.cell).collect();
    cells.dedup();
    m.raw("<section class=\"cr-card\"><h2>By domain and class</h2><p class=\"cr-note\">Right / \u{201c}I don't know\u{201d} / wrong in percent of \
           the answers, means over seeds (what is missing to 100 was declined); below, the interval of the share that is wrong, over seeds (of the starting model over \
           questions).</p><div class=\"cr-scroll\"><table><thead><tr><th>domain, class</th><th class=\"cr-num\">n</th>");
    for (place, arm) in of.arms.iter().enumerate() {
        m.put("<th class=\"cr-num {}\"><span class=\"cr-swatch\"></span>{}</th>", &[&tone(place), &arm.name]);
    }
    m.raw("</tr></thead><tbody>");
    for (domain, class) in cells {
        let find = |what: &str| of.figures.iter().find(|f| f.id == format!("{domain}/{class}/{what}"));
        let (Some(right), Some(silent), Some(wrong)) = (find("right"), find("abstained"), find("wrong")) else {
            continue;
        };
        let name = format!("{}, {class}", domain.to_string().replace('_', " "));
        m.put("<tr><th>{}</th><td class=\"cr-num\">{}</td>", &[&name, &right.n.to_string()]);
        for arm in &of.arms {
            let mean = |f: &clicker_wire::FigureResult| {
                f.arms.iter().find(|a| a.arm == arm.name).map_or(0.0, |a| a.mean) * 100.0
            };
            let shares = format!("{:.0} / {:.0} / {:.0}", mean(right), mean(silent), mean(wrong));
            let interval = wrong.arms.iter().find(|a| a.arm == arm.name);
            let interval = interval.map(|a| Unit::Share.interval(a.over_seeds.unwrap_or(a.over_items)));
            m.put("<td class=\"cr-num\">{}<small>{}</small></td>", &[&shares, &interval.unwrap_or_default()]);
        }
        m.raw("</tr>");
    }
    m.raw("</tbody></table></div></section>");
}

pub(super) fn differences(m: &mut Markup, of: &Comparison) {
    m.raw(
        "<section class=\"cr-card\"><h2>Every difference</h2><p class=\"cr-note\">The first arm minus the second, shares in percentage \
         points, with the interval of the paired bootstrap over questions; bold where it leaves 0 out. Differences by domain and class \
         are in the JSON.</p><div class=\"cr-scroll\"><table><thead><tr><th>figure</th>",
    );
    let arms = &of.arms;
    let pairs: Vec<(&str, &str)> = arms
        .iter()
        .enumerate()
        .flat_map(|(b, other)| arms[b + 1..].iter().map(|arm| (arm.name.as_str(), other.name.as_str())))
        .collect();
    for (arm, other) in &pairs {
        m.put("<th class=\"cr-num cr-narrow {}\">", &[&tone(place_of(of, arm))]);
        m.put("<span class=\"cr-swatch\"></span>{} \u{2212} {}</th>", &[arm, other]);
    }
    m.raw("</tr></thead><tbody>");
    for figure in of.figures.iter().filter(|f| f.cell.is_none()) {
        let unit = Unit::of(&figure.id);
        m.put("<tr><th>{}</th>", &[&figure.title]);
        for (arm, other) in &pairs {
            match figure.differences.iter().find(|d| d.arm == *arm && d.against == *other) {
                None => m.raw("<td class=\"cr-num\">\u{2013}</td>"),
                Some(d) => {
                    let class = if d.is_clear() { "cr-num cr-clear" } else { "cr-num" };
                    let interval = unit.difference_interval(d.low, d.high);
                    m.put("<td class=\"{}\">{}<small>{}</small></td>", &[class, &unit.difference(d.value), &interval]);
                }
            }
        }
        m.raw("</tr>");
    }
    m.raw("</tbody></table></div></section>");
}

/// A share for lists: percent without decimals.
pub(super) fn share(part: u32, whole: u32) -> String {
    percent(f64::from(part) / f64::from(whole.max(1)), 0)
}
