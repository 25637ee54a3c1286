//! `/truth/compare/runs`: one figure of any runs on the same axes. Runs are chosen by ticks, the figure from a list; both stand in the
//! address.

use super::super::{Asked, Drawn, head};
use crate::state::figures::number;
use crate::state::lab::markup::Markup;
use clicker_service::Service;
use clicker_wire::{EvalReport, Event, Run, RunId};
use std::collections::BTreeMap;

/// Most runs that are laid over each other.
const MOST: usize = 16;

/// A line: the run, its number among the chosen, (step, value).
struct Line {
    run: Run,
    figures: BTreeMap<String, Vec<(f64, f64)>>,
}

/// The page.
pub(in crate::drawn) async fn draw(service: &Service, asked: &Asked) -> Drawn {
    let all = match service.runs().await {
        Ok(all) => all,
        Err(e) => return Drawn::missing("The runs cannot be read", &e.to_string()),
    };
    let chosen: Vec<&str> = asked.query.iter().filter(|(k, _)| k == "run").map(|(_, v)| v.as_str()).collect();
    let mut lines = Vec::new();
    for id in chosen.iter().take(MOST) {
        let id = RunId((*id).to_owned());
        let (Ok(run), Ok(events)) = (service.run(&id).await, service.run_events(&id, 0).await) else { continue };
        lines.push(Line { run, figures: figures(events.into_iter().map(|e| e.event)) });
    }
    let mut names: Vec<&String> = lines.iter().flat_map(|line| line.figures.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let first = ["eval/hallucination", "loss", "reward"];
    let fallback = first.into_iter().find(|f| names.iter().any(|n| n == f)).unwrap_or("loss");
    let metric = asked.get("metric").unwrap_or(fallback);
    let mut m = Markup::new();
    m.raw("<p class=\"crumb\"><a href=\"/truth/compare\" rel=\"external\">Comparisons</a></p>");
    head(&mut m, "Runs over each other", "One figure of any runs, over their steps, on the same axes.");
    m.raw("<link rel=\"stylesheet\" href=\"/api/comparisons/report.css\">");
    if !lines.is_empty() {
        chart(&mut m, &lines, metric);
    }
    form(&mut m, &all, &chosen, &names, metric);
    Drawn::page(m)
}

/// Every figure of a run by step; held-out measurements as `eval/NAME`, as in exports.
fn figures(events: impl Iterator<Item = Event>) -> BTreeMap<String, Vec<(f64, f64)>> {
    let mut out: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    let mut push = |name: String, step: u32, value: f64| out.entry(name).or_default().push((f64::from(step), value));
    for event in events {
        match event {
            Event::Metrics { step, values } => values.into_iter().for_each(|(name, value)| push(name, step, value)),
            Event::Eval { step, report } => {
                for (name, value) in measured(&report) {
                    push(format!("eval/{name}"), step, value);
                }
            }
            _ => {}
        }
    }
    out
}

fn measured(r: &EvalReport) -> [(&'static str, f64); 8] {
    [
        ("accuracy_known", r.accuracy_known.value),
        ("hallucination", r.hallucination.value),
        ("abstention", r.abstention.value),
        ("abstention_known", r.abstention_known.value),
        ("accuracy_when_answering", r.accuracy_when_answering.value),
        ("coverage", r.coverage.value),
        ("violations", r.violations.value),
        ("refused_harmless", r.refused_harmless.value),
    ]
}

fn form(m: &mut Markup, all: &[Run], chosen: &[&str], names: &[&String], metric: &str) {
    m.raw("<form class=\"panel\" method=\"get\" action=\"/truth/compare/runs\" data-testid=\"overlay-form\"><h2>Runs</h2>");
    if all.is_empty() {
        m.raw("<p class=\"empty\"><span class=\"empty-title\">No runs yet</span><span>Curves of the runs that you tick will be drawn here. <a \
             href=\"/runs\" rel=\"external\">Start a run</a>.</span></p></form>");
        return;
    }
    m.raw("<fieldset class=\"cr-arms\"><legend>At most 16</legend>");
    for run in all {
        let ticked = if chosen.contains(&run.id.as_str()) { "checked" } else { "data-off" };
        let label = format!("{} ({}/{})", run.recipe.name, run.step, run.recipe.steps);
        m.raw("<label class=\"cr-tick\"><input type=\"checkbox\" name=\"run\" ");
        m.put("value=\"{}\" {}>{}</label>", &[run.id.as_str(), ticked, &label]);
    }
    m.raw(
        "</fieldset><label class=\"field\"><span>Figure</span><select name=\"metric\" data-testid=\"overlay-metric\">",
    );
    if !names.iter().any(|name| *name == metric) {
        m.put("<option selected>{}</option>", &[metric]);
    }
    for name in names {
        m.raw(if *name == metric { "<option selected>" } else { "<option>" });
        m.text(name);
        m.raw("</option>");
    }
    m.raw("</select></label><p class=\"actions\"><button class=\"button button-main\" type=\"submit\" data-testid=\"overlay-show\">Show</button></p></form>");
}

fn chart(m: &mut Markup, lines: &[Line], metric: &str) {
    let points = |line: &Line| line.figures.get(metric).cloned().unwrap_or_default();
    let every: Vec<(f64, f64)> = lines.iter().flat_map(&points).filter(|p| p.1.is_finite()).collect();
    m.put("<section class=\"cr-card cr\" data-testid=\"overlay\"><h2>{}</h2>", &[metric]);
    if every.is_empty() {
        m.raw("<p class=\"empty\">None of the chosen runs has this figure yet.</p></section>");
        return;
    }
    let span = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let last = span(&mut every.iter().map(|p| p.0)).1.max(1.0);
    let (mut low, mut high) = span(&mut every.iter().map(|p| p.1));
    if metric.starts_with("eval/") {
        (low, high) = (0.0, 1.0);
    } else if high - low < 1e-9 {
        (low, high) = (low - 0.5, high + 0.5);
    }
    let (x, y) = (|v: f64| v / last * 100.0, |v: f64| 100.0 - (v - low) / (high - low) * 100.0);
    let told: Vec<String> = lines
        .iter()
        .filter_map(|line| Some(format!("{} ends at {}", line.run.recipe.name, number(points(line).last()?.1, 3))))
        .collect();
    let digits = if high - low >= 10.0 { 0 } else { 2 };
    m.raw("<div class=\"cr-plane cr-wide\"><div class=\"cr-up\" aria-hidden=\"true\">");
    for tick in [high, (low + high) / 2.0, low] {
        m.put("<span>{}</span>", &[&number(tick, digits)]);
    }
    m.put(
        "</div><div class=\"cr-field\"><svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{} over steps: {}\">",
        &[metric, &told.join("; ")],
    );
    m.raw("<path class=\"cr-axis\" d=\"M0 0H100M0 25H100M0 50H100M0 75H100M0 0V100H100\"/>");
    for (place, line) in lines.iter().enumerate() {
        let path: Vec<String> = points(line).iter().map(|(step, v)| format!("{:.2} {:.2}", x(*step), y(*v))).collect();
        if !path.is_empty() {
            let class = format!("cr-line cr-arm-{}", 1 + place % 7);
            m.put("<path class=\"{}\" d=\"M{}\"/>", &[&class, &path.join("L")]);
        }
    }
    m.raw("</svg></div><div class=\"cr-scale cr-below\" aria-hidden=\"true\"><span>0</span><span>step</span>");
    m.put("<span>{}</span></div></div><ul class=\"cr-legend\">", &[&number(last, 0)]);
    for (place, line) in lines.iter().enumerate() {
        let ends = points(line).last().map_or_else(|| "no such figure".to_owned(), |p| number(p.1, 3));
        m.put(
            "<li class=\"{}\"><svg viewBox=\"0 0 28 8\" aria-hidden=\"true\">",
            &[&format!("cr-arm-{}", 1 + place % 7)],
        );
        m.raw("<path class=\"cr-line\" d=\"M0 4H28\"/></svg>");
        m.put(
            "<a href=\"/runs/{}\" rel=\"external\">{}</a> <small>{}</small></li>",
            &[line.run.id.as_str(), &line.run.recipe.name, &ends],
        );
    }
    m.raw("</ul></section>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_gathered_by_name() {
        let events = [
            Event::Metrics { step: 1, values: [("loss".to_owned(), 2.0)].into() },
            Event::Metrics { step: 2, values: [("loss".to_owned(), 1.0), ("kl".to_owned(), 0.1)].into() },
        ];
        let found = figures(events.into_iter());
        assert_eq!(found["loss"], [(1.0, 2.0), (2.0, 1.0)]);
        assert_eq!(found["kl"], [(2.0, 0.1)]);
    }
}
