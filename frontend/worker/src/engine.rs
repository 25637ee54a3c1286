//! Slots, and what is done with each request. Requests run side by side as tasks of the worker's one thread; a request is
//! cancelled by its id, at the next token or the next chunk.

use crate::port::{self, Incoming};
use crate::{bench, generation, judge, preview};
use clicker_lm::LoadedModel;
use clicker_wire::{EngineReply, EngineRequest, FileKind, LabSample, PreviewReply, WeightsSource};
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
    /// What the reward lab looks at.
    samples: Rc<Vec<LabSample>>,
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

async fn handle(Incoming { request, bytes }: Incoming) {
    let (id, result) = match request {
        EngineRequest::Load { id, slot, source } => (id, load(id, slot, source, bytes).await),
        EngineRequest::Unload { id, slot } => {
            ENGINE.with_borrow_mut(|e| e.slots.remove(&slot));
            (id, Ok(EngineReply::Done { id }))
        }
        EngineRequest::Generate { id, slot, item, group_size, sampling, alternatives } => {
            begin(id);
            let result = match model(&slot) {
                Ok(model) => generation::run(id, &model, &item, group_size, &sampling, alternatives).await,
                Err(error) => Err(error),
            };
            (id, result)
        }
        EngineRequest::Judge { id, item, texts, reward, scale } => {
            (id, judge::judge(&item, &texts, &reward, scale).map(|judgement| EngineReply::Judged { id, judgement }))
        }
        EngineRequest::Preview { id, samples, reward, receipts } => {
            if let Some(samples) = samples {
                ENGINE.with_borrow_mut(|e| e.samples = Rc::new(samples));
            }
            let samples = ENGINE.with_borrow(|e| e.samples.clone());
            match preview::preview(&reward, &samples, &receipts) {
                Ok(preview) => return port::post(&PreviewReply::Previewed { id, preview }),
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

async fn load(id: u64, slot: String, source: WeightsSource, attached: Option<Vec<u8>>) -> Result<EngineReply, Failure> {
    let start = port::now_ms();
    let (bytes, cached) = match source {
        WeightsSource::Checkpoint { manifest } => {
            let file = manifest.file(FileKind::Browser).ok_or("this checkpoint has no file for browsers")?;
            fetch(id, &format!("/objects/{}", file.sha256), &file.sha256).await?
        }
        WeightsSource::Url { url } => fetch(id, &url, "").await?,
        WeightsSource::Attached { name } => {
            (attached.ok_or_else(|| format!("the bytes of {name} did not come with the message"))?, false)
        }
    };
    let model = LoadedModel::for_engine(&bytes)?;
    ENGINE.with_borrow_mut(|e| e.slots.insert(slot.clone(), Rc::new(model)));
    Ok(EngineReply::Loaded { id, slot, ms: port::now_ms() - start, cached })
}

async fn fetch(id: u64, url: &str, sha256: &str) -> Result<(Vec<u8>, bool), Failure> {
    let controller = AbortController::new().map_err(|e| port::said(&e))?;
    let progress =
        Closure::<dyn FnMut(f64, Option<f64>, bool)>::new(move |received: f64, total: Option<f64>, cached: bool| {
            port::post(&EngineReply::Progress {
                id,
                received: received as u64,
                total: total.map(|t| t as u64),
                cached,
            });
        });
    let promise = port::fetch_weights(url, sha256, progress.as_ref().unchecked_ref(), &controller.signal());
    ENGINE.with_borrow_mut(|e| e.loads.insert(id, controller.clone()));
    let result = wasm_bindgen_futures::JsFuture::from(promise).await;
    ENGINE.with_borrow_mut(|e| e.loads.remove(&id));
    let result = match result {
        Ok(result) => result,
        Err(_) if controller.signal().aborted() => return Err(Failure::cancelled()),
        Err(error) => return Err(format!("could not load {url}: {}", port::said(&error)).into()),
    };
    let field = |name: &str| js_sys::Reflect::get(&result, &JsValue::from_str(name)).unwrap_or_default();
    Ok((js_sys::Uint8Array::new(&field("bytes")).to_vec(), field("cached").as_bool().unwrap_or(false)))
}
