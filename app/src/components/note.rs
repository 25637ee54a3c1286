//! Messages: what went wrong and what to do, and what will appear in a place that is still empty.

use super::icon::{Icon, Sign};
use crate::erased::Erase;
use leptos::prelude::*;

/// Something went wrong.
#[component]
pub(crate) fn Problem(#[prop(into)] text: String) -> impl IntoView {
    view! {
        <p class="problem" role="alert">
            <Icon sign=Sign::Warn />
            <span>{text}</span>
        </p>
    }
    .erased()
}

/// Nothing is here yet.
#[component]
pub(crate) fn Empty(#[prop(into)] title: String, children: Children) -> impl IntoView {
    view! {
        <div class="empty">
            <p class="empty-title">{title}</p>
            <p>{children()}</p>
        </div>
    }
    .erased()
}

/// What a visitor who is not the owner sees in place of a button that only the owner may press.
#[component]
pub(crate) fn OwnerHint(what: &'static str) -> impl IntoView {
    view! {
        <p class="hint" data-testid="owner-hint">
            {what} " is for the owner of this server: open the owner link that " <code>"clicker"</code>
            " printed in its terminal."
        </p>
    }
    .erased()
}
