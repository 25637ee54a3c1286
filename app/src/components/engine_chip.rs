//! The model's state in the header: how much of it has arrived, and when it can answer.

use crate::browser::engine::{Engine, EngineStatus, ModelState};
use crate::erased::Erase;
use crate::state::figures::bytes;
use leptos::prelude::*;

/// What the chip says, and the class of its dot.
fn summary(status: &EngineStatus, models: &[ModelState]) -> (&'static str, String) {
    if let EngineStatus::Failed(message) = status {
        return ("bad", format!("Engine failed: {message}"));
    }
    if let Some(ModelState::Loading { received, total, cached, .. }) =
        models.iter().find(|m| matches!(m, ModelState::Loading { .. }))
    {
        let of = total.map(|t| format!(" of {}", bytes(t))).unwrap_or_default();
        let from = if *cached { " from this browser's cache" } else { "" };
        return ("busy", format!("Loading {}{of}{from}", bytes(*received)));
    }
    if let Some(ModelState::Failed(message)) = models.iter().find(|m| matches!(m, ModelState::Failed(_))) {
        return ("bad", format!("Model failed: {message}"));
    }
    let loaded = models.len();
    match (status, loaded) {
        (EngineStatus::Idle, _) => ("off", "Model not loaded".into()),
        (EngineStatus::Starting, _) => ("busy", "Starting engine".into()),
        (_, 0) => ("off", "Engine ready".into()),
        (_, 1) => ("good", "Model ready".into()),
        (_, n) => ("good", format!("{n} models ready")),
    }
}

/// The chip.
#[component]
pub(crate) fn EngineChip() -> impl IntoView {
    let engine = Engine::here();
    let now = Memo::new(move |_| {
        let models: Vec<ModelState> = engine.models.with(|m| m.values().cloned().collect());
        engine.status.with(|status| summary(status, &models))
    });
    let detail = move || {
        let build = match engine.status.get() {
            EngineStatus::Ready { build } => format!("Runs in this browser: {build}. "),
            _ => "The model runs in this tab, in a worker. ".into(),
        };
        let last = engine.models.with(|m| m.values().rev().find_map(ready));
        format!("{build}{}", last.unwrap_or_default())
    };
    view! {
        <span class="chip" role="status" data-testid="engine-state" title=detail>
            <span class=move || format!("dot dot-{}", now.get().0) aria-hidden="true"></span>
            <span class="chip-text">{move || now.get().1}</span>
        </span>
    }
    .erased()
}

fn ready(state: &ModelState) -> Option<String> {
    let ModelState::Ready { ms, cached, note } = state else { return None };
    let from = if *cached { " from this browser's cache" } else { "" };
    Some(format!("Loaded in {ms:.0} ms{from}. {}", note.as_deref().unwrap_or_default()))
}
