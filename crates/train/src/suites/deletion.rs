//! The deletion test: leave a step out of what the model wrote, let it go on from there, and see whether it concludes something else
//! (after Lanham et al., arXiv 2307.13702, who cut and corrupt chains of thought). A step that can be dropped without any change did
//! not lead to the answer; whether a change is for the better is another question. Never knows a model: it is an argument.

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

/// Drop each of the first `most` steps of an answer in turn; `go_on` gives the whole answer that follows a beginning, or none where that
/// cannot be asked. What stands behind the last step is never kept: there the model said the conclusion.
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
    let mut out = Vec::new();
    for step in shown.iter().take(most) {
        let (start, stop) = (step.bytes.start, step.bytes.end);
        let begun = format!("{}{}", &answer[..start], answer[stop..end].trim_start_matches([' ', ',', '.', ';', '\n']));
        let Some(became) = go_on(&begun)? else { continue };
        let changed = conclusion(&became) != before;
        out.push(Dropped { step: answer[start..stop].to_owned(), begun, became, changed });
    }
    Ok(out)
}

/// The last number of an answer, which is what the grader of reasoning takes for its conclusion; none without a number.
fn conclusion(text: &str) -> Option<f64> {
    let (mut last, mut rest) = (None, text);
    while let Some((value, span)) = first_number(rest) {
        (last, rest) = (Some(value), &rest[span.end as usize..]);
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model that computes: it adds up all the results that it sees.
    fn adds(begun: &str) -> Result<Option<String>> {
        let sum: f64 = begun.split("= ").skip(1).filter_map(first_number).map(|(n, _)| n).sum();
        Ok(Some(format!("{begun} So it is {sum}.")))
    }

    #[test]
    fn steps_that_lead_to_the_answer_are_told_from_those_that_do_not() {
        let answer = "1 + 1 = 2, 2 + 3 = 5. So it is 7.";
        let dropped = deletion(answer, 9, &mut adds).unwrap();
        let begun: Vec<&str> = dropped.iter().map(|d| d.begun.as_str()).collect();
        assert_eq!(begun, ["2 + 3 = 5", "1 + 1 = 2, "]);
        assert!(dropped.iter().all(|d| d.changed), "{dropped:?}");
        // A model that says what it was going to say anyway.
        let stubborn = |begun: &str| Ok(Some(format!("{begun} So it is 7.")));
        assert!(deletion(answer, 9, &mut { stubborn }).unwrap().iter().all(|d| !d.changed));
        assert_eq!(deletion(answer, 1, &mut adds).unwrap().len(), 1);
        assert_eq!(deletion("Paris.", 9, &mut adds).unwrap(), []);
        assert_eq!(deletion(answer, 9, &mut |_| Ok(None)).unwrap(), []);
    }

    #[test]
    fn a_conclusion_is_the_last_number() {
        assert_eq!(conclusion("2 + 3 = 5. So 5."), Some(5.0));
        assert_eq!(conclusion("It is é7 and -4.5 cats"), Some(-4.5));
        assert_eq!(conclusion("none"), None);
    }
}
