//! Measures the browser's engine on any GGUF file: `?model=<url>` or a picked file; `prompt`, `new`, `runs` and `group`
//! set the measurement. The figures stay in `#bench-result` as JSON, for scripts. The card that people share, the list of kept models and
//! the graphics card's panel are elements of `/pkg/card.js`, which costs the page's package nothing.

use crate::browser::engine::{Engine, ModelState};
use crate::browser::page;
use crate::components::note::{Empty, Problem};
use crate::erased::Erase;
use crate::state::figures::number;
use clicker_wire::{BenchReport, BenchSpec, EngineReply, WeightsSource};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

/// How far the measurement is.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    Idle,
    Loading,
    Measuring,
    /// What was measured, and its figures.
    Done(String, BenchReport),
    Failed(String),
}

/// Where the server keeps the model it comes with.
const BUILTIN: &str = "/models/builtin.gguf";

/// The page.
#[component]
pub(crate) fn BenchPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let number_of = |key: &str, usual: u32| query.get(key).and_then(|v| v.parse().ok()).unwrap_or(usual);
    let spec = RwSignal::new(BenchSpec {
        prompt_tokens: number_of("prompt", 32),
        new_tokens: number_of("new", 64),
        runs: number_of("runs", 3),
        group: number_of("group", 8),
    });
    // An address in the page's own starts the measurement; without one the built-in model waits for the button.
    let asked = query.get("model");
    let at_once = asked.is_some();
    let url = RwSignal::new(asked.unwrap_or_else(|| BUILTIN.into()));
    let stage = RwSignal::new(Stage::Idle);
    let engine = Engine::here();

    let measure = move |slot: String, loaded: Result<(), String>| {
        if let Err(message) = loaded {
            stage.set(Stage::Failed(message));
            return;
        }
        stage.set(Stage::Measuring);
        let name = slot.clone();
        engine.bench(slot, spec.get_untracked(), move |reply| match reply {
            EngineReply::Benched { report, .. } => drop(stage.try_set(Stage::Done(name.clone(), report))),
            EngineReply::Failed { message, .. } => drop(stage.try_set(Stage::Failed(message))),
            _ => {}
        });
    };
    let from_url = move || {
        let url = url.get_untracked();
        if url.is_empty() {
            return;
        }
        stage.set(Stage::Loading);
        let slot = format!("bench:{url}");
        engine.load_from(slot.clone(), WeightsSource::Url { url, sha256: String::new() }, None, move |loaded| {
            measure(slot, loaded);
        });
    };
    let from_file = move |ev: leptos::ev::Event| {
        let input = ev.target().and_then(|t| t.dyn_into::<web_sys::HtmlInputElement>().ok());
        let Some(file) = input.and_then(|i| i.files()).and_then(|files| files.get(0)) else { return };
        stage.set(Stage::Loading);
        spawn_local(async move {
            let name = file.name();
            let Some(bytes) = JsFuture::from(file.array_buffer()).await.ok().and_then(|b| b.dyn_into().ok()) else {
                stage.set(Stage::Failed(format!("`{name}` could not be read; pick it again")));
                return;
            };
            let slot = format!("bench:{}/{name}", file.size());
            engine.load_from(slot.clone(), WeightsSource::Attached { name }, Some(bytes), move |loaded| {
                measure(slot, loaded);
            });
        });
    };
    // What the download needs and has, while it goes on.
    let note = move || {
        let loading = |state: &ModelState| match state {
            ModelState::Loading { note, .. } | ModelState::Ready { note, .. } => note.clone(),
            ModelState::Failed(_) => None,
        };
        engine.models.with(|models| models.values().find_map(loading)).unwrap_or_default()
    };
    Effect::new(move |_| {
        page::module("/pkg/card.js");
        if at_once {
            from_url();
        }
    });
    let busy = move || matches!(stage.get(), Stage::Loading | Stage::Measuring);
    let field = move |label: &'static str, key: &'static str, get: fn(&mut BenchSpec) -> &mut u32| {
        let value = move || spec.with(|s| *get(&mut s.clone()));
        view! {
            <label class="field">
                <span>{label}</span>
                <input
                    type="number"
                    min="1"
                    max="4096"
                    data-testid=format!("bench-{key}")
                    value=value()
                    on:input=move |ev| {
                        if let Ok(n) = event_target_value(&ev).parse() {
                            spec.update(|s| *get(s) = n);
                        }
                    }
                />
            </label>
        }
    };
    view! {
        <Title text="Clicker: bench" />
        <div class="page">
            <header class="page-head">
                <h1>"Bench"</h1>
                <p class="lead">"How fast this browser runs a model. Nothing leaves the tab."</p>
            </header>
            <div class="split">
                <section class="panel" aria-labelledby="bench-figures">
                    <h2 id="bench-figures">"Figures"</h2>
                    {move || match stage.get() {
                        Stage::Idle => {
                            view! {
                                <Empty title="Nothing measured yet">"Press Measure for the built-in model, or name or pick another GGUF file: the rates appear here."</Empty>
                            }
                                .erased()
                        }
                        Stage::Loading => {
                            view! { <p class="loading" role="status">"Loading the model. " {note}</p> }.erased()
                        }
                        Stage::Measuring => view! { <p class="loading" role="status">"Measuring"</p> }.erased(),
                        Stage::Failed(text) => view! { <Problem text /> }.erased(),
                        Stage::Done(name, report) => {
                            let json = serde_json::to_string(&report).unwrap_or_default();
                            view! {
                                <bench-card report=json model=name></bench-card>
                                <p class="hint">{note}</p>
                                <Figures report />
                            }
                                .erased()
                        }
                    }}
                    <pre
                        class="code"
                        id="bench-result"
                        data-testid="bench-result"
                        tabindex="0"
                        hidden=move || !matches!(stage.get(), Stage::Done(..) | Stage::Failed(_))
                    >
                        {move || match stage.get() {
                            Stage::Done(_, report) => serde_json::to_string(&report).unwrap_or_default(),
                            Stage::Failed(message) => serde_json::json!({ "error": message }).to_string(),
                            _ => String::new(),
                        }}
                    </pre>
                </section>
                <div class="stack">
                <form
                    class="panel"
                    aria-labelledby="bench-form"
                    on:submit=move |ev| {
                        ev.prevent_default();
                        from_url();
                    }
                >
                    <h2 id="bench-form">"Measure"</h2>
                    <label class="field">
                        <span>"Address of a GGUF file"</span>
                        <input
                            type="text"
                            data-testid="bench-url"
                            value=url.get_untracked()
                            on:input=move |ev| url.set(event_target_value(&ev))
                        />
                    </label>
                    <label class="field">
                        <span>"Or a file from this computer"</span>
                        <input type="file" accept=".gguf" data-testid="bench-file" on:change=from_file disabled=busy />
                    </label>
                    <div class="fields">
                        {field("Prompt tokens", "prompt", |s| &mut s.prompt_tokens)}
                        {field("New tokens", "new", |s| &mut s.new_tokens)}
                        {field("Runs", "runs", |s| &mut s.runs)}
                        {field("Group", "group", |s| &mut s.group)}
                    </div>
                    <button class="button button-main" type="submit" data-testid="bench-start" disabled=move || busy() || url.with(String::is_empty)>
                        "Measure"
                    </button>
                </form>
                <section class="panel" aria-labelledby="bench-graphics">
                    <h2 id="bench-graphics">"Graphics card"</h2>
                    <graphics-bench data-testid="graphics"></graphics-bench>
                </section>
                <section class="panel" aria-labelledby="bench-kept">
                    <h2 id="bench-kept">"Kept in this browser"</h2>
                    <kept-models data-testid="kept"></kept-models>
                </section>
                </div>
            </div>
        </div>
    }
    .erased()
}

#[component]
fn Figures(report: BenchReport) -> impl IntoView {
    let each = report.runs.iter().enumerate().map(|(index, (prefill, decode, group))| {
        view! {
            <tr>
                <th scope="row">{format!("run {}", index + 1)}</th>
                <td class="num">{number(*prefill, 0)}</td>
                <td class="num">{number(*decode, 0)}</td>
                <td class="num">{number(*group, 0)}</td>
            </tr>
        }
    });
    view! {
        <div class="table-scroll" tabindex="0">
            <table class="table">
                <caption>{format!("Tokens per second, engine {}", report.engine)}</caption>
                <thead>
                    <tr>
                        <th scope="col"></th>
                        <th scope="col" class="num">"prefill"</th>
                        <th scope="col" class="num">"decode"</th>
                        <th scope="col" class="num">{format!("group of {}", report.spec.group)}</th>
                    </tr>
                </thead>
                <tbody>
                    {each.collect_view()}
                    <tr class="table-sum">
                        <th scope="row">"median"</th>
                        <td class="num">{number(report.prefill_tps, 0)}</td>
                        <td class="num">{number(report.decode_tps, 0)}</td>
                        <td class="num">{number(report.group_tps, 0)}</td>
                    </tr>
                </tbody>
            </table>
        </div>
    }
    .erased()
}
