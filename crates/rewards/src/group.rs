//! What a group of answers to one question says together: which agree, how sure the group is, and how consistent each
//! answer is with the rest. No truth is needed, so it works where nothing is known.
//!
//! Discrete semantic entropy (Farquhar et al., Nature 630, 2024): answers are clustered by what they say, and with the
//! share p_c of each cluster the entropy is `SE = -sum_c p_c ln p_c`, nats: 0 if all agree, ln n if all differ.
//! Departure: meaning is compared by the normalised answer, with no language model, which is exact for short answers and
//! blind to paraphrases in long ones.

use crate::MAX_TEXT_BYTES;
use crate::case::{Asked, Case};
use crate::matching::core_of;
use crate::phrases::Stance;
use clicker_wire::Item;
use std::collections::HashMap;

/// A group of answers, clustered by what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clusters {
    /// The cluster of each answer; clusters are numbered in the order in which they first appear.
    pub of: Vec<usize>,
    /// Answers in each cluster.
    pub sizes: Vec<usize>,
}

/// Clusters of one group. All ways to say "I don't know" are one cluster, all ways to decline another; every other
/// answer is compared by [`crate::matching::core_answer`].
#[must_use]
pub fn clusters(item: &Item, texts: &[&str]) -> Clusters {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let (mut of, mut sizes) = (Vec::with_capacity(texts.len()), Vec::new());
    let asked = Asked::new(item);
    for text in texts {
        let next = numbers.len();
        let cluster = *numbers.entry(meaning(&Case::new(&asked, text))).or_insert(next);
        if cluster == sizes.len() {
            sizes.push(0);
        }
        sizes[cluster] += 1;
        of.push(cluster);
    }
    Clusters { of, sizes }
}

/// Discrete semantic entropy of the group, nats; 0 for a group of one or none. Nothing but the sizes of the clusters
/// counts, not their order.
#[must_use]
pub fn semantic_entropy(clusters: &Clusters) -> f64 {
    entropy(clusters.sizes.clone(), clusters.of.len())
}

/// For each answer the share of the other answers that say the same: 0 to 1. Empty for a group of one, which has nobody
/// to agree with.
#[must_use]
pub fn agreement(clusters: &Clusters) -> Vec<f64> {
    let others = clusters.of.len().saturating_sub(1);
    if others == 0 {
        return Vec::new();
    }
    clusters.of.iter().map(|cluster| (clusters.sizes[*cluster] - 1) as f64 / others as f64).collect()
}

/// For each answer its agreement, discounted by the entropy of the group: `agreement_i (1 - SE / ln n)`. 1 where all
/// agree, 0 for an answer that stands alone and for all answers of a group without any agreement. Empty for a group of
/// one.
#[must_use]
pub fn consistency(clusters: &Clusters) -> Vec<f64> {
    let discount = discount(semantic_entropy(clusters), clusters.of.len());
    agreement(clusters).into_iter().map(|agreement| agreement * discount).collect()
}

/// A group that any of its answers can be held against.
#[derive(Clone, Debug)]
pub struct Group {
    sizes: HashMap<String, usize>,
    answers: usize,
    entropy: f64,
}

/// Where one answer stands in its group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Other answers that say the same.
    pub same: usize,
    /// Other answers.
    pub others: usize,
    /// Discrete semantic entropy of the group, nats.
    pub entropy: f64,
    /// As [`consistency`] gives it.
    pub consistency: f64,
}

impl Group {
    /// The group of these answers.
    #[must_use]
    pub fn of<S: AsRef<str>>(item: &Item, texts: &[S]) -> Self {
        let asked = Asked::new(item);
        Self::of_cases(&texts.iter().map(|text| Case::new(&asked, text.as_ref())).collect::<Vec<_>>())
    }

    /// As [`Group::of`], for answers that others look at too.
    pub(crate) fn of_cases(cases: &[Case]) -> Self {
        let mut sizes: HashMap<String, usize> = HashMap::new();
        for case in cases {
            match sizes.get_mut(case.meaning()) {
                Some(size) => *size += 1,
                None => {
                    sizes.insert(case.meaning().to_owned(), 1);
                }
            }
        }
        let counts: Vec<usize> = sizes.values().copied().collect();
        Self { sizes, answers: cases.len(), entropy: entropy(counts, cases.len()) }
    }

    /// Where an answer of the group stands; none for a text that is not among its answers, or is alone in it.
    #[must_use]
    pub fn standing(&self, item: &Item, text: &str) -> Option<Standing> {
        self.standing_of(&Case::new(&Asked::new(item), text))
    }

    /// As [`Group::standing`], for an answer that others look at too.
    pub(crate) fn standing_of(&self, case: &Case) -> Option<Standing> {
        let same = self.sizes.get(case.meaning())? - 1;
        let others = self.answers.checked_sub(1).filter(|others| *others > 0)?;
        let consistency = same as f64 / others as f64 * discount(self.entropy, self.answers);
        Some(Standing { same, others, entropy: self.entropy, consistency })
    }
}

/// `-sum_c p_c ln p_c`. Sorted, so that the rounding of the sum does not depend on the order of the clusters, with a
/// logarithm that has the same bits in the browser.
fn entropy(mut sizes: Vec<usize>, answers: usize) -> f64 {
    sizes.sort_unstable();
    let shares = sizes.iter().map(|size| *size as f64 / answers as f64);
    shares.fold(0.0, |sum, p| if p < 1.0 { sum - p * libm::log(p) } else { sum })
}

/// 1 where all agree, 0 where all differ.
fn discount(entropy: f64, answers: usize) -> f64 {
    (1.0 - entropy / libm::log(answers as f64)).clamp(0.0, 1.0)
}

/// What an answer is compared by. The mark in front cannot occur in a normalised text. Beyond the longest answer that is
/// looked at nothing is read, as elsewhere.
pub(crate) fn meaning(case: &Case) -> String {
    let stance = if case.text.len() <= MAX_TEXT_BYTES { case.stance() } else { None };
    match stance {
        Some(Stance::Abstains) => "?abstains".into(),
        Some(Stance::Refuses) => "!declines".into(),
        None => core_of(case.asked, case.words_said()),
    }
}
