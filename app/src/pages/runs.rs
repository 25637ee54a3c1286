//! All runs, and the form that starts one.

use crate::api::{self, Run};
use crate::components::lessons::Lessons;
use crate::components::note::{Empty, OwnerHint, Problem};
use crate::erased::Erase;
use crate::state::{figures, words};
use clicker_wire::{Algorithm, Sketch};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;

/// The page.
#[component]
pub(crate) fn RunsPage() -> impl IntoView {
    let runs = Resource::new(|| (), |()| api::runs());
    let presets = Resource::new(|| (), |()| api::presets());
    let owner = Resource::new(|| (), |()| api::is_owner());
    let lessons = Resource::new(|| (), |()| api::lessons());
    view! {
        <Title text="Clicker: runs" />
        <div class="page">
            <header class="page-head">
                <h1>"Runs"</h1>
                <p class="lead">
                    "A run samples answers, rewards them and changes the model a little at every step. Its curves, samples and checkpoints stay here."
                </p>
            </header>
            <div class="split">
                <Suspense fallback=|| view! { <p class="loading">"Loading runs"</p> }>
                    {move || Suspend::new(async move {
                        match runs.await {
                            Ok(runs) => view! { <RunList runs /> }.erased(),
                            Err(error) => view! { <Problem text=api::explain(&error) /> }.erased(),
                        }
                    })}
                </Suspense>
                <Suspense fallback=|| view! { <p class="loading">"Loading recipes"</p> }>
                    {move || Suspend::new(async move {
                        let owner = owner.await.unwrap_or(false);
                        match presets.await {
                            Ok(presets) => view! { <StartForm presets owner /> }.erased(),
                            Err(error) => view! { <Problem text=api::explain(&error) /> }.erased(),
                        }
                    })}
                </Suspense>
            </div>
            <Suspense fallback=|| view! { <p class="loading">"Loading lessons"</p> }>
                {move || Suspend::new(async move {
                    let owner = owner.await.unwrap_or(false);
                    match lessons.await {
                        Ok(lessons) => view! { <Lessons lessons owner /> }.erased(),
                        Err(error) => view! { <Problem text=api::explain(&error) /> }.erased(),
                    }
                })}
            </Suspense>
        </div>
    }
    .erased()
}

#[component]
fn RunList(runs: Vec<Run>) -> impl IntoView {
    if runs.is_empty() {
        return view! {
            <Empty title="No runs yet">
                "Start one beside this, or shape a reward in the " <a href="/">"playground"</a> " and press Train there."
            </Empty>
        }
        .erased();
    }
    let rows = runs.into_iter().map(|run| {
        let link = format!("/runs/{}", run.id);
        let (recipe, name) = (&run.recipe, run.recipe.name().to_owned());
        let (kind, steps, seed) = (algorithm(recipe.algorithm()), recipe.steps(), recipe.seed());
        view! {
            <tr>
                <td>
                    <A href=link>{name}</A>
                    <span class="cell-note">{run.id.0.clone()}</span>
                </td>
                <td>
                    <span class=format!("badge status-{}", words::status(run.status))>{words::status(run.status)}</span>
                </td>
                <td>{kind}</td>
                <td class="num">{format!("{} / {}", run.step, steps)}</td>
                <td class="num">{seed}</td>
                <td class="num">{figures::moment(run.created_ms)}</td>
            </tr>
        }
    });
    view! {
        <div class="table-scroll" tabindex="0">
            <table class="table" data-testid="runs">
                <caption class="sr-only">"Runs, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"recipe"</th>
                        <th scope="col">"status"</th>
                        <th scope="col">"algorithm"</th>
                        <th scope="col" class="num">"steps"</th>
                        <th scope="col" class="num">"seed"</th>
                        <th scope="col" class="num">"asked for (UTC)"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
    .erased()
}

/// An algorithm's name.
pub(crate) fn algorithm(algorithm: Option<Algorithm>) -> &'static str {
    match algorithm {
        None => "unknown",
        Some(Algorithm::Sft) => "SFT",
        Some(Algorithm::Grpo) => "GRPO",
        Some(Algorithm::Dpo) => "DPO",
        Some(Algorithm::Kto) => "KTO",
        Some(Algorithm::Orpo) => "ORPO",
        Some(Algorithm::Raft) => "RAFT",
        Some(Algorithm::RewardModel) => "reward model",
    }
}

#[component]
fn StartForm(presets: Vec<Sketch>, owner: bool) -> impl IntoView {
    let first = presets.first().cloned();
    let steps = RwSignal::new(first.as_ref().map_or(0, Sketch::steps));
    let seed = RwSignal::new(first.as_ref().map_or(0, Sketch::seed));
    let chosen = RwSignal::new(0_usize);
    let options = presets.iter().enumerate().map(|(index, recipe)| {
        view! { <option value=index.to_string()>{format!("{} ({})", recipe.name(), algorithm(recipe.algorithm()))}</option> }
    });
    let options = options.collect_view();
    let presets = StoredValue::new(presets);
    let navigate = use_navigate();
    let start = Action::new(|recipe: &Sketch| api::start_run(recipe.clone()));
    Effect::new(move |_| {
        if let Some(Ok(run)) = start.value().get() {
            navigate(&format!("/runs/{}", run.id), Default::default());
        }
    });
    let pick = move |ev: leptos::ev::Event| {
        let index = event_target_value(&ev).parse().unwrap_or(0);
        chosen.set(index);
        if let Some(recipe) = presets.with_value(|p| p.get(index).cloned()) {
            steps.set(recipe.steps());
            seed.set(recipe.seed());
        }
    };
    let submit = move |ev: leptos::ev::SubmitEvent| {
        ev.prevent_default();
        let preset = presets.with_value(|p| p.get(chosen.get_untracked()).cloned());
        if let Some(preset) = preset {
            start.dispatch(preset.with("steps", steps.get_untracked()).with("seed", seed.get_untracked()));
        }
    };
    view! {
        <form class="panel" on:submit=submit aria-labelledby="start-title">
            <h2 id="start-title">"Start a run"</h2>
            <label class="field">
                <span>"Recipe"</span>
                <select data-testid="start-preset" on:change=pick>
                    {options}
                </select>
            </label>
            <div class="row">
                <label class="field grow">
                    <span>"Steps"</span>
                    <input
                        type="number"
                        min="1"
                        max="100000"
                        data-testid="start-steps"
                        value=steps.get_untracked()
                        prop:value=move || steps.get().to_string()
                        on:input=move |ev| steps.set(event_target_value(&ev).parse().unwrap_or(1))
                    />
                </label>
                <label class="field grow">
                    <span>"Seed"</span>
                    <input
                        type="number"
                        min="0"
                        data-testid="start-seed"
                        value=seed.get_untracked()
                        prop:value=move || seed.get().to_string()
                        on:input=move |ev| seed.set(event_target_value(&ev).parse().unwrap_or(0))
                    />
                </label>
            </div>
            <button
                class="button button-main"
                type="submit"
                data-testid="start-run"
                disabled=move || !owner || start.pending().get() || presets.with_value(Vec::is_empty)
            >
                "Start"
            </button>
            {(!owner).then(|| view! { <OwnerHint what="Starting a run" /> })}
            {move || {
                start.value().get().and_then(Result::err).map(|error| view! { <Problem text=api::explain(&error) /> })
            }}
        </form>
    }
    .erased()
}
