//! What the reward does while it trains: training beside held-out questions, what it pays beside the truth, and the prices of
//! its safety limits.

use super::chart::{Axis, LineChart, Series};
use crate::erased::Erase;
use crate::state::figures::number;
use crate::state::run_view::RunView;
use crate::state::words;
use leptos::prelude::*;

/// Tones of lines that come in any number.
const TONES: [&str; 5] = ["accent", "gain", "loss", "doubt", "even"];

/// The charts, where there is a reward; those of limits only where it has any.
#[component]
pub(crate) fn RewardCharts(view: RwSignal<RunView>) -> impl IntoView {
    let gap = Signal::derive(move || {
        view.with(|v| {
            vec![
                Series::new("training", "accent", v.line("heldout/train_reward")),
                Series::new("held out", "gain", v.line("heldout/reward")),
            ]
        })
    });
    let curve = Signal::derive(move || {
        view.with(|v| {
            vec![
                Series::new("reward", "accent", v.over("heldout/sqrt_kl", "heldout/reward")),
                Series::new("truth", "gain", v.over("heldout/sqrt_kl", "heldout/gold")),
            ]
        })
    });
    let rewarded = Memo::new(move |_| view.with(|v| v.metrics.contains_key("heldout/reward")));
    view! {
        <Show when=move || rewarded.get()>
            <LineChart
                title="Training and held out"
                hint="The same reward on questions it trains on and on others."
                series=gap
            />
            <LineChart
                title="Reward and truth"
                hint="Held out, over the distance from the start. Apart: the reward is hacked."
                series=curve
                axis=Axis::Distance
            />
        </Show>
        <Limits view />
        <Weights view />
        <Further view />
    }
    .erased()
}

/// A chart: title, hint, and of each line the figure, its name and its tone.
type Chart = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

/// What only some algorithms measure.
const FURTHER: [Chart; 3] = [
    (
        "Order",
        "Share of pairs whose better answer scores higher.",
        &[
            ("accuracy", "training", "accent"),
            ("rewards/accuracies", "training", "accent"),
            ("eval_accuracy", "held out", "gain"),
        ],
    ),
    (
        "Disagreement",
        "How far the members' margins differ on held-out pairs.",
        &[("eval_disagreement_right", "ordered right", "gain"), ("eval_disagreement_wrong", "ordered wrong", "loss")],
    ),
    (
        "Pushed back",
        "Held out: right answers given up and wrong ones mended after a push.",
        &[("heldout/flip", "given up", "loss"), ("heldout/mend_doubt", "mended when doubted", "gain")],
    ),
];

/// The charts of [`FURTHER`] for which there is something.
#[component]
fn Further(view: RwSignal<RunView>) -> impl IntoView {
    let each = FURTHER.into_iter().map(|(title, hint, lines)| {
        let series = Signal::derive(move || {
            let all = lines.iter().map(|(figure, name, tone)| Series::new(*name, tone, view.with(|v| v.line(figure))));
            all.filter(|line| !line.points.is_empty()).collect::<Vec<_>>()
        });
        let any = Memo::new(move |_| series.with(|s| !s.is_empty()));
        view! {
            <Show when=move || any.get()>
                <LineChart title hint series />
            </Show>
        }
    });
    each.collect_view()
}

/// Cost, limit and price of every safety limit.
#[component]
fn Limits(view: RwSignal<RunView>) -> impl IntoView {
    let names = Memo::new(move |_| view.with(RunView::constraints));
    let costs = Signal::derive(move || {
        let each = names.get().into_iter().enumerate().flat_map(|(i, name)| {
            let tone = TONES[i % TONES.len()];
            view.with(|v| {
                [
                    Series::new(
                        format!("cost of {}", words::grader(&name)),
                        tone,
                        v.line(&format!("constraints/{name}/cost")),
                    ),
                    Series::new("its limit", "even", v.line(&format!("constraints/{name}/limit"))),
                ]
            })
        });
        each.collect::<Vec<_>>()
    });
    let prices = Signal::derive(move || {
        let each = names.get().into_iter().enumerate().map(|(i, name)| {
            let line = view.with(|v| v.line(&format!("constraints/{name}/multiplier")));
            Series::new(words::grader(&name), TONES[i % TONES.len()], line)
        });
        each.collect::<Vec<_>>()
    });
    move || {
        (!names.with(Vec::is_empty)).then(|| {
            view! {
                <LineChart title="Safety costs" hint="Mean over the step's answers, and what is allowed." series=costs />
                <LineChart title="Prices of limits" hint="Multipliers: they rise while a limit is broken." series=prices />
            }
        })
    }
}

/// Weights that move.
#[component]
fn Weights(view: RwSignal<RunView>) -> impl IntoView {
    let names = Memo::new(move |_| view.with(RunView::moving_weights));
    let weights = Signal::derive(move || {
        let each = names.get().into_iter().enumerate().map(|(i, name)| {
            let line = view.with(|v| v.line(&format!("weights/{name}")));
            Series::new(words::grader(&name), TONES[i % TONES.len()], line)
        });
        each.collect::<Vec<_>>()
    });
    move || {
        (!names.with(Vec::is_empty)).then(|| {
            view! { <LineChart title="Weights" hint="How much each moving grader counts in the step." series=weights /> }
        })
    }
}

/// Every change of a weight with its cause; nothing while there are none.
#[component]
pub(crate) fn WeightChanges(view: RwSignal<RunView>) -> impl IntoView {
    let changes = Memo::new(move |_| view.with(|v| v.changes.clone()));
    move || {
        (!changes.with(Vec::is_empty)).then(|| {
            let rows = changes.get().into_iter().rev().map(|change| {
                view! {
                    <tr>
                        <th scope="row">{change.step}</th>
                        <td>{words::grader(&change.grader)}</td>
                        <td class="num">{number(change.from, 3)}</td>
                        <td class="num">{number(change.to, 3)}</td>
                        <td>{change.cause}</td>
                    </tr>
                }
            });
            view! {
                <details class="panel" data-testid="weight-changes">
                    <summary>"How the weights changed, and why"</summary>
                    <div class="table-scroll" tabindex="0">
                        <table class="table table-tight">
                            <thead>
                                <tr>
                                    <th scope="col">"after step"</th>
                                    <th scope="col">"grader"</th>
                                    <th scope="col" class="num">"from"</th>
                                    <th scope="col" class="num">"to"</th>
                                    <th scope="col">"cause"</th>
                                </tr>
                            </thead>
                            <tbody>{rows.collect_view()}</tbody>
                        </table>
                    </div>
                </details>
            }
            .erased()
        })
    }
}
