//! `/truth/compare`: comparisons of ways to train, the form that asks for one, and each with its progress and report;
//! `/truth/compare/runs`: figures of any runs on the same axes.

mod overlay;
mod progress;

pub(super) use overlay::draw as runs;

use super::{Asked, Drawn, head, report};
use crate::state::lab::markup::Markup;
use clicker_service::Service;
use clicker_wire::{Budget, BudgetKind, ComparisonPart, RunStatus, StoredComparison};

/// Arms that are ticked when the form opens.
const TICKED: [&str; 2] = ["sft", "truthful"];

/// The list and the form.
pub(super) async fn list(service: &Service, asked: &Asked) -> Drawn {
    let all = match service.comparisons().await {
        Ok(all) => all,
        Err(e) => return Drawn::missing("The comparisons cannot be read", &e.to_string()),
    };
    let mut m = Markup::new();
    head(
        &mut m,
        "Compare ways to train",
        "The same model, the same budget, the same seeds for every arm, and every difference with its interval.",
    );
    m.raw("<link rel=\"stylesheet\" href=\"/api/comparisons/report.css\"><p><a href=\"/truth/compare/runs\" rel=\"external\">Lay figures of any runs over each other</a></p>");
    form(&mut m, service, asked.owner);
    m.raw(
        "<section class=\"panel\" aria-labelledby=\"comparisons-title\"><h2 id=\"comparisons-title\">Comparisons</h2>",
    );
    if all.is_empty() {
        m.raw("<p class=\"empty\"><span>None yet. The form above starts one; <code>clicker compare</code> makes them without a server.</span></p>");
    } else {
        m.raw("<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table\" data-testid=\"comparisons\"><thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Arms</th><th scope=\"col\" class=\"num\">Seeds</th><th scope=\"col\" class=\"num\">Budget</th><th scope=\"col\">State</th></tr></thead><tbody>");
        for one in &all {
            let arms: Vec<&str> = one.experiment.arms.iter().map(|arm| arm.name.as_str()).collect();
            m.put(
                "<tr><th scope=\"row\"><a href=\"/truth/compare/{}\" rel=\"external\">{}</a></th><td>{}</td>",
                &[&one.id, &one.experiment.name, &arms.join(", ")],
            );
            let Budget { kind, amount } = one.experiment.budget;
            let (seeds, budget) = (one.experiment.seeds.len().to_string(), format!("{amount} {}", counted(kind)));
            m.put("<td class=\"num\">{}</td><td class=\"num\">{}</td><td>{}</td></tr>", &[&seeds, &budget, state(one)]);
        }
        m.raw("</tbody></table></div>");
    }
    m.raw("</section>");
    Drawn::page(m)
}

fn counted(kind: BudgetKind) -> &'static str {
    match kind {
        BudgetKind::Prompts => "prompts",
        BudgetKind::Labels => "labels",
        BudgetKind::Tokens => "tokens",
    }
}

fn state(one: &StoredComparison) -> &'static str {
    match (one.ended_ms, &one.error) {
        (None, _) => "goes on",
        (Some(_), None) => "done",
        (Some(_), Some(_)) => "failed",
    }
}

fn form(m: &mut Markup, service: &Service, owner: bool) {
    m.raw("<form class=\"panel\" method=\"post\" action=\"/forms/comparisons\" data-testid=\"compare-form\"><h2>Start a comparison</h2>");
    m.raw("<fieldset class=\"cr-arms\"><legend>Arms beside the starting model, which is always one</legend>");
    for name in service.comparison_arms() {
        let ticked = if TICKED.contains(&name) { "checked" } else { "data-off" };
        m.raw("<label class=\"cr-tick\"><input type=\"checkbox\" name=\"arm\" ");
        m.put("value=\"{}\" {}>{}</label>", &[name, ticked, name]);
    }
    m.raw("</fieldset><div class=\"fields\">");
    m.raw("<label class=\"field\"><span>Name</span><input type=\"text\" name=\"name\" maxlength=\"60\" placeholder=\"SFT against RFT\"></label>");
    m.raw("<label class=\"field\"><span>Seeds</span><input name=\"seeds\" type=\"number\" min=\"1\" max=\"10\" value=\"3\" required></label>");
    m.raw("<label class=\"field\"><span>Every arm gets, per seed</span><input name=\"amount\" type=\"number\" min=\"1\" max=\"100000000\" value=\"576\" required></label>");
    m.raw("<label class=\"field\"><span>of</span><select name=\"budget\"><option value=\"prompts\">training prompts</option><option value=\"labels\">labelled examples</option><option value=\"tokens\">tokens</option></select></label>");
    m.raw("<label class=\"cr-tick\"><input type=\"checkbox\" name=\"tune\">Tune learning rates first</label>");
    m.raw("</div><p class=\"hint\">Steps follow from the budget: 576 prompts are 24 steps of a recipe that asks 24 a step, and 9 of one that shows 64 \
           demonstrations; of tokens, 100,000 are a short run. Labelled examples are how many of them exist at all: the steps are then the \
           recipe's. Tuned, every arm tries a third, one and three times its recipe's learning rate with a quarter of the budget, on \
           training questions held back. Runs go into the ordinary queue and are listed under Runs.</p>");
    let button = "<button class=\"button button-main\" type=\"submit\" data-testid=\"compare-start\"";
    m.raw("<p class=\"actions\">");
    m.raw(button);
    m.raw(if owner { ">Start</button>" } else { " disabled>Start</button>" });
    m.raw("</p>");
    if !owner {
        m.raw("<p class=\"hint\">Only the owner of this server can start one: open the owner link that <code>clicker serve</code> printed.</p>");
    }
    m.raw("</form>");
}

/// One comparison: its progress, and its report once it is there.
pub(super) async fn one(service: &Service, id: &str) -> Drawn {
    let stored = match service.comparison(id).await {
        Ok(stored) => stored,
        Err(e) => return Drawn::missing("There is no such comparison", &e.to_string()),
    };
    let mut runs = Vec::new();
    for of in &stored.runs {
        match service.run(&of.run).await {
            Ok(run) => runs.push(run),
            Err(e) => return Drawn::missing("A run of this comparison cannot be read", &e.to_string()),
        }
    }
    let result = match service.comparison_result(id).await {
        Ok(result) => result,
        Err(e) => return Drawn::missing("The result of this comparison cannot be read", &e.to_string()),
    };
    let mut m = Markup::new();
    m.raw("<p class=\"crumb\"><a href=\"/truth/compare\" rel=\"external\">Comparisons</a></p>");
    head(&mut m, &stored.experiment.name, "Ways to train, compared on the same questions.");
    if let Some(error) = &stored.error {
        m.put("<p class=\"problem\" role=\"alert\" data-testid=\"compare-error\">{}</p>", &[error]);
    }
    match &result {
        Some(result) => {
            m.put(
                "<p class=\"actions\" data-testid=\"compare-files\"><a class=\"button\" href=\"/api/comparisons/{}/report\" rel=\"external\" download>report.html</a>",
                &[id],
            );
            m.put("<a class=\"button\" href=\"/api/comparisons/{}/result\" rel=\"external\">JSON</a>", &[id]);
            let query: Vec<String> = stored.runs.iter().map(|run| format!("run={}", run.run)).collect();
            m.put(
                "<a class=\"button\" href=\"/truth/compare/runs?{}\" rel=\"external\">Curves of its runs</a></p>",
                &[&query.join("&")],
            );
            m.raw("<link rel=\"stylesheet\" href=\"/api/comparisons/report.css\">");
            m.drawn(&report::inside(result).done());
            m.raw("<details class=\"panel\"><summary>Its runs</summary>");
            progress::draw(&mut m, &stored, &runs);
            m.raw("</details>");
        }
        None => {
            m.raw("<section class=\"panel\"><h2>Progress</h2>");
            progress::draw(&mut m, &stored, &runs);
            if stored.error.is_none() {
                let seeds = stored.runs.iter().filter(|of| of.part == ComparisonPart::Seed).count();
                let trained = stored.experiment.arms.iter().filter(|arm| arm.recipe.is_some()).count();
                let asking = seeds == trained * stored.experiment.seeds.len()
                    && runs
                        .iter()
                        .all(|run| !matches!(run.status, RunStatus::Queued | RunStatus::Running | RunStatus::Paused));
                m.raw(if asking {
                    "<p class=\"hint\">All runs have ended; the held-out questions are being asked. "
                } else {
                    "<p class=\"hint\">Learning rates and reward models first, where there are any; then arms take turns, seed by seed. "
                });
                m.put(
                    "<a href=\"/truth/compare/{}\" rel=\"external\" data-testid=\"compare-reload\">Look again</a></p>",
                    &[id],
                );
            }
            m.raw("</section>");
        }
    }
    Drawn::page(m)
}
