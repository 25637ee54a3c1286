//! The reward's knobs. Turning one judges the group again at once.

use super::Play;
use crate::components::knob::KnobRow;
use crate::erased::Erase;
use crate::state::knobs::{Knobs, REWARD};
use leptos::prelude::*;

/// The panel.
#[component]
pub(crate) fn RewardPanel() -> impl IntoView {
    let play = Play::here();
    let changed = Memo::new(move |_| play.knobs.with(|k| k.reward() != Knobs::default().reward()));
    let reset = move |_| {
        play.knobs.update(|knobs| REWARD.iter().for_each(|knob| knob.set(knobs, knob.get(Knobs::default()))));
    };
    let rows = REWARD.iter().map(|knob| view! { <KnobRow knob knobs=play.knobs /> });
    view! {
        <section class="panel panel-reward" aria-labelledby="reward-title">
            <div class="panel-head">
                <h2 id="reward-title" class="step-title">
                    <span class="step-no">"4"</span>
                    "Reward"
                </h2>
                <button class="link" type="button" data-testid="reward-reset" disabled=move || !changed.get() on:click=reset>
                    "Reset"
                </button>
            </div>
            <div class="knobs">{rows.collect_view()}</div>
        </section>
    }
    .erased()
}
