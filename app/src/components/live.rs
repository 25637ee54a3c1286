//! A run's events, followed live into one signal.

use crate::browser::events::{self, Stream};
use crate::state::run_view::RunView;
use clicker_wire::{RunId, RunStatus};
use leptos::prelude::*;
use std::time::Duration;

/// Follows the run that `run` names, from its first event; another name starts afresh.
pub(crate) fn follow_run(run: Signal<Option<RunId>>) -> RwSignal<RunView> {
    let view = RwSignal::new(RunView::default());
    let stream: StoredValue<Option<Stream>> = StoredValue::new(None);
    let close = move || {
        if let Some(open) = stream.try_update_value(Option::take).flatten() {
            open.close();
        }
    };
    Effect::new(move |_| {
        let run = run.get();
        close();
        view.set(RunView::default());
        let opened = run.and_then(|id| {
            events::open(&id, move |batch| {
                let status = view.try_update(|view| {
                    batch.into_iter().for_each(|event| view.apply(event));
                    view.status
                });
                // A run that is over says nothing more: without this the browser would reconnect for ever.
                if status.flatten().is_some_and(RunStatus::is_final) {
                    set_timeout(close, Duration::from_secs(2));
                }
            })
        });
        stream.set_value(opened);
    });
    on_cleanup(close);
    view
}
