//! The world with fewer questions: for choosing settings without the held-out ones, for a budget of labels, and for tests that
//! change what is held out.

use super::World;
use clicker_wire::Item;
use std::collections::HashMap;

/// One training question in so many is held back to choose settings on.
const HELD_BACK: usize = 8;

impl World {
    /// The world in which settings are chosen: every eighth question of `rl`, with all that belongs to it, is held back from
    /// training and stands where the held-out questions stood. Those are not in it.
    #[must_use]
    pub fn for_tuning(self) -> Self {
        let mut groups: HashMap<String, usize> = HashMap::new();
        let mut place = |item: &Item| {
            let name = item.paraphrase_group.as_ref().or(item.name_pair.as_ref());
            let name = name.cloned().unwrap_or_else(|| item.id.as_str().to_owned());
            let next = groups.len();
            *groups.entry(name).or_insert(next)
        };
        let (eval, rl) = self.rl.into_iter().partition(|item| place(item) % HELD_BACK == HELD_BACK - 1);
        Self { rl, eval, ..self }
    }

    /// The first `n` questions of `sft` and of `rl`; both lists are well mixed.
    #[must_use]
    pub fn at_most(mut self, n: usize) -> Self {
        self.sft.truncate(n);
        self.rl.truncate(n);
        self.cut = true;
        self
    }

    /// Other held-out questions.
    #[must_use]
    pub fn with_held_out(self, eval: Vec<Item>) -> Self {
        Self { eval, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_wire::Split;
    use std::collections::HashSet;

    fn ids(world: &World, split: Split) -> HashSet<String> {
        world.items(split).iter().map(|i| i.id.as_str().to_owned()).collect()
    }

    /// Settings are chosen without the held-out questions: not one of them is left in that world.
    #[test]
    fn tuning_never_sees_what_is_held_out() {
        let (world, tuning) = (World::new(1), World::new(1).for_tuning());
        let (held_out, all) = (ids(&world, Split::Eval), ids(&world, Split::Rl));
        let (validation, trained) = (ids(&tuning, Split::Eval), ids(&tuning, Split::Rl));
        for split in [Split::Pretrain, Split::Sft, Split::Rl, Split::Eval] {
            assert!(ids(&tuning, split).is_disjoint(&held_out), "{split:?}");
        }
        assert!(validation.is_disjoint(&trained) && ids(&tuning, Split::Sft).is_disjoint(&validation));
        assert_eq!(validation.union(&trained).cloned().collect::<HashSet<_>>(), all);
        let share = validation.len() as f64 / all.len() as f64;
        assert!((0.1..0.15).contains(&share), "{share}");
        let groups =
            |split| tuning.items(split).iter().filter_map(|i| i.paraphrase_group.clone()).collect::<HashSet<_>>();
        assert!(groups(Split::Rl).is_disjoint(&groups(Split::Eval)), "other words for a question go with it");
        let unknowable = tuning.items(Split::Eval).iter().filter(|i| i.knowledge.is_unknowable()).count();
        assert!(unknowable * 4 > validation.len(), "{unknowable} of {}", validation.len());
    }

    #[test]
    fn a_budget_of_labels_takes_the_first() {
        let (world, few) = (World::new(1), World::new(1).at_most(100));
        for split in [Split::Sft, Split::Rl] {
            assert_eq!(few.items(split), &world.items(split)[..100]);
        }
        assert_eq!(few.items(Split::Eval), world.items(Split::Eval));
    }
}
