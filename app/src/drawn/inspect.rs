//! `/truth/inspect`: a stored answer of a training step under its loss, with the formula bound to the token that was pressed.

use super::fields::{self, problem};
use super::{Asked, Drawn, head};
use crate::state::figures::{number, signed, tone};
use crate::state::lab::markup::Markup;
use clicker_service::Service;
use clicker_wire::{Inspection, RunId, TokenTerm};

/// The page.
pub(crate) async fn draw(service: &Service, asked: &Asked) -> Drawn {
    let mut m = Markup::new();
    head(
        &mut m,
        "Inspect a training step",
        "One answer that a run was trained on, token by token: press a token, and the loss is written out with its numbers.",
    );
    let run = asked.get("run").unwrap_or_default();
    choose_run(&mut m, service, run).await;
    if run.is_empty() {
        m.raw(
            "<p class=\"empty\"><span class=\"empty-title\">No answer is shown yet</span><span>Choose a run of the GRPO family: of every step the \
             first two groups are kept. Each token of an answer then shows which way the step pushed it. <a href=\"/runs\" \
             rel=\"external\">Start a run</a> if there is none.</span></p>",
        );
        return Drawn::page(m);
    }
    let id = RunId::from(run);
    let stored = match service.stored_answers(&id).await {
        Ok(stored) => stored,
        Err(e) => {
            problem(&mut m, &e.to_string());
            return Drawn { missing: true, ..Drawn::page(m) };
        }
    };
    let number_of = |key: &str| asked.get(key).and_then(|text| text.parse::<u32>().ok());
    let step = number_of("step").or_else(|| stored.first().map(|(step, _)| *step));
    let (group, sample) = (number_of("group").unwrap_or(0), number_of("sample").unwrap_or(0));
    let Some(step) = step else {
        m.raw(
            "<p class=\"empty\"><span class=\"empty-title\">This run has stored no answers</span><span>Runs of the GRPO family keep the \
             first two groups of every step; other algorithms draw no answers of their own.</span></p>",
        );
        return Drawn::page(m);
    };
    places(&mut m, run, &stored, (step, group, sample));
    match service.inspect_step(&id, (step, group, sample)).await {
        Ok(seen) => answer(&mut m, run, &seen, number_of("token").unwrap_or(0)),
        Err(e) => problem(&mut m, &e.to_string()),
    }
    Drawn::page(m)
}

async fn choose_run(m: &mut Markup, service: &Service, run: &str) {
    let runs = service.runs().await.unwrap_or_default();
    m.raw("<form class=\"panel\" method=\"get\" action=\"/truth/inspect\" data-testid=\"inspect-form\"><div class=\"row\">");
    fields::runs(m, "Run", &runs, run);
    m.raw("<button class=\"button button-main\">Show</button></div></form>");
}

fn address(run: &str, (step, group, sample): (u32, u32, u32)) -> String {
    format!("/truth/inspect?run={}&step={step}&group={group}&sample={sample}", fields::encoded(run))
}

/// Links to all stored answers: steps, and the answers of the step that is shown.
fn places(m: &mut Markup, run: &str, stored: &[(u32, Vec<u32>)], (step, group, sample): (u32, u32, u32)) {
    m.raw("<nav class=\"panel\" aria-label=\"Stored answers\" data-testid=\"stored\"><p class=\"hint\">Steps that stored answers</p><p class=\"places\">");
    for (at, _) in stored {
        place(m, &address(run, (*at, 0, 0)), &at.to_string(), *at == step);
    }
    m.raw("</p>");
    if let Some((_, sizes)) = stored.iter().find(|(at, _)| *at == step) {
        for (g, size) in (0u32..).zip(sizes) {
            m.put(
                "<p class=\"hint\">Group {} of step {}</p><p class=\"places\">",
                &[&(g + 1).to_string(), &step.to_string()],
            );
            for s in 0..*size {
                place(m, &address(run, (step, g, s)), &format!("answer {}", s + 1), (g, s) == (group, sample));
            }
            m.raw("</p>");
        }
    }
    m.raw("</nav>");
}

fn place(m: &mut Markup, address: &str, text: &str, here: bool) {
    m.put("<a class=\"place\" href=\"{}\" rel=\"external\"", &[address]);
    if here {
        m.raw(" aria-current=\"true\"");
    }
    m.put(">{}</a>", &[text]);
}

fn answer(m: &mut Markup, run: &str, seen: &Inspection, token: u32) {
    let chosen = (token as usize).min(seen.tokens.len().saturating_sub(1));
    m.put(
        "<section class=\"panel\" data-testid=\"inspection\"><h2>Step {}, group {}, answer {}</h2><div class=\"turns\"><p \
         class=\"turn\"><span class=\"turn-who\">question</span>{}</p></div>",
        &[
            &seen.step.to_string(),
            &(seen.group + 1).to_string(),
            &(seen.sample + 1).to_string(),
            seen.item.question(),
        ],
    );
    m.put(
        "<p>Reward {}, advantage <b class=\"{}\">{}</b>: the update makes its tokens {}.</p><p class=\"shift\" \
         data-testid=\"inspect-tokens\">",
        &[
            &number(seen.reward.total, 3),
            tone(seen.advantage),
            &signed(seen.advantage, 3),
            match seen.advantage {
                a if a > 0.0 => "likelier",
                a if a < 0.0 => "less likely",
                _ => "neither likelier nor less likely",
            },
        ],
    );
    for (t, term) in seen.tokens.iter().enumerate() {
        // Of a dialogue, what the user said before this turn.
        for reply in seen.replies.iter().filter(|reply| reply.tokens as usize == t) {
            m.put("<span class=\"shift-part\">user: {}</span>", &[&reply.said]);
        }
        // A slope of -1 makes the token likelier as fast as an advantage of 1 does.
        let class = match term.slope {
            s if s <= -0.005 => "shift-up",
            s if s >= 0.005 => "shift-down",
            _ => "shift-even",
        };
        let by = number(term.slope.abs().min(1.5) / 1.5 * 100.0, 0);
        let address = format!("{}&token={t}", address(run, (seen.step, seen.group, seen.sample)));
        m.put("<a class=\"shift-token {}\" style=\"--by:{}%\" href=\"{}\" rel=\"external\"", &[class, &by, &address]);
        if t == chosen {
            m.raw(" aria-current=\"true\"");
        }
        m.put(">{}</a>", &[if term.text.is_empty() { "end" } else { &term.text }]);
    }
    m.raw("</p><p class=\"hint\">Solid line: this update makes the token likelier; dashed line: less likely; no line: nothing pulls at it.</p>");
    if let Some(term) = seen.tokens.get(chosen) {
        formula(m, seen, chosen, term);
    }
    all_tokens(m, seen, chosen);
    receipts(m, seen);
    m.raw("<details open><summary>What of this is stored, and what is computed</summary>");
    fields::sentences(m, &seen.provenance);
    m.raw("</details></section>");
}

fn formula(m: &mut Markup, seen: &Inspection, chosen: usize, term: &TokenTerm) {
    let shown = if term.text.is_empty() { "end" } else { term.text.as_str() };
    m.put(
        "<div class=\"formula\" data-testid=\"formula\"><h3>Token {}, <code class=\"tok\">{}</code></h3><p \
         class=\"hint\">{}</p><p class=\"formula-line\">{}</p><p class=\"formula-line formula-bound\">{}</p><p class=\"hint\">Divided by \
         {}.</p>",
        &[&(chosen + 1).to_string(), shown, &seen.loss, &seen.formula, &term.written, &seen.divisor],
    );
    m.raw("<dl class=\"facts\">");
    let mut fact = |name: &str, value: String, what: &str| {
        m.put("<div><dt>{} <span class=\"cell-note\">{}</span></dt><dd>{}</dd></div>", &[name, what, &value]);
    };
    fact("ln π_old", number(term.old_logprob, 4), "under the model that drew it (stored)");
    fact("ln π", number(term.logprob, 4), "under the model being trained (stored)");
    if let Some(reference) = term.ref_logprob {
        fact("ln π_ref", number(reference, 4), "under the reference (stored)");
    }
    fact("r", number(term.ratio, 4), "the ratio (computed)");
    fact("A", number(term.advantage, 4), "the advantage (stored)");
    if let Some(kl) = term.kl {
        fact("KL", number(kl, 5), "of this token, before its weight β (computed)");
        fact("β", number(seen.beta, 4), "the weight of the KL");
    }
    fact("loss", number(term.total, 4), "of this token (computed)");
    fact("slope", signed(term.slope, 4), "d loss / d ln π: below 0 the update makes the token likelier (computed)");
    m.raw("</dl>");
    m.raw(if term.clipped {
        "<p>The clip holds this token: it has moved as far as one batch may move it, so the advantage pulls no more.</p>"
    } else {
        ""
    });
    m.raw("</div>");
}

fn all_tokens(m: &mut Markup, seen: &Inspection, chosen: usize) {
    m.raw(
        "<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table table-tight\" data-testid=\"inspect-table\"><caption \
         class=\"sr-only\">All tokens of the answer</caption><thead><tr><th scope=\"col\">token</th><th scope=\"col\" class=\"num\">ln \
         π_old</th><th scope=\"col\" class=\"num\">ln π</th><th scope=\"col\" class=\"num\">ratio</th><th scope=\"col\" \
         class=\"num\">KL</th><th scope=\"col\" class=\"num\">loss</th><th scope=\"col\" class=\"num\">slope</th><th scope=\"col\">\
         </th></tr></thead><tbody>",
    );
    for (t, term) in seen.tokens.iter().enumerate() {
        m.raw(if t == chosen { "<tr class=\"shift-row\">" } else { "<tr>" });
        m.put(
            "<th scope=\"row\"><code class=\"tok\">{}</code></th><td class=\"num\">{}</td><td class=\"num\">{}</td><td \
             class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td>{}</td></tr>",
            &[
                if term.text.is_empty() { "end" } else { &term.text },
                &number(term.old_logprob, 3),
                &number(term.logprob, 3),
                &number(term.ratio, 4),
                &term.kl.map_or_else(|| "-".to_owned(), |kl| number(kl, 5)),
                &number(term.total, 4),
                &signed(term.slope, 4),
                if term.clipped { "held by the clip" } else { "" },
            ],
        );
    }
    m.raw("</tbody></table></div>");
}

fn receipts(m: &mut Markup, seen: &Inspection) {
    if seen.reward.receipts.is_empty() {
        return;
    }
    m.raw("<details open><summary>Who paid for this answer</summary><ul class=\"sentences\">");
    for receipt in &seen.reward.receipts {
        m.put("<li><b>{}</b> {}: {}</li>", &[&receipt.grader, &signed(receipt.contribution(), 2), &receipt.reason]);
    }
    m.raw("</ul></details>");
}
