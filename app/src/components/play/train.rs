//! Train on the reward as the knobs stand, and watch it happen right here.

use super::Play;
use super::group::Phase;
use crate::api::{self, LessonRuns, Run};
use crate::components::alarms::Alarms;
use crate::components::chart::{LineChart, Series};
use crate::components::icon::{Icon, Sign};
use crate::components::knob::KnobRow;
use crate::components::lessons::LessonList;
use crate::components::note::{OwnerHint, Problem};
use crate::components::run_bar::RunBar;
use crate::erased::Erase;
use crate::state::knobs::TRAINING;
use clicker_wire::{Algorithm, RewardConfig, Sketch};
use leptos::prelude::*;
use leptos::task::spawn_local;

/// The panel. `presets` are the recipes to start from, `lessons` rewards that the model learns to trick.
#[component]
pub(crate) fn TrainPanel(presets: Vec<Sketch>, lessons: Vec<LessonRuns>) -> impl IntoView {
    let play = Play::here();
    let presets: Vec<Sketch> = presets.into_iter().filter(|r| r.algorithm() == Some(Algorithm::Grpo)).collect();
    let chosen = RwSignal::new(0_usize);
    let trouble = RwSignal::new(None::<String>);
    let asking = RwSignal::new(false);
    let none = presets.is_empty();
    let names = presets.iter().enumerate().map(|(index, recipe)| {
        view! { <option value=index.to_string()>{format!("{}, {} steps", recipe.name(), recipe.steps())}</option> }
    });
    let names = names.collect_view();
    let presets = StoredValue::new(presets);
    let running = Memo::new(move |_| {
        let known = play.run.with(|run| run.as_ref().map(|run| run.status));
        known.map(|known| play.view.with(|v| v.status).unwrap_or(known)).is_some_and(|status| !status.is_final())
    });
    let train = move |_| {
        let Some(preset) = presets.with_value(|p| p.get(chosen.get_untracked()).cloned()) else { return };
        let reward = untrack(move || play.reward());
        let mut recipe = play.knobs.with_untracked(|k| k.recipe(preset, &reward));
        if let Some(model) = play.named.get_value() {
            recipe = recipe.with("model", model.0);
        }
        asking.set(true);
        spawn_local(async move {
            let started = api::start_run(recipe).await;
            asking.set(false);
            match started {
                Ok(run) => {
                    trouble.set(None);
                    follow(play, run);
                }
                Err(error) => trouble.set(Some(api::explain(&error))),
            }
        });
    };
    // A recipe that pays for something else than the knobs do brings its reward along, where everybody sees it.
    let brought = StoredValue::new(false);
    let pick = move |ev: leptos::ev::Event| {
        chosen.set(event_target_value(&ev).parse().unwrap_or(0));
        let preset = presets.with_value(|p| p.get(chosen.get_untracked()).cloned());
        let own = preset.and_then(|p| p.read::<RewardConfig>("reward")).filter(|r| *r != RewardConfig::default());
        match own.and_then(|reward| serde_json::to_string(&reward).ok()) {
            Some(json) => spawn_local(async move {
                match api::carried_reward(format!("reward={json}")).await {
                    Ok(reward) => {
                        brought.set_value(true);
                        play.carried.set(Some(reward));
                    }
                    Err(error) => trouble.set(Some(api::explain(&error))),
                }
            }),
            None if brought.get_value() => {
                brought.set_value(false);
                play.carried.set(None);
            }
            None => {}
        }
    };
    let owner = play.owner;
    view! {
        <section class="panel panel-train" aria-labelledby="train-title">
            <div class="panel-head">
                <h2 id="train-title" class="step-title">
                    <span class="step-no">"7"</span>
                    "Train"
                </h2>
                <button
                    class="button button-main"
                    type="button"
                    data-testid="train"
                    disabled=move || none || !owner || asking.get() || running.get()
                    on:click=train
                >
                    <Icon sign=Sign::Play />
                    "Train"
                </button>
            </div>
            <p class="hint">"The server trains the model on this very reward. Its checkpoints come back into this tab."</p>
            <div class="knobs">
                {TRAINING.iter().map(|knob| view! { <KnobRow knob knobs=play.knobs /> }).collect_view()}
            </div>
            <label class="field">
                <span>"Recipe"</span>
                <select data-testid="preset" on:change=pick disabled=none>
                    {names}
                </select>
            </label>
            {(!owner).then(|| view! { <OwnerHint what="Training" /> })}
            {move || trouble.get().map(|text| view! { <Problem text /> })}
            <LiveRun />
            <details class="quiet" data-testid="lessons">
                <summary>"Lessons: three rewards that the model learns to trick"</summary>
                <LessonList lessons owner started=Callback::new(move |run| learn(play, run)) />
            </details>
        </section>
    }
    .erased()
}

/// A run was asked for: it is the one that is watched here.
fn follow(play: Play, run: Run) {
    // Something to compare with: the answers of the model as it is now.
    if play.base.phase.with_untracked(|p| *p == Phase::Empty) {
        play.sample();
    }
    play.picked.set(None);
    play.run.set(Some(run));
}

/// A lesson's run was asked for: receipts here show what its model is paid for.
fn learn(play: Play, run: Run) {
    let preset = format!("preset={}", run.recipe.name().replacen('-', ", ", 1));
    follow(play, run);
    spawn_local(async move {
        if let Ok(reward) = api::carried_reward(preset).await {
            play.carried.set(Some(reward));
        }
    });
}

/// The run that trains now: where it stands, its reward, what looks wrong.
#[component]
fn LiveRun() -> impl IntoView {
    let play = Play::here();
    let reward = Signal::derive(move || play.view.with(|v| vec![Series::new("reward", "accent", v.line("reward"))]));
    let alarms = Signal::derive(move || play.view.with(|v| v.alarms.clone()));
    move || {
        play.run.get().map(|run| {
            let link = format!("/runs/{}", run.id);
            view! {
                <div class="live" data-testid="live-run">
                    <RunBar run view=play.view owner=play.owner />
                    <LineChart title="Reward" hint="Mean over the step's answers." series=reward />
                    <Alarms alarms />
                    <p>
                        <a href=link>"All curves and samples of this run"</a>
                    </p>
                </div>
            }
        })
    }
}
