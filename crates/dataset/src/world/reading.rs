//! Short passages and questions that they answer, or do not.

use super::catalogue::sentence;
use super::dice::Dice;
use super::draft::Draft;
use super::facts::{COLOURS, DAYS, NAMES, OBJECTS, PLACES};
use clicker_wire::{Domain, Knowledge, Message};

/// Past tenses that are also participles, so that one word serves both voices.
const VERBS: &[&str] = &["left", "found", "sold", "bought", "lost", "kept"];

/// What a passage may say about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    Who,
    Colour,
    Place,
    Day,
}

const ATTRIBUTES: [Attribute; 4] = [Attribute::Who, Attribute::Colour, Attribute::Place, Attribute::Day];

/// One sentence about one object; what is `None` is not said.
#[derive(Debug)]
struct Scene {
    object: &'static str,
    verb: &'static str,
    who: Option<&'static str>,
    colour: Option<&'static str>,
    place: Option<&'static str>,
    day: Option<&'static str>,
}

impl Scene {
    /// A scene that says `must`, does not say `must_not`, and says each other thing with even chance.
    fn draw(dice: &mut Dice, object: &'static str, must: Option<Attribute>, must_not: Option<Attribute>) -> Self {
        let said = ATTRIBUTES.map(|a| must == Some(a) || (must_not != Some(a) && dice.chance(0.5)));
        let mut word = |said: bool, list: &[&'static str]| {
            let word = *dice.pick(list);
            said.then_some(word)
        };
        Self {
            object,
            who: word(said[0], NAMES),
            colour: word(said[1], COLOURS),
            place: word(said[2], PLACES),
            day: word(said[3], DAYS),
            verb: *dice.pick(VERBS),
        }
    }

    fn value(&self, attribute: Attribute) -> Option<&'static str> {
        match attribute {
            Attribute::Who => self.who,
            Attribute::Colour => self.colour,
            Attribute::Place => self.place,
            Attribute::Day => self.day,
        }
    }

    fn text(&self) -> String {
        let thing = match self.colour {
            Some(colour) => format!("{colour} {}", self.object),
            None => self.object.to_owned(),
        };
        let place = self.place.map(|p| format!(" in the {p}")).unwrap_or_default();
        let day = self.day.map(|d| format!(" on {d}")).unwrap_or_default();
        match self.who {
            Some(name) => format!("{name} {} the {thing}{place}{day}.", self.verb),
            None => format!("The {thing} was {}{place}{day}.", self.verb),
        }
    }

    fn question(&self, attribute: Attribute) -> String {
        let Self { object, verb, .. } = self;
        match attribute {
            Attribute::Who => format!("Who {verb} the {object}?"),
            Attribute::Colour => format!("What colour is the {object}?"),
            Attribute::Place => format!("Where was the {object} {verb}?"),
            Attribute::Day => format!("When was the {object} {verb}?"),
        }
    }
}

/// Right answers for a word of the passage, the usual one first.
fn answers(attribute: Attribute, word: &str) -> Vec<String> {
    match attribute {
        Attribute::Who => vec![sentence(word)],
        Attribute::Colour => vec![sentence(&capitalised(word))],
        Attribute::Place => vec![format!("The {word}."), format!("In the {word}.")],
        Attribute::Day => vec![sentence(word), format!("On {word}.")],
    }
}

/// The word with a capital first letter.
pub(crate) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A passage with a question, answerable or not. Most passages hold a second object as a distraction.
pub(crate) fn draw(dice: &mut Dice, answerable: bool) -> Draft {
    let attribute = *dice.pick(&ATTRIBUTES);
    let (object, distraction) = dice.pick_two(OBJECTS);
    // A question about an object that the passage does not even name is the easier kind of unanswerable.
    let absent = !answerable && dice.chance(0.25);
    let asked = if answerable {
        Scene::draw(dice, object, Some(attribute), None)
    } else {
        Scene::draw(dice, object, None, Some(attribute))
    };
    // In an unanswerable passage the distraction tells the wanted thing about the wrong object: that is the temptation.
    let other = (absent || dice.chance(0.7)).then(|| {
        let must = if answerable { None } else { Some(attribute) };
        Scene::draw(dice, distraction, must, None)
    });

    let mut passage: Vec<String> = Vec::new();
    if !absent {
        passage.push(asked.text());
    }
    if let Some(other) = &other {
        passage.insert(dice.below(passage.len() + 1), other.text());
    }
    let (passage, question) = (passage.join(" "), asked.question(attribute));
    let text = match dice.below(3) {
        0 => format!("{passage} {question}"),
        1 => format!("Text: {passage} Question: {question}"),
        _ => format!("Read this. {passage} {question}"),
    };
    let messages = vec![Message::user(text)];
    let difficulty = if other.is_some() { 0.5 } else { 0.3 };

    if answerable {
        let accepted = asked.value(attribute).map(|word| answers(attribute, word)).unwrap_or_default();
        let draft = Draft::answerable(Domain::Reading, Knowledge::Known, "reading".into(), messages, accepted);
        return Draft { difficulty, ..draft };
    }
    let told = other.and_then(|scene| scene.value(attribute));
    let wrong = told.unwrap_or_else(|| match attribute {
        Attribute::Who => *dice.pick(NAMES),
        Attribute::Colour => *dice.pick(COLOURS),
        Attribute::Place => *dice.pick(PLACES),
        Attribute::Day => *dice.pick(DAYS),
    });
    let draft =
        Draft::unanswerable(Domain::Reading, "reading".into(), messages, answers(attribute, wrong).swap_remove(0));
    Draft { difficulty: difficulty + 0.2, ..draft }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_answerable_passage_holds_its_answer(index: u64) {
            let draft = draw(&mut Dice::new(1, "test", index), true);
            let word = draft.accepted[0].trim_end_matches('.').trim_start_matches("The ").to_lowercase();
            prop_assert!(draft.messages[0].content.to_lowercase().contains(&word));
        }

        #[test]
        fn an_unanswerable_scene_never_tells(index: u64, which in 0usize..4) {
            let attribute = ATTRIBUTES[which];
            let mut dice = Dice::new(1, "test", index);
            prop_assert_eq!(Scene::draw(&mut dice, "kite", None, Some(attribute)).value(attribute), None);
            prop_assert!(Scene::draw(&mut dice, "kite", Some(attribute), None).value(attribute).is_some());
            let draft = draw(&mut dice, false);
            prop_assert!(draft.accepted.is_empty() && !draft.temptation.is_empty());
        }
    }
}
