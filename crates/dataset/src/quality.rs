//! What an item list holds, in numbers: a first look before training on it.

use crate::text::{exact_key, normalised_key};
use clicker_wire::{Expected, Item};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// Counts over one list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Items.
    pub items: usize,
    /// Items by domain, under the domain's name.
    pub by_domain: BTreeMap<String, usize>,
    /// Items by knowledge class, under the class's name.
    pub by_knowledge: BTreeMap<String, usize>,
    /// Items by what is expected: `answer`, `abstain`, `refuse`, `unknown`.
    pub by_expected: BTreeMap<String, usize>,
    /// Items that repeat an earlier conversation byte for byte.
    pub exact_duplicates: usize,
    /// Items that repeat an earlier conversation but for case, punctuation and spaces; includes the exact ones.
    pub normalised_duplicates: usize,
    /// Items that repeat an earlier id.
    pub duplicate_ids: usize,
    /// Share of items whose only right answer is "I don't know", 0 to 1; 0 for an empty list.
    pub unanswerable: f64,
}

/// Counts a list.
#[must_use]
pub fn quality(items: &[Item]) -> Quality {
    let mut report = Quality { items: items.len(), ..Quality::default() };
    let (mut exact, mut normalised, mut ids) = (HashSet::new(), HashSet::new(), HashSet::new());
    for item in items {
        *report.by_domain.entry(item.domain.to_string()).or_default() += 1;
        *report.by_knowledge.entry(item.knowledge.to_string()).or_default() += 1;
        *report.by_expected.entry(expected_name(item.expected).to_owned()).or_default() += 1;
        report.exact_duplicates += usize::from(!exact.insert(exact_key(&item.messages)));
        report.normalised_duplicates += usize::from(!normalised.insert(normalised_key(&item.messages)));
        report.duplicate_ids += usize::from(!ids.insert(item.id.as_str()));
    }
    let unanswerable = items.iter().filter(|i| i.expected == Expected::Abstain).count();
    report.unanswerable = unanswerable as f64 / items.len().max(1) as f64;
    report
}

fn expected_name(expected: Expected) -> &'static str {
    match expected {
        Expected::Answer => "answer",
        Expected::Abstain => "abstain",
        Expected::Refuse => "refuse",
        Expected::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn duplicates_and_shares_are_counted() {
        let mut items: Vec<Item> = ["Who?", "Who?", "who", "Where?"].into_iter().map(Item::free).collect();
        items[3].expected = Expected::Abstain;
        let report = quality(&items);
        assert_eq!((report.exact_duplicates, report.normalised_duplicates, report.duplicate_ids), (1, 2, 3));
        assert_eq!(report.by_expected["unknown"], 3);
        assert!((report.unanswerable - 0.25).abs() < 1e-12);
        assert_eq!(quality(&[]), Quality::default());
    }

    proptest! {
        #[test]
        fn every_item_is_counted_once(texts in prop::collection::vec("[a-c ?]{0,3}", 0..30)) {
            let items: Vec<Item> = texts.iter().map(Item::free).collect();
            let report = quality(&items);
            prop_assert_eq!(report.by_domain.values().sum::<usize>(), items.len());
            prop_assert!(report.exact_duplicates <= report.normalised_duplicates);
        }
    }
}
