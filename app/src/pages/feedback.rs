//! What people said: list, filter, export.

use crate::api;
use crate::components::note::{Empty, OwnerHint, Problem};
use crate::erased::Erase;
use crate::state::figures;
use clicker_wire::{CheckpointId, FeedbackBody, FeedbackFilter, FeedbackKind, FeedbackRow, FlagReason, PairChoice};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

const KINDS: [(FeedbackKind, &str); 4] = [
    (FeedbackKind::Pair, "Comparisons"),
    (FeedbackKind::Thumbs, "Thumbs"),
    (FeedbackKind::Correction, "Corrections"),
    (FeedbackKind::Flag, "Flags"),
];

const EXPORTS: [(&str, &str, &str); 3] = [
    ("preference", "Preference pairs", "chosen and rejected: comparisons and corrections"),
    ("unpaired", "Unpaired", "single answers, good or bad: thumbs and flags"),
    ("prompt_completion", "Prompt and completion", "answers worth imitating, for supervised fine-tuning"),
];

/// The page. Its filter lives in the address, so that a filtered list can be shared and works before the page wakes up.
#[component]
pub(crate) fn FeedbackPage() -> impl IntoView {
    let query = use_query_map();
    let filter = Memo::new(move |_| {
        query.with(|q| FeedbackFilter {
            kind: q.get("kind").and_then(|k| KINDS.iter().find(|(kind, _)| kind.as_str() == k).map(|(kind, _)| *kind)),
            checkpoint: q.get("checkpoint").filter(|c| !c.is_empty()).map(CheckpointId),
            ..FeedbackFilter::default()
        })
    });
    let rows = Resource::new(move || filter.get(), api::votes);
    let models = Resource::new(|| (), |()| api::checkpoints());
    let owner = Resource::new(|| (), |()| api::is_owner());
    view! {
        <Title text="Clicker: feedback" />
        <div class="page">
            <header class="page-head">
                <h1>"Feedback"</h1>
                <p class="lead">
                    "Every vote carries its model, seed and settings, so the very same answers can be drawn again."
                </p>
            </header>
            <div class="split">
                <Transition fallback=|| view! { <p class="loading">"Loading votes"</p> }>
                    {move || Suspend::new(async move {
                        match rows.await {
                            Ok(rows) => view! { <Rows rows /> }.erased(),
                            Err(error) => view! { <Problem text=api::explain(&error) /> }.erased(),
                        }
                    })}
                </Transition>
                <div class="stack">
                    <Suspense fallback=|| view! { <p class="loading">"Loading models"</p> }>
                        {move || Suspend::new(async move {
                            let models = models.await.unwrap_or_default();
                            let named = models.into_iter().map(|m| (m.id, m.name)).collect::<Vec<_>>();
                            view! { <Filter filter=filter.get_untracked() named /> }
                        })}
                    </Suspense>
                    <Suspense fallback=|| ()>
                        {move || Suspend::new(async move { view! { <Export owner=owner.await.unwrap_or(false) /> } })}
                    </Suspense>
                </div>
            </div>
        </div>
    }
    .erased()
}

/// A plain GET form: the address is the state.
#[component]
fn Filter(filter: FeedbackFilter, named: Vec<(CheckpointId, String)>) -> impl IntoView {
    let kinds = KINDS.into_iter().map(|(kind, name)| {
        view! { <option value=kind.as_str() selected=filter.kind == Some(kind)>{name}</option> }
    });
    let models = named.into_iter().map(|(id, name)| {
        let here = filter.checkpoint.as_ref() == Some(&id);
        view! { <option value=id.0 selected=here>{name}</option> }
    });
    view! {
        <form class="panel" method="get" action="/feedback" aria-labelledby="filter-title">
            <h2 id="filter-title">"Filter"</h2>
            <label class="field">
                <span>"Kind"</span>
                <select name="kind" data-testid="filter-kind">
                    <option value="">"All kinds"</option>
                    {kinds.collect_view()}
                </select>
            </label>
            <label class="field">
                <span>"Model"</span>
                <select name="checkpoint" data-testid="filter-checkpoint">
                    <option value="">"All models"</option>
                    {models.collect_view()}
                </select>
            </label>
            <button class="button" type="submit" data-testid="filter-apply">"Show"</button>
        </form>
    }
    .erased()
}

#[component]
fn Export(owner: bool) -> impl IntoView {
    let links = EXPORTS.into_iter().map(|(format, name, hint)| {
        view! {
            <li>
                <a
                    href=format!("/api/feedback/export?format={format}")
                    download=format!("clicker-{format}.jsonl")
                    rel="external"
                    data-testid="export-link"
                >
                    {name}
                </a>
                <p class="hint">{hint}</p>
            </li>
        }
    });
    let links = links.collect_view();
    view! {
        <section class="panel" aria-labelledby="export-title">
            <h2 id="export-title">"Export"</h2>
            <p class="hint">"JSON lines in the formats that TRL reads."</p>
            {if owner {
                view! { <ul class="links">{links}</ul> }.erased()
            } else {
                view! { <OwnerHint what="Export" /> }.erased()
            }}
        </section>
    }
    .erased()
}

#[component]
fn Rows(rows: Vec<FeedbackRow>) -> impl IntoView {
    if rows.is_empty() {
        return view! {
            <Empty title="No votes here yet">
                "Sample some answers in the " <a href="/">"playground"</a>
                " and say which is better. Votes appear here with everything needed to replay them."
            </Empty>
        }
        .erased();
    }
    let count = rows.len();
    let each = rows.into_iter().map(row);
    view! {
        <div>
            <p class="hint">{if count == 1 { "1 vote, newest first".to_owned() } else { format!("{count} votes, newest first") }}</p>
            <ol class="votes">{each.collect_view()}</ol>
        </div>
    }
    .erased()
}

fn row(row: FeedbackRow) -> impl IntoView {
    let vote = row.feedback;
    let kind = vote.body.kind().as_str();
    let short: String = vote.checkpoint.0.chars().take(8).collect();
    view! {
        <li class="vote" data-testid="feedback-row" data-kind=kind>
            <div class="vote-head">
                <span class="badge">{kind}</span>
                <span class="vote-question">{vote.item.question().to_owned()}</span>
            </div>
            {body(vote.body)}
            <p class="vote-facts">
                <span>{figures::moment(row.stored_ms)} " UTC"</span>
                <span>{vote.annotator}</span>
                <span>"model " <code title=vote.checkpoint.0>{short}</code></span>
                <span>{format!("seed {}", vote.sampling.seed)}</span>
                <span>{format!("temperature {}", figures::number(f64::from(vote.sampling.temperature), 1))}</span>
                <span>{format!("after {}", figures::duration(f64::from(vote.dwell_ms) / 1000.0))}</span>
            </p>
        </li>
    }
}

fn body(body: FeedbackBody) -> AnyView {
    match body {
        FeedbackBody::Pair { a, b, choice } => {
            let said = match choice {
                PairChoice::A => "the first is better",
                PairChoice::B => "the second is better",
                PairChoice::Tie => "equally good",
                PairChoice::BothBad => "both bad",
            };
            let class = |better: bool| if better { "vote-answer vote-better" } else { "vote-answer" };
            view! {
                <p class=class(choice == PairChoice::A)>{a.text}</p>
                <p class=class(choice == PairChoice::B)>{b.text}</p>
                <p class="vote-said">{said}</p>
            }
            .erased()
        }
        FeedbackBody::Thumbs { sample, up } => view! {
            <p class="vote-answer">{sample.text}</p>
            <p class=format!("vote-said {}", if up { "gain" } else { "loss" })>{if up { "+ good" } else { "\u{2212} bad" }}</p>
        }
        .erased(),
        FeedbackBody::Correction { sample, corrected } => view! {
            <p class="vote-answer">{sample.text}</p>
            <p class="vote-answer vote-better">{corrected}</p>
            <p class="vote-said">"corrected"</p>
        }
        .erased(),
        FeedbackBody::Flag { sample, reason, note } => {
            let word = match reason {
                FlagReason::Wrong => "flagged as wrong",
                FlagReason::Unsafe => "flagged as unsafe",
                FlagReason::Unclear => "flagged as unclear",
            };
            let note = (!note.is_empty()).then(|| format!(": {note}"));
            view! {
                <p class="vote-answer">{sample.text}</p>
                <p class="vote-said">{word} {note}</p>
            }
            .erased()
        }
    }
}
