//! wasm entry of the page: `hydrate()` and nothing else.
#![allow(missing_docs)]
// The view is one nested type, deeper than the compiler's usual limit.
#![recursion_limit = "512"]

use wasm_bindgen::prelude::wasm_bindgen;

/// Wakes the server-rendered page up.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(clicker_app::App);
}
