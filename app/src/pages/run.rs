//! One run, live: where it stands, its curves, its held-out measurements, its samples.

use super::runs::algorithm;
use crate::api::{self, Run};
use crate::components::alarms::Alarms;
use crate::components::chart::{LineChart, Series, Unit};
use crate::components::dry_run::DryRunPanel;
use crate::components::eval_table::EvalTable;
use crate::components::live::follow_run;
use crate::components::note::Problem;
use crate::components::principles::Principles;
use crate::components::reward_charts::{RewardCharts, WeightChanges};
use crate::components::run_bar::RunBar;
use crate::components::samples::Samples;
use crate::components::stack::StackChart;
use crate::components::zeros::Zeros;
use crate::erased::Erase;
use crate::state::run_view::RunView;
use crate::state::{figures, words};
use clicker_wire::{Algorithm, EvalReport, Rate, RunId, Sketch};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;

/// Colours of the graders' lines, in the order of their names.
const TONES: [&str; 5] = ["accent", "gain", "loss", "doubt", "even"];

/// The page.
#[component]
pub(crate) fn RunPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| RunId(params.with(|p| p.get("id").unwrap_or_default())));
    let run = Resource::new(move || id.get(), api::run);
    let owner = Resource::new(|| (), |()| api::is_owner());
    view! {
        <Title text="Clicker: run" />
        <div class="page">
            <Suspense fallback=|| view! { <p class="loading">"Loading the run"</p> }>
                {move || Suspend::new(async move {
                    let owner = owner.await.unwrap_or(false);
                    match run.await {
                        Ok(run) => view! { <Detail run owner /> }.erased(),
                        Err(error) => {
                            view! {
                                <h1>"Run"</h1>
                                <Problem text=api::explain(&error) />
                                <p>
                                    <A href="/runs">"All runs"</A>
                                </p>
                            }
                                .erased()
                        }
                    }
                })}
            </Suspense>
        </div>
    }
    .erased()
}

/// Formats that a run can be downloaded in, and what they are called.
const EXPORTS: [(&str, &str); 5] = [
    ("csv", "figures (CSV)"),
    ("jsonl", "figures (JSON lines)"),
    ("tensorboard", "figures (TensorBoard)"),
    ("unipo", "answers (UNIPO)"),
    ("completions", "answers (TRL's table)"),
];

#[component]
fn Detail(run: Run, owner: bool) -> impl IntoView {
    let view = follow_run(Signal::stored(Some(run.id.clone())));
    let alarms = Signal::derive(move || view.with(|v| v.alarms.clone()));
    let first = Signal::derive(move || view.with(|v| v.evals.first_key_value().map(|(s, r)| (*s, r.clone()))));
    let last = Signal::derive(move || view.with(|v| v.evals.last_key_value().map(|(s, r)| (*s, r.clone()))));
    let playground = format!("/?run={}", run.id);
    let recipe = run.recipe.clone();
    let download = |(format, words): (&str, &'static str)| {
        let path = format!("/api/runs/{}/export/{format}", run.id);
        view! { <a href=path download="" rel="external">{words}</a> " " }
    };
    let downloads = EXPORTS.into_iter().map(download).collect_view();
    let answers = recipe.algorithm() != Some(Algorithm::RewardModel);
    view! {
        <header class="page-head">
            <p class="crumb">
                <A href="/runs">"Runs"</A>
                " / " <code>{run.id.0.clone()}</code>
            </p>
            <h1>{recipe.name().to_owned()}</h1>
            <p class="lead">
                {format!(
                    "{} on {}, {} steps, seed {}, asked for {} UTC.",
                    algorithm(recipe.algorithm()),
                    recipe.model(),
                    recipe.steps(),
                    recipe.seed(),
                    figures::moment(run.created_ms),
                )}
            </p>
        </header>
        <section class="panel">
            <RunBar run view owner />
            {if answers {
                view! {
                    <p>
                        <a href=playground data-testid="open-playground">
                            "Open in the playground, before and after side by side"
                        </a>
                    </p>
                }
                    .erased()
            } else {
                view! { <p>"It scores answers and gives none: a reward asks it by a checkpoint's id, with the grader reward_model."</p> }
                    .erased()
            }}
            <p data-testid="exports">
                "Download: "
                {downloads}
            </p>
            <Alarms alarms />
        </section>
        <DryRunPanel recipe=recipe.clone() view owner />
        <Curves view />
        <Zeros recipe=recipe.clone() />
        <WeightChanges view />
        <section class="panel" aria-labelledby="eval-title">
            <h2 id="eval-title">"Held out: before and after"</h2>
            <EvalTable first last />
        </section>
        <Samples view />
        <Checkpoints view answers />
        <RecipeText recipe />
    }
    .erased()
}

/// All curves.
#[component]
fn Curves(view: RwSignal<RunView>) -> impl IntoView {
    let line = move |name: &'static str, label: &'static str| {
        Signal::derive(move || view.with(|v| vec![Series::new(label, "accent", v.line(name))]))
    };
    let graders = Signal::derive(move || {
        view.with(|v| {
            let each = v.graders().into_iter().enumerate();
            each.map(|(i, (name, points))| Series::new(words::grader(&name), TONES[i % TONES.len()], points)).collect()
        })
    });
    let held_out = Signal::derive(move || {
        let points = |pick: fn(&EvalReport) -> Rate| {
            view.with(|v| v.evals.iter().map(|(step, r)| (f64::from(*step), pick(r).value)).collect::<Vec<_>>())
        };
        vec![
            Series::new("hallucination", "loss", points(|r| r.hallucination)),
            Series::new("accuracy on known facts", "gain", points(|r| r.accuracy_known)),
        ]
    });
    let groups = Signal::derive(move || {
        view.with(|v| {
            vec![
                Series::new("all right", "gain", v.line("groups/all_right")),
                Series::new("mixed", "accent", v.line("groups/mixed")),
                Series::new("all wrong", "loss", v.line("groups/all_wrong")),
            ]
        })
    });
    view! {
        <section class="charts" class:charts-trained=move || view.with(|v| v.metrics.contains_key("loss")) aria-label="Curves">
            <LineChart title="Reward" hint="Mean over the step's answers." series=line("reward", "reward") />
            <LineChart title="Graders" hint="Mean score of each grader." series=graders />
            <LineChart title="Held out" hint="Questions it never trains on." series=held_out unit=Unit::Percent />
            <StackChart title="Group outcomes" hint="Only mixed groups teach." series=groups />
            <LineChart title="KL" hint="How far it moved from the old model." series=line("kl", "kl") />
            <LineChart title="Entropy" hint="Nats per token: how open it still is." series=line("entropy", "entropy") />
            <LineChart
                title="Length"
                hint="Tokens per answer."
                series=line("completions/mean_length", "mean length")
            />
            <LineChart title="Loss" hint="The number whose gradient is followed." series=line("loss", "loss") />
            <RewardCharts view />
        </section>
    }
    .erased()
}

/// The run's checkpoints, each a link into the playground.
#[component]
fn Checkpoints(view: RwSignal<RunView>, answers: bool) -> impl IntoView {
    // A run has one constitution, so all of its checkpoints carry the same.
    let principles = Signal::derive(move || {
        view.with(|v| v.checkpoints.values().next().map(|m| m.principles.clone()).unwrap_or_default())
    });
    let rows = move || {
        let all = view.with(|v| v.checkpoints.clone());
        let each = all.into_iter().rev().map(|(step, manifest)| {
            let link = format!("/?checkpoint={}", manifest.id);
            let bytes: u64 = manifest.files.iter().map(|f| f.bytes).sum();
            view! {
                <tr>
                    <th scope="row">{format!("step {step}")}</th>
                    <td>
                        <code title=manifest.id.0.clone()>{manifest.id.0.chars().take(12).collect::<String>()}</code>
                    </td>
                    <td class="num">{figures::count(manifest.shape.parameters)}</td>
                    <td class="num">{figures::bytes(bytes)}</td>
                    <td>{answers.then(|| view! { <a href=link>"Open in the playground"</a> })}</td>
                </tr>
            }
        });
        each.collect_view()
    };
    view! {
        <section class="panel" aria-labelledby="checkpoints-title">
            <h2 id="checkpoints-title">"Checkpoints"</h2>
            <Principles principles />
            <div class="table-scroll" tabindex="0">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"made at"</th>
                            <th scope="col">"id"</th>
                            <th scope="col" class="num">"parameters"</th>
                            <th scope="col" class="num">"size"</th>
                            <th scope="col">"try"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .erased()
}

/// The recipe as it is stored: config and seed replay the run.
#[component]
fn RecipeText(recipe: Sketch) -> impl IntoView {
    let json = serde_json::to_string_pretty(&recipe).unwrap_or_default();
    view! {
        <details class="panel">
            <summary>"Recipe: what replays this run"</summary>
            <pre class="code" tabindex="0">{json}</pre>
        </details>
    }
    .erased()
}
