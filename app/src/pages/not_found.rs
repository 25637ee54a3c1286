//! An address that leads nowhere.

use crate::erased::Erase;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;

/// The page.
#[component]
pub(crate) fn NotFound() -> impl IntoView {
    view! {
        <Title text="Clicker: not found" />
        <div class="page">
            <header class="page-head">
                <h1>"Nothing is here"</h1>
                <p class="lead">"The address may have been mistyped, or the run was removed."</p>
            </header>
            <p>
                <A href="/">"To the playground"</A>
                ", or to "
                <A href="/runs">"all runs"</A>
                "."
            </p>
        </div>
    }
    .erased()
}
