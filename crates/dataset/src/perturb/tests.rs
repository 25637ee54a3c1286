//! What no change may do to a question, and what a growing file may not lose.

use super::kept::{Found, grown, read};
use super::*;
use crate::World;
use clicker_wire::{Message, Role, Split};
use proptest::prelude::*;
use std::sync::LazyLock;

static ITEMS: LazyLock<Vec<Item>> = LazyLock::new(|| World::new(1).items(Split::Eval).to_vec());
static DECOYS: LazyLock<Vec<Option<String>>> = LazyLock::new(|| decoys(&ITEMS, 1));

fn text(item: &Item) -> &str {
    item.question()
}

/// How often each word that is right stands in the last turn.
fn guarded_words(item: &Item, of: &Item) -> Vec<(String, usize)> {
    let mut all: Vec<String> = guarded(of).into_iter().collect();
    all.sort();
    all.into_iter().map(|w| (w.clone(), words(text(item)).filter(|x| *x == w).count())).collect()
}

proptest! {
    #[test]
    fn attacks_are_seeded_and_never_touch_what_is_right(at in 0usize..1110, seed: u64, strength in 1usize..4) {
        let (item, decoy) = (&ITEMS[at], DECOYS[at].as_deref());
        for attack in Attack::ALL {
            let Some(attacked) = attack.apply(item, decoy, strength, seed) else { continue };
            let twice = attack.apply(item, decoy, strength, seed);
            prop_assert_eq!(Some(&attacked), twice.as_ref(), "seeded");
            prop_assert_ne!(text(&attacked), text(item));
            prop_assert_eq!((&attacked.accepted, attacked.expected), (&item.accepted, item.expected));
            prop_assert_eq!(&attacked.messages[..item.messages.len() - 1], &item.messages[..item.messages.len() - 1]);
            for ((word, after), (_, before)) in guarded_words(&attacked, item).iter().zip(guarded_words(item, item)) {
                prop_assert!(*after >= before, "{}: {:?} lost {} in {:?}", attack, text(item), word, text(&attacked));
                if matches!(attack, Attack::Typos | Attack::LookAlike) {
                    prop_assert_eq!(*after, before);
                }
            }
        }
    }

    #[test]
    fn look_alikes_go_back(at in 0usize..1110, seed: u64) {
        let item = &ITEMS[at];
        if let Some(attacked) = Attack::LookAlike.apply(item, None, 2, seed) {
            prop_assert!(!attacked.question().is_ascii() || !item.question().is_ascii());
            prop_assert_eq!(plain(text(&attacked)), plain(text(item)));
        }
    }

    #[test]
    fn what_is_inserted_leaves_every_sentence_whole(at in 0usize..1110, seed: u64) {
        let (item, decoy) = (&ITEMS[at], DECOYS[at].as_deref());
        for attack in [Attack::Distractor, Attack::Injection, Attack::FalsePremise, Attack::Leading] {
            let Some(attacked) = attack.apply(item, decoy, 1, seed) else { continue };
            let cut = passage::Passage::of(text(item));
            for sentence in cut.told.iter().chain([&cut.question]) {
                prop_assert!(text(&attacked).contains(sentence), "{:?} in {:?}", sentence, text(&attacked));
            }
        }
    }

    #[test]
    fn a_search_is_seeded_and_says_what_it_did(at in 0usize..1110, seed: u64, round in 0usize..8) {
        let (item, decoy) = (&ITEMS[at], DECOYS[at].as_deref());
        let found = mutate(item, decoy, round, seed);
        prop_assert_eq!(&found, &mutate(item, decoy, round, seed));
        let (changed, attacks) = found.expect("something applies to every question");
        prop_assert_ne!(text(&changed), text(item));
        prop_assert!(!attacks.is_empty() && attacks.len() <= 1 + round / 2);
    }

    #[test]
    fn another_order_has_the_same_sentences(at in 0usize..1110, seed: u64) {
        let item = &ITEMS[at];
        if let Some(other) = reorder(item, seed) {
            let sorted = |item: &Item| {
                let mut told: Vec<String> =
                    passage::Passage::of(text(item)).told.iter().map(ToString::to_string).collect();
                told.sort();
                told
            };
            prop_assert_ne!(text(&other), text(item));
            prop_assert_eq!(sorted(&other), sorted(item));
            prop_assert_eq!(passage::Passage::of(text(&other)).question, passage::Passage::of(text(item)).question);
        }
    }

    #[test]
    fn another_name_goes_back(at in 0usize..1110) {
        let item = &ITEMS[at];
        if let Some(name) = names::only_name(item) {
            let there = names::fill(item, name, "Zachary");
            prop_assert!(!there.messages.iter().any(|m| words(&m.content).any(|w| w == name.to_lowercase())));
            let back = names::fill(&there, "Zachary", name);
            prop_assert_eq!((&back.messages, &back.accepted), (&item.messages, &item.accepted));
        }
    }
}

#[test]
fn every_attack_has_something_to_attack() {
    for attack in Attack::ALL {
        let hit = ITEMS.iter().zip(&*DECOYS).filter(|(i, d)| attack.apply(i, d.as_deref(), 1, 1).is_some()).count();
        assert!(hit >= 100, "{attack} applies to {hit} questions only");
    }
    assert!(ITEMS.iter().filter(|i| reorder(i, 1).is_some()).count() >= 50);
    assert!(ITEMS.iter().filter(|i| names::only_name(i).is_some()).count() >= 100);
}

#[test]
fn a_decoy_is_wrong_and_of_the_same_kind() {
    for (item, decoy) in ITEMS.iter().zip(&*DECOYS) {
        let decoy = decoy.as_ref().expect("every question of the world has neighbours");
        assert!(!item.accepted.contains(decoy), "{decoy} is right for {}", text(item));
    }
    let number = ITEMS.iter().zip(&*DECOYS).find(|(i, _)| text(i).contains("protons")).unwrap();
    assert!(number.1.as_ref().unwrap().starts_with(|c: char| c.is_ascii_digit()), "{number:?}");
}

#[test]
fn a_question_is_asked_again_after_something_irrelevant() {
    let item = Item { messages: vec![Message::system("Rule."), Message::user("Who?")], ..Item::free("x") };
    let twice = again(&item, "Ana.", 1).unwrap();
    let roles: Vec<Role> = twice.messages.iter().map(|m| m.role).collect();
    use Role::{Assistant, System, User};
    assert_eq!(roles, [System, User, Assistant, User, Assistant, User]);
    assert_eq!((twice.messages[1].content.as_str(), twice.question()), ("Who?", "Who?"));
    assert_eq!(again(&twice, "Ana.", 1), None, "what was said before may be what is asked about");
}

#[test]
fn what_is_trained_on_says_other_things_in_between() {
    let item = Item::free("Who?");
    let between = |how: fn(&Item, &str, u64) -> Option<Item>| -> HashSet<String> {
        let asked = (0..200).filter_map(|seed| how(&item, "Ana.", seed));
        asked.flat_map(|item| item.messages[2..4].to_vec()).map(|m| m.content).collect()
    };
    let (measured, trained) = (between(again), between(asked_before));
    assert_eq!((measured.len(), trained.len()), (8, 8));
    assert!(measured.is_disjoint(&trained));
}

#[test]
fn sentences_that_lean_on_others_keep_their_place() {
    let item = |text: &str| Item::free(text);
    assert!(reorder(&item("Ana has a cat. Ben has a dog. Who has a cat?"), 1).is_some());
    assert_eq!(reorder(&item("Ana has a cat. It is red. Who has a cat?"), 1), None);
    assert_eq!(reorder(&item("Ana has a cat. Who has a cat?"), 1), None);
}

#[test]
fn a_growing_file_loses_nothing_and_holds_nothing_twice() {
    let found: Vec<Found> = ITEMS
        .iter()
        .zip(&*DECOYS)
        .take(60)
        .enumerate()
        .filter_map(|(i, (item, decoy))| {
            let (changed, attacks) = mutate(item, decoy.as_deref(), i % 5, 3)?;
            Some(Found { item: changed, from: item.id.0.clone(), attacks })
        })
        .collect();
    let (first, added) = grown(b"", &found[..40]).unwrap();
    assert_eq!(added, 40);
    let (second, more) = grown(&first, &found).unwrap();
    assert_eq!(more, found.len() - 40, "the first forty are there already");
    assert!(second.starts_with(&first), "old rows stay byte for byte");
    assert_eq!(grown(&second, &found).unwrap(), (second.clone(), 0));
    let back = read(&second).unwrap();
    for (row, one) in back.iter().zip(&found) {
        assert_eq!(
            (&row.messages, row.expected, &row.accepted),
            (&one.item.messages, one.item.expected, &one.item.accepted)
        );
        assert_eq!((row.domain, row.knowledge), (one.item.domain, one.item.knowledge));
        assert_eq!(row.fields["from"], one.from.as_str());
    }
    // A last line without its end is kept whole.
    let cut = first.strip_suffix(b"\n").unwrap();
    assert_eq!(grown(cut, &found).unwrap().0, second);
    assert!(grown(b"not a row", &found).is_err(), "another file is not written over");
}
