//! Which training answers pushed towards an answer and away from it, each with who paid for it.

use crate::drawn::fields::sentences;
use crate::state::figures::{number, signed};
use crate::state::lab::markup::Markup;
use clicker_wire::{Influence, InfluenceOver, Influencer};

pub(super) fn draw(m: &mut Markup, found: &Influence, run: &str) {
    m.raw("<section class=\"panel\" data-testid=\"influence\"><h2>Which training answers pushed?</h2>");
    sentences(m, &found.words);
    side(m, "Towards", &found.towards, run);
    side(m, "Away from", &found.away, run);
    if !found.graders.is_empty() {
        m.put(
            "<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table table-tight\" data-testid=\"influence-graders\"><caption>Which \
             grader paid for it: the pushes of all {} compared answers, each shared out among the graders by what set it apart from its \
             group. A grader that paid the whole group alike has no part.\
             </caption><thead><tr><th scope=\"col\">grader</th><th scope=\"col\" class=\"num\">push</th><th scope=\"col\" \
             class=\"num\">answers</th></tr></thead><tbody>",
            &[&found.rollouts.to_string()],
        );
        for grader in &found.graders {
            m.put(
                "<tr><th scope=\"row\">{}</th><td class=\"num {}\">{}</td><td class=\"num\">{}</td></tr>",
                &[&grader.grader, pull(grader.push), &fine(grader.push), &grader.rollouts.to_string()],
            );
        }
        m.raw("</tbody></table></div>");
    }
    m.raw("<p class=\"hint\">A push is the change of ln p of the answer for each unit of learning rate that one plain gradient step on that training answer alone would make, to first order. ");
    m.raw(match found.over {
        InfluenceOver::Head => {
            "It counts the output projection only: two answers that end in the same words push each other, whatever the layers \
             below made of the questions. Ask for all weights to count those too."
        }
        InfluenceOver::All => "It counts all weights, by moving them a little along the answer's gradient and back.",
    });
    m.raw(
        " It shows what pushed, not what caused: pushes of many answers add up, and those that were not stored are missing. \
         <code>docs/guide/explaining.md</code> has the formula.</p></section>",
    );
}

fn side(m: &mut Markup, title: &str, all: &[Influencer], run: &str) {
    m.put("<h3>{} this answer</h3>", &[title]);
    if all.is_empty() {
        m.raw("<p class=\"empty\">None of the stored answers did.</p>");
        return;
    }
    m.raw(
        "<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table table-tight\"><thead><tr><th scope=\"col\" \
         class=\"num\">push</th><th scope=\"col\" class=\"num\">step</th><th scope=\"col\">question</th><th \
         scope=\"col\">answer</th><th scope=\"col\" class=\"num\">advantage</th><th scope=\"col\">who paid</th></tr></thead><tbody>",
    );
    for one in all {
        let address = format!("/truth/inspect?run={run}&step={}&group={}&sample={}", one.step, one.group, one.sample);
        let cosine = one.cosine.map_or_else(String::new, |c| format!("cosine {}", signed(c, 2)));
        m.put(
            "<tr><td class=\"num {}\">{}<span class=\"cell-note\">{}</span></td><td class=\"num\">{}</td><td>{}</td><td><a \
             href=\"{}\" rel=\"external\">{}</a></td><td class=\"num\">{}</td><td>",
            &[
                pull(one.push),
                &fine(one.push),
                &cosine,
                &one.step.to_string(),
                &one.question,
                &address,
                if one.text.trim().is_empty() { "(nothing)" } else { &one.text },
                &signed(one.advantage, 2),
            ],
        );
        for receipt in &one.reward.receipts {
            m.put(
                "<span class=\"paid\"><b>{}</b> {}<span class=\"cell-note\">{}</span></span>",
                &[&receipt.grader, &signed(receipt.contribution(), 2), &receipt.reason],
            );
        }
        m.put("<span class=\"paid\">together {}</span></td></tr>", &[&number(one.reward.total, 2)]);
    }
    m.raw("</tbody></table></div>");
}

/// A push with as many digits as its size needs: the pushes on a nearly certain answer are tiny, and their order still counts.
fn fine(push: f64) -> String {
    match push.abs() {
        size if size >= 100.0 => signed(push, 0),
        size if size >= 1.0 => signed(push, 2),
        size if size >= 0.001 => signed(push, 4),
        0.0 => "0".into(),
        _ => format!("{push:+.1e}").replace('-', "\u{2212}"),
    }
}

/// The class of a push, however small.
fn pull(push: f64) -> &'static str {
    match push {
        up if up > 0.0 => "gain",
        down if down < 0.0 => "loss",
        _ => "even",
    }
}

#[cfg(test)]
mod tests {
    use super::fine;

    #[test]
    fn small_pushes_can_be_told_apart() {
        assert_eq!([123.4, 1.5, -0.0123, 0.0].map(fine), ["+123", "+1.50", "\u{2212}0.0123", "0"]);
        assert_eq!(fine(-2.5e-7), "\u{2212}2.5e\u{2212}7");
    }
}
