//! The message port: JSON out, JSON with optional bytes in, and the few globals that `boot.js` provides.

use clicker_wire::{EngineRequest, ProgramRequest};
use js_sys::{Array, Function, Promise, Uint8Array};
use serde::Serialize;
use std::cell::RefCell;
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, DedicatedWorkerGlobalScope};

#[wasm_bindgen]
extern "C" {
    /// Resolves after the messages that are already waiting have been handled.
    #[wasm_bindgen(js_name = clickerYield)]
    fn yield_promise() -> Promise;

    /// Milliseconds since the worker started.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(crate) fn now_ms() -> f64;

    /// See `weights.js`.
    #[wasm_bindgen(js_name = clickerOpen)]
    pub(crate) fn open_weights(url: &str, sha256: &str, progress: &Function, signal: &AbortSignal) -> Promise;
}

thread_local! {
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A request of a page or of a program.
pub(crate) enum Asked {
    Engine(Box<EngineRequest>),
    Program(Box<ProgramRequest>),
}

/// A request and the bytes that came with it.
pub(crate) struct Incoming {
    pub(crate) asked: Asked,
    pub(crate) bytes: Option<Uint8Array>,
    /// Of a group that `pool.js` shares among workers: the first sample to compute here, and how many.
    pub(crate) share: Option<(u32, u32)>,
}

/// Read a message: a JSON string, [JSON string, ArrayBuffer], or [JSON string, null, first sample, samples].
pub(crate) fn read(data: &JsValue) -> Result<Incoming, String> {
    let (json, bytes, share) = match data.dyn_ref::<Array>() {
        Some(parts) => {
            let (bytes, number) = (parts.get(1), |i| parts.get(i).as_f64().map(|n| n as u32));
            (parts.get(0), bytes.is_object().then(|| Uint8Array::new(&bytes)), number(2).zip(number(3)))
        }
        None => (data.clone(), None, None),
    };
    let json =
        json.as_string().ok_or("a message must be a JSON string, or a list of a JSON string and an ArrayBuffer")?;
    let problem = |e: serde_json::Error| format!("the engine does not understand the message: {e}");
    let asked = match serde_json::from_str(&json) {
        Ok(request) => Asked::Engine(Box::new(request)),
        // Kinds that pages do not use.
        Err(error) if error.to_string().starts_with("unknown variant") => {
            Asked::Program(Box::new(serde_json::from_str(&json).map_err(problem)?))
        }
        Err(error) => return Err(problem(error)),
    };
    Ok(Incoming { asked, bytes, share })
}

/// Send a reply to the page.
pub(crate) fn post(reply: &impl Serialize) {
    say(reply);
    send();
}

/// Send a reply with the next that is posted, or with the next look at the messages: a message costs as much as a token of a small model.
pub(crate) fn say(reply: &impl Serialize) {
    // Wire types always serialise: there is nobody else to tell.
    if let Ok(json) = serde_json::to_string(reply) {
        SAID.with_borrow_mut(|said| {
            if !said.is_empty() {
                said.push('\n');
            }
            said.push_str(&json);
        });
    }
}

/// Send what was said, a line each.
fn send() {
    // Out of its place first: who hears it may make the engine say something.
    let said = SAID.take();
    if !said.is_empty() {
        // A string can always be cloned.
        let _ = scope().post_message(&JsValue::from_str(&said));
    }
}

/// The worker's global object.
pub(crate) fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Bytes of this module's memory.
pub(crate) fn memory_bytes() -> u64 {
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    memory.buffer().unchecked_into::<js_sys::ArrayBuffer>().byte_length().into()
}

/// Let waiting messages (a stop, say) be handled.
pub(crate) async fn yield_now() {
    send();
    // The promise never rejects.
    let _ = wasm_bindgen_futures::JsFuture::from(yield_promise()).await;
}

/// What a rejected promise or a thrown error says.
pub(crate) fn said(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map(|e| String::from(e.message()))
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "an unknown error".into())
}
