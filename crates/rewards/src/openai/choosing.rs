//! A judge that does not write its reply but chooses it: what it is shown, what it may reply, and who judges under which name.
//! The browser's worker, a training run and the server share every line of it; only the weighing of replies, which needs a model,
//! is theirs ([`Chooser`]). Knows no tensors and not where models are kept.

use super::judge::{Judge, JudgeError, JudgeReply, JudgeRequest, Verdict};
use clicker_wire::grader_run::TokenCounts;
use clicker_wire::openai_grader::{Role, SamplingParams};
use clicker_wire::{Choice, Message, Sampling};
use std::collections::BTreeMap;

/// Between two whole ends that are this far apart at most, every whole number is a possible score.
const MOST_WHOLE: f64 = 100.0;

/// Otherwise the range is cut into so many equal parts.
const PARTS: u32 = 10;

/// A model that weighs replies.
pub trait Chooser {
    /// The reply that it takes, at temperature 0 the likeliest.
    ///
    /// # Errors
    /// Why it takes none, in words: a conversation that is too long for it, replies that it cannot tell apart.
    fn choose(&self, conversation: &[Message], replies: &[String], sampling: &Sampling) -> Result<Choice, String>;
}

impl<C: Chooser + ?Sized> Chooser for std::sync::Arc<C> {
    fn choose(&self, conversation: &[Message], replies: &[String], sampling: &Sampling) -> Result<Choice, String> {
        (**self).choose(conversation, replies, sampling)
    }
}

/// A model that judges.
#[derive(Clone, Debug)]
pub struct Seat<C> {
    /// What the receipt calls it.
    pub name: String,
    /// What stands behind the name: equal texts give equal replies.
    pub identity: String,
    /// The model.
    pub model: C,
}

/// Who judges under which name of a grader; for names without a model, the reason.
#[derive(Clone, Debug)]
pub struct Panel<C> {
    /// By the names that graders use.
    pub seats: BTreeMap<String, Result<Seat<C>, String>>,
}

impl<C> Default for Panel<C> {
    fn default() -> Self {
        Self { seats: BTreeMap::new() }
    }
}

impl<C: Chooser> Panel<C> {
    fn seat(&self, model: &str) -> Result<&Seat<C>, String> {
        match self.seats.get(model) {
            Some(seat) => seat.as_ref().map_err(Clone::clone),
            None => Err(format!("there is no model {model:?} here")),
        }
    }
}

impl<C: Chooser> Judge for Panel<C> {
    fn seated(&self, model: &str) -> Result<String, String> {
        self.seat(model).map(|seat| seat.identity.clone())
    }

    fn ask(&self, request: &JudgeRequest<'_>) -> Result<JudgeReply, JudgeError> {
        let seat = self.seat(request.model).map_err(JudgeError::Server)?;
        let replies = replies(request.wants);
        let chosen = seat
            .model
            .choose(&conversation(request, &replies), &replies, &sampling(request.sampling))
            .map_err(|why| JudgeError::Server(format!("{}: {why}", seat.name)))?;
        let Choice { index, share, prompt_tokens, answer_tokens } = chosen;
        let usage = TokenCounts {
            prompt_tokens,
            total_tokens: prompt_tokens + answer_tokens,
            cached_tokens: 0,
            completion_tokens: answer_tokens,
        };
        let text = replies.get(index).cloned();
        let text = text.ok_or_else(|| JudgeError::Server(format!("{} chose none of the replies", seat.name)))?;
        Ok(JudgeReply { text, model: seat.name.clone(), usage, share: Some(share) })
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

/// Greedy unless the grader asks for a temperature: a judge that is asked twice should say the same.
fn sampling(asked: Option<&SamplingParams>) -> Sampling {
    let asked = asked.cloned().unwrap_or_default();
    Sampling {
        temperature: asked.temperature.unwrap_or(0.0) as f32,
        top_p: asked.top_p.unwrap_or(1.0) as f32,
        seed: asked.seed.unwrap_or(0).cast_unsigned(),
        ..Sampling::default()
    }
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
    let digits = (3.0 - libm::log10(width).floor()).clamp(0.0, 17.0) as usize;
    (0..=PARTS)
        .map(|part| {
            let share = f64::from(part) / f64::from(PARTS);
            let text = format!("{:.digits$}", low * (1.0 - share) + high * share);
            let short = if digits == 0 { &text } else { text.trim_end_matches('0').trim_end_matches('.') };
            if short == "-0" { "0".into() } else { short.into() }
        })
        .collect()
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
    fn a_grader_without_a_temperature_is_judged_greedily() {
        assert_eq!(sampling(None).temperature, 0.0);
        let asked = SamplingParams { temperature: Some(0.5), seed: Some(-1), ..SamplingParams::default() };
        let how = sampling(Some(&asked));
        assert_eq!((how.temperature, how.top_p, how.seed), (0.5, 1.0, u64::MAX));
    }
}
