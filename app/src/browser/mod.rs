//! The browser's own facts and services: worker, storage, event streams, clock, randomness, address bar.
//!
//! Everything here is called from effects and event handlers only, never while a view is being rendered, so that the
//! server's first render and the browser's agree.

pub(crate) mod engine;
pub(crate) mod events;
pub(crate) mod fetch;
pub(crate) mod pack;
pub(crate) mod page;
pub(crate) mod storage;
pub(crate) mod votes;
pub(crate) mod worker;

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// Now, Unix milliseconds.
pub(crate) fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// Random bytes as lower-case hex, for ids.
pub(crate) fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0_u8; bytes];
    let filled = web_sys::window()
        .and_then(|w| w.crypto().ok())
        .is_some_and(|crypto| crypto.get_random_values_with_u8_array(&mut buffer).is_ok());
    if !filled {
        buffer.iter_mut().for_each(|b| *b = (js_sys::Math::random() * 256.0) as u8);
    }
    buffer.iter().map(|b| format!("{b:02x}")).collect()
}

/// A random number below `n`.
pub(crate) fn random_below(n: usize) -> usize {
    ((js_sys::Math::random() * n as f64) as usize).min(n.saturating_sub(1))
}

/// Replaces the query part of the address without a visit.
pub(crate) fn replace_query(query: &str) {
    let Some(window) = web_sys::window() else { return };
    let path = window.location().pathname().unwrap_or_default();
    let url = if query.is_empty() { path } else { format!("{path}?{query}") };
    if let Ok(history) = window.history() {
        // Leaves the router's own entry in place; a browser that refuses (too many calls) only loses the shared link.
        let _ = history.state().and_then(|state| history.replace_state_with_url(&state, "", Some(&url)));
    }
}

/// Percent-encodes one query value.
pub(crate) fn encode(text: &str) -> String {
    String::from(js_sys::encode_uri_component(text))
}

/// Where an event's target is on the screen: left, top, width, height.
pub(crate) fn place(event: &web_sys::Event) -> Option<(f64, f64, f64, f64)> {
    let element: web_sys::Element = event.current_target()?.dyn_into().ok()?;
    let rect = element.get_bounding_client_rect();
    Some((rect.left(), rect.top(), rect.width(), rect.height()))
}

/// Moves the focus to the element before or after the focused one, within the same parent.
pub(crate) fn focus_sibling(event: &web_sys::Event, forward: bool) {
    let target = event.current_target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
    let next = target.and_then(|e| if forward { e.next_element_sibling() } else { e.previous_element_sibling() });
    if let Some(next) = next.and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = next.focus();
    }
}

/// Width of the window in CSS pixels.
pub(crate) fn window_width() -> f64 {
    web_sys::window().and_then(|w| w.inner_width().ok()).and_then(|w| w.as_f64()).unwrap_or(1024.0)
}

/// Puts the page's address into the clipboard; false where the browser refuses.
pub(crate) async fn copy_address() -> bool {
    let Some(window) = web_sys::window() else { return false };
    let Ok(address) = window.location().href() else { return false };
    // Not there where the page came over plain HTTP from another machine.
    let clipboard = js_sys::Reflect::get(&window.navigator(), &"clipboard".into()).unwrap_or_default();
    let Ok(clipboard) = clipboard.dyn_into::<web_sys::Clipboard>() else { return false };
    wasm_bindgen_futures::JsFuture::from(clipboard.write_text(&address)).await.is_ok()
}

/// Runs something before the next frame is drawn.
pub(crate) fn next_frame(then: impl FnOnce() + 'static) {
    let then = Closure::once_into_js(then);
    let Some(window) = web_sys::window() else { return };
    let _ = window.request_animation_frame(then.unchecked_ref());
}

/// Goes to another page.
pub(crate) fn visit(path: &str) {
    if let Some(window) = web_sys::window() {
        let _ = window.location().assign(path);
    }
}

/// Visits this page again.
pub(crate) fn reload() {
    if let Some(window) = web_sys::window() {
        let _ = window.location().reload();
    }
}
