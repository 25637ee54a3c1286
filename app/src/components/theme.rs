//! Light, dark, or what the system says; remembered in this browser.

use super::icon::{Icon, Sign};
use crate::browser::storage;
use crate::erased::Erase;
use leptos::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theme {
    Auto,
    Light,
    Dark,
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Auto => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::Auto,
        }
    }
}

/// The button that turns the theme. The document's head has already applied what is stored.
#[component]
pub(crate) fn ThemeToggle() -> impl IntoView {
    let theme = RwSignal::new(Theme::Auto);
    Effect::new(move |_| match storage::get("theme").as_deref() {
        Some("light") => theme.set(Theme::Light),
        Some("dark") => theme.set(Theme::Dark),
        _ => {}
    });
    let turn = move |_| {
        let next = theme.get().next();
        theme.set(next);
        apply(next);
    };
    let sign = move || match theme.get() {
        Theme::Auto => Sign::Auto,
        Theme::Light => Sign::Sun,
        Theme::Dark => Sign::Moon,
    };
    let label = move || format!("Theme: {}. Press for {}.", theme.get().name(), theme.get().next().name());
    view! {
        <button class="icon-button" type="button" data-testid="theme" aria-label=label title=label on:click=turn>
            {move || view! { <Icon sign=sign() /> }}
        </button>
    }
    .erased()
}

fn apply(theme: Theme) {
    let root = web_sys::window().and_then(|w| w.document()).and_then(|d| d.document_element());
    let Some(root) = root else { return };
    if theme == Theme::Auto {
        storage::remove("theme");
        let _ = root.remove_attribute("data-theme");
    } else {
        storage::set("theme", theme.name());
        let _ = root.set_attribute("data-theme", theme.name());
    }
}
