//! Slots, and what is done with each request. Requests run side by side as tasks of the worker's one thread; a request is
//! cancelled by its id, at the next token or the next chunk.

use crate::card::{self, Card};
use crate::generation::Wish;
use crate::port::{self, Asked, Incoming};
use crate::weights::{Attached, WebFile};
use crate::{bench, generation, judge, judges, preview, program};
use clicker_lm::{Adaptation, EngineAdapter, LoadedModel, Spoken};
use clicker_rewards::Outside;
use clicker_rewards::openai::Replies;
use clicker_wire::{
    BenchSpec, EngineReply, EngineReport, EngineRequest, FileKind, LabSample, PreviewReply, RewardConfig, WeightsSource,
};
use js_sys::Uint8Array;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use wasm_bindgen::prelude::*;
use web_sys::{AbortController, MessageEvent};

thread_local! {
    static ENGINE: RefCell<State> = RefCell::default();
}

/// What the worker holds.
#[derive(Default)]
pub(crate) struct State {
    slots: HashMap<String, Rc<Model>>,
    /// By slot and name.
    pub(crate) adapters: HashMap<(String, String), Arc<EngineAdapter>>,
    /// Slots that the graphics card computes.
    pub(crate) cards: HashMap<String, Card>,
    /// What the last answers of a slot left computed.
    spoken: HashMap<String, Spoken>,
    /// Draws in progress, by request.
    pub(crate) steering: HashMap<u64, InProgress>,
    loads: HashMap<u64, AbortController>,
    running: HashSet<u64>,
    last_decode_tps: Option<f64>,
    /// What the reward lab looks at.
    samples: Rc<Vec<LabSample>>,
    /// What models have said of answers.
    replies: Rc<Replies>,
}

/// A loaded model.
pub(crate) type Model = LoadedModel<clicker_lm::Engine>;

/// Answers that are being drawn.
pub(crate) struct InProgress {
    pub(crate) slot: String,
    pub(crate) samples: u32,
    /// What was asked since the last look.
    pub(crate) turns: Vec<Turn>,
}

/// A sample, or all, and its adapter from the next token on.
pub(crate) type Turn = (Option<u32>, Option<Adaptation>);

/// Most bytes of keys and values that are kept for what a conversation says next.
const MOST_KEPT: usize = 32 << 20;

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

async fn handle(Incoming { asked, bytes, share }: Incoming) {
    let request = match asked {
        Asked::Engine(request) => *request,
        Asked::Program(request) => return program::handle(*request, bytes).await,
    };
    let (id, result) = match request {
        EngineRequest::Load { id, slot, source } => {
            let result = load(id, slot, source, bytes).await;
            ENGINE.with_borrow_mut(|e| e.loads.remove(&id));
            (id, result)
        }
        EngineRequest::Unload { id, slot } => {
            ENGINE.with_borrow_mut(|e| e.empty(&slot));
            (id, Ok(EngineReply::Done { id }))
        }
        EngineRequest::Generate { id, slot, item, group_size, sampling, alternatives, stop, logit_bias } => {
            begin(id);
            let samples = share.map_or(0..group_size, |(first, samples)| first..first.saturating_add(samples));
            let (stop, with) = (stop.as_slice(), vec![None]);
            let wish =
                Wish { item: &item, samples, sampling: &sampling, alternatives, stop, logit_bias, with, rule: None };
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
                Ok(model) => {
                    let card = with(|e| e.cards.get(&slot).cloned()).map(|card| (card, slot.as_str()));
                    bench::run(id, &model, spec, card).await
                }
                Err(error) => Err(error),
            };
            (id, result)
        }
    };
    end(id);
    reply(id, result);
}

/// Tell the page how a request ended.
pub(crate) fn reply(id: u64, result: Result<EngineReply, Failure>) {
    port::post(&result.unwrap_or_else(|failure| EngineReply::Failed {
        id,
        message: failure.message,
        cancelled: failure.cancelled,
    }));
}

/// Look at what the worker holds, or change it.
pub(crate) fn with<T>(look: impl FnOnce(&mut State) -> T) -> T {
    ENGINE.with_borrow_mut(look)
}

impl State {
    /// A slot's model goes, and whatever belongs to it.
    fn empty(&mut self, slot: &str) {
        self.slots.remove(slot);
        card::leave(&mut self.cards, slot);
        self.spoken.remove(slot);
        self.adapters.retain(|(of, _), _| of != slot);
        // What it said as a judge, or would not say while it was not there.
        self.replies.forget();
    }
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

/// A request that may be stopped begins.
pub(crate) fn begin(id: u64) {
    ENGINE.with_borrow_mut(|e| e.running.insert(id));
}

/// It is over.
pub(crate) fn end(id: u64) {
    ENGINE.with_borrow_mut(|e| {
        e.running.remove(&id);
        e.steering.remove(&id);
    });
}

/// What samples of a draw shall compute with from now on, said since the last time.
pub(crate) fn turns(id: u64) -> Vec<Turn> {
    ENGINE.with_borrow_mut(|e| e.steering.get_mut(&id).map(|draw| std::mem::take(&mut draw.turns)).unwrap_or_default())
}

/// The model of a slot.
pub(crate) fn model(slot: &str) -> Result<Rc<Model>, Failure> {
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

/// Draw answers, and keep what they left computed.
pub(crate) async fn generate(id: u64, slot: &str, wish: Wish<'_>) -> Result<EngineReply, Failure> {
    let model = model(slot)?;
    let (spoken, card) = ENGINE.with_borrow_mut(|e| (e.spoken.remove(slot), e.cards.get(slot).cloned()));
    // Adapters are the engine's alone.
    let card = card.filter(|_| wish.with.iter().all(Option::is_none)).map(|card| (card, slot));
    let (reply, rate, spoken) = generation::run(id, &model, wish, spoken, card).await?;
    ENGINE.with_borrow_mut(|e| {
        e.last_decode_tps = rate.or(e.last_decode_tps);
        // The slot may hold another model by now.
        let same = e.slots.get(slot).is_some_and(|now| Rc::ptr_eq(now, &model));
        if let Some(spoken) = spoken.filter(|spoken| same && spoken.bytes() <= MOST_KEPT) {
            e.spoken.insert(slot.to_owned(), spoken);
        }
    });
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
            build: crate::build(),
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
    #[cfg(target_feature = "atomics")]
    let sha256 = crate::threads::hash_of(&source);
    let (model, cached) = match source {
        WeightsSource::Checkpoint { manifest } => {
            let file = manifest.file(FileKind::Browser).ok_or("this checkpoint has no file for browsers")?;
            fetched(id, &format!("/objects/{}", file.sha256), &file.sha256).await?
        }
        WeightsSource::Url { url, sha256 } => fetched(id, &url, &sha256).await?,
        WeightsSource::Attached { name } => {
            let bytes = attached.ok_or_else(|| format!("the bytes of {name} did not come with the message"))?;
            (LoadedModel::for_engine(&Attached(bytes))?, false)
        }
    };
    #[cfg(target_feature = "atomics")]
    crate::threads::probe(&model, &sha256);
    ENGINE.with_borrow_mut(|e| {
        e.empty(&slot);
        e.slots.insert(slot.clone(), Rc::new(model));
    });
    Ok(EngineReply::Loaded { id, slot, ms: port::now_ms() - start, cached, note: None })
}

/// A model by address, and whether it came from this browser.
async fn fetched(id: u64, url: &str, sha256: &str) -> Result<(Model, bool), Failure> {
    let mut file = open(id, url, sha256).await?;
    // Parts of a kept file are hashed beside the reading: at the end they are whole, or have been mended and are read again, or
    // cannot be and are fetched with all the others.
    for _ in 0..3 {
        let model = read(&file).await;
        let whole = file.is_whole().await;
        if !ENGINE.with_borrow(|e| e.loads.contains_key(&id)) {
            return Err(Failure::cancelled());
        }
        match whole {
            Ok(true) => return Ok((model?, file.is_cached())),
            Ok(false) => {}
            Err(_) => {
                drop(file);
                file = open(id, url, sha256).await?;
            }
        }
    }
    Err(format!("what this browser keeps of {url} is damaged again and again; is its disk full or failing?").into())
}

async fn read(file: &WebFile) -> Result<Model, Failure> {
    let mut loading = LoadedModel::begin(file)?;
    while !loading.snapshot.step(file)? {
        file.keep_up().await?;
    }
    Ok(loading.finish())
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
    match wasm_bindgen_futures::JsFuture::from(promise).await {
        Ok(file) => WebFile::new(file).ok_or_else(|| format!("{url} was opened and cannot be read").into()),
        Err(_) if controller.signal().aborted() => Err(Failure::cancelled()),
        Err(error) => Err(format!("could not load {url}: {}", port::said(&error)).into()),
    }
}
