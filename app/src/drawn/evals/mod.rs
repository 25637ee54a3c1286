//! `/truth/evals`: what an evaluation found, the ones that were asked for, and the form that asks for another.

mod confidence;
mod section;

use super::{Asked, Drawn, fields, head};
use crate::state::lab::markup::Markup;
use clicker_service::Service;
use clicker_wire::{Evaluation, EvaluationStatus, Manifest, SuiteReport};

/// Address of the page.
const PAGE: &str = "/truth/evals";

/// The page: a list, or one evaluation where the query names it.
pub(crate) async fn draw(service: &Service, asked: &Asked) -> Drawn {
    match asked.get("eval") {
        Some(id) => one(service, id).await,
        None => list(service, asked).await,
    }
}

async fn list(service: &Service, asked: &Asked) -> Drawn {
    let (all, checkpoints) = match (service.evaluations().await, service.checkpoints().await) {
        (Ok(all), Ok(checkpoints)) => (all, checkpoints),
        (Err(e), _) | (_, Err(e)) => return Drawn::missing("The evaluations cannot be read", &e.to_string()),
    };
    let mut m = Markup::new();
    head(
        &mut m,
        "Evaluations",
        "Ask a checkpoint a whole suite of questions: does it tell the truth, know when it does not know, keep its answers when it is \
         asked differently or attacked, keep rules, treat names alike? Every figure has its n and a 95 % interval.",
    );
    m.raw("<div class=\"split\"><section class=\"panel\" aria-labelledby=\"evals-list\"><h2 id=\"evals-list\">Asked for</h2>");
    table(&mut m, &all, &checkpoints);
    m.raw("</section>");
    form(&mut m, service, asked, &service.answering_checkpoints().await.unwrap_or_default());
    m.raw("</div>");
    Drawn::page(m)
}

/// Every evaluation, newest first.
fn table(m: &mut Markup, all: &[Evaluation], checkpoints: &[Manifest]) {
    if all.is_empty() {
        m.raw(
            "<div class=\"empty\"><span class=\"empty-title\">No evaluation yet</span>The form asks for one. It is done beside training, one at a \
             time, and stays here.</div>",
        );
        return;
    }
    m.raw(
        "<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table\" data-testid=\"evals\"><thead><tr><th scope=\"col\">No.</th>\
         <th scope=\"col\">Checkpoint</th><th scope=\"col\">Suite</th><th scope=\"col\" class=\"num\">Questions</th><th scope=\"col\">Status</th></tr></thead><tbody>",
    );
    for evaluation in all {
        let id = evaluation.id.to_string();
        let items = match evaluation.order.items {
            0 => "all".to_owned(),
            n => n.to_string(),
        };
        m.put("<tr><th scope=\"row\"><a href=\"/truth/evals?eval={}\" rel=\"external\">{}</a></th>", &[&id, &id]);
        m.put(
            "<td>{}</td><td>{}</td><td class=\"num\">{}</td><td>{}</td></tr>",
            &[
                &name_of(&evaluation.order.checkpoint, checkpoints),
                &evaluation.order.suite,
                &items,
                &status(evaluation),
            ],
        );
    }
    m.raw("</tbody></table></div>");
    if all.iter().any(|e| matches!(e.status, EvaluationStatus::Queued | EvaluationStatus::Running)) {
        m.put("<p><a class=\"button\" href=\"{}\" rel=\"external\">Look again</a></p>", &[PAGE]);
    }
}

/// What becomes of one, in words.
fn status(evaluation: &Evaluation) -> String {
    match evaluation.status {
        EvaluationStatus::Queued if evaluation.attempts > 0 => "cut off, waits to be done again".into(),
        EvaluationStatus::Queued => "waits".into(),
        EvaluationStatus::Running => "is being done".into(),
        EvaluationStatus::Failed => "failed".into(),
        EvaluationStatus::Succeeded => match (evaluation.started_ms, evaluation.ended_ms) {
            (Some(from), Some(to)) => format!("done in {:.0} s", (to - from).max(0) as f64 / 1e3),
            _ => "done".into(),
        },
    }
}

fn name_of(checkpoint: &str, checkpoints: &[Manifest]) -> String {
    let known = checkpoints.iter().find(|manifest| manifest.id.as_str() == checkpoint);
    known.map_or_else(|| checkpoint.chars().take(16).collect(), |manifest| manifest.name.clone())
}

fn form(m: &mut Markup, service: &Service, asked: &Asked, checkpoints: &[Manifest]) {
    m.raw("<section class=\"panel\" aria-labelledby=\"evals-form\"><h2 id=\"evals-form\">Evaluate</h2>");
    if !asked.owner {
        m.raw(
            "<p class=\"empty\">Only the owner of this server can ask for one: open the owner link that <code>clicker serve</code> printed. \
             <code>clicker eval --suite all</code> does the same without a server.</p></section>",
        );
        return;
    }
    m.raw("<form method=\"post\" action=\"/forms/evals\" class=\"stack\"><label class=\"field\"><span>Checkpoint</span><select name=\"checkpoint\">");
    let chosen = asked.get("checkpoint").unwrap_or_default();
    for manifest in checkpoints {
        let selected = if manifest.id.as_str() == chosen { "selected" } else { "data-other" };
        m.put("<option value=\"{}\" {}>{}</option>", &[manifest.id.as_str(), selected, &fields::shown(manifest)]);
    }
    m.raw("</select></label><label class=\"field\"><span>Suite</span><select name=\"suite\">");
    for (name, about) in service.suites() {
        m.put("<option value=\"{}\">{}: {}</option>", &[name, name, about]);
    }
    m.raw(
        "</select></label>\
         <label class=\"field\"><span>Questions (0: all)</span><input name=\"items\" type=\"number\" min=\"0\" max=\"2000\" value=\"200\" required></label>\
         <label class=\"field\"><span>Answers drawn per question</span><input name=\"resamples\" type=\"number\" min=\"0\" max=\"16\" value=\"4\" required></label>\
         <label class=\"field\"><span>Wrong answers allowed, %</span><input name=\"alpha\" type=\"number\" min=\"1\" max=\"99\" value=\"10\" required></label>\
         <button class=\"button button-main\" type=\"submit\">Start</button></form></section>",
    );
}

async fn one(service: &Service, id: &str) -> Drawn {
    let found = match id.parse() {
        Ok(id) => service.evaluation(id).await.map_err(|e| e.to_string()),
        Err(_) => Err("An evaluation has a whole number.".to_owned()),
    };
    let evaluation = match found {
        Ok(evaluation) => evaluation,
        Err(e) => return Drawn::missing("There is no such evaluation", &e),
    };
    let checkpoints = service.checkpoints().await.unwrap_or_default();
    let name = name_of(&evaluation.order.checkpoint, &checkpoints);
    let mut m = Markup::new();
    m.put("<p class=\"crumb\"><a href=\"{}\" rel=\"external\">Evaluations</a></p>", &[PAGE]);
    let order = &evaluation.order;
    let lead = format!(
        "Evaluation {}: {}. Seed {}, {} answers drawn per question.",
        evaluation.id,
        status(&evaluation),
        order.seed,
        order.resamples
    );
    head(&mut m, &format!("{name}: {}", order.suite), &lead);
    if let Some(error) = &evaluation.error {
        m.put("<p class=\"problem\" role=\"alert\">{}</p>", &[error]);
    }
    match &evaluation.report {
        Some(report) => self::report(&mut m, report),
        None if evaluation.error.is_none() => {
            let again = format!("{PAGE}?eval={}", evaluation.id);
            m.put("<p><a class=\"button\" href=\"{}\" rel=\"external\">Look again</a></p>", &[&again]);
        }
        None => {}
    }
    Drawn::page(m)
}

/// All that was found: what the answers were, how far their confidence can be trusted, and the suite's own sections.
fn report(m: &mut Markup, report: &SuiteReport) {
    if let Some(measured) = &report.measured {
        confidence::draw(m, measured);
    }
    for section in &report.sections {
        section::draw(m, section);
    }
}
