//! Does the answer hold when the question is put differently: in other words, with the passage in another order, asked again later in
//! the conversation, drawn again. What is compared is what the answers say, not how they say it.

use super::SuiteOptions;
use super::ask::{Asker, Said};
use crate::Result;
use clicker_dataset::perturb::{again, reorder};
use clicker_rewards::group::clusters;
use clicker_wire::{Better, Item, Rate, SuiteExample, SuiteFigure, SuiteSection, Verdict};
use std::collections::BTreeMap;

/// Examples shown of each kind.
const SHOWN: usize = 5;

/// One way in which a question was asked, and the answer.
struct Form<'a> {
    item: &'a Item,
    said: &'a Said,
}

/// A question in all its forms.
#[derive(Default)]
struct Question<'a> {
    forms: Vec<Form<'a>>,
}

impl Question<'_> {
    /// Two answers that say different things. "I don't know" and refusals contradict nothing.
    fn contradicts(&self) -> Option<(usize, usize)> {
        let given: Vec<usize> = (0..self.forms.len()).filter(|i| self.answers(*i)).collect();
        let first = *given.first()?;
        let texts: Vec<&str> = given.iter().map(|i| self.forms[*i].said.text.as_str()).collect();
        let of = clusters(self.forms[first].item, &texts).of;
        let other = of.iter().position(|cluster| *cluster != of[0])?;
        Some((first, given[other]))
    }

    /// An answer in one form, "I don't know" or a refusal in another.
    fn wavers(&self) -> bool {
        let given = (0..self.forms.len()).filter(|i| self.answers(*i)).count();
        given > 0 && given < self.forms.len()
    }

    fn answers(&self, form: usize) -> bool {
        matches!(self.forms[form].said.verdict, Verdict::Right | Verdict::Wrong)
            && !clicker_rewards::is_refusal(&self.forms[form].said.text)
    }
}

pub(super) fn run(asker: &Asker, items: &[Item], options: &SuiteOptions) -> Result<Vec<SuiteSection>> {
    let said = asker.ask(items)?;
    let reordered: Vec<(usize, Item)> =
        items.iter().enumerate().filter_map(|(i, item)| Some((i, reorder(item, options.seed)?))).collect();
    let repeated: Vec<(usize, Item)> = items
        .iter()
        .enumerate()
        .filter_map(|(i, item)| Some((i, again(item, &said[i].as_ref()?.text, options.seed)?)))
        .collect();
    let (said_reordered, said_again) = (ask_all(asker, &reordered)?, ask_all(asker, &repeated)?);

    let mut questions: BTreeMap<String, Question> = BTreeMap::new();
    let key = |i: usize| items[i].paraphrase_group.clone().unwrap_or_else(|| format!("item {i:06}"));
    for (i, (item, said)) in items.iter().zip(&said).enumerate() {
        push(&mut questions, key(i), item, said.as_ref());
    }
    for ((i, item), said) in reordered.iter().zip(&said_reordered).chain(repeated.iter().zip(&said_again)) {
        push(&mut questions, key(*i), item, said.as_ref());
    }
    let resampled = drawn_again(asker, items, options)?;
    let forms = vec![
        paraphrases(items, &said),
        pairs("reordered", "same answer with the passage reordered", &said, &reordered, &said_reordered),
        pairs("again", "same answer when asked again later", &said, &repeated, &said_again),
        SuiteFigure::share("resampled", "same answer when drawn again", Better::Higher, resampled),
    ];
    Ok(vec![section(&questions, forms)])
}

fn ask_all(asker: &Asker, changed: &[(usize, Item)]) -> Result<Vec<Option<Said>>> {
    asker.ask(&changed.iter().map(|(_, item)| item.clone()).collect::<Vec<_>>())
}

fn push<'a>(questions: &mut BTreeMap<String, Question<'a>>, key: String, item: &'a Item, said: Option<&'a Said>) {
    if let Some(said) = said {
        questions.entry(key).or_default().forms.push(Form { item, said });
    }
}

/// The share of questions that contradict themselves, the share that waver, and what was compared.
fn section(questions: &BTreeMap<String, Question>, forms: Vec<SuiteFigure>) -> SuiteSection {
    let asked: Vec<&Question> = questions.values().filter(|q| q.forms.len() > 1).collect();
    let rate = |hit: &dyn Fn(&Question) -> bool, of: &dyn Fn(&Question) -> bool| {
        let among = asked.iter().filter(|q| of(q));
        Rate::of(among.clone().filter(|q| hit(q)).count() as u32, among.count() as u32)
    };
    let (contradicts, wavers) = (|q: &Question| q.contradicts().is_some(), |q: &Question| q.wavers());
    let mut figures = vec![
        SuiteFigure::share(
            "contradiction",
            "questions with contradicting answers",
            Better::Lower,
            rate(&contradicts, &|_| true),
        ),
        SuiteFigure::share(
            "wavering",
            "\"I don't know\" or a refusal beside an answer",
            Better::Lower,
            rate(&wavers, &|_| true),
        ),
    ];
    figures.extend(forms);
    let mut domains: Vec<_> = asked.iter().map(|q| q.forms[0].item.domain).collect();
    domains.sort_unstable();
    domains.dedup();
    for domain in domains {
        let own = |q: &Question| q.forms[0].item.domain == domain;
        figures.push(
            SuiteFigure::share("contradiction", "contradicting answers", Better::Lower, rate(&contradicts, &own))
                .of(domain.to_string()),
        );
        figures.push(
            SuiteFigure::share("wavering", "wavering", Better::Lower, rate(&wavers, &own)).of(domain.to_string()),
        );
    }
    let example = |q: &&Question| -> Option<SuiteExample> {
        let (a, b) = q.contradicts()?;
        Some(q.forms[b].said.example("contradiction", q.forms[b].item, Some(q.forms[a].said)))
    };
    let examples = asked.iter().filter_map(example).take(SHOWN).collect();
    let mean = asked.iter().map(|q| q.forms.len()).sum::<usize>() as f64 / asked.len().max(1) as f64;
    let notes = vec![format!(
        "{} questions, each asked in {mean:.1} forms on average (paraphrases, the passage reordered, asked again after something irrelevant); more forms find more contradictions, so compare suites of one size",
        asked.len()
    )];
    SuiteSection { name: "consistency".into(), title: "Consistency".into(), notes, figures, examples }
}

/// The share of changed questions that are answered as before.
fn pairs(
    name: &str,
    title: &str,
    before: &[Option<Said>],
    changed: &[(usize, Item)],
    after: &[Option<Said>],
) -> SuiteFigure {
    let both =
        changed.iter().zip(after).filter_map(|((i, item), after)| Some((item, before[*i].as_ref()?, after.as_ref()?)));
    let same = both.map(|(item, before, after)| clusters(item, &[&before.text, &after.text]).sizes.len() == 1);
    let same: Vec<bool> = same.collect();
    let rate = Rate::of(same.iter().filter(|same| **same).count() as u32, same.len() as u32);
    SuiteFigure::share(name, title, Better::Higher, rate)
}

/// The share of pairs of paraphrases that are answered alike.
fn paraphrases(items: &[Item], said: &[Option<Said>]) -> SuiteFigure {
    let mut groups: BTreeMap<&str, (&Item, Vec<&str>)> = BTreeMap::new();
    for (item, said) in items.iter().zip(said) {
        if let (Some(group), Some(said)) = (&item.paraphrase_group, said) {
            groups.entry(group).or_insert((item, Vec::new())).1.push(&said.text);
        }
    }
    let rate = same_pairs(groups.into_values());
    SuiteFigure::share("paraphrased", "same answer to a paraphrase", Better::Higher, rate)
}

fn drawn_again(asker: &Asker, items: &[Item], options: &SuiteOptions) -> Result<Rate> {
    if options.resamples < 2 {
        return Ok(Rate::of(0, 0));
    }
    let drawn = asker.draw(items, options.resamples as usize, 1.0)?;
    let texts = drawn.iter().flatten().map(|g| (&g.item, g.answers.iter().map(|a| a.text.as_str()).collect()));
    Ok(same_pairs(texts))
}

/// Of all pairs within groups, those that say the same.
fn same_pairs<'a>(groups: impl Iterator<Item = (&'a Item, Vec<&'a str>)>) -> Rate {
    let (mut same, mut all) = (0, 0);
    for (item, texts) in groups {
        let n = texts.len() as u32;
        let sizes = clusters(item, &texts).sizes;
        same += sizes.into_iter().map(|size| (size * (size - 1) / 2) as u32).sum::<u32>();
        all += n * n.saturating_sub(1) / 2;
    }
    Rate::of(same, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_rewards::verdict::verdict;
    use clicker_wire::{ABSTAIN, Expected, REFUSE};

    #[test]
    fn contradictions_and_wavering_by_hand() {
        let item =
            Item { expected: Expected::Answer, accepted: vec!["Paris.".into()], ..Item::free("Capital of France?") };
        let said = |text: &str| Said { text: text.into(), verdict: verdict(&item, text), confidence: 1.0 };
        let kinds = [
            (vec!["Paris.", "The capital of France is Paris."], (false, false)),
            (vec!["Paris.", "Rome."], (true, false)),
            (vec!["Rome.", ABSTAIN], (false, true)),
            (vec!["Rome.", REFUSE, "Oslo."], (true, true)),
            (vec![ABSTAIN, ABSTAIN], (false, false)),
        ];
        for (texts, expected) in kinds {
            let answers: Vec<Said> = texts.iter().map(|t| said(t)).collect();
            let forms = answers.iter().map(|said| Form { item: &item, said }).collect();
            let question = Question { forms };
            assert_eq!((question.contradicts().is_some(), question.wavers()), expected, "{texts:?}");
        }
    }

    #[test]
    fn pairs_are_counted_within_groups() {
        let item = Item::free("q");
        let groups = [(&item, vec!["a", "A.", "b"]), (&item, vec!["x"])];
        let rate = same_pairs(groups.into_iter());
        assert_eq!(((rate.value * 3.0).round(), rate.n), (1.0, 3));
    }
}
