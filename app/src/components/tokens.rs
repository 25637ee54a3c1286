//! An answer token by token: shaded by the model's uncertainty, with the evidence of a receipt marked.

use super::tip::{Tip, TokenFacts};
use crate::browser::focus_sibling;
use crate::erased::Erase;
use crate::state::{doubt, pieces};
use clicker_wire::Span;
use leptos::prelude::*;

/// The evidence to mark: byte spans of the answer and the class of the mark.
pub(crate) type Evidence = (Vec<Span>, &'static str);

/// The tokens. One tab stop: the arrow keys walk within. `text` is the answer that the spans count in.
#[component]
pub(crate) fn Tokens(
    #[prop(into)] tokens: Signal<Vec<TokenFacts>>,
    #[prop(into)] text: Signal<String>,
    #[prop(into)] evidence: Signal<Evidence>,
) -> impl IntoView {
    move || {
        let tokens = tokens.get();
        let (spans, mark) = evidence.get();
        let whole: String = tokens.iter().map(TokenFacts::text).collect();
        // Tokens may begin with white space that the answer's text leaves out.
        let lead = text.with(|text| whole.find(text.as_str()).unwrap_or(0));
        let mut at = 0_usize;
        let each = tokens.into_iter().enumerate().map(|(index, facts)| {
            let start = at;
            at += facts.text().len();
            let spans: Vec<Span> =
                spans.iter().map(|s| Span { start: s.start + lead as u32, end: s.end + lead as u32 }).collect();
            let parts = pieces::cut(facts.text(), start, &spans);
            token(index, facts, parts, mark)
        });
        each.collect_view()
    }
}

fn token(index: usize, facts: TokenFacts, parts: Vec<(String, bool)>, mark: &'static str) -> impl IntoView + use<> {
    let tip = Tip::here();
    let shade = doubt::level(facts.entropy());
    let (hovered, focused) = (facts.clone(), facts);
    let keys = move |ev: leptos::ev::KeyboardEvent| match ev.key().as_str() {
        "ArrowRight" | "ArrowLeft" => {
            ev.prevent_default();
            focus_sibling(&ev, ev.key() == "ArrowRight");
        }
        "Escape" => tip.hide(),
        _ => {}
    };
    let inner = if parts.is_empty() {
        view! { <span class="token-end">"end"</span> }.erased()
    } else {
        let pieces = parts.into_iter().map(|(text, marked)| {
            if marked { view! { <mark class=format!("evidence {mark}")>{text}</mark> }.erased() } else { text.erased() }
        });
        pieces.collect_view().erased()
    };
    view! {
        <span
            class=format!("token doubt-{shade}")
            data-testid="token"
            tabindex=if index == 0 { "0" } else { "-1" }
            aria-describedby="token-tip"
            on:mouseenter=move |ev| tip.show(&ev, hovered.clone())
            on:mouseleave=move |_| tip.hide()
            on:focus=move |ev| tip.show(&ev, focused.clone())
            on:blur=move |_| tip.hide()
            on:keydown=keys
        >
            {inner}
        </span>
    }
}

/// What the shades mean.
#[component]
pub(crate) fn DoubtLegend() -> impl IntoView {
    let shades = (0..6_u8).map(|level| {
        view! { <span class=format!("legend-shade token doubt-{level}") title=doubt::words(level)>{level.to_string()}</span> }
    });
    view! {
        <p class="legend">
            <span>"certain"</span>
            <span class="legend-shades" aria-hidden="true">{shades.collect_view()}</span>
            <span>"guessing"</span>
        </p>
    }
    .erased()
}
