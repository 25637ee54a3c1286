//! The reward's knobs. Turning one judges the group again at once.

use super::Play;
use crate::components::knob::KnobRow;
use crate::components::principles::Principles;
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
    // Those of the run that is open, or of the model that answers.
    let principles = Signal::derive(move || {
        let of_run = play.run.with(|run| run.as_ref().and_then(|run| run.recipe.constitution.clone()));
        let of_model = || play.model.with_value(|m| m.as_ref().map(|m| m.principles.clone()));
        of_run.map(|c| c.principles).or_else(of_model).unwrap_or_default()
    });
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
            <Principles principles />
        </section>
    }
    .erased()
}
