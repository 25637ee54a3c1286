//! Choosing one of several replies to a conversation: each is weighed as the whole answer, its end marker included, and the
//! likeliest is taken, or one is drawn. So a small model that could not be trusted to write a label always gives one. Knows no
//! reason for asking.

use crate::{Inference, LmError, LoadedModel, Result, Sampler, log_likelihoods};
use clicker_wire::{Choice, Message, Sampling};

impl<M: Inference> LoadedModel<M> {
    /// The reply that the model takes to `conversation`:
    ///
    ///   ln p(reply) = sum over its tokens t of ln p(reply_t | conversation, reply_1 .. reply_t-1)
    ///
    /// At temperature 0 the likeliest, otherwise one drawn from these probabilities with `sampling`'s temperature, `top_p` and seed.
    /// The same weights choose the same reply on every machine, drawn or not.
    ///
    /// # Errors
    /// A conversation that is longer than the context, one without replies; replies that this model cannot tell apart, because it
    /// reads them as the same tokens or finds the likeliest of them exactly as likely; a model without a tokenizer.
    pub fn choose(&self, conversation: &[Message], replies: &[String], sampling: &Sampling) -> Result<Choice> {
        let (tokenizer, template) = (self.tokenizer()?, self.template()?);
        let end = template.end().or(self.config.eos.first().copied());
        let answers: Vec<Vec<u32>> = replies
            .iter()
            .map(|reply| Ok(tokenizer.encode(reply)?.into_iter().chain(end).collect()))
            .collect::<Result<_>>()?;
        for (index, answer) in answers.iter().enumerate() {
            if let Some(other) = answers[..index].iter().position(|known| known == answer) {
                return Err(alike(&replies[other], &replies[index], "reads both as the same tokens"));
            }
        }
        let prompt = template.prompt(tokenizer, conversation)?;
        let weights = log_likelihoods(&self.snapshot, &prompt, &answers)?;
        let index = draw(&weights, replies, sampling)?;
        let total: f64 = weights.iter().map(|w| libm::exp(w - weights[index])).sum();
        let (prompt_tokens, answer_tokens) = (prompt.len() as u64, answers[index].len() as u64);
        Ok(Choice { index, share: 1.0 / total, prompt_tokens, answer_tokens })
    }
}

fn draw(weights: &[f64], replies: &[String], sampling: &Sampling) -> Result<usize> {
    let best = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !best.is_finite() || weights.iter().any(|w| w.is_nan()) {
        return Err(LmError::Prompt(format!(
            "the model gives the {} replies no probability that is a number; expected a model whose weights are finite",
            weights.len()
        )));
    }
    let mut equals = weights.iter().enumerate().filter(|(_, w)| **w == best).map(|(index, _)| index);
    if sampling.temperature <= 0.0
        && let (Some(one), Some(other)) = (equals.next(), equals.next())
    {
        return Err(alike(&replies[one], &replies[other], "finds both exactly as likely"));
    }
    // Relative to the best: among replies that are all unlikely, f32 keeps the differences only near 0.
    let relative: Vec<f32> = weights.iter().map(|w| (w - best) as f32).collect();
    Ok(Sampler::new(sampling, sampling.seed).draw(&relative) as usize)
}

fn alike(one: &str, other: &str, how: &str) -> LmError {
    LmError::Prompt(format!(
        "the model cannot tell the replies {one:?} and {other:?} apart: it {how}; expected replies that differ for it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(temperature: f32, top_p: f32, seed: u64) -> Sampling {
        Sampling { temperature, top_p, seed, ..Sampling::default() }
    }

    fn named(n: usize) -> Vec<String> {
        (0..n).map(|i| i.to_string()).collect()
    }

    #[test]
    fn the_likeliest_is_chosen_unless_a_temperature_is_asked_for() {
        let weights = [-300.0, -298.5, -299.0, -400.0];
        let of = |sampling: Sampling| draw(&weights, &named(4), &sampling).unwrap();
        assert_eq!(of(at(0.0, 1.0, 0)), 1);
        assert_eq!(of(at(0.0, 1.0, 7)), 1);
        let seen: std::collections::BTreeSet<usize> = (0..50).map(|seed| of(at(1.0, 1.0, seed))).collect();
        assert_eq!(seen, [0, 1, 2].into());
        assert_eq!(of(at(1.0, 1.0, 3)), of(at(1.0, 1.0, 3)));
        assert_eq!(of(at(1.0, 0.1, 5)), 1);
    }

    #[test]
    fn replies_that_are_exactly_as_likely_are_an_error_unless_one_is_drawn() {
        let weights = [-3.0, -2.0, -2.0];
        let said = draw(&weights, &named(3), &at(0.0, 1.0, 0)).unwrap_err().to_string();
        assert!(said.contains("\"1\" and \"2\"") && said.contains("as likely"), "{said}");
        assert!(draw(&weights, &named(3), &at(1.0, 1.0, 0)).is_ok());
        // Two that are equal and not the best are no matter.
        assert_eq!(draw(&[-2.0, -3.0, -3.0], &named(3), &at(0.0, 1.0, 0)).unwrap(), 0);
        for broken in [vec![f64::NAN, -1.0], vec![f64::NEG_INFINITY; 2], vec![]] {
            let said = draw(&broken, &named(broken.len()), &at(0.0, 1.0, 0)).unwrap_err().to_string();
            assert!(said.contains("no probability"), "{said}");
        }
    }
}
