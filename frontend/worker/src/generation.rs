//! A group of answers to one prompt, streamed token by token.

use crate::card::{Card, Session};
use crate::engine::{Failure, Model, is_running, turns};
use crate::port;
use clicker_lm::{
    Adaptation, Constraint, Draw, Engine, GenerateOptions, Generator, Inference, PromptPass, Prompts, RowCache, Rule,
    Spoken, TextStream, Tokenizer, stream_seed,
};
use clicker_wire::{EngineReply, Event, Item, Rollout, Sampling, TokenAlternative, TokenInfo};
use std::ops::Range;

/// Milliseconds of work between two looks at the messages.
const SLICE_MS: f64 = 12.0;

/// Rows of a prompt computed between two looks at the clock.
const PROMPT_ROWS: usize = 16;

/// Most samples of one request: more than a class will ever compare, few enough for a phone's memory.
const MAX_GROUP: u32 = 64;

/// What to draw.
pub(crate) struct Wish<'a> {
    pub(crate) item: &'a Item,
    /// Which of the group's samples; each has a random stream of its own.
    pub(crate) samples: Range<u32>,
    pub(crate) sampling: &'a Sampling,
    pub(crate) alternatives: u32,
    pub(crate) stop: &'a [String],
    pub(crate) logit_bias: Vec<(u32, f32)>,
    /// The adapter of each group: all samples are drawn with each of these. At least one.
    pub(crate) with: Vec<Option<Adaptation>>,
    /// What every answer follows.
    pub(crate) rule: Option<Rule>,
}

/// The reply, tokens per second of decoding, and what is computed now. `spoken` is what was before. With a card and the slot that it
/// belongs to, it computes and nothing is kept; where it fails, the processor goes on.
pub(crate) async fn run(
    id: u64,
    model: &Model,
    wish: Wish<'_>,
    spoken: Option<Spoken>,
    card: Option<(Card, &str)>,
) -> Result<(EngineReply, Option<f64>, Option<Spoken>), Failure> {
    let Wish { item, samples, sampling, alternatives, stop, logit_bias, with, rule } = wish;
    let answers = u64::from(samples.end) * with.len() as u64;
    if samples.is_empty() || answers > MAX_GROUP.into() {
        return Err(format!("{answers} answers at once; expected 1 to {MAX_GROUP}").into());
    }
    let start = port::now_ms();
    let tokenizer = model.tokenizer()?;
    let prompt = model.template()?.prompt(tokenizer, &item.messages)?;
    let streams = samples.clone().map(|g| stream_seed(sampling.seed, 0, 0, g.into()));
    let rows: Vec<(usize, u64)> =
        (0..with.len()).flat_map(|group| streams.clone().map(move |stream| (group, stream))).collect();
    let options =
        GenerateOptions { sampling: sampling.clone(), stop: model.stop_tokens(), alternatives: alternatives as usize };
    // An adapter changes what is computed of the prompt too.
    let prompts = Prompts::new(&model.config, &vec![prompt; with.len()], &options)?;
    let (mut looked, mut known) = (start, 0);
    let opened = match card {
        Some(card) => Session::open(card, id, model, &prompts, &rows).await?.ok(),
        None => None,
    };
    let (mut session, computed) = match opened {
        Some((session, computed)) => (Some(session), computed),
        None => {
            let mut pass = pass_over(model, &prompts)?.adapted(with)?;
            known = spoken.as_ref().map_or(0, |spoken| pass.reuse(spoken));
            drop(spoken);
            if !prompted(&mut pass, id, &mut looked).await? {
                return Err(Failure::cancelled());
            }
            (None, pass.finish())
        }
    };
    let mut generator = Generator::after(&model.snapshot, &prompts, computed, &rows, options)?.biased(logit_bias)?;
    if let Some(rule) = rule {
        generator = generator.within(Constraint::new(rule, tokenizer))?;
    }
    let mut answers: Vec<Answer> = rows.iter().map(|_| Answer::default()).collect();
    let (prefilled, mut drawn) = (port::now_ms(), 0u32);
    // The first tokens go at once.
    looked = f64::NEG_INFINITY;
    while !generator.is_done() {
        let lost = match &session {
            Some(card) => card.advance(&mut generator).await.is_err(),
            None => false,
        };
        if lost {
            session = None;
            if !catch_up(&mut generator, id, model, &prompts, &rows, &mut looked).await? {
                break;
            }
        }
        for (row, draw) in generator.step()? {
            drawn += 1;
            let answer = &mut answers[row];
            let token = describe(tokenizer, &mut answer.stream, &draw);
            answer.text.push_str(&token.text);
            answer.tokens.push(token.clone());
            port::say(&EngineReply::Stream { id, event: Event::Token { sample: samples.start + row as u32, token } });
            if let Some(end) = first_of(stop, &answer.text) {
                answer.ends = Some(end);
                generator.stop(row);
            }
        }
        if pause(&mut looked).await {
            if !is_running(id) {
                break;
            }
            for (sample, with) in turns(id) {
                if session.is_some() && with.is_some() {
                    return Err("the graphics card computes this answer, and adapters are the processor's: call `useCpu` and ask again".into());
                }
                for row in sample.map_or(0..rows.len(), |row| row as usize..row as usize + 1) {
                    generator.cache_mut().adapt(row, with.clone())?;
                }
            }
        }
    }
    let decoding = port::now_ms() - prefilled;
    let (drawn_all, cache) = generator.finish_with_cache();
    let of: Vec<usize> = rows.iter().map(|row| row.0).collect();
    let spoken = session.is_none().then(|| Spoken::new(&prompts, cache, &of, &drawn_all));
    let rollouts = drawn_all
        .into_iter()
        .zip(answers)
        .enumerate()
        .map(|(row, (drawn, answer))| Rollout {
            item: item.id.clone(),
            sample: samples.start + row as u32,
            text: match answer.ends {
                Some(end) => answer.text[..end].to_owned(),
                None => tokenizer.decode(&drawn.ids()),
            },
            tokens: answer.tokens,
            stop: drawn.stop,
            sampling: sampling.clone(),
        })
        .collect();
    let rate = (drawn > 0 && decoding > 0.0).then(|| f64::from(drawn) / decoding * 1000.0);
    let computed = (prompts.ids.len() - known) as u32;
    Ok((EngineReply::Generated { id, rollouts, computed, ms: port::now_ms() - start }, rate, spoken))
}

fn pass_over<'a>(model: &'a Model, prompts: &Prompts) -> Result<PromptPass<'a>, Failure> {
    Ok(PromptPass::new(&model.snapshot, &prompts.ids, &prompts.plan, prompts.capacity)?)
}

/// Compute prompts; says whether the request still runs.
async fn prompted(pass: &mut PromptPass<'_>, id: u64, looked: &mut f64) -> Result<bool, Failure> {
    while !pass.step(PROMPT_ROWS)? {
        if pause(looked).await && !is_running(id) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The card has failed: the processor computes the prompts, and of every row the tokens that it has drawn, but for the last, which comes
/// next. Says whether the request still runs.
async fn catch_up(
    generator: &mut Generator<'_, Engine>,
    id: u64,
    model: &Model,
    prompts: &Prompts,
    rows: &[(usize, u64)],
    looked: &mut f64,
) -> Result<bool, Failure> {
    let mut pass = pass_over(model, prompts)?;
    if !prompted(&mut pass, id, looked).await? {
        return Ok(false);
    }
    let (_, mut cache) = pass.finish();
    for &(prompt, _) in rows {
        cache.add_row(prompt)?;
    }
    *generator.cache_mut() = cache;
    for t in 0.. {
        let drawn = |row: usize| generator.drawn(row).map_or(&[][..], |drawn| &drawn.draws);
        let there: Vec<usize> = (0..rows.len()).filter(|&row| drawn(row).len() > t + 1).collect();
        if there.is_empty() {
            break;
        }
        let ids: Vec<u32> = there.iter().map(|&row| drawn(row)[t].id).collect();
        model.snapshot.step(&ids, &there, generator.cache_mut())?;
        if pause(looked).await && !is_running(id) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Look at the messages if that is due; says whether it was.
async fn pause(looked: &mut f64) -> bool {
    if port::now_ms() - *looked <= SLICE_MS {
        return false;
    }
    port::yield_now().await;
    *looked = port::now_ms();
    true
}

/// One sample while it grows.
#[derive(Default)]
struct Answer {
    stream: TextStream,
    text: String,
    tokens: Vec<TokenInfo>,
    /// Where a stop text begins.
    ends: Option<usize>,
}

/// Where the first of some texts begins.
fn first_of(texts: &[String], within: &str) -> Option<usize> {
    texts.iter().filter(|t| !t.is_empty()).filter_map(|t| within.find(t.as_str())).min()
}

/// Tokens of a text that is no conversation: behind the model's begin marker, if it has one.
pub(crate) fn plain(model: &Model, text: &str) -> Result<Vec<u32>, Failure> {
    Ok(model.config.bos.into_iter().chain(model.tokenizer()?.encode(text)?).collect())
}

/// How likely the model finds an answer.
pub(crate) fn score(
    id: u64,
    model: &Model,
    item: &Item,
    text: &str,
    alternatives: u32,
) -> Result<EngineReply, Failure> {
    let tokenizer = model.tokenizer()?;
    let mut ids = model.template()?.prompt(tokenizer, &item.messages)?;
    let first = ids.len();
    ids.extend(tokenizer.encode(text)?);
    let draws = model.snapshot.score(&ids, first, alternatives as usize)?;
    let logprob = draws.iter().map(|d| f64::from(d.logprob)).sum();
    let mut stream = TextStream::default();
    let tokens = draws.iter().map(|draw| describe(tokenizer, &mut stream, draw)).collect();
    Ok(EngineReply::Scored { id, tokens, logprob })
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
