//! The drawn parts of a page: puts markup into an element by its id, and keeps the focus where it is.

use super::*;
use std::cell::RefCell;
use std::collections::HashMap;
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
    // Only text fields have a caret to ask for.
    let caret = |e: &Element| e.dyn_ref::<HtmlInputElement>().and_then(|input| input.selection_start().ok().flatten());
    let focused = focused.map(|f| (f.id(), caret(&f)));
    element.set_inner_html(markup);
    if let Some((id, caret)) = focused.filter(|(id, _)| !id.is_empty()) {
        focus(&id);
        let input = self::element(&id).and_then(|e| e.dyn_into::<HtmlInputElement>().ok());
        if let (Some(input), Some(caret)) = (input, caret) {
            let _ = input.set_selection_range(caret, caret);
        }
    }
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
