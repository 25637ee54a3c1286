//! Where a run stands and what can be asked of it: status, step, time left, pause, resume, stop.

use super::icon::{Icon, Sign};
use super::note::Problem;
use crate::api::{self, Run};
use crate::erased::Erase;
use crate::state::figures::duration;
use crate::state::run_view::RunView;
use crate::state::words;
use clicker_wire::{RunCommand, RunStatus};
use leptos::prelude::*;

/// The bar. `run` is what the server said when it was asked, `view` what the events have said since.
#[component]
pub(crate) fn RunBar(run: Run, view: RwSignal<RunView>, owner: bool) -> impl IntoView {
    let (steps, known, first) = (run.recipe.steps(), run.status, run.step);
    let (id, stored_error, stored_eta) = (run.id.clone(), run.error.clone(), run.eta_s);
    let status = Memo::new(move |_| view.with(|v| v.status).unwrap_or(known));
    let step = Memo::new(move |_| view.with(|v| v.step).max(first));
    let command = Action::new(move |command: &RunCommand| api::command_run(id.clone(), *command));
    let ask = move |what: RunCommand| {
        command.dispatch(what);
    };
    let left = move || match status.get() {
        RunStatus::Running => match view.with(|v| v.eta_s(steps)).or(stored_eta) {
            Some(s) => format!("{} left", duration(s)),
            None => "measuring its pace".into(),
        },
        RunStatus::Queued => "waits for a worker".into(),
        RunStatus::Paused => "paused, can be resumed".into(),
        _ => String::new(),
    };
    let trouble = move || {
        let refused = command.value().get().and_then(|r| r.err().map(|e| api::explain(&e)));
        let failed = (status.get() == RunStatus::Failed)
            .then(|| view.with(|v| v.message.clone()).or_else(|| stored_error.clone()))
            .flatten();
        refused.or(failed).map(|text| view! { <Problem text /> })
    };
    let busy = move || command.pending().get();
    view! {
        <div class="run-bar">
            <div class="run-facts">
                <span class=move || format!("badge status-{}", words::status(status.get())) data-testid="run-status" role="status">
                    {move || words::status(status.get())}
                </span>
                <span class="run-step">
                    "step " <strong data-testid="run-step">{move || step.get()}</strong> {format!(" of {steps}")}
                </span>
                <span class="muted run-left" data-testid="run-eta">{left}</span>
            </div>
            <progress class="progress" max=steps value=move || step.get() aria-label="Steps done"></progress>
            <Show when=move || owner && !status.get().is_final()>
                <div class="run-actions">
                    <Show
                        when=move || status.get() == RunStatus::Paused
                        fallback=move || {
                            view! {
                                <button class="button" type="button" data-testid="pause" disabled=busy on:click=move |_| ask(RunCommand::Pause)>
                                    <Icon sign=Sign::Pause />
                                    "Pause"
                                </button>
                            }
                        }
                    >
                        <button class="button" type="button" data-testid="resume" disabled=busy on:click=move |_| ask(RunCommand::Resume)>
                            <Icon sign=Sign::Play />
                            "Resume"
                        </button>
                    </Show>
                    <button class="button" type="button" data-testid="stop-run" disabled=busy on:click=move |_| ask(RunCommand::Stop)>
                        <Icon sign=Sign::Stop />
                        "Stop"
                    </button>
                </div>
            </Show>
            {trouble}
        </div>
    }
    .erased()
}
