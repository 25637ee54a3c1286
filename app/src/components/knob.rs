//! One knob: a slider with its name, its value and a line of help.

use crate::erased::Erase;
use crate::state::figures::number;
use crate::state::knobs::{Knob, Knobs};
use leptos::prelude::*;

/// A slider bound to one field of the knobs.
#[component]
pub(crate) fn KnobRow(knob: &'static Knob, knobs: RwSignal<Knobs>) -> impl IntoView {
    let id = format!("knob-{}", knob.key);
    let help = format!("help-{}", knob.key);
    let value = Memo::new(move |_| knob.get(knobs.get()));
    let plain = move || format!("{:.*}", knob.decimals, value.get());
    let changed = move || (value.get() - knob.get(Knobs::default())).abs() > 1e-9;
    let turn = move |ev: leptos::ev::Event| {
        if let Ok(to) = event_target_value(&ev).parse() {
            knobs.update(|k| knob.set(k, to));
        }
    };
    view! {
        <div class="knob" class:knob-half=knob.half class:knob-changed=changed>
            <label class="knob-label" for=id.clone()>
                {knob.label}
            </label>
            <output class="knob-value" for=id.clone()>
                {move || number(value.get(), knob.decimals)}
            </output>
            <input
                id=id.clone()
                class="slider"
                type="range"
                min=knob.min
                max=knob.max
                step=knob.step
                value=plain()
                prop:value=plain
                aria-describedby=help.clone()
                data-testid=id
                on:input=turn
            />
            <p class="knob-help" id=help>
                {knob.help}
            </p>
        </div>
    }
    .erased()
}
