//! A group of answers from one model to one question: drawn, streamed in, judged.

use crate::browser;
use crate::browser::engine::Engine;
use crate::browser::votes::Subject;
use crate::state::knobs::MAX_GROUP;
use clicker_wire::{
    CheckpointId, EngineReply, Event, GroupJudgement, Item, Manifest, Rollout, SampleRef, Sampling, StopReason,
    TokenInfo,
};
use leptos::prelude::*;

/// One answer as far as it has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) tokens: Vec<TokenInfo>,
    /// Its text, once complete.
    pub(crate) text: String,
    /// Why it ended; none while it is being written.
    pub(crate) stop: Option<StopReason>,
}

/// How far a group is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    /// Nothing was drawn.
    Empty,
    /// The weights are on their way.
    Loading,
    /// Tokens are being drawn.
    Sampling,
    /// All answers are there.
    Done,
    /// What went wrong.
    Failed(String),
}

impl Phase {
    /// Whether it can be stopped.
    pub(crate) fn busy(&self) -> bool {
        matches!(self, Self::Loading | Self::Sampling)
    }
}

/// How a complete group was drawn: what a vote has to carry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drawn {
    pub(crate) item: Item,
    pub(crate) checkpoint: CheckpointId,
    pub(crate) sampling: Sampling,
    pub(crate) size: usize,
    /// Milliseconds that it took.
    pub(crate) ms: f64,
    /// Tokens in all.
    pub(crate) tokens: usize,
    /// When it was complete, Unix milliseconds.
    pub(crate) seen_ms: f64,
}

impl Drawn {
    /// What a vote on it is about.
    pub(crate) fn into_subject(self) -> Subject {
        Subject { item: self.item, checkpoint: self.checkpoint, sampling: self.sampling, seen_ms: self.seen_ms }
    }
}

/// A group's signals.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    answers: StoredValue<Vec<RwSignal<Answer>>>,
    /// Answers in the group now.
    pub(crate) size: RwSignal<usize>,
    /// How far it is.
    pub(crate) phase: RwSignal<Phase>,
    /// How it was drawn, once complete.
    pub(crate) drawn: RwSignal<Option<Drawn>>,
    /// What it is worth, once judged.
    pub(crate) judgement: RwSignal<Option<GroupJudgement>>,
    request: StoredValue<Option<u64>>,
    /// Counts draws and judgements, so that a late reply to an old one is dropped.
    turn: StoredValue<u64>,
}

impl Group {
    /// An empty group.
    pub(crate) fn new() -> Self {
        Self {
            answers: StoredValue::new((0..MAX_GROUP).map(|_| RwSignal::new(Answer::default())).collect()),
            size: RwSignal::new(0),
            phase: RwSignal::new(Phase::Empty),
            drawn: RwSignal::new(None),
            judgement: RwSignal::new(None),
            request: StoredValue::new(None),
            turn: StoredValue::new(0),
        }
    }

    /// The answer at an index below [`MAX_GROUP`].
    pub(crate) fn answer(self, index: usize) -> RwSignal<Answer> {
        self.answers.with_value(|answers| answers[index.min(MAX_GROUP - 1)])
    }

    /// A complete answer, as a vote names it.
    pub(crate) fn sample_ref(self, index: usize) -> SampleRef {
        self.answer(index).with_untracked(|answer| SampleRef {
            sample: index as u32,
            text: answer.text.clone(),
            logprob: answer.tokens.iter().map(|t| f64::from(t.logprob)).sum(),
        })
    }

    /// The texts, in order.
    pub(crate) fn texts(self) -> Vec<String> {
        (0..self.size.get_untracked()).map(|i| self.answer(i).with_untracked(|a| a.text.clone())).collect()
    }

    /// Stops what runs and forgets all answers.
    pub(crate) fn clear(self, engine: Engine) {
        self.stop(engine);
        self.next_turn();
        self.reset(0);
        self.phase.set(Phase::Empty);
    }

    /// Stops the drawing; what was drawn so far stays.
    pub(crate) fn stop(self, engine: Engine) {
        if let Some(request) = self.request.get_value() {
            engine.cancel(request);
        } else if self.phase.get_untracked() == Phase::Loading {
            self.next_turn();
            self.reset(0);
            self.phase.set(Phase::Empty);
        }
    }

    /// Loads the model if need be and draws a group.
    pub(crate) fn sample(self, engine: Engine, model: &Manifest, item: Item, sampling: Sampling, size: usize) {
        self.stop(engine);
        let turn = self.next_turn();
        self.reset(size);
        self.phase.set(Phase::Loading);
        let drawn = Drawn { item, checkpoint: model.id.clone(), sampling, size, ms: 0.0, tokens: 0, seen_ms: 0.0 };
        engine.load(model, move |loaded| {
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            match loaded {
                Ok(()) => self.draw(engine, turn, drawn),
                Err(message) => self.fail(message),
            }
        });
    }

    fn fail(self, message: String) {
        self.reset(0);
        self.phase.set(Phase::Failed(message));
    }

    fn draw(self, engine: Engine, turn: u64, drawn: Drawn) {
        self.phase.set(Phase::Sampling);
        let (slot, item, sampling) = (drawn.checkpoint.0.clone(), drawn.item.clone(), drawn.sampling.clone());
        let request = engine.generate(slot, item, drawn.size as u32, sampling, move |reply| {
            if self.turn.try_get_value() == Some(turn) {
                self.take(reply, &drawn);
            }
        });
        // A refusal may have arrived before this line.
        if self.phase.get_untracked() == Phase::Sampling {
            self.request.set_value(Some(request));
        }
    }

    fn take(self, reply: EngineReply, drawn: &Drawn) {
        match reply {
            EngineReply::Stream { event: Event::Token { sample, token }, .. }
                if (sample as usize) < self.size.get_untracked() =>
            {
                self.answer(sample as usize).update(|a| a.tokens.push(token));
            }
            EngineReply::Generated { rollouts, ms, .. } => {
                self.request.set_value(None);
                let tokens = rollouts.iter().map(|r| r.tokens.len()).sum();
                for rollout in rollouts {
                    let Rollout { sample, text, tokens, stop, .. } = rollout;
                    if (sample as usize) < self.size.get_untracked() {
                        self.answer(sample as usize).set(Answer { tokens, text, stop: Some(stop) });
                    }
                }
                self.drawn.set(Some(Drawn { ms, tokens, seen_ms: browser::now_ms(), ..drawn.clone() }));
                self.phase.set(Phase::Done);
            }
            EngineReply::Failed { message, cancelled, .. } => {
                if cancelled {
                    self.reset(0);
                    self.phase.set(Phase::Empty);
                } else {
                    self.fail(message);
                }
            }
            _ => {}
        }
    }

    fn reset(self, size: usize) {
        self.request.set_value(None);
        self.drawn.set(None);
        self.judgement.set(None);
        for index in 0..MAX_GROUP {
            self.answer(index).set(Answer::default());
        }
        self.size.set(size);
    }

    fn next_turn(self) -> u64 {
        let turn = self.turn.get_value() + 1;
        self.turn.set_value(turn);
        turn
    }
}
