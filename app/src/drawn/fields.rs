//! Parts of forms that several drawn pages have: choices of models, runs and questions. Knows no page.

use crate::state::figures::moment;
use crate::state::lab::markup::Markup;
use clicker_service::Service;
use clicker_wire::{Manifest, Run};

/// One `<option>`.
pub(super) fn option(m: &mut Markup, value: &str, text: &str, chosen: bool) {
    let selected = if chosen { " selected" } else { "" };
    m.put("<option value=\"{}\"", &[value]);
    m.drawn(selected);
    m.put(">{}</option>", &[text]);
}

/// A choice of a checkpoint of this server, `builtin` among them.
pub(super) fn models(m: &mut Markup, label: &str, name: &str, all: &[Manifest], chosen: &str) {
    m.put("<label class=\"field grow\"><span>{}</span><select name=\"{}\">", &[label, name]);
    for manifest in all {
        let value = value_of(manifest);
        option(m, value, &shown(manifest), value == chosen || manifest.id.as_str() == chosen);
    }
    m.raw("</select></label>");
}

/// The name of a checkpoint in addresses.
pub(super) fn value_of(manifest: &Manifest) -> &str {
    if manifest.run.is_none() && manifest.name == "builtin" { "builtin" } else { manifest.id.as_str() }
}

/// A checkpoint's name with its first digits, because two runs may share a name.
pub(super) fn shown(manifest: &Manifest) -> String {
    let digits: String = manifest.id.as_str().chars().take(8).collect();
    format!("{} ({digits})", manifest.name)
}

/// A choice of a run; the first choice is none.
pub(super) fn runs(m: &mut Markup, label: &str, all: &[Run], chosen: &str) {
    m.put("<label class=\"field grow\"><span>{}</span><select name=\"run\">", &[label]);
    option(m, "", "none", chosen.is_empty());
    for run in all {
        let text = format!("{}, {} ({} steps)", run.recipe.name, moment(run.created_ms), run.step);
        option(m, run.id.as_str(), &text, run.id.as_str() == chosen);
    }
    m.raw("</select></label>");
}

/// A choice of a question of the world, or a text of one's own below it.
pub(super) async fn question(m: &mut Markup, service: &Service, item: &str, text: &str) {
    let offered = service.world_items(None, 36).await.unwrap_or_default();
    m.raw("<label class=\"field grow\"><span>A question of the world</span><select name=\"item\">");
    option(m, "", "my own, written beside", item.is_empty());
    if !item.is_empty() && !offered.iter().any(|offer| offer.id.as_str() == item) {
        option(m, item, item, true);
    }
    for offer in offered.iter().filter(|offer| offer.messages.len() == 1) {
        let mut question: String = offer.question().chars().take(90).collect();
        if question.len() < offer.question().len() {
            question.push('…');
        }
        option(m, offer.id.as_str(), &format!("{question} ({})", offer.knowledge), offer.id.as_str() == item);
    }
    m.raw("</select></label>");
    m.put(
        "<label class=\"field grow\"><span>or my own</span><input type=\"text\" name=\"question\" value=\"{}\" maxlength=\"2000\" \
         placeholder=\"What is the capital of France?\" autocomplete=\"off\"></label>",
        &[text],
    );
}

/// Something that went wrong, in the words of the error.
pub(super) fn problem(m: &mut Markup, words: &str) {
    m.put("<p class=\"problem\" role=\"alert\">{}</p>", &[words]);
}

/// Sentences that were computed.
pub(super) fn sentences(m: &mut Markup, words: &[String]) {
    m.raw("<ul class=\"sentences\">");
    for sentence in words {
        m.put("<li>{}</li>", &[sentence]);
    }
    m.raw("</ul>");
}

/// A value for an address.
pub(super) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}
