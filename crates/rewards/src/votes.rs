//! What people think of a text, from votes that are given as arguments: this module knows no store.
//!
//! A rater counts as much as others agree with them. With a_r of the c_r comparisons of rater r with another rater on
//! the same text in agreement, the weight is Laplace's rule of succession, `w_r = (a_r + 1) / (c_r + 2)`: one half for a
//! rater who was never compared. With U the weights of thumbs up and D of thumbs down, the text's score is the same rule
//! stretched to -1..1: `2 (U + 1) / (U + D + 2) - 1 = (U - D) / (U + D + 2)`. So one vote moves the score a little and
//! never to the end, and many raters who disagree stay near 0.
//!
//! How it is gamed: by voting often under many names (weights shrink only if honest raters vote on the same texts), or
//! by agreeing with oneself. Count raters, and show the number of votes beside the score.

use crate::graders::Graded;
use crate::normalise::normalise;
use std::collections::BTreeMap;

/// What the names of [`signals`] begin with.
pub const SIGNALS: &str = "votes/";

/// One stored vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote<'a> {
    /// Pseudonym of the person.
    pub rater: &'a str,
    /// The text that was voted on.
    pub text: &'a str,
    /// Thumbs up.
    pub up: bool,
}

/// Votes counted once, to score many texts.
#[derive(Clone, Debug, Default)]
pub struct Ballot {
    /// By normalised text.
    tallies: BTreeMap<String, Tally>,
}

/// The votes on one text.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    up: f64,
    down: f64,
    ups: usize,
    all: usize,
}

impl Ballot {
    /// Counts votes. Texts are the same when they are after normalisation; of several votes by one person on one text
    /// the last counts.
    #[must_use]
    pub fn count(votes: &[Vote]) -> Self {
        let by_text = by_text(votes);
        let weights = weights_of(&by_text);
        let tally = |raters: &BTreeMap<&str, bool>| {
            let mut tally = Tally { all: raters.len(), ..Tally::default() };
            for (rater, up) in raters {
                let weight = weights.get(rater).copied().unwrap_or(0.0);
                if *up {
                    tally.up += weight;
                    tally.ups += 1;
                } else {
                    tally.down += weight;
                }
            }
            tally
        };
        Self { tallies: by_text.iter().map(|(text, raters)| (text.clone(), tally(raters))).collect() }
    }

    /// The score of a text from -1 to 1, and how it came about; does not apply where nobody voted on it.
    #[must_use]
    pub fn score(&self, text: &str) -> Graded {
        self.score_of(text, &normalise(text).text)
    }

    /// As [`Ballot::score`], with the text in its one spelling.
    pub(crate) fn score_of(&self, text: &str, normalised: &str) -> Graded {
        let Some(Tally { up, down, ups, all }) = self.tallies.get(normalised).copied() else {
            return Graded::does_not_apply("nobody has voted on this text");
        };
        let reason = format!("{ups} of {all} people like it; weighted by agreement {up:.2} for and {down:.2} against");
        Graded::scored((up - down) / (up + down + 2.0), reason, crate::spans::trimmed(text))
    }
}

/// As [`Ballot::score`], for a single text.
#[must_use]
pub fn score(text: &str, votes: &[Vote]) -> Graded {
    Ballot::count(votes).score(text)
}

/// What people thought of the answers that they voted on, as signals for weights that adapt: `votes/liked`, the mean over
/// those answers of the share of their raters who like them, and `votes/answers`, how many they are. Nothing where nobody
/// voted: a measurement that is missing moves no weight. Raters count alike here: a signal is no reward, and the agreement
/// that [`weights`] needs is rare within one measurement.
#[must_use]
pub fn signals(votes: &[Vote]) -> BTreeMap<String, f64> {
    let by_text = by_text(votes);
    if by_text.is_empty() {
        return BTreeMap::new();
    }
    let share = |raters: &BTreeMap<&str, bool>| raters.values().filter(|up| **up).count() as f64 / raters.len() as f64;
    let liked = by_text.values().map(share).sum::<f64>() / by_text.len() as f64;
    [("liked", liked), ("answers", by_text.len() as f64)].map(|(what, v)| (format!("{SIGNALS}{what}"), v)).into()
}

/// How much each rater counts: above 0 and below 1.
#[must_use]
pub fn weights<'a>(votes: &[Vote<'a>]) -> BTreeMap<&'a str, f64> {
    weights_of(&by_text(votes))
}

/// The last vote of each rater, by normalised text. Ordered maps, so that sums do not depend on a hash.
fn by_text<'a>(votes: &[Vote<'a>]) -> BTreeMap<String, BTreeMap<&'a str, bool>> {
    let mut out: BTreeMap<String, BTreeMap<&str, bool>> = BTreeMap::new();
    for vote in votes {
        out.entry(normalise(vote.text).text).or_default().insert(vote.rater, vote.up);
    }
    out
}

fn weights_of<'a>(by_text: &BTreeMap<String, BTreeMap<&'a str, bool>>) -> BTreeMap<&'a str, f64> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for raters in by_text.values() {
        let ups = raters.values().filter(|up| **up).count();
        for (rater, up) in raters {
            let same = if *up { ups } else { raters.len() - ups };
            let (agreed, compared) = counts.entry(rater).or_default();
            *agreed += same - 1;
            *compared += raters.len() - 1;
        }
    }
    counts.into_iter().map(|(rater, (a, c))| (rater, (a as f64 + 1.0) / (c as f64 + 2.0))).collect()
}
