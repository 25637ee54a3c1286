//! A reward receipt: which grader gave what, and why.

use crate::erased::Erase;
use crate::state::figures::{number, signed, tone};
use crate::state::words;
use clicker_wire::{Receipt, Reward};
use leptos::prelude::*;

/// The receipt that stands out, if a visitor points at one: its index among the graders.
pub(crate) type Pointed = RwSignal<Option<usize>>;

/// A whole reward. Pointing at a grader's line marks its evidence in the text above.
#[component]
pub(crate) fn ReceiptList(reward: Reward, pointed: Pointed) -> impl IntoView {
    let lines = reward.receipts.into_iter().enumerate().map(|(index, receipt)| line(index, receipt, pointed));
    view! {
        <div class="receipt" data-testid="receipt">
            <ul class="receipt-lines">{lines.collect_view()}</ul>
            {reward.notes.into_iter().map(|note| view! { <p class="receipt-note">{note}</p> }).collect_view()}
            <p class="receipt-total">
                <span>"Reward"</span>
                <strong class=tone(reward.total)>{signed(reward.total, 2)}</strong>
            </p>
        </div>
    }
    .erased()
}

fn line(index: usize, receipt: Receipt, pointed: Pointed) -> impl IntoView + use<> {
    let worth = receipt.contribution();
    let sum = match receipt.score {
        Some(score) => format!("{} \u{d7} {}", signed(score, 2), number(receipt.weight, 2)),
        None => "does not apply".into(),
    };
    view! {
        <li
            class="receipt-line"
            class:receipt-off=receipt.score.is_none()
            tabindex="0"
            on:mouseenter=move |_| pointed.set(Some(index))
            on:mouseleave=move |_| pointed.set(None)
            on:focus=move |_| pointed.set(Some(index))
            on:blur=move |_| pointed.set(None)
        >
            <span class="receipt-name">{words::grader(&receipt.grader)}</span>
            <span class="receipt-sum">{sum}</span>
            <span class=format!("receipt-worth {}", tone(worth))>{signed(worth, 2)}</span>
            <span class="receipt-reason">{receipt.reason}</span>
        </li>
    }
}
