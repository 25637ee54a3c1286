//! The group of answers.

use super::Play;
use super::answer::AnswerCard;
use crate::components::note::Empty;
use crate::components::tokens::DoubtLegend;
use crate::erased::Erase;
use leptos::prelude::*;

/// The panel: a grid of cards, all there from the first token on, so that nothing moves while answers stream in.
#[component]
pub(crate) fn AnswersPanel() -> impl IntoView {
    let play = Play::here();
    let size = play.base.size;
    let title = move || match size.get() {
        0 => "Answers".to_owned(),
        n => format!("{n} answers"),
    };
    view! {
        <section class="answers" aria-labelledby="answers-title">
            <div class="panel-head">
                <h2 id="answers-title" class="step-title">
                    <span class="step-no">"3"</span>
                    {title}
                </h2>
                <DoubtLegend />
            </div>
            <Show
                when=move || { size.get() > 0 }
                fallback=|| {
                    view! {
                        <Empty title="Nothing drawn yet">
                            "Press Sample. The model answers your question several times, right here in this tab; each token is shaded by how unsure it was, and every answer gets a receipt that says what it is worth and why."
                        </Empty>
                    }
                }
            >
                <ol class="answer-grid">
                    <For each=move || 0..size.get() key=|index| *index let:index>
                        <AnswerCard index />
                    </For>
                </ol>
            </Show>
        </section>
    }
    .erased()
}
