//! The question: typed, or picked from the built-in world, with what is known about its truth.

use super::Play;
use crate::api;
use crate::browser;
use crate::components::icon::{Icon, Sign};
use crate::components::note::Problem;
use crate::erased::Erase;
use crate::state::words;
use clicker_wire::{Domain, Expected, Item, Knowledge, Role};
use leptos::prelude::*;
use leptos::task::spawn_local;

/// Questions offered per domain.
const OFFERED: u32 = 80;

/// The panel. `offered` are the questions of the first item's domain.
#[component]
pub(crate) fn PromptPanel(offered: Vec<Item>) -> impl IntoView {
    let play = Play::here();
    let domain = RwSignal::new(play.item.with_untracked(|item| item.domain));
    let items = RwSignal::new(offered);
    let trouble = RwSignal::new(None::<String>);

    let fetch = move |wanted: Domain, surprise: bool| {
        spawn_local(async move {
            match api::world_items(Some(wanted), OFFERED).await {
                Ok(found) => {
                    trouble.set(None);
                    let at = if surprise { browser::random_below(found.len()) } else { 0 };
                    if let Some(item) = found.get(at) {
                        play.ask(item.clone());
                    }
                    domain.set(wanted);
                    items.set(found);
                }
                Err(error) => trouble.set(Some(api::explain(&error))),
            }
        });
    };
    let pick_domain = move |ev: leptos::ev::Event| {
        let name = event_target_value(&ev);
        if let Some(wanted) = Domain::WORLD.into_iter().find(|d| d.to_string() == name) {
            fetch(wanted, false);
        }
    };
    let pick_item = move |ev: leptos::ev::Event| {
        let id = event_target_value(&ev);
        if let Some(item) = items.with(|items| items.iter().find(|i| i.id.0 == id).cloned()) {
            play.ask(item);
        }
    };
    let surprise = move |_| fetch(Domain::WORLD[browser::random_below(Domain::WORLD.len())], true);
    let domains = Domain::WORLD.into_iter().map(|d| {
        view! {
            <option
                value=d.to_string()
                selected=d == domain.get_untracked()
                prop:selected=move || domain.get() == d
            >
                {words::domain(d)}
            </option>
        }
    });
    view! {
        <section class="panel" aria-labelledby="prompt-title">
            <h2 id="prompt-title" class="step-title">
                <span class="step-no">"1"</span>
                "Ask"
            </h2>
            <div class="row">
                <label class="field grow">
                    <span>"Domain"</span>
                    <select data-testid="domain-pick" on:change=pick_domain>
                        {domains.collect_view()}
                    </select>
                </label>
                <button class="button" type="button" data-testid="surprise" on:click=surprise>
                    <Icon sign=Sign::Dice />
                    "Surprise me"
                </button>
            </div>
            <label class="field">
                <span>"Question"</span>
                <select data-testid="item-pick" on:change=pick_item>
                    {move || options(&items.get(), &play.item.get())}
                </select>
            </label>
            {move || trouble.get().map(|text| view! { <Problem text /> })}
            <Context />
            <PromptText />
            <Truth />
        </section>
    }
    .erased()
}

/// The questions by knowledge class; the visitor's own stands first while it is asked.
fn options(items: &[Item], asked: &Item) -> impl IntoView + use<> {
    let own = (asked.domain == Domain::Free)
        .then(|| view! { <option value="free" selected=true prop:selected=true>"Your own question"</option> });
    let groups = Knowledge::MEASURED.into_iter().filter_map(|class| {
        let each: Vec<_> = items
            .iter()
            .filter(|item| item.knowledge == class)
            .map(|item| {
                let here = item.id == asked.id;
                view! { <option value=item.id.0.clone() selected=here prop:selected=here>{shortened(item.question())}</option> }
            })
            .collect();
        (!each.is_empty()).then(|| view! { <optgroup label=words::knowledge(class)>{each}</optgroup> })
    });
    (own, groups.collect_view())
}

fn shortened(text: &str) -> String {
    let line = text.lines().last().unwrap_or(text);
    if line.chars().count() <= 64 { line.to_owned() } else { line.chars().take(63).chain(['\u{2026}']).collect() }
}

/// The turns before the question.
#[component]
fn Context() -> impl IntoView {
    let play = Play::here();
    move || {
        play.item.with(|item| {
            let before = item.messages.len().saturating_sub(1);
            let turns = item.messages.iter().take(before).map(|message| {
                let who = match message.role {
                    Role::System => "Rules",
                    Role::User => "Person",
                    Role::Assistant => "Model",
                };
                view! {
                    <li class="turn">
                        <span class="turn-who">{who}</span>
                        <span>{message.content.clone()}</span>
                    </li>
                }
            });
            (before > 0).then(|| view! { <ol class="turns" aria-label="Earlier turns">{turns.collect_view()}</ol> })
        })
    }
}

/// The question itself. Changing a word makes it the visitor's own.
#[component]
fn PromptText() -> impl IntoView {
    let play = Play::here();
    let text = Memo::new(move |_| play.item.with(|item| item.question().to_owned()));
    let first = text.get_untracked();
    let typed = move |ev: leptos::ev::Event| {
        let written = event_target_value(&ev);
        if written != text.get_untracked() {
            let accepted =
                play.item.with_untracked(|i| if i.domain == Domain::Free { i.accepted.clone() } else { Vec::new() });
            play.ask(own(&written, accepted));
        }
    };
    let go = move |ev: leptos::ev::KeyboardEvent| {
        if ev.key() == "Enter" && (ev.ctrl_key() || ev.meta_key()) {
            ev.prevent_default();
            play.sample();
        }
    };
    view! {
        <label class="field">
            <span>"Prompt"</span>
            <textarea
                rows="3"
                maxlength="1000"
                data-testid="prompt-input"
                placeholder="Type a question of your own"
                prop:value=move || text.get()
                on:input=typed
                on:keydown=go
            >
                {first}
            </textarea>
        </label>
    }
    .erased()
}

/// A question that the visitor typed, with what they say counts as right.
pub(crate) fn own(text: &str, accepted: Vec<String>) -> Item {
    let expected = if accepted.is_empty() { Expected::Unknown } else { Expected::Answer };
    Item { expected, accepted, ..Item::free(text) }
}

/// What is known about the truth.
#[component]
fn Truth() -> impl IntoView {
    let play = Play::here();
    let is_own = Memo::new(move |_| play.item.with(|item| item.domain == Domain::Free));
    let facts = move || {
        play.item.with(|item| {
            let also: Vec<String> = item.accepted.iter().skip(1).take(4).cloned().collect();
            let also = (!also.is_empty()).then(|| view! { <span class="muted">" also " {also.join(", ")}</span> });
            view! {
                <dl class="facts" data-testid="item-facts">
                    <div>
                        <dt>"Model's knowledge"</dt>
                        <dd>
                            <span class=format!("badge know-{}", item.knowledge)>{words::knowledge(item.knowledge)}</span>
                        </dd>
                    </div>
                    <div>
                        <dt>"A good answer"</dt>
                        <dd>
                            <strong>{words::expectation(item)}</strong>
                            {also}
                        </dd>
                    </div>
                </dl>
                <p class="hint">{words::knowledge_hint(item.knowledge)}</p>
            }
        })
    };
    let accept = move |ev: leptos::ev::Event| {
        let accepted = accepted_from(&event_target_value(&ev));
        let item = play.item.with_untracked(|item| own(item.question(), accepted));
        play.ask(item);
    };
    view! {
        {facts}
        <Show when=move || is_own.get()>
            <label class="field">
                <span>"What counts as right? Separate several with a semicolon."</span>
                <input
                    type="text"
                    data-testid="accept-input"
                    placeholder="e.g. Paris"
                    value=play.item.with_untracked(|item| item.accepted.join("; "))
                    on:change=accept
                />
            </label>
        </Show>
    }
    .erased()
}

/// Accepted answers as typed.
pub(crate) fn accepted_from(text: &str) -> Vec<String> {
    text.split(';').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}
