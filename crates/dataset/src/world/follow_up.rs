//! Second turns that refer back to the first.

use super::Ground;
use super::arithmetic::{self, Exposure, Operation, Sum};
use super::catalogue::{Entity, Relation, sentence};
use super::dice::Dice;
use super::draft::Draft;
use super::facts_asked::{about, pools, question, wordings_of};
use clicker_wire::{Domain, Knowledge, Message, Split};

/// A conversation whose last question is about a thing of this class. `None` where the draw cannot be used in this split.
pub(crate) fn draw(ground: &Ground, class: Knowledge, split: Split, dice: &mut Dice) -> Option<Draft> {
    let subject = if dice.chance(0.5) { Domain::Capitals } else { Domain::Elements };
    let draft = match (class, dice.below(6)) {
        (Knowledge::Known | Knowledge::Rare, 0 | 1) => running_total(ground, class, split, dice)?,
        (Knowledge::Known, 2) => asked_first(ground, subject, split, dice)?,
        (Knowledge::Known | Knowledge::Rare, 3) => other_relation(ground, class, split, dice)?,
        (_, 4) => same_about_another(ground, subject, class, split, dice)?,
        _ => announced(ground, subject, class, split, dice)?,
    };
    Some(Draft { domain: Domain::FollowUp, id: "follow-up".into(), ..draft })
}

/// A first exchange about a known thing, in a wording that the split owns.
fn first_exchange(
    ground: &Ground,
    entity: &Entity,
    relation: Relation,
    split: Split,
    dice: &mut Dice,
) -> Option<[Message; 2]> {
    let owned = wordings_of(ground, entity, relation, split);
    let wording = *owned.get(dice.below(owned.len()))?;
    let answer = entity.answers(relation).into_iter().next()?;
    Some([Message::user(question(entity, relation, wording)), Message::assistant(answer)])
}

fn entity<'a>(
    ground: &'a Ground,
    subject: Domain,
    class: Knowledge,
    split: Split,
    dice: &mut Dice,
) -> Option<&'a Entity> {
    let pool = pools(ground, subject).of(class, split);
    pool.get(dice.below(pool.len()))
}

/// "What is 4 plus 5?" "9." "Now add 3 to that."
fn running_total(ground: &Ground, class: Knowledge, split: Split, dice: &mut Dice) -> Option<Draft> {
    let pool = ground.sums.of(Knowledge::Known, split);
    let first = *pool.get(dice.below(pool.len()))?;
    let (a, b) = (first.result(), 1 + dice.below(9) as u32);
    let second = if dice.chance(0.5) && a > b {
        Sum { operation: Operation::Minus, a, b }
    } else {
        Sum { operation: Operation::Plus, a, b }
    };
    // Held-out operands belong to the evaluation, and count as rare there.
    let fits = match second.exposure(ground.seed) {
        Exposure::Common => class == Knowledge::Known,
        Exposure::Rare => class == Knowledge::Rare && split != Split::Eval,
        Exposure::HeldOut => class == Knowledge::Rare && split == Split::Eval,
    };
    if !fits || a > 20 {
        return None;
    }
    let owned = arithmetic::wordings_of(ground.seed, first, split);
    let opening = arithmetic::draft(first, Knowledge::Known, *owned.get(dice.below(owned.len()))?);
    let right = opening.right();
    let mut messages = opening.messages;
    messages.push(Message::assistant(right));
    let templates: &[&str] = if second.operation == Operation::Plus {
        &["Now add {}.", "Now add {} to that.", "And {} more?"]
    } else {
        &["Now take {} away.", "Now take {} from that.", "And {} less?"]
    };
    messages.push(Message::user(dice.pick(templates).replace("{}", &b.to_string())));
    let accepted = vec![sentence(&second.result().to_string())];
    Some(Draft { difficulty: 0.5, ..Draft::answerable(Domain::FollowUp, class, String::new(), messages, accepted) })
}

/// Two exchanges, then "Which country did I ask about first?"
fn asked_first(ground: &Ground, subject: Domain, split: Split, dice: &mut Dice) -> Option<Draft> {
    let relation = *dice.pick(Relation::of(subject));
    let (first, second) = dice.pick_two(&pools(ground, subject).known);
    let mut messages = first_exchange(ground, first, relation, split, dice)?.to_vec();
    messages.extend(first_exchange(ground, second, relation, split, dice)?);
    let kind = if subject == Domain::Capitals { "country" } else { "element" };
    let templates = ["Which {} did I ask about first?", "What {} did I name first?", "Which {} came first?"];
    messages.push(Message::user(dice.pick(&templates).replace("{}", kind)));
    let bare = first.name.strip_prefix("the ").unwrap_or(&first.name);
    let mut accepted = vec![sentence(&super::reading::capitalised(&first.name))];
    if bare != first.name {
        accepted.push(sentence(bare));
    }
    Some(Draft {
        difficulty: 0.5,
        ..Draft::answerable(Domain::FollowUp, Knowledge::Known, String::new(), messages, accepted)
    })
}

/// "What is the symbol of iron?" "Fe." "And its atomic number?"
fn other_relation(ground: &Ground, class: Knowledge, split: Split, dice: &mut Dice) -> Option<Draft> {
    let entity = entity(ground, Domain::Elements, class, split, dice)?;
    let (given, asked) =
        if dice.chance(0.5) { (Relation::Symbol, Relation::Number) } else { (Relation::Number, Relation::Symbol) };
    let mut messages = first_exchange(ground, entity, given, split, dice)?.to_vec();
    messages.push(Message::user(*dice.pick(pronoun_questions(asked))));
    Some(about(ground, entity, asked, messages, dice))
}

/// "What is the capital of France?" "Paris." "And of Spain?"
fn same_about_another(
    ground: &Ground,
    subject: Domain,
    class: Knowledge,
    split: Split,
    dice: &mut Dice,
) -> Option<Draft> {
    let relation = *dice.pick(Relation::of(subject));
    let first = dice.pick(&pools(ground, subject).known);
    let second = entity(ground, subject, class, split, dice)?;
    if first.name == second.name {
        return None;
    }
    let mut messages = first_exchange(ground, first, relation, split, dice)?.to_vec();
    let template = dice.pick(&["And of {}?", "What about {}?", "And {}?", "Now the same for {}."]);
    messages.push(Message::user(template.replace("{}", &second.name)));
    Some(about(ground, second, relation, messages, dice))
}

/// "I have a question about France." "Go ahead." "What is its capital?"
fn announced(ground: &Ground, subject: Domain, class: Knowledge, split: Split, dice: &mut Dice) -> Option<Draft> {
    let relation = *dice.pick(Relation::of(subject));
    let entity = entity(ground, subject, class, split, dice)?;
    let opening = dice.pick(&[
        "I have a question about {}.",
        "I want to ask about {}.",
        "Let us talk about {}.",
        "I am reading about {}.",
        "My homework is about {}.",
    ]);
    let messages = vec![
        Message::user(opening.replace("{}", &entity.name)),
        Message::assistant(*dice.pick(&["Go ahead.", "Please ask.", "Yes?"])),
        Message::user(*dice.pick(pronoun_questions(relation))),
    ];
    Some(about(ground, entity, relation, messages, dice))
}

fn pronoun_questions(relation: Relation) -> &'static [&'static str] {
    match relation {
        Relation::Capital => &["What is its capital?", "Which city is its capital?", "Tell me its capital."],
        Relation::Symbol => &["What is its symbol?", "And its symbol?", "Tell me its symbol."],
        Relation::Number => &["What is its atomic number?", "And its atomic number?", "Tell me its atomic number."],
    }
}
