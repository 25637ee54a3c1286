//! An open receipt: which grader gave what, and why.

use super::Lab;
use crate::state::figures::{number, signed, tone};
use crate::state::lab::markup::Markup;
use crate::state::words;
use clicker_wire::Reward;

/// The receipt of an answer, if it is open and has arrived.
pub(crate) fn of(lab: &Lab, index: u32) -> Option<&Reward> {
    let receipts = &lab.preview.as_ref()?.receipts;
    let open = lab.open.contains(&index).then_some(receipts)?;
    open.iter().find(|(of, _)| *of == index).map(|(_, reward)| reward)
}

/// The receipt of an answer, as the row of a closed one: nothing.
pub(crate) fn draw(lab: &Lab, index: u32) -> String {
    let mut m = Markup::new();
    write(&mut m, lab, index);
    m.done()
}

/// Writes the receipt of an answer.
pub(crate) fn write(m: &mut Markup, lab: &Lab, index: u32) {
    if let Some(reward) = of(lab, index) {
        whole(m, reward);
    }
}

/// A whole receipt.
pub(crate) fn whole(m: &mut Markup, reward: &Reward) {
    m.raw("<div class=\"receipt\" data-testid=\"lab-receipt\"><ul class=\"receipt-lines\">");
    for receipt in &reward.receipts {
        let worth = receipt.contribution();
        let sum = match receipt.score {
            Some(score) => format!("{} \u{d7} {}", signed(score, 2), number(receipt.weight, 2)),
            None => "does not apply".to_owned(),
        };
        m.put(
            "<li class=\"receipt-line\"><span class=\"receipt-name\">{}</span><span class=\"receipt-sum\">{}</span>\
             <span class=\"receipt-worth {}\">{}</span><span class=\"receipt-reason\">{}</span></li>",
            &[&words::grader(&receipt.grader), &sum, tone(worth), &signed(worth, 2), &receipt.reason],
        );
    }
    m.raw("</ul>");
    for note in &reward.notes {
        m.put("<p class=\"hint\">{}</p>", &[note]);
    }
    m.put(
        "<p class=\"receipt-total\"><span>Reward</span><strong class=\"{}\">{}</strong></p></div>",
        &[tone(reward.total), &signed(reward.total, 2)],
    );
}
