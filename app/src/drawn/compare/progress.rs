//! Where the runs of a comparison stand: an arm per row, a seed per column.

use crate::state::lab::markup::Markup;
use clicker_wire::{Run, RunStatus, StoredComparison};

/// The table. `runs` are those of `stored`, in its order.
pub(super) fn draw(m: &mut Markup, stored: &StoredComparison, runs: &[Run]) {
    m.raw("<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table\" data-testid=\"compare-progress\"><thead><tr><th scope=\"col\">Arm</th>");
    for seed in &stored.experiment.seeds {
        m.put("<th scope=\"col\">seed {}</th>", &[&seed.to_string()]);
    }
    m.raw("</tr></thead><tbody>");
    for arm in &stored.experiment.arms {
        m.put("<tr><th scope=\"row\">{}</th>", &[&arm.name]);
        let mine: Vec<&Run> =
            stored.runs.iter().zip(runs).filter(|(of, _)| of.arm == arm.name).map(|(_, run)| run).collect();
        if mine.is_empty() {
            let columns = stored.experiment.seeds.len().to_string();
            m.put("<td colspan=\"{}\" class=\"muted\">the starting model as it is</td>", &[&columns]);
        }
        for run in mine {
            let (step, steps) = (run.step.to_string(), run.recipe.steps.to_string());
            m.put("<td><a href=\"/runs/{}\" rel=\"external\">{}</a>", &[run.id.as_str(), status(run.status)]);
            m.put("<br><progress class=\"progress\" max=\"{}\" value=\"{}\"", &[&steps, &step]);
            m.put(" aria-label=\"step {} of {}\"></progress> {}/{}</td>", &[&step, &steps, &step, &steps]);
        }
        m.raw("</tr>");
    }
    m.raw("</tbody></table></div>");
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
