//! The lab's buttons, what was last said, and what is wrong with the text.

use super::{Lab, versions};
use crate::state::lab::markup::Markup;

/// The buttons.
pub(crate) fn draw(lab: &Lab) -> String {
    let mut m = Markup::new();
    m.raw("<label class=\"field lab-preset\"><span>Start from</span><select id=\"preset\" data-do=\"pick-preset\" data-testid=\"lab-preset\">");
    for (index, preset) in lab.presets.iter().enumerate() {
        m.put("<option value=\"{}\"", &[&index.to_string()]);
        m.raw(if index == lab.picked { " selected>" } else { ">" });
        m.put("{}</option>", &[&preset.name]);
    }
    m.raw("</select></label><div class=\"lab-buttons\">");
    let (back, on) = lab.document.ways();
    let button = |m: &mut Markup, act: &str, words: &str, title: &str, off: bool| {
        m.put(
            "<button class=\"button\" type=\"button\" id=\"{}\" data-testid=\"lab-{}\" data-do=\"{}\" title=\"{}\"",
            &[act, act, act, title],
        );
        // Not `disabled`: that would take the focus away from who undoes the last step there is.
        m.raw(if off { " aria-disabled=\"true\">" } else { ">" });
        m.put("{}</button>", &[words]);
    };
    button(&mut m, "preset-load", "Load", "Put it in the place of what is written; undo brings that back", false);
    button(&mut m, "undo", "Undo", "Ctrl Z", !back);
    button(&mut m, "redo", "Redo", "Ctrl Shift Z", !on);
    button(&mut m, "share", "Share", "A link with this reward in it", false);
    let broken = !lab.usable();
    let why = if broken {
        "First mend what the line under the JSON says"
    } else {
        "Receipts, advantages and training with this reward"
    };
    button(&mut m, "play", "Try in the playground", why, broken);
    let (why, off) = match (&lab.recipe, lab.owner) {
        (None, _) => ("This server offers no recipe to train with", true),
        (_, false) => ("Training is for the owner of this server: open the owner link that clicker printed", true),
        _ => ("Start a run with this reward", broken),
    };
    button(&mut m, "train", "Train with this", why, off);
    m.raw("</div>");
    what(&mut m, lab);
    let (class, words) = match &lab.notice {
        Some((true, words)) => ("problem", words.as_str()),
        Some((false, words)) => ("hint", words.as_str()),
        None => ("hint", ""),
    };
    m.put("<p class=\"lab-notice {}\" role=\"status\" data-testid=\"lab-notice\">{}</p>", &[class, words]);
    m.done()
}

/// What the reward is known as, and what was written about it.
fn what(m: &mut Markup, lab: &Lab) {
    let reward = lab.document.config();
    m.raw("<p class=\"hint lab-what\" data-testid=\"lab-what\">");
    if lab.document.complaint().is_some() {
        m.raw("The text is no reward right now: the form shows the last one that could be read.");
    } else if let Some(kept) = lab.versions.iter().find(|version| version.reward == *reward) {
        m.put("Kept as <b>{}</b>, version <code>{}</code>", &[&kept.name, versions::short(&kept.hash)]);
        if !kept.note.is_empty() {
            m.put(": {}", &[&kept.note]);
        }
    } else if let Some(preset) = lab.presets.iter().find(|preset| preset.reward == *reward) {
        m.put("<b>{}</b>: {}", &[&preset.name, &preset.about]);
    } else {
        m.raw(
            "Not kept yet. Give it a name under Versions, and it can be loaded, compared and played with by that name.",
        );
    }
    m.raw("</p>");
}

/// What is wrong with the text, or that nothing is. Always one line high at least.
pub(crate) fn complaint(lab: &Lab) -> String {
    let mut m = Markup::new();
    if let Some(complaint) = lab.document.complaint() {
        m.put(
            "<p class=\"problem\" role=\"alert\"><span>Line {}, column {}",
            &[&complaint.line.to_string(), &complaint.column.to_string()],
        );
        if !complaint.part.is_empty() {
            m.put(", at <code>{}</code>", &[&complaint.part]);
        }
        m.put(
            ": {}</span> <button class=\"link\" type=\"button\" id=\"go-there\" data-do=\"go-there\">Go there</button></p>",
            &[&complaint.message],
        );
    } else if let Some(refused) = &lab.refused {
        m.put("<p class=\"problem\" role=\"alert\"><span>{}</span></p>", &[refused]);
    } else if let Some((name, said)) = lab.programs().find_map(|(_, name, source)| Some((name, lab.against(source)?))) {
        m.put("<p class=\"problem\" role=\"alert\"><span><code>{}</code>: expected {}</span></p>", &[name, said]);
    } else {
        m.raw("<p class=\"hint lab-fine\">A reward, and every grader can work with its values.</p>");
    }
    m.done()
}

/// Whether what the attack found still holds for what is written.
pub(crate) fn attack_hint(lab: &Lab) -> String {
    let old = lab.attacked.as_ref().is_some_and(|attacked| attacked != lab.document.text());
    if old { "<p class=\"hint\">The reward has changed since: attack it again.</p>".to_owned() } else { String::new() }
}
