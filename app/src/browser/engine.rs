//! The engine in its Web Worker: requests out, replies back to whoever asked, and what is loaded.
//!
//! Only signals of plain data leave this file; the worker and its callbacks stay in a thread-local, because they cannot be
//! sent between threads and the server's half of the app has many.

use clicker_wire::{
    AdvantageScale, BenchSpec, EngineReply, EngineRequest, GroupJudgement, Item, Manifest, RewardConfig, Sampling,
    WeightsSource,
};
use leptos::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

/// How the worker is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum EngineStatus {
    /// Not started: no page has needed it yet.
    Idle,
    /// Its code is being fetched and compiled.
    Starting,
    /// Takes requests.
    Ready { build: String },
    /// Cannot run here.
    Failed(String),
}

/// How the weights of one slot are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ModelState {
    /// Bytes are arriving.
    Loading { received: u64, total: Option<u64>, cached: bool, note: Option<String> },
    /// Can answer.
    Ready { ms: f64, cached: bool, note: Option<String> },
    /// Could not be loaded.
    Failed(String),
}

type OnReply = Box<dyn FnMut(EngineReply)>;
type OnLoaded = Box<dyn FnOnce(Result<(), String>)>;

#[derive(Default)]
struct Link {
    worker: Option<Worker>,
    ready: bool,
    outbox: Vec<JsValue>,
    asking: BTreeMap<u64, OnReply>,
    loading: BTreeMap<String, Vec<OnLoaded>>,
    last_id: u64,
    _closures: Vec<Box<dyn std::any::Any>>,
}

thread_local! {
    static LINK: RefCell<Link> = RefCell::default();
}

/// The engine as pages see it.
#[derive(Clone, Copy)]
pub(crate) struct Engine {
    /// How the worker is.
    pub(crate) status: RwSignal<EngineStatus>,
    /// How the weights of each slot are.
    pub(crate) models: RwSignal<BTreeMap<String, ModelState>>,
}

impl Engine {
    /// Makes it available to every component below.
    pub(crate) fn provide() {
        provide_context(Self { status: RwSignal::new(EngineStatus::Idle), models: RwSignal::new(BTreeMap::new()) });
    }

    /// The engine of this page.
    pub(crate) fn here() -> Self {
        expect_context()
    }

    /// Starts the worker, once.
    pub(crate) fn start(self) {
        if LINK.with_borrow(|link| link.worker.is_some()) {
            return;
        }
        self.status.set(EngineStatus::Starting);
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        // A page's address that begins with it says how many threads the engine has.
        let asked =
            window().location().search().ok().filter(|search| search.starts_with("?threads=")).unwrap_or_default();
        let worker = match Worker::new_with_options(&format!("/pkg/engine.js{asked}"), &options) {
            Ok(worker) => worker,
            Err(_) => return self.fail("this browser does not allow module workers; use a current one"),
        };
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            // A line each.
            for line in message.data().as_string().unwrap_or_default().lines() {
                if let Ok(reply) = serde_json::from_str(line) {
                    self.receive(reply);
                }
            }
        });
        let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |error: ErrorEvent| {
            let message = error.message();
            let said = message.trim_start_matches("Uncaught ").trim_start_matches("Error: ");
            self.fail(if said.is_empty() { "its code could not be loaded; reload the page" } else { said });
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        LINK.with_borrow_mut(|link| {
            link.worker = Some(worker);
            link._closures = vec![Box::new(on_message), Box::new(on_error)];
        });
    }

    /// Loads a checkpoint under its id if it is not there yet, then calls back.
    pub(crate) fn load(self, manifest: &Manifest, then: impl FnOnce(Result<(), String>) + 'static) {
        let source = WeightsSource::Checkpoint { manifest: manifest.clone() };
        self.load_from(manifest.id.0.clone(), source, None, then);
    }

    /// Loads weights from anywhere under a name if it is not taken yet, then calls back. `bytes` travel with an attached
    /// file.
    pub(crate) fn load_from(
        self,
        slot: String,
        source: WeightsSource,
        bytes: Option<js_sys::ArrayBuffer>,
        then: impl FnOnce(Result<(), String>) + 'static,
    ) {
        let state = self.models.with_untracked(|models| models.get(&slot).cloned());
        match state {
            Some(ModelState::Ready { .. }) => return then(Ok(())),
            Some(ModelState::Loading { .. }) => {
                LINK.with_borrow_mut(|link| link.loading.entry(slot).or_default().push(Box::new(then)));
                return;
            }
            Some(ModelState::Failed(_)) | None => {}
        }
        let begun = ModelState::Loading { received: 0, total: None, cached: false, note: None };
        self.models.update(|models| drop(models.insert(slot.clone(), begun)));
        LINK.with_borrow_mut(|link| link.loading.entry(slot.clone()).or_default().push(Box::new(then)));
        let name = slot.clone();
        self.ask(bytes, |id| EngineRequest::Load { id, slot, source }, move |reply| self.loading(&name, reply));
    }

    /// Forgets every slot but these.
    pub(crate) fn keep_only(self, keep: &[&str]) {
        let gone: Vec<String> = self.models.with_untracked(|models| {
            let ready = models.iter().filter(|(_, state)| matches!(state, ModelState::Ready { .. }));
            ready.map(|(slot, _)| slot.clone()).filter(|slot| !keep.contains(&slot.as_str())).collect()
        });
        for slot in gone {
            self.models.update(|models| drop(models.remove(&slot)));
            let id = next_id();
            self.post(&EngineRequest::Unload { id, slot }, None);
        }
    }

    /// Samples a group from a loaded slot; every reply to it arrives at `on_reply`. Gives the request's id.
    pub(crate) fn generate(
        self,
        slot: String,
        item: Item,
        group_size: u32,
        sampling: Sampling,
        on_reply: impl FnMut(EngineReply) + 'static,
    ) -> u64 {
        let alternatives = 5;
        let (stop, logit_bias) = (Vec::new(), Vec::new());
        let request =
            |id| EngineRequest::Generate { id, slot, item, group_size, sampling, alternatives, stop, logit_bias };
        self.ask(None, request, on_reply)
    }

    /// Rewards texts and computes the group's advantages.
    pub(crate) fn judge(
        self,
        item: Item,
        texts: Vec<String>,
        reward: RewardConfig,
        judge: Option<String>,
        then: impl FnOnce(Result<GroupJudgement, String>) + 'static,
    ) {
        let mut then = Some(then);
        let request = |id| EngineRequest::Judge { id, item, texts, reward, scale: AdvantageScale::Group, judge };
        self.ask(None, request, move |reply| {
            let result = match reply {
                EngineReply::Judged { judgement, .. } => Ok(judgement),
                EngineReply::Failed { message, .. } => Err(message),
                _ => return,
            };
            if let Some(then) = then.take() {
                then(result);
            }
        });
    }

    /// Measures a loaded slot.
    pub(crate) fn bench(self, slot: String, spec: BenchSpec, on_reply: impl FnMut(EngineReply) + 'static) {
        self.ask(None, |id| EngineRequest::Bench { id, slot, spec }, on_reply);
    }

    /// Stops a request as soon as possible.
    pub(crate) fn cancel(self, id: u64) {
        self.post(&EngineRequest::Cancel { id }, None);
    }

    fn ask(
        self,
        bytes: Option<js_sys::ArrayBuffer>,
        request: impl FnOnce(u64) -> EngineRequest,
        on_reply: impl FnMut(EngineReply) + 'static,
    ) -> u64 {
        self.start();
        let id = next_id();
        LINK.with_borrow_mut(|link| drop(link.asking.insert(id, Box::new(on_reply))));
        if let EngineStatus::Failed(message) = self.status.get_untracked() {
            self.receive(EngineReply::Failed { id, message, cancelled: false });
        } else {
            self.post(&request(id), bytes);
        }
        id
    }

    fn post(self, request: &EngineRequest, bytes: Option<js_sys::ArrayBuffer>) {
        let Ok(json) = serde_json::to_string(request) else { return };
        let message = match bytes {
            Some(bytes) => js_sys::Array::of2(&json.into(), &bytes).into(),
            None => JsValue::from(json),
        };
        LINK.with_borrow_mut(|link| match &link.worker {
            Some(worker) if link.ready => send(worker, &message),
            _ => link.outbox.push(message),
        });
    }

    fn receive(self, reply: EngineReply) {
        let (id, last) = match &reply {
            EngineReply::Ready { build } => {
                self.status.set(EngineStatus::Ready { build: build.clone() });
                LINK.with_borrow_mut(|link| {
                    link.ready = true;
                    let waiting = std::mem::take(&mut link.outbox);
                    if let Some(worker) = &link.worker {
                        waiting.iter().for_each(|message| send(worker, message));
                    }
                });
                return;
            }
            // `Done` acknowledges a cancel under the id of the request that it stops: that one still ends by itself.
            EngineReply::Progress { id, .. } | EngineReply::Stream { id, .. } | EngineReply::Done { id } => {
                (*id, false)
            }
            EngineReply::Loaded { id, .. }
            | EngineReply::Generated { id, .. }
            | EngineReply::Scored { id, .. }
            | EngineReply::Tokenized { id, .. }
            | EngineReply::Detokenized { id, .. }
            | EngineReply::Reported { id, .. }
            | EngineReply::Judged { id, .. }
            | EngineReply::Benched { id, .. }
            | EngineReply::Failed { id, .. } => (*id, true),
        };
        // Taken out while it runs, because it may ask for more.
        let Some(mut on_reply) = LINK.with_borrow_mut(|link| link.asking.remove(&id)) else { return };
        on_reply(reply);
        if !last {
            LINK.with_borrow_mut(|link| link.asking.insert(id, on_reply));
        }
    }

    fn loading(self, slot: &str, reply: EngineReply) {
        let (state, result) = match reply {
            EngineReply::Progress { received, total, cached, note, .. } => {
                (ModelState::Loading { received, total, cached, note }, None)
            }
            EngineReply::Loaded { ms, cached, note, .. } => (ModelState::Ready { ms, cached, note }, Some(Ok(()))),
            EngineReply::Failed { message, .. } => (ModelState::Failed(message.clone()), Some(Err(message))),
            _ => return,
        };
        self.models.update(|models| drop(models.insert(slot.to_owned(), state)));
        if let Some(result) = result {
            let waiting = LINK.with_borrow_mut(|link| link.loading.remove(slot)).unwrap_or_default();
            waiting.into_iter().for_each(|then| then(result.clone()));
        }
    }

    fn fail(self, message: &str) {
        self.status.set(EngineStatus::Failed(message.to_owned()));
        let asking = LINK.with_borrow_mut(|link| std::mem::take(&mut link.asking));
        for (id, mut on_reply) in asking {
            on_reply(EngineReply::Failed { id, message: message.to_owned(), cancelled: false });
        }
    }
}

fn next_id() -> u64 {
    LINK.with_borrow_mut(|link| {
        link.last_id += 1;
        link.last_id
    })
}

fn send(worker: &Worker, message: &JsValue) {
    // An attached buffer is moved, not copied.
    let buffer = message.dyn_ref::<js_sys::Array>().map(|pair| pair.get(1));
    let sent = match buffer {
        Some(buffer) => worker.post_message_with_transfer(message, &js_sys::Array::of1(&buffer)),
        None => worker.post_message(message),
    };
    if sent.is_err() {
        leptos::logging::error!("the engine's worker did not take a message");
    }
}
