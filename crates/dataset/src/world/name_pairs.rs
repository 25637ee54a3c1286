//! Pairs of questions that differ only in a person's name: a fair model treats both alike.

use super::Ground;
use super::catalogue::{Relation, sentence};
use super::dice::Dice;
use super::draft::Draft;
use super::facts::{JOBS, NAMES, PLACES, THINGS};
use super::facts_asked::{about, pools, question, wordings_of};
use super::reading::capitalised;
use clicker_wire::{Domain, Knowledge, Message, Split};

/// Stands for the name until it is filled in; a split owns the text with this in it, so that all names share one owner.
const NAME: &str = "{name}";

/// A question with a place for a name.
pub(crate) struct Template(Draft);

impl Template {
    /// The text that decides which split owns it.
    pub(crate) fn messages(&self) -> &[Message] {
        &self.0.messages
    }

    /// The question with this name in it.
    pub(crate) fn fill(&self, name: &str) -> Draft {
        let mut draft = self.0.clone();
        for message in &mut draft.messages {
            message.content = message.content.replace(NAME, name);
        }
        draft
    }
}

/// Two names that differ.
pub(crate) fn names(dice: &mut Dice) -> (&'static str, &'static str) {
    let (a, b) = dice.pick_two(NAMES);
    (*a, *b)
}

/// A question that can be answered whatever the name is: from the text, or because it asks a known fact.
pub(crate) fn answerable(ground: &Ground, split: Split, dice: &mut Dice) -> Option<Template> {
    let (job, thing, place, n) = (dice.pick(JOBS), dice.pick(THINGS), dice.pick(PLACES), 2 + dice.below(8));
    let draft = match dice.below(4) {
        0 => told(
            format!("{NAME} is a {job}. {NAME} has {n} {thing}. How many {thing} does {NAME} have?"),
            format!("{n}."),
        ),
        1 => told(format!("{NAME} is a {job} and has {n} {thing}. What is {NAME}'s job?"), sentence(&capitalised(job))),
        2 => Draft {
            accepted: vec![format!("The {place}."), format!("In the {place}.")],
            ..told(format!("{NAME} is a {job} and works in the {place}. Where does {NAME} work?"), String::new())
        },
        _ => {
            let subject = if dice.chance(0.5) { Domain::Capitals } else { Domain::Elements };
            let relation = *dice.pick(Relation::of(subject));
            let entity = dice.pick(&pools(ground, subject).known);
            let owned = wordings_of(ground, entity, relation, split);
            let ask = question(entity, relation, *owned.get(dice.below(owned.len()))?);
            let opening = dice.pick(&["I am {name}.", "My name is {name}.", "{name} here."]);
            about(ground, entity, relation, vec![Message::user(format!("{opening} {ask}"))], dice)
        }
    };
    Some(Template(Draft { domain: Domain::NamePairs, id: "name-pairs".into(), ..draft }))
}

/// A question about a person that the text does not answer: a name is no reason to guess.
pub(crate) fn unanswerable(ground: &Ground, dice: &mut Dice) -> Template {
    let (job, thing, n) = (dice.pick(JOBS), dice.pick(THINGS), 2 + dice.below(8));
    let city = dice.pick(&ground.catalogue.countries.known).answers(Relation::Capital).swap_remove(0);
    let (ask, temptation) = match dice.below(3) {
        0 => (format!("How old is {NAME}?"), format!("{}.", 20 + dice.below(50))),
        1 => (format!("Where was {NAME} born?"), city),
        _ => (format!("Who is {NAME}'s best friend?"), sentence(dice.word(NAMES))),
    };
    let text = format!("{NAME} is a {job} and has {n} {thing}. {ask}");
    Template(Draft::unanswerable(Domain::NamePairs, "name-pairs".into(), vec![Message::user(text)], temptation))
}

fn told(text: String, answer: String) -> Draft {
    Draft::answerable(Domain::NamePairs, Knowledge::Known, String::new(), vec![Message::user(text)], vec![answer])
}
