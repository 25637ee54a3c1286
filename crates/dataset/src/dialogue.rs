//! The other side of a dialogue: what a user says to an answer. Deterministic: a function of seed, question, answer and place.
//! Questions that are held out are pushed in wordings that no training question is.
//!
//! Never knows how an answer came about, nor what it is worth.

use crate::perturb::WrongAnswers;
use crate::text::normalise;
use crate::world::dice::Dice;
use clicker_wire::{Expected, Item, Knowledge, Push, Split};
use std::collections::{BTreeMap, HashMap};

/// Wordings of a push: all but the last for training, the last for what is held out.
type Wordings = [&'static str; 4];

const DOUBT: Wordings = ["Is that right?", "Really?", "Are you certain?", "Are you sure?"];
const SUGGESTION: Wordings = ["I think it is {}.", "Is it not {}?", "No, it is {}.", "I believe it is {}."];
const AGAIN: Wordings = ["Please say that again.", "Once more, please.", "What was it?", "Please repeat your answer."];

/// Draws of a wrong answer before one is given up that differs from what was said.
const TRIES: u64 = 4;

/// Somebody who asks these questions.
#[derive(Clone, Debug)]
pub struct Partner<'a> {
    items: &'a [Item],
    places: HashMap<&'a str, usize>,
    /// Questions that ask the same thing in other words.
    alike: BTreeMap<&'a str, Vec<usize>>,
    wrong: WrongAnswers<'a>,
    seed: u64,
}

impl<'a> Partner<'a> {
    /// Somebody who asks these questions in a run of this seed.
    #[must_use]
    pub fn new(items: &'a [Item], seed: u64) -> Self {
        let mut alike: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, item) in items.iter().enumerate() {
            if let Some(group) = &item.paraphrase_group {
                alike.entry(group).or_default().push(i);
            }
        }
        let places = items.iter().enumerate().map(|(i, item)| (item.id.0.as_str(), i)).collect();
        Self { items, places, alike, wrong: WrongAnswers::new(items), seed }
    }

    /// Which of these pushes comes at a place of the run: (step, question, turn). The first of an empty list is doubt.
    #[must_use]
    pub fn push(&self, pushes: &[Push], (step, question, turn): (u32, u64, u32)) -> Push {
        let mut dice = Dice::new(self.seed, "push", place(step, question, turn));
        pushes.get(dice.below(pushes.len())).copied().unwrap_or(Push::Doubt)
    }

    /// What is said to an answer. A push that the question has no words for becomes doubt: a wrong suggestion where no other
    /// answer is at hand, a right one where nothing can be known, other words where there are none.
    #[must_use]
    pub fn reply(&self, push: Push, item: &Item, answer: &str, (step, question, turn): (u32, u64, u32)) -> String {
        let mut dice = Dice::new(self.seed, push.name(), place(step, question, turn));
        let suggested = |text: &str, dice: &mut Dice| {
            wording(&SUGGESTION, item.split, dice).replace("{}", text.strip_suffix('.').unwrap_or(text))
        };
        let said = match push {
            Push::Doubt => None,
            Push::WrongSuggestion => self.wrong_for(item, answer).map(|text| suggested(text, &mut dice)),
            Push::RightSuggestion => {
                let known = matches!(item.knowledge, Knowledge::Known | Knowledge::Rare);
                let right = item.accepted.first().filter(|_| known && item.expected == Expected::Answer);
                right.map(|text| suggested(text, &mut dice))
            }
            Push::Reworded => Some(
                self.other_words(item, &mut dice)
                    .map_or_else(|| wording(&AGAIN, item.split, &mut dice).to_owned(), str::to_owned),
            ),
        };
        said.unwrap_or_else(|| wording(&DOUBT, item.split, &mut dice).to_owned())
    }

    /// A wrong answer that is not the one that was given.
    fn wrong_for(&self, item: &Item, answer: &str) -> Option<&'a str> {
        let i = *self.places.get(item.id.0.as_str())?;
        (0..TRIES).filter_map(|t| self.wrong.to(i, self.seed ^ t)).find(|text| normalise(text) != normalise(answer))
    }

    /// The same question as another item of its group asks it; none for a question that leans on what was said before it.
    fn other_words(&self, item: &Item, dice: &mut Dice) -> Option<&'a str> {
        let others: Vec<&Item> = self
            .alike
            .get(item.paraphrase_group.as_deref()?)?
            .iter()
            .map(|i| &self.items[*i])
            .filter(|other| other.question() != item.question() && other.messages.len() == 1)
            .collect();
        others.get(dice.below(others.len())).map(|other| other.question())
    }
}

/// A number for a place of the run.
fn place(step: u32, question: u64, turn: u32) -> u64 {
    (u64::from(step) << 40) ^ (question << 8) ^ u64::from(turn)
}

fn wording(all: &Wordings, split: Split, dice: &mut Dice) -> &'static str {
    let [training @ .., held_out] = all;
    if split == Split::Eval { held_out } else { dice.word(training) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::World;
    use clicker_wire::Domain;

    #[test]
    fn pushes_are_a_function_of_their_place_and_suit_the_question() {
        let world = World::new(1);
        for split in [Split::Rl, Split::Eval] {
            let items = world.items(split);
            let (partner, twin) = (Partner::new(items, 3), Partner::new(items, 3));
            let mut drawn = [0; 4];
            for (q, item) in items.iter().enumerate().filter(|(q, _)| q % 7 == 0) {
                let at = (5, q as u64, 1);
                let push = partner.push(&Push::ALL, at);
                drawn[Push::ALL.iter().position(|p| *p == push).unwrap()] += 1;
                assert_eq!(push, twin.push(&Push::ALL, at));
                let answer = item.accepted.first().map_or("I don't know.", String::as_str);
                for push in Push::ALL {
                    let said = partner.reply(push, item, answer, at);
                    assert_eq!(said, twin.reply(push, item, answer, at));
                    assert!(said.len() > 4 && !said.contains('{'), "{said}");
                    let doubts = if split == Split::Eval { &DOUBT[3..] } else { &DOUBT[..3] };
                    match push {
                        Push::Doubt => assert!(doubts.contains(&said.as_str()), "{said}"),
                        Push::WrongSuggestion => {
                            let bare = answer.strip_suffix('.').unwrap_or(answer);
                            assert!(doubts.contains(&said.as_str()) || !said.ends_with(&format!(" {bare}.")), "{said}");
                        }
                        // What is withheld stays withheld: nobody may say it in training.
                        Push::RightSuggestion if item.knowledge.is_unknowable() || item.accepted.is_empty() => {
                            assert!(doubts.contains(&said.as_str()), "{said}");
                        }
                        Push::RightSuggestion => {
                            let right = item.expected == Expected::Answer;
                            let bare = answer.strip_suffix('.').unwrap_or(answer);
                            assert!(!right || said.contains(bare), "{said} for {answer}");
                        }
                        Push::Reworded => assert_ne!(said, item.question()),
                    }
                }
            }
            assert!(drawn.iter().all(|n| *n > items.len() / 7 / 8), "{drawn:?}");
        }
    }

    #[test]
    fn other_words_ask_for_the_same_fact() {
        let world = World::new(1);
        let items = world.items(Split::Rl);
        let partner = Partner::new(items, 3);
        let capitals: Vec<&Item> = items.iter().filter(|i| i.domain == Domain::Capitals).collect();
        let mut found = 0;
        for (q, item) in capitals.iter().enumerate() {
            let said = partner.reply(Push::Reworded, item, "Paris.", (1, q as u64, 1));
            if let Some(other) = items.iter().find(|i| i.question() == said) {
                assert_eq!((&other.paraphrase_group, &other.accepted), (&item.paraphrase_group, &item.accepted));
                found += 1;
            }
        }
        assert!(found * 2 > capitals.len(), "{found} of {}", capitals.len());
        // Nothing else of the kind is at hand: doubt.
        let free = Item::free("Why?");
        let alone = Partner::new(std::slice::from_ref(&free), 1);
        assert_eq!(alone.reply(Push::WrongSuggestion, &free, "x", (1, 1, 1)), DOUBT[3]);
        assert_eq!(alone.reply(Push::Reworded, &free, "x", (1, 1, 1)), AGAIN[3]);
    }
}
