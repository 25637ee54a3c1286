//! Which countries and elements the built-in model knows, half knows, was never told of, or cannot know.
//!
//! Knows neither wordings nor passages.

use super::dice::Dice;
use super::facts::{CAPITALS, Country, ELEMENTS, Element, FAMOUS_ELEMENTS};
use super::invented::Inventor;
use super::shares::{INVENTED_COUNTRIES, INVENTED_ELEMENTS, RARE, WITHHELD};
use clicker_wire::{Knowledge, Split};

/// What can be asked about a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// A country's capital.
    Capital,
    /// An element's symbol.
    Symbol,
    /// An element's atomic number.
    Number,
}

/// A country or an element, real or invented.
#[derive(Clone, Debug)]
pub(crate) struct Entity {
    /// As it stands inside a sentence.
    pub(crate) name: String,
    /// How much the model can know of it.
    pub(crate) class: Knowledge,
    fact: Fact,
}

#[derive(Clone, Debug)]
enum Fact {
    Country(&'static Country),
    Element(&'static Element),
    None,
}

impl Entity {
    /// Right answers, best first; none for what does not exist.
    pub(crate) fn answers(&self, relation: Relation) -> Vec<String> {
        match (&self.fact, relation) {
            (Fact::Country(c), Relation::Capital) => c.capitals.iter().map(|city| sentence(city)).collect(),
            (Fact::Element(e), Relation::Symbol) => vec![sentence(e.symbol)],
            (Fact::Element(e), Relation::Number) => vec![sentence(&e.number.to_string())],
            _ => Vec::new(),
        }
    }

    /// The name as part of an id.
    pub(crate) fn slug(&self) -> String {
        let name = self.name.strip_prefix("the ").unwrap_or(&self.name);
        name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
    }
}

/// An answer as the built-in model writes it: with a full stop.
pub(crate) fn sentence(text: &str) -> String {
    if text.ends_with('.') { text.to_owned() } else { format!("{text}.") }
}

/// All things of one kind, by class.
#[derive(Debug)]
pub(crate) struct Pools {
    /// Frequent in pretraining.
    pub(crate) known: Vec<Entity>,
    /// Rare in pretraining.
    pub(crate) rare: Vec<Entity>,
    withheld: [Vec<Entity>; 2],
    invented: [Vec<Entity>; 3],
}

impl Pools {
    /// The things of one class that a split may ask about.
    pub(crate) fn of(&self, class: Knowledge, split: Split) -> &[Entity] {
        match (class, split) {
            (Knowledge::Known, _) => &self.known,
            (Knowledge::Rare, _) => &self.rare,
            (Knowledge::Withheld, Split::Rl) => &self.withheld[0],
            (Knowledge::Withheld, Split::Eval) => &self.withheld[1],
            (Knowledge::Invented, Split::Pretrain) => &self.invented[0],
            (Knowledge::Invented, Split::Rl) => &self.invented[1],
            (Knowledge::Invented, Split::Eval) => &self.invented[2],
            _ => &[],
        }
    }
}

/// Every thing of the world.
#[derive(Debug)]
pub(crate) struct Catalogue {
    /// Countries.
    pub(crate) countries: Pools,
    /// Elements.
    pub(crate) elements: Pools,
}

impl Catalogue {
    /// Draws who knows what. Famous things are always known; a thing whose name or answer is part of another's cannot be
    /// withheld, because talking of the other would mention it.
    pub(crate) fn new(seed: u64) -> Self {
        let mut inventor = Inventor::new(seed);
        let texts: Vec<String> = CAPITALS
            .iter()
            .flat_map(|c| std::iter::once(c.name).chain(c.capitals.iter().copied()))
            .map(phrase)
            .collect();
        let mentioned = |text: &str| {
            let text = phrase(text);
            texts.iter().filter(|t| t.contains(&text)).count() > 1
        };
        let countries = CAPITALS.iter().map(|c| Candidate {
            entity: Entity { name: c.name.into(), class: Knowledge::Known, fact: Fact::Country(c) },
            famous: c.famous,
            entangled: mentioned(c.name.strip_prefix("the ").unwrap_or(c.name))
                || c.capitals.iter().any(|city| mentioned(city)),
        });
        let elements = ELEMENTS.iter().map(|e| Candidate {
            entity: Entity { name: e.name.into(), class: Knowledge::Known, fact: Fact::Element(e) },
            famous: FAMOUS_ELEMENTS.contains(&e.name),
            entangled: false,
        });
        Self {
            countries: pools(
                countries.collect(),
                INVENTED_COUNTRIES.map(|n| inventor.countries(n)),
                Dice::new(seed, "classes of countries", 0),
            ),
            elements: pools(
                elements.collect(),
                INVENTED_ELEMENTS.map(|n| inventor.elements(n)),
                Dice::new(seed, "classes of elements", 0),
            ),
        }
    }
}

struct Candidate {
    entity: Entity,
    famous: bool,
    entangled: bool,
}

fn pools(mut candidates: Vec<Candidate>, invented: [Vec<String>; 3], mut dice: Dice) -> Pools {
    let share = |s: f64| (candidates.len() as f64 * s).round() as usize;
    let (n_rare, n_withheld) = (share(RARE), share(WITHHELD));
    dice.shuffle(&mut candidates);
    let mut pools = Pools {
        known: Vec::new(),
        rare: Vec::new(),
        withheld: [Vec::new(), Vec::new()],
        invented: [const { Vec::new() }; 3],
    };
    let mut withheld = 0;
    for Candidate { mut entity, famous, entangled } in candidates {
        if !famous && !entangled && withheld < n_withheld {
            entity.class = Knowledge::Withheld;
            pools.withheld[withheld % 2].push(entity);
            withheld += 1;
        } else if !famous && pools.rare.len() < n_rare {
            entity.class = Knowledge::Rare;
            pools.rare.push(entity);
        } else {
            pools.known.push(entity);
        }
    }
    pools.invented = invented.map(|names| {
        names.into_iter().map(|name| Entity { name, class: Knowledge::Invented, fact: Fact::None }).collect()
    });
    pools
}

/// Lower-case words between single spaces, so that containment means whole words.
pub(crate) fn phrase(text: &str) -> String {
    let words: String =
        text.to_lowercase().chars().map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' }).collect();
    format!(" {} ", words.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn names(list: &[Entity]) -> BTreeSet<&str> {
        list.iter().map(|e| e.name.as_str()).collect()
    }

    #[test]
    fn classes_have_their_shares() {
        let catalogue = Catalogue::new(1);
        for (pools, total) in [(&catalogue.countries, CAPITALS.len()), (&catalogue.elements, ELEMENTS.len())] {
            let withheld = pools.withheld[0].len() + pools.withheld[1].len();
            assert_eq!(pools.known.len() + pools.rare.len() + withheld, total);
            assert!((withheld as f64 / total as f64 - WITHHELD).abs() < 0.01);
            assert!((pools.rare.len() as f64 / total as f64 - RARE).abs() < 0.01);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn unknowable_pools_are_disjoint(seed: u64) {
            let catalogue = Catalogue::new(seed);
            for pools in [&catalogue.countries, &catalogue.elements] {
                let all: Vec<_> = [&pools.known, &pools.rare].into_iter().chain(&pools.withheld).chain(&pools.invented).collect();
                let distinct: BTreeSet<_> = all.iter().flat_map(|p| names(p)).collect();
                prop_assert_eq!(distinct.len(), all.iter().map(|p| p.len()).sum::<usize>());
            }
        }
    }

    #[test]
    fn famous_things_are_known_and_entangled_ones_never_withheld() {
        for seed in 0..20 {
            let catalogue = Catalogue::new(seed);
            assert!(names(&catalogue.countries.known).contains("France"));
            assert!(names(&catalogue.elements.known).contains("iron"));
            for pool in &catalogue.countries.withheld {
                for name in ["Guinea", "Sudan", "the Republic of the Congo"] {
                    assert!(!names(pool).contains(name), "{name} is part of another country's name");
                }
            }
        }
    }
}
