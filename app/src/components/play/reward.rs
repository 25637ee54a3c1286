//! What answers are worth: the knobs, or a reward that was brought along. Changing either judges the group again at once.

use super::Play;
use crate::api;
use crate::browser;
use crate::components::knob::KnobRow;
use crate::components::note::Problem;
use crate::components::principles::Principles;
use crate::erased::Erase;
use crate::state::knobs::{Knobs, REWARD};
use clicker_wire::Constitution;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// The panel. `offered` are the rewards that can be brought along, as the options of a list.
#[component]
pub(crate) fn RewardPanel(offered: String) -> impl IntoView {
    let play = Play::here();
    let trouble = RwSignal::new(None::<String>);
    let away = Memo::new(move |_| play.carried.with(Option::is_some));
    let changed = Memo::new(move |_| play.knobs.with(|k| k.reward() != Knobs::default().reward()));
    let back = move |_| {
        if away.get_untracked() {
            play.carried.set(None);
        } else {
            play.knobs.update(|knobs| REWARD.iter().for_each(|knob| knob.set(knobs, knob.get(Knobs::default()))));
        }
    };
    // A reward from a link is on no list.
    let picked = move || {
        play.carried.with(|carried| match carried {
            Some(carried) if carried.from.starts_with(['v', 'p']) => carried.from.clone(),
            Some(_) => "link".to_owned(),
            None => String::new(),
        })
    };
    let pick = move |ev: leptos::ev::Event| {
        let from = event_target_value(&ev);
        let select: web_sys::HtmlSelectElement = event_target(&ev);
        trouble.set(None);
        if from.is_empty() {
            return play.carried.set(None);
        }
        spawn_local(async move {
            match api::carried_reward(from).await {
                Ok(reward) => play.carried.set(Some(reward)),
                Err(error) => {
                    trouble.set(Some(api::explain(&error)));
                    // What is in use is still what was.
                    select.set_value(&picked());
                }
            }
        });
    };
    // Those of the run that is open, or of the model that answers.
    let principles = Signal::derive(move || {
        let of_run = play.run.with(|run| run.as_ref().and_then(|run| run.recipe.read::<Constitution>("constitution")));
        let of_model = || play.model.with_value(|m| m.as_ref().map(|m| m.principles.clone()));
        of_run.map(|c| c.principles).or_else(of_model).unwrap_or_default()
    });
    let open = move |_| {
        let reward = serde_json::to_string(&play.knobs.with_untracked(Knobs::reward)).unwrap_or_default();
        browser::visit(&format!("/rewards?reward={}", browser::encode(&reward)));
    };
    let rows = REWARD.iter().map(|knob| view! { <KnobRow knob knobs=play.knobs /> });
    view! {
        <section class="panel panel-reward" aria-labelledby="reward-title">
            <div class="panel-head">
                <h2 id="reward-title" class="step-title">
                    <span class="step-no">"4"</span>
                    "Reward"
                </h2>
                <button class="link" type="button" data-testid="reward-reset" disabled=move || !away.get() && !changed.get() on:click=back>
                    {move || if away.get() { "Back to the knobs" } else { "Reset" }}
                </button>
            </div>
            <label class="field">
                <span>"What answers are worth"</span>
                <select data-testid="reward-pick" inner_html=offered prop:value=picked on:change=pick></select>
            </label>
            {move || trouble.get().map(|text| view! { <Problem text /> })}
            // Both are always there, one of them hidden: drawing the knobs anew would cost the page more bytes.
            <div
                class="carried"
                data-testid="reward-carried"
                hidden=move || !away.get()
                inner_html=move || play.carried.with(|carried| carried.as_ref().map(|c| c.drawn.clone()).unwrap_or_default())
            ></div>
            <div class="knobs" hidden=move || away.get()>
                {rows.collect_view()}
            </div>
            <button class="link link-start" type="button" data-testid="reward-lab" hidden=move || away.get() on:click=open>
                "Open in the lab: more graders, limits, attacks"
            </button>
            <Principles principles />
        </section>
    }
    .erased()
}
