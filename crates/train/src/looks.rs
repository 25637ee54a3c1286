//! What a step's answers look like, apart from what they are worth: the figures that move when a policy finds a shortcut.
//! Never knows the reward, so a shortcut shows whatever was paid for it.

use crate::rollout::Group;
use crate::session::Metrics;
use clicker_rewards::confidence::{Stated, stated};
use clicker_rewards::graders::grade;
use clicker_rewards::normalise::normalise;
use clicker_rewards::{is_abstention, is_refusal, verdict};
use clicker_wire::{Expected, Grader, Item, Knowledge, Verdict};
use std::collections::{HashMap, HashSet};

/// Words that are a form and no content.
const SMALL: [&str; 12] = ["it", "is", "its", "the", "a", "an", "answer", "that", "this", "are", "was", "of"];

/// `answers/mean_chars`, and shares of the step's answers:
/// - `answers/abstained_known`: "I don't know", of the answers to known questions that have one;
/// - `answers/refused_harmless`: declined, of the answers to questions that have an answer;
/// - `answers/repeated`: groups of six neighbouring characters that repeat an earlier one, averaged over answers (of
///   characters, because padding need not be made of words);
/// - `answers/stuffed`: wrong, and nothing but words of the given passage;
/// - `answers/format_only`: wrong, a clean sentence, and without a word of content beside the question's;
/// - `answers/same`: the most frequent answer to different questions, where it neither abstains nor declines;
/// - `answers/hedged`: a stated confidence of at most a tenth, of the answers that state one;
/// - `answers/same_confidence`: the most frequent stated confidence, of the answers that state one.
///
/// A share of nothing is absent.
pub(crate) fn looks(groups: &[Group]) -> Metrics {
    let answers: Vec<(&Item, &str)> =
        groups.iter().flat_map(|g| g.answers.iter().map(|a| (&g.item, a.text.as_str()))).collect();
    let share = |of: &dyn Fn(&Item) -> bool, hit: &dyn Fn(&Item, &str) -> bool| {
        let among: Vec<_> = answers.iter().filter(|(item, _)| of(item)).collect();
        let hits = among.iter().filter(|(item, text)| hit(item, text)).count();
        (!among.is_empty()).then(|| hits as f64 / among.len() as f64)
    };
    let mean = |value: &dyn Fn(&str) -> f64| {
        (!answers.is_empty()).then(|| answers.iter().map(|(_, text)| value(text)).sum::<f64>() / answers.len() as f64)
    };
    let answerable = |item: &Item| item.expected == Expected::Answer;
    let (hedged, same_confidence) = confidences(answers.iter().map(|(_, text)| *text)).unzip();
    let named = [
        ("mean_chars", mean(&|text| text.chars().count() as f64)),
        ("repeated", mean(&repeated)),
        (
            "abstained_known",
            share(&|item| answerable(item) && item.knowledge == Knowledge::Known, &|_, text| is_abstention(text)),
        ),
        ("refused_harmless", share(&answerable, &|_, text| is_refusal(text))),
        ("stuffed", share(&|_| true, &stuffed)),
        ("format_only", share(&|_| true, &format_only)),
        ("same", same(groups)),
        ("hedged", hedged),
        ("same_confidence", same_confidence),
    ];
    named.into_iter().filter_map(|(name, value)| Some((format!("answers/{name}"), value?))).collect()
}

/// Of the stated confidences the share that claims next to nothing, and the share of the most frequent one, in tenths; nothing
/// where fewer than a handful state any.
fn confidences<'a>(texts: impl Iterator<Item = &'a str>) -> Option<(f64, f64)> {
    let mut tenths = [0_u32; 11];
    for text in texts {
        if let Stated::Once { value, .. } = stated(text) {
            tenths[(value * 10.0).round().clamp(0.0, 10.0) as usize] += 1;
        }
    }
    let all = f64::from(tenths.iter().sum::<u32>());
    let most = tenths.iter().copied().max().unwrap_or(0);
    (all >= 8.0).then(|| (f64::from(tenths[0] + tenths[1]) / all, f64::from(most) / all))
}

fn repeated(text: &str) -> f64 {
    let characters: Vec<char> = text.to_lowercase().chars().collect();
    let groups = characters.windows(6);
    let all = groups.len();
    let distinct: HashSet<&[char]> = groups.collect();
    (all - distinct.len()) as f64 / all.max(1) as f64
}

/// Every word that it adds to the question stands in the passage, and it is wrong all the same.
fn stuffed(item: &Item, text: &str) -> bool {
    verdict(item, text) == Verdict::Wrong && grade(&Grader::Grounding {}, item, text).score == Some(1.0)
}

fn format_only(item: &Item, text: &str) -> bool {
    if verdict(item, text) != Verdict::Wrong || grade(&Grader::Format {}, item, text).score != Some(1.0) {
        return false;
    }
    // The last sentence asks; what stands before it is a passage, whose words are content.
    let question = normalise(item.question().rsplit(". ").next().unwrap_or_default());
    let asked: HashSet<&str> = question.words().collect();
    let answer = normalise(text);
    answer.words().all(|word| SMALL.contains(&word) || asked.contains(word))
}

/// Share of the questions whose groups hold the answer that most groups hold.
fn same(groups: &[Group]) -> Option<f64> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for group in groups {
        let texts = group.answers.iter().filter(|a| !is_abstention(&a.text) && !is_refusal(&a.text));
        let distinct: HashSet<String> = texts.map(|a| normalise(&a.text).text).collect();
        for text in distinct {
            *counts.entry(text).or_default() += 1;
        }
    }
    let most = counts.into_values().max().unwrap_or(0);
    (groups.len() > 1).then(|| most as f64 / groups.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::Answer;
    use clicker_wire::StopReason;

    fn group(item: &Item, texts: &[&str]) -> Group {
        let answer = |text: &&str| Answer {
            text: (*text).into(),
            ids: vec![0],
            pieces: vec![String::new()],
            logprobs: vec![0.0],
            entropies: vec![0.0],
            stop: StopReason::End,
            replies: Vec::new(),
        };
        Group { item: item.clone(), prompt: vec![0], answers: texts.iter().map(answer).collect() }
    }

    #[test]
    fn each_figure_counts_what_its_name_says() {
        let question = |text: &str, accepted: &str, knowledge| Item {
            expected: Expected::Answer,
            accepted: vec![accepted.into()],
            knowledge,
            ..Item::free(text)
        };
        let known = question("What is the capital of France?", "Paris", Knowledge::Known);
        let read = question("Anna lives in Oslo with Ben. Where does Anna live?", "Oslo", Knowledge::Known);
        let withheld = question("What is the capital of Tuvalu?", "Funafuti", Knowledge::Withheld);
        let got = looks(&[
            group(&known, &["I don't know.", "The capital of France.", "Rome rome rome rome."]),
            group(&read, &["Ben.", "Oslo.", "Paris."]),
            group(&withheld, &["I don't know.", "I can't help with that.", "Rome rome rome rome."]),
        ]);
        let near = |name: &str, value: f64| {
            let found = got[&format!("answers/{name}")];
            assert!((found - value).abs() < 1e-12, "{name}: {found}, expected {value}");
        };
        // Of six answers to known questions one abstains; one of nine declines.
        near("abstained_known", 1.0 / 6.0);
        near("refused_harmless", 1.0 / 9.0);
        // "Ben." is a word of the passage and wrong.
        near("stuffed", 1.0 / 9.0);
        near("format_only", 1.0 / 9.0);
        // "rome rome rome rome." has 15 groups: five that come again and again, and one with the full stop. Two of nine answers.
        near("repeated", 2.0 * (9.0 / 15.0) / 9.0);
        near("same", 2.0 / 3.0);
        assert!(looks(&[]).is_empty());
        assert!(!got.contains_key("answers/hedged"), "nobody states a confidence");
    }

    #[test]
    fn stated_confidences_are_counted_in_tenths() {
        let texts = |percents: &[u32]| -> Vec<String> {
            percents.iter().map(|p| format!("Oslo (confidence {p}%).")).chain(["Oslo.".to_owned()]).collect()
        };
        let of = |percents: &[u32]| confidences(texts(percents).iter().map(String::as_str));
        assert_eq!(of(&[0, 10, 10, 10, 50, 90, 90, 100]), Some((0.5, 0.375)));
        assert_eq!(of(&[50; 7]), None, "seven are too few to tell");
    }
}
