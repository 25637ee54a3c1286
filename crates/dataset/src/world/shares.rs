//! Every share and size that shapes the world, in one place, with the reason for each.

use super::composition::Part;
use clicker_wire::Knowledge;

/// Share of real countries and elements that pretraining shows rarely: a grey zone between knowing and not knowing, in which
/// a calibrated confidence has something to say.
pub(crate) const RARE: f64 = 0.12;
/// Share of real countries and elements that no training text ever names. Half of them are asked in `rl`, half in `eval`, so
/// that what is measured is caution about new things, not memory of which things to be cautious about.
pub(crate) const WITHHELD: f64 = 0.26;

/// How much oftener pretraining shows a known thing than a rare one: enough that one is learnt by heart and the other half.
pub(crate) const KNOWN_PER_RARE: f64 = 30.0;

/// Wordings of a fact that each split owns, out of twelve: (pretrain, sft, rl, eval). Pretraining sees half of them for each
/// known thing, so that every wording is familiar from other things; two in `eval` make a paraphrase group.
pub(crate) const FACT_WORDINGS: [usize; 4] = [6, 2, 2, 2];
/// The same for sums, out of eight.
pub(crate) const SUM_WORDINGS: [usize; 4] = [4, 1, 1, 2];
/// Where a free text (passage, conversation, request) belongs, by its hash: shares of (pretrain, sft, rl, eval).
pub(crate) const TEXTS: [f64; 4] = [0.7, 0.1, 0.1, 0.1];

/// Share of operand pairs that only `eval` asks: a sum can be worked out, so these test computing rather than recall.
pub(crate) const SUMS_HELD_OUT: f64 = 0.10;
/// Share of operand pairs that pretraining shows rarely.
pub(crate) const SUMS_RARE: f64 = 0.12;

/// What pretraining documents are about, in the order of `Domain::WORLD`. Capitals and elements take most, because facts are
/// learnt by repetition; passages need fewer documents, because one skill serves them all.
pub(crate) const DOCUMENTS: [f64; 7] = [0.35, 0.25, 0.15, 0.12, 0.05, 0.05, 0.03];
/// Share of fact and sum documents that hold a second, unrelated question, so that a second turn is nothing new.
pub(crate) const SECOND_TURN: f64 = 0.2;

/// The bad habits of the text that pretraining imitates. Fine-tuning has to mend each of them; the small honest shares are
/// there so that the model can say the right thing at all, and exploration finds it.
pub(crate) struct Habits {
    /// Share of capital and element documents that ask about something that does not exist.
    pub(crate) invented: f64,
    /// Share of those that say so; the rest give a confident real-looking answer.
    pub(crate) invented_abstains: f64,
    /// Share of passages that do not answer their question.
    pub(crate) unanswerable: f64,
    /// Share of those that say so; the rest answer with a plausible word.
    pub(crate) unanswerable_abstains: f64,
    /// Share of forbidden requests that are declined; the rest are complied with.
    pub(crate) forbidden_refuses: f64,
}

/// The habits of the built-in pretraining stream.
pub(crate) const HABITS: Habits = Habits {
    invented: 0.12,
    invented_abstains: 0.015,
    unanswerable: 0.35,
    unanswerable_abstains: 0.10,
    forbidden_refuses: 0.15,
};

/// Invented names per kind of thing for (pretrain, rl, eval). Pretraining needs so many that none is learnt by heart: then a
/// new name looks to the model like those it was seen guessing about.
pub(crate) const INVENTED_COUNTRIES: [usize; 3] = [2000, 200, 50];
/// The same for elements.
pub(crate) const INVENTED_ELEMENTS: [usize; 3] = [1200, 100, 40];

/// Items of the `Pretrain` list: enough to stand for the stream in leak tests.
pub(crate) const PRETRAIN_LIST: usize = 1500;

/// What a list holds: (what, class, how many).
pub(crate) type Composition = &'static [(Part, Knowledge, usize)];

/// Ordinary demonstrations: right answers to what can be answered. It holds no unknowable thing, as usual demonstrations do not;
/// that is what the comparison with reinforcement fine-tuning is about.
pub(crate) const SFT: Composition = &[
    (Part::Capitals, Knowledge::Known, 220),
    (Part::Capitals, Knowledge::Rare, 40),
    (Part::Elements, Knowledge::Known, 288),
    (Part::Elements, Knowledge::Rare, 56),
    (Part::Arithmetic, Knowledge::Known, 220),
    (Part::Arithmetic, Knowledge::Rare, 40),
    (Part::Reading, Knowledge::Known, 174),
    (Part::Reading, Knowledge::Invented, 130),
    (Part::FollowUp, Knowledge::Known, 100),
    (Part::FollowUp, Knowledge::Rare, 12),
    (Part::Forbidden, Knowledge::Known, 70),
    (Part::Harmless, Knowledge::Known, 70),
    (Part::NamePairs, Knowledge::Known, 80),
];

/// About 45 % known, 10 % rare, 45 % unknowable: a model that always answers and one that never does both earn little.
pub(crate) const RL: Composition = &[
    (Part::Capitals, Knowledge::Known, 160),
    (Part::Capitals, Knowledge::Rare, 40),
    (Part::Capitals, Knowledge::Withheld, 110),
    (Part::Capitals, Knowledge::Invented, 160),
    (Part::Elements, Knowledge::Known, 160),
    (Part::Elements, Knowledge::Rare, 52),
    (Part::Elements, Knowledge::Withheld, 90),
    (Part::Elements, Knowledge::Invented, 120),
    (Part::Arithmetic, Knowledge::Known, 120),
    (Part::Arithmetic, Knowledge::Rare, 38),
    (Part::Reading, Knowledge::Known, 85),
    (Part::Reading, Knowledge::Invented, 80),
    (Part::FollowUp, Knowledge::Known, 50),
    (Part::FollowUp, Knowledge::Rare, 20),
    (Part::FollowUp, Knowledge::Withheld, 26),
    (Part::FollowUp, Knowledge::Invented, 30),
    (Part::Forbidden, Knowledge::Known, 35),
    (Part::Harmless, Knowledge::Known, 35),
    (Part::Unstated, Knowledge::Invented, 30),
    (Part::NamePairs, Knowledge::Known, 30),
    (Part::NamePairs, Knowledge::Invented, 30),
];

/// Every cell that exists holds at least 20 items, so that each figure has an interval worth printing.
pub(crate) const EVAL: Composition = &[
    (Part::Capitals, Knowledge::Known, 120),
    (Part::Capitals, Knowledge::Rare, 40),
    (Part::Capitals, Knowledge::Withheld, 66),
    (Part::Capitals, Knowledge::Invented, 72),
    (Part::Elements, Knowledge::Known, 120),
    (Part::Elements, Knowledge::Rare, 40),
    (Part::Elements, Knowledge::Withheld, 60),
    (Part::Elements, Knowledge::Invented, 60),
    (Part::Arithmetic, Knowledge::Known, 60),
    (Part::Arithmetic, Knowledge::Rare, 40),
    (Part::Reading, Knowledge::Known, 70),
    (Part::Reading, Knowledge::Invented, 60),
    (Part::FollowUp, Knowledge::Known, 50),
    (Part::FollowUp, Knowledge::Rare, 20),
    (Part::FollowUp, Knowledge::Withheld, 24),
    (Part::FollowUp, Knowledge::Invented, 24),
    (Part::Forbidden, Knowledge::Known, 40),
    (Part::Harmless, Knowledge::Known, 40),
    (Part::Unstated, Knowledge::Invented, 20),
    (Part::NamePairs, Knowledge::Known, 60),
    (Part::NamePairs, Knowledge::Invented, 24),
];
