//! What the tests share: a trainer that does what it is told, one step at a time, and ways to wait without sleeping.

use clicker_service::{
    CheckpointBytes, Control, Outcome, RunEvents, Service, ServiceConfig, Sink, Start, StepRecord, Trainer,
};
use clicker_wire::{Event, ModelShape, Recipe, RunEvent, RunId, RunStatus};
use futures::StreamExt;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

/// Lets a fake trainer make steps.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    allowed: Arc<(Mutex<u64>, Condvar)>,
    asked: watch::Sender<u64>,
}

impl Gate {
    /// Open for good.
    pub(crate) fn open() -> Self {
        let gate = Self::default();
        gate.allow(u64::from(u32::MAX));
        gate
    }

    pub(crate) fn allow(&self, steps: u64) {
        *self.allowed.0.lock().expect("unpoisoned") += steps;
        self.allowed.1.notify_all();
    }

    pub(crate) fn pass(&self) {
        self.asked.send_modify(|asked| *asked += 1);
        let (allowed, more) = &*self.allowed;
        let mut left = more.wait_while(allowed.lock().expect("unpoisoned"), |left| *left == 0).expect("unpoisoned");
        *left -= 1;
    }

    /// Wait until the `n`-th step since the gate was made has begun. A step's event is out before the trainer has
    /// looked for commands: one given on the event alone is obeyed before the next step or after it, as chance has it.
    pub(crate) async fn asked(&self, n: u64) {
        let mut asked = self.asked.subscribe();
        let reached = asked.wait_for(|asked| *asked >= n);
        // Only a broken build waits so long.
        tokio::time::timeout(Duration::from_secs(60), reached).await.expect("the step begins").expect("the gate lives");
    }
}

/// What the fake trainer tells the test.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It starts, with this state.
    Start(Option<Vec<u8>>),
    /// A commit failed.
    Refused(String),
}

/// The state after a step, as the fake trainer writes it.
pub(crate) fn state(step: u32) -> Vec<u8> {
    format!("state after step {step}").into_bytes()
}

pub(crate) fn record(step: u32, last: u32) -> StepRecord {
    let events = vec![Event::Metrics { step, values: BTreeMap::from([("reward".to_owned(), f64::from(step))]) }];
    let checkpoint = (step == last).then(|| CheckpointBytes {
        master: format!("weights after step {step}").into_bytes(),
        browser: format!("small weights after step {step}").into_bytes(),
        adapter: Vec::new(),
        members: Vec::new(),
        shape: shape(),
    });
    StepRecord { step, events, state: state(step), checkpoint }
}

pub(crate) fn shape() -> ModelShape {
    ModelShape { architecture: "llama".into(), parameters: 1, vocab: 2, width: 3, layers: 4, context: 5 }
}

/// A trainer that makes a step whenever the gate lets it, from where its state says.
pub(crate) fn trainer(gate: &Gate) -> (Trainer, mpsc::UnboundedReceiver<Told>) {
    let (tell, told) = mpsc::unbounded_channel();
    let gate = gate.clone();
    let trainer = move |recipe: &Recipe, start: Start, sink: &mut dyn Sink, control: &dyn Fn() -> Control| {
        let first = match &start.state {
            Some(state) => {
                let text = String::from_utf8(state.clone()).expect("text");
                text.rsplit(' ').next().and_then(|n| n.parse::<u32>().ok()).expect("a number") + 1
            }
            None => 0,
        };
        tell.send(Told::Start(start.state)).expect("the test listens");
        for step in first..=recipe.steps {
            gate.pass();
            if let Err(error) = sink.commit(record(step, recipe.steps)) {
                tell.send(Told::Refused(error.clone())).expect("the test listens");
                return Err(error);
            }
            if step < recipe.steps && control() == Control::Pause {
                return Ok(Outcome::Paused);
            }
        }
        Ok(Outcome::Finished)
    };
    (Arc::new(trainer), told)
}

pub(crate) fn config(dir: &TempDir, trainer: Trainer) -> ServiceConfig {
    ServiceConfig {
        trainer,
        quantizer: Arc::new(|_| Ok((b"browser".to_vec(), shape()))),
        ..ServiceConfig::local(dir.path().to_owned(), Some(b"master".to_vec()))
    }
}

pub(crate) fn recipe(steps: u32) -> Recipe {
    serde_json::from_value(serde_json::json!({"name": "test", "algorithm": "grpo", "steps": steps})).expect("a recipe")
}

/// The next event that `wanted` accepts, and all before it.
pub(crate) async fn until(events: &mut RunEvents, wanted: impl Fn(&Event) -> bool) -> Vec<RunEvent> {
    let mut seen = Vec::new();
    let search = async {
        while let Some(event) = events.next().await {
            seen.push(event.expect("an event"));
            if wanted(&seen[seen.len() - 1].event) {
                return;
            }
        }
        panic!("the stream ended");
    };
    // Only a broken build waits so long.
    tokio::time::timeout(Duration::from_secs(60), search).await.expect("the event comes");
    seen
}

pub(crate) fn is_status(wanted: RunStatus) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Status { status, .. } if *status == wanted)
}

pub(crate) fn is_step(wanted: u32) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Metrics { step, .. } if *step == wanted)
}

/// The whole story of a run; checks that its numbers have no gap.
pub(crate) async fn story(service: &Service, run: &RunId) -> Vec<String> {
    let events = service.run_events(run, 0).await.expect("events");
    assert_eq!(events.iter().map(|e| e.seq).collect::<Vec<_>>(), (1..=events.len() as u64).collect::<Vec<_>>());
    let word = |event: &RunEvent| match &event.event {
        Event::Status { status, .. } => format!("{status:?}").to_lowercase(),
        Event::Metrics { step, .. } => format!("step {step}"),
        Event::Checkpoint { step, .. } => format!("checkpoint {step}"),
        other => format!("{other:?}"),
    };
    events.iter().map(word).collect()
}
