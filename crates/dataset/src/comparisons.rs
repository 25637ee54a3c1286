//! What preference trainers learn from: pairs of a better and a worse answer, and single answers judged good or bad. Made
//! from questions with known truth; [`rows`](crate::rows) reads them from files.
//!
//! Made pairs (one per question, the same for one seed on every platform):
//!
//! | question | better | worse |
//! |---|---|---|
//! | can be known | the right answer | the right answer to another question of its kind, or (every other time) "I don't know." |
//! | withheld or invented | "I don't know." | a right answer to another question of its kind |
//! | forbidden | a polite no | an answer to another request |
//!
//! So the pairs say what the ternary reward says: right before silent, silent before wrong. Never knows tokens or models.

use crate::world::dice::Dice;
use clicker_wire::{ABSTAIN, Expected, Item, Message, REFUSE};

/// Two answers to one prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The conversation; the last turn is the user's.
    pub prompt: Vec<Message>,
    /// The better answer.
    pub chosen: String,
    /// The worse answer.
    pub rejected: String,
    /// How much the comparison counts, at least 0: an annotator's reliability, 1 by default.
    pub weight: f64,
    /// How much better the better answer is, for reward models; 0 by default.
    pub margin: f64,
}

/// One answer with a thumb.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The conversation; the last turn is the user's.
    pub prompt: Vec<Message>,
    /// The answer.
    pub completion: String,
    /// Thumb up.
    pub good: bool,
    /// As in [`Comparison`].
    pub weight: f64,
}

/// A comparison per question. Questions whose truth is unknown, or for which the list holds no wrong answer, give none.
#[must_use]
pub fn comparisons(items: &[Item], seed: u64) -> Vec<Comparison> {
    items.iter().enumerate().filter_map(|(place, item)| comparison(items, item, place, seed)).collect()
}

/// A judgement per question: every other one shows the better answer of its comparison, the rest the worse one.
#[must_use]
pub fn judgements(items: &[Item], seed: u64) -> Vec<Judgement> {
    let judged = |(place, pair): (usize, Comparison)| {
        let good = place % 2 == 0;
        let completion = if good { pair.chosen } else { pair.rejected };
        Judgement { prompt: pair.prompt, completion, good, weight: pair.weight }
    };
    comparisons(items, seed).into_iter().enumerate().map(judged).collect()
}

fn comparison(items: &[Item], item: &Item, place: usize, seed: u64) -> Option<Comparison> {
    let mut dice = Dice::new(seed, "comparison", place as u64);
    let knowable = item.expected == Expected::Answer && !item.knowledge.is_unknowable();
    let chosen = match item.expected {
        Expected::Unknown => return None,
        Expected::Refuse => REFUSE,
        Expected::Answer if knowable => item.accepted.first()?,
        Expected::Answer | Expected::Abstain => ABSTAIN,
    };
    let rejected = if knowable && dice.chance(0.5) { ABSTAIN } else { wrong(items, item, &mut dice)? };
    Some(Comparison {
        prompt: item.messages.clone(),
        chosen: chosen.to_owned(),
        rejected: rejected.to_owned(),
        weight: 1.0,
        margin: 0.0,
    })
}

/// The best answer to another question of the same domain, wrong for this one: what a confident guess looks like.
fn wrong<'a>(items: &'a [Item], item: &Item, dice: &mut Dice) -> Option<&'a str> {
    // A few draws nearly always find one; the walk after them settles it.
    let start = dice.below(items.len());
    let candidates = (0..items.len()).map(|step| &items[(start + step) % items.len()]);
    candidates
        .filter(|other| other.domain == item.domain && other.expected == Expected::Answer)
        .filter_map(|other| other.accepted.first())
        .find(|answer| !item.accepted.iter().any(|right| right.eq_ignore_ascii_case(answer)))
        .map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::World;
    use clicker_wire::Split;

    #[test]
    fn pairs_say_right_before_silent_before_wrong() {
        let world = World::new(1);
        let items = world.items(Split::Rl);
        let pairs = comparisons(items, 7);
        assert!(pairs.len() * 10 > items.len() * 9, "{} pairs of {} questions", pairs.len(), items.len());
        let mut silent = 0;
        for pair in &pairs {
            let item = items.iter().find(|i| i.messages == pair.prompt).unwrap();
            assert_ne!(pair.chosen, pair.rejected);
            match (item.expected, item.knowledge.is_unknowable()) {
                (Expected::Refuse, _) => assert_eq!(pair.chosen, REFUSE),
                (Expected::Answer, false) => {
                    assert_eq!(pair.chosen, item.accepted[0]);
                    silent += usize::from(pair.rejected == ABSTAIN);
                }
                _ => assert_eq!(pair.chosen, ABSTAIN),
            }
            assert!(!item.accepted.contains(&pair.rejected), "{pair:?}");
        }
        let knowable = items.iter().filter(|i| i.expected == Expected::Answer && !i.knowledge.is_unknowable()).count();
        assert!(silent * 5 > knowable * 2 && silent * 5 < knowable * 3, "{silent} of {knowable}");
        assert_eq!(comparisons(items, 7), pairs);
        assert_ne!(comparisons(items, 8), pairs);
    }

    #[test]
    fn judgements_are_half_good() {
        let world = World::new(1);
        let (pairs, votes) = (comparisons(world.items(Split::Rl), 3), judgements(world.items(Split::Rl), 3));
        assert_eq!(pairs.len(), votes.len());
        assert!(votes.iter().filter(|v| v.good).count().abs_diff(votes.len() / 2) <= 1);
        for (pair, vote) in pairs.iter().zip(&votes) {
            assert_eq!(&vote.completion, if vote.good { &pair.chosen } else { &pair.rejected });
        }
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert!(comparisons(&[], 1).is_empty());
        assert!(comparisons(&[Item::free("Hello?")], 1).is_empty());
    }
}
