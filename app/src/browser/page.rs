//! The drawn parts of a page: puts markup into an element by its id, and keeps the focus where it is.

use super::*;
use std::cell::RefCell;
use std::collections::HashMap;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Document, Element, HtmlElement, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};

thread_local! {
    /// What each element shows.
    static SHOWN: RefCell<HashMap<String, String>> = RefCell::default();
}

fn document() -> Option<Document> {
    web_sys::window()?.document()
}

/// The element with an id.
pub(crate) fn element(id: &str) -> Option<Element> {
    document()?.get_element_by_id(id)
}

/// Runs a module of this site; a second time nothing happens.
pub(crate) fn module(url: &str) {
    let Some(document) = document() else { return };
    let Ok(script) = document.create_element("script") else { return };
    let _ = script.set_attribute("type", "module").and(script.set_attribute("src", url));
    let _ = document.document_element().map(|root| root.append_child(&script));
}

/// Puts markup into an element, if it shows something else. The focus stays on the element of the same id.
pub(crate) fn draw(id: &str, markup: String) {
    if changed(id, &markup) {
        fill(id, &markup);
        // What was drawn within it is gone.
        let within = format!("{id}/");
        SHOWN.with_borrow_mut(|shown| shown.retain(|key, _| !key.starts_with(&within)));
    }
}

/// As [`draw`], for an element within another drawn one.
pub(crate) fn draw_within(outer: &str, id: &str, markup: String) {
    if changed(&format!("{outer}/{id}"), &markup) {
        fill(id, &markup);
    }
}

fn changed(key: &str, markup: &str) -> bool {
    SHOWN.with_borrow_mut(|shown| match shown.get_mut(key) {
        Some(known) if known == markup => false,
        Some(known) => {
            markup.clone_into(known);
            true
        }
        None => {
            shown.insert(key.to_owned(), markup.to_owned());
            true
        }
    })
}

fn fill(id: &str, markup: &str) {
    let Some(element) = element(id) else { return };
    let focused = document().and_then(|d| d.active_element()).filter(|f| element.contains(Some(f)));
    let caret = focused.as_ref().and_then(caret);
    element.set_inner_html(markup);
    let Some(focused) = focused.filter(|focused| !focused.id().is_empty()) else { return };
    let id = focused.id();
    keep_list(&focused, &id);
    let Some(field) = self::element(&id).and_then(|e| e.dyn_into::<HtmlElement>().ok()) else { return };
    field.unchecked_ref::<Focusable>().focus_with(&stay());
    if let Some(caret) = caret {
        let _ = match field.dyn_ref::<HtmlTextAreaElement>() {
            Some(area) => area.set_selection_range(caret, caret),
            None => field.unchecked_ref::<HtmlInputElement>().set_selection_range(caret, caret),
        };
    }
}

/// A list stays the very element that it was while its choices are the same: it knows which letters somebody has typed so far
/// to pick from it.
fn keep_list(old: &Element, id: &str) {
    let Some(old) = old.dyn_ref::<HtmlSelectElement>() else { return };
    let Some(new) = element(id).and_then(|e| e.dyn_into::<HtmlSelectElement>().ok()) else { return };
    if old.text_content() == new.text_content() {
        old.set_value(&new.value());
        let _ = new.replace_with_with_node_1(old);
    }
}

// web-sys has it behind a feature of its own.
#[wasm_bindgen]
extern "C" {
    type Focusable;
    #[wasm_bindgen(method, js_name = focus)]
    fn focus_with(this: &Focusable, options: &JsValue);
}

/// The focus comes back to where it was: nothing has to scroll.
fn stay() -> JsValue {
    let options = js_sys::Object::new();
    let _ = js_sys::Reflect::set(&options, &"preventScroll".into(), &JsValue::TRUE);
    options.into()
}

/// Where the caret stands; only text fields have one.
fn caret(field: &Element) -> Option<u32> {
    if let Some(area) = field.dyn_ref::<HtmlTextAreaElement>() {
        return area.selection_start().ok().flatten();
    }
    field.dyn_ref::<HtmlInputElement>()?.selection_start().ok().flatten()
}

/// Moves the focus; nothing happens where there is no such element.
pub(crate) fn focus(id: &str) {
    if let Some(element) = element(id).and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// What is written in a field, or picked in a list.
pub(crate) fn value(element: &Element) -> String {
    if let Some(input) = element.dyn_ref::<HtmlInputElement>() {
        input.value()
    } else if let Some(area) = element.dyn_ref::<HtmlTextAreaElement>() {
        area.value()
    } else {
        element.dyn_ref::<HtmlSelectElement>().map(HtmlSelectElement::value).unwrap_or_default()
    }
}

/// What is written in the field of an id.
pub(crate) fn value_of(id: &str) -> String {
    element(id).map(|element| value(&element)).unwrap_or_default()
}

/// Whether a box is ticked.
pub(crate) fn checked(element: &Element) -> bool {
    element.dyn_ref::<HtmlInputElement>().is_some_and(HtmlInputElement::checked)
}

/// Writes into a text area; the caret goes to where the new text differs from the old one.
pub(crate) fn write(id: &str, text: &str) {
    let Some(area) = element(id).and_then(|e| e.dyn_into::<HtmlTextAreaElement>().ok()) else { return };
    let old = area.value();
    if old == text {
        return;
    }
    area.set_value(text);
    let same = old.encode_utf16().zip(text.encode_utf16()).take_while(|(a, b)| a == b).count() as u32;
    let _ = area.set_selection_range(same, same);
}

/// Moves the focus to a character of a text area.
pub(crate) fn select(id: &str, text: &str, offset: usize) {
    let Some(area) = element(id).and_then(|e| e.dyn_into::<HtmlTextAreaElement>().ok()) else { return };
    let at = text[..offset].encode_utf16().count() as u32;
    let _ = area.focus();
    let _ = area.set_selection_range(at.saturating_sub(1), at);
}

/// Marks a field as wrong, with what is wrong; or as right again.
pub(crate) fn mark(element: &Element, wrong: Option<&str>) {
    let _ = match wrong {
        Some(words) => element.set_attribute("aria-invalid", "true").and(element.set_attribute("title", words)),
        None => element.remove_attribute("aria-invalid").and(element.remove_attribute("title")),
    };
}

/// The element that an event is about: the nearest one that says what is to be done.
pub(crate) fn source(event: &web_sys::Event) -> Option<Element> {
    let target: Element = event.target()?.dyn_into().ok()?;
    target.closest("[data-do]").ok()?
}
