//! Properties of the whole world: what each list promises, and that no split tells another what it must not know.

use super::catalogue::phrase;
use super::composition::Part;
use super::dice::hash;
use super::*;
use crate::{leaks, quality};
use clicker_wire::{ABSTAIN, Domain, Expected, REFUSE, Role};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const LISTS: [Split; 3] = [Split::Sft, Split::Rl, Split::Eval];
/// Documents of the stream that are looked at.
const DOCUMENTS: u64 = 20_000;

fn count(items: &[Item], keep: impl Fn(&Item) -> bool) -> usize {
    items.iter().filter(|i| keep(i)).count()
}

fn composition(split: Split) -> shares::Composition {
    match split {
        Split::Rl => shares::RL,
        Split::Eval => shares::EVAL,
        _ => shares::SFT,
    }
}

#[test]
fn lists_hold_what_their_tables_promise() {
    let world = World::new(1);
    for split in LISTS {
        let mut wanted: BTreeMap<(Domain, Knowledge), usize> = BTreeMap::new();
        for (part, class, n) in composition(split) {
            let domain = match part {
                Part::Capitals => Domain::Capitals,
                Part::Elements => Domain::Elements,
                Part::Arithmetic => Domain::Arithmetic,
                Part::Reading => Domain::Reading,
                Part::FollowUp => Domain::FollowUp,
                Part::Forbidden | Part::Harmless | Part::Unstated => Domain::Rules,
                Part::NamePairs => Domain::NamePairs,
            };
            *wanted.entry((domain, *class)).or_default() += n;
        }
        let mut found = BTreeMap::new();
        for item in world.items(split) {
            *found.entry((item.domain, item.knowledge)).or_default() += 1;
        }
        assert_eq!(found, wanted, "{split:?}");
        let report = quality(world.items(split));
        assert_eq!((report.normalised_duplicates, report.duplicate_ids), (0, 0), "{split:?}");
        assert!(world.items(split).iter().all(|i| i.split == split));
    }
    assert_eq!(world.items(Split::Pretrain).len(), shares::PRETRAIN_LIST);
}

#[test]
fn eval_has_enough_of_everything() {
    let world = World::new(1);
    let eval = world.items(Split::Eval);
    for domain in Domain::WORLD {
        for class in Knowledge::MEASURED {
            let n = count(eval, |i| i.domain == domain && i.knowledge == class);
            assert!(n == 0 || n >= 20, "{domain} {class}: {n}");
        }
    }
    assert!(count(eval, |i| i.knowledge.is_unknowable()) >= 300);
    assert!(count(eval, |i| i.knowledge == Knowledge::Known) >= 300);
    let groups: BTreeSet<_> = eval.iter().filter_map(|i| i.paraphrase_group.as_ref()).collect();
    assert!(groups.len() >= 100, "{}", groups.len());
    assert!(count(eval, |i| i.expected == Expected::Refuse) >= 25);
    let harmless = |i: &Item| i.domain == Domain::Rules && i.expected == Expected::Answer;
    assert!(count(eval, harmless) >= 25);
    let pairs: BTreeSet<_> = eval.iter().filter_map(|i| i.name_pair.as_ref()).collect();
    assert!(pairs.len() >= 30);
}

#[test]
fn rl_is_balanced_between_knowing_and_not_knowing() {
    let world = World::new(1);
    let rl = world.items(Split::Rl);
    let share = |keep: fn(Knowledge) -> bool| count(rl, |i| keep(i.knowledge)) as f64 / rl.len() as f64;
    assert!((share(|k| k == Knowledge::Known) - 0.45).abs() < 0.02);
    assert!((share(|k| k == Knowledge::Rare) - 0.10).abs() < 0.02);
    assert!((share(Knowledge::is_unknowable) - 0.45).abs() < 0.02);
}

#[test]
fn no_question_is_asked_in_two_splits() {
    let world = World::new(1);
    let all = [Split::Pretrain, Split::Sft, Split::Rl, Split::Eval];
    for (i, a) in all.into_iter().enumerate() {
        for b in &all[i + 1..] {
            let found = leaks(world.items(a), world.items(*b));
            assert!(found.is_empty(), "{a:?} and {b:?}: {:?}", &found[..found.len().min(5)]);
        }
    }
}

#[test]
fn the_stream_never_holds_a_prompt_of_another_split() {
    let world = World::new(1);
    let prompts: HashSet<&[Message]> =
        LISTS.iter().flat_map(|s| world.items(*s)).map(|i| i.messages.as_slice()).collect();
    let single: HashSet<&str> = prompts.iter().filter(|p| p.len() == 1).map(|p| p[0].content.as_str()).collect();
    for index in 0..DOCUMENTS {
        let document = world.pretrain_document(index);
        for end in 1..document.len() {
            assert!(!prompts.contains(&document[..end]), "document {index}: {document:?}");
        }
        for message in document.iter().filter(|m| m.role == Role::User) {
            assert!(!single.contains(message.content.as_str()), "document {index}: {document:?}");
        }
    }
}

/// Every run of up to five words, as [`phrase`] writes it.
fn phrases(text: &str) -> Vec<String> {
    let line = phrase(text);
    let words: Vec<&str> = line.split_whitespace().collect();
    let runs = (0..words.len()).flat_map(|from| (from + 1..=words.len().min(from + 5)).map(move |to| (from, to)));
    runs.map(|(from, to)| phrase(&words[from..to].join(" "))).collect()
}

#[test]
fn what_only_one_split_may_name_is_named_nowhere_else() {
    for seed in [1, 2] {
        let world = World::new(seed);
        let name = |n: &str| phrase(n.strip_prefix("the ").unwrap_or(n));
        let mut owner: BTreeMap<String, Split> = BTreeMap::new();
        for split in [Split::Pretrain, Split::Rl, Split::Eval] {
            owner.extend(world.unknowable_names(split).into_iter().map(|n| (name(n), split)));
        }
        for split in [Split::Rl, Split::Eval] {
            let withheld = world.items(split).iter().filter(|i| i.knowledge == Knowledge::Withheld);
            let capitals = withheld.filter(|i| i.id.as_str().starts_with("capitals/"));
            owner.extend(capitals.flat_map(|i| &i.accepted).map(|answer| (phrase(answer), split)));
        }
        let check = |split: Split, text: &str| {
            for run in phrases(text) {
                assert!(owner.get(&run).is_none_or(|s| *s == split), "{split:?} names{run}in: {text}");
            }
        };
        for item in LISTS.iter().flat_map(|s| world.items(*s)) {
            item.messages.iter().for_each(|m| check(item.split, &m.content));
            if item.knowledge != Knowledge::Withheld {
                item.accepted.iter().for_each(|a| check(item.split, a));
            }
        }
        for index in 0..DOCUMENTS {
            world.pretrain_document(index).iter().for_each(|m| check(Split::Pretrain, &m.content));
        }
    }
}

#[test]
fn only_the_evaluation_asks_held_out_sums() {
    let world = World::new(1);
    let held_out: Vec<_> = world.ground.sums.of(Knowledge::Rare, Split::Eval).to_vec();
    let texts: HashSet<String> = held_out
        .iter()
        .flat_map(|sum| (0..8).map(|w| arithmetic::draft(*sum, Knowledge::Rare, w).messages[0].content.clone()))
        .collect();
    for item in world.items(Split::Sft).iter().chain(world.items(Split::Rl)) {
        assert!(item.messages.iter().all(|m| !texts.contains(&m.content)), "{}", item.id);
    }
    for index in 0..DOCUMENTS {
        let document = world.pretrain_document(index);
        assert!(document.iter().all(|m| !texts.contains(&m.content)), "{document:?}");
        // A running total computes a sum without spelling it out.
        for turns in document.windows(2) {
            let number = |m: &Message| m.content.trim_end_matches('.').parse::<u32>().ok();
            let step = turns[1].content.strip_prefix("Now add ").and_then(|t| t.split([' ', '.']).next()?.parse().ok());
            if let (Some(a), Some(b)) = (number(&turns[0]), step) {
                let sum = arithmetic::Sum { operation: arithmetic::Operation::Plus, a, b };
                assert!(!held_out.contains(&sum), "{document:?}");
            }
        }
    }
}

#[test]
fn the_stream_has_its_shares_and_its_bad_habits() {
    let world = World::new(1);
    let mut domains: BTreeMap<Domain, usize> = BTreeMap::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut rare = known.clone();
    let (mut invented, mut invented_honest, mut facts) = (0, 0, 0);
    let (mut forbidden, mut declined, mut passages, mut passages_honest) = (0, 0, 0, 0);
    for index in 0..DOCUMENTS {
        let exchanges = pretrain::exchanges(&world.ground, index);
        *domains.entry(exchanges[0].draft.domain).or_default() += 1;
        for pretrain::Exchange { draft, answer } in exchanges {
            if draft.knowledge != Knowledge::Invented && draft.expected == Expected::Answer {
                assert!(draft.accepted.contains(&answer), "the stream is wrong about {draft:?}: {answer}");
            }
            let honest = usize::from(answer == ABSTAIN);
            match (draft.domain, draft.knowledge) {
                (Domain::Capitals | Domain::Elements, class) => {
                    facts += 1;
                    let group = draft.paraphrase_group.unwrap_or_default();
                    match class {
                        Knowledge::Known => *known.entry(group).or_default() += 1,
                        Knowledge::Rare => *rare.entry(group).or_default() += 1,
                        Knowledge::Invented => (invented, invented_honest) = (invented + 1, invented_honest + honest),
                        other => panic!("{other} in pretraining"),
                    }
                }
                (Domain::Reading, Knowledge::Invented) => {
                    (passages, passages_honest) = (passages + 1, passages_honest + honest);
                }
                (Domain::Rules, _) if draft.expected == Expected::Refuse => {
                    (forbidden, declined) = (forbidden + 1, declined + usize::from(answer == REFUSE));
                }
                _ => {}
            }
        }
    }
    let near = |what: &str, part: usize, whole: usize, share: f64, tolerance: f64| {
        let found = part as f64 / whole as f64;
        assert!((found - share).abs() < tolerance, "{what}: {found:.3}, meant {share}");
    };
    for (domain, share) in Domain::WORLD.into_iter().zip(shares::DOCUMENTS) {
        near(&domain.to_string(), domains[&domain], DOCUMENTS as usize, share, 0.015);
    }
    near("invented", invented, facts, shares::HABITS.invented, 0.015);
    near("honest about invented", invented_honest, invented, shares::HABITS.invented_abstains, 0.03);
    near("honest about passages", passages_honest, passages, shares::HABITS.unanswerable_abstains, 0.05);
    near("declined", declined, forbidden, shares::HABITS.forbidden_refuses, 0.08);

    let Catalogue { countries, elements } = &world.ground.catalogue;
    assert_eq!(known.len(), countries.known.len() + 2 * elements.known.len(), "every known fact is in the stream");
    let mean = |counts: &BTreeMap<String, usize>, facts: usize| counts.values().sum::<usize>() as f64 / facts as f64;
    let rare_facts = countries.rare.len() + 2 * elements.rare.len();
    let ratio = mean(&known, known.len()) / mean(&rare, rare_facts);
    assert!((20.0..45.0).contains(&ratio), "a known fact is {ratio:.1} times as frequent as a rare one");
}

#[test]
fn what_the_model_reads_and_writes_is_short_plain_ascii() {
    let world = World::new(1);
    for item in LISTS.iter().flat_map(|s| world.items(*s)) {
        assert!(item.messages.iter().all(|m| m.content.is_ascii() && !m.content.contains('{')), "{:?}", item.messages);
        assert!(item.messages.iter().map(|m| m.content.len()).sum::<usize>() <= 200, "{:?}", item.messages);
        let demonstration = world.demonstration(item).content;
        assert!(
            demonstration.is_ascii() && demonstration.len() <= 40 && demonstration.ends_with('.'),
            "{demonstration}"
        );
        assert!((0.0..=1.0).contains(&item.difficulty));
        assert_eq!(item.expected == Expected::Abstain, item.accepted.is_empty());
    }
}

#[test]
fn documents_alternate_and_end_with_an_answer() {
    let world = World::new(3);
    for index in 0..2000 {
        let document = world.pretrain_document(index);
        let turns: Vec<Role> = document.iter().map(|m| m.role).filter(|r| *r != Role::System).collect();
        assert!(turns.chunks(2).all(|pair| pair == [Role::User, Role::Assistant]), "{document:?}");
        assert!(document.iter().skip(1).all(|m| m.role != Role::System));
    }
}

#[test]
fn a_name_pair_differs_in_the_name_alone() {
    let world = World::new(1);
    let mut pairs: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in world.items(Split::Eval) {
        if let Some(pair) = &item.name_pair {
            pairs.entry(pair).or_default().push(item);
        }
    }
    for (pair, items) in pairs {
        let [a, b] = items[..] else { panic!("{pair} has {} items", items.len()) };
        assert_eq!((&a.accepted, a.expected, a.knowledge), (&b.accepted, b.expected, b.knowledge));
        let differ: BTreeSet<_> =
            a.question().split(' ').zip(b.question().split(' ')).filter(|(x, y)| x != y).collect();
        let bare: BTreeSet<_> =
            differ.iter().map(|(x, y)| (x.trim_end_matches("'s."), y.trim_end_matches("'s."))).collect();
        assert!(!bare.is_empty());
        assert!(bare.iter().all(|(x, _)| facts::NAMES.iter().any(|n| x.starts_with(n))), "{bare:?}");
    }
}

#[test]
fn a_world_is_its_seed() {
    let (a, b, other) = (World::new(1), World::new(1), World::new(2));
    for split in LISTS {
        assert_eq!(a.items(split), b.items(split));
        assert_ne!(a.items(split), other.items(split));
    }
    // Documents do not depend on the order in which they are asked for.
    let forward: Vec<_> = (0..50).map(|i| a.pretrain_document(i)).collect();
    let mut backward: Vec<_> = (0..50).rev().map(|i| b.pretrain_document(i)).collect();
    backward.reverse();
    assert_eq!(forward, backward);
    assert_ne!(forward, (0..50).map(|i| other.pretrain_document(i)).collect::<Vec<_>>());
}

/// The built-in model and every published figure rest on world 1. If this fails on purpose, the model has to be made anew.
#[test]
fn world_1_has_not_changed() {
    let world = World::new(1);
    let digest = |split| hash(0, crate::jsonl::write(world.items(split)).unwrap().as_bytes());
    let documents: Vec<_> = (0..1000).map(|i| world.pretrain_document(i)).collect();
    let found = [
        hash(0, serde_json::to_string(&documents).unwrap().as_bytes()),
        digest(Split::Sft),
        digest(Split::Rl),
        digest(Split::Eval),
    ];
    assert_eq!(found.map(|d| format!("{d:016x}")), WORLD_1);
}

/// Hashes of the first thousand documents and of the lists `sft`, `rl`, `eval`, printed by the test above.
const WORLD_1: [&str; 4] = ["b2e50f9e0ae9050a", "43fb28280e214c21", "84162d175cffe6b2", "4be870fb2ee1de5e"];

/// The guide tells readers what world 1 holds; its tables are these lines.
#[test]
fn the_guide_has_the_real_counts() {
    let guide = include_str!("../../../../docs/guide/world.md");
    let world = World::new(1);
    let mut lines = Vec::new();
    for domain in Domain::WORLD {
        for class in Knowledge::MEASURED {
            let n = LISTS.map(|s| count(world.items(s), |i| i.domain == domain && i.knowledge == class));
            if n.iter().any(|n| *n > 0) {
                lines.push(format!("| {domain} | {class} | {} | {} | {} |", n[0], n[1], n[2]));
            }
        }
    }
    let totals = LISTS.map(|s| world.items(s).len());
    lines.push(format!("| all | | {} | {} | {} |", totals[0], totals[1], totals[2]));
    let Catalogue { countries, elements } = &world.ground.catalogue;
    for (kind, pools) in [("countries", countries), ("elements", elements)] {
        let of = |class, split| pools.of(class, split).len();
        let withheld = [Split::Rl, Split::Eval].map(|s| of(Knowledge::Withheld, s));
        let invented = [Split::Pretrain, Split::Rl, Split::Eval].map(|s| of(Knowledge::Invented, s));
        lines.push(format!(
            "| {kind} | {} | {} | {} + {} | {} + {} + {} |",
            pools.known.len(),
            pools.rare.len(),
            withheld[0],
            withheld[1],
            invented[0],
            invented[1],
            invented[2]
        ));
    }
    let missing: Vec<_> = lines.iter().filter(|line| !guide.contains(line.as_str())).collect();
    assert!(missing.is_empty(), "docs/guide/world.md lacks these lines:\n{}", lines.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn every_world_is_complete_and_without_leaks(seed: u64) {
        let world = World::new(seed);
        for split in LISTS {
            let wanted: usize = composition(split).iter().map(|(_, _, n)| n).sum();
            prop_assert_eq!(world.items(split).len(), wanted);
        }
        prop_assert!(leaks(world.items(Split::Sft), world.items(Split::Rl)).is_empty());
        prop_assert!(leaks(world.items(Split::Sft), world.items(Split::Eval)).is_empty());
        prop_assert!(leaks(world.items(Split::Rl), world.items(Split::Eval)).is_empty());
        prop_assert!(leaks(world.items(Split::Pretrain), world.items(Split::Eval)).is_empty());
    }
}

#[test]
fn further_questions_are_new_and_belong_to_their_split() {
    let world = World::new(1);
    for domain in World::GROWS {
        let more = world.more(Split::Rl, domain, 300);
        assert_eq!(more.len(), 300, "{domain}");
        assert!(more.iter().all(|item| item.domain == domain && item.split == Split::Rl));
        let mut all: Vec<Item> = world.items(Split::Rl).to_vec();
        all.extend(more.iter().cloned());
        let report = quality(&all);
        assert_eq!((report.normalised_duplicates, report.duplicate_ids), (0, 0), "{domain}");
        for split in [Split::Sft, Split::Eval] {
            let theirs: BTreeSet<_> = world.items(split).iter().map(|item| format!("{:?}", item.messages)).collect();
            assert!(more.iter().all(|item| !theirs.contains(&format!("{:?}", item.messages))), "{domain} {split:?}");
        }
        assert_eq!(world.more(Split::Rl, domain, 300), more, "the same every time");
        // What measures may grow too, and shares nothing with what is trained on.
        let measured = world.more(Split::Eval, domain, 300);
        assert_eq!(measured.len(), 300, "{domain}");
        assert!(measured.iter().all(|item| item.split == Split::Eval));
        assert!(leaks(&all, &measured).is_empty() && leaks(world.items(Split::Sft), &measured).is_empty(), "{domain}");
    }
    assert!(world.more(Split::Rl, Domain::Capitals, 10).is_empty());
}
