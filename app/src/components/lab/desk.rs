//! The page's frame: its parts as the server drew them, and one listener for each kind of event, which finds in the markup
//! what is to be done.

use super::ask::Desk;
use super::{Lab, Start, acts, bar, draft, figures, form, rows, versions};
use crate::browser::engine::Engine;
use crate::browser::{self, page};
use crate::erased::Erase;
use crate::state::lab::samples;
use clicker_wire::Item;
use leptos::ev::{Event, KeyboardEvent, MouseEvent};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsCast;

/// The desk.
#[component]
pub(crate) fn LabDesk(start: Start) -> impl IntoView {
    let linked = start.linked.is_some();
    let lab = Lab::new(start);
    let drawn = [
        bar::draw(&lab),
        form::draw(&lab),
        bar::complaint(&lab),
        rows::head(&lab),
        rows::rows(&lab),
        figures::draw(&lab),
        versions::draw(&lab),
        questions(&lab.questions),
    ];
    let [buttons, form, complaint, head, rows, figures, versions, questions] = drawn;
    let text = lab.document.text().to_owned();
    let desk = Desk { lab: StoredValue::new(lab), engine: Engine::here(), go: RwSignal::new(None) };
    let navigate = use_navigate();
    Effect::new(move |_| {
        if let Some(to) = desk.go.get() {
            navigate(&to, Default::default());
        }
    });
    Effect::new(move |_| open(desk, linked));
    view! {
        <div class="lab" on:click=move |ev| click(desk, &ev) on:input=move |ev| input(desk, &ev) on:keydown=move |ev| keys(desk, &ev)>
            <div class="panel lab-bar" id="lab-bar" inner_html=buttons></div>
            <div class="lab-editor">
                <section class="panel lab-form-panel" aria-label="The reward as a form">
                    <div id="lab-form" data-testid="lab-form" inner_html=form></div>
                </section>
                <section class="panel lab-json-panel" aria-label="The reward as JSON">
                    <textarea
                        id="lab-json"
                        class="lab-mono"
                        data-do="json"
                        data-testid="lab-json"
                        aria-label="The reward as JSON"
                        aria-describedby="lab-complaint"
                        spellcheck="false"
                        autocomplete="off"
                        wrap="off"
                    >
                        {text}
                    </textarea>
                    <div id="lab-complaint" data-testid="lab-complaint" inner_html=complaint></div>
                </section>
            </div>
            <div class="lab-results">
                <section class="panel lab-samples" aria-labelledby="lab-samples-title">
                    <h2 id="lab-samples-title">"Answers and their receipts"</h2>
                    <div class="lab-sources" inner_html=questions></div>
                    <div class="lab-rows-head" id="lab-head" inner_html=head></div>
                    <ol class="lab-rows" id="lab-rows" inner_html=rows></ol>
                </section>
                <div class="lab-aside">
                    <section class="panel" aria-labelledby="lab-figures-title">
                        <h2 id="lab-figures-title">"What it does to them"</h2>
                        <div class="lab-figures" id="lab-figures" data-testid="lab-figures" inner_html=figures></div>
                    </section>
                    <section class="panel" aria-labelledby="lab-attack-title" inner_html=ATTACK></section>
                    <section class="panel" aria-labelledby="lab-versions-title">
                        <div class="lab-keep" inner_html=KEEP></div>
                        <div id="lab-versions" inner_html=versions></div>
                        <div id="lab-diff" data-testid="lab-diff"></div>
                    </section>
                </div>
            </div>
        </div>
    }
    .erased()
}

const ATTACK: &str = "<div class=\"panel-head\"><h2 id=\"lab-attack-title\">Attack it</h2><button class=\"button\" type=\"button\" \
    id=\"attack\" data-testid=\"lab-attack\" data-do=\"attack\">Attack</button></div><p class=\"hint\">Tries cheap tricks on \
    questions of the world and says which of them this reward would pay for, before a model finds out.</p><div id=\"lab-attack\" \
    data-testid=\"lab-attacked\"></div>";

const KEEP: &str = "<h2 id=\"lab-versions-title\">Versions</h2><div class=\"row\"><label class=\"field grow\"><span>Name</span><input \
    type=\"text\" id=\"keep-name\" data-testid=\"keep-name\" maxlength=\"80\" autocomplete=\"off\"/></label><label class=\"field \
    grow\"><span>What is new (optional)</span><input type=\"text\" id=\"keep-note\" maxlength=\"400\" autocomplete=\"off\"/></label>\
    <button class=\"button\" type=\"button\" id=\"keep\" data-testid=\"keep\" data-do=\"keep\">Keep</button></div>";

/// Where answers come from.
fn questions(items: &[Item]) -> String {
    let mut m = crate::state::lab::markup::Markup::new();
    m.raw(
        "<div class=\"lab-buttons\"><button class=\"button\" type=\"button\" id=\"examples\" data-testid=\"lab-examples\" \
         data-do=\"examples\">Examples</button><button class=\"button\" type=\"button\" id=\"draw\" data-testid=\"lab-draw\" \
         data-do=\"draw\">Draw 64 from the model</button><label class=\"button lab-file\">Open JSONL<input type=\"file\" \
         class=\"sr-only\" id=\"lab-file\" data-testid=\"lab-file\" data-do=\"file\" accept=\".jsonl,.json,.txt\"/></label></div>\
         <details class=\"lab-paste\"><summary>Paste answers to a question</summary><label class=\"field\"><span>Question</span>\
         <select id=\"paste-item\">",
    );
    for (index, item) in items.iter().enumerate() {
        m.put("<option value=\"{}\">{}</option>", &[&index.to_string(), item.question()]);
    }
    m.raw(
        "</select></label><label class=\"field\"><span>One answer a line, at most 64</span><textarea id=\"paste-text\" \
         data-testid=\"paste-text\" rows=\"4\"></textarea></label><button class=\"button\" type=\"button\" id=\"paste\" \
         data-testid=\"paste\" data-do=\"paste\">Use these answers</button></details>",
    );
    m.done()
}

/// The page is awake: what an earlier visit left comes back, and the engine starts.
fn open(desk: Desk, linked: bool) {
    page::forget();
    desk.engine.start();
    let now = browser::now_ms();
    desk.lab.try_update_value(|lab| {
        draft::bring_back(lab, linked, now);
        lab.flow.kept = true;
        (lab.flow.stale, lab.flow.rows) = (true, true);
    });
    desk.with(|_| ());
    spawn_local(async move {
        if let Some(text) = draft::packed().await {
            desk.with(|lab| {
                lab.document.write(text, now + 20_000.0);
                lab.flow.form = true;
            });
            desk.changed();
        }
    });
}

fn input(desk: Desk, event: &Event) {
    let Some(element) = page::source(event) else { return };
    let (act, at) = (attribute(&element, "data-do"), attribute(&element, "data-at"));
    let (value, now) = (page::value(&element), browser::now_ms());
    match act.as_str() {
        "json" => {
            desk.with(|lab| {
                lab.document.write(value, now);
                lab.flow.form = true;
            });
        }
        "file" => return read_file(desk, &element),
        _ => {
            let ticked = page::checked(&element);
            let done = desk.with(|lab| acts::field(lab, &act, &at, &value, ticked, now));
            page::mark(&element, done.and_then(Result::err));
        }
    }
    desk.changed();
}

fn click(desk: Desk, event: &MouseEvent) {
    let Some(element) = page::source(event) else { return };
    let (act, at) = (attribute(&element, "data-do"), attribute(&element, "data-at"));
    let index = at.parse::<usize>().unwrap_or_default();
    match act.as_str() {
        "preset-load" => {
            let picked = page::value_of("preset").parse::<usize>().unwrap_or_default();
            let text = |lab: &Lab| lab.presets.get(picked).map(|p| (p.reward.clone(), p.about.clone()));
            load(desk, text);
        }
        "load" => {
            load(desk, move |lab| lab.versions.get(index).map(|v| (v.reward.clone(), format!("Loaded {}.", v.name))))
        }
        "open" => reopen(desk, |lab| {
            let key = index as u32;
            if !lab.open.remove(&key) {
                lab.open.insert(key);
            }
        }),
        "open-all" => reopen(desk, |lab| lab.open = (0..lab.samples.len() as u32).collect()),
        "close-all" => reopen(desk, |lab| lab.open.clear()),
        "sort" => reopen(desk, Lab::sort),
        "tables" => drop(desk.with(|lab| lab.tables = !lab.tables)),
        "examples" => {
            draft::forget_samples();
            desk.with(Lab::take_examples);
        }
        "draw" => desk.draw_samples(),
        "paste" => {
            let picked = page::value_of("paste-item").parse::<usize>().unwrap_or_default();
            let item = desk.lab.try_with_value(|lab| lab.questions.get(picked).cloned()).flatten();
            if let Some(item) = item {
                desk.bring(Ok(samples::lines(&item, &page::value_of("paste-text"))), "pasted".into());
            }
        }
        "attack" => desk.attack(),
        "keep" => desk.keep(),
        "share" => desk.share(),
        "train" => desk.train(),
        "go-there" => drop(desk.lab.try_with_value(|lab| {
            if let Some(complaint) = lab.document.complaint() {
                page::select("lab-json", lab.document.text(), complaint.offset);
            }
        })),
        act => press(desk, act, &at),
    }
}

fn press(desk: Desk, act: &str, at: &str) {
    let (kind, now) = (page::value_of("add-kind"), browser::now_ms());
    let done = desk.with(|lab| {
        let focus = acts::press(lab, act, at, &kind, now)?;
        lab.flow.focus = focus;
        Some(())
    });
    if done.flatten().is_some() {
        desk.changed();
    }
}

fn load(desk: Desk, pick: impl FnOnce(&Lab) -> Option<(clicker_wire::RewardConfig, String)>) {
    let now = browser::now_ms();
    desk.with(|lab| {
        if let Some((reward, words)) = pick(lab) {
            lab.document.replace(&reward, now);
            lab.flow.form = true;
            lab.say(words);
        }
    });
    desk.changed();
}

fn reopen(desk: Desk, change: impl FnOnce(&mut Lab)) {
    desk.with(|lab| {
        change(lab);
        (lab.flow.stale, lab.flow.rows) = (true, true);
    });
}

fn keys(desk: Desk, event: &KeyboardEvent) {
    if !(event.ctrl_key() || event.meta_key()) || event.alt_key() {
        return;
    }
    let act = match (event.key().to_lowercase().as_str(), event.shift_key()) {
        ("z", false) => "undo",
        ("z", true) | ("y", false) => "redo",
        _ => return,
    };
    // Elsewhere the browser's own undo is the right one.
    let within = event.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
    if within.and_then(|e| e.closest(".lab-editor").ok().flatten()).is_some() {
        event.prevent_default();
        press(desk, act, "");
    }
}

fn read_file(desk: Desk, element: &web_sys::Element) {
    let input = element.dyn_ref::<web_sys::HtmlInputElement>();
    let Some(file) = input.and_then(|i| i.files()).and_then(|files| files.get(0)) else { return };
    let name = file.name();
    spawn_local(async move {
        let text = wasm_bindgen_futures::JsFuture::from(file.text()).await.ok().and_then(|text| text.as_string());
        let samples = text.ok_or_else(|| "The file cannot be read.".to_owned()).and_then(|text| samples::jsonl(&text));
        desk.bring(samples, format!("from {name}"));
    });
}

fn attribute(element: &web_sys::Element, name: &str) -> String {
    element.get_attribute(name).unwrap_or_default()
}
