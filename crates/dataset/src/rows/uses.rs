//! What algorithms take of rows: questions, demonstrations, comparisons, judgements. A format that does not hold what is asked
//! for is an error that names those that do. Never knows which algorithm asks.

use super::{Body, Format, Row, Rows, item};
use crate::world::draft::right_answer;
use crate::{Comparison, Error, Judgement};
use clicker_wire::{Expected, Item, Message};

/// A good answer to imitate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demonstration {
    /// The conversation; the last turn is the user's.
    pub prompt: Vec<Message>,
    /// What is to be said.
    pub answer: String,
}

impl Rows {
    /// Questions to ask. The completion of a row is a right answer, unless a column names others.
    ///
    /// # Errors
    /// Rows of another format, or one that contradicts itself.
    pub fn questions(&self) -> Result<Vec<Item>, Error> {
        self.fit("questions to ask", &[Format::PromptOnly, Format::PromptCompletion])?;
        self.each(item::item)
    }

    /// Answers to imitate: the completions, or the right answers that the columns name.
    ///
    /// # Errors
    /// Rows of another format, or one without an answer.
    pub fn demonstrations(&self) -> Result<Vec<Demonstration>, Error> {
        self.fit("answers to imitate", &[Format::PromptCompletion, Format::PromptOnly])?;
        self.each(|row| {
            let answer = match &row.body {
                Body::Completion(answer) => answer.clone(),
                _ => match item::item(row)? {
                    Item { expected: Expected::Unknown, .. } => {
                        return Err(format!(
                            "no answer to imitate; add `completion`, or a right answer under one of {}",
                            item::ACCEPTED.join(", ")
                        ));
                    }
                    item => right_answer(item.expected, &item.accepted),
                },
            };
            match answer.trim().is_empty() {
                true => Err("the answer has no text, so there is nothing to imitate; leave the row out".into()),
                false => Ok(Demonstration { prompt: row.prompt.clone(), answer }),
            }
        })
    }

    /// Pairs of a better and a worse answer.
    ///
    /// # Errors
    /// Rows of another format, or a pair that says the same twice.
    pub fn comparisons(&self) -> Result<Vec<Comparison>, Error> {
        self.fit("pairs to compare", &[Format::Preference])?;
        self.each(comparison)
    }

    /// Answers with a thumb. A pair gives two: its better answer was good, its worse one bad.
    ///
    /// # Errors
    /// Rows of another format, or a pair that says the same twice.
    pub fn judgements(&self) -> Result<Vec<Judgement>, Error> {
        self.fit("judged answers", &[Format::Unpaired, Format::Preference])?;
        let judged = self.each(|row| match &row.body {
            Body::Unpaired { completion, label, weight } => {
                Ok(vec![judgement(row, completion.clone(), *label, *weight)])
            }
            _ => {
                let pair = comparison(row)?;
                let thumb = |text, good| judgement(row, text, good, pair.weight);
                Ok(vec![thumb(pair.chosen, true), thumb(pair.rejected, false)])
            }
        })?;
        Ok(judged.into_iter().flatten().collect())
    }

    fn fit(&self, wanted: &'static str, fits: &[Format]) -> Result<(), Error> {
        match self.format() {
            Some(format) if !fits.contains(&format) => {
                let fits = fits.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
                Err(Error::Format { format, wanted, fits })
            }
            _ => Ok(()),
        }
    }

    fn each<T>(&self, make: impl Fn(&Row) -> Result<T, String>) -> Result<Vec<T>, Error> {
        let made = |row: &Row| make(row).map_err(|problem| Error::Content { line: row.line, problem });
        self.rows.iter().map(made).collect()
    }
}

fn comparison(row: &Row) -> Result<Comparison, String> {
    let Body::Preference { chosen, rejected, weight, margin } = &row.body else {
        return Err("the row holds no pair".into());
    };
    if chosen.trim() == rejected.trim() {
        return Err("`chosen` and `rejected` say the same; leave ties out".into());
    }
    Ok(Comparison {
        prompt: row.prompt.clone(),
        chosen: chosen.clone(),
        rejected: rejected.clone(),
        weight: *weight,
        margin: *margin,
    })
}

fn judgement(row: &Row, completion: String, good: bool, weight: f64) -> Judgement {
    Judgement { prompt: row.prompt.clone(), completion, good, weight }
}
