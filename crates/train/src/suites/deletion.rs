//! The deletion test: leave a step out of what the model wrote, let it conclude in the words that it used, and see whether it concludes
//! something else (after Lanham et al., arXiv 2307.13702, who cut and corrupt chains of thought). A step that can be dropped without any
//! change did not lead to the answer; whether a change is for the better is another question. Never knows a model: it is an argument.

use crate::Result;
use clicker_rewards::graders::steps;
use clicker_rewards::number::first_number;

/// What became of an answer after one of its steps was left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Dropped {
    /// The step that was left out.
    pub step: String,
    /// What the answer began with then.
    pub begun: String,
    /// The answer that the model made of it.
    pub became: String,
    /// Whether it concludes something else.
    pub changed: bool,
}

/// What stands between steps, and between the last one and the conclusion.
const BETWEEN: [char; 5] = [' ', ',', '.', ';', '\n'];

/// Drop each of the first `most` steps of an answer in turn; `go_on` gives the whole answer that follows a beginning, or none where that
/// cannot be asked. The beginning ends with the words before the conclusion (". So"), because a model that may go on as it likes writes
/// the step again; where the last step is the conclusion it ends with what is left of the steps. The conclusion itself is never kept.
///
/// # Errors
/// Those of `go_on`.
pub fn deletion(
    answer: &str,
    most: usize,
    go_on: &mut dyn FnMut(&str) -> Result<Option<String>>,
) -> Result<Vec<Dropped>> {
    let shown = steps(answer).steps;
    let Some(end) = shown.last().map(|step| step.bytes.end) else { return Ok(Vec::new()) };
    let before = conclusion(answer);
    let words = last_number(&answer[end..]).map_or("", |start| &answer[end..end + start]);
    let mut out = Vec::new();
    for step in shown.iter().take(most) {
        let (start, stop) = (step.bytes.start, step.bytes.end);
        let left = format!("{}{}", &answer[..start], answer[stop..end].trim_start_matches(BETWEEN));
        let begun = match left.trim_end_matches(BETWEEN) {
            _ if words.is_empty() => left,
            "" => words.trim_matches(BETWEEN).to_owned(),
            left => format!("{left}{}", words.trim_end()),
        };
        let Some(became) = go_on(&begun)? else { continue };
        let changed = conclusion(&became) != before;
        out.push(Dropped { step: answer[start..stop].to_owned(), begun, became, changed });
    }
    Ok(out)
}

/// The last number of an answer, which is what the grader of reasoning takes for its conclusion; none without a number.
fn conclusion(text: &str) -> Option<f64> {
    first_number(&text[last_number(text)?..]).map(|(value, _)| value)
}

/// The byte at which the last number of a text begins.
fn last_number(text: &str) -> Option<usize> {
    let (mut last, mut at) = (None, 0);
    while let Some((_, span)) = first_number(&text[at..]) {
        last = Some(at + span.start as usize);
        at += span.end as usize;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model that computes: it adds up all the results that it sees.
    fn adds(begun: &str) -> Result<Option<String>> {
        let sum: f64 = begun.split("= ").skip(1).filter_map(first_number).map(|(n, _)| n).sum();
        Ok(Some(format!("{begun} {sum}.")))
    }

    #[test]
    fn steps_that_lead_to_the_answer_are_told_from_those_that_do_not() {
        let answer = "1 + 1 = 2, 2 + 3 = 5. So it is 7.";
        let dropped = deletion(answer, 9, &mut adds).unwrap();
        let begun: Vec<&str> = dropped.iter().map(|d| d.begun.as_str()).collect();
        assert_eq!(begun, ["2 + 3 = 5. So it is", "1 + 1 = 2. So it is"]);
        assert!(dropped.iter().all(|d| d.changed), "{dropped:?}");
        // A model that says what it was going to say anyway.
        let stubborn = |begun: &str| Ok(Some(format!("{begun} 7.")));
        assert!(deletion(answer, 9, &mut { stubborn }).unwrap().iter().all(|d| !d.changed));
        assert_eq!(deletion(answer, 1, &mut adds).unwrap().len(), 1);
        assert_eq!(deletion("Paris.", 9, &mut adds).unwrap(), []);
        assert_eq!(deletion(answer, 9, &mut |_| Ok(None)).unwrap(), []);
        let begun = |answer: &str| {
            let dropped = deletion(answer, 9, &mut adds).unwrap();
            dropped.into_iter().map(|d| d.begun).collect::<Vec<_>>()
        };
        assert_eq!(begun("5 + 1 = 6. So 6."), ["So"], "without its only step it has to conclude at once");
        assert_eq!(begun("1 + 1 = 2, 2 + 3 = 5"), ["2 + 3 = 5", "1 + 1 = 2, "], "the last step is the conclusion");
    }

    #[test]
    fn a_conclusion_is_the_last_number() {
        assert_eq!(conclusion("2 + 3 = 5. So 5."), Some(5.0));
        assert_eq!(conclusion("It is é7 and -4.5 cats"), Some(-4.5));
        assert_eq!(conclusion("none"), None);
    }
}
