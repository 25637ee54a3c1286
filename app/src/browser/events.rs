//! A run's live events over server-sent events. The browser reconnects by itself and names the last event it saw.

use clicker_wire::{RunEvent, RunId};
use leptos::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

struct Open {
    source: EventSource,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

thread_local! {
    static OPEN: RefCell<BTreeMap<u64, Open>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// An open stream; close it with [`Stream::close`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stream(u64);

/// Opens the stream of a run, from its first event. Events come in batches, so that a long replay redraws a page a few
/// times and not a thousand times.
pub(crate) fn open(run: &RunId, mut on_batch: impl FnMut(Vec<RunEvent>) + 'static) -> Option<Stream> {
    let source = EventSource::new(&format!("/api/runs/{run}/events")).ok()?;
    let buffer: Rc<RefCell<Vec<RunEvent>>> = Rc::default();
    let waiting = Rc::new(Cell::new(false));
    let deliver = {
        let (buffer, waiting) = (Rc::clone(&buffer), Rc::clone(&waiting));
        Rc::new(RefCell::new(move || {
            waiting.set(false);
            on_batch(buffer.take());
        }))
    };
    let on_message = Closure::new(move |message: MessageEvent| {
        let Some(event) = message.data().as_string().and_then(|text| serde_json::from_str(&text).ok()) else { return };
        buffer.borrow_mut().push(event);
        if !waiting.replace(true) {
            let deliver = Rc::clone(&deliver);
            set_timeout(move || (deliver.borrow_mut())(), Duration::from_millis(80));
        }
    });
    source.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    let id = NEXT.with(|n| n.replace(n.get() + 1));
    OPEN.with_borrow_mut(|open| open.insert(id, Open { source, _on_message: on_message }));
    Some(Stream(id))
}

impl Stream {
    /// Closes it; a second time does nothing.
    pub(crate) fn close(self) {
        if let Some(open) = OPEN.with_borrow_mut(|open| open.remove(&self.0)) {
            open.source.set_onmessage(None);
            open.source.close();
        }
    }
}
