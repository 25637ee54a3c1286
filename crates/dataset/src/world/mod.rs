//! The built-in question world: real facts and short texts with checkable truth, deterministic from a seed.
//!
//! What the built-in model knows is exact, because this module writes all that it ever reads: a fact is *known* (frequent in
//! pretraining), *rare* (a few times), *withheld* (real, but in no training text), or the thing is *invented*. The guide's
//! page on the world (docs/guide/world.md) explains classes, splits and shares; `shares` holds the numbers.

mod arithmetic;
mod catalogue;
mod composition;
pub(crate) mod dice;
pub(crate) mod draft;
mod facts;
mod facts_asked;
mod follow_up;
mod invented;
mod name_pairs;
mod ownership;
mod parts;
mod pretrain;
mod reading;
mod rules;
mod shares;
#[cfg(test)]
mod tests;

use arithmetic::Sums;
use catalogue::Catalogue;
use clicker_wire::{Domain, Item, Knowledge, Message, Split};
use std::collections::HashSet;

/// Everything that can be asked, and who may ask it.
#[derive(Debug)]
pub struct World {
    ground: Ground,
    pretrain: Vec<Item>,
    sft: Vec<Item>,
    rl: Vec<Item>,
    eval: Vec<Item>,
    /// Whether the lists are cut to a budget of labels, beside which there is nothing more.
    cut: bool,
}

/// What every question is drawn from.
#[derive(Debug)]
pub(crate) struct Ground {
    seed: u64,
    catalogue: Catalogue,
    sums: Sums,
}

/// First names that texts of the world use.
pub(crate) fn names() -> &'static [&'static str] {
    facts::NAMES
}

impl World {
    /// The world of this seed. Two calls with one seed give the same world, on every platform.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let ground = Ground { seed, catalogue: Catalogue::new(seed), sums: Sums::new(seed) };
        Self {
            pretrain: pretrain_list(&ground),
            sft: composition::list(&ground, Split::Sft, shares::SFT),
            rl: composition::list(&ground, Split::Rl, shares::RL),
            eval: composition::list(&ground, Split::Eval, shares::EVAL),
            ground,
            cut: false,
        }
    }

    /// The questions of a split, well mixed. For `Pretrain` these are the first distinct questions of the endless stream, with
    /// their true answers rather than the stream's.
    #[must_use]
    pub fn items(&self, split: Split) -> &[Item] {
        match split {
            Split::Pretrain => &self.pretrain,
            Split::Sft => &self.sft,
            Split::Rl => &self.rl,
            Split::Eval => &self.eval,
        }
    }

    /// Domains that [`World::more`] has more of.
    pub const GROWS: [Domain; 2] = [Domain::Reading, Domain::Rules];

    /// Further questions of `Sft`, `Rl` or `Eval`, beside the list: none that another split owns or the list holds. Fewer than wanted where
    /// no new ones are found, none of other domains than [`World::GROWS`], and none beside lists that are cut to a budget.
    #[must_use]
    pub fn more(&self, split: Split, domain: Domain, count: usize) -> Vec<Item> {
        // The list as it was made, whatever part of it was held back since. What is trained on never looks at what is held out for good.
        let list = match split {
            _ if self.cut => return Vec::new(),
            Split::Sft => composition::list(&self.ground, split, shares::SFT),
            Split::Rl => composition::list(&self.ground, split, shares::RL),
            Split::Eval => composition::list(&self.ground, split, shares::EVAL),
            Split::Pretrain => return Vec::new(),
        };
        let have = list.iter().filter(|item| item.domain == domain).map(|item| item.messages.as_slice());
        composition::more(&self.ground, split, domain, count, &have.collect())
    }

    /// What a good demonstrator answers: the best accepted answer, "I don't know" where there is none, a polite no where a rule
    /// forbids it.
    #[must_use]
    pub fn demonstration(&self, item: &Item) -> Message {
        Message::assistant(draft::right_answer(item.expected, &item.accepted))
    }

    /// Conversation `index` of the endless pretraining stream, in constant time and independent of all others. It ends with a
    /// turn of the assistant, and holds the bad habits described in `shares`.
    #[must_use]
    pub fn pretrain_document(&self, index: u64) -> Vec<Message> {
        pretrain::document(&self.ground, index)
    }

    /// Names of countries and elements that only this split may mention: withheld and invented ones.
    #[must_use]
    pub fn unknowable_names(&self, split: Split) -> Vec<&str> {
        let Catalogue { countries, elements } = &self.ground.catalogue;
        [countries, elements]
            .into_iter()
            .flat_map(|pools| [pools.of(Knowledge::Withheld, split), pools.of(Knowledge::Invented, split)])
            .flatten()
            .map(|entity| entity.name.as_str())
            .collect()
    }
}

fn pretrain_list(ground: &Ground) -> Vec<Item> {
    let mut seen = HashSet::new();
    // The stream never runs out of new questions, so this ends.
    let drafts = (0..).flat_map(|index| pretrain::exchanges(ground, index).into_iter().take(1)).map(|e| e.draft);
    let fresh = drafts.filter(|draft| seen.insert(draft.messages.clone())).take(shares::PRETRAIN_LIST);
    fresh.enumerate().map(|(place, draft)| draft.into_item(Split::Pretrain, place)).collect()
}
