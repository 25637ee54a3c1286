//! One answer: its tokens, its receipt, its advantage, and what a person has to say about it.

use super::Play;
use crate::browser::votes::Votes;
use crate::browser::{self, fetch};
use crate::components::icon::{Icon, Sign};
use crate::components::receipt::ReceiptList;
use crate::components::tip::TokenFacts;
use crate::components::tokens::{Evidence, Tokens};
use crate::erased::Erase;
use crate::state::figures::{signed, tone};
use crate::state::words;
use clicker_wire::{FeedbackBody, FlagReason, ReviewAnswer, ReviewEntry, ReviewSource, Reward, SampleRef};
use leptos::prelude::*;
use leptos::task::spawn_local;

/// Which form is open under an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    None,
    Correct,
    Flag,
    /// To the review queue, where people decide.
    Ask,
}

/// The card.
#[component]
pub(crate) fn AnswerCard(index: usize) -> impl IntoView {
    let play = Play::here();
    let answer = play.base.answer(index);
    let pointed = RwSignal::new(None);
    let reward =
        Memo::new(move |_| play.base.judgement.with(|j| j.as_ref().and_then(|j| j.rewards.get(index).cloned())));
    let advantage =
        Memo::new(move |_| play.base.judgement.with(|j| j.as_ref().and_then(|j| j.advantages.get(index).copied())));
    let tokens =
        Memo::new(move |_| answer.with(|a| a.tokens.iter().cloned().map(TokenFacts::Sampled).collect::<Vec<_>>()));
    let text = Memo::new(move |_| answer.with(|a| a.text.clone()));
    let evidence = Signal::derive(move || marked(reward.get().as_ref(), pointed.get()));
    // The model's own threshold: what is not above it should go to a person.
    let below = play.model.with_value(|m| m.as_ref().and_then(|m| m.ask_below)).unwrap_or(-1.0);
    let unsure = Memo::new(move |_| {
        answer.with(|a| {
            let sure = a.tokens.iter().map(|t| f64::from(t.logprob)).sum::<f64>().exp();
            (a.stop.is_some() && sure <= below).then_some(sure)
        })
    });
    let form = RwSignal::new(Form::None);
    let complete = Memo::new(move |_| answer.with(|a| a.stop.is_some()));
    view! {
        <li
            class="answer"
            class:answer-pointed=move || play.pointed.get() == Some(index)
            data-testid="answer"
            aria-label=format!("Answer {}", index + 1)
        >
            <div class="answer-head">
                <span class="answer-no">{format!("#{}", index + 1)}</span>
                {move || answer.with(|a| a.stop.and_then(words::stop)).map(|text| view! { <span class="badge">{text}</span> })}
                {move || unsure.get().map(|sure| view! {
                    <button
                        class="badge badge-ask"
                        type="button"
                        data-testid="unsure"
                        title=format!("p {sure:.2}; this model hands over what is not above {below:.2}")
                        on:click=move |_| form.set(Form::Ask)
                    >
                        "Not sure: ask a person"
                    </button>
                })}
                <span class=move || format!("answer-advantage {}", tone(advantage.get().unwrap_or(0.0)))>
                    {move || advantage.get().map(|a| view! { <span class="muted">"advantage "</span> {signed(a, 2)} })}
                </span>
            </div>
            <p class="answer-text" class:writing=move || !complete.get() aria-live="off">
                <Tokens tokens text evidence />
            </p>
            {move || match reward.get() {
                Some(reward) => view! { <ReceiptList reward pointed /> }.erased(),
                None => view! { <ReceiptBlank graders=untrack(move || play.reward().graders.len()) complete /> }.erased(),
            }}
            <Show when=move || complete.get()>
                <Opinion index form />
            </Show>
        </li>
    }
    .erased()
}

/// Holds the receipt's place until it is there. Under a complete answer it says what takes so long: only a model that judges does.
#[component]
fn ReceiptBlank(graders: usize, complete: Memo<bool>) -> impl IntoView {
    let lines = (0..graders).map(|_| view! { <li class="receipt-line receipt-blank"></li> });
    view! {
        <div class="receipt">
            <ul class="receipt-lines" aria-hidden="true">{lines.collect_view()}</ul>
            <p class="receipt-total" class:receipt-waits=move || complete.get()>"The model is judging"</p>
        </div>
    }
    .erased()
}

/// The evidence of the grader that is pointed at, else of the one that counts most.
fn marked(reward: Option<&Reward>, pointed: Option<usize>) -> Evidence {
    let receipts = reward.map_or(&[][..], |r| &r.receipts);
    let heaviest = || {
        let with_evidence = receipts.iter().filter(|r| !r.spans.is_empty());
        with_evidence.max_by(|a, b| a.contribution().abs().total_cmp(&b.contribution().abs()))
    };
    let receipt = pointed.map_or_else(heaviest, |index| receipts.get(index));
    receipt.map_or((Vec::new(), "even"), |r| (r.spans.clone(), tone(r.contribution())))
}

/// Thumbs, correction, flag.
#[component]
fn Opinion(index: usize, form: RwSignal<Form>) -> impl IntoView {
    let play = Play::here();
    let votes = Votes::here();
    // Another group's form may still be open.
    form.set(Form::None);
    let said = RwSignal::new(None::<String>);
    let handed = RwSignal::new(false);
    let better = RwSignal::new(String::new());
    let note = RwSignal::new(String::new());
    let cast = move |body: FeedbackBody, word: &'static str| {
        let Some(drawn) = play.base.drawn.get_untracked() else { return };
        votes.cast(drawn.into_subject(), body);
        said.set(Some(word.into()));
        form.set(Form::None);
    };
    let thumbs = move |up: bool| {
        let sample = play.base.sample_ref(index);
        cast(FeedbackBody::Thumbs { sample, up }, if up { "Marked good" } else { "Marked bad" });
    };
    let correct = move |ev: leptos::ev::SubmitEvent| {
        ev.prevent_default();
        let corrected = better.get_untracked().trim().to_owned();
        if !corrected.is_empty() {
            cast(FeedbackBody::Correction { sample: play.base.sample_ref(index), corrected }, "Correction kept");
        }
    };
    let flag = move |reason: FlagReason| {
        let note = note.try_update(std::mem::take).unwrap_or_default().trim().to_owned();
        cast(FeedbackBody::Flag { sample: play.base.sample_ref(index), reason, note }, "Flagged");
    };
    let ask = move |ev: leptos::ev::SubmitEvent| {
        ev.prevent_default();
        let Some(drawn) = play.base.drawn.get_untracked() else { return };
        let SampleRef { text, logprob, .. } = play.base.sample_ref(index);
        let entry = ReviewEntry {
            id: browser::random_hex(16),
            item: drawn.item,
            checkpoint: drawn.checkpoint,
            source: ReviewSource::HandedIn,
            sampling: drawn.sampling,
            answers: vec![ReviewAnswer { text, logprob: Some(logprob) }],
            reasons: Vec::new(),
            by: String::new(),
            note: note.try_update(std::mem::take).unwrap_or_default(),
        };
        form.set(Form::None);
        spawn_local(async move {
            let sent = serde_json::to_string(&[entry]).unwrap_or_default();
            match fetch::post::<Vec<String>>("/api/reviews", &sent).await {
                Ok(_) => handed.set(true),
                Err(problem) => said.set(Some(problem)),
            }
        });
    };
    let toggle = move |wanted: Form| form.update(|f| *f = if *f == wanted { Form::None } else { wanted });
    let open_correction = move |_| {
        better.set(play.base.answer(index).with_untracked(|a| a.text.clone()));
        toggle(Form::Correct);
    };
    let number = index + 1;
    let reasons = [(FlagReason::Wrong, "Wrong"), (FlagReason::Unsafe, "Unsafe"), (FlagReason::Unclear, "Unclear")];
    view! {
        <div class="opinion">
            <div class="opinion-buttons">
                <button class="icon-button" type="button" data-testid="thumbs-up" aria-label=format!("Answer {number} is good") title="Good" on:click=move |_| thumbs(true)>
                    <Icon sign=Sign::Up />
                </button>
                <button class="icon-button" type="button" data-testid="thumbs-down" aria-label=format!("Answer {number} is bad") title="Bad" on:click=move |_| thumbs(false)>
                    <Icon sign=Sign::Down />
                </button>
                <button
                    class="icon-button"
                    type="button"
                    data-testid="correction"
                    aria-label=format!("Correct answer {number}")
                    aria-expanded=move || (form.get() == Form::Correct).to_string()
                    title="Correct it"
                    on:click=open_correction
                >
                    <Icon sign=Sign::Edit />
                </button>
                <button
                    class="icon-button"
                    type="button"
                    data-testid="flag"
                    aria-label=format!("Flag answer {number}")
                    aria-expanded=move || (form.get() == Form::Flag).to_string()
                    title="Flag it"
                    on:click=move |_| toggle(Form::Flag)
                >
                    <Icon sign=Sign::Flag />
                </button>
                <button
                    class="link"
                    type="button"
                    data-testid="ask-person"
                    aria-label=format!("Ask a person about answer {number}")
                    aria-expanded=move || (form.get() == Form::Ask).to_string()
                    on:click=move |_| toggle(Form::Ask)
                >
                    "Ask a person"
                </button>
                <span class="opinion-said" role="status">
                    {move || said.get()}
                    <a href="/truth/review" rel="external" data-testid="handed-in" hidden=move || !handed.get()>"In the review queue"</a>
                </span>
            </div>
            <Show when=move || form.get() == Form::Correct>
                <form class="opinion-form" on:submit=correct>
                    <label class="field">
                        <span>"What it should have said"</span>
                        <textarea
                            rows="2"
                            maxlength="1000"
                            data-testid="correction-text"
                            prop:value=move || better.get()
                            on:input=move |ev| better.set(event_target_value(&ev))
                        ></textarea>
                    </label>
                    <button class="button" type="submit" data-testid="correction-send">"Keep correction"</button>
                </form>
            </Show>
            <Show when=move || form.get() == Form::Ask>
                <form class="opinion-form" on:submit=ask>
                    <label class="field">
                        <span>"Why a person should look (optional)"</span>
                        <input type="text" maxlength="300" data-testid="ask-note" prop:value=move || note.get() on:input=move |ev| note.set(event_target_value(&ev)) />
                    </label>
                    <button class="button" type="submit" data-testid="ask-send">"Hand in for review"</button>
                </form>
            </Show>
            <Show when=move || form.get() == Form::Flag>
                <div class="opinion-form">
                    <label class="field">
                        <span>"In your words (optional)"</span>
                        <input type="text" maxlength="300" data-testid="flag-note" prop:value=move || note.get() on:input=move |ev| note.set(event_target_value(&ev)) />
                    </label>
                    <div class="actions">
                        {reasons
                            .map(|(reason, word)| {
                                view! {
                                    <button
                                        class="button"
                                        type="button"
                                        data-testid=format!("flag-{}", word.to_lowercase())
                                        on:click=move |_| flag(reason)
                                    >
                                        {word}
                                    </button>
                                }
                            })
                            .collect_view()}
                    </div>
                </div>
            </Show>
        </div>
    }
    .erased()
}
