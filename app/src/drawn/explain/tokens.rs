//! One answer under two models: the tokens coloured by what training did, the same as a table, and both models' own answers.

use crate::drawn::fields::sentences;
use crate::state::figures::{number, signed};
use crate::state::lab::markup::Markup;
use clicker_wire::{AnswerReading, TokenReading, TokenShift, TokenView, Verdict};

/// A difference of so many nats has the full colour.
const FULL: f64 = 3.0;

/// What the form sends that hands this answer to a person.
pub(super) struct HandIn<'a> {
    /// A fresh id; none where there is no randomness to make one of.
    pub(super) id: Option<String>,
    pub(super) checkpoint: &'a str,
    pub(super) item: &'a str,
    pub(super) question: &'a str,
}

pub(super) fn draw(m: &mut Markup, view: &TokenView, hand_in: &HandIn<'_>) {
    m.raw("<section class=\"panel\" data-testid=\"token-view\"><h2>One answer under two models</h2>");
    sentences(m, &view.words);
    m.raw("<p class=\"shift\" aria-hidden=\"true\">");
    for (place, token) in view.tokens.iter().enumerate() {
        if view.parts_at == Some(place as u32) {
            m.raw("<span class=\"shift-part\">part here</span>");
        }
        one(m, token);
    }
    m.raw("</p>");
    legend(m);
    table(m, view);
    own_answers(m, view);
    to_a_person(m, view, hand_in);
    m.raw("</section>");
}

fn one(m: &mut Markup, token: &TokenShift) {
    let difference = token.difference();
    let class = match difference {
        d if d >= 0.05 => "shift-up",
        d if d <= -0.05 => "shift-down",
        _ => "shift-even",
    };
    let by = number((difference.abs() / FULL).min(1.0) * 100.0, 0);
    let said = format!("{} nats", signed(difference, 2));
    let text = if token.text.is_empty() { "end" } else { &token.text };
    m.put("<span class=\"shift-token {}\" style=\"--by:{}%\" title=\"{}\">{}</span>", &[class, &by, &said, text]);
}

fn legend(m: &mut Markup) {
    m.raw("<p class=\"hint shift-legend\"><span>ln p after minus before:</span>");
    for (class, by, text) in [
        ("shift-down", "100", "−3 or less"),
        ("shift-down", "33", "−1"),
        ("shift-even", "0", "0"),
        ("shift-up", "33", "+1"),
        ("shift-up", "100", "+3 or more"),
    ] {
        m.put("<span class=\"shift-token {}\" style=\"--by:{}%\">{}</span>", &[class, by, text]);
    }
    m.raw("<span>solid line: likelier; dashed line: less likely. The table below has the same in numbers.</span></p>");
}

fn table(m: &mut Markup, view: &TokenView) {
    m.raw(
        "<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table table-tight\" data-testid=\"token-table\"><caption>Every token \
         of the answer, given the question and the tokens before it. p is the model's probability.</caption><thead><tr>\
         <th scope=\"col\">token</th><th scope=\"col\" class=\"num\">p before</th><th scope=\"col\" class=\"num\">p after</th>\
         <th scope=\"col\" class=\"num\">ln p after − before</th><th scope=\"col\">five likeliest before</th>\
         <th scope=\"col\">five likeliest after</th></tr></thead><tbody>",
    );
    for (place, token) in view.tokens.iter().enumerate() {
        let part = if view.parts_at == Some(place as u32) { " class=\"shift-row\"" } else { "" };
        m.raw("<tr");
        m.drawn(part);
        m.put("><th scope=\"row\"><code class=\"tok\">{}</code>", &[shown(&token.text)]);
        if !part.is_empty() {
            m.raw("<span class=\"cell-note\">here they part</span>");
        }
        let (before, after) = (percent(token.before.logprob), percent(token.after.logprob));
        let (first, second) = (place_of(&token.before), place_of(&token.after));
        m.put(
            "</th><td class=\"num\">{}<span class=\"cell-note\">{}</span></td><td class=\"num\">{}<span \
             class=\"cell-note\">{}</span></td><td class=\"num {}\">{}</td><td>",
            &[
                &before,
                &first,
                &after,
                &second,
                crate::state::figures::tone(token.difference()),
                &signed(token.difference(), 2),
            ],
        );
        alternatives(m, &token.before);
        m.raw("</td><td>");
        alternatives(m, &token.after);
        m.raw("</td></tr>");
    }
    m.raw("</tbody></table></div>");
}

fn place_of(reading: &TokenReading) -> String {
    match reading.rank {
        1 => "likeliest".into(),
        rank => format!("place {rank}"),
    }
}

fn alternatives(m: &mut Markup, reading: &TokenReading) {
    m.raw("<span class=\"tops\">");
    for top in &reading.top {
        m.put("<span><code class=\"tok\">{}</code> {}</span>", &[shown(&top.text), &percent(f64::from(top.logprob))]);
    }
    m.raw("</span>");
}

fn own_answers(m: &mut Markup, view: &TokenView) {
    m.raw(
        "<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table\" data-testid=\"own-answers\"><caption>What each model answers \
         by itself (always the likeliest token), and what it thinks of the answer above.</caption><thead><tr><th \
         scope=\"col\">model</th><th scope=\"col\">its own answer</th><th scope=\"col\">verdict</th><th scope=\"col\" \
         class=\"num\">p of its own</th><th scope=\"col\" class=\"num\">p of the answer above</th></tr></thead><tbody>",
    );
    for (which, reading) in [("before", &view.before), ("after", &view.after)] {
        let AnswerReading { model, greedy, greedy_logprob, verdict, logprob } = reading;
        m.put(
            "<tr><th scope=\"row\">{}<span class=\"cell-note\">{}</span></th><td>{}</td><td>{}</td><td class=\"num\">{}</td><td \
             class=\"num\">{}</td></tr>",
            &[which, model, greedy, said(*verdict), &percent(*greedy_logprob), &percent(*logprob)],
        );
    }
    m.raw("</tbody></table></div>");
}

fn to_a_person(m: &mut Markup, view: &TokenView, hand_in: &HandIn<'_>) {
    let Some(id) = &hand_in.id else { return };
    m.put(
        "<details><summary>Hand this answer to a person</summary><form class=\"row\" method=\"post\" \
         action=\"/truth/review/hand-in\" data-testid=\"hand-in\"><input type=\"hidden\" name=\"id\" value=\"{}\"><input \
         type=\"hidden\" name=\"checkpoint\" value=\"{}\"><input type=\"hidden\" name=\"item\" value=\"{}\"><input type=\"hidden\" \
         name=\"question\" value=\"{}\"><input type=\"hidden\" name=\"answer\" value=\"{}\"><label class=\"field \
         grow\"><span>Why (may be empty)</span><input type=\"text\" name=\"note\" maxlength=\"2000\"></label><label class=\"field \
         grow\"><span>Your name, any you like</span><input type=\"text\" name=\"as\" maxlength=\"60\"></label><button \
         class=\"button\">Hand in</button></form></details>",
        &[id, hand_in.checkpoint, hand_in.item, hand_in.question, &view.answer],
    );
}

/// A verdict in plain words.
pub(super) fn said(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Right) => "right",
        Some(Verdict::Wrong) => "wrong",
        Some(Verdict::Abstained) => "abstains",
        Some(Verdict::Refused) => "declines",
        None => "not known",
    }
}

/// A token as it can be seen on its own.
pub(super) fn shown(text: &str) -> &str {
    if text.is_empty() { "end" } else { text }
}

/// A probability from its logarithm, fine enough for small ones.
pub(super) fn percent(logprob: f64) -> String {
    crate::state::figures::probability(logprob as f32)
}
