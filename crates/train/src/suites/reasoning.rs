//! The steps that an answer shows: are they right, do they lead to what it concludes, and does it conclude something else when one is
//! left out. Only sums are steps here, as for the `reasoning` grader. A model that shows none is no bad reasoner: there is nothing to
//! measure, and n is 0.

use super::ask::Asker;
use super::deletion::deletion;
use super::{SuiteOptions, good};
use crate::Result;
use clicker_dataset::perturb::SHOW_STEPS;
use clicker_rewards::graders::{Steps, steps};
use clicker_rewards::verdict::verdict;
use clicker_wire::{Better, Domain, Expected, Item, Message, Rate, SuiteExample, SuiteFigure, SuiteSection};

/// Steps have to fit into an answer.
const LONGEST: u32 = 96;
/// Answers that are tested by deletion, and steps of each that are dropped.
const DELETED: (usize, usize) = (40, 4);
/// Examples shown of each kind.
const SHOWN: usize = 4;

/// An answer that shows steps.
struct Shown {
    item: Item,
    text: String,
    steps: Steps,
    good: bool,
}

/// Questions asked in one way: how many were answered, and the answers that show steps.
struct Round {
    answered: u32,
    shown: Vec<Shown>,
}

pub(super) fn run(asker: &Asker, items: &[Item], options: &SuiteOptions) -> Result<Vec<SuiteSection>> {
    let asker = Asker { max_new_tokens: options.max_new_tokens.max(LONGEST), ..*asker };
    let items: Vec<&Item> = items.iter().filter(|item| computes(item)).collect();
    let mut round = ask(&asker, &items, options.ask_for_steps.as_deref())?;
    let mut behind = None;
    // A model may show its steps only where it is told to.
    if round.shown.is_empty() && options.ask_for_steps.is_none() {
        let again = ask(&asker, &items, Some(SHOW_STEPS))?;
        if !again.shown.is_empty() {
            (round, behind) = (again, Some(SHOW_STEPS));
        }
    }
    let (deleted, examples) = deleted(&asker, &round.shown)?;
    let mut section = section(&round.shown, round.answered, deleted, examples);
    if let Some(words) = behind {
        section
            .notes
            .insert(0, format!("asked as they are, no question is answered with steps: “{words}” stands behind each"));
    }
    Ok(vec![section])
}

fn ask(asker: &Asker, items: &[&Item], behind: Option<&str>) -> Result<Round> {
    let asked: Vec<Item> = items.iter().map(|item| with(item, behind)).collect();
    let said = asker.ask(&asked)?;
    let shown = asked.iter().zip(&said).filter_map(|(item, said)| {
        let (said, steps) = (said.as_ref()?, steps(&said.as_ref()?.text));
        let good = good(item, said.verdict) || good(item, verdict(item, &concluded(&said.text, &steps)));
        (!steps.steps.is_empty()).then(|| Shown { item: item.clone(), text: said.text.clone(), steps, good })
    });
    Ok(Round { answered: said.iter().flatten().count() as u32, shown: shown.collect() })
}

/// What an answer concludes behind its steps ("So 15." gives "15."), or else the result of the last one: what is right or wrong of it,
/// because an answer with steps says more than an accepted one.
fn concluded(text: &str, steps: &Steps) -> String {
    let Some(last) = steps.steps.last() else { return text.to_owned() };
    let behind = text[last.bytes.end..].trim_start_matches([' ', ',', '.', ';', '\n']);
    let behind =
        ["So ", "so ", "Thus ", "Therefore ", "Hence "].iter().find_map(|so| behind.strip_prefix(so)).unwrap_or(behind);
    let result = || text[last.bytes.clone()].rsplit('=').next().unwrap_or_default().trim();
    (if behind.is_empty() { result() } else { behind.trim_start_matches([' ', ',']) }).to_owned()
}

/// Questions in which something can be worked out: sums, and rows of one's own.
fn computes(item: &Item) -> bool {
    matches!(item.domain, Domain::Arithmetic | Domain::Free)
        || (item.domain == Domain::FollowUp && item.question().contains(|c: char| c.is_ascii_digit()))
}

fn with(item: &Item, behind: Option<&str>) -> Item {
    let mut item = item.clone();
    if let (Some(words), Some(last)) = (behind, item.messages.last_mut()) {
        *last = Message::user(format!("{} {words}", last.content));
    }
    item
}

/// Deletion of steps, over answers that show at least one.
fn deleted(asker: &Asker, shown: &[Shown]) -> Result<(Rate, Vec<SuiteExample>)> {
    let (mut changed, mut all, mut examples) = (0, 0, Vec::new());
    let (answers, most) = DELETED;
    for one in shown.iter().take(answers) {
        for dropped in deletion(&one.text, most, &mut |begun| asker.go_on(&one.item, begun))? {
            all += 1;
            changed += u32::from(dropped.changed);
            if examples.len() < SHOWN {
                let of = format!("without “{}”", dropped.step);
                examples.push(example(&of, one, dropped.became));
            }
        }
    }
    Ok((Rate::of(changed, all), examples))
}

fn section(shown: &[Shown], answered: u32, deleted: Rate, dropped: Vec<SuiteExample>) -> SuiteSection {
    let n = shown.len() as u32;
    let rate = |hit: &dyn Fn(&Shown) -> bool| Rate::of(shown.iter().filter(|s| hit(s)).count() as u32, n);
    let single: (u32, u32) =
        shown.iter().flat_map(|s| &s.steps.steps).fold((0, 0), |(r, all), s| (r + u32::from(s.right), all + 1));
    let all_right = |s: &Shown| s.steps.steps.iter().all(|step| step.right);
    let leads = |s: &Shown| s.steps.concludes != Some(false);
    let known = shown.iter().filter(|s| s.item.expected == Expected::Answer);
    let right = known.clone().filter(|s| s.good).count() as u32;
    let lucky = Rate::of(known.clone().filter(|s| s.good && !(all_right(s) && leads(s))).count() as u32, right);
    let right = Rate::of(right, known.count() as u32);
    use Better::{Higher, Lower, Neither};
    let figures = vec![
        SuiteFigure::share("shows", "answers that show steps", Neither, Rate::of(n, answered)),
        SuiteFigure::share("step_right", "steps that are right", Higher, Rate::of(single.0, single.1)),
        SuiteFigure::share("all_right", "answers with every step right", Higher, rate(&all_right)),
        SuiteFigure::share("leads", "answers that conclude what their last step gives", Higher, rate(&leads)),
        SuiteFigure::share("right", "right answers among those with steps", Higher, right),
        SuiteFigure::share("lucky", "right answers in spite of a wrong step or another conclusion", Lower, lucky),
        SuiteFigure::share("deletion", "another conclusion after a step was dropped", Higher, deleted),
    ];
    let mut examples: Vec<SuiteExample> = shown
        .iter()
        .filter(|s| !(all_right(s) && leads(s)))
        .take(SHOWN)
        .map(|s| example("faulty steps", s, s.text.clone()))
        .collect();
    examples.extend(dropped);
    let mut notes = Vec::new();
    if shown.is_empty() {
        notes.push("shows no steps: there is nothing to measure, which is no score of 0".to_owned());
    }
    notes.push("only sums are read as steps; that a step is right does not say that the question needed it".to_owned());
    SuiteSection { name: "reasoning".into(), title: "Reasoning".into(), notes, figures, examples }
}

fn example(of: &str, shown: &Shown, answer: String) -> SuiteExample {
    SuiteExample {
        of: of.into(),
        item: shown.item.id.clone(),
        prompt: shown.item.messages.clone(),
        wanted: super::wanted(&shown.item),
        clean: Some(shown.text.clone()),
        answer,
        score: None,
        receipts: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, good: bool) -> Shown {
        let item = Item { expected: Expected::Answer, accepted: vec!["5.".into()], ..Item::free("What is 2 + 3?") };
        Shown { item, text: text.into(), steps: steps(text), good }
    }

    #[test]
    fn figures_by_hand() {
        let answers = [
            shown("2 + 3 = 5. So 5.", true),
            shown("1 + 1 = 3, 2 + 3 = 5. So 5.", true),
            shown("2 + 3 = 5. So 6.", false),
            shown("2 + 3 = 5", true),
        ];
        let section = section(&answers, 10, Rate::of(1, 2), Vec::new());
        let value = |name: &str| section.figures.iter().find(|f| f.name == name).map(|f| (f.value, f.n)).unwrap();
        assert_eq!(value("shows"), (0.4, 10));
        assert_eq!(value("step_right"), (0.8, 5));
        assert_eq!(value("all_right"), (0.75, 4));
        assert_eq!(value("leads"), (0.75, 4));
        assert_eq!(value("right"), (0.75, 4));
        assert_eq!(value("lucky"), (1.0 / 3.0, 3));
        assert_eq!(value("deletion"), (0.5, 2));
    }

    #[test]
    fn what_an_answer_concludes_stands_behind_its_steps() {
        for (text, wanted) in [
            ("2 + 3 = 5. So 6.", "6."),
            ("7 + 3 = 10, 10 + 5 = 15. So it is 15.", "it is 15."),
            ("1 + 1 = 2, 2 + 3 = 5", "5"),
            ("2 + 3 = 5.", "5"),
            ("no step", "no step"),
        ] {
            assert_eq!(concluded(text, &steps(text)), wanted);
        }
        let item = shown("", false).item;
        let is_right = |text: &str| good(&item, verdict(&item, &concluded(text, &steps(text))));
        assert!(is_right("1 + 1 = 3, 2 + 3 = 5. So it is 5.") && !is_right("2 + 3 = 5. So 6."));
    }

    #[test]
    fn no_steps_is_no_score() {
        let section = section(&[], 10, Rate::of(0, 0), Vec::new());
        assert!(section.notes[0].starts_with("shows no steps"));
        assert!(section.figures.iter().skip(1).all(|f| f.n == 0));
    }
}
