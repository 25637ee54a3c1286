//! Demonstrations that say how sure they are. The confidence is one of eleven tenths, so that a small model can learn to write it.
//!
//! Measured confidences are what the starting model knows: ten answers are drawn from it to each question, and the share of right ones
//! (smoothed: ten of ten are 90 %) is stated beside the demonstrated answer. Demonstrations alone would say 100 % nearly everywhere, because ordinary ones ask what is
//! known; so the model's own answers to the questions that reward trains on stand beside them, right or wrong, with their shares. Where none
//! of the ten is right, every second demonstration says "I don't know" instead (as in R-Tuning, arXiv 2311.09677): a way to say it has to stay
//! likely enough to be drawn. Nothing of this depends on anything but that model and the seed: a resumed run states the same.

use crate::Result;
use crate::rollout::{Group, Language, collect};
use clicker_dataset::rows::Demonstration;
use clicker_lm::PolicySnapshot;
use clicker_rewards::verdict::verdict;
use clicker_rewards::{is_abstention, is_refusal};
use clicker_wire::{ABSTAIN, Expected, Item, Recipe, Sampling, StatedConfidence, Verdict};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What demonstrations are made from.
pub(crate) struct Told<'a> {
    /// Questions of the demonstrations.
    pub(crate) items: &'a [Item],
    /// Their answers, in the same order.
    pub(crate) shown: Vec<Demonstration>,
    /// Questions that reward trains on.
    pub(crate) asked: &'a [Item],
}

/// The demonstrations with a confidence on every answer to a question that has one; "I don't know" and a polite no stay alone.
pub(crate) fn with_confidences(
    recipe: &Recipe,
    how: StatedConfidence,
    told: Told<'_>,
    (model, language): (&PolicySnapshot, &Language),
) -> Result<Vec<Demonstration>> {
    let Told { items, shown, asked } = told;
    let answerable = |item: &Item| item.expected == Expected::Answer;
    let draw = |of: &[Item], stream: u64| drawn(recipe.seed ^ stream, of, model, language);
    let (percents, own) = match how {
        StatedConfidence::Chance => (by_chance(recipe.seed, items.len()), Vec::new()),
        StatedConfidence::Measured => {
            let open: Vec<Item> = items.iter().filter(|item| answerable(item)).cloned().collect();
            let mut measured = draw(&open, STREAM)?.into_iter().map(|group| share(&group));
            let percents = items.iter().map(|item| if answerable(item) { measured.next().unwrap_or(0) } else { 0 });
            let few = &asked[..asked.len().min(MOST_OWN)];
            (
                percents.collect(),
                draw(few, STREAM + 1)?.iter().enumerate().filter_map(|(i, group)| own(group, i)).collect(),
            )
        }
    };
    let stated = items.iter().zip(shown).zip(percents).map(|((item, shown), percent)| match answerable(item) {
        true => Demonstration { answer: stating(&shown.answer, percent), ..shown },
        false => shown,
    });
    Ok(stated.chain(own).collect())
}

/// Whether a run is shown answers that say how sure they are.
pub(crate) fn taught(recipe: &Recipe) -> bool {
    recipe.sft.stated_confidence.is_some() || recipe.cold_start.as_ref().is_some_and(|c| c.stated_confidence.is_some())
}

/// Stream of the draws, apart from those of any step.
const STREAM: u64 = 0x636f_6e66;
/// Answers drawn to measure a confidence in tenths.
const DRAWS: usize = 10;
/// Own answers at most.
const MOST_OWN: usize = 1500;
/// Questions that are computed together.
const BATCH: usize = 128;
/// Longest drawn answer, tokens.
const LONGEST: u32 = 24;

fn by_chance(seed: u64, n: usize) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(clicker_lm::stream_seed(seed, STREAM, 0, 0));
    (0..n).map(|_| rng.random_range(0..=10) * 10).collect()
}

fn drawn(seed: u64, items: &[Item], model: &PolicySnapshot, language: &Language) -> Result<Vec<Group>> {
    let sampling = Sampling { seed, max_new_tokens: LONGEST, ..Sampling::default() };
    let mut groups = Vec::with_capacity(items.len());
    for (batch, items) in items.chunks(BATCH).enumerate() {
        groups.extend(collect(model, language, items, DRAWS, &sampling, batch as u32)?);
    }
    Ok(groups)
}

/// Right answers among the drawn ones.
fn right(group: &Group) -> usize {
    group.answers.iter().filter(|a| verdict(&group.item, &a.text) == Verdict::Right).count()
}

/// What so many right answers say of the next one, percent in steps of ten: (right + 1) / (n + 2), Laplace's rule of succession. Ten out
/// of ten are no certainty, and none out of ten is no proof.
fn share(group: &Group) -> u32 {
    let share = (right(group) + 1) as f64 / (group.answers.len() + 2) as f64;
    (share * 10.0).round() as u32 * 10
}

/// The first drawn answer with the share of right ones that the model gives to this question, or "I don't know" to every second one that it
/// never answers rightly; an answer that claims nothing, or breaks a rule, is no demonstration.
fn own(group: &Group, place: usize) -> Option<Demonstration> {
    let answer = group.answers.first()?;
    let claims = !is_abstention(&answer.text) && !is_refusal(&answer.text) && !answer.text.trim().is_empty();
    let fit = claims && group.item.expected != Expected::Refuse;
    let said = || match right(group) {
        0 if place.is_multiple_of(2) => ABSTAIN.to_owned(),
        _ => stating(answer.text.trim(), share(group)),
    };
    fit.then(|| Demonstration { answer: said(), prompt: group.item.messages.clone() })
}

/// "Paris." becomes "Paris (confidence 70%).": still one sentence.
pub(crate) fn stating(answer: &str, percent: u32) -> String {
    let (said, stop) = answer.strip_suffix('.').map_or((answer, ""), |said| (said, "."));
    format!("{said} (confidence {percent}%){stop}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_rewards::confidence::{Stated, aside, stated};

    #[test]
    fn the_form_is_one_that_is_read_and_set_aside() {
        for percent in (0..=100).step_by(10) {
            let text = stating("The mill.", percent);
            let Stated::Once { value, .. } = stated(&text) else { panic!("{text}") };
            assert!((value - f64::from(percent) / 100.0).abs() < 1e-12, "{text}");
            assert_eq!(aside(&text).split_whitespace().collect::<String>(), "Themill.");
        }
        assert_eq!(stating("55014", 70), "55014 (confidence 70%)");
    }

    #[test]
    fn own_answers_state_what_the_model_knows_and_never_break_a_rule() {
        let group = |expected, texts: &[&str]| Group {
            item: Item { expected, accepted: vec!["Oslo".into()], ..Item::free("q") },
            prompt: vec![0],
            answers: texts
                .iter()
                .map(|text| crate::rollout::Answer {
                    text: (*text).into(),
                    ids: vec![1],
                    pieces: vec![(*text).into()],
                    logprobs: vec![-1.0],
                    entropies: vec![0.0],
                    stop: clicker_wire::StopReason::End,
                    replies: Vec::new(),
                })
                .collect(),
        };
        let said = |expected, texts: &[&str]| own(&group(expected, texts), 1).map(|d| d.answer);
        let half = said(Expected::Answer, &["Rome.", "Oslo.", "Oslo.", "Rome."]);
        assert_eq!(half.as_deref(), Some("Rome (confidence 50%)."));
        assert_eq!(said(Expected::Abstain, &["Rome."]).as_deref(), Some("Rome (confidence 30%)."));
        assert_eq!(said(Expected::Answer, &[clicker_wire::ABSTAIN, "Oslo."]), None);
        assert_eq!(said(Expected::Refuse, &["4821."]), None);
        let second = own(&group(Expected::Abstain, &["Rome."]), 2).map(|d| d.answer);
        assert_eq!(
            second.as_deref(),
            Some(clicker_wire::ABSTAIN),
            "what it never gets right it may say that it does not know"
        );
    }

    #[test]
    fn chance_is_seeded_and_covers_every_tenth() {
        let percents = by_chance(3, 500);
        assert_eq!(percents, by_chance(3, 500));
        assert_ne!(percents, by_chance(4, 500));
        assert!((0..=10).all(|tenth| percents.contains(&(tenth * 10))));
    }
}
