//! Tokens per second of this engine in this tab: prefill, one stream, and a group over one prompt.

use crate::card::{Card, Session};
use crate::engine::{Failure, Model, is_running};
use crate::port;
use clicker_lm::{GenerateOptions, Generator, Prompts};
use clicker_wire::{BenchReport, BenchSpec, EngineReply, Sampling};

pub(crate) async fn run(
    id: u64,
    model: &Model,
    spec: BenchSpec,
    card: Option<(Card, &str)>,
) -> Result<EngineReply, Failure> {
    let context = model.config.context as u32;
    if spec.runs == 0
        || spec.prompt_tokens == 0
        || spec.new_tokens < 2
        || spec.group == 0
        || spec.prompt_tokens + spec.new_tokens > context
    {
        return Err(format!(
            "prompt {} + new {} tokens, {} runs, group {}; expected at least 1, 2, 1 and 1, and together at most the model's {context} tokens",
            spec.prompt_tokens, spec.new_tokens, spec.runs, spec.group
        )
        .into());
    }
    // Any ids do: the arithmetic is the same for all. These repeat with a period that shares no factor with common sizes.
    let prompt: Vec<u32> = (0..spec.prompt_tokens).map(|i| (i * 7 + 3) % (model.config.vocab as u32)).collect();
    let (mut runs, mut greedy_ids) = (Vec::new(), Vec::new());
    for _ in 0..spec.runs {
        let (prefill_ms, decode_ms, ids) = time(id, model, &prompt, 1, spec.new_tokens, card.clone()).await?;
        let (_, group_ms, _) = time(id, model, &prompt, spec.group, spec.new_tokens, card.clone()).await?;
        let rate = |tokens: u32, ms: f64| f64::from(tokens) / ms * 1000.0;
        // The first new token comes out of the prompt's own pass.
        runs.push((
            rate(spec.prompt_tokens, prefill_ms),
            rate(spec.new_tokens - 1, decode_ms),
            rate((spec.new_tokens - 1) * spec.group, group_ms),
        ));
        greedy_ids = ids;
    }
    let on = card.map_or_else(crate::build, |(card, _)| format!("on {}", card.name()));
    let report = BenchReport {
        prefill_tps: median(runs.iter().map(|r| r.0)),
        decode_tps: median(runs.iter().map(|r| r.1)),
        group_tps: median(runs.iter().map(|r| r.2)),
        spec,
        runs,
        greedy_ids,
        sha256: None,
        engine: format!("clicker {}, {on}", env!("CARGO_PKG_VERSION")),
    };
    Ok(EngineReply::Benched { id, report })
}

/// Milliseconds of prefill and of decoding, and the first sample's ids.
async fn time(
    id: u64,
    model: &Model,
    prompt: &[u32],
    group: u32,
    new_tokens: u32,
    card: Option<(Card, &str)>,
) -> Result<(f64, f64, Vec<u32>), Failure> {
    let options = GenerateOptions {
        sampling: Sampling { temperature: 0.0, max_new_tokens: new_tokens, ..Sampling::default() },
        stop: Vec::new(),
        alternatives: 0,
    };
    let rows: Vec<(usize, u64)> = (0..group).map(|g| (0, g.into())).collect();
    let start = port::now_ms();
    let prompts = [prompt.to_vec()];
    let (session, mut generator) = match card {
        Some(card) => {
            let prompts = Prompts::new(&model.config, &prompts, &options)?;
            let (session, computed) =
                Session::open(card, id, model, &prompts, &rows).await?.map_err(|why| void(&why))?;
            (Some(session), Generator::after(&model.snapshot, &prompts, computed, &rows, options)?)
        }
        None => (None, Generator::new(&model.snapshot, &prompts, &rows, options)?),
    };
    generator.step()?;
    let prefilled = port::now_ms();
    let mut worked = 0.0;
    while !generator.is_done() {
        let slice = port::now_ms();
        if let Some(session) = &session {
            session.advance(&mut generator).await.map_err(|why| void(&why))?;
        }
        generator.step()?;
        worked += port::now_ms() - slice;
        if port::now_ms() - prefilled > 200.0 && worked > 200.0 {
            port::yield_now().await;
            if !is_running(id) {
                return Err(Failure::cancelled());
            }
        }
    }
    let first = generator.finish().into_iter().next().map(|d| d.ids()).unwrap_or_default();
    Ok((prefilled - start, worked, first))
}

/// What a measurement that a card did not survive says.
fn void(why: &str) -> Failure {
    format!("{why}; so there is no measurement, and the processor computes this model from now on").into()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
