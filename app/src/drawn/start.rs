//! `/truth`: where the lab's pages are.

use super::{Drawn, head};
use crate::state::lab::markup::Markup;

/// The pages: address, name, what they are for.
const PAGES: [(&str, &str, &str); 5] = [
    (
        "/truth/evals",
        "Evaluations",
        "Ask a checkpoint a suite of questions: truth, calibration, consistency, attacks, rules and names, steps.",
    ),
    (
        "/truth/compare",
        "Compare",
        "Ways to train against each other: the same prompts and seeds for all, every difference with its interval, a report to hand out.",
    ),
    (
        "/truth/explain",
        "Explain an answer",
        "One answer token by token under the model before and after, over a run's checkpoints, and what pushed towards it.",
    ),
    (
        "/truth/inspect",
        "Inspect a training step",
        "An answer that a run was trained on, with the loss written out for the token that you press.",
    ),
    (
        "/truth/review",
        "Review queue",
        "Answers that the model is unsure of, for people to decide; what they decide becomes training data.",
    ),
];

/// The page.
pub(crate) fn draw() -> Drawn {
    let mut m = Markup::new();
    head(
        &mut m,
        "Truth lab",
        "Did training make the model more reliable? Measure it, compare it fairly, see why, and take what it is unsure of to a person.",
    );
    m.raw("<ul class=\"truth-pages\">");
    for (address, name, what) in PAGES {
        m.put(
            "<li class=\"panel\"><a href=\"{}\" rel=\"external\"><h2>{}</h2></a><p>{}</p></li>",
            &[address, name, what],
        );
    }
    m.raw("</ul>");
    Drawn::page(m)
}
