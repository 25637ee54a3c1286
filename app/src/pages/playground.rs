//! The playground: the whole circle on one screen.

use crate::api::{self, Carried, LessonRuns, Run};
use crate::components::note::Problem;
use crate::components::play::{
    AdvantagePanel, AnswersPanel, ComparePanel, PairPanel, Play, PromptPanel, RewardPanel, SamplerPanel, Start,
    TrainPanel, accepted_from, own,
};
use crate::erased::Erase;
use crate::state::knobs::Knobs;
use crate::state::lab::link;
use clicker_wire::{CheckpointId, Domain, Item, ItemId, Knowledge, Manifest, RunId, Sketch};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;
use serde::{Deserialize, Serialize};

/// Questions offered at the start.
const OFFERED: u32 = 80;

/// What the server knows that the first render needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Loaded {
    item: Item,
    offered: Vec<Item>,
    model: Result<Manifest, String>,
    presets: Vec<Sketch>,
    lessons: Vec<LessonRuns>,
    /// A reward that the address brings.
    carried: Option<Carried>,
    /// Rewards that can be brought here, as the options of a list.
    rewards: String,
    run: Option<Run>,
    owner: bool,
    /// What could not be found, in words.
    trouble: Option<String>,
}

async fn load(query: ParamsMap) -> Loaded {
    let mut trouble = None;
    let mut named = None;
    if let Some(id) = query.get("item") {
        match api::world_item(ItemId(id)).await {
            Ok(item) => named = Some(item),
            Err(error) => trouble = Some(api::explain(&error)),
        }
    }
    let domain = named.as_ref().map_or(Domain::Elements, |item| item.domain);
    let offered = api::world_items(Some(domain), OFFERED).await.unwrap_or_default();
    let typed = query.get("prompt").map(|text| own(&text, accepted_from(&query.get("accept").unwrap_or_default())));
    // A stranger's first question is one that the model half knows: some answers are right, others made up, and the reward tells
    // them apart at once.
    let opening = || offered.iter().find(|i| i.knowledge == Knowledge::Rare).or_else(|| offered.first()).cloned();
    let item = typed.or(named).or_else(opening).unwrap_or_else(|| Item::free(""));
    let model = match query.get("checkpoint") {
        Some(id) => api::checkpoint(CheckpointId(id)).await,
        None => api::builtin().await,
    };
    let mut carried = None;
    if let Some((key, value)) = link::brought(|key| query.get(key)) {
        match api::carried_reward(format!("{key}={value}")).await {
            Ok(reward) => carried = Some(reward),
            Err(error) => trouble = Some(api::explain(&error)),
        }
    }
    let run = match query.get("run") {
        Some(id) => api::run(RunId(id)).await.ok(),
        None => None,
    };
    Loaded {
        item,
        offered,
        model: model.map_err(|error| api::explain(&error)),
        presets: api::presets().await.unwrap_or_default(),
        lessons: api::lessons().await.unwrap_or_default().into_iter().map(shortly).collect(),
        carried,
        rewards: api::offered_rewards().await.unwrap_or_default(),
        run,
        owner: api::is_owner().await.unwrap_or(false),
        trouble,
    }
}

/// What goes wrong, in a sentence; the page of runs tells the whole.
fn shortly(lesson: LessonRuns) -> LessonRuns {
    let mut about = lesson.about;
    about.truncate(about.find('.').map_or(about.len(), |end| end + 1));
    LessonRuns { about, ..lesson }
}

/// The page.
#[component]
pub(crate) fn PlaygroundPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let knobs = Knobs::from_query(|key| query.get(key));
    let named = query.get("checkpoint").map(CheckpointId);
    let loaded = Resource::new(|| (), move |()| load(query.clone()));
    view! {
        <Title text="Clicker: playground" />
        <h1 class="sr-only">"Playground"</h1>
        <Suspense fallback=|| view! { <p class="loading">"Loading the playground"</p> }>
            {move || {
                let named = named.clone();
                Suspend::new(async move {
                    let loaded = loaded.await;
                    view! { <Desk loaded knobs named /> }
                })
            }}
        </Suspense>
    }
    .erased()
}

#[component]
fn Desk(loaded: Loaded, knobs: Knobs, named: Option<CheckpointId>) -> impl IntoView {
    let Loaded { item, offered, model, presets, lessons, carried, rewards, run, owner, trouble } = loaded;
    let no_model = model.as_ref().err().cloned();
    Play::provide(Start { item, knobs, carried, model, run, owner }, named);
    view! {
        <div class="desk">
            <div class="desk-ask">
                {trouble.map(|text| view! { <Problem text /> })}
                <PromptPanel offered />
                <SamplerPanel trouble=no_model />
            </div>
            <div class="desk-answers">
                <ComparePanel />
                <AnswersPanel />
                <PairPanel />
            </div>
            <div class="desk-shape">
                <RewardPanel offered=rewards />
                <AdvantagePanel />
                <TrainPanel presets lessons />
            </div>
        </div>
    }
    .erased()
}
