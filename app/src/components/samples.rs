//! What the model said while it was trained: the groups of one step, token by token.

use super::note::Empty;
use super::receipt::ReceiptList;
use super::tip::TokenFacts;
use super::tokens::{DoubtLegend, Evidence, Tokens};
use crate::erased::Erase;
use crate::state::figures::{signed, tone};
use crate::state::run_view::RunView;
use crate::state::words;
use clicker_wire::{SampleGroup, SampledCompletion};
use leptos::prelude::*;

/// The samples of a run, with a picker for the step. It follows the newest step until somebody picks one.
#[component]
pub(crate) fn Samples(view: RwSignal<RunView>) -> impl IntoView {
    let picked = RwSignal::new(None::<u32>);
    let steps = Memo::new(move |_| view.with(|v| v.samples.keys().copied().collect::<Vec<u32>>()));
    let step = Memo::new(move |_| picked.get().or_else(|| steps.with(|s| s.last().copied())));
    let place = move || steps.with(|s| s.iter().position(|x| Some(*x) == step.get()).unwrap_or(0));
    let last = move || steps.with(|s| s.len().saturating_sub(1));
    let pick = move |ev: leptos::ev::Event| {
        if let Ok(index) = event_target_value(&ev).parse::<usize>() {
            picked.set(steps.with_untracked(|s| s.get(index).copied()).filter(|_| index < last()));
        }
    };
    // Only a change of the shown step redraws the groups, not every event of the run.
    let groups = Memo::new(move |_| step.get().and_then(|s| view.with(|v| v.samples.get(&s).cloned())));
    let body = move || match groups.get() {
        None => view! {
            <Empty title="No samples yet">
                "Some of every step's answers appear here with their tokens, rewards and advantages."
            </Empty>
        }
        .erased(),
        Some(groups) => groups.into_iter().map(|group| view! { <Group group /> }).collect_view().erased(),
    };
    view! {
        <section class="panel" aria-labelledby="samples-title">
            <div class="panel-head">
                <h2 id="samples-title">"Samples"</h2>
                <DoubtLegend />
            </div>
            <div class="step-picker">
                <label for="sample-step">"Step " <strong>{move || step.get().map_or_else(|| "\u{2013}".into(), |s| s.to_string())}</strong></label>
                <input
                    id="sample-step"
                    class="slider"
                    type="range"
                    min="0"
                    max=last
                    value="0"
                    prop:value=move || place().to_string()
                    disabled=move || last() == 0
                    data-testid="sample-step"
                    on:input=pick
                />
            </div>
            {body}
        </section>
    }
    .erased()
}

/// One prompt and its answers.
#[component]
fn Group(group: SampleGroup) -> impl IntoView {
    let expected = words::expectation(&group.item);
    let question = group.item.question().to_owned();
    let each = group.completions.into_iter().map(|completion| view! { <Completion completion /> });
    view! {
        <article class="group">
            <header class="group-head">
                <p class="group-question">{question}</p>
                <p class="muted">
                    {words::domain(group.item.domain)} ", " {words::knowledge(group.item.knowledge)} ". Wanted: "
                    <strong>{expected}</strong>
                </p>
            </header>
            <ul class="completions">{each.collect_view()}</ul>
        </article>
    }
    .erased()
}

#[component]
fn Completion(completion: SampledCompletion) -> impl IntoView {
    let pointed = RwSignal::new(None);
    let SampledCompletion { text, reward, advantage, tokens, replies } = completion;
    let mut facts = tokens.into_iter().map(TokenFacts::Trained);
    // A dialogue's earlier turns, each followed by what the user said to it.
    let mut done = 0;
    let earlier: Vec<_> = replies
        .into_iter()
        .map(|reply| {
            let turn: Vec<TokenFacts> = facts.by_ref().take(reply.tokens.saturating_sub(done) as usize).collect();
            done = reply.tokens;
            view! {
                <p class="answer-text"><Tokens tokens=Signal::stored(turn) text=Signal::stored(reply.answer) evidence=Signal::stored((Vec::new(), "even")) /></p>
                <p class="user-turn">{reply.said}</p>
            }
        })
        .collect();
    let facts: Vec<TokenFacts> = facts.collect();
    let spans: Vec<Evidence> = reward.receipts.iter().map(|r| (r.spans.clone(), tone(r.contribution()))).collect();
    let evidence = Signal::derive(move || {
        pointed.get().and_then(|i: usize| spans.get(i).cloned()).unwrap_or((Vec::new(), "even"))
    });
    view! {
        <li class="completion">
            <span class=format!("completion-advantage {}", tone(advantage)) title="advantage">
                {signed(advantage, 2)}
            </span>
            <div>
                {earlier}
                <p class="answer-text">
                    <Tokens tokens=Signal::stored(facts) text=Signal::stored(text) evidence />
                </p>
            </div>
            <details class="completion-receipt">
                <summary>"Reward " <span class=tone(reward.total)>{signed(reward.total, 2)}</span></summary>
                <ReceiptList reward=reward.clone() pointed />
            </details>
        </li>
    }
    .erased()
}
