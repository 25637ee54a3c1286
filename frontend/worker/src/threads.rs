//! The crew of the build with threads, as `threads.js` sees it, and the probe that decides whether it is used. Only that build has this module.

use crate::engine::Model;
use crate::port;
use clicker_lm::crew::crew;
use clicker_lm::{Drawn, GenerateOptions, LmError, generate};
use clicker_wire::{FileKind, Sampling, WeightsSource};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use wasm_bindgen::prelude::*;

/// Tokens of the known prompt, and new ones.
const PROMPT: u32 = 6;
const NEW: u32 = 3;
/// Milliseconds after which no further pair of runs begins: a large model shows in two what a small one shows in many.
const ENOUGH_MS: f64 = 60.0;
const FEWEST_PAIRS: u32 = 2;

thread_local! {
    static PROBED: Cell<Probed> =
        const { Cell::new(Probed { slower_counts: true, verdict: Verdict::None, earlier: false, resting: false }) };
    /// How many times as fast as one thread the threads were in earlier probes, by the hash of the file.
    static RECALLED: RefCell<HashMap<String, f64>> = RefCell::default();
}

#[derive(Clone, Copy)]
struct Probed {
    /// Whether threads have to be faster, not only right.
    slower_counts: bool,
    verdict: Verdict,
    /// It is what an earlier probe showed, in another engine.
    earlier: bool,
    /// The others rest, whatever the probe showed.
    resting: bool,
}

impl Probed {
    fn settle(self) {
        crew().work_alone(self.resting || matches!(self.verdict, Verdict::Slower(_) | Verdict::Wrong));
        PROBED.set(self);
    }
}

/// What the last model's probe showed.
#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    None,
    /// How many times as fast as one thread.
    Right(f64),
    Slower(f64),
    Wrong,
}

/// Take part in this engine's work, in a worker that shares its memory. Comes back only where the crew is full: false.
#[wasm_bindgen]
pub fn join() -> bool {
    crew().join()
}

/// This worker has failed and does not come back to its work.
#[wasm_bindgen]
pub fn failed() {
    crew().report_failure();
}

/// Threads that are there, the engine's own included.
#[wasm_bindgen]
pub fn joined() -> u32 {
    crew().joined() as u32
}

/// The memory that members share.
#[wasm_bindgen]
pub fn shared_memory() -> JsValue {
    wasm_bindgen::memory()
}

/// Whether threads that turn out slower than one shall rest. Those that give another result always do.
#[wasm_bindgen]
pub fn probe_threads(slower_counts: bool) {
    PROBED.set(Probed { slower_counts, ..PROBED.get() });
}

/// An earlier probe, of the same file under the same conditions, found the same result this many times as fast as with one thread: the next load of
/// that file believes it.
#[wasm_bindgen]
pub fn recall_probe(sha256: String, gain: f64) {
    RECALLED.with_borrow_mut(|recalled| recalled.insert(sha256, gain));
}

/// How many times as fast as one thread the threads were in the last model's probe; 0 where that is unknown or their result was another.
#[wasm_bindgen]
pub fn gained() -> f64 {
    match PROBED.get().verdict {
        Verdict::Right(gain) | Verdict::Slower(gain) => gain,
        Verdict::None | Verdict::Wrong => 0.0,
    }
}

/// Let this worker compute alone for a while, because others want the cores, or no longer.
#[wasm_bindgen]
pub fn rest_threads(resting: bool) {
    Probed { resting, ..PROBED.get() }.settle();
}

/// Continue a known prompt with all threads and with one, in turns: threads are used from now on if they give the same tokens with the same
/// bits in every number that comes with them, and sooner. What is known of this file already is not asked again.
pub(crate) fn probe(model: &Model, sha256: &str) {
    if crew().joined() == 1 {
        return;
    }
    if let Some(gain) = RECALLED.with_borrow_mut(|recalled| recalled.remove(sha256)) {
        return decide(true, gain, true);
    }
    let (begun, mut pairs) = (port::now_ms(), 0);
    let (mut alone, mut together) = (f64::INFINITY, f64::INFINITY);
    let mut right = true;
    while right && (pairs < FEWEST_PAIRS || port::now_ms() - begun < ENOUGH_MS) {
        let (expected, one) = run(model, true);
        let (found, all) = run(model, false);
        // A model that cannot continue it says so when it is asked for something.
        right = match (expected, found) {
            (Ok(expected), Ok(found)) => expected == found,
            _ => return,
        };
        (alone, together) = (alone.min(one), together.min(all));
        pairs += 1;
    }
    decide(right, alone / together, false);
}

fn decide(right: bool, gain: f64, earlier: bool) {
    let probed = PROBED.get();
    let verdict = match right {
        false => Verdict::Wrong,
        true if probed.slower_counts && gain <= 1.0 => Verdict::Slower(gain),
        true => Verdict::Right(gain),
    };
    Probed { verdict, earlier, ..probed }.settle();
}

/// The hash of a file that the browser may keep; empty where there is none.
pub(crate) fn hash_of(source: &WeightsSource) -> String {
    match source {
        WeightsSource::Checkpoint { manifest } => {
            manifest.file(FileKind::Browser).map(|file| file.sha256.clone()).unwrap_or_default()
        }
        WeightsSource::Url { sha256, .. } => sha256.clone(),
        WeightsSource::Attached { .. } => String::new(),
    }
}

/// The known prompt continued, and milliseconds.
fn run(model: &Model, alone: bool) -> (Result<Vec<Drawn>, LmError>, f64) {
    crew().work_alone(alone);
    let options = GenerateOptions {
        sampling: Sampling { temperature: 0.0, max_new_tokens: NEW, ..Sampling::default() },
        stop: Vec::new(),
        alternatives: 0,
    };
    let prompt = (0..PROMPT).map(|i| (i * 7 + 3) % (model.config.vocab as u32)).collect();
    let start = port::now_ms();
    let drawn = generate(&model.snapshot, &[prompt], &[(0, 0)], options);
    (drawn, port::now_ms() - start)
}

/// In words, for whoever reads a report.
pub(crate) fn described() -> String {
    let n = crew().joined();
    let Probed { verdict, earlier, .. } = PROBED.get();
    let which = if earlier { "an earlier" } else { "the" };
    let times = |gain: f64| format!("{gain:.1} times as fast as one in {which} probe");
    match verdict {
        Verdict::None if n == 1 => "one thread".into(),
        Verdict::None => format!("{n} threads"),
        Verdict::Right(gain) => format!("{n} threads, {}", times(gain)),
        Verdict::Slower(gain) => format!("one thread ({n} were {})", times(gain)),
        Verdict::Wrong => format!("one thread ({n} gave another result in the probe)"),
    }
}
