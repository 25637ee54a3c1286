//! Kept versions: a form that keeps the reward as it stands, and the list to load from.

use super::Lab;
use crate::state::figures::moment;
use crate::state::lab::markup::Markup;

/// So much of a hash tells versions apart for people.
pub(crate) fn short(hash: &str) -> &str {
    hash.get(..10).unwrap_or(hash)
}

/// The list.
pub(crate) fn draw(lab: &Lab) -> String {
    let mut m = Markup::new();
    if lab.versions.is_empty() {
        m.raw(
            "<div class=\"empty\"><p class=\"empty-title\">No version kept yet</p><p>Give the reward a name and keep it: \
             versions never change, can be loaded again, and any two can be compared on the same answers.</p></div>",
        );
        return m.done();
    }
    m.raw("<ol class=\"lab-versions\">");
    for (index, version) in lab.versions.iter().enumerate() {
        let key = index.to_string();
        m.put(
            "<li class=\"lab-version\" data-testid=\"lab-version\"><div><p class=\"lab-version-name\">{}</p><p \
             class=\"hint\">{}</p><p class=\"cell-note\">{} \u{b7} {}</p></div><div class=\"lab-tools\">",
            &[&version.name, &version.note, short(&version.hash), &moment(version.saved_ms)],
        );
        m.put(
            "<button class=\"button\" type=\"button\" id=\"load-{}\" data-do=\"load\" data-at=\"{}\" aria-label=\"Load \
             {}\">Load</button>",
            &[&key, &key, &version.name],
        );
        let chosen = |m: &mut Markup, side: &str, on: bool| {
            let pressed = if on { "true" } else { "false" };
            m.put(
                "<button class=\"button lab-side\" type=\"button\" id=\"side-{}-{}\" data-do=\"side-{}\" data-at=\"{}\" \
                 aria-pressed=\"{}\" aria-label=\"Compare {} as {}\">{}</button>",
                &[side, &key, side, &key, pressed, &version.name, side, side],
            );
        };
        chosen(&mut m, "A", lab.compared.0 == Some(index));
        chosen(&mut m, "B", lab.compared.1 == Some(index));
        m.raw("</div></li>");
    }
    m.raw("</ol>");
    m.done()
}
