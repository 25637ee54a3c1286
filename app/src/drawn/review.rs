//! `/truth/review`: answers that a person should look at, why they are here, and what people decide about them.

use super::fields::{self, problem};
use super::{Asked, Drawn, head};
use crate::state::figures::{moment, percent};
use crate::state::lab::markup::Markup;
use clicker_service::Service;
use clicker_wire::{
    CheckpointId, ReviewDecision, ReviewReason, ReviewScan, ReviewSource, ReviewVerdict, Reviewed, Standing,
};
use std::collections::BTreeMap;

/// Entries on a page.
const PAGE: usize = 12;

/// Lists of entries: name in the address, name for people.
const LISTS: [(&str, &str); 4] =
    [("open", "waiting"), ("disputed", "disagreed on"), ("decided", "decided"), ("all", "all")];

/// The page.
pub(crate) async fn draw(service: &Service, asked: &Asked) -> Drawn {
    let mut m = Markup::new();
    head(
        &mut m,
        "Review queue",
        "What the model is unsure of comes before a person. What people decide becomes training data that says where it is from.",
    );
    said(&mut m, asked);
    let all = match service.reviews().await {
        Ok(all) => all,
        Err(e) => {
            problem(&mut m, &e.to_string());
            return Drawn::page(m);
        }
    };
    let names: BTreeMap<CheckpointId, String> = service
        .checkpoints()
        .await
        .unwrap_or_default()
        .into_iter()
        .map(|c| (c.id.clone(), fields::shown(&c)))
        .collect();
    let show = asked.get("show").unwrap_or("open");
    let name = asked.get("as").unwrap_or_default();
    lists(&mut m, &all, show, name);
    let listed: Vec<&Reviewed> = all.iter().rev().filter(|r| belongs(r, show)).collect();
    let page = asked.get("page").and_then(|p| p.parse::<usize>().ok()).unwrap_or(1).max(1);
    for reviewed in listed.iter().skip((page - 1) * PAGE).take(PAGE) {
        let id = service.review_id().unwrap_or_default();
        entry(&mut m, reviewed, &names, &Reader { id: &id, name, show, owner: asked.owner });
    }
    if listed.is_empty() {
        m.raw(
            "<p class=\"empty\"><span class=\"empty-title\">Nothing is here</span><span>The owner of this server can let a model answer \
             questions and file what it is unsure of, with the form below. Anybody can hand in an answer with \
             “Ask a person” in the <a href=\"/\" rel=\"external\">playground</a>, or on the page <a href=\"/truth/explain\" \
             rel=\"external\">Explain an answer</a>.</span></p>",
        );
    }
    pages(&mut m, listed.len(), page, show, name);
    scan(&mut m, service, asked.owner).await;
    export(&mut m, asked.owner);
    Drawn::page(m)
}

/// Who looks at the page.
struct Reader<'a> {
    /// A fresh id for a decision.
    id: &'a str,
    name: &'a str,
    show: &'a str,
    owner: bool,
}

/// What came of the form that led here.
fn said(m: &mut Markup, asked: &Asked) {
    if let (Some(all), Some(found), Some(filed)) = (asked.get("asked"), asked.get("found"), asked.get("filed")) {
        m.put(
            "<p class=\"panel\" role=\"status\" data-testid=\"scanned\">{} questions asked: {} answers that a person should see, {} of \
             them new here.</p>",
            &[all, found, filed],
        );
    }
    if asked.get("handed").is_some() {
        m.raw("<p class=\"panel\" role=\"status\" data-testid=\"handed\">The answer is in the queue.</p>");
    }
    match asked.get("problem") {
        Some("name") => problem(m, "Write a name, any you like and the same one every time; “owner” is the owner's."),
        Some("text") => problem(m, "Write the answer as it should have been, or choose another decision."),
        Some("conflict") => {
            problem(m, "This form was used already for another decision. Reload the page and decide again.");
        }
        Some("full") => problem(m, "Too many answers wait already. Decide some of them first."),
        Some("gone") => {
            problem(m, "What the form names is not here: a question, a model or an answer that was removed.");
        }
        Some(_) => problem(m, "The form could not be used: a number lies outside of its range, or a text is too long."),
        None => {}
    }
}

fn belongs(reviewed: &Reviewed, list: &str) -> bool {
    matches!(
        (list, reviewed.standing()),
        ("all", _) | ("open", Standing::Open) | ("disputed", Standing::Disputed) | ("decided", Standing::Decided(_))
    )
}

fn lists(m: &mut Markup, all: &[Reviewed], show: &str, name: &str) {
    m.raw("<nav class=\"places\" aria-label=\"Lists\">");
    for (list, title) in LISTS {
        let count = all.iter().filter(|r| belongs(r, list)).count();
        m.put("<a class=\"place\" rel=\"external\" href=\"{}\"", &[&address(list, 1, name)]);
        if list == show {
            m.raw(" aria-current=\"true\"");
        }
        m.put(">{} ({})</a>", &[title, &count.to_string()]);
    }
    m.raw("</nav>");
}

fn address(list: &str, page: usize, name: &str) -> String {
    let mut out = format!("/truth/review?show={list}");
    if page > 1 {
        out += &format!("&page={page}");
    }
    if !name.is_empty() {
        out += &format!("&as={}", fields::encoded(name));
    }
    out
}

fn pages(m: &mut Markup, count: usize, page: usize, show: &str, name: &str) {
    let last = count.div_ceil(PAGE);
    if last < 2 {
        return;
    }
    m.raw("<nav class=\"places\" aria-label=\"Pages\">");
    for number in 1..=last {
        m.put("<a class=\"place\" rel=\"external\" href=\"{}\"", &[&address(show, number, name)]);
        if number == page {
            m.raw(" aria-current=\"true\"");
        }
        m.put(">{}</a>", &[&number.to_string()]);
    }
    m.raw("</nav>");
}

fn entry(m: &mut Markup, reviewed: &Reviewed, names: &BTreeMap<CheckpointId, String>, reader: &Reader<'_>) {
    let entry = &reviewed.entry;
    m.put("<article class=\"panel review\" id=\"r-{}\" data-testid=\"review\"><div class=\"turns\">", &[&entry.id]);
    for turn in &entry.item.messages {
        m.put("<p class=\"turn\">{}</p>", &[&turn.content]);
    }
    m.raw("</div>");
    if let Some(answer) = entry.answers.first() {
        m.put("<p class=\"review-answer\" data-testid=\"review-answer\">{}</p>", &[shown(&answer.text)]);
    }
    m.raw("<div class=\"review-why\"><p class=\"hint\">Why it is here</p><ul class=\"sentences\">");
    for reason in &entry.reasons {
        m.put("<li>{}</li>", &[&why(reason)]);
    }
    if entry.source == ReviewSource::HandedIn {
        let by = if entry.by.is_empty() { "Somebody" } else { &entry.by };
        m.put(
            "<li>{} handed it in{}</li>",
            &[by, &if entry.note.is_empty() { ".".to_owned() } else { format!(": {}", entry.note) }],
        );
    }
    m.raw("</ul></div>");
    if entry.answers.len() > 1 {
        let others = entry.answers.len() - 1;
        m.put("<details><summary>{} more answers to the same question, drawn at temperature 1</summary><ul class=\"sentences\">", &[&others.to_string()]);
        for answer in &entry.answers[1..] {
            m.put("<li>{}</li>", &[shown(&answer.text)]);
        }
        m.raw("</ul></details>");
    }
    let id = entry.checkpoint.as_str();
    let model = names.get(&entry.checkpoint).map_or(id, String::as_str);
    m.put("<p class=\"hint\">{} answered, {}.</p>", &[model, &moment(reviewed.stored_ms)]);
    decisions(m, reviewed);
    decide(m, reviewed, reader);
    m.raw("</article>");
}

fn shown(text: &str) -> &str {
    if text.trim().is_empty() { "(nothing)" } else { text }
}

fn why(reason: &ReviewReason) -> String {
    let p = |x: f64| percent(x, 0);
    match reason {
        ReviewReason::LowAgreement { agreement, threshold } if *agreement == 0.0 => {
            format!("None of its drawn answers say the same; less than {} is brought before a person.", p(*threshold))
        }
        ReviewReason::LowAgreement { agreement, threshold } => {
            format!(
                "Only {} of its drawn answers say the same; less than {} is brought before a person.",
                p(*agreement),
                p(*threshold)
            )
        }
        ReviewReason::LowProbability { probability, threshold } => {
            format!(
                "It gives this answer a probability of {}; less than {} is brought before a person.",
                p(*probability),
                p(*threshold)
            )
        }
        ReviewReason::NoMajority { different, samples } => {
            format!(
                "Its {samples} drawn answers say {different} different things, none of them more than half the time."
            )
        }
        ReviewReason::NearMiss { rule, broken, samples } => {
            format!("This answer keeps the rule “{rule}”, but {broken} of {samples} drawn ones break it.")
        }
        ReviewReason::RuleBroken { rule } => format!("This answer breaks the rule “{rule}”."),
    }
}

fn decisions(m: &mut Markup, reviewed: &Reviewed) {
    if reviewed.decisions.is_empty() {
        return;
    }
    m.raw("<ul class=\"sentences\" data-testid=\"decisions\">");
    for decision in &reviewed.decisions {
        m.put(
            "<li><b>{}</b>{}: {} <span class=\"hint\">{}</span></li>",
            &[
                &decision.reviewer,
                if decision.owner { " (owner of this server)" } else { "" },
                &verdict(decision),
                &moment(decision.decided_ms),
            ],
        );
    }
    m.raw("</ul>");
    match reviewed.standing() {
        Standing::Disputed => {
            m.raw("<p class=\"problem\">They disagree: nothing is learnt from it until the owner decides, or they are of one mind.</p>");
        }
        Standing::Decided(holds) => m.put("<p class=\"hint\">What holds: {}.</p>", &[&verdict(holds)]),
        Standing::Open => {}
    }
}

fn verdict(decision: &ReviewDecision) -> String {
    match &decision.verdict {
        ReviewVerdict::Corrected { text } => format!("should have said “{text}”"),
        other => other.words().to_owned(),
    }
}

fn decide(m: &mut Markup, reviewed: &Reviewed, reader: &Reader<'_>) {
    m.put(
        "<form class=\"review-form\" method=\"post\" action=\"/truth/review/decide\"><input type=\"hidden\" name=\"id\" \
         value=\"{}\"><input type=\"hidden\" name=\"review\" value=\"{}\"><input type=\"hidden\" name=\"show\" value=\"{}\">",
        &[reader.id, &reviewed.entry.id, reader.show],
    );
    if reader.owner {
        m.raw("<p class=\"hint\">You decide as the owner of this server: your word settles it.</p>");
    } else {
        m.put(
            "<label class=\"field\"><span>Your name, any you like, the same one every time</span><input type=\"text\" name=\"as\" \
             value=\"{}\" maxlength=\"60\" required autocomplete=\"nickname\"></label>",
            &[reader.name],
        );
    }
    m.raw("<div class=\"actions\">");
    for (value, text) in [
        ("right", "Right"),
        ("wrong", "Wrong"),
        ("should_abstain", "Should say “I don't know”"),
        ("should_decline", "Should decline"),
        ("skip", "Skip"),
    ] {
        m.put("<button class=\"button\" name=\"verdict\" value=\"{}\">{}</button>", &[value, text]);
    }
    m.raw(
        "</div><div class=\"row\"><label class=\"field grow\"><span>or what it should have said</span><input type=\"text\" name=\"text\" \
         maxlength=\"4000\" autocomplete=\"off\"></label><button class=\"button\" name=\"verdict\" value=\"corrected\">Correct it\
         </button></div></form>",
    );
}

async fn scan(m: &mut Markup, service: &Service, owner: bool) {
    m.raw("<section class=\"panel\" data-testid=\"scan\"><h2>Let a model look for what it is unsure of</h2>");
    m.raw(
        "<p>It answers questions that reward training may see, never the held-out ones, once in earnest and a few times at \
         temperature 1. Answers below a bound, answers that disagree, and answers that nearly break a rule come into the queue.</p>",
    );
    if !owner {
        m.raw("<p class=\"hint\">Only the owner of this server may start this; the owner link is in the terminal of <code>clicker serve</code>.</p></section>");
        return;
    }
    let standard = ReviewScan::default();
    m.raw("<form method=\"post\" action=\"/truth/review/scan\" class=\"review-form\"><div class=\"scan-row\">");
    fields::models(
        m,
        "Model",
        "checkpoint",
        &service.answering_checkpoints().await.unwrap_or_default(),
        &standard.checkpoint,
    );
    for (name, text, value, range) in [
        ("questions", "Questions", standard.questions.to_string(), ("1", "200", "1")),
        ("samples", "Answers to each", standard.samples.to_string(), ("2", "16", "1")),
        ("agreement", "File below this agreement", standard.agreement.to_string(), ("0", "1", "0.05")),
        ("seed", "Seed", standard.seed.to_string(), ("0", "999999999", "1")),
    ] {
        m.put(
            "<label class=\"field grow\"><span>{}</span><input type=\"number\" name=\"{}\" value=\"{}\" min=\"{}\" max=\"{}\" \
             step=\"{}\" required></label>",
            &[text, name, &value, range.0, range.1, range.2],
        );
    }
    m.raw("<label class=\"field grow\"><span>File below this probability</span><input type=\"number\" name=\"probability\" min=\"0\" max=\"1\" step=\"any\" placeholder=\"its own threshold\"></label>");
    m.raw("</div><p class=\"hint\">Left empty, the probability is the threshold that an evaluation chose for this checkpoint; where none did, 0.3.</p>");
    m.raw("<div class=\"actions\"><button class=\"button button-main\" data-testid=\"scan-go\">Ask and file</button></div></form></section>");
}

fn export(m: &mut Markup, owner: bool) {
    m.raw("<section class=\"panel\"><h2>What becomes of it</h2><p>Decisions are training data: a recipe with <code>preferences = \"reviews\"</code> under <code>[data]</code> learns from them (DPO, KTO, ORPO, reward model), as they stand when the run is asked for. Every row says which model answered, why it came here, who decided and when.</p>");
    if owner {
        m.raw(
            "<p class=\"places\"><span class=\"hint\">Download as JSON lines:</span><a class=\"place\" rel=\"external\" href=\"/api/reviews/export?format=preference\">pairs</a><a class=\"place\" \
             rel=\"external\" href=\"/api/reviews/export?format=unpaired\">good and bad answers</a><a class=\"place\" rel=\"external\" \
             href=\"/api/reviews/export?format=prompt_completion\">good answers</a></p>",
        );
    }
    m.raw("</section>");
}
