//! BLEU-4 and GLEU of one text against one reference, over white-space words, case kept.
//!
//! With m_n the runs of n words that both share, h_n and r_n those of input and reference, h and r their words:
//!
//! - BLEU = exp(min(0, 1 - r/h)) * (m_1/h_1 * m_2/h_2 * m_3/h_3 * m_4/h_4)^(1/4). As in nltk without smoothing, it is 0
//!   where one m_n is 0 (nltk gives a number below 1e-76 there), so every input below four words scores 0.
//! - GLEU = sum m_n / max(sum h_n, sum r_n), n from 1 to 4; 0 for two empty texts.

use super::tokens::{numbered, overlap, words};

/// BLEU of up to four words, one reference, no smoothing.
pub(super) fn bleu(input: &str, reference: &str) -> f64 {
    let (input, reference) = numbered(words(input), words(reference));
    let mut product = 1.0;
    for n in 1..=4 {
        let runs = overlap(&input, &reference, n);
        if runs.shared == 0 {
            return 0.0;
        }
        product *= runs.shared as f64 / runs.first as f64;
    }
    // Shared runs of four words: the input has at least four, so no division by 0.
    let brevity = (1.0 - reference.len() as f64 / input.len() as f64).min(0.0);
    libm::exp(brevity) * product.sqrt().sqrt()
}

/// GLEU of up to four words, one reference.
pub(super) fn gleu(input: &str, reference: &str) -> f64 {
    let (input, reference) = numbered(words(input), words(reference));
    let (mut shared, mut first, mut second) = (0, 0, 0);
    for n in 1..=4 {
        let runs = overlap(&input, &reference, n);
        shared += runs.shared;
        first += runs.first;
        second += runs.second;
    }
    match first.max(second) {
        0 => 0.0,
        all => shared as f64 / all as f64,
    }
}
