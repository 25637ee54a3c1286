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

/// Puts markup into an element, if it shows something else. The field with the focus stays the very element that it was, never leaving
/// the page: it knows the caret, and a list the letters that somebody has typed so far to pick from it.
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
    let Some(focused) = focused else { return element.set_inner_html(markup) };
    let id = focused.id();
    if around(&element, &focused, markup).is_some() {
        return;
    }
    element.set_inner_html(markup);
    if let Some(field) = self::element(&id) {
        field.unchecked_ref::<Focusable>().focus_with(&stay());
    }
}

/// Draws everything but `kept` and the elements that it lies in; none where it lies deeper or elsewhere in the markup, or offers other
/// choices there: then nothing has happened.
fn around(element: &Element, kept: &Element, markup: &str) -> Option<()> {
    let fresh: Element = element.clone_node().ok()?.dyn_into().ok()?;
    fresh.set_inner_html(markup);
    let twin = fresh.query_selector(&format!("[id=\"{}\"]", kept.id())).ok()??;
    let (old, new) = (path(element, kept)?, path(&fresh, &twin)?);
    let alike = old.len() == new.len() && old.iter().zip(&new).all(|(a, b)| a.tag_name() == b.tag_name());
    let other_choices = kept.is_instance_of::<HtmlSelectElement>() && kept.text_content() != twin.text_content();
    if !alike || other_choices {
        return None;
    }
    for (old, new) in old.iter().zip(&new) {
        let (outer, fresh) = (old.parent_node()?, new.parent_node()?);
        while let Some(sibling) = old.previous_sibling().or_else(|| old.next_sibling()) {
            outer.remove_child(&sibling).ok()?;
        }
        while let Some(before) = fresh.first_child().filter(|child| !child.is_same_node(Some(new))) {
            outer.insert_before(&before, Some(old)).ok()?;
        }
        while let Some(after) = new.next_sibling() {
            outer.append_child(&after).ok()?;
        }
        for name in old.get_attribute_names().iter().chain(new.get_attribute_names().iter()) {
            let name = name.as_string()?;
            match new.get_attribute(&name) {
                Some(value) => old.set_attribute(&name, &value).ok()?,
                None => old.remove_attribute(&name).ok()?,
            }
        }
    }
    if let (Some(field), Some(twin)) = (kept.dyn_ref::<HtmlInputElement>(), twin.dyn_ref::<HtmlInputElement>()) {
        field.set_checked(twin.checked());
        if field.value() != twin.value() {
            field.set_value(&twin.value());
        }
    } else if let Some(list) = kept.dyn_ref::<HtmlSelectElement>() {
        list.set_value(&value(&twin));
    } else if kept.is_instance_of::<HtmlTextAreaElement>() {
        write(&kept.id(), &value(&twin));
    } else {
        kept.set_inner_html(&twin.inner_html());
    }
    Some(())
}

/// From below `outer` down to `inner`.
fn path(outer: &Element, inner: &Element) -> Option<Vec<Element>> {
    let mut path = Vec::new();
    let mut at = inner.clone();
    while !at.is_same_node(Some(outer)) {
        let parent = at.parent_element()?;
        path.push(at);
        at = parent;
    }
    path.reverse();
    Some(path)
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
