//! How answers are drawn, and the buttons that draw them.

use super::Play;
use super::group::Phase;
use crate::browser::engine::{Engine, ModelState};
use crate::components::icon::{Icon, Sign};
use crate::components::knob::KnobRow;
use crate::components::note::Problem;
use crate::erased::Erase;
use crate::state::figures::{bytes, number};
use crate::state::knobs::SAMPLING;
use leptos::prelude::*;

/// The panel.
#[component]
pub(crate) fn SamplerPanel(trouble: Option<String>) -> impl IntoView {
    let play = Play::here();
    let engine = Engine::here();
    let busy = move || play.base.phase.with(Phase::busy);
    let blocked = play.model.with_value(Option::is_none);
    let asked = move || play.item.with(|item| !item.question().trim().is_empty());
    let seed = move |ev: leptos::ev::Event| {
        if let Ok(seed) = event_target_value(&ev).trim().parse() {
            play.knobs.update(|k| k.seed = seed);
        }
    };
    let knobs = SAMPLING.iter().map(|knob| view! { <KnobRow knob knobs=play.knobs /> });
    view! {
        <section class="panel" aria-labelledby="sampler-title">
            <h2 id="sampler-title" class="step-title">
                <span class="step-no">"2"</span>
                "Sample"
            </h2>
            <div class="knobs">{knobs.collect_view()}</div>
            <label class="field field-inline">
                <span>"Seed"</span>
                <input
                    type="number"
                    min="0"
                    step="1"
                    inputmode="numeric"
                    data-testid="knob-seed"
                    value=play.knobs.with_untracked(|k| k.seed.to_string())
                    prop:value=move || play.knobs.with(|k| k.seed.to_string())
                    on:change=seed
                />
            </label>
            <div class="actions">
                <button
                    class="button button-main"
                    type="button"
                    data-testid="sample"
                    disabled=move || blocked || busy() || !asked()
                    on:click=move |_| play.sample()
                >
                    <Icon sign=Sign::Play />
                    "Sample"
                </button>
                <button
                    class="button"
                    type="button"
                    data-testid="again"
                    title="The same question with the next seed"
                    disabled=move || blocked || busy() || !asked()
                    on:click=move |_| play.again()
                >
                    <Icon sign=Sign::Again />
                    "Again"
                </button>
                <button
                    class="button"
                    type="button"
                    data-testid="stop"
                    disabled=move || !busy()
                    on:click=move |_| play.base.stop(engine)
                >
                    <Icon sign=Sign::Stop />
                    "Stop"
                </button>
            </div>
            <Progress />
            {trouble.map(|text| view! { <Problem text /> })}
        </section>
    }
    .erased()
}

/// How much of the model has arrived, or how fast the last group was. Always one line high.
#[component]
fn Progress() -> impl IntoView {
    let play = Play::here();
    let engine = Engine::here();
    let slot = play.model.with_value(|m| m.as_ref().map(|m| m.id.0.clone())).unwrap_or_default();
    let state = Memo::new(move |_| engine.models.with(|models| models.get(&slot).cloned()));
    let bar = move || match state.get() {
        Some(ModelState::Loading { received, total: Some(total), .. }) => Some((received, total)),
        _ => None,
    };
    let text = move || {
        if let Some(ModelState::Loading { received, total, cached, note }) = state.get() {
            let of = total.map(|t| format!(" of {}", bytes(t))).unwrap_or_default();
            let from = if cached { "from this browser's cache" } else { "from the server" };
            return format!("Model: {}{of} {from}. {}", bytes(received), note.unwrap_or_default());
        }
        let rate = play.base.drawn.with(|drawn| {
            drawn.as_ref().map(|d| {
                let per_second = d.tokens as f64 / (d.ms / 1000.0).max(1e-3);
                format!("{} tokens in {} ms, {} per second", d.tokens, number(d.ms, 0), number(per_second, 0))
            })
        });
        rate.unwrap_or_else(|| match state.get() {
            Some(ModelState::Ready { cached: true, .. }) => "Model ready, from this browser's cache.".into(),
            Some(ModelState::Ready { note, .. }) => format!("Model ready. {}", note.unwrap_or_default()),
            _ => String::new(),
        })
    };
    let failed = move || match (play.base.phase.get(), state.get()) {
        (Phase::Failed(text), _) | (_, Some(ModelState::Failed(text))) => Some(view! { <Problem text /> }),
        _ => None,
    };
    view! {
        <progress
            class="progress"
            class:gone=move || bar().is_none()
            max=move || bar().map_or(1, |b| b.1)
            value=move || bar().map_or(0, |b| b.0)
            aria-label="Model bytes"
        ></progress>
        <p class="hint line" data-testid="sample-status">
            {text}
        </p>
        {failed}
    }
    .erased()
}
