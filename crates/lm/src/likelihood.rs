//! How likely a model finds whole answers: ln p of each of several continuations of one prompt, computed side by side.
//! Knows no reason for asking.

use crate::{Inference, LmError, Result, RowCache, RowPlan, ops};
use std::sync::Arc;

/// ln p of every continuation of `prompt` in nats, the sum over its tokens; the prompt is computed once.
///
/// # Errors
/// An empty prompt or continuation, ids outside the vocabulary, a text longer than the context.
pub fn log_likelihoods<M: Inference>(model: &M, prompt: &[u32], continuations: &[Vec<u32>]) -> Result<Vec<f64>> {
    let (context, vocab) = (model.config().context, model.config().vocab);
    let longest = continuations.iter().map(Vec::len).max().unwrap_or(0);
    if prompt.is_empty() || prompt.len() + longest > context {
        return Err(LmError::Prompt(format!(
            "{} tokens, and up to {longest} of an answer; expected at least 1, and at most {context} together",
            prompt.len()
        )));
    }
    if let Some(empty) = continuations.iter().position(Vec::is_empty) {
        return Err(LmError::Prompt(format!("answer {empty} has no tokens; expected at least 1")));
    }
    if let Some(id) = continuations.iter().flatten().find(|id| **id as usize >= vocab) {
        return Err(LmError::Prompt(format!("token {id} of an answer; expected ids below {vocab}")));
    }
    let plan = Arc::new(RowPlan::independent(&[prompt.len()]));
    // The last token of a continuation is weighed and never fed.
    let (first, mut cache) = model.prefill(prompt, &plan, longest.saturating_sub(1))?;
    let mut sums = Vec::with_capacity(continuations.len());
    for continuation in continuations {
        cache.add_row(0)?;
        sums.push(logprob(&first, continuation[0]));
    }
    for place in 1..longest {
        let rows: Vec<usize> = (0..continuations.len()).filter(|&row| continuations[row].len() > place).collect();
        let fed: Vec<u32> = rows.iter().map(|&row| continuations[row][place - 1]).collect();
        // [rows, V]
        let logits = model.step(&fed, &rows, &mut cache)?;
        for (row, logits) in rows.into_iter().zip(logits.chunks_exact(vocab)) {
            sums[row] += logprob(logits, continuations[row][place]);
        }
    }
    Ok(sums)
}

/// ln p of one token under logits [V]. The logarithm is a library's, because the platforms' differ in the last bit.
fn logprob(logits: &[f32], id: u32) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|&l| ops::math::exp(l - max)).sum();
    f64::from(logits[id as usize] - max - libm::logf(sum))
}
