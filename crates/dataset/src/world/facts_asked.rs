//! Questions about one fact: a country's capital, an element's symbol or atomic number, each in twelve wordings.
//!
//! No wording begins with the thing's name, so that the tokenizer cuts the name the same way in all of them.

use super::Ground;
use super::catalogue::{Entity, Pools, Relation};
use super::dice::Dice;
use super::draft::Draft;
use super::ownership::{all_wordings, wordings};
use super::shares::FACT_WORDINGS;
use clicker_wire::{Domain, Expected, Knowledge, Message, Split};

const CAPITAL: [&str; 12] = [
    "What is the capital of {}?",
    "Which city is the capital of {}?",
    "Name the capital of {}.",
    "Tell me the capital of {}.",
    "What's the capital city of {}?",
    "Capital of {}?",
    "Can you name the capital of {}?",
    "Give the capital of {}.",
    "Do you know the capital of {}?",
    "I need the capital of {}.",
    "Quiz: what is the capital of {}?",
    "Please tell me the capital city of {}.",
];

const SYMBOL: [&str; 12] = [
    "What is the chemical symbol of {}?",
    "What is the symbol for {}?",
    "Give the symbol of {}.",
    "Which symbol stands for {}?",
    "Name the chemical symbol for {}.",
    "Symbol of {}?",
    "Tell me the symbol of the element {}.",
    "How do chemists write {}?",
    "Do you know the symbol of {}?",
    "I need the chemical symbol of {}.",
    "Quiz: what is the symbol of {}?",
    "Please give me the symbol for {}.",
];

const NUMBER: [&str; 12] = [
    "What is the atomic number of {}?",
    "Which atomic number does {} have?",
    "Give the atomic number of {}.",
    "How many protons does {} have?",
    "Name the atomic number of {}.",
    "Atomic number of {}?",
    "Tell me the atomic number of the element {}.",
    "How many protons are in an atom of {}?",
    "Do you know the atomic number of {}?",
    "I need the atomic number of {}.",
    "Quiz: what is the atomic number of {}?",
    "Please give me the atomic number of {}.",
];

impl Relation {
    /// What can be asked about the things of a domain.
    pub(crate) fn of(domain: Domain) -> &'static [Self] {
        if domain == Domain::Elements { &[Self::Symbol, Self::Number] } else { &[Self::Capital] }
    }

    fn templates(self) -> &'static [&'static str; 12] {
        match self {
            Self::Capital => &CAPITAL,
            Self::Symbol => &SYMBOL,
            Self::Number => &NUMBER,
        }
    }
}

/// The things of a domain.
pub(crate) fn pools(ground: &Ground, domain: Domain) -> &Pools {
    if domain == Domain::Elements { &ground.catalogue.elements } else { &ground.catalogue.countries }
}

/// The fact's name, e.g. `elements/iron/symbol`: the start of its ids and its paraphrase group.
pub(crate) fn fact_name(entity: &Entity, relation: Relation) -> String {
    match relation {
        Relation::Capital => format!("capitals/{}", entity.slug()),
        Relation::Symbol => format!("elements/{}/symbol", entity.slug()),
        Relation::Number => format!("elements/{}/number", entity.slug()),
    }
}

/// The wordings in which a split may ask for a fact: all twelve where the thing belongs to that split alone.
pub(crate) fn wordings_of(ground: &Ground, entity: &Entity, relation: Relation, split: Split) -> Vec<usize> {
    let name = fact_name(entity, relation);
    if entity.class.is_unknowable() {
        all_wordings(ground.seed, &name, FACT_WORDINGS.iter().sum())
    } else {
        wordings(ground.seed, &name, FACT_WORDINGS, split)
    }
}

/// The question's text.
pub(crate) fn question(entity: &Entity, relation: Relation, wording: usize) -> String {
    relation.templates()[wording].replace("{}", &entity.name)
}

/// The question in one wording, alone in its conversation.
pub(crate) fn draft(ground: &Ground, entity: &Entity, relation: Relation, wording: usize, dice: &mut Dice) -> Draft {
    let messages = vec![Message::user(question(entity, relation, wording))];
    let group = fact_name(entity, relation);
    Draft {
        id: format!("{group}/{wording}"),
        id_is_complete: true,
        paraphrase_group: Some(group),
        ..about(ground, entity, relation, messages, dice)
    }
}

/// A question about a fact at the end of any conversation. Its temptation is the right answer for another thing of the kind.
pub(crate) fn about(
    ground: &Ground,
    entity: &Entity,
    relation: Relation,
    messages: Vec<Message>,
    dice: &mut Dice,
) -> Draft {
    let domain = if relation == Relation::Capital { Domain::Capitals } else { Domain::Elements };
    let accepted = entity.answers(relation);
    let other = dice.pick(&pools(ground, domain).known);
    Draft {
        expected: if accepted.is_empty() { Expected::Abstain } else { Expected::Answer },
        difficulty: difficulty(entity, relation),
        temptation: other.answers(relation).swap_remove(0),
        ..Draft::answerable(domain, entity.class, String::new(), messages, accepted)
    }
}

/// Up to `count` questions about things of one class in a split's wordings, at most `per_fact` wordings of each fact. Wordings
/// of one fact come together, so that a list cut short still holds whole paraphrase groups.
pub(crate) fn list(
    ground: &Ground,
    domain: Domain,
    class: Knowledge,
    split: Split,
    count: usize,
    dice: &mut Dice,
) -> Vec<Draft> {
    let mut facts: Vec<(&Entity, Relation)> = pools(ground, domain)
        .of(class, split)
        .iter()
        .flat_map(|entity| Relation::of(domain).iter().map(move |relation| (entity, *relation)))
        .collect();
    dice.shuffle(&mut facts);
    let per_fact = if class.is_unknowable() {
        count.div_ceil(facts.len().max(1)).max(if split == Split::Eval { 2 } else { 1 })
    } else {
        2
    };
    let mut drafts = Vec::with_capacity(count);
    for (entity, relation) in facts {
        for wording in wordings_of(ground, entity, relation, split).into_iter().take(per_fact) {
            drafts.push(draft(ground, entity, relation, wording, dice));
        }
    }
    drafts.truncate(count);
    drafts
}

fn difficulty(entity: &Entity, relation: Relation) -> f32 {
    let base: f32 = match entity.class {
        Knowledge::Known => 0.2,
        Knowledge::Rare => 0.6,
        Knowledge::Invented => 0.8,
        Knowledge::Withheld | Knowledge::Unknown => 0.9,
    };
    // A number says less about its element than a symbol or a city does about its bearer.
    if relation == Relation::Number { (base + 0.1).min(1.0) } else { base }
}
