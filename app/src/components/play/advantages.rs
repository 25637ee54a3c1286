//! The group's advantages as signed bars around a zero line: what training will push up and what it will push down.

use super::Play;
use crate::components::note::Empty;
use crate::erased::Erase;
use crate::state::figures::{number, signed, tone};
use clicker_wire::{Combine, GroupJudgement};
use leptos::prelude::*;

/// The panel.
#[component]
pub(crate) fn AdvantagePanel() -> impl IntoView {
    let play = Play::here();
    view! {
        <section class="panel panel-advantage" aria-labelledby="advantage-title">
            <h2 id="advantage-title" class="step-title">
                <span class="step-no">"5"</span>
                "Advantage"
            </h2>
            {move || match play.base.judgement.get() {
                Some(judgement) => bars(play, &judgement).erased(),
                None => {
                    view! {
                        <Empty title="No group yet">
                            "Each answer is compared with its own group: better than the mean is pushed up, worse is pushed down."
                        </Empty>
                    }
                        .erased()
                }
            }}
        </section>
    }
    .erased()
}

fn bars(play: Play, judgement: &GroupJudgement) -> impl IntoView + use<> {
    let (mean, std) = (judgement.mean, judgement.std);
    // Where every grader is normalised by itself, the advantage is no function of the totals.
    let by_grader = untrack(move || play.reward()).combine == Combine::NormaliseThenSum {};
    let reach = judgement.advantages.iter().fold(1.0_f64, |reach, a| reach.max(a.abs()));
    let rows = judgement.advantages.iter().zip(&judgement.rewards).enumerate().map(|(index, (advantage, reward))| {
        let advantage = *advantage;
        let half = advantage.abs() / reach * 50.0;
        let x = if advantage < 0.0 { 50.0 - half } else { 50.0 };
        let sum = if by_grader {
            signed(advantage, 2)
        } else {
            format!(
                "({} \u{2212} {}) / {} = {}",
                signed(reward.total, 2),
                signed(mean, 2),
                number(std, 2),
                signed(advantage, 2)
            )
        };
        let spoken = sum.clone();
        let point = move |on: bool| play.pointed.set(on.then_some(index));
        view! {
            <li
                class="bar"
                data-testid="advantage"
                tabindex="0"
                title=sum
                on:mouseenter=move |_| point(true)
                on:mouseleave=move |_| point(false)
                on:focus=move |_| point(true)
                on:blur=move |_| point(false)
            >
                <span class="bar-name">{format!("#{}", index + 1)}</span>
                <svg class="bar-plot" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                    <rect class=format!("bar-fill fill-{}", tone(advantage)) x=x width=half y="1" height="8" />
                    <path class="bar-zero" d="M50 0V10" />
                </svg>
                <span class=format!("bar-value {}", tone(advantage))>{signed(advantage, 2)}</span>
                <span class="sr-only">{spoken}</span>
            </li>
        }
    });
    let flat = judgement.advantages.iter().all(|advantage| advantage.abs() < 1e-9);
    view! {
        <ol class="bars">{rows.collect_view()}</ol>
        <p class="hint">
            {if flat {
                "Every answer got the same reward: this group teaches nothing. Sample again, or turn a knob.".to_owned()
            } else if by_grader {
                "Each grader is compared within the group before the sum (GDPO): the totals alone do not give the advantage.".into()
            } else {
                format!("advantage = (reward \u{2212} mean {}) / standard deviation {}", signed(mean, 2), number(std, 2))
            }}
        </p>
    }
}
