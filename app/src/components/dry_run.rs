//! The dry run: what the reward made of the first answers, before anything was trained on it.

use super::icon::{Icon, Sign};
use super::note::Problem;
use crate::api;
use crate::erased::Erase;
use crate::state::figures::{number, percent};
use crate::state::run_view::{RunView, Tried};
use crate::state::words;
use clicker_wire::{Decision, GraderScores, Histogram, Sketch};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

/// The panel; nothing until the run has made its dry run. A run that was stopped can be started anyway.
#[component]
pub(crate) fn DryRunPanel(recipe: Sketch, view: RwSignal<RunView>, owner: bool) -> impl IntoView {
    let tried = Memo::new(move |_| view.with(|v| v.dry_run.clone()));
    let recipe = StoredValue::new(recipe);
    move || {
        tried.get().map(|tried| {
            let stopped = tried.report.decision == Decision::Stop && tried.waived.is_none();
            view! {
                <section class="panel" aria-labelledby="dry-run-title" data-testid="dry-run">
                    <div class="panel-head">
                        <h2 id="dry-run-title">"Dry run"</h2>
                        <span class=format!("badge decision-{}", words::decision(tried.report.decision))>
                            {words::decision(tried.report.decision)}
                        </span>
                    </div>
                    <p class="hint">
                        "The reward, tried on the first step's answers before anything was trained on it."
                    </p>
                    <Findings tried />
                    {(stopped && owner).then(|| view! { <StartAnyway recipe /> })}
                </section>
            }
        })
    }
}

#[component]
fn Findings(tried: Tried) -> impl IntoView {
    let Tried { report, waived } = tried;
    let share = |value: Option<f64>| value.map_or_else(|| "\u{2013}".into(), |v| percent(v, 0));
    let facts = [
        ("answers", report.answers.to_string()),
        ("rank agreement with the truth", report.agreement.map_or_else(|| "\u{2013}".into(), |v| number(v, 2))),
        ("right already", share(report.pass_rate)),
        ("groups without any difference", share(report.constant_groups)),
        ("cut off", share(report.truncated)),
    ];
    let facts = facts.map(|(name, value)| {
        view! {
            <div class="fact">
                <dt>{name}</dt>
                <dd>{value}</dd>
            </div>
        }
    });
    let advice = report.advice.into_iter().map(|advice| {
        view! {
            <li class=format!("advice advice-{}", words::decision(advice.decision))>
                {(advice.decision != Decision::Go).then(|| view! { <Icon sign=Sign::Warn /> })} <span>{advice.words}</span>
            </li>
        }
    });
    let total = GraderScores { grader: "total".into(), scores: report.totals, does_not_apply: 0 };
    let rows = report.graders.into_iter().chain([total]).map(row);
    view! {
        <ul class="advice-list">{advice.collect_view()}</ul>
        {waived.map(|why| view! { <p class="hint">"It went on all the same: " {why} "."</p> })}
        <dl class="dry-facts">{facts.into_iter().collect_view()}</dl>
        <div class="table-scroll" tabindex="0">
            <table class="table table-tight">
                <caption class="sr-only">"Scores of each grader on the first answers"</caption>
                <thead>
                    <tr>
                        <th scope="col">"grader"</th>
                        <th scope="col">"spread"</th>
                        <th scope="col" class="num">"lowest"</th>
                        <th scope="col" class="num">"mean"</th>
                        <th scope="col" class="num">"highest"</th>
                        <th scope="col" class="num">"does not apply"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
    .erased()
}

fn row(scores: GraderScores) -> impl IntoView + use<> {
    let Histogram { low, high, mean, counts, .. } = &scores.scores;
    let mean = mean.map(|mean| number(mean, 2));
    view! {
        <tr>
            <th scope="row">{words::grader(&scores.grader)}</th>
            <td>
                <svg class="spread" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">
                    <path d=bars(counts) />
                </svg>
                <span class="sr-only">{counts.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")}</span>
            </td>
            <td class="num">{number(*low, 2)}</td>
            <td class="num">{mean}</td>
            <td class="num">{number(*high, 2)}</td>
            <td class="num">{scores.does_not_apply}</td>
        </tr>
    }
}

/// One bar per bin, as high as its share of the largest; a bin that is not empty is never invisible.
fn bars(counts: &[u32]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let width = 100.0 / counts.len().max(1) as f64;
    let mut path = String::new();
    for (index, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (f64::from(*count) / f64::from(most) * 20.0).max(1.0);
        path.push_str(&format!("M{:.1} 20v-{height:.1}h{:.1}v{height:.1}z", index as f64 * width, width * 0.9));
    }
    path
}

/// The same run again, told not to mind.
#[component]
fn StartAnyway(recipe: StoredValue<Sketch>) -> impl IntoView {
    let navigate = use_navigate();
    let start = Action::new(|recipe: &Sketch| api::start_run(recipe.clone()));
    Effect::new(move |_| {
        if let Some(Ok(run)) = start.value().get() {
            navigate(&format!("/runs/{}", run.id), Default::default());
        }
    });
    let go = move |_| {
        let why = "somebody pressed Start anyway on its page";
        start.dispatch(recipe.get_value().with_in("dry_run", "start_anyway", why));
    };
    view! {
        <p>
            <button class="button" type="button" data-testid="start-anyway" disabled=move || start.pending().get() on:click=go>
                "Start anyway"
            </button>
        </p>
        {move || start.value().get().and_then(Result::err).map(|error| view! { <Problem text=api::explain(&error) /> })}
    }
    .erased()
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn bars_are_shares_of_the_largest() {
        assert_eq!(bars(&[10, 0, 5]), "M0.0 20v-20.0h30.0v20.0zM66.7 20v-10.0h30.0v10.0z");
        assert_eq!(bars(&[]), "");
    }
}
