//! The truthfulness lab. The server draws its pages whole as text (docs/decisions/0005-the-lab-draws-text.md): reports, tables
//! and forms, which need no script, and which no other visitor's browser shall have to load.

use crate::browser;
use crate::browser::page;
use crate::erased::Erase;
use leptos::prelude::*;
use leptos_meta::Title;
#[cfg(feature = "ssr")]
use leptos_router::hooks::{use_location, use_query_map};

/// Every page below `/truth`.
#[component]
pub(crate) fn TruthPage() -> impl IntoView {
    // Came here without a visit to the server (by the browser's way back): nothing is drawn yet.
    Effect::new(|_| {
        if page::element("drawn").is_some_and(|drawn| drawn.child_element_count() == 0) {
            browser::reload();
        }
    });
    view! {
        <Title text="Clicker: truth lab" />
        <Suspense>
            {move || Suspend::new(async move {
                view! { <div class="page drawn" id="drawn" inner_html=drawn().await></div> }
            })}
        </Suspense>
    }
    .erased()
}

/// The page as the server draws it.
#[cfg(feature = "ssr")]
async fn drawn() -> String {
    use crate::drawn::{Asked, draw};

    let query = use_query_map().get_untracked();
    let asked = Asked {
        path: use_location().pathname.get_untracked(),
        query: query.into_iter().map(|(key, value)| (key.into_owned(), value)).collect(),
        owner: use_context::<crate::api::Caller>().unwrap_or_default().owner,
    };
    let drawn = draw(&expect_context(), &asked).await;
    if drawn.missing
        && let Some(response) = use_context::<leptos_axum::ResponseOptions>()
    {
        response.set_status(http::StatusCode::NOT_FOUND);
    }
    drawn.markup
}

/// In the browser it is there already: hydration leaves what the server has drawn as it is.
#[cfg(not(feature = "ssr"))]
async fn drawn() -> String {
    String::new()
}
