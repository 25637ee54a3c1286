//! The reward lab: shape a reward and see at once what it does.

use crate::api;
use crate::components::lab::{LabDesk, Start};
use crate::erased::Erase;
use clicker_wire::Algorithm;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// Questions to make examples from, to draw answers to, and to choose among.
const QUESTIONS: u32 = 32;

async fn load(linked: Option<String>) -> Start {
    let recipes = api::presets().await.unwrap_or_default();
    Start {
        presets: api::reward_presets().await.unwrap_or_default(),
        versions: api::reward_versions().await.unwrap_or_default(),
        questions: api::world_items(None, QUESTIONS).await.unwrap_or_default(),
        model: api::builtin().await.ok(),
        recipe: recipes.into_iter().find(|recipe| recipe.algorithm == Algorithm::Grpo),
        owner: api::is_owner().await.unwrap_or(false),
        linked,
    }
}

/// The page.
#[component]
pub(crate) fn LabPage() -> impl IntoView {
    let linked = use_query_map().get_untracked().get("reward");
    let start = Resource::new(|| (), move |()| load(linked.clone()));
    view! {
        <Title text="Clicker: rewards" />
        <div class="page lab-page">
            <header class="page-head">
                <h1>"Reward lab"</h1>
                <p class="lead">
                    "Write a reward as a form or as JSON and watch every answer's receipt follow. What you see here is computed in this tab by the code that trains."
                </p>
            </header>
            <Suspense fallback=|| view! { <p class="loading">"Loading the lab"</p> }>
                {move || Suspend::new(async move {
                    let start = start.await;
                    view! { <LabDesk start /> }
                })}
            </Suspense>
        </div>
    }
    .erased()
}
