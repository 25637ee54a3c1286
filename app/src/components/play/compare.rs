//! Before and after: the same question, the same seed, the model as it was and as training made it. A slider walks the
//! run's checkpoints.

use super::Play;
use super::group::{Answer, Group, Phase};
use crate::browser::engine::Engine;
use crate::components::note::{Empty, Problem};
use crate::components::tip::TokenFacts;
use crate::components::tokens::Tokens;
use crate::erased::Erase;
use crate::state::figures::{number, signed, tone};
use clicker_wire::{GroupJudgement, Manifest};
use leptos::prelude::*;

/// The panel; nothing until there is a run.
#[component]
pub(crate) fn ComparePanel() -> impl IntoView {
    let play = Play::here();
    let engine = Engine::here();
    let steps = Memo::new(move |_| play.view.with(|v| v.checkpoints.keys().copied().collect::<Vec<u32>>()));
    let step = Memo::new(move |_| play.picked.get().or_else(|| steps.with(|s| s.last().copied())));
    let chosen = Memo::new(move |_| step.get().and_then(|step| play.view.with(|v| v.checkpoints.get(&step).cloned())));
    keep_compared(play, engine, chosen);
    let place = move || steps.with(|s| s.iter().position(|x| Some(*x) == step.get()).unwrap_or(0));
    let last = move || steps.with(|s| s.len().saturating_sub(1));
    let walk = move |ev: leptos::ev::Event| {
        if let Ok(index) = event_target_value(&ev).parse::<usize>() {
            play.picked.set(steps.with_untracked(|s| s.get(index).copied()).filter(|_| index < last()));
        }
    };
    let has_run = Memo::new(move |_| play.run.with(Option::is_some));
    let body = move || {
        match (chosen.with(Option::is_some), play.base.size.get()) {
        (false, _) => view! {
            <Empty title="Waiting for the first checkpoint">
                "As soon as the run publishes one, it is loaded into this tab and answers your question beside the old model."
            </Empty>
        }
        .erased(),
        (true, 0) => view! {
            <Empty title="Nothing to compare with">"Press Sample: both models then answer the same question with the same seed."</Empty>
        }
        .erased(),
        (true, size) => view! { <Rows size /> }.erased(),
    }
    };
    view! {
        <Show when=move || has_run.get()>
            <section class="panel compare" aria-labelledby="compare-title" data-testid="before-after">
                <div class="panel-head">
                    <h2 id="compare-title" class="step-title">"Before and after"</h2>
                    <Means />
                </div>
                <div class="step-picker">
                    <label for="checkpoint-slider">
                        "Checkpoint at step "
                        <strong data-testid="checkpoint-step">{move || step.get().map_or_else(|| "\u{2013}".into(), |s| s.to_string())}</strong>
                    </label>
                    <input
                        id="checkpoint-slider"
                        class="slider"
                        type="range"
                        min="0"
                        max=last
                        value="0"
                        prop:value=move || place().to_string()
                        disabled=move || last() == 0
                        data-testid="checkpoint-slider"
                        on:input=walk
                    />
                </div>
                {body}
                {move || match play.trained.phase.get() {
                    Phase::Failed(text) => Some(view! { <Problem text /> }),
                    _ => None,
                }}
            </section>
        </Show>
    }
    .erased()
}

/// Draws the trained model's answers whenever the chosen checkpoint or the old model's group changes.
fn keep_compared(play: Play, engine: Engine, chosen: Memo<Option<Manifest>>) {
    Effect::new(move |_| {
        let (chosen, drawn) = (chosen.get(), play.base.drawn.get());
        let (Some(manifest), Some(drawn)) = (chosen, drawn) else {
            play.trained.clear(engine);
            return;
        };
        engine.keep_only(&[drawn.checkpoint.as_str(), manifest.id.as_str()]);
        play.trained.sample(engine, &manifest, drawn.item, drawn.sampling, drawn.size);
    });
}

/// The two groups' mean rewards.
#[component]
fn Means() -> impl IntoView {
    let play = Play::here();
    let mean = |group: Group| move || group.judgement.with(|j| j.as_ref().map(|j| j.mean));
    let (before, after) = (mean(play.base), mean(play.trained));
    move || {
        let (before, after) = (before()?, after()?);
        Some(view! {
            <p class="means" data-testid="means">
                "mean reward " {number(before, 2)} " \u{2192} " <strong>{number(after, 2)}</strong> " "
                <span class=tone(after - before)>{signed(after - before, 2)}</span>
            </p>
        })
    }
}

#[component]
fn Rows(size: usize) -> impl IntoView {
    let play = Play::here();
    let rows = (0..size).map(|index| {
        view! {
            <li class="compare-row">
                <span class="answer-no">{format!("#{}", index + 1)}</span>
                <Side group=play.base index label="before" />
                <Side group=play.trained index label="after" />
            </li>
        }
    });
    view! {
        <div class="compare-grid">
            <p class="compare-head" aria-hidden="true">
                <span></span>
                <span>"before"</span>
                <span>"after"</span>
            </p>
            <ol>{rows.collect_view()}</ol>
        </div>
    }
    .erased()
}

#[component]
fn Side(group: Group, index: usize, label: &'static str) -> impl IntoView {
    let answer = group.answer(index);
    let tokens = Memo::new(move |_| {
        answer.with(|a: &Answer| a.tokens.iter().cloned().map(TokenFacts::Sampled).collect::<Vec<_>>())
    });
    let text = Memo::new(move |_| answer.with(|a| a.text.clone()));
    let reward = move || {
        group.judgement.with(|j: &Option<GroupJudgement>| j.as_ref().and_then(|j| Some(j.rewards.get(index)?.total)))
    };
    view! {
        <div class="compare-side" data-testid=format!("compare-{label}")>
            <p class="answer-text">
                <span class="sr-only">{label} ": "</span>
                <Tokens tokens text evidence=Signal::stored((Vec::new(), "even")) />
            </p>
            <span class=move || format!("compare-reward {}", tone(reward().unwrap_or(0.0)))>
                {move || reward().map(|r| signed(r, 2))}
            </span>
        </div>
    }
    .erased()
}
