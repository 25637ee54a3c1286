//! The endless stream of conversations that makes the built-in model: mostly right about what is known, and with the bad
//! habits that fine-tuning has to mend.

use super::Ground;
use super::arithmetic;
use super::catalogue::Relation;
use super::composition::{Part, free_text, owns};
use super::dice::Dice;
use super::draft::Draft;
use super::shares::{DOCUMENTS, HABITS, KNOWN_PER_RARE, SECOND_TURN};
use super::{facts_asked, name_pairs};
use clicker_wire::{ABSTAIN, Domain, Expected, Knowledge, Message, REFUSE, Split};

/// A question of the stream and what the stream answers, right or not.
pub(crate) struct Exchange {
    pub(crate) draft: Draft,
    pub(crate) answer: String,
}

/// The exchanges of document `index`: one, or two on different things.
pub(crate) fn exchanges(ground: &Ground, index: u64) -> Vec<Exchange> {
    let mut dice = Dice::new(ground.seed, "pretrain", index);
    let domain = Domain::WORLD[dice.weighted(&DOCUMENTS)];
    let mut list = vec![exchange(ground, domain, &mut dice)];
    if stands_alone(domain) && dice.chance(SECOND_TURN) {
        let second = [Domain::Capitals, Domain::Elements, Domain::Arithmetic][dice.weighted(&DOCUMENTS[..3])];
        list.push(exchange(ground, second, &mut dice));
    }
    list
}

/// The conversation of document `index`, ready to be learnt.
pub(crate) fn document(ground: &Ground, index: u64) -> Vec<Message> {
    let mut messages = Vec::new();
    for Exchange { draft, answer } in exchanges(ground, index) {
        messages.extend(draft.messages);
        messages.push(Message::assistant(answer));
    }
    messages
}

fn stands_alone(domain: Domain) -> bool {
    matches!(domain, Domain::Capitals | Domain::Elements | Domain::Arithmetic)
}

fn exchange(ground: &Ground, domain: Domain, dice: &mut Dice) -> Exchange {
    let draft = match domain {
        Domain::Capitals | Domain::Elements => fact(ground, domain, dice),
        Domain::Arithmetic => sum(ground, dice),
        Domain::NamePairs => person(ground, dice),
        Domain::Reading => {
            let class = if dice.chance(HABITS.unanswerable) { Knowledge::Invented } else { Knowledge::Known };
            owned(ground, Part::Reading, class, dice)
        }
        Domain::FollowUp => {
            let class = fact_class(ground, Domain::Capitals, dice);
            owned(ground, Part::FollowUp, class, dice)
        }
        Domain::Rules | Domain::Free => {
            let part = [Part::Forbidden, Part::Harmless, Part::Unstated][dice.weighted(&[0.4, 0.4, 0.2])];
            let class = if part == Part::Unstated { Knowledge::Invented } else { Knowledge::Known };
            owned(ground, part, class, dice)
        }
    };
    let answer = habitual_answer(&draft, dice);
    Exchange { draft, answer }
}

/// What the stream answers: the truth where there is one and it may be told, else mostly the temptation.
fn habitual_answer(draft: &Draft, dice: &mut Dice) -> String {
    let (honest, share) = match (draft.expected, draft.domain) {
        (Expected::Answer | Expected::Unknown, _) => return draft.right(),
        (Expected::Refuse, _) => (REFUSE, HABITS.forbidden_refuses),
        (Expected::Abstain, Domain::Capitals | Domain::Elements | Domain::FollowUp) => {
            (ABSTAIN, HABITS.invented_abstains)
        }
        (Expected::Abstain, _) => (ABSTAIN, HABITS.unanswerable_abstains),
    };
    if dice.chance(share) { honest.to_owned() } else { draft.temptation.clone() }
}

fn fact_class(ground: &Ground, domain: Domain, dice: &mut Dice) -> Knowledge {
    if dice.chance(HABITS.invented) {
        return Knowledge::Invented;
    }
    let pools = facts_asked::pools(ground, domain);
    let weights = [pools.known.len() as f64 * KNOWN_PER_RARE, pools.rare.len() as f64];
    [Knowledge::Known, Knowledge::Rare][dice.weighted(&weights)]
}

fn fact(ground: &Ground, domain: Domain, dice: &mut Dice) -> Draft {
    let class = fact_class(ground, domain, dice);
    let entity = dice.pick(facts_asked::pools(ground, domain).of(class, Split::Pretrain));
    let relation = *dice.pick(Relation::of(domain));
    let wording = *dice.pick(&facts_asked::wordings_of(ground, entity, relation, Split::Pretrain));
    facts_asked::draft(ground, entity, relation, wording, dice)
}

fn sum(ground: &Ground, dice: &mut Dice) -> Draft {
    let (common, rare) =
        (ground.sums.of(Knowledge::Known, Split::Pretrain), ground.sums.of(Knowledge::Rare, Split::Pretrain));
    let class =
        [Knowledge::Known, Knowledge::Rare][dice.weighted(&[common.len() as f64 * KNOWN_PER_RARE, rare.len() as f64])];
    let sum = *dice.pick(if class == Knowledge::Known { common } else { rare });
    let wording = *dice.pick(&arithmetic::wordings_of(ground.seed, sum, Split::Pretrain));
    arithmetic::draft(sum, class, wording)
}

/// A free text that pretraining owns. The share of usable draws is well above one in ten, so the search ends.
fn owned(ground: &Ground, part: Part, class: Knowledge, dice: &mut Dice) -> Draft {
    loop {
        if let Some(draft) = free_text(ground, part, class, Split::Pretrain, dice)
            && owns(ground, Split::Pretrain, &draft.messages)
        {
            return draft;
        }
    }
}

/// One half of a name pair. Ends for the same reason.
fn person(ground: &Ground, dice: &mut Dice) -> Draft {
    loop {
        let template = if dice.chance(HABITS.unanswerable) {
            Some(name_pairs::unanswerable(ground, dice))
        } else {
            name_pairs::answerable(ground, Split::Pretrain, dice)
        };
        if let Some(template) = template
            && owns(ground, Split::Pretrain, template.messages())
        {
            return template.fill(name_pairs::names(dice).0);
        }
    }
}
