//! Questions of the built-in world, as the playground offers them.

use crate::{Service, ServiceError};
use clicker_dataset::World;
use clicker_wire::{DataSpec, Domain, Item, ItemId, Split};
use std::collections::{BTreeMap, VecDeque};

/// The questions that people may ask: those that are trained on by reward, and those that are held out.
pub(crate) struct Questions {
    items: Vec<Item>,
}

impl Questions {
    fn new() -> Self {
        let world = World::new(DataSpec::default().world_seed);
        let items = [Split::Eval, Split::Rl].into_iter().flat_map(|split| world.items(split)).cloned().collect();
        Self { items }
    }

    /// The question that says just this, where it is a single turn: its truth is known.
    pub(crate) fn saying(&self, text: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.messages.len() == 1 && item.question() == text)
    }

    /// Those that reward training may see; the held-out ones are not among them.
    pub(crate) fn for_training(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.split == Split::Rl)
    }

    /// Those that are only measured.
    pub(crate) fn held_out(&self) -> Vec<Item> {
        self.items.iter().filter(|item| item.split == Split::Eval).cloned().collect()
    }

    /// Some questions, as varied as possible: the classes of knowledge of all domains take turns, and so do the splits.
    fn pick(&self, domain: Option<Domain>, limit: usize) -> Vec<Item> {
        let mut kinds: BTreeMap<_, VecDeque<&Item>> = BTreeMap::new();
        for item in self.items.iter().filter(|item| domain.is_none_or(|domain| item.domain == domain)) {
            // Split last, so that neighbours differ in domain and knowledge first.
            let kind = (item.split == Split::Rl, item.knowledge.to_string(), item.domain);
            kinds.entry(kind).or_default().push_back(item);
        }
        let mut picked = Vec::new();
        while picked.len() < limit && !kinds.is_empty() {
            kinds.retain(|_, items| {
                picked.extend(items.pop_front().cloned());
                !items.is_empty()
            });
        }
        picked.truncate(limit);
        picked
    }
}

impl Service {
    /// Questions of the world, of one domain or all, at most `limit`; the same ones every time.
    ///
    /// # Errors
    /// None today; every use case may fail.
    pub async fn world_items(&self, domain: Option<Domain>, limit: u32) -> Result<Vec<Item>, ServiceError> {
        Ok(self.questions().pick(domain, limit as usize))
    }

    /// One question of the world.
    ///
    /// # Errors
    /// There is none with this id.
    pub async fn world_item(&self, id: &ItemId) -> Result<Item, ServiceError> {
        let found = self.questions().items.iter().find(|item| item.id == *id);
        found.cloned().ok_or_else(|| ServiceError::NotFound {
            what: "question",
            id: id.to_string(),
            hint: "the list of the world's questions names those that exist",
        })
    }

    pub(crate) fn questions(&self) -> &Questions {
        self.inner.world.get_or_init(Questions::new)
    }
}
