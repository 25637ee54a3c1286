//! The bench page.

use leptos::prelude::*;

#[component]
pub(crate) fn BenchPage() -> impl IntoView {
    view! { <h1>"BenchPage"</h1> }
}
