//! Slots, and what is done with each request. Requests run side by side as tasks of the worker's one thread; a request is
//! cancelled by its id, at the next token or the next chunk.

use crate::generation::Wish;
use crate::port::{self, Incoming};
use crate::weights::{Attached, WebFile};
use crate::{bench, generation, judge, judges, preview};
use clicker_lm::LoadedModel;
use clicker_rewards::Outside;
use clicker_rewards::openai::Replies;
use clicker_wire::{
    BenchSpec, EngineReply, EngineReport, EngineRequest, FileKind, LabSample, PreviewReply, RewardConfig, WeightsSource,
};
use js_sys::Uint8Array;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{AbortController, MessageEvent};

thread_local! {
    static ENGINE: RefCell<State> = RefCell::default();
}

#[derive(Default)]
struct State {
    slots: HashMap<String, Rc<LoadedModel<clicker_lm::Engine>>>,
    loads: HashMap<u64, AbortController>,
    running: HashSet<u64>,
    last_decode_tps: Option<f64>,
    /// What the reward lab looks at.
    samples: Rc<Vec<LabSample>>,
    /// What models have said of answers.
    replies: Rc<Replies>,
}

/// Answer every message from now on.
pub(crate) fn listen() {
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| match port::read(&event.data()) {
        Ok(incoming) => wasm_bindgen_futures::spawn_local(handle(incoming)),
        Err(message) => port::post(&EngineReply::Failed { id: 0, message, cancelled: false }),
    });
    port::scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // Lives as long as the worker.
    on_message.forget();
}

async fn handle(Incoming { request, bytes, share }: Incoming) {
    let (id, result) = match request {
        EngineRequest::Load { id, slot, source } => (id, load(id, slot, source, bytes).await),
        EngineRequest::Unload { id, slot } => {
            ENGINE.with_borrow_mut(|e| {
                e.slots.remove(&slot);
                e.replies.forget();
            });
            (id, Ok(EngineReply::Done { id }))
        }
        EngineRequest::Generate { id, slot, item, group_size, sampling, alternatives, stop, logit_bias } => {
            begin(id);
            let samples = share.map_or(0..group_size, |(first, samples)| first..first.saturating_add(samples));
            let wish = Wish { item: &item, samples, sampling: &sampling, alternatives, stop: &stop, logit_bias };
            (id, generate(id, &slot, wish).await)
        }
        EngineRequest::Score { id, slot, item, text, alternatives } => {
            (id, model(&slot).and_then(|model| generation::score(id, &model, &item, &text, alternatives)))
        }
        EngineRequest::Tokenize { id, slot, text } => (id, tokenize(id, &slot, &text)),
        EngineRequest::Detokenize { id, slot, ids } => (id, detokenize(id, &slot, &ids)),
        EngineRequest::Report { id } => (id, Ok(EngineReply::Reported { id, report: report() })),
        EngineRequest::Judge { id, item, texts, reward, scale, judge } => {
            let work = |outside: Outside<'_>| judge::judge(&item, &texts, &reward, scale, outside);
            let judged = judging(&reward, judge.as_deref(), work).map(|(mut judgement, left)| {
                judgement.judging = left;
                EngineReply::Judged { id, judgement }
            });
            (id, judged)
        }
        EngineRequest::Preview { id, samples, reward, receipts, judge } => {
            if let Some(samples) = samples {
                ENGINE.with_borrow_mut(|e| e.samples = Rc::new(samples));
            }
            let samples = ENGINE.with_borrow(|e| e.samples.clone());
            let work = |outside: Outside<'_>| preview::preview(&reward, &samples, &receipts, outside);
            match judging(&reward, judge.as_deref(), work) {
                Ok((mut preview, left)) => {
                    preview.judging = left;
                    return port::post(&PreviewReply::Previewed { id, preview });
                }
                Err(error) => (id, Err(error)),
            }
        }
        EngineRequest::Cancel { id } => {
            ENGINE.with_borrow_mut(|e| {
                e.running.remove(&id);
                if let Some(load) = e.loads.remove(&id) {
                    load.abort();
                }
            });
            (id, Ok(EngineReply::Done { id }))
        }
        EngineRequest::Bench { id, slot, spec } => {
            begin(id);
            let spec = match share {
                Some((_, group)) => BenchSpec { group, runs: 1, ..spec },
                None => spec,
            };
            let result = match model(&slot) {
                Ok(model) => bench::run(id, &model, spec).await,
                Err(error) => Err(error),
            };
            (id, result)
        }
    };
    ENGINE.with_borrow_mut(|e| e.running.remove(&id));
    port::post(&result.unwrap_or_else(|failure| EngineReply::Failed {
        id,
        message: failure.message,
        cancelled: failure.cancelled,
    }));
}

/// Why a request has no result.
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) cancelled: bool,
}

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { message: error.to_string(), cancelled: false }
    }
}

impl Failure {
    pub(crate) fn cancelled() -> Self {
        Self { message: "stopped".into(), cancelled: true }
    }
}

/// Whether a request may go on.
pub(crate) fn is_running(id: u64) -> bool {
    ENGINE.with_borrow(|e| e.running.contains(&id))
}

fn begin(id: u64) {
    ENGINE.with_borrow_mut(|e| e.running.insert(id));
}

fn model(slot: &str) -> Result<Rc<LoadedModel<clicker_lm::Engine>>, Failure> {
    ENGINE
        .with_borrow(|e| e.slots.get(slot).cloned())
        .ok_or_else(|| format!("no model is loaded as `{slot}`; load one first").into())
}

/// Does `work` with the models of this tab as judges.
fn judging<T>(
    reward: &RewardConfig,
    own: Option<&str>,
    work: impl FnOnce(Outside<'_>) -> Result<T, Failure>,
) -> Result<(T, u32), Failure> {
    let (panel, replies) = ENGINE.with_borrow(|e| {
        let panel = judges::panel(reward, own, |slot| e.slots.get(slot).cloned());
        (panel, Rc::clone(&e.replies))
    });
    judges::within(&panel, &replies, work)
}

async fn generate(id: u64, slot: &str, wish: Wish<'_>) -> Result<EngineReply, Failure> {
    let model = model(slot)?;
    let (reply, rate) = generation::run(id, &model, wish).await?;
    ENGINE.with_borrow_mut(|e| e.last_decode_tps = rate.or(e.last_decode_tps));
    Ok(reply)
}

fn tokenize(id: u64, slot: &str, text: &str) -> Result<EngineReply, Failure> {
    Ok(EngineReply::Tokenized { id, ids: model(slot)?.tokenizer()?.encode(text)? })
}

fn detokenize(id: u64, slot: &str, ids: &[u32]) -> Result<EngineReply, Failure> {
    Ok(EngineReply::Detokenized { id, text: model(slot)?.tokenizer()?.decode(ids) })
}

fn report() -> EngineReport {
    ENGINE.with_borrow(|e| {
        let mut models: Vec<(String, u64)> =
            e.slots.iter().map(|(slot, model)| (slot.clone(), model.snapshot.bytes() as u64)).collect();
        models.sort();
        EngineReport {
            build: crate::build().into(),
            memory_bytes: port::memory_bytes(),
            models,
            last_decode_tps: e.last_decode_tps,
        }
    })
}

async fn load(
    id: u64,
    slot: String,
    source: WeightsSource,
    attached: Option<Uint8Array>,
) -> Result<EngineReply, Failure> {
    let start = port::now_ms();
    let file = match source {
        WeightsSource::Checkpoint { manifest } => {
            let file = manifest.file(FileKind::Browser).ok_or("this checkpoint has no file for browsers")?;
            open(id, &format!("/objects/{}", file.sha256), &file.sha256).await?
        }
        WeightsSource::Url { url, sha256 } => open(id, &url, &sha256).await?,
        WeightsSource::Attached { name } => {
            let bytes = attached.ok_or_else(|| format!("the bytes of {name} did not come with the message"))?;
            keep(&slot, LoadedModel::for_engine(&Attached(bytes))?);
            return Ok(EngineReply::Loaded { id, slot, ms: port::now_ms() - start, cached: false, note: None });
        }
    };
    keep(&slot, LoadedModel::for_engine(&file)?);
    Ok(EngineReply::Loaded { id, slot, ms: port::now_ms() - start, cached: file.is_cached(), note: None })
}

fn keep(slot: &str, model: LoadedModel<clicker_lm::Engine>) {
    ENGINE.with_borrow_mut(|e| {
        e.slots.insert(slot.to_owned(), Rc::new(model));
        // Another model may have lain there, or none.
        e.replies.forget();
    });
}

async fn open(id: u64, url: &str, sha256: &str) -> Result<WebFile, Failure> {
    let controller = AbortController::new().map_err(|e| port::said(&e))?;
    let progress =
        Closure::<dyn FnMut(f64, Option<f64>, bool)>::new(move |received: f64, total: Option<f64>, cached: bool| {
            port::post(&EngineReply::Progress {
                id,
                received: received as u64,
                total: total.map(|t| t as u64),
                cached,
                note: None,
            });
        });
    let promise = port::open_weights(url, sha256, progress.as_ref().unchecked_ref(), &controller.signal());
    ENGINE.with_borrow_mut(|e| e.loads.insert(id, controller.clone()));
    let result = wasm_bindgen_futures::JsFuture::from(promise).await;
    ENGINE.with_borrow_mut(|e| e.loads.remove(&id));
    match result {
        Ok(file) => WebFile::new(file).ok_or_else(|| format!("{url} was opened and cannot be read").into()),
        Err(_) if controller.signal().aborted() => Err(Failure::cancelled()),
        Err(error) => Err(format!("could not load {url}: {}", port::said(&error)).into()),
    }
}
