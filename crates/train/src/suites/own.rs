//! A suite of one's own: questions from a file, and whatever judges answers to them. Never knows the file or the judge.

use super::SuiteOptions;
use super::ask::Asker;
use crate::Result;
use crate::calibration::bootstrap::estimate;
use crate::rollout::Language;
use clicker_lm::PolicySnapshot;
use clicker_wire::{Better, Item, Rate, Receipt, SuiteExample, SuiteFigure, SuiteReport, SuiteSection};
use std::collections::BTreeMap;

/// Worst answers that are shown with their receipts.
const WORST: usize = 10;

/// What a judge said of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The score; none where nothing applied.
    pub score: Option<f64>,
    /// Why, part by part.
    pub receipts: Vec<Receipt>,
}

/// Ask every question greedily, and let `judge` score the answers. `topics` holds the subject of each question, if its row names one; an
/// answer passes with `pass` or more.
///
/// # Errors
/// A model that cannot be asked.
pub fn own(
    model: &PolicySnapshot,
    language: &Language,
    (items, topics): (&[Item], &[Option<String>]),
    options: &SuiteOptions,
    (name, pass): (&str, f64),
    judge: &mut dyn FnMut(&Item, &str) -> Scored,
) -> Result<SuiteReport> {
    let asker = Asker { model, language, max_new_tokens: options.max_new_tokens, seed: options.seed };
    let said = asker.ask(items)?;
    let mut answers = Vec::new();
    for (i, (item, said)) in items.iter().zip(&said).enumerate() {
        let Some(said) = said else { continue };
        let scored = judge(item, &said.text);
        let example =
            SuiteExample { score: scored.score, receipts: scored.receipts, ..said.example("lowest score", item, None) };
        answers.push((topics.get(i).cloned().flatten(), example));
    }
    let section = section(&answers, items.len(), pass);
    Ok(SuiteReport {
        suite: name.to_owned(),
        model: options.model.clone(),
        seed: options.seed,
        items: items.len() as u32,
        measured: None,
        sections: vec![section],
    })
}

fn section(answers: &[(Option<String>, SuiteExample)], asked: usize, pass: f64) -> SuiteSection {
    let scores = |of: &dyn Fn(Option<&str>) -> bool| -> Vec<f64> {
        answers.iter().filter(|(topic, _)| of(topic.as_deref())).filter_map(|(_, example)| example.score).collect()
    };
    let both = |scores: &[f64]| {
        let passed = Rate::of(scores.iter().filter(|s| **s >= pass).count() as u32, scores.len() as u32);
        let mean = estimate(scores, |s| Some(s.iter().sum::<f64>() / s.len() as f64));
        [
            SuiteFigure::number("score", "mean score", Better::Higher, mean),
            SuiteFigure::share("passing", "passing", Better::Higher, passed),
        ]
    };
    let all = scores(&|_| true);
    let mut figures = both(&all).to_vec();
    let mut topics: BTreeMap<&str, ()> = BTreeMap::new();
    topics.extend(answers.iter().filter_map(|(topic, _)| Some((topic.as_deref()?, ()))));
    for topic in topics.into_keys() {
        figures.extend(both(&scores(&|t| t == Some(topic))).map(|figure| figure.of(topic)));
    }
    let mut worst: Vec<&SuiteExample> = answers.iter().map(|(_, e)| e).filter(|e| e.score.is_some()).collect();
    worst.sort_by(|a, b| a.score.unwrap_or(0.0).total_cmp(&b.score.unwrap_or(0.0)));
    let mut notes = vec![format!("an answer passes with a score of {pass} or more")];
    let (left, unscored) = (asked - answers.len(), answers.len() - all.len());
    if left > 0 {
        notes.push(format!("{left} questions do not fit into the model's context and were left out"));
    }
    if unscored > 0 {
        notes.push(format!("{unscored} answers got no score, because no grader applies to their questions"));
    }
    let examples = worst.into_iter().take(WORST).cloned().collect();
    SuiteSection { name: "scores".into(), title: "Scores".into(), notes, figures, examples }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_by_hand() {
        let answer = |topic: Option<&str>, score| {
            let example = SuiteExample {
                of: String::new(),
                item: "x".into(),
                prompt: Vec::new(),
                wanted: String::new(),
                clean: None,
                answer: String::new(),
                score,
                receipts: Vec::new(),
            };
            (topic.map(str::to_owned), example)
        };
        let answers = [
            answer(Some("a"), Some(1.0)),
            answer(Some("a"), Some(0.0)),
            answer(Some("b"), Some(0.5)),
            answer(None, None),
        ];
        let section = section(&answers, 5, 0.5);
        let value = |group: Option<&str>, name: &str| {
            let found = section.figures.iter().find(|f| f.group.as_deref() == group && f.name == name).unwrap();
            (found.value, found.n)
        };
        assert_eq!((value(None, "score"), value(None, "passing").0), ((0.5, 3), 2.0 / 3.0));
        assert_eq!([value(Some("a"), "score"), value(Some("b"), "passing")], [(0.5, 2), (1.0, 1)]);
        let worst: Vec<f64> = section.examples.iter().filter_map(|e| e.score).collect();
        assert_eq!(worst, [0.0, 0.5, 1.0]);
        assert_eq!(section.notes.len(), 3);
    }
}
