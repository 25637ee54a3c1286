//! A search for prompts that flip a right answer: random combinations of attacks, more of them and harder ones with every try, all
//! seeded. It is blind: it sees answers, no gradients, so what it does not find may still exist.

use super::SuiteOptions;
use super::ask::Asker;
use super::good;
use super::robustness::Target;
use crate::Result;
use crate::calibration::bootstrap::estimate;
use clicker_dataset::perturb::kept::Found;
use clicker_dataset::perturb::mutate;
use clicker_wire::{Better, Domain, Item, Knowledge, Rate, SuiteFigure, SuiteSection};
use std::collections::BTreeMap;

/// Examples shown; all that was found is kept.
const SHOWN: usize = 8;

pub(super) fn run(asker: &Asker, right: &[Target], options: &SuiteOptions) -> Result<(SuiteSection, Vec<Found>)> {
    let targets = spread(right, options.searched);
    let mut fell: Vec<Option<usize>> = vec![None; targets.len()];
    let (mut found, mut examples) = (Vec::new(), Vec::new());
    for round in 0..options.tries {
        let standing = (0..targets.len()).filter(|i| fell[*i].is_none());
        let tried: Vec<_> = standing
            .filter_map(|i| {
                let (item, attacks) = mutate(targets[i].item, targets[i].decoy, round, options.seed)?;
                Some((i, item, attacks))
            })
            .collect();
        let said = asker.ask(&tried.iter().map(|(_, item, _)| item.clone()).collect::<Vec<_>>())?;
        for ((i, item, attacks), said) in tried.into_iter().zip(said) {
            let Some(said) = said.filter(|said| !good(&item, said.verdict)) else { continue };
            fell[i] = Some(round + 1);
            let target = targets[i];
            if examples.len() < SHOWN {
                let titles: Vec<&str> = attacks.iter().map(|a| a.title()).collect();
                examples.push(said.example(&titles.join(", "), &item, Some(target.said)));
            }
            found.push(Found { item, from: target.item.id.0.clone(), attacks });
        }
    }
    Ok((section(&fell, options.tries, examples), found))
}

fn section(fell: &[Option<usize>], tries: usize, examples: Vec<clicker_wire::SuiteExample>) -> SuiteSection {
    let n = fell.len() as u32;
    let within = |most: usize| Rate::of(fell.iter().flatten().filter(|tries| **tries <= most).count() as u32, n);
    let mut figures = Vec::new();
    for most in [1, 2, 4, 8, 16, 32].into_iter().filter(|most| *most < tries).chain([tries]) {
        let title = "answers flipped";
        let group = if most == 1 { "after 1 try".to_owned() } else { format!("after {most} tries") };
        figures.push(SuiteFigure::share("flipped", title, Better::Lower, within(most)).of(group));
    }
    let counts: Vec<f64> = fell.iter().flatten().map(|tries| *tries as f64).collect();
    let mean = estimate(&counts, |c| (!c.is_empty()).then(|| c.iter().sum::<f64>() / c.len() as f64));
    figures.push(SuiteFigure::number("tries", "tries until an answer flipped, where it did", Better::Higher, mean));
    let notes = vec![
        "a blind search: it tries combinations of the attacks above. What it does not find may still exist".to_owned(),
    ];
    SuiteSection { name: "search".into(), title: "Search".into(), notes, figures, examples }
}

/// At most `n`, taken in turn from every subject and class.
fn spread<'a>(right: &[Target<'a>], n: usize) -> Vec<Target<'a>> {
    let mut cells: BTreeMap<(Domain, Knowledge), Vec<Target>> = BTreeMap::new();
    for target in right {
        let Item { domain, knowledge, .. } = target.item;
        cells.entry((*domain, *knowledge)).or_default().push(*target);
    }
    let longest = cells.values().map(Vec::len).max().unwrap_or(0);
    let turn = |place: usize| cells.values().filter_map(move |cell| cell.get(place).copied());
    (0..longest).flat_map(turn).take(n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_are_counted_by_the_tries_they_took() {
        let section = section(&[Some(1), Some(3), None, Some(8)], 8, Vec::new());
        let shares: Vec<(&str, f64)> =
            section.figures.iter().filter_map(|f| Some((f.group.as_deref()?, f.value))).collect();
        let expected =
            [("after 1 try", 0.25), ("after 2 tries", 0.25), ("after 4 tries", 0.5), ("after 8 tries", 0.75)];
        assert_eq!(shares, expected);
        let tries = section.figures.last().unwrap();
        assert_eq!((tries.value, tries.n), (4.0, 3));
    }
}
