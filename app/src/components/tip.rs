//! What stands behind one token: shown beside it on hover and on focus.

use crate::browser;
use crate::state::{doubt, figures, words};
use clicker_wire::{SampledToken, TokenInfo};
use leptos::prelude::*;

/// A token with its numbers, from the browser's engine or from a training step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenFacts {
    /// Sampled in this tab.
    Sampled(TokenInfo),
    /// Sampled in training, seen by the three models that matter.
    Trained(SampledToken),
}

impl TokenFacts {
    /// The text that it adds.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Sampled(token) => &token.text,
            Self::Trained(token) => &token.text,
        }
    }

    /// Entropy of the distribution it was drawn from, nats.
    pub(crate) fn entropy(&self) -> f32 {
        match self {
            Self::Sampled(token) => token.entropy,
            Self::Trained(token) => token.entropy,
        }
    }

    /// Its numbers, named.
    fn rows(&self) -> Vec<(&'static str, String)> {
        let log = |value: f32| figures::number(f64::from(value), 3);
        match self {
            Self::Sampled(token) => vec![
                ("probability", figures::probability(token.logprob)),
                ("log-probability", log(token.logprob)),
                ("entropy", format!("{} nats", log(token.entropy))),
            ],
            Self::Trained(token) => {
                let mut rows = vec![
                    ("old log-prob", log(token.old_logprob)),
                    ("new log-prob", log(token.logprob)),
                    ("ratio new / old", figures::number(f64::from(token.logprob - token.old_logprob).exp(), 3)),
                ];
                if let Some(reference) = token.ref_logprob {
                    let gap = f64::from(reference - token.logprob);
                    rows.push(("reference log-prob", log(reference)));
                    rows.push(("KL (k3)", figures::number(gap.exp() - gap - 1.0, 4)));
                }
                rows.push(("entropy", format!("{} nats", log(token.entropy))));
                rows
            }
        }
    }

    /// What else could have been drawn: text, probability, whether it was this one.
    fn alternatives(&self) -> Vec<(String, f64, bool)> {
        let Self::Sampled(token) = self else { return Vec::new() };
        let each = token.alternatives.iter();
        each.map(|a| (words::visible(&a.text), f64::from(a.logprob).exp(), a.id == token.id)).collect()
    }
}

/// Where the tip stands and for what; none while it is hidden.
#[derive(Clone, Copy)]
pub(crate) struct Tip(RwSignal<Option<(f64, f64, TokenFacts)>>);

impl Tip {
    /// Makes it available to every component below.
    pub(crate) fn provide() {
        provide_context(Self(RwSignal::new(None)));
    }

    /// The tip of this page.
    pub(crate) fn here() -> Self {
        expect_context()
    }

    /// Shows it under the element of an event.
    pub(crate) fn show(self, event: &web_sys::Event, facts: TokenFacts) {
        if let Some((left, top, _, height)) = browser::place(event) {
            let x = left.min(browser::window_width() - 264.0).max(8.0);
            self.0.set(Some((x, top + height + 6.0, facts)));
        }
    }

    /// Hides it.
    pub(crate) fn hide(self) {
        self.0.set(None);
    }
}

/// The tip itself, once per page.
#[component]
pub(crate) fn TipBox() -> impl IntoView {
    let tip = Tip::here();
    move || {
        tip.0.get().map(|(x, y, facts)| {
            let shade = doubt::level(facts.entropy());
            let rows = facts.rows().into_iter().map(|(name, value)| {
                view! {
                    <div class="tip-row">
                        <dt>{name}</dt>
                        <dd>{value}</dd>
                    </div>
                }
            });
            let alternatives = facts.alternatives();
            let others = (!alternatives.is_empty()).then(|| {
                let each = alternatives.into_iter().map(|(text, p, this)| {
                    view! {
                        <li class:tip-this=this>
                            <code>{text}</code>
                            <svg class="tip-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                                <rect width=p * 100.0 height="4" />
                            </svg>
                            <span>{figures::percent(p, 1)}</span>
                        </li>
                    }
                });
                view! { <ol class="tip-list">{each.collect_view()}</ol> }
            });
            view! {
                <div
                    class="tip"
                    id="token-tip"
                    role="tooltip"
                    style:left=format!("{x}px")
                    style:top=format!("{y}px")
                >
                    <p class="tip-head">
                        <code>{words::visible(facts.text())}</code>
                        <span class=format!("tip-shade doubt-{shade}")>{doubt::words(shade)}</span>
                    </p>
                    <dl>{rows.collect_view()}</dl>
                    {others}
                </div>
            }
        })
    }
}
