//! A group of answers to one prompt, streamed token by token.

use crate::engine::{Failure, is_running};
use crate::port;
use clicker_lm::{Draw, Engine, GenerateOptions, Generator, LoadedModel, TextStream, Tokenizer, stream_seed};
use clicker_wire::{EngineReply, Event, Item, Rollout, Sampling, TokenAlternative, TokenInfo};

/// Milliseconds of work between two looks at the messages.
const SLICE_MS: f64 = 12.0;

/// Most samples of one request: more than a class will ever compare, few enough for a phone's memory.
const MAX_GROUP: u32 = 64;

pub(crate) async fn run(
    id: u64,
    model: &LoadedModel<Engine>,
    item: &Item,
    group_size: u32,
    sampling: &Sampling,
    alternatives: u32,
) -> Result<EngineReply, Failure> {
    if !(1..=MAX_GROUP).contains(&group_size) {
        return Err(format!("a group of {group_size} answers; expected 1 to {MAX_GROUP}").into());
    }
    let start = port::now_ms();
    let tokenizer = model.tokenizer()?;
    let prompt = model.template()?.prompt(tokenizer, &item.messages)?;
    let rows: Vec<(usize, u64)> = (0..group_size).map(|g| (0, stream_seed(sampling.seed, 0, 0, g.into()))).collect();
    let options =
        GenerateOptions { sampling: sampling.clone(), stop: model.stop_tokens(), alternatives: alternatives as usize };
    let mut generator = Generator::new(&model.snapshot, &[prompt], &rows, options)?;
    let mut texts = vec![TextStream::default(); rows.len()];
    let mut tokens: Vec<Vec<TokenInfo>> = vec![Vec::new(); rows.len()];
    let mut looked = start;
    while !generator.is_done() {
        for (row, draw) in generator.step()? {
            let token = describe(tokenizer, &mut texts[row], &draw);
            tokens[row].push(token.clone());
            port::post(&EngineReply::Stream { id, event: Event::Token { sample: row as u32, token } });
        }
        if port::now_ms() - looked > SLICE_MS {
            port::yield_now().await;
            looked = port::now_ms();
            if !is_running(id) {
                break;
            }
        }
    }
    let rollouts = generator
        .finish()
        .into_iter()
        .zip(tokens)
        .enumerate()
        .map(|(row, (drawn, tokens))| Rollout {
            item: item.id.clone(),
            sample: row as u32,
            text: tokenizer.decode(&drawn.ids()),
            tokens,
            stop: drawn.stop,
            sampling: sampling.clone(),
        })
        .collect();
    Ok(EngineReply::Generated { id, rollouts, ms: port::now_ms() - start })
}

fn describe(tokenizer: &Tokenizer, text: &mut TextStream, draw: &Draw) -> TokenInfo {
    TokenInfo {
        id: draw.id,
        text: text.push(tokenizer, draw.id),
        logprob: draw.logprob,
        entropy: draw.entropy,
        alternatives: draw
            .alternatives
            .iter()
            .map(|&(id, logprob)| TokenAlternative { id, text: tokenizer.token_text(id), logprob })
            .collect(),
    }
}
