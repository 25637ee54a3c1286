//! Builds the lists of `sft`, `rl` and `eval` from the table of what each holds.

use super::Ground;
use super::dice::Dice;
use super::draft::{Draft, split_name};
use super::ownership::owner;
use super::shares::Composition;
use super::{arithmetic, facts_asked, follow_up, name_pairs, reading, rules};
use clicker_wire::{Domain, Item, Knowledge, Message, Split};
use std::collections::{BTreeMap, HashSet};

/// One kind of question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Capitals,
    Elements,
    Arithmetic,
    Reading,
    FollowUp,
    /// Requests that a rule forbids.
    Forbidden,
    /// Requests that only look forbidden.
    Harmless,
    /// Requests that nothing forbids and the text does not answer.
    Unstated,
    NamePairs,
}

/// Draws per wanted item after which a list gives up: enough for a share of one in ten with much to spare. The tests hold
/// every list to its full length.
const PATIENCE: usize = 2000;

/// The list of one split, in an order that mixes everything.
pub(crate) fn list(ground: &Ground, split: Split, composition: Composition) -> Vec<Item> {
    let mut items = Vec::new();
    for (part, class, count) in composition {
        let mut dice = Dice::new(ground.seed, &format!("{} {part:?} {class}", split_name(split)), 0);
        let drafts = match part {
            Part::Capitals => facts_asked::list(ground, Domain::Capitals, *class, split, *count, &mut dice),
            Part::Elements => facts_asked::list(ground, Domain::Elements, *class, split, *count, &mut dice),
            Part::Arithmetic => arithmetic::list(ground.seed, &ground.sums, *class, split, *count, &mut dice),
            Part::NamePairs => {
                pairs(ground, *class, split, *count, &mut dice, &mut items);
                continue;
            }
            free => free_texts(ground, *free, *class, split, *count, &mut dice),
        };
        let start = items.len();
        items.extend(drafts.into_iter().enumerate().map(|(i, draft)| draft.into_item(split, start + i)));
    }
    drop_single_groups(&mut items);
    Dice::new(ground.seed, split_name(split), 1).shuffle(&mut items);
    items
}

/// Further free texts of a domain that the split owns and that are not in `have`.
pub(crate) fn more(
    ground: &Ground,
    split: Split,
    domain: Domain,
    count: usize,
    have: &HashSet<&[Message]>,
) -> Vec<Item> {
    let shares: &[(Part, Knowledge, f64)] = match domain {
        Domain::Reading => &[(Part::Reading, Knowledge::Known, 0.5), (Part::Reading, Knowledge::Invented, 0.5)],
        Domain::Rules => &[
            (Part::Forbidden, Knowledge::Known, 0.4),
            (Part::Harmless, Knowledge::Known, 0.4),
            (Part::Unstated, Knowledge::Invented, 0.2),
        ],
        _ => &[],
    };
    let mut items = Vec::new();
    for (part, class, share) in shares {
        let mut dice = Dice::new(ground.seed, &format!("more {} {part:?} {class}", split_name(split)), 0);
        let wanted = (count as f64 * share).round() as usize;
        // As many again as the list could hold of them, so that enough are left.
        let drafts = free_texts(ground, *part, *class, split, wanted + have.len(), &mut dice);
        let fresh = drafts.into_iter().filter(|draft| !have.contains(draft.messages.as_slice())).take(wanted);
        let first = MORE + items.len();
        items.extend(fresh.enumerate().map(|(i, draft)| draft.into_item(split, first + i)));
    }
    items
}

/// Numbers of further questions begin here, above those of any list.
const MORE: usize = 100_000;

/// A free text of one kind; `None` where the draw cannot be used.
pub(crate) fn free_text(ground: &Ground, part: Part, class: Knowledge, split: Split, dice: &mut Dice) -> Option<Draft> {
    match part {
        Part::Reading => Some(reading::draw(dice, class == Knowledge::Known)),
        Part::FollowUp => follow_up::draw(ground, class, split, dice),
        Part::Forbidden => Some(rules::forbidden(dice)),
        Part::Harmless => Some(rules::harmless(dice)),
        Part::Unstated => Some(rules::unstated(dice)),
        Part::Capitals | Part::Elements | Part::Arithmetic | Part::NamePairs => None,
    }
}

/// Whether a split may hold this text: it owns it.
pub(crate) fn owns(ground: &Ground, split: Split, messages: &[Message]) -> bool {
    owner(ground.seed, messages) == split
}

fn free_texts(
    ground: &Ground,
    part: Part,
    class: Knowledge,
    split: Split,
    count: usize,
    dice: &mut Dice,
) -> Vec<Draft> {
    let (mut seen, mut drafts) = (HashSet::new(), Vec::with_capacity(count));
    for _ in 0..count * PATIENCE {
        if drafts.len() == count {
            break;
        }
        if let Some(draft) = free_text(ground, part, class, split, dice)
            && owns(ground, split, &draft.messages)
            && seen.insert(draft.messages.clone())
        {
            drafts.push(draft);
        }
    }
    drafts
}

fn pairs(ground: &Ground, class: Knowledge, split: Split, count: usize, dice: &mut Dice, items: &mut Vec<Item>) {
    let (mut seen, end) = (HashSet::new(), items.len() + count);
    for _ in 0..count * PATIENCE {
        if items.len() + 2 > end {
            break;
        }
        let template = if class == Knowledge::Known {
            name_pairs::answerable(ground, split, dice)
        } else {
            Some(name_pairs::unanswerable(ground, dice))
        };
        let Some(template) = template else { continue };
        if !owns(ground, split, template.messages()) || !seen.insert(template.messages().to_vec()) {
            continue;
        }
        let (a, b) = name_pairs::names(dice);
        let pair = format!("name-pairs/{}-{}", split_name(split), items.len());
        for name in [a, b] {
            let item = template.fill(name).into_item(split, items.len());
            items.push(Item { name_pair: Some(pair.clone()), ..item });
        }
    }
}

/// A group of one measures nothing.
fn drop_single_groups(items: &mut [Item]) {
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for group in items.iter().filter_map(|i| i.paraphrase_group.clone()) {
        *sizes.entry(group).or_default() += 1;
    }
    for item in items {
        if item.paraphrase_group.as_ref().is_some_and(|g| sizes.get(g) == Some(&1)) {
            item.paraphrase_group = None;
        }
    }
}
