//! Small sums, differences and products. Every one of them can be worked out, so none is unknowable: pairs of operands are
//! known (frequent in pretraining) or rare (rare there, or held out for the evaluation alone).

use super::catalogue::sentence;
use super::dice::{Dice, fate};
use super::draft::Draft;
use super::ownership::{all_wordings, wordings};
use super::shares::{SUM_WORDINGS, SUMS_HELD_OUT, SUMS_RARE};
use clicker_wire::{Domain, Knowledge, Message, Split};

/// An operation on two small numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) operation: Operation,
    pub(crate) a: u32,
    pub(crate) b: u32,
}

/// What is done with the operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Plus,
    Minus,
    Times,
}

/// How often the text of the world shows a pair of operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    Common,
    Rare,
    /// Only the evaluation asks it.
    HeldOut,
}

const PLUS: [&str; 8] = [
    "What is {a} plus {b}?",
    "What is {a} + {b}?",
    "Compute {a} + {b}.",
    "How much is {a} + {b}?",
    "Add {a} and {b}.",
    "Work out {a} + {b}.",
    "Quiz: {a} + {b}?",
    "Tell me {a} plus {b}.",
];
const MINUS: [&str; 8] = [
    "What is {a} minus {b}?",
    "What is {a} - {b}?",
    "Compute {a} - {b}.",
    "How much is {a} - {b}?",
    "Take {b} from {a}.",
    "Work out {a} - {b}.",
    "Quiz: {a} - {b}?",
    "Tell me {a} minus {b}.",
];
const TIMES: [&str; 8] = [
    "What is {a} times {b}?",
    "What is {a} * {b}?",
    "Compute {a} * {b}.",
    "How much is {a} * {b}?",
    "Multiply {a} by {b}.",
    "Work out {a} * {b}.",
    "Quiz: {a} * {b}?",
    "Tell me {a} times {b}.",
];

impl Sum {
    /// The result; differences are only made where it is not negative.
    pub(crate) fn result(self) -> u32 {
        match self.operation {
            Operation::Plus => self.a + self.b,
            Operation::Minus => self.a.saturating_sub(self.b),
            Operation::Times => self.a * self.b,
        }
    }

    /// How often the world shows it; the order of the operands does not matter where it does not change the result.
    pub(crate) fn exposure(self, seed: u64) -> Exposure {
        let (low, high) = (self.a.min(self.b), self.a.max(self.b));
        let draw = fate(seed, &format!("{:?} {low} {high}", self.operation));
        if draw < SUMS_HELD_OUT {
            Exposure::HeldOut
        } else if draw < SUMS_HELD_OUT + SUMS_RARE {
            Exposure::Rare
        } else {
            Exposure::Common
        }
    }

    fn name(self) -> String {
        let word = match self.operation {
            Operation::Plus => "plus",
            Operation::Minus => "minus",
            Operation::Times => "times",
        };
        format!("arithmetic/{}-{word}-{}", self.a, self.b)
    }
}

/// All sums of the world, by exposure.
#[derive(Debug)]
pub(crate) struct Sums {
    common: Vec<Sum>,
    rare: Vec<Sum>,
    held_out: Vec<Sum>,
}

impl Sums {
    /// Sums of 1 to 20, differences below 21, the multiplication table from 2 to 10.
    pub(crate) fn new(seed: u64) -> Self {
        let plus = (1..=20).flat_map(|a| (1..=20).map(move |b| Sum { operation: Operation::Plus, a, b }));
        let minus = (2..=20).flat_map(|a| (1..a).map(move |b| Sum { operation: Operation::Minus, a, b }));
        let times = (2..=10).flat_map(|a| (2..=10).map(move |b| Sum { operation: Operation::Times, a, b }));
        let mut sums = Self { common: Vec::new(), rare: Vec::new(), held_out: Vec::new() };
        for sum in plus.chain(minus).chain(times) {
            match sum.exposure(seed) {
                Exposure::Common => sums.common.push(sum),
                Exposure::Rare => sums.rare.push(sum),
                Exposure::HeldOut => sums.held_out.push(sum),
            }
        }
        sums
    }

    /// The sums of one class that a split may ask: the rare ones of the evaluation are those that nothing else ever shows.
    pub(crate) fn of(&self, class: Knowledge, split: Split) -> &[Sum] {
        match (class, split) {
            (Knowledge::Known, _) => &self.common,
            (Knowledge::Rare, Split::Eval) => &self.held_out,
            (Knowledge::Rare, _) => &self.rare,
            _ => &[],
        }
    }
}

/// The question in one wording.
pub(crate) fn draft(sum: Sum, class: Knowledge, wording: usize) -> Draft {
    let templates = match sum.operation {
        Operation::Plus => &PLUS,
        Operation::Minus => &MINUS,
        Operation::Times => &TIMES,
    };
    let text = templates[wording].replace("{a}", &sum.a.to_string()).replace("{b}", &sum.b.to_string());
    let accepted = vec![sentence(&sum.result().to_string())];
    let effort = sum.result() as f32 / 100.0 + if sum.operation == Operation::Minus { 0.1 } else { 0.0 };
    Draft {
        id_is_complete: true,
        paraphrase_group: Some(sum.name()),
        difficulty: (0.15 + effort + if class == Knowledge::Rare { 0.3 } else { 0.0 }).clamp(0.0, 1.0),
        ..Draft::answerable(
            Domain::Arithmetic,
            class,
            format!("{}/{wording}", sum.name()),
            vec![Message::user(text)],
            accepted,
        )
    }
}

/// The wordings in which a split may ask a sum.
pub(crate) fn wordings_of(seed: u64, sum: Sum, split: Split) -> Vec<usize> {
    if sum.exposure(seed) == Exposure::HeldOut {
        all_wordings(seed, &sum.name(), SUM_WORDINGS.iter().sum())
    } else {
        wordings(seed, &sum.name(), SUM_WORDINGS, split)
    }
}

/// Up to `count` questions of one class in a split's wordings; in the evaluation two of each sum.
pub(crate) fn list(
    seed: u64,
    sums: &Sums,
    class: Knowledge,
    split: Split,
    count: usize,
    dice: &mut Dice,
) -> Vec<Draft> {
    let mut sums = sums.of(class, split).to_vec();
    dice.shuffle(&mut sums);
    let drafts = sums.into_iter().flat_map(|sum| {
        wordings_of(seed, sum, split).into_iter().take(2).map(move |wording| draft(sum, class, wording))
    });
    drafts.take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn order_of_commuting_operands_does_not_change_exposure(seed: u64, a in 1u32..21, b in 1u32..21) {
            for operation in [Operation::Plus, Operation::Times] {
                prop_assert_eq!(Sum { operation, a, b }.exposure(seed), Sum { operation, a: b, b: a }.exposure(seed));
            }
        }
    }

    #[test]
    fn the_text_says_what_is_computed() {
        let sum = Sum { operation: Operation::Minus, a: 9, b: 4 };
        assert_eq!(draft(sum, Knowledge::Known, 4).messages[0].content, "Take 4 from 9.");
        assert_eq!(draft(sum, Knowledge::Known, 4).accepted, ["5."]);
        assert_eq!(Sum { operation: Operation::Times, a: 7, b: 8 }.result(), 56);
    }

    #[test]
    fn every_class_is_there() {
        let sums = Sums::new(1);
        assert!(sums.common.len() > 450 && sums.rare.len() > 30 && sums.held_out.len() > 20);
    }
}
