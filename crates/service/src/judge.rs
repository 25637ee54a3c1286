//! A language model as a judge. It does not write its reply, it chooses it: every allowed reply is weighed as the whole
//! answer, so that a small model cannot fail to give a label or a number. Knows graders' questions and models, not where
//! models are kept.

use clicker_lm::{LmError, LoadedModel, Sampler, log_likelihoods};
use clicker_rewards::openai::{Judge, JudgeError, JudgeReply, JudgeRequest, Verdict};
use clicker_wire::grader_run::TokenCounts;
use clicker_wire::openai_grader::{Role, SamplingParams};
use clicker_wire::{Message, Sampling};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Between two whole ends that are this far apart at most, every whole number is a possible score.
const MOST_WHOLE: f64 = 100.0;

/// Otherwise the range is cut into so many equal parts.
const PARTS: u32 = 10;

/// A model that judges.
#[derive(Clone)]
pub(crate) struct Seat {
    /// What the receipt calls it.
    pub(crate) name: String,
    /// The model.
    pub(crate) model: Arc<LoadedModel>,
}

/// Who judges under which name of a grader; for names without a model, the reason.
pub(crate) struct Panel {
    pub(crate) seats: BTreeMap<String, Result<Seat, String>>,
}

impl Judge for Panel {
    fn ask(&self, request: &JudgeRequest<'_>) -> Result<JudgeReply, JudgeError> {
        match self.seats.get(request.model) {
            Some(Ok(seat)) => seat.choose(request).map_err(|e| JudgeError::Server(format!("{}: {e}", seat.name))),
            Some(Err(reason)) => Err(JudgeError::Server(reason.clone())),
            None => Err(JudgeError::Server(format!("there is no model {:?} here", request.model))),
        }
    }
}

impl Seat {
    fn choose(&self, request: &JudgeRequest<'_>) -> Result<JudgeReply, LmError> {
        let (tokenizer, template) = (self.model.tokenizer()?, self.model.template()?);
        let replies = replies(request.wants);
        let end = template.end().or(self.model.config.eos.first().copied());
        let answers: Vec<Vec<u32>> = replies
            .iter()
            .map(|reply| Ok(tokenizer.encode(reply)?.into_iter().chain(end).collect()))
            .collect::<Result<_, LmError>>()?;
        let prompt = template.prompt(tokenizer, &conversation(request, &replies))?;
        let weights = log_likelihoods(&self.model.snapshot, &prompt, &answers)?;
        let chosen = draw(&weights, request.sampling);
        let (asked, answered) = (prompt.len() as u64, answers[chosen].len() as u64);
        let usage = TokenCounts {
            prompt_tokens: asked,
            total_tokens: asked + answered,
            cached_tokens: 0,
            completion_tokens: answered,
        };
        Ok(JudgeReply { text: replies[chosen].clone(), model: self.name.clone(), usage })
    }
}

/// The grader's messages after a word about what may be replied.
fn conversation(request: &JudgeRequest<'_>, replies: &[String]) -> Vec<Message> {
    let rule = match request.wants {
        Verdict::Label(_) => format!("Reply with one of these and nothing else: {}.", replies.join(", ")),
        Verdict::Score { low, high } => format!("Reply with a number from {low} to {high} and nothing else."),
    };
    let said = request.messages.iter().map(|(role, text)| match role {
        Role::User => Message::user(text),
        Role::Assistant => Message::assistant(text),
        Role::System | Role::Developer => Message::system(text),
    });
    std::iter::once(Message::system(rule)).chain(said).collect()
}

/// Every reply that is allowed.
fn replies(wants: Verdict<'_>) -> Vec<String> {
    match wants {
        Verdict::Label(labels) => labels.to_vec(),
        Verdict::Score { low, high } => scores(low, high),
    }
}

fn scores(low: f64, high: f64) -> Vec<String> {
    let width = high - low;
    if low.fract() == 0.0 && high.fract() == 0.0 && (2.0..=MOST_WHOLE).contains(&width) {
        return (0..=width as u32).map(|step| (low + f64::from(step)).to_string()).collect();
    }
    // Three digits more than the width has: tenths of it are exact, whatever they look like in binary.
    let digits = (3.0 - width.log10().floor()).clamp(0.0, 17.0) as usize;
    (0..=PARTS)
        .map(|part| {
            let share = f64::from(part) / f64::from(PARTS);
            let text = format!("{:.digits$}", low * (1.0 - share) + high * share);
            let short = if digits == 0 { &text } else { text.trim_end_matches('0').trim_end_matches('.') };
            if short == "-0" { "0".into() } else { short.into() }
        })
        .collect()
}

/// The likeliest reply, the first of equals; one drawn where the grader asks for a temperature.
fn draw(weights: &[f64], sampling: Option<&SamplingParams>) -> usize {
    let asked = sampling.cloned().unwrap_or_default();
    let how = Sampling {
        temperature: asked.temperature.unwrap_or(0.0) as f32,
        top_p: asked.top_p.unwrap_or(1.0) as f32,
        ..Sampling::default()
    };
    // Normalised first: among replies that are all unlikely, f32 keeps the differences only near 0.
    let best = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = weights.iter().map(|w| (w - best).exp()).sum();
    let logprobs: Vec<f32> = weights.iter().map(|w| (w - best - total.ln()) as f32).collect();
    Sampler::new(&how, asked.seed.unwrap_or(0) as u64).draw(&logprobs) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn possible_scores() {
        for (low, high, expected) in [
            (0.0, 1.0, "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1"),
            (1.0, 5.0, "1 2 3 4 5"),
            (-1.0, 1.0, "-1 0 1"),
            (-0.5, 0.5, "-0.5 -0.4 -0.3 -0.2 -0.1 0 0.1 0.2 0.3 0.4 0.5"),
            (0.0, 1000.0, "0 100 200 300 400 500 600 700 800 900 1000"),
            (0.0, 0.001, "0 0.0001 0.0002 0.0003 0.0004 0.0005 0.0006 0.0007 0.0008 0.0009 0.001"),
        ] {
            assert_eq!(scores(low, high).join(" "), expected);
        }
        assert_eq!(scores(-f64::MAX, f64::MAX).len(), 11);
    }

    #[test]
    fn the_likeliest_is_chosen_unless_a_temperature_is_asked_for() {
        let weights = [-300.0, -299.0, -299.0, -400.0];
        assert_eq!(draw(&weights, None), 1);
        assert_eq!(draw(&weights, Some(&SamplingParams { seed: Some(7), ..SamplingParams::default() })), 1);
        let drawn = |seed| {
            let sampling = SamplingParams { temperature: Some(1.0), seed: Some(seed), ..SamplingParams::default() };
            draw(&weights, Some(&sampling))
        };
        let seen: std::collections::BTreeSet<usize> = (0..50).map(drawn).collect();
        assert_eq!(seen, [0, 1, 2].into());
        assert_eq!(drawn(3), drawn(3));
        let narrow =
            SamplingParams { temperature: Some(1.0), top_p: Some(0.1), seed: Some(5), ..SamplingParams::default() };
        assert_eq!(draw(&weights, Some(&narrow)), 1);
    }
}
