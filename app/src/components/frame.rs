//! Header and footer around every page.

use super::engine_chip::EngineChip;
use super::theme::ThemeToggle;
use crate::browser::votes::Votes;
use crate::erased::Erase;
use leptos::prelude::*;
use leptos_router::components::A;

/// Name, navigation, the model's state, the theme.
#[component]
pub(crate) fn Header() -> impl IntoView {
    view! {
        <a class="skip" href="#main">
            "Skip to the page"
        </a>
        <header class="header">
            <A href="/" exact=true attr:class="brand" attr:aria-label="Clicker, to the playground">
                <svg class="logo" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
                    <circle class="logo-ring" cx="12" cy="12" r="9" />
                    <circle class="logo-dot" cx="12" cy="12" r="4" />
                </svg>
                <span>"Clicker"</span>
            </A>
            <nav class="nav" aria-label="Pages">
                <A href="/" exact=true>"Playground"</A>
                // A visit to the server: both labs come drawn from there.
                <A href="/rewards" attr:rel="external">"Rewards"</A>
                <A href="/runs">"Runs"</A>
                <A href="/truth" attr:rel="external">"Truth"</A>
                <A href="/feedback">"Feedback"</A>
                <A href="/bench">"Bench"</A>
            </nav>
            <div class="header-end">
                <EngineChip />
                <ThemeToggle />
            </div>
        </header>
    }
    .erased()
}

/// Version, and votes that wait for the connection.
#[component]
pub(crate) fn Footer() -> impl IntoView {
    let votes = Votes::here();
    let waiting = move || match votes.waiting.get() {
        0 => None,
        1 => Some("1 vote waiting to be sent".to_owned()),
        n => Some(format!("{n} votes waiting to be sent")),
    };
    view! {
        <footer class="footer">
            <span>"Clicker " {env!("CARGO_PKG_VERSION")}</span>
            <span>"The model runs in this tab."</span>
            <span class="queue" role="status" data-testid="vote-queue">
                {move || waiting()}
                {move || {
                    votes
                        .problem
                        .get()
                        .map(|why| {
                            view! {
                                <span class="queue-problem">{format!(" A vote was refused: {why}")}</span>
                                <button class="link" type="button" on:click=move |_| votes.flush()>
                                    "Try again"
                                </button>
                                <button class="link" type="button" on:click=move |_| votes.discard()>
                                    "Discard"
                                </button>
                            }
                        })
                }}
            </span>
        </footer>
    }
    .erased()
}
