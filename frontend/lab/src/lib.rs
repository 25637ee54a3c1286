//! wasm entry of the reward lab: wakes the server-drawn page up, and nothing else. Never knows Leptos.
#![allow(missing_docs)]

use wasm_bindgen::prelude::wasm_bindgen;

/// Wakes the lab up.
#[wasm_bindgen]
pub fn wake() {
    console_error_panic_hook::set_once();
    clicker_app::wake_lab();
}
