//! The reward lab. The server draws it, and a wasm package of its own wakes it up: the page's package only shows the frame, so
//! that a visitor of the other pages does not pay for it.

use crate::browser;
use crate::browser::page;
use crate::erased::Erase;
use crate::state::lab::link;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// The page.
#[component]
pub(crate) fn LabPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let brought = link::brought(|key| query.get(key));
    // Came here without a visit to the server (by the browser's way back): there is nothing to wake up yet.
    Effect::new(|_| {
        if page::element("lab-start").is_none() {
            browser::reload();
        }
    });
    view! {
        <Title text="Clicker: rewards" />
        <div class="page lab-page">
            <header class="page-head">
                <h1>"Reward lab"</h1>
                <p class="lead">
                    "Write a reward as a form or as JSON and watch every answer's receipt follow. What you see here is computed in this tab by the code that trains."
                </p>
            </header>
            <Suspense>
                {move || {
                    let brought = brought.clone();
                    Suspend::new(async move {
                        let drawn = drawn(brought).await;
                        view! { <div class="lab" id="lab" inner_html=drawn></div> }
                    })
                }}
            </Suspense>
            <script type="module" src="/pkg/rewards.js"></script>
        </div>
    }
    .erased()
}

/// The lab as the server draws it.
#[cfg(feature = "ssr")]
async fn drawn(brought: Option<(&'static str, String)>) -> String {
    use crate::components::lab::{Model, Start, page};
    use crate::components::play::carried::bring;
    use clicker_service::Service;
    use clicker_wire::Algorithm;

    /// Questions to make examples from, to draw answers to, and to choose among.
    const QUESTIONS: u32 = 32;

    let service: Service = expect_context();
    let recipes = service.presets().await.unwrap_or_default();
    let recipe = recipes.into_iter().find(|recipe| recipe.algorithm == Algorithm::Grpo);
    let linked = match brought {
        Some((key, value)) => Some(bring(&service, key, &value).await),
        None => None,
    };
    let trouble = linked.as_ref().and_then(|linked| linked.as_ref().err().cloned());
    page(Start {
        presets: service.reward_presets(),
        versions: service.reward_versions().await.unwrap_or_default(),
        questions: service.world_items(None, QUESTIONS).await.unwrap_or_default(),
        model: service.builtin().await.ok().and_then(|manifest| Model::of(&manifest)),
        recipe: recipe.and_then(|recipe| serde_json::to_value(recipe).ok()),
        owner: use_context::<crate::api::Caller>().unwrap_or_default().owner,
        linked: linked.and_then(Result::ok),
        trouble,
    })
}

/// In the browser it is there already: hydration leaves what the server has drawn as it is.
#[cfg(not(feature = "ssr"))]
async fn drawn(_brought: Option<(&'static str, String)>) -> String {
    String::new()
}
