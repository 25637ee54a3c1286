//! How alike two texts are, 0 to 1: one measure per file, each the number that the usual Python package gives.
//!
//! | metric | package | file |
//! |---|---|---|
//! | `fuzzy_match` | rapidfuzz `fuzz.ratio` / 100 | `lcs.rs` |
//! | `bleu`, `gleu` | nltk `sentence_bleu`, `sentence_gleu` on white-space tokens | `bleu.rs` |
//! | `meteor` | nltk `single_meteor_score`, without synonyms | `meteor.rs`, `porter.rs` |
//! | `rouge_1` to `rouge_5`, `rouge_l` | rouge-score F-measure, no stemming | `rouge.rs` |
//! | `cosine` | none: an embedding of our own | `cosine.rs` |
//!
//! Knows texts, not templates or receipts.

mod bleu;
mod cosine;
mod lcs;
mod meteor;
mod porter;
mod rouge;
mod tokens;

use super::MAX_TEXT_BYTES;
use clicker_wire::openai_grader::Metric;

/// Most cells of the table that comparing two sequences walks through. Two texts of 131,072 characters have as many.
pub const MAX_CELLS: u64 = 1 << 34;

/// Why two texts have no score.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmeasured {
    /// Comparing them would take too long.
    #[error("the texts are too long to compare: {first} and {second} bytes")]
    TooLong {
        /// Bytes of the first.
        first: usize,
        /// Bytes of the second.
        second: usize,
    },
}

/// How alike `input` is to `reference` by `metric`.
///
/// # Errors
/// A text of more than [`MAX_TEXT_BYTES`], or, for the two measures that compare everything with everything, texts whose
/// lengths multiply to more than [`MAX_CELLS`].
pub fn similarity(metric: Metric, input: &str, reference: &str) -> Result<f64, Unmeasured> {
    let too_long = Unmeasured::TooLong { first: input.len(), second: reference.len() };
    if input.len().max(reference.len()) > MAX_TEXT_BYTES {
        return Err(too_long);
    }
    match metric {
        Metric::FuzzyMatch => lcs::ratio(input, reference).ok_or(too_long),
        Metric::Bleu => Ok(bleu::bleu(input, reference)),
        Metric::Gleu => Ok(bleu::gleu(input, reference)),
        Metric::Meteor => Ok(meteor::meteor(input, reference)),
        Metric::Rouge1 => Ok(rouge::rouge_n(input, reference, 1)),
        Metric::Rouge2 => Ok(rouge::rouge_n(input, reference, 2)),
        Metric::Rouge3 => Ok(rouge::rouge_n(input, reference, 3)),
        Metric::Rouge4 => Ok(rouge::rouge_n(input, reference, 4)),
        Metric::Rouge5 => Ok(rouge::rouge_n(input, reference, 5)),
        Metric::RougeL => rouge::rouge_l(input, reference).ok_or(too_long),
        Metric::Cosine => Ok(cosine::cosine(input, reference)),
    }
}
