//! Two answers side by side: which is better? Each vote brings the next pair.

use super::Play;
use crate::browser::votes::Votes;
use crate::components::note::Empty;
use crate::erased::Erase;
use clicker_wire::{FeedbackBody, PairChoice};
use leptos::prelude::*;

/// The panel.
#[component]
pub(crate) fn PairPanel() -> impl IntoView {
    let play = Play::here();
    let votes = Votes::here();
    let pair = RwSignal::new((0_usize, 1_usize));
    let said = RwSignal::new(0_usize);
    let size = Memo::new(move |_| play.base.drawn.with(|d| d.as_ref().map_or(0, |d| d.size)));
    Effect::new(move |_| {
        size.track();
        play.base.drawn.track();
        pair.set((0, 1));
        said.set(0);
    });
    let text = move |index: usize| play.base.answer(index).with(|a| a.text.clone());
    let vote = move |choice: PairChoice| {
        let Some(drawn) = play.base.drawn.get_untracked() else { return };
        let (a, b) = pair.get_untracked();
        let body = FeedbackBody::Pair { a: play.base.sample_ref(a), b: play.base.sample_ref(b), choice };
        votes.cast(drawn.into_subject(), body);
        said.update(|n| *n += 1);
        pair.set(next_pair((a, b), size.get_untracked()));
    };
    let pick = move |second: bool, ev: leptos::ev::Event| {
        if let Ok(index) = event_target_value(&ev).parse::<usize>() {
            pair.update(|p| {
                let (this, other) = if second { (&mut p.1, &mut p.0) } else { (&mut p.0, &mut p.1) };
                if *other == index {
                    *other = *this;
                }
                *this = index;
            });
        }
    };
    let side = move |second: bool| {
        let index = move || if second { pair.get().1 } else { pair.get().0 };
        let letter = if second { "B" } else { "A" };
        let options = move || {
            let each = (0..size.get()).map(|i| {
                view! { <option value=i.to_string() prop:selected=move || index() == i>{format!("#{}", i + 1)}</option> }
            });
            each.collect_view()
        };
        view! {
            <div class="pair-side">
                <label class="pair-head">
                    <span class="pair-letter">{letter}</span>
                    <select aria-label=format!("Answer shown as {letter}") on:change=move |ev| pick(second, ev)>
                        {options}
                    </select>
                </label>
                <p class="pair-text">{move || text(index())}</p>
                <button
                    class="button"
                    type="button"
                    data-testid=if second { "vote-b" } else { "vote-a" }
                    on:click=move |_| vote(if second { PairChoice::B } else { PairChoice::A })
                >
                    {letter}
                    " is better"
                </button>
            </div>
        }
    };
    let count = move || match said.get() {
        0 => String::new(),
        1 => "1 comparison kept".into(),
        n => format!("{n} comparisons kept"),
    };
    view! {
        <section class="panel panel-vote" aria-labelledby="pair-title">
            <div class="panel-head">
                <h2 id="pair-title" class="step-title">
                    <span class="step-no">"6"</span>
                    "Vote"
                </h2>
                <span class="hint" role="status">{count}</span>
            </div>
            <Show
                when=move || { size.get() > 1 }
                fallback=|| {
                    view! {
                        <Empty title="Which is better?">
                            "Two answers will stand here side by side. Your choice is kept with the seed and the settings, so it can be replayed, exported and trained on."
                        </Empty>
                    }
                }
            >
                <div class="pair">{side(false)} {side(true)}</div>
                <div class="actions">
                    <button class="button" type="button" data-testid="vote-tie" on:click=move |_| vote(PairChoice::Tie)>
                        "Equally good"
                    </button>
                    <button class="button" type="button" data-testid="vote-both-bad" on:click=move |_| vote(PairChoice::BothBad)>
                        "Both bad"
                    </button>
                </div>
            </Show>
        </section>
    }
    .erased()
}

/// Walks all pairs: (0, 1), (0, 2) … (n - 2, n - 1), then from the start.
fn next_pair((a, b): (usize, usize), size: usize) -> (usize, usize) {
    let (a, b) = (a.min(b), a.max(b));
    match (b + 1 < size, a + 2 < size) {
        (true, _) => (a, b + 1),
        (false, true) => (a + 1, a + 2),
        (false, false) => (0, 1.min(size.saturating_sub(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::next_pair;

    #[test]
    fn every_pair_comes_once() {
        let mut pair = (0, 1);
        let mut seen = vec![pair];
        for _ in 0..5 {
            pair = next_pair(pair, 4);
            seen.push(pair);
        }
        assert_eq!(seen, vec![(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]);
        assert_eq!(next_pair(pair, 4), (0, 1));
    }
}
