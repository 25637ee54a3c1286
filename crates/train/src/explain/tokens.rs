//! One answer under the model before and the model after: what training changed on these very words.

use super::read::{Said, Subject, judged};
use super::say::{ended, probability, quoted, times};
use crate::samples::pieces;
use crate::{Result, TrainError};
use clicker_wire::{AnswerReading, Item, TokenReading, TokenShift, TokenView};

/// Weigh an answer under two models; without one, the greedy answer of the model after.
///
/// # Errors
/// Models that cut the text into different tokens, so that no token has two probabilities; an answer or a question that is
/// too long for a model.
pub fn token_view(item: &Item, answer: Option<&str>, before: &Subject<'_>, after: &Subject<'_>) -> Result<TokenView> {
    let (said_before, said_after) = (before.greedy(item)?, after.greedy(item)?);
    let (text, ids) = match answer {
        Some(text) => (text.to_owned(), after.answer(text)?),
        None => (said_after.text.clone(), said_after.ids.clone()),
    };
    let prompt = after.prompt(item)?;
    same_tokens(item, &text, &prompt, before, after)?;
    let (old, new) = (before.readings(&prompt, &ids)?, after.readings(&prompt, &ids)?);
    let texts = pieces(&after.language.tokenizer, &ids);
    let tokens: Vec<TokenShift> = ids
        .iter()
        .zip(texts)
        .zip(old.into_iter().zip(new))
        .map(|((&id, text), (before, after))| TokenShift { id, text, before, after })
        .collect();
    let best = |reading: &TokenReading| reading.top.first().map(|t| t.id);
    let parts_at = tokens.iter().position(|t| best(&t.before) != best(&t.after)).map(|i| i as u32);
    let reading = |subject: &Subject<'_>, said: Said, of: fn(&TokenShift) -> f64| AnswerReading {
        model: subject.name.clone(),
        verdict: judged(item, &said.text),
        greedy: said.text,
        greedy_logprob: said.logprob,
        logprob: tokens.iter().map(of).sum(),
    };
    let before = reading(before, said_before, |t| t.before.logprob);
    let after = reading(after, said_after, |t| t.after.logprob);
    let mut view = TokenView {
        item: item.clone(),
        answer: text,
        given: answer.is_some(),
        before,
        after,
        tokens,
        parts_at,
        words: Vec::new(),
    };
    view.words = words(&view);
    Ok(view)
}

/// That question and answer are the same tokens to both models.
fn same_tokens(item: &Item, answer: &str, prompt: &[u32], before: &Subject<'_>, after: &Subject<'_>) -> Result<()> {
    let spelled = |s: &Subject<'_>| s.language.tokenizer.encode(answer);
    let sizes = (before.model.config.vocab, after.model.config.vocab);
    if sizes.0 == sizes.1 && before.prompt(item)? == prompt && spelled(before)? == spelled(after)? {
        return Ok(());
    }
    Err(TrainError::Explain(format!(
        "{} and {} cut this text into different tokens (vocabularies of {} and {}), so no token has a probability under \
         both; compare two checkpoints of one model",
        before.name, after.name, sizes.0, sizes.1
    )))
}

/// The sentences that the numbers give.
fn words(view: &TokenView) -> Vec<String> {
    let (old, new) = (&view.before, &view.after);
    let mut out = vec![format!(
        "The whole answer {} had a probability of {} before and has {} after: {}.",
        quoted(&view.answer),
        probability(old.logprob),
        probability(new.logprob),
        times(new.logprob - old.logprob)
    )];
    out.push(match view.parts_at {
        None => "At every token of this answer both models find the same token likeliest.".into(),
        Some(at) => {
            let token = &view.tokens[at as usize];
            let said: String = view.tokens[..at as usize].iter().map(|t| t.text.as_str()).collect();
            let place = if said.is_empty() { "At the first token".into() } else { format!("After {}", quoted(&said)) };
            format!(
                "{place} the two models part: the likeliest token was {} before and is {} after.",
                best(&token.before),
                best(&token.after)
            )
        }
    });
    let largest =
        view.tokens.iter().enumerate().max_by(|a, b| a.1.difference().abs().total_cmp(&b.1.difference().abs()));
    if let Some((place, token)) = largest.filter(|(_, t)| t.difference().abs() >= 0.1) {
        out.push(format!(
            "The token that changed most is number {}, {}: from {} to {}.",
            place + 1,
            shown(&token.text),
            probability(token.before.logprob),
            probability(token.after.logprob)
        ));
    }
    out.push(match old.greedy == new.greedy {
        true => ended(format!("Left alone, both answer {}", quoted(&new.greedy))),
        false => ended(format!(
            "Left alone, the model before answers {} and the model after {}",
            quoted(&old.greedy),
            quoted(&new.greedy)
        )),
    });
    out
}

fn shown(text: &str) -> String {
    if text.is_empty() { "the end of the answer".into() } else { quoted(text) }
}

fn best(reading: &TokenReading) -> String {
    match reading.top.first() {
        Some(top) => format!("{} ({})", quoted(&top.text), probability(f64::from(top.logprob))),
        None => "none".into(),
    }
}
