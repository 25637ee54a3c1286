//! Two versions beside each other, drawn on the server: what changed in words, and the answers that change places.

use crate::state::figures::{number, signed, tone};
use crate::state::lab::markup::Markup;
use clicker_wire::{ComparedSample, RewardChange, RewardComparison};

/// Answers that are listed.
const LISTED: usize = 12;

/// The comparison as markup.
pub(crate) fn draw(changes: &[RewardChange], comparison: &RewardComparison) -> String {
    let mut m = Markup::new();
    if changes.is_empty() {
        m.raw("<p class=\"hint\">A and B say the same.</p>");
        return m.done();
    }
    m.raw("<p class=\"lab-part-title\">From A to B</p><ul class=\"lab-changes\">");
    changes.iter().for_each(|change| m.put("<li>{}</li>", &[&change.words]));
    m.raw("</ul>");
    let agreement = comparison.agreement.map_or_else(|| "\u{2013}".to_owned(), |rho| signed(rho, 2));
    m.put(
        "<p class=\"hint\">Of {} pairs of answers to one question that both tell apart, {} change places; {} are told \
         apart by one of them only. Rank correlation {}.</p>",
        &[
            &comparison.ordered_pairs.to_string(),
            &comparison.flipped_pairs.to_string(),
            &comparison.tied_pairs.to_string(),
            &agreement,
        ],
    );
    let mut moved: Vec<&ComparedSample> =
        comparison.samples.iter().filter(|s| s.rank_before != s.rank_after || s.before != s.after).collect();
    let size = |s: &ComparedSample| ((s.rank_before - s.rank_after).abs(), (s.before - s.after).abs());
    moved.sort_by(|a, b| size(b).partial_cmp(&size(a)).unwrap_or(std::cmp::Ordering::Equal));
    if !moved.is_empty() {
        table(&mut m, &moved[..moved.len().min(LISTED)]);
    }
    m.done()
}

fn table(m: &mut Markup, moved: &[&ComparedSample]) {
    m.raw(
        "<div class=\"table-scroll\" tabindex=\"0\"><table class=\"table table-tight\"><caption class=\"sr-only\">Answers \
         that move most</caption><thead><tr><th scope=\"col\">answer</th><th scope=\"col\" class=\"num\">A</th><th \
         scope=\"col\" class=\"num\">B</th><th scope=\"col\" class=\"num\">rank</th></tr></thead><tbody>",
    );
    for sample in moved {
        let short: String = sample.text.chars().take(60).collect();
        // A smaller rank is a better one.
        let up = sample.rank_before - sample.rank_after;
        m.put(
            "<tr><td>{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num {}\">{} \u{2192} {}</td></tr>",
            &[
                &short,
                &signed(sample.before, 2),
                &signed(sample.after, 2),
                tone(up),
                &number(sample.rank_before, rank_digits(sample.rank_before)),
                &number(sample.rank_after, rank_digits(sample.rank_after)),
            ],
        );
    }
    m.raw("</tbody></table></div>");
}

/// Equals share the mean of their ranks, which may be a half.
fn rank_digits(rank: f64) -> usize {
    usize::from(rank.fract() != 0.0)
}
