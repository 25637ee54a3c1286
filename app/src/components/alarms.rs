//! What looks wrong in a run, why, and what to try.

use super::icon::{Icon, Sign};
use crate::erased::Erase;
use crate::state::run_view::Alarm;
use leptos::prelude::*;

/// The alarms of a run; nothing while there are none.
#[component]
pub(crate) fn Alarms(#[prop(into)] alarms: Signal<Vec<Alarm>>) -> impl IntoView {
    let each = move || {
        let items = alarms.get().into_iter().map(|alarm| {
            view! {
                <li class="alarm">
                    <Icon sign=Sign::Warn />
                    <div>
                        <p class="alarm-name">{alarm.name.replace('_', " ")} <span class="muted">{format!(" at step {}", alarm.step)}</span></p>
                        <p>{alarm.cause}</p>
                        <p class="alarm-remedy">"Try: " {alarm.remedy}</p>
                    </div>
                </li>
            }
        });
        items.collect_view()
    };
    view! {
        <ul class="alarms" aria-live="polite" data-testid="alarms">
            {each}
        </ul>
    }
    .erased()
}
