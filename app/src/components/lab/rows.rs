//! The answers, one row each: what was said, what every grader adds, the total. What never changes while somebody types is
//! drawn apart from what does.

use super::{Lab, receipts};
use crate::state::figures::{signed, tone};
use crate::state::lab::markup::Markup;
use crate::state::{pieces, words};
use clicker_wire::Item;

/// The head of the panel: how many answers there are and where they come from.
pub(crate) fn head(lab: &Lab) -> String {
    let mut m = Markup::new();
    if let Some((done, of)) = lab.drawing {
        let (done, of) = (done.to_string(), of.to_string());
        m.put(
            "<p class=\"hint line\" role=\"status\">Drawing from the model: {} of {} questions answered</p>",
            &[&done, &of],
        );
        return m.done();
    }
    let count = lab.samples.len();
    let left = lab.preview.as_ref().map_or(0, |preview| preview.judging);
    if left > 0 {
        m.put(
            "<p class=\"hint line\" data-testid=\"lab-judging\">The model in this tab is judging: {} to go</p>",
            &[&left.to_string()],
        );
    } else {
        let noun = if count == 1 { "answer" } else { "answers" };
        m.put(
            "<p class=\"hint line\" data-testid=\"lab-origin\">{} {}, {}</p>",
            &[&count.to_string(), noun, &lab.origin],
        );
    }
    m.raw("<div class=\"lab-row-tools\">");
    let button = |m: &mut Markup, id: &str, act: &str, words: &str| {
        m.put("<button class=\"link\" type=\"button\" id=\"{}\" data-do=\"{}\">{}</button>", &[id, act, words]);
    };
    button(&mut m, "sort", "sort", "Sort by reward");
    // One id for both: the focus stays where it is.
    if lab.open.len() < count {
        button(&mut m, "open-all", "open-all", "Open all receipts");
    } else {
        button(&mut m, "open-all", "close-all", "Close all receipts");
    }
    m.raw("</div>");
    m.done()
}

/// All rows.
pub(crate) fn rows(lab: &Lab) -> String {
    let mut m = Markup::new();
    if lab.samples.is_empty() {
        m.raw(
            "<li class=\"empty\"><p class=\"empty-title\">No answers</p><p>Take examples, draw from the model, paste \
             some lines or open a file: each answer gets a receipt that changes while you type.</p></li>",
        );
    }
    lab.order.iter().for_each(|index| row(&mut m, lab, *index));
    m.done()
}

fn row(m: &mut Markup, lab: &Lab, index: u32) {
    let Some(sample) = lab.samples.get(index as usize) else { return };
    let (key, number, item) = (index.to_string(), (index + 1).to_string(), &sample.item);
    let open = if lab.open.contains(&index) { "true" } else { "false" };
    m.put(
        "<li class=\"lab-row\" data-testid=\"lab-row\"><button class=\"lab-row-no\" type=\"button\" id=\"open-{}\" \
         data-do=\"open\" data-at=\"{}\" aria-expanded=\"{}\" aria-label=\"Receipt of answer {}\">#{}</button>",
        &[&key, &key, open, &number, &number],
    );
    m.put(
        "<div class=\"lab-row-said\"><p class=\"lab-question\"><span>{}</span> <span class=\"badge know-{}\">{}</span></p>",
        &[&asked(item), &item.knowledge.to_string(), words::knowledge(item.knowledge)],
    );
    m.put("<p class=\"lab-answer\" id=\"said-{}\">", &[&key]);
    write_said(m, lab, index);
    m.put("</p></div><div class=\"lab-row-worth\" id=\"worth-{}\">", &[&key]);
    write_worth(m, lab, index);
    m.put("</div><div class=\"lab-row-receipt\" id=\"receipt-{}\">", &[&key]);
    receipts::write(m, lab, index);
    m.raw("</div></li>");
}

/// The question, with the turns before it.
fn asked(item: &Item) -> String {
    let turns: Vec<&str> = item.messages.iter().map(|message| message.content.as_str()).collect();
    turns.join(" / ")
}

/// What was said, with the evidence of an open receipt marked.
pub(crate) fn said(lab: &Lab, index: u32) -> String {
    let mut m = Markup::new();
    write_said(&mut m, lab, index);
    m.done()
}

fn write_said(m: &mut Markup, lab: &Lab, index: u32) {
    let Some(sample) = lab.samples.get(index as usize) else { return };
    if sample.text.trim().is_empty() {
        return m.raw("<span class=\"muted\">(nothing)</span>");
    }
    // Of the receipts the one that counts most is the one whose evidence is worth seeing.
    let receipts = receipts::of(lab, index).map_or(&[][..], |reward| &reward.receipts);
    let with_evidence = receipts.iter().filter(|r| !r.spans.is_empty());
    let heaviest = with_evidence.max_by(|a, b| a.contribution().abs().total_cmp(&b.contribution().abs()));
    let Some(receipt) = heaviest else { return m.text(&sample.text) };
    for (part, marked) in pieces::cut(&sample.text, 0, &receipt.spans) {
        if marked {
            m.put("<mark class=\"evidence {}\">{}</mark>", &[tone(receipt.contribution()), &part]);
        } else {
            m.text(&part);
        }
    }
}

/// What every grader adds, and the total.
pub(crate) fn worth(lab: &Lab, index: u32) -> String {
    let mut m = Markup::new();
    write_worth(&mut m, lab, index);
    m.done()
}

fn write_worth(m: &mut Markup, lab: &Lab, index: u32) {
    let preview = lab.preview.as_ref();
    let numbers = preview.and_then(|p| Some((p.worth.get(index as usize)?, p.scores.get(index as usize)?)));
    for (k, name) in lab.graders.iter().enumerate() {
        let number = numbers.and_then(|(worth, scores)| Some((*worth.get(k)?, scores.get(k)?.is_some())));
        let (text, class) = match number {
            Some((worth, true)) => (signed(worth, 2), tone(worth)),
            Some((_, false)) => ("n/a".to_owned(), "even"),
            None => (String::new(), "even"),
        };
        m.put("<span class=\"lab-chip\">{} <b class=\"{}\">{}</b></span>", &[&words::grader(name), class, &text]);
    }
    let total = preview.and_then(|p| p.totals.get(index as usize).copied());
    let text = total.map(|t| signed(t, 2)).unwrap_or_default();
    m.put("<strong class=\"lab-total {}\" data-testid=\"lab-total\">{}</strong>", &[tone(total.unwrap_or(0.0)), &text]);
}
