//! The playground: one prompt, a group of answers, their rewards and advantages, votes, and training.
//!
//! [`Play`] is what its panels share; each panel is a file of its own, in the order of the circle.

mod advantages;
mod answer;
mod answers;
#[cfg(feature = "ssr")]
pub(crate) mod carried;
mod compare;
mod group;
mod judge;
mod pair;
mod prompt;
mod reward;
mod sampler;
mod train;

pub(crate) use advantages::AdvantagePanel;
pub(crate) use answers::AnswersPanel;
pub(crate) use compare::ComparePanel;
pub(crate) use pair::PairPanel;
pub(crate) use prompt::{PromptPanel, accepted_from, own};
pub(crate) use reward::RewardPanel;
pub(crate) use sampler::SamplerPanel;
pub(crate) use train::TrainPanel;

use crate::api::{Carried, Run};
use crate::browser;
use crate::browser::engine::Engine;
use crate::components::live::follow_run;
use crate::state::knobs::Knobs;
use crate::state::lab::link;
use crate::state::run_view::RunView;
use clicker_wire::{CheckpointId, Domain, Item, Manifest, RewardConfig, RunId};
use group::Group;
use leptos::prelude::*;

/// What the playground starts with; the server renders the same.
#[derive(Clone)]
pub(crate) struct Start {
    /// The question.
    pub(crate) item: Item,
    /// Where the knobs stand.
    pub(crate) knobs: Knobs,
    /// A reward that takes the place of that of the knobs.
    pub(crate) carried: Option<Carried>,
    /// The model that answers, or why there is none.
    pub(crate) model: Result<Manifest, String>,
    /// A run to follow, if the address names one.
    pub(crate) run: Option<Run>,
    /// Whether the visitor may train.
    pub(crate) owner: bool,
}

/// What the panels share.
#[derive(Clone, Copy)]
pub(crate) struct Play {
    /// The question.
    pub(crate) item: RwSignal<Item>,
    /// Where the knobs stand.
    pub(crate) knobs: RwSignal<Knobs>,
    /// The reward that takes the place of that of the knobs.
    pub(crate) carried: RwSignal<Option<Carried>>,
    /// The model that answers.
    pub(crate) model: StoredValue<Option<Manifest>>,
    /// Its answers.
    pub(crate) base: Group,
    /// The trained model's answers to the same question.
    pub(crate) trained: Group,
    /// The run that trains, if one was started or opened.
    pub(crate) run: RwSignal<Option<Run>>,
    /// What it has said.
    pub(crate) view: RwSignal<RunView>,
    /// The checkpoint picked on the slider (steps done); none follows the newest.
    pub(crate) picked: RwSignal<Option<u32>>,
    /// The answer that a visitor points at in another panel.
    pub(crate) pointed: RwSignal<Option<usize>>,
    /// Whether the visitor may train.
    pub(crate) owner: bool,
    /// The checkpoint that the address names instead of the built-in model.
    named: StoredValue<Option<CheckpointId>>,
}

impl Play {
    /// Sets the playground up and makes it available to its panels.
    pub(crate) fn provide(start: Start, named: Option<CheckpointId>) -> Self {
        let run = RwSignal::new(start.run);
        let run_id: Signal<Option<RunId>> = Memo::new(move |_| run.with(|r| r.as_ref().map(|r| r.id.clone()))).into();
        let play = Self {
            item: RwSignal::new(start.item),
            knobs: RwSignal::new(start.knobs),
            carried: RwSignal::new(start.carried),
            model: StoredValue::new(start.model.ok()),
            base: Group::new(),
            trained: Group::new(),
            run,
            view: follow_run(run_id),
            picked: RwSignal::new(None),
            pointed: RwSignal::new(None),
            owner: start.owner,
            named: StoredValue::new(named),
        };
        provide_context(play);
        play.load_at_start();
        play.keep_address();
        judge::keep_judged(play);
        play
    }

    /// The playground of this page.
    pub(crate) fn here() -> Self {
        expect_context()
    }

    /// What answers are worth here: the reward that was brought along, or that of the knobs.
    pub(crate) fn reward(self) -> RewardConfig {
        let carried = self.carried.with(|carried| carried.as_ref().map(|carried| carried.reward.clone()));
        carried.unwrap_or_else(|| self.knobs.with(Knobs::reward))
    }

    /// Draws a group with the knobs as they stand.
    pub(crate) fn sample(self) {
        let Some(model) = self.model.get_value() else { return };
        let knobs = self.knobs.get_untracked();
        self.base.sample(Engine::here(), &model, self.item.get_untracked(), knobs.sampling(), knobs.group_size());
    }

    /// Draws another group: the next seed.
    pub(crate) fn again(self) {
        self.knobs.update(|k| k.seed = k.seed.wrapping_add(1));
        self.sample();
    }

    /// Asks something else; answers to the old question go.
    pub(crate) fn ask(self, item: Item) {
        self.base.clear(Engine::here());
        self.trained.clear(Engine::here());
        self.item.set(item);
    }

    /// The weights start to arrive before anybody asks for an answer.
    fn load_at_start(self) {
        let engine = Engine::here();
        Effect::new(move |_| {
            if let Some(model) = self.model.get_value() {
                engine.load(&model, |_| {});
            }
        });
    }

    /// Keeps what is worth sharing in the address, from the first change on.
    fn keep_address(self) {
        Effect::new(move |before: Option<String>| {
            let mut pairs = self.item.with(address_of);
            pairs.extend(self.knobs.get().to_query());
            self.carried.with(|carried| {
                pairs.extend(
                    carried.as_ref().and_then(|c| {
                        link::brought(|key| c.from.strip_prefix(key)?.strip_prefix('=').map(str::to_owned))
                    }),
                );
            });
            if let Some(id) = self.named.get_value() {
                pairs.push(("checkpoint", id.0));
            }
            if let Some(id) = self.run.with(|run| run.as_ref().map(|r| r.id.0.clone())) {
                pairs.push(("run", id));
            }
            let query: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={}", browser::encode(v))).collect();
            let query = query.join("&");
            if before.is_some_and(|before| before != query) {
                browser::replace_query(&query);
            }
            query
        });
    }
}

fn address_of(item: &Item) -> Vec<(&'static str, String)> {
    if item.domain != Domain::Free {
        return vec![("item", item.id.0.clone())];
    }
    let mut pairs = vec![("prompt", item.question().to_owned())];
    if !item.accepted.is_empty() {
        pairs.push(("accept", item.accepted.join("; ")));
    }
    pairs
}
