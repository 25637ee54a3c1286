//! What follows from the figures: stop, warn or go, each with its numbers and its cure. Thresholds and words live here only.

use super::{ContradictionKind, Finding, HeldOut, Likeness, Report, Voice};
use crate::rows::Format;
use clicker_wire::Decision;

/// Share of rows that are copies from which the file is mostly one thing said again.
const MOSTLY_COPIES: f64 = 0.5;
/// Share of rows that contradict another from which labels cannot be trusted.
const MOSTLY_CONTRADICTORY: f64 = 0.2;
/// Share of texts from which one beginning, answer or subject rules the file.
const RULES: f64 = 0.8;
/// Likeness of rows to one another from which the file is a template filled in.
const TEMPLATE: f64 = 0.5;
/// Rows below which a run learns them by heart before it learns anything else.
const FEW: usize = 50;
/// Rows below which shares say nothing.
const ENOUGH: usize = 20;
/// Share of rows without a signal from which most sampling is wasted.
const WASTED: f64 = 0.5;

pub(super) fn advice(report: &Report) -> Vec<Finding> {
    let mut out = Vec::new();
    if report.rows == 0 {
        out.push(finding(Decision::Stop, "empty", "The file holds no rows.".into(), Vec::new()));
        return out;
    }
    leakage(report, &mut out);
    noise(report, &mut out);
    copies(report, &mut out);
    balance(report, &mut out);
    diversity(report, &mut out);
    difficulty(report, &mut out);
    if report.rows < FEW {
        let words = format!(
            "{} rows are few: a model learns them by heart. Look at answers to questions that are not among them, and stop early.",
            report.rows
        );
        out.push(finding(Decision::Warn, "few_rows", words, Vec::new()));
    }
    out
}

fn finding(decision: Decision, name: &'static str, words: String, lines: Vec<usize>) -> Finding {
    Finding { decision, name, words, lines }
}

fn leakage(report: &Report, out: &mut Vec<Finding>) {
    let of = |near: bool| -> Vec<&super::Leaked> {
        report.leakage.iter().filter(|leak| (leak.likeness == Likeness::Near) == near).collect()
    };
    let lines = |leaks: &[&super::Leaked]| leaks.iter().map(|leak| leak.line).collect::<Vec<_>>();
    let (certain, near) = (of(false), of(true));
    let whose = |leaks: &[&super::Leaked]| match leaks.iter().all(|leak| matches!(leak.held_out, HeldOut::Line(_))) {
        true => "the held-out file",
        false => "what runs are measured on",
    };
    if !certain.is_empty() {
        let words = format!(
            "{} asked here {} also in {}, so progress there would be learnt by heart. Leave them out of training.",
            some(certain.len(), "question"),
            stand(certain.len()),
            whose(&certain)
        );
        out.push(finding(Decision::Stop, "leakage", words, lines(&certain)));
    }
    if !near.is_empty() {
        let words = format!(
            "{} nearly the same as one in {}. Read them side by side; leave out those that only differ in wording.",
            some_are(near.len(), "question"),
            whose(&near)
        );
        out.push(finding(Decision::Warn, "near_leakage", words, lines(&near)));
    }
}

fn noise(report: &Report, out: &mut Vec<Finding>) {
    let noise = &report.noise;
    if !noise.identical_pairs.is_empty() {
        let words = format!(
            "{} the same answer as chosen and as rejected: nothing can be learnt from a tie. Leave them out.",
            some_have(noise.identical_pairs.len(), "pair")
        );
        out.push(finding(Decision::Stop, "identical_pair", words, noise.identical_pairs.clone()));
    }
    if !noise.empty_answers.is_empty() {
        let words = format!(
            "{} no text where a good answer belongs. Write it, or leave the row out.",
            some_have(noise.empty_answers.len(), "row")
        );
        out.push(finding(Decision::Stop, "empty_answer", words, noise.empty_answers.clone()));
    }
    for (kinds, name, what, cure) in [
        (
            [ContradictionKind::Preference, ContradictionKind::Thumb],
            "contradiction",
            "labelled both ways",
            "Ask the annotators again, or leave them out: the model would learn a coin toss.",
        ),
        (
            [ContradictionKind::Answers, ContradictionKind::Truth],
            "different_answers",
            "answered differently",
            "Where only one is right, repair the others; where several are, list them all under `accepted`.",
        ),
    ] {
        let found: Vec<_> = noise.contradictions.iter().filter(|c| kinds.contains(&c.kind)).collect();
        let lines: Vec<usize> = found.iter().flat_map(|c| c.lines.iter().copied()).collect();
        if lines.is_empty() {
            continue;
        }
        let most = lines.len() as f64 >= MOSTLY_CONTRADICTORY * report.rows as f64 && name == "contradiction";
        let guess = match (name, noise.label_error) {
            ("contradiction", Some(error)) => format!(" About {} of all labels may be wrong.", percent(error)),
            _ => String::new(),
        };
        let words = format!("{} {what} in {} rows.{guess} {cure}", some_are(found.len(), "question"), lines.len());
        out.push(finding(if most { Decision::Stop } else { Decision::Warn }, name, words, lines));
    }
}

fn copies(report: &Report, out: &mut Vec<Finding>) {
    let copies = &report.duplicates;
    let mut lines: Vec<usize> = copies.exact.iter().chain(&copies.same_words).map(|copy| copy.line).collect();
    lines.sort_unstable();
    if !lines.is_empty() {
        let share = lines.len() as f64 / report.rows as f64;
        let words = format!(
            "{} what an earlier one says ({} of the file), and would count double. Leave the copies out.",
            match lines.len() {
                1 => "1 row says".to_owned(),
                n => format!("{n} rows say"),
            },
            percent(share)
        );
        let decision = if share >= MOSTLY_COPIES { Decision::Stop } else { Decision::Warn };
        out.push(finding(decision, "duplicates", words, lines));
    }
    if !copies.near.is_empty() {
        let words = format!(
            "{} nearly an earlier one (three-word overlap of {} or more). Templates look like that, and so do copies with a typo: \
             read some.",
            some_are(copies.near.len(), "question"),
            super::NEAR
        );
        out.push(finding(Decision::Warn, "near_duplicates", words, copies.near.iter().map(|near| near.line).collect()));
    }
    if !copies.near_complete {
        let words = "The search for near copies was cut off: too many rows are alike. Cut the file into parts.".into();
        out.push(finding(Decision::Warn, "near_incomplete", words, Vec::new()));
    }
}

fn balance(report: &Report, out: &mut Vec<Finding>) {
    let balance = &report.balance;
    if let Some(good) = balance.good
        && (good.value == 0.0 || good.value == 1.0)
    {
        let way = if good.value == 0.0 { "down" } else { "up" };
        let words = format!("All {} thumbs are {way}: there is nothing to tell apart. Add the other kind.", good.n);
        out.push(finding(Decision::Stop, "one_label", words, Vec::new()));
    }
    if let Some(longer) = balance.chosen_longer
        && longer.n as usize >= ENOUGH
        && !(1.0 - RULES..=RULES).contains(&longer.value)
    {
        let which = if longer.value > 0.5 { "longer" } else { "shorter" };
        let words = format!(
            "The better answer is the {which} one in {} of {} pairs [{} to {}]: length alone would be learnt. Add pairs where it is \
             the other way round, or pay for length in the reward.",
            percent(if longer.value > 0.5 { longer.value } else { 1.0 - longer.value }),
            longer.n,
            percent(if longer.value > 0.5 { longer.low } else { 1.0 - longer.high }),
            percent(if longer.value > 0.5 { longer.high } else { 1.0 - longer.low })
        );
        out.push(finding(Decision::Warn, "length_bias", words, Vec::new()));
    }
    let named: usize = balance.topics.values().sum();
    if let Some((topic, n)) = balance.topics.iter().max_by_key(|(_, n)| **n)
        && balance.topics.len() > 1
        && named >= ENOUGH
        && *n as f64 >= RULES * named as f64
    {
        let words = format!(
            "{} of the rows are about {topic}; the other {} subjects get little. Add rows to them, or drop some of the large one.",
            percent(*n as f64 / named as f64),
            balance.topics.len() - 1
        );
        out.push(finding(Decision::Warn, "one_subject", words, Vec::new()));
    }
    if let Some(truth) = balance.with_truth
        && truth.value < 1.0
    {
        let words = format!(
            "{} of {} questions name no right answer, so graders that know the truth do not apply to them. Add `answer`, or rely on \
             graders of form, scripts and reward models.",
            truth.n - (truth.value * f64::from(truth.n)).round() as u32,
            truth.n
        );
        out.push(finding(Decision::Warn, "no_truth", words, Vec::new()));
    }
}

fn diversity(report: &Report, out: &mut Vec<Finding>) {
    if report.rows < ENOUGH {
        return;
    }
    let mut look = |what: &str, name: [&'static str; 2], voice: &Voice| {
        if voice.self_similarity >= TEMPLATE {
            let words = format!(
                "Two {what} share {} of their three-word groups on average: one template, filled in. Ask in other words too.",
                percent(voice.self_similarity)
            );
            out.push(finding(Decision::Warn, name[0], words, Vec::new()));
        }
        if let Some((text, share)) = &voice.commonest
            && *share >= RULES
        {
            let words = format!(
                "{} of the {what} are \"{text}\": saying that always would be right. Add others.",
                percent(*share)
            );
            out.push(finding(Decision::Warn, name[1], words, Vec::new()));
        }
    };
    look("prompts", ["one_template", "one_prompt"], &report.diversity.prompts);
    if let Some(answers) = &report.diversity.answers {
        // Short answers are alike because they are short.
        let long = report.balance.answer_words.is_some_and(|words| words.median >= 4);
        let voice = if long { answers.clone() } else { Voice { self_similarity: 0.0, ..answers.clone() } };
        look("answers", ["one_answer_template", "one_answer"], &voice);
    }
}

fn difficulty(report: &Report, out: &mut Vec<Finding>) {
    let Some(difficulty) = &report.difficulty else { return };
    let asks = matches!(report.format, Some(Format::PromptOnly | Format::PromptCompletion));
    for (rate, name, what, cure) in [
        (
            difficulty.never,
            "too_hard",
            "never",
            "Easier questions, a supervised warm-up or more answers per question give a signal.",
        ),
        (
            difficulty.always,
            "too_easy",
            "always",
            "They teach nothing any more: keep some against forgetting, drop the rest.",
        ),
    ] {
        if asks && rate.n > 0 && rate.value >= WASTED {
            let words = format!(
                "{} of {} questions are {what} answered rightly in {} draws [{} to {}]: their groups have no signal. {cure}",
                percent(rate.value),
                rate.n,
                difficulty.samples,
                percent(rate.low),
                percent(rate.high)
            );
            let right = if name == "too_hard" { 0.0 } else { 1.0 };
            let lines = difficulty.rows.iter().filter(|row| row.rate.value == right).map(|row| row.line).collect();
            out.push(finding(Decision::Warn, name, words, lines));
        }
    }
}

fn some(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn some_are(n: usize, what: &str) -> String {
    format!("{} {}", some(n, what), if n == 1 { "is" } else { "are" })
}

fn some_have(n: usize, what: &str) -> String {
    format!("{} {}", some(n, what), if n == 1 { "has" } else { "have" })
}

fn stand(n: usize) -> &'static str {
    if n == 1 { "stands" } else { "stand" }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
