//! The playground page.

use leptos::prelude::*;

#[component]
pub(crate) fn PlaygroundPage() -> impl IntoView {
    view! { <h1>"PlaygroundPage"</h1> }
}
