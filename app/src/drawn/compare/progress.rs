//! Where the runs of a comparison stand: an arm per row, a seed per column.

use crate::state::lab::markup::Markup;
use clicker_wire::{ComparisonPart, ComparisonRun, Run, RunStatus, StoredComparison};

/// The table. `runs` are those of `stored`, in its order.
pub(super) fn draw(m: &mut Markup, stored: &StoredComparison, runs: &[Run]) {
    let prepares = |of: &ComparisonRun| of.part != ComparisonPart::Seed;
    let prepared = stored.runs.iter().any(prepares);
    m.raw("<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table\" data-testid=\"compare-progress\"><thead><tr><th scope=\"col\">Arm</th>");
    if prepared {
        m.raw("<th scope=\"col\">before</th>");
    }
    for seed in &stored.experiment.seeds {
        m.put("<th scope=\"col\">seed {}</th>", &[&seed.to_string()]);
    }
    m.raw("</tr></thead><tbody>");
    for arm in &stored.experiment.arms {
        m.put("<tr><th scope=\"row\">{}</th>", &[&arm.name]);
        let mine = || stored.runs.iter().zip(runs).filter(|(of, _)| of.arm == arm.name);
        if arm.recipe.is_none() {
            let columns = (stored.experiment.seeds.len() + usize::from(prepared)).to_string();
            m.put("<td colspan=\"{}\" class=\"muted\">the starting model as it is</td></tr>", &[&columns]);
            continue;
        }
        if prepared {
            m.raw("<td>");
            for (of, run) in mine().filter(|(of, _)| prepares(of)) {
                m.put("<div>{}: ", &[&of.part.name(of.seed)]);
                cell(m, run);
                m.raw("</div>");
            }
            m.raw("</td>");
        }
        for seed in &stored.experiment.seeds {
            m.raw("<td>");
            match mine().find(|(of, _)| of.part == ComparisonPart::Seed && of.seed == *seed) {
                Some((_, run)) => cell(m, run),
                None => m.raw("<span class=\"muted\">not queued yet</span>"),
            }
            m.raw("</td>");
        }
        m.raw("</tr>");
    }
    m.raw("</tbody></table></div>");
}

fn cell(m: &mut Markup, run: &Run) {
    let (step, steps) = (run.step.to_string(), run.recipe.steps.to_string());
    m.put("<a href=\"/runs/{}\" rel=\"external\">{}</a>", &[run.id.as_str(), status(run.status)]);
    m.put("<br><progress class=\"progress\" max=\"{}\" value=\"{}\"", &[&steps, &step]);
    m.put(" aria-label=\"step {} of {}\"></progress> {}/{}", &[&step, &steps, &step, &steps]);
}

fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Queued => "waits",
        RunStatus::Running => "trains",
        RunStatus::Paused => "paused",
        RunStatus::Succeeded => "done",
        RunStatus::Failed => "failed",
        RunStatus::Stopped => "stopped",
    }
}
