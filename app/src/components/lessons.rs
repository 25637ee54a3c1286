//! Lessons in reward hacking: a reward that the model learns to trick, and its repair, each one press away.

use super::note::Problem;
use crate::api::{self, LessonRuns, Run};
use crate::erased::Erase;
use crate::state::words;
use clicker_wire::Sketch;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

/// The panel of the page of runs: pressing a lesson goes to its run.
#[component]
pub(crate) fn Lessons(lessons: Vec<LessonRuns>, owner: bool) -> impl IntoView {
    let navigate = use_navigate();
    let started = Callback::new(move |run: Run| navigate(&format!("/runs/{}", run.id), Default::default()));
    view! {
        <section class="panel" aria-labelledby="lessons-title" data-testid="lessons">
            <h2 id="lessons-title">"Lessons in reward hacking"</h2>
            <p class="hint">
                "Three rewards that look sensible. The model finds the trick in about a minute; the run's page names it."
            </p>
            <LessonList lessons owner started />
        </section>
    }
    .erased()
}

/// The lessons, each with its two runs; `started` hears of the one that was asked for.
#[component]
pub(crate) fn LessonList(lessons: Vec<LessonRuns>, owner: bool, started: Callback<Run>) -> impl IntoView {
    let start = Action::new(|recipe: &Sketch| api::start_run(recipe.clone()));
    Effect::new(move |_| {
        if let Some(Ok(run)) = start.value().get() {
            started.run(run);
        }
    });
    let each = lessons.into_iter().map(|lesson| {
        let LessonRuns { name, about, broken, repaired } = lesson;
        let press = |recipe: Sketch, label: &'static str, kind: &str| {
            view! {
                <button
                    class="button"
                    type="button"
                    data-testid=format!("lesson-{name}-{kind}")
                    disabled=move || !owner || start.pending().get()
                    on:click=move |_| {
                        start.dispatch(recipe.clone());
                    }
                >
                    {label}
                </button>
            }
        };
        let (broken, repaired) =
            (press(broken, "Train the broken reward", "broken"), press(repaired, "Train the repair", "repaired"));
        view! {
            <li class="lesson">
                <h3>{words::grader(&name)}</h3>
                <p>{about}</p>
                <p class="lesson-go">{broken} {repaired}</p>
            </li>
        }
    });
    view! {
        <ul class="lesson-list">{each.collect_view()}</ul>
        {move || start.value().get().and_then(Result::err).map(|error| view! { <Problem text=api::explain(&error) /> })}
    }
    .erased()
}
