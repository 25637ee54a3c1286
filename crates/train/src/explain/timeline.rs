//! One question over the checkpoints of a run: when did it learn what it says now? Knows one checkpoint at a time, so that a
//! long run needs no more memory than a short one.

use super::read::{Subject, judged};
use super::say::{ended, probability, quoted, times};
use crate::Result;
use clicker_rewards::verdict::is_abstention;
use clicker_wire::{ABSTAIN, Expected, Item, REFUSE, Timeline, TimelinePoint, Verdict};

/// What one checkpoint makes of the question.
///
/// # Errors
/// A question that the model cannot take.
pub fn point(step: u32, subject: &Subject<'_>, item: &Item) -> Result<TimelinePoint> {
    let said = subject.greedy(item)?;
    let prompt = subject.prompt(item)?;
    let weigh = |text: &str| subject.weigh(&prompt, &subject.answer(text)?);
    Ok(TimelinePoint {
        step,
        model: subject.name.clone(),
        verdict: judged(item, &said.text),
        abstains: is_abstention(&said.text),
        abstain_logprob: weigh(ABSTAIN)?,
        accepted_logprob: accepted(item).map(|text| weigh(&text)).transpose()?,
        answer: said.text,
        logprob: said.logprob,
    })
}

/// The whole answer that is right and says something; none where nothing is known or only silence is right.
#[must_use]
pub fn accepted(item: &Item) -> Option<String> {
    match item.expected {
        Expected::Answer => item.accepted.first().cloned(),
        Expected::Refuse => Some(REFUSE.to_owned()),
        Expected::Abstain | Expected::Unknown => None,
    }
}

/// Points in the order of their steps, with what they say together.
#[must_use]
pub fn timeline(item: Item, points: Vec<TimelinePoint>) -> Timeline {
    let first_unknown = points.iter().find(|p| p.abstains).map(|p| p.step);
    let words = words(&item, &points, first_unknown);
    Timeline { accepted: accepted(&item), item, points, first_unknown, words }
}

fn words(item: &Item, points: &[TimelinePoint], first_unknown: Option<u32>) -> Vec<String> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return vec!["The run has published no checkpoint yet.".into()];
    };
    let mut out = vec![match first_unknown {
        None => "None of its checkpoints says “I don't know” here.".to_owned(),
        Some(step) if step == first.step => format!("It said “I don't know” from the beginning (step {step})."),
        Some(step) => {
            let known = points.iter().rev().find(|p| p.step < step).map_or(0, |p| p.step);
            format!(
                "It first said “I don't know” at step {step}; the checkpoint before, of step {known}, did not. What happened \
                 between the two was not kept."
            )
        }
    }];
    if let Some(back) = points.iter().find(|p| first_unknown.is_some_and(|step| p.step > step) && !p.abstains) {
        out.push(ended(format!("At step {} it answered again: {}", back.step, quoted(&back.answer))));
    }
    let change = |of: fn(&TimelinePoint) -> Option<f64>| Some((of(first)?, of(last)?));
    if let Some((a, z)) = change(|p| Some(p.abstain_logprob)) {
        out.push(format!(
            "From step {} to step {}, “I don't know.” as the whole answer went from {} to {}: {}.",
            first.step,
            last.step,
            probability(a),
            probability(z),
            times(z - a)
        ));
    }
    if let (Some(text), Some((a, z))) = (accepted(item), change(|p| p.accepted_logprob)) {
        out.push(format!(
            "The right answer {} went from {} to {}: {}.",
            quoted(&text),
            probability(a),
            probability(z),
            times(z - a)
        ));
    }
    let first_right = points.iter().find(|p| p.verdict == Some(Verdict::Right));
    if let Some(right) = first_right.filter(|p| p.step > first.step) {
        out.push(ended(format!("Its first right answer came at step {}: {}", right.step, quoted(&right.answer))));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: u32, answer: &str, abstain: f64) -> TimelinePoint {
        TimelinePoint {
            step,
            model: format!("step {step}"),
            answer: answer.into(),
            logprob: -1.0,
            verdict: None,
            abstains: is_abstention(answer),
            abstain_logprob: f64::ln(abstain),
            accepted_logprob: None,
        }
    }

    #[test]
    fn the_first_i_do_not_know_is_found_and_a_return_is_told() {
        let points =
            vec![at(0, "Zoria City.", 0.01), at(20, "Zoria City.", 0.2), at(40, ABSTAIN, 0.6), at(60, "Bor.", 0.3)];
        let told = timeline(Item::free("What is the capital of Zoria?"), points);
        assert_eq!(told.first_unknown, Some(40));
        let words = told.words.join(" ");
        assert!(words.contains("at step 40") && words.contains("of step 20"), "{words}");
        assert!(words.contains("At step 60 it answered again"), "{words}");
        assert!(words.contains("from 1.0 % to 30 %"), "{words}");
    }

    #[test]
    fn never_and_nothing_are_said_too() {
        let told = timeline(Item::free("?"), vec![at(0, "Bor.", 0.01)]);
        assert_eq!((told.first_unknown, told.words[0].contains("None")), (None, true));
        assert!(timeline(Item::free("?"), Vec::new()).words[0].contains("no checkpoint"));
    }
}
