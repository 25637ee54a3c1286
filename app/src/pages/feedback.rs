//! The feedback page.

use leptos::prelude::*;

#[component]
pub(crate) fn FeedbackPage() -> impl IntoView {
    view! { <h1>"FeedbackPage"</h1> }
}
