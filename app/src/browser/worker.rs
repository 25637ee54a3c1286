//! An engine in a Web Worker without the signals of [`super::engine`]: for code that runs beside the Leptos page.

use clicker_wire::{Item, LabSample, Preview, RewardConfig, Sampling};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::HashMap;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

type OnReply = Box<dyn FnMut(Reply)>;

/// What is asked of the engine, as in [`clicker_wire::EngineRequest`]: writing the other requests as well would cost bytes.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Load weights under a name.
    Load { id: u64, slot: String, source: Source },
    /// Draw a group of answers.
    Generate { id: u64, slot: String, item: Item, group_size: u32, sampling: Sampling, alternatives: u32 },
    /// Look at a reward.
    Preview {
        id: u64,
        samples: Option<Vec<LabSample>>,
        reward: RewardConfig,
        receipts: Vec<u32>,
        judge: Option<String>,
    },
}

/// A file of this server by its hash.
#[derive(Serialize)]
pub(crate) struct Source {
    from: &'static str,
    url: String,
    sha256: String,
}

impl Source {
    /// The object with this hash.
    pub(crate) fn object(sha256: &str) -> Self {
        Self { from: "url", url: format!("/objects/{sha256}"), sha256: sha256.to_owned() }
    }
}

/// What of the engine's replies is listened to. Reading the others as well would be a third of the package.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Reply {
    /// It takes requests.
    Ready {},
    /// A model is loaded.
    Loaded { id: u64 },
    /// A group is drawn.
    Generated { id: u64, rollouts: Vec<Said> },
    /// A reward on the answers.
    Previewed { id: u64, preview: Preview },
    /// A request failed.
    Failed { id: u64, message: String },
    /// Progress, tokens.
    #[serde(other)]
    Other,
}

/// An answer that was drawn.
#[derive(Deserialize)]
pub(crate) struct Said {
    /// Its text.
    pub(crate) text: String,
}

#[derive(Default)]
struct Link {
    worker: Option<Worker>,
    ready: bool,
    failed: Option<String>,
    outbox: Vec<String>,
    asking: HashMap<u64, OnReply>,
    last_id: u64,
}

thread_local! {
    static LINK: RefCell<Link> = RefCell::default();
}

/// Asks the engine, which is started if it is not there yet; the reply that ends it arrives at `on_reply`.
pub(crate) fn ask(request: impl FnOnce(u64) -> Ask, on_reply: impl FnMut(Reply) + 'static) {
    start();
    let (id, failed) = LINK.with_borrow_mut(|link| {
        link.last_id += 1;
        link.asking.insert(link.last_id, Box::new(on_reply));
        (link.last_id, link.failed.clone())
    });
    if let Some(message) = failed {
        return receive(Reply::Failed { id, message });
    }
    let Ok(json) = serde_json::to_string(&request(id)) else { return };
    LINK.with_borrow_mut(|link| match &link.worker {
        Some(worker) if link.ready => drop(worker.post_message(&JsValue::from(json))),
        _ => link.outbox.push(json),
    });
}

/// Starts the worker, once.
pub(crate) fn start() {
    if LINK.with_borrow(|link| link.worker.is_some() || link.failed.is_some()) {
        return;
    }
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    // Every keystroke is answered by it: another tab's answers must not come between.
    options.set_name("clicker-alone");
    let Ok(worker) = Worker::new_with_options("/pkg/engine.js?threads=0", &options) else {
        return fail("this browser does not allow module workers; use a current one");
    };
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|message: MessageEvent| {
        // A line each.
        for line in message.data().as_string().unwrap_or_default().lines() {
            if let Ok(reply) = serde_json::from_str(line) {
                receive(reply);
            }
        }
    });
    let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(|error: ErrorEvent| {
        let message = error.message();
        fail(if message.is_empty() { "the engine's code could not be loaded; reload the page" } else { &message });
    });
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    // Both live as long as the page.
    on_message.forget();
    on_error.forget();
    LINK.with_borrow_mut(|link| link.worker = Some(worker));
}

fn receive(reply: Reply) {
    let id = match &reply {
        Reply::Ready {} => {
            return LINK.with_borrow_mut(|link| {
                link.ready = true;
                let waiting = std::mem::take(&mut link.outbox);
                let Some(worker) = &link.worker else { return };
                waiting.into_iter().for_each(|json| drop(worker.post_message(&JsValue::from(json))));
            });
        }
        Reply::Other => return,
        Reply::Loaded { id } | Reply::Generated { id, .. } | Reply::Previewed { id, .. } | Reply::Failed { id, .. } => {
            *id
        }
    };
    // Taken out while it runs, because it may ask for more.
    if let Some(mut on_reply) = LINK.with_borrow_mut(|link| link.asking.remove(&id)) {
        on_reply(reply);
    }
}

fn fail(message: &str) {
    let asking = LINK.with_borrow_mut(|link| {
        link.failed = Some(message.to_owned());
        std::mem::take(&mut link.asking)
    });
    for (id, mut on_reply) in asking {
        on_reply(Reply::Failed { id, message: message.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_wire::{EngineRequest, WeightsSource};

    /// The engine reads what is written here, and means the same by it.
    #[test]
    fn requests_are_the_engines() {
        let (slot, item, sampling) = ("m".to_owned(), Item::free("Why?"), Sampling::default());
        let samples = Some(vec![LabSample { item: item.clone(), text: "So.".into() }]);
        let (reward, receipts) = (RewardConfig::default(), vec![0]);
        let source = WeightsSource::Url { url: "/objects/ab".into(), sha256: "ab".into() };
        for (asked, meant) in [
            (
                Ask::Load { id: 1, slot: slot.clone(), source: Source::object("ab") },
                EngineRequest::Load { id: 1, slot: slot.clone(), source },
            ),
            (
                Ask::Generate {
                    id: 2,
                    slot: slot.clone(),
                    item: item.clone(),
                    group_size: 8,
                    sampling: sampling.clone(),
                    alternatives: 0,
                },
                EngineRequest::Generate {
                    id: 2,
                    slot: slot.clone(),
                    item,
                    group_size: 8,
                    sampling,
                    alternatives: 0,
                    stop: Vec::new(),
                    logit_bias: Vec::new(),
                },
            ),
            (
                Ask::Preview {
                    id: 3,
                    samples: samples.clone(),
                    reward: reward.clone(),
                    receipts: receipts.clone(),
                    judge: Some(slot.clone()),
                },
                EngineRequest::Preview { id: 3, samples, reward, receipts, judge: Some(slot) },
            ),
        ] {
            let written = serde_json::to_string(&asked).unwrap();
            assert_eq!(serde_json::from_str::<EngineRequest>(&written).unwrap(), meant, "{written}");
        }
    }
}
