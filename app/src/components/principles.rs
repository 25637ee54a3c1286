//! The principles that a model was trained under, each with the graders that enforce it.

use crate::erased::Erase;
use crate::state::words;
use clicker_wire::Principle;
use leptos::prelude::*;

/// A quiet list; nothing without principles.
#[component]
pub(crate) fn Principles(#[prop(into)] principles: Signal<Vec<Principle>>) -> impl IntoView {
    move || {
        let all = principles.get();
        (!all.is_empty()).then(|| {
            let each = all.into_iter().map(|principle| {
                let graders: Vec<String> = principle.graders.iter().map(|name| words::grader(name)).collect();
                view! {
                    <li title=principle.why>
                        {principle.text} <span class="muted">{format!(" ({})", graders.join(", "))}</span>
                    </li>
                }
            });
            view! {
                <details class="quiet" open data-testid="principles">
                    <summary>"Principles that the model was trained under"</summary>
                    <ul class="hint">{each.collect_view()}</ul>
                </details>
            }
            .erased()
        })
    }
}
