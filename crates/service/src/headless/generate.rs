//! Text from a prompt, and logits from ids.

use super::{HeadlessError, Result, load};
use clicker_lm::{Draw, GenerateOptions, TextStream, stream_seed};
use clicker_wire::{Message, Sampling, StopReason};
use serde::Serialize;
use std::path::PathBuf;

/// What to draw.
#[derive(Clone, Debug)]
pub struct GenerateRequest {
    /// A GGUF file or a Hugging Face folder.
    pub model: PathBuf,
    /// What to continue.
    pub prompt: Prompt,
    /// Samples.
    pub n: u32,
    /// How.
    pub sampling: Sampling,
    /// Likeliest tokens to report per position.
    pub alternatives: usize,
}

/// What to continue.
#[derive(Clone, Debug)]
pub enum Prompt {
    /// A question, put into the model's conversation template.
    Text(String),
    /// Token ids as they are.
    Ids(Vec<u32>),
}

/// One sample.
#[derive(Clone, Debug, Serialize)]
pub struct Generated {
    /// The text, if the model has a tokenizer.
    pub text: Option<String>,
    /// The token ids, the end marker included.
    pub ids: Vec<u32>,
    /// ln p of each, nats.
    pub logprobs: Vec<f32>,
    /// Entropy at each, nats.
    pub entropies: Vec<f32>,
    /// Likeliest tokens at each: (id, ln p).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Vec<(u32, f32)>>,
    /// Why it ended.
    pub stop: StopReason,
}

/// Draw samples. `on_text` hears the first sample's text as it comes.
///
/// # Errors
/// A model that cannot be loaded, or a prompt that it cannot take.
pub fn generate(request: &GenerateRequest, on_text: &mut dyn FnMut(&str)) -> Result<Vec<Generated>> {
    if request.n == 0 {
        return Err(HeadlessError::Request("--n is 0; ask for at least one sample".into()));
    }
    let model = load(&request.model)?;
    let prompt = match &request.prompt {
        Prompt::Text(text) => model.template()?.prompt(model.tokenizer()?, &[Message::user(text)])?,
        Prompt::Ids(ids) => ids.clone(),
    };
    let rows: Vec<(usize, u64)> =
        (0..request.n).map(|g| (0, stream_seed(request.sampling.seed, 0, 0, g.into()))).collect();
    let options = GenerateOptions {
        sampling: request.sampling.clone(),
        stop: model.stop_tokens(),
        alternatives: request.alternatives,
    };
    let mut generator = clicker_lm::Generator::new(&model.snapshot, &[prompt], &rows, options)?;
    let mut stream = TextStream::default();
    while !generator.is_done() {
        for (row, draw) in generator.step()? {
            if let (0, Some(tokenizer)) = (row, &model.tokenizer) {
                on_text(&stream.push(tokenizer, draw.id));
            }
        }
    }
    Ok(generator
        .finish()
        .into_iter()
        .map(|drawn| {
            let each = |f: fn(&Draw) -> f32| drawn.draws.iter().map(f).collect();
            Generated {
                text: model.tokenizer.as_ref().map(|t| t.decode(&drawn.ids())),
                ids: drawn.ids(),
                logprobs: each(|d| d.logprob),
                entropies: each(|d| d.entropy),
                alternatives: drawn.draws.iter().map(|d| d.alternatives.clone()).filter(|a| !a.is_empty()).collect(),
                stop: drawn.stop,
            }
        })
        .collect())
}

/// Logits that follow the last of `ids`, one per token of the vocabulary.
///
/// # Errors
/// A model that cannot be loaded, or ids that it does not have.
pub fn logits(model: &std::path::Path, ids: &[u32]) -> Result<Vec<f32>> {
    Ok(load(model)?.snapshot.last_logits(ids)?)
}
