//! Votes on their way to the server: kept in this browser until the server has acknowledged them, sent again when the
//! connection returns. Ids are made once, here, so a vote that is sent twice is stored once.

use super::{now_ms, random_hex, storage};
use crate::api;
use clicker_wire::{CheckpointId, Feedback, FeedbackBody, FeedbackId, Item, Sampling};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::cell::{Cell, RefCell};
use std::time::Duration;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

const QUEUE: &str = "votes";
const ANNOTATOR: &str = "annotator";
/// Pause before another attempt while the server cannot be reached.
const RETRY: Duration = Duration::from_secs(15);

thread_local! {
    /// Stands in where the browser denies storage.
    static MEMORY: RefCell<Vec<Feedback>> = const { RefCell::new(Vec::new()) };
    static SENDING: Cell<bool> = const { Cell::new(false) };
    static STARTED: Cell<bool> = const { Cell::new(false) };
}

/// The queue as pages see it.
#[derive(Clone, Copy)]
pub(crate) struct Votes {
    /// Votes that the server has not acknowledged.
    pub(crate) waiting: RwSignal<usize>,
    /// Votes acknowledged since the page was opened.
    pub(crate) stored: RwSignal<usize>,
    /// Why a vote was refused, if one was.
    pub(crate) problem: RwSignal<Option<String>>,
}

/// What a vote is about: everything needed to draw the same answers again.
pub(crate) struct Subject {
    pub(crate) item: Item,
    pub(crate) checkpoint: CheckpointId,
    pub(crate) sampling: Sampling,
    /// When the answers were complete, Unix milliseconds.
    pub(crate) seen_ms: f64,
}

impl Votes {
    /// Makes the queue available to every component below.
    pub(crate) fn provide() -> Self {
        let votes = Self { waiting: RwSignal::new(0), stored: RwSignal::new(0), problem: RwSignal::new(None) };
        provide_context(votes);
        votes
    }

    /// The queue of this page.
    pub(crate) fn here() -> Self {
        expect_context()
    }

    /// Sends what an earlier visit left behind, and listens for the connection to return.
    pub(crate) fn start(self) {
        if STARTED.replace(true) {
            return;
        }
        let on_online = Closure::<dyn FnMut()>::new(move || self.flush());
        if let Some(window) = web_sys::window() {
            let _ = window.add_event_listener_with_callback("online", on_online.as_ref().unchecked_ref());
        }
        on_online.forget();
        self.flush();
    }

    /// Queues a vote and sends it.
    pub(crate) fn cast(self, subject: Subject, body: FeedbackBody) {
        let now = now_ms();
        let vote = Feedback {
            id: FeedbackId(random_hex(16)),
            item: subject.item,
            checkpoint: subject.checkpoint,
            sampling: subject.sampling,
            body,
            said_ms: now as i64,
            dwell_ms: (now - subject.seen_ms).clamp(0.0, f64::from(u32::MAX)) as u32,
            annotator: annotator(),
        };
        let mut queue = read();
        queue.push(vote);
        self.write(&queue);
        self.flush();
    }

    /// Throws away what the server keeps refusing.
    pub(crate) fn discard(self) {
        self.write(&[]);
        self.problem.set(None);
    }

    /// Sends what is waiting, one by one, so that one refused vote does not hold up the others.
    pub(crate) fn flush(self) {
        let queue = read();
        self.waiting.set(queue.len());
        if queue.is_empty() || SENDING.replace(true) {
            return;
        }
        spawn_local(async move {
            let (mut problem, mut cut_off) = (None, false);
            for vote in queue {
                match api::send_votes(vec![vote]).await {
                    Ok(stored) => self.acknowledge(&stored),
                    Err(error) if api::unreachable_server(&error) => {
                        cut_off = true;
                        break;
                    }
                    Err(error) => problem = Some(api::explain(&error)),
                }
            }
            SENDING.set(false);
            let refused = problem.is_some();
            self.problem.set(problem);
            if cut_off {
                set_timeout(move || self.flush(), RETRY);
            } else if !refused && !read().is_empty() {
                self.flush();
            }
        });
    }

    fn acknowledge(self, stored: &[FeedbackId]) {
        let mut queue = read();
        queue.retain(|vote| !stored.contains(&vote.id));
        self.write(&queue);
        self.stored.update(|n| *n += stored.len());
    }

    fn write(self, queue: &[Feedback]) {
        let kept = serde_json::to_string(queue).is_ok_and(|json| storage::set(QUEUE, &json));
        MEMORY.set(if kept { Vec::new() } else { queue.to_vec() });
        self.waiting.set(queue.len());
    }
}

fn read() -> Vec<Feedback> {
    let memory = MEMORY.with_borrow(Vec::clone);
    if !memory.is_empty() {
        return memory;
    }
    // A queue written by another version that no longer parses cannot be sent by anybody: it starts afresh.
    storage::get(QUEUE).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
}

/// A pseudonym for this browser, made on the first vote.
fn annotator() -> String {
    storage::get(ANNOTATOR).unwrap_or_else(|| {
        let name = format!("anon-{}", random_hex(4));
        storage::set(ANNOTATOR, &name);
        name
    })
}
