//! The engine in a Web Worker: takes [`EngineRequest`]s by message, answers with [`EngineReply`]s, holds models in named slots.
//!
//! Everything that decides an answer is shared with the server: the decoder, the sampler, the reward and the advantages.
//! This package only carries messages. It never knows a page, a DOM or a server's address.

mod bench;
mod card;
mod engine;
mod generation;
mod judge;
mod judges;
mod parity;
mod port;
mod preview;
mod program;
#[cfg(target_feature = "atomics")]
mod threads;
mod weights;

pub use card::{Card, known, set_card};
pub use parity::{grade_repeatedly, graded_cases, greedy_ids};
#[cfg(target_feature = "atomics")]
pub use threads::{failed, gained, join, joined, probe_threads, recall_probe, rest_threads, shared_memory};
pub use weights::Sha256;

use wasm_bindgen::prelude::*;

/// Begin to listen. Called once by `boot.js`.
#[wasm_bindgen]
pub fn start() {
    console_error_panic_hook::set_once();
    engine::listen();
    port::post(&clicker_wire::EngineReply::Ready { build: build() });
}

/// Whether the instructions that this build is made of give here what they give everywhere. What the standard of relaxed ones leaves to the machine is
/// never asked for; this holds a browser to that before it is trusted.
#[wasm_bindgen]
#[must_use]
pub fn is_exact() -> bool {
    clicker_lm::is_exact()
}

/// What this build was made for, and how many threads it has.
fn build() -> String {
    let instructions = match (cfg!(target_feature = "relaxed-simd"), cfg!(target_feature = "simd128")) {
        (true, _) => "wasm relaxed simd128",
        (_, true) => "wasm simd128",
        _ => "wasm",
    };
    #[cfg(target_feature = "atomics")]
    {
        format!("{instructions}, {}", threads::described())
    }
    #[cfg(not(target_feature = "atomics"))]
    {
        format!("{instructions}, one thread")
    }
}
