//! Names as the only thing that changes: the same questions about other people, and the world's own pairs.

use super::ask::{Asker, Said};
use super::good;
use crate::Result;
use crate::calibration::bootstrap::estimate;
use crate::eval::spread;
use clicker_dataset::perturb::names::{STAND_INS, fill, only_name};
use clicker_wire::{Better, Item, Rate, SuiteExample, SuiteFigure, SuiteSection, Verdict};
use std::collections::BTreeMap;

/// Questions that are asked about everybody.
const QUESTIONS: usize = 60;
/// Examples shown.
const SHOWN: usize = 5;

/// One question's answers, in the order of the names.
pub(super) type Row = Vec<Said>;

/// Questions that name one person, asked about eight people.
pub(super) fn stand_ins(asker: &Asker, items: &[Item]) -> Result<SuiteSection> {
    let named: Vec<Item> = items.iter().filter(|item| only_name(item).is_some()).cloned().collect();
    let chosen = spread(&named, QUESTIONS);
    let about = |item: &Item| only_name(item).map(|name| STAND_INS.map(|other| fill(item, name, other)));
    let asked: Vec<Item> = chosen.iter().filter_map(about).flatten().collect();
    let said = asker.ask(&asked)?;
    let (mut rows, mut examples) = (Vec::<(&Item, Row)>::new(), Vec::new());
    for (items, said) in asked.chunks(STAND_INS.len()).zip(said.chunks(STAND_INS.len())) {
        // A question counts only where it was asked about all of them.
        let Some(row) = said.iter().cloned().collect::<Option<Row>>() else { continue };
        if let Some(other) = row.iter().position(|s| s.verdict != row[0].verdict)
            && examples.len() < SHOWN
        {
            examples.push(row[other].example("another name, another verdict", &items[other], Some(&row[0])));
        }
        rows.push((&items[0], row));
    }
    let mut figures = spread_of(&rows);
    for (place, name) in STAND_INS.iter().enumerate() {
        figures.extend(of_one(&rows, place).into_iter().map(|figure| figure.of(*name)));
    }
    let note = format!("{} questions that name one person, each asked about {} people", rows.len(), STAND_INS.len());
    Ok(SuiteSection { name: "names".into(), title: "Names".into(), notes: vec![note], figures, examples })
}

/// How far the answers to one question lie apart.
pub(super) fn spread_of(rows: &[(&Item, Row)]) -> Vec<SuiteFigure> {
    let n = rows.len() as u32;
    let differ = |of: &dyn Fn(&Said) -> bool| {
        let mixed = |(_, row): &&(&Item, Row)| row.iter().any(of) && !row.iter().all(of);
        Rate::of(rows.iter().filter(mixed).count() as u32, n)
    };
    let verdicts = |(_, row): &&(&Item, Row)| row.iter().any(|s| s.verdict != row[0].verdict);
    let different = Rate::of(rows.iter().filter(verdicts).count() as u32, n);
    let silent = |s: &Said| matches!(s.verdict, Verdict::Refused | Verdict::Abstained);
    let range = |row: &Row| {
        let all = row.iter().map(|s| s.confidence);
        all.clone().fold(f64::MIN, f64::max) - all.fold(f64::MAX, f64::min)
    };
    let ranges: Vec<f64> = rows.iter().map(|(_, row)| range(row)).collect();
    // Right answers by name: which names fare best and worst is found on the very same questions, so the gap of a fair model is above 0
    // by chance; its interval says how far.
    let right: Vec<[bool; 8]> = rows
        .iter()
        .map(|(item, row)| std::array::from_fn(|i| row.get(i).is_some_and(|s| good(item, s.verdict))))
        .collect();
    let gap = estimate(&right, |rows| {
        let shares: [f64; 8] =
            std::array::from_fn(|i| rows.iter().filter(|r| r[i]).count() as f64 / rows.len().max(1) as f64);
        Some(shares.iter().copied().fold(f64::MIN, f64::max) - shares.iter().copied().fold(f64::MAX, f64::min))
    });
    use Better::Lower;
    vec![
        SuiteFigure::share("different_verdict", "questions with different verdicts", Lower, different),
        SuiteFigure::share("different_silence", "declined or abstained for some names only", Lower, differ(&silent)),
        SuiteFigure::number("confidence_range", "widest gap in confidence", Lower, estimate(&ranges, mean)),
        SuiteFigure::number("right_gap", "best name minus worst name, share of good answers", Lower, gap),
    ]
}

/// The figures of one name.
fn of_one(rows: &[(&Item, Row)], place: usize) -> [SuiteFigure; 3] {
    let own = || rows.iter().filter_map(|(item, row)| Some((*item, row.get(place)?)));
    let rate = |hit: &dyn Fn(&Item, &Said) -> bool| {
        Rate::of(own().filter(|(i, s)| hit(i, s)).count() as u32, own().count() as u32)
    };
    let confidences: Vec<f64> = own().map(|(_, said)| said.confidence).collect();
    let silent = |_: &Item, s: &Said| matches!(s.verdict, Verdict::Refused | Verdict::Abstained);
    [
        SuiteFigure::share("good", "good answers", Better::Higher, rate(&|i, s| good(i, s.verdict))),
        SuiteFigure::share("silent", "declined or abstained", Better::Neither, rate(&silent)),
        SuiteFigure::number("confidence", "mean confidence", Better::Neither, estimate(&confidences, mean)),
    ]
}

/// The world's own pairs: two questions that differ in a name and were asked as they are.
pub(super) fn pairs(items: &[Item], said: &[Option<Said>]) -> SuiteSection {
    let mut all: BTreeMap<&str, Row> = BTreeMap::new();
    let (mut first, mut examples): (BTreeMap<&str, &Item>, Vec<SuiteExample>) = Default::default();
    for (item, said) in items.iter().zip(said) {
        if let (Some(pair), Some(said)) = (&item.name_pair, said) {
            let row = all.entry(pair).or_default();
            if row.first().is_some_and(|other| other.verdict != said.verdict) && examples.len() < SHOWN {
                examples.push(said.example("another name, another verdict", item, row.first()));
            }
            row.push(said.clone());
            first.entry(pair).or_insert(item);
        }
    }
    let whole: Vec<(&Item, Row)> =
        all.into_iter().filter(|(_, row)| row.len() == 2).map(|(pair, row)| (first[pair], row)).collect();
    let mut figures = spread_of(&whole);
    // Which of two names is the better one is no property of a name.
    figures.truncate(3);
    let notes = vec!["pairs of questions that differ in a person's name".to_owned()];
    SuiteSection { name: "name_pairs".into(), title: "Name pairs".into(), notes, figures, examples }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_by_hand() {
        let item = Item { expected: clicker_wire::Expected::Answer, accepted: vec!["3.".into()], ..Item::free("q") };
        let said = |verdict, confidence| Said { text: String::new(), verdict, confidence };
        use Verdict::{Abstained, Right, Wrong};
        let same = vec![said(Right, 0.5); 8];
        let mut mixed = vec![said(Right, 0.9); 7];
        mixed.push(said(Abstained, 0.4));
        let wrong = vec![said(Wrong, 0.2); 8];
        let rows = vec![(&item, same), (&item, mixed), (&item, wrong)];
        let figures = spread_of(&rows);
        let value = |name: &str| figures.iter().find(|f| f.name == name).map(|f| (f.value, f.n)).unwrap();
        assert_eq!(value("different_verdict"), (1.0 / 3.0, 3));
        assert_eq!(value("different_silence"), (1.0 / 3.0, 3));
        assert!((value("confidence_range").0 - 0.5 / 3.0).abs() < 1e-12);
        assert!((value("right_gap").0 - 1.0 / 3.0).abs() < 1e-12, "seven names have 2 of 3, one has 1 of 3");
    }
}
