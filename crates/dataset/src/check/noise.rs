//! Rows that cannot all be right: the same question with answers, preferences or thumbs that contradict each other. A guess at how
//! many labels are wrong follows from how often repeated ones disagree. Knows rows, not the truth.

use crate::rows::{Body, Row, Rows};
use crate::text::{normalise, normalised_key};
use clicker_wire::Rate;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// What contradicts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Noise {
    /// Lines of pairs whose answers are the same.
    pub identical_pairs: Vec<usize>,
    /// Lines without an answer where a good one belongs.
    pub empty_answers: Vec<usize>,
    /// Rows that disagree, question by question.
    pub contradictions: Vec<Contradiction>,
    /// Of two labels of one and the same pair or answer, how often they differ; none where nothing is labelled twice.
    pub disagreement: Option<Rate>,
    /// The share of wrong labels that would make this disagreement, if errors are independent: two labels differ with
    /// probability 2e(1-e). None above a half, where no such share exists.
    pub label_error: Option<f64>,
}

/// Rows on one question that disagree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// How.
    pub kind: ContradictionKind,
    /// Their lines.
    pub lines: Vec<usize>,
}

/// How rows disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContradictionKind {
    /// One row prefers what the other rejects.
    Preference,
    /// The same answer has a thumb up and a thumb down.
    Thumb,
    /// The same question has different answers. That can be meant: then it is no error.
    Answers,
    /// The same question has right answers that share none.
    Truth,
}

pub(super) fn noise(rows: &Rows) -> Noise {
    let mut out = Noise::default();
    let mut same_question: HashMap<String, Vec<&Row>> = HashMap::new();
    for row in &rows.rows {
        same_question.entry(normalised_key(&row.prompt)).or_default().push(row);
        match &row.body {
            Body::Preference { chosen, rejected, .. } if chosen.trim() == rejected.trim() => {
                out.identical_pairs.push(row.line);
            }
            Body::Preference { chosen: good, .. } | Body::Completion(good) if good.trim().is_empty() => {
                out.empty_answers.push(row.line);
            }
            _ => {}
        }
    }
    let (mut differ, mut compared) = (0_u32, 0_u32);
    for group in same_question.values().filter(|group| group.len() > 1) {
        // [for, against] by what is labelled.
        let mut labelled: BTreeMap<(String, String), [Vec<usize>; 2]> = BTreeMap::new();
        for row in group {
            if let Some((what, side)) = label(row) {
                labelled.entry(what).or_default()[side].push(row.line);
            }
        }
        for [one, other] in labelled.values() {
            let (a, b) = (one.len() as u32, other.len() as u32);
            compared = compared.saturating_add((a + b) * (a + b).saturating_sub(1) / 2);
            differ = differ.saturating_add(a * b);
            if a > 0 && b > 0 {
                let pairs = matches!(group[0].body, Body::Preference { .. });
                let kind = if pairs { ContradictionKind::Preference } else { ContradictionKind::Thumb };
                out.contradictions.push(Contradiction { kind, lines: sorted(one.iter().chain(other)) });
            }
        }
        out.contradictions.extend(answers(group));
    }
    out.contradictions.sort_by(|a, b| a.lines.cmp(&b.lines));
    if compared > 0 {
        let rate = Rate::of(differ, compared);
        out.disagreement = Some(rate);
        out.label_error = (rate.value <= 0.5).then(|| (1.0 - (1.0 - 2.0 * rate.value).sqrt()) / 2.0);
    }
    out
}

/// What a row labels, and on which side. The two answers of a pair in one order, so that both directions meet.
fn label(row: &Row) -> Option<((String, String), usize)> {
    match &row.body {
        Body::Preference { chosen, rejected, .. } => {
            let (a, b) = (normalise(chosen), normalise(rejected));
            match a.cmp(&b) {
                std::cmp::Ordering::Less => Some(((a, b), 0)),
                std::cmp::Ordering::Greater => Some(((b, a), 1)),
                std::cmp::Ordering::Equal => None,
            }
        }
        Body::Unpaired { completion, label, .. } => Some(((normalise(completion), String::new()), usize::from(!label))),
        Body::Prompt | Body::Completion(_) => None,
    }
}

/// Different answers to one question, or right answers that share none.
fn answers(group: &[&Row]) -> Option<Contradiction> {
    let said: Vec<(usize, Vec<String>)> = group
        .iter()
        .filter_map(|row| match &row.body {
            Body::Completion(text) => Some((row.line, vec![normalise(text)])),
            Body::Prompt => Some((row.line, row.truths().iter().map(|text| normalise(text)).collect())),
            _ => None,
        })
        .filter(|(_, said)| !said.is_empty())
        .collect();
    let (_, first) = said.first()?;
    let apart = said.iter().any(|(_, other)| !other.iter().any(|text| first.contains(text)));
    let kind = match group[0].body {
        Body::Prompt => ContradictionKind::Truth,
        _ => ContradictionKind::Answers,
    };
    apart.then(|| Contradiction { kind, lines: sorted(said.iter().map(|(line, _)| line)) })
}

fn sorted<'a>(lines: impl Iterator<Item = &'a usize>) -> Vec<usize> {
    let mut lines: Vec<usize> = lines.copied().collect();
    lines.sort_unstable();
    lines
}
