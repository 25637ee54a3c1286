//! `clicker generate` and `clicker logits`: a model by hand.

use super::print_json;
use clicker_service::headless::{self, GenerateRequest, Prompt};
use clicker_wire::Sampling;
use std::io::Write;
use std::path::PathBuf;

/// Options of `clicker generate`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["prompt", "prompt_ids"]))]
pub(crate) struct Generate {
    /// A GGUF file or a Hugging Face folder.
    #[arg(long, value_name = "PATH")]
    model: PathBuf,
    /// A question; it is put into the model's conversation template.
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Token ids to continue as they are.
    #[arg(long, value_name = "1,2,3", value_delimiter = ',')]
    prompt_ids: Option<Vec<u32>>,
    /// Samples to draw.
    #[arg(long, default_value_t = 1)]
    n: u32,
    /// Longest answer.
    #[arg(long, value_name = "K", default_value_t = 64)]
    max_new_tokens: u32,
    /// Always take the likeliest token.
    #[arg(long, conflicts_with = "temperature")]
    greedy: bool,
    /// 1 draws from the model's own distribution, less is more careful.
    #[arg(long, value_name = "T", default_value_t = 1.0)]
    temperature: f32,
    /// Keep only the k likeliest tokens; 0 keeps all.
    #[arg(long, default_value_t = 0)]
    top_k: u32,
    /// Keep the smallest set of tokens that reaches this probability.
    #[arg(long, default_value_t = 1.0)]
    top_p: f32,
    /// Seed; the same seed draws the same samples.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Likeliest tokens to report per position (with --json).
    #[arg(long, default_value_t = 0)]
    alternatives: usize,
    /// Print everything as JSON: text, ids, logprobs, entropies.
    #[arg(long)]
    json: bool,
}

/// Options of `clicker logits`.
#[derive(Debug, clap::Args)]
pub(crate) struct Logits {
    /// A GGUF file or a Hugging Face folder.
    #[arg(long, value_name = "PATH")]
    model: PathBuf,
    /// Token ids.
    #[arg(long, value_name = "1,2,3", value_delimiter = ',', required = true)]
    ids: Vec<u32>,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Generate) -> anyhow::Result<()> {
    let prompt = match (&command.prompt, &command.prompt_ids) {
        (Some(text), _) => Prompt::Text(text.clone()),
        (None, ids) => Prompt::Ids(ids.clone().unwrap_or_default()),
    };
    let request = GenerateRequest {
        model: command.model.clone(),
        prompt,
        n: command.n,
        sampling: Sampling {
            temperature: if command.greedy { 0.0 } else { command.temperature },
            top_k: command.top_k,
            top_p: command.top_p,
            max_new_tokens: command.max_new_tokens,
            seed: command.seed,
            ..Sampling::default()
        },
        alternatives: command.alternatives,
    };
    let live = !command.json && command.n == 1;
    let samples = headless::generate(&request, &mut |text| {
        if live {
            print!("{text}");
            let _ = std::io::stdout().flush();
        }
    })?;
    if command.json {
        return print_json(&samples);
    }
    if live {
        println!();
        return Ok(());
    }
    for (i, sample) in samples.iter().enumerate() {
        println!("{i}: {}", sample.text.clone().unwrap_or_else(|| format!("{:?}", sample.ids)));
    }
    Ok(())
}

pub(crate) fn logits(command: &Logits) -> anyhow::Result<()> {
    let logits = headless::logits(&command.model, &command.ids)?;
    if command.json {
        return print_json(&logits);
    }
    let mut order: Vec<(usize, f32)> = logits.into_iter().enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (id, logit) in order.into_iter().take(10) {
        println!("{id:>6}  {logit:.5}");
    }
    Ok(())
}
