//! `/truth/explain`: what training changed in one answer, when a run learnt it, and which rollouts pushed towards it. All of it is
//! in the address, so that what a class looks at can be handed on.

mod influence;
mod timeline;
mod tokens;

use super::fields::{self, problem};
use super::{Asked, Drawn, head};
use crate::state::lab::markup::Markup;
use clicker_service::{Question, Service, ServiceError};
use clicker_wire::{InfluenceOver, Item, Manifest, Run, RunId};

/// What the address says.
struct Wish {
    before: String,
    after: String,
    run: String,
    item: String,
    question: String,
    answer: String,
    over: String,
    at: u32,
}

impl Wish {
    fn of(asked: &Asked, models: &[Manifest]) -> Self {
        let text = |key: &str| asked.get(key).unwrap_or_default().trim().to_owned();
        let or = |key: &str, other: Option<&Manifest>| match text(key) {
            empty if empty.is_empty() => other.map_or("builtin", fields::value_of).to_owned(),
            named => named,
        };
        let builtin = models.iter().find(|m| fields::value_of(m) == "builtin");
        Self {
            before: or("before", builtin),
            // The newest, as lists are newest first.
            after: or("after", models.iter().find(|m| m.run.is_some()).or(builtin)),
            run: text("run"),
            item: text("item"),
            question: text("question"),
            answer: text("answer"),
            over: text("over"),
            at: text("at").parse().unwrap_or(0),
        }
    }

    fn answer(&self) -> Option<String> {
        (!self.answer.is_empty()).then(|| self.answer.clone())
    }

    fn asked(&self, item: Item) -> clicker_service::Asked {
        clicker_service::Asked { item, answer: self.answer() }
    }
}

/// The page.
pub(crate) async fn draw(service: &Service, asked: &Asked) -> Drawn {
    let mut m = Markup::new();
    head(
        &mut m,
        "Explain an answer",
        "What did training change in this very answer, when did a run learn it, and which training answers pushed towards it?",
    );
    let (models, runs) = match (service.answering_checkpoints().await, service.runs().await) {
        (Ok(models), Ok(runs)) => (models, runs),
        (Err(e), _) | (_, Err(e)) => {
            problem(&mut m, &e.to_string());
            return Drawn::page(m);
        }
    };
    let wish = Wish::of(asked, &models);
    form(&mut m, service, &wish, &models, &runs).await;
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let question = Question { item: some(&wish.item), text: some(&wish.question) };
    match service.question(&question).await {
        Ok(Some(item)) => answered(&mut m, service, &wish, item).await,
        Ok(None) => empty(&mut m),
        Err(e) => problem(&mut m, &e.to_string()),
    }
    Drawn::page(m)
}

async fn answered(m: &mut Markup, service: &Service, wish: &Wish, item: Item) {
    asked_about(m, &item);
    // What pushed is asked about the answer that stands here, whoever gave it.
    let mut answer = wish.answer();
    match service.explain_tokens(&wish.before, &wish.after, wish.asked(item.clone())).await {
        Ok(view) => {
            answer = Some(view.answer.clone()).filter(|text| !text.trim().is_empty());
            let hand_in = tokens::HandIn {
                id: service.review_id().ok(),
                checkpoint: &wish.after,
                item: &wish.item,
                question: &wish.question,
            };
            tokens::draw(m, &view, &hand_in);
        }
        Err(e) => panel_problem(m, "One answer under two models", &e),
    }
    if wish.run.is_empty() {
        m.raw(
            "<section class=\"panel\"><h2>When did it learn this?</h2><p class=\"empty\">Choose a run above: its checkpoints are asked \
             the same question, and what it stored is searched for what pushed.</p></section>",
        );
        return;
    }
    let run = RunId::from(wish.run.as_str());
    match service.explain_timeline(&run, item.clone()).await {
        Ok(told) => timeline::draw(m, &told, wish.run.as_str()),
        Err(e) => panel_problem(m, "When did it learn this?", &e),
    }
    let over = match wish.over.as_str() {
        "head" => InfluenceOver::Head,
        "all" => InfluenceOver::All,
        _ => return,
    };
    match service.explain_influence(&run, wish.at, over, clicker_service::Asked { item, answer }).await {
        Ok(found) => influence::draw(m, &found, wish.run.as_str()),
        Err(e) => panel_problem(m, "Which training answers pushed?", &e),
    }
}

fn panel_problem(m: &mut Markup, title: &str, error: &ServiceError) {
    m.put("<section class=\"panel\"><h2>{}</h2>", &[title]);
    problem(m, &error.to_string());
    m.raw("</section>");
}

/// The question and what is known of its truth.
fn asked_about(m: &mut Markup, item: &Item) {
    m.raw("<section class=\"panel\" data-testid=\"explain-question\"><h2>The question</h2><div class=\"turns\">");
    for turn in &item.messages {
        m.put("<p class=\"turn\"><span class=\"turn-who\">{}</span>{}</p>", &[who(turn.role), &turn.content]);
    }
    m.raw("</div><p class=\"hint\">");
    match item.accepted.first() {
        Some(right) => m.put("Right: {} ({}).", &[right, &item.knowledge.to_string()]),
        None => m.text(match item.expected {
            clicker_wire::Expected::Abstain => "There is nothing to know: “I don't know” is right.",
            clicker_wire::Expected::Refuse => "A rule forbids it: declining is right.",
            _ => "Nothing is known about the truth of this question.",
        }),
    }
    m.raw("</p></section>");
}

fn who(role: clicker_wire::Role) -> &'static str {
    match role {
        clicker_wire::Role::System => "rules",
        clicker_wire::Role::User => "person",
        clicker_wire::Role::Assistant => "model",
    }
}

async fn form(m: &mut Markup, service: &Service, wish: &Wish, models: &[Manifest], runs: &[Run]) {
    m.raw(
        "<form class=\"panel\" method=\"get\" action=\"/truth/explain\" data-testid=\"explain-form\"><h2>What to explain</h2>\
         <div class=\"row explain-row\">",
    );
    fields::question(m, service, &wish.item, &wish.question).await;
    m.put(
        "</div><label class=\"field\"><span>The answer (empty: what the model after says by itself)</span><input type=\"text\" \
         name=\"answer\" value=\"{}\" maxlength=\"2000\" autocomplete=\"off\"></label><div class=\"row explain-row\">",
        &[&wish.answer],
    );
    fields::models(m, "Model before", "before", models, &wish.before);
    fields::models(m, "Model after", "after", models, &wish.after);
    m.raw("</div><div class=\"row explain-row\">");
    fields::runs(m, "A run, for when and why", runs, &wish.run);
    m.raw("<label class=\"field grow\"><span>Which training answers pushed</span><select name=\"over\">");
    for (value, text) in [
        ("", "do not look"),
        ("head", "through the output projection (quick)"),
        ("all", "through all weights (slower)"),
    ] {
        fields::option(m, value, text, value == wish.over);
    }
    m.put(
        "</select></label><label class=\"field grow\"><span>at the checkpoint of step</span><input type=\"number\" name=\"at\" \
         min=\"0\" value=\"{}\"></label></div><div class=\"actions\"><button class=\"button button-main\" \
         data-testid=\"explain-go\">Explain</button></div></form>",
        &[&wish.at.to_string()],
    );
}

fn empty(m: &mut Markup) {
    m.raw(
        "<p class=\"empty\"><span class=\"empty-title\">Nothing is explained yet</span><span>Choose a question and press Explain. You \
         see the answer token by token: teal underneath where training made a token likelier, orange where it made it less \
         likely, with the five likeliest tokens of both models beside it.</span></p>",
    );
}
