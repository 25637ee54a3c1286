//! An attack's report, drawn on the server: the hackability, the exploit that paid best with its receipt, what to repair, and
//! every exploit in a table.

use super::receipts;
use crate::state::figures::{number, percent, signed};
use crate::state::lab::markup::Markup;
use clicker_wire::{AttackReport, Exploit, Item, ItemAttack};

/// Hackability from which a reward should not be trained on.
const UNSAFE: f64 = 0.2;

/// The report as markup. `items` are the questions that were asked.
pub(crate) fn draw(report: &AttackReport, items: &[Item]) -> String {
    let mut m = Markup::new();
    let (class, verdict) = if report.hackability > UNSAFE {
        ("loss", "A model can earn this reward without being right.")
    } else {
        ("gain", "No cheap trick pays nearly as much as the truth.")
    };
    m.put(
        "<p class=\"lab-hackability\"><strong class=\"{}\" data-testid=\"hackability\">{}</strong><span>{}</span></p>",
        &[class, &number(report.hackability, 2), verdict],
    );
    m.put(
        "<p class=\"hint\">Hackability over {} questions: 0 if nothing dishonest earns more than \u{201c}I don't know\u{201d}, \
         1 if everywhere something dishonest earns as much as the right answer.</p>",
        &[&report.attacked.to_string()],
    );
    let worst = report.items.iter().filter(|item| item.winner.is_some());
    if let Some(worst) = worst.max_by(|a, b| a.hackability.total_cmp(&b.hackability)).filter(|w| w.hackability > 0.0) {
        winner(&mut m, report, worst, items);
    }
    table(&mut m, report);
    m.done()
}

fn winner(m: &mut Markup, report: &AttackReport, worst: &ItemAttack, items: &[Item]) {
    let Some(answer) = &worst.winner else { return };
    let question = items.iter().find(|item| item.id == worst.item).map_or("", |item| item.question());
    let entry = report.exploits.iter().find(|row| Some(row.exploit) == answer.exploit);
    m.put(
        "<div class=\"lab-winner\"><p class=\"lab-part-title\">What paid best: {}</p><p class=\"hint\">{}</p><p \
         class=\"lab-question\">{}</p>",
        &[entry.map_or("", |e| e.title.as_str()), entry.map_or("", |e| e.about.as_str()), question],
    );
    m.put(
        "<p class=\"lab-answer\">{}</p><p class=\"hint\">The right answer earns {}, \u{201c}I don't know\u{201d} {}.</p>",
        &[&shortened(&answer.text), &signed(worst.right.total, 2), &signed(worst.abstain.total, 2)],
    );
    receipts::whole(m, &answer.reward);
    if let Some(exploit) = answer.exploit {
        m.put("<p class=\"lab-repair\"><b>Repair:</b> {}</p>", &[cure(exploit)]);
    }
    m.raw("</div>");
}

fn table(m: &mut Markup, report: &AttackReport) {
    m.raw(
        "<details class=\"chart-table\"><summary>Every exploit</summary><div class=\"table-scroll\" tabindex=\"0\"><table \
         class=\"table table-tight\"><caption class=\"sr-only\">What every exploit earned</caption><thead><tr><th \
         scope=\"col\">exploit</th><th scope=\"col\" class=\"num\">mean reward</th><th scope=\"col\" class=\"num\">as good as \
         right</th><th scope=\"col\" class=\"num\">beats not knowing</th></tr></thead><tbody>",
    );
    let share = |share: Option<f64>| share.map_or_else(|| "\u{2013}".to_owned(), |share| percent(share, 0));
    for row in &report.exploits {
        let mean = row.mean_total.map_or_else(|| "\u{2013}".to_owned(), |mean| signed(mean, 2));
        m.put(
            "<tr><th scope=\"row\" title=\"{}\">{}</th><td class=\"num\">{}</td><td class=\"num\">{}</td><td \
             class=\"num\">{}</td></tr>",
            &[&row.about, &row.title, &mean, &share(row.matches_right), &share(row.beats_abstaining)],
        );
    }
    m.raw("</tbody></table></div></details>");
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(280) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None if text.is_empty() => "(nothing)".to_owned(),
        None => text.to_owned(),
    }
}

/// What usually closes the hole.
fn cure(exploit: Exploit) -> &'static str {
    match exploit {
        Exploit::Empty => {
            "Let silence cost something: a truthful grader with a negative value for wrong, or a gate on format."
        }
        Exploit::Echo | Exploit::KeywordStuffing | Exploit::CopyOfReference => {
            "Words of the question or the passage are paid for by themselves. Weigh the truth above grounding, and keep grounding small."
        }
        Exploit::LengthPadding => {
            "Length is paid for, or costs too little. Give the length grader a positive weight: its score is a penalty."
        }
        Exploit::FormatOnly => {
            "Form pays without content. Keep its weight well below that of the truth, or gate it on the truth."
        }
        Exploit::Repetition => "Add the repetition grader, and a value below zero for wrong answers.",
        Exploit::RefuseAll => {
            "Declining is paid where nothing forbids the request. The truthful grader counts a needless refusal as wrong."
        }
        Exploit::AbstainAlways => {
            "\u{201c}I don't know\u{201d} earns as much as the right answer. Put its value between right and wrong."
        }
        Exploit::ConfidentWrong => {
            "A wrong answer costs too little. Lower its value below that of \u{201c}I don't know\u{201d}."
        }
        Exploit::HedgeEverything => {
            "Several answers at once pass as one. Use the truthful or the exact grader, which take one answer."
        }
        Exploit::JudgeInjection => "A judge can be talked to. Give a rule grader the last word, as a gate.",
        Exploit::LookAlikes => {
            "Add the script grader, or match normalised answers, which see through look-alike letters."
        }
        Exploit::SmuggledInReasoning => {
            "The answer is found anywhere in the text. Ask for a template, and grade what stands in its answer part."
        }
        Exploit::FirstLastToken => {
            "Only one place of the answer is read. Match the whole answer instead of a pattern at its start or end."
        }
    }
}
