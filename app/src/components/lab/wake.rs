//! Wakes the server-drawn lab up: one listener for each kind of event, which finds in the markup what is to be done.

use super::{Lab, Start, acts, ask, draft};
use crate::browser::{self, page, worker};
use crate::state::lab::{samples, text};
use clicker_wire::RewardConfig;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, Event, KeyboardEvent};

/// Wakes the lab up, where the page has one.
pub fn wake() {
    let Some(start) = page::element("lab-start").and_then(|e| e.text_content()) else { return };
    let Ok(start) = serde_json::from_str::<Start>(&start) else { return };
    listen("click", click);
    listen("input", input);
    listen("keydown", keys);
    worker::start();
    let linked = start.linked.is_some();
    let mut lab = Lab::new(start);
    lab.flow.rows = false;
    draft::bring_back(&mut lab, linked);
    (lab.flow.kept, lab.flow.stale) = (true, true);
    ask::open(lab);
}

fn listen(kind: &str, then: fn(&Event)) {
    let Some(lab) = page::element("lab") else { return };
    let listener = Closure::<dyn FnMut(Event)>::new(move |event: Event| then(&event));
    let _ = lab.add_event_listener_with_callback(kind, listener.as_ref().unchecked_ref());
    // Lives as long as the page.
    listener.forget();
}

fn input(event: &Event) {
    let Some(element) = page::source(event) else { return };
    let (act, at) = (attribute(&element, "data-do"), attribute(&element, "data-at"));
    let (value, now) = (page::value(&element), browser::now_ms());
    match act.as_str() {
        "json" => {
            ask::with(|lab| {
                lab.document.write(value, now);
                (lab.flow.form, lab.notice) = (true, None);
            });
        }
        "file" => return read_file(&element),
        "pick-preset" => {
            ask::quietly(|lab| lab.picked = value.parse().unwrap_or_default());
            return;
        }
        _ => {
            let ticked = page::checked(&element);
            let done = ask::with(|lab| {
                // What was said before is about what was there before.
                lab.notice = None;
                acts::field(lab, &act, &at, &value, ticked, now)
            });
            page::mark(&element, done.and_then(Result::err));
        }
    }
    ask::changed();
}

fn click(event: &Event) {
    let Some(element) = page::source(event) else { return };
    let (act, at) = (attribute(&element, "data-do"), attribute(&element, "data-at"));
    let index = at.parse::<usize>().unwrap_or_default();
    if attribute(&element, "aria-disabled") == "true" {
        return;
    }
    match act.as_str() {
        "preset-load" => {
            load(|lab| lab.presets.get(lab.picked).map(|p| (p.reward.clone(), p.about.clone())));
        }
        "load" => load(|lab| lab.versions.get(index).map(|v| (v.reward.clone(), format!("Loaded {}.", v.name)))),
        "open" => reopen(|lab| {
            let key = index as u32;
            if !lab.open.remove(&key) {
                lab.open.insert(key);
            }
        }),
        "open-all" => reopen(|lab| lab.open = (0..lab.samples.len() as u32).collect()),
        "close-all" => reopen(|lab| lab.open.clear()),
        "sort" => reopen(Lab::sort),
        "tables" => drop(ask::with(|lab| lab.tables = !lab.tables)),
        "examples" => {
            draft::forget_samples();
            ask::with(Lab::take_examples);
        }
        "draw" => ask::draw_samples(),
        "paste" => {
            let picked = page::value_of("paste-item").parse::<usize>().unwrap_or_default();
            if let Some(item) = ask::quietly(|lab| lab.questions.get(picked).cloned()).flatten() {
                let text = page::value_of("paste-text");
                // Whole lines of a dataset bring their own questions.
                let rows = text.trim_start().starts_with('{');
                let samples = if rows { samples::jsonl(&text) } else { Ok(samples::lines(&item, &text)) };
                ask::bring(samples, "pasted".into());
            }
        }
        "side-A" => ask::compare(true, index),
        "side-B" => ask::compare(false, index),
        "attack" => ask::attack(),
        "keep" => ask::keep(),
        "share" => ask::share(),
        "train" => ask::train(),
        "play" => ask::play(),
        "go-there" => drop(ask::quietly(|lab| {
            if let Some(complaint) = lab.document.complaint() {
                page::select("lab-json", lab.document.text(), complaint.offset);
            }
        })),
        act => press(act, &at),
    }
}

fn press(act: &str, at: &str) {
    let (kind, now) = (page::value_of("add-kind"), browser::now_ms());
    let done = ask::with(|lab| {
        lab.flow.focus = acts::press(lab, act, at, &kind, now)?;
        lab.notice = None;
        Some(())
    });
    if done.flatten().is_some() {
        ask::changed();
    }
}

fn load(pick: impl FnOnce(&Lab) -> Option<(RewardConfig, String)>) {
    ask::with(|lab| {
        if let Some((reward, words)) = pick(lab) {
            lab.document.replace(text::write(&reward));
            lab.flow.form = true;
            lab.say(words);
        }
    });
    ask::changed();
}

fn reopen(change: impl FnOnce(&mut Lab)) {
    ask::with(|lab| {
        change(lab);
        (lab.flow.stale, lab.flow.rows) = (true, true);
    });
}

fn keys(event: &Event) {
    let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
    if !(event.ctrl_key() || event.meta_key()) || event.alt_key() {
        return;
    }
    let act = match (event.key().as_str(), event.shift_key()) {
        ("z", false) => "undo",
        ("z" | "Z", true) | ("y", false) => "redo",
        _ => return,
    };
    // Elsewhere the browser's own undo is the right one.
    let within = event.target().and_then(|t| t.dyn_into::<Element>().ok());
    if within.and_then(|e| e.closest(".lab-editor").ok().flatten()).is_some() {
        event.prevent_default();
        press(act, "");
    }
}

fn read_file(element: &Element) {
    let input = element.dyn_ref::<web_sys::HtmlInputElement>();
    let Some(file) = input.and_then(|i| i.files()).and_then(|files| files.get(0)) else { return };
    let name = file.name();
    spawn_local(async move {
        let text = wasm_bindgen_futures::JsFuture::from(file.text()).await.ok().and_then(|text| text.as_string());
        let samples = text.ok_or_else(|| "The file cannot be read.".to_owned()).and_then(|text| samples::jsonl(&text));
        ask::bring(samples, format!("from {name}"));
    });
}

fn attribute(element: &Element, name: &str) -> String {
    element.get_attribute(name).unwrap_or_default()
}
