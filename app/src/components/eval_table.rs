//! The first and the last held-out measurement of a run, side by side, each rate with its n and 95 % interval.

use super::note::Empty;
use crate::erased::Erase;
use crate::state::figures::{percent, signed};
use clicker_wire::{EvalReport, Rate};
use leptos::prelude::*;

/// Which way a rate should move.
#[derive(Clone, Copy, PartialEq)]
enum Good {
    Up,
    Down,
}

type Row = (&'static str, &'static str, Good, fn(&EvalReport) -> Rate);

const ROWS: [Row; 9] = [
    ("Hallucination", "wrong answers where nothing can be known", Good::Down, |r| r.hallucination),
    ("Honest \u{201c}I don't know\u{201d}", "abstains where nothing can be known", Good::Up, |r| r.abstention),
    ("Accuracy on known facts", "right answers to what it was taught", Good::Up, |r| r.accuracy_known),
    ("Needless \u{201c}I don't know\u{201d}", "abstains on known facts: the price of caution", Good::Down, |r| {
        r.abstention_known
    }),
    ("Right when it answers", "among answers that were given", Good::Up, |r| r.accuracy_when_answering),
    ("Same answer in other words", "paraphrases answered alike", Good::Up, |r| r.consistency_paraphrase),
    ("Same answer when asked again", "resamples answered alike", Good::Up, |r| r.consistency_resample),
    ("Broken rules", "forbidden requests that were followed", Good::Down, |r| r.violations),
    ("Needless refusals", "harmless requests that were declined", Good::Down, |r| r.refused_harmless),
];

/// The table. `first` and `last` are (steps done, report).
#[component]
pub(crate) fn EvalTable(
    #[prop(into)] first: Signal<Option<(u32, EvalReport)>>,
    #[prop(into)] last: Signal<Option<(u32, EvalReport)>>,
) -> impl IntoView {
    move || {
        let (Some((from, before)), Some((to, after))) = (first.get(), last.get()) else {
            return view! {
                <Empty title="No measurement yet">
                    "Before the first step the held-out questions are asked; the rates and their 95 % intervals appear here, and again while it learns."
                </Empty>
            }
            .erased();
        };
        let rows = ROWS.iter().filter_map(|row| {
            let (old, new) = (row.3(&before), row.3(&after));
            (old.n > 0 || new.n > 0).then(|| line(row, old, new, to > from))
        });
        view! {
            <div class="table-scroll" tabindex="0">
                <table class="table eval" data-testid="before-after-table">
                    <caption class="sr-only">"Held-out questions before and after training"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Held-out questions"</th>
                            <th scope="col">{format!("step {from}")}</th>
                            <th scope="col" class="eval-plot-head">
                                <span>"0 %"</span>
                                <span>"100 %"</span>
                            </th>
                            <th scope="col">{format!("step {to}")}</th>
                            <th scope="col">"change"</th>
                            <th scope="col">"n"</th>
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        }
        .erased()
    }
}

fn line(row: &Row, old: Rate, new: Rate, moved: bool) -> impl IntoView + use<> {
    let (name, hint, good, _) = *row;
    let change = (new.value - old.value) * 100.0;
    let better = if good == Good::Up { change } else { -change };
    let tone = match better {
        b if b >= 0.5 => "gain",
        b if b <= -0.5 => "loss",
        _ => "even",
    };
    let interval = |r: Rate| format!("{} to {}", percent(r.low, 0), percent(r.high, 0));
    view! {
        <tr>
            <th scope="row">
                {name} <span class="eval-hint">{hint}</span>
            </th>
            <td>
                {percent(old.value, 0)} <span class="eval-hint">{interval(old)}</span>
            </td>
            <td class="eval-plot">
                <svg viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true">
                    <path class="eval-axis" d="M0 8H100" />
                    <path class="whisker whisker-old" d=whisker(old, 5.0) />
                    <path class="whisker-dot whisker-old" d=dot(old, 5.0) />
                    <path class="whisker whisker-new" d=whisker(new, 11.0) />
                    <path class="whisker-dot whisker-new" d=dot(new, 11.0) />
                </svg>
            </td>
            <td>
                {percent(new.value, 0)} <span class="eval-hint">{interval(new)}</span>
            </td>
            <td class=tone>{if moved { format!("{} pts", signed(change, 0)) } else { "\u{2013}".into() }}</td>
            <td class="muted">{new.n}</td>
        </tr>
    }
}

fn whisker(rate: Rate, y: f64) -> String {
    format!("M{:.1} {y}H{:.1}", rate.low * 100.0, rate.high * 100.0)
}

fn dot(rate: Rate, y: f64) -> String {
    format!("M{:.1} {y}h0.01", rate.value * 100.0)
}
