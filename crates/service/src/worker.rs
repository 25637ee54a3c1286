//! The worker: takes one run at a time from the queue and trains it on a thread of its own, while this task keeps the lease.

use crate::ServiceError;
use crate::comparisons::parts::view;
use crate::open::Service;
use crate::queue::Queue;
use crate::sink::RunSink;
use clicker_store::{Claim, Digest, Key, StoreError};
use clicker_train::{Control, Outcome, Start, View};
use clicker_wire::FileKind;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

/// Deep graphs are walked recursively; tokio's 2 MiB would do for small models only.
const STACK: usize = 32 << 20;
/// Pause after an error of the database, before the queue is asked again.
const RETRY: Duration = Duration::from_secs(5);

/// Why the training thread came back.
pub(crate) enum Reason {
    /// All steps are done.
    Finished,
    /// It was asked to stop after a step.
    Yielded,
    /// An error ended it.
    Failed(String),
}

/// Work until the service ends.
pub(crate) async fn work(queue: Queue) {
    let queue = Arc::new(queue);
    let mut closing = queue.inner.closing.subscribe();
    while !*closing.borrow_and_update() {
        let pause = match queue.claim().await {
            Ok(Some(claim)) => {
                let run = claim.run.id.clone();
                let device = queue.inner.config.compute.name();
                tracing::info!(%run, name = claim.run.recipe.name, step = claim.run.step, device, "run starts");
                let reason = train(&queue, claim).await.unwrap_or_else(|e| Reason::Failed(e.to_string()));
                if let Reason::Failed(error) = &reason {
                    tracing::warn!(%run, "run failed: {error}");
                }
                match queue.finish(&run, reason).await {
                    Ok(status) => tracing::info!(%run, ?status, "run ends"),
                    Err(StoreError::LeaseLost { .. }) => tracing::warn!(%run, "run was taken over by another worker"),
                    // The lease runs out by itself, and the run goes back to the queue then.
                    Err(e) => tracing::error!(%run, "the end of the run could not be stored: {e}"),
                }
                continue;
            }
            // The lease is the longest that an abandoned run of another worker has to wait.
            Ok(None) => queue.inner.config.lease,
            Err(e) => {
                tracing::error!("the queue cannot be read: {e}");
                RETRY
            }
        };
        tokio::select! {
            () = queue.inner.queued.notified() => {}
            () = tokio::time::sleep(pause) => {}
            _ = closing.changed() => {}
        }
    }
}

/// Train a claimed run until it ends, pauses or fails.
async fn train(queue: &Arc<Queue>, claim: Claim) -> Result<Reason, ServiceError> {
    let inner = &queue.inner;
    inner.store.objects.sweep_states(&claim.run.id, claim.state.map(|state| state.step)).await?;
    let start = start(queue, &claim).await?;
    let asked = Arc::new(AtomicBool::new(false));
    let run = claim.run.id.clone();

    let (sender, mut ended) = oneshot::channel();
    let thread = {
        let (queue, asked) = (Arc::clone(queue), Arc::clone(&asked));
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new().name("train".into()).stack_size(STACK).spawn(move || {
            let trainer = Arc::clone(&queue.inner.config.trainer);
            let closing = queue.inner.closing.subscribe();
            let recipe = claim.run.recipe.clone();
            let mut sink = RunSink::new(queue, runtime, claim, Arc::clone(&asked));
            let control = || {
                if asked.load(Ordering::Acquire) || *closing.borrow() { Control::Pause } else { Control::Continue }
            };
            // Nobody listens any more only if the runtime is gone; then there is nobody to tell.
            let _ = sender.send(trainer(&recipe, start, &mut sink, &control));
        })
    };
    let thread = thread.map_err(|e| ServiceError::Model { reason: format!("no thread to train on: {e}") })?;

    let mut beat = tokio::time::interval(queue.beat());
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let result = loop {
        tokio::select! {
            result = &mut ended => break result,
            _ = beat.tick() => match queue.heartbeat(&run).await {
                Ok(wanted) => asked.store(wanted.is_some(), Ordering::Release),
                // Its next commit will be refused; until then, ask it to stop.
                Err(StoreError::LeaseLost { .. }) => asked.store(true, Ordering::Release),
                Err(e) => tracing::warn!(%run, "heartbeat failed: {e}"),
            },
        }
    };
    Ok(match result {
        Ok(Ok(Outcome::Finished)) => Reason::Finished,
        Ok(Ok(Outcome::Paused)) => Reason::Yielded,
        Ok(Err(error)) => Reason::Failed(error),
        // The thread dropped its end without a word: it panicked, and is over.
        Err(_) => Reason::Failed(format!("the training thread panicked: {}", last_words(thread.join()))),
    })
}

/// The bytes that a run begins with: the model of its recipe, and its own last state if it has one.
async fn start(queue: &Queue, claim: &Claim) -> Result<Start, ServiceError> {
    let objects = &queue.inner.store.objects;
    let service = Service { inner: Arc::clone(&queue.inner) };
    let manifest = service.starting_checkpoint(&claim.run.recipe).await?;
    let master = manifest.file(FileKind::Master).and_then(|file| Digest::parse(&file.sha256));
    let master =
        master.ok_or_else(|| ServiceError::Model { reason: format!("{} has no master file", manifest.name) })?;
    let model = objects.get(&Key::Object(master)).await?.into();
    let state = match claim.state {
        Some(state) => {
            let key = Key::RunState(claim.run.id.clone(), state.step);
            Some(objects.get_verified(&key, state.digest).await?.into())
        }
        None => None,
    };
    let preferences = service.preferences(&claim.run.recipe).await?;
    let data = service.rows(&claim.run.recipe).await?;
    let reward_models = service.reward_models(&claim.run.recipe).await?;
    let judges = service.judges(&claim.run.recipe).await?;
    // Within a comparison, a run that chooses settings knows no held-out question, and a budget of labels is one of questions.
    let view = match queue.inner.store.comparison_of(&claim.run.id).await? {
        Some((experiment, part)) => view(&experiment, part.tunes()),
        None => View::default(),
    };
    let compute = queue.inner.config.compute.clone();
    Ok(Start { model, state, data, preferences, reward_models, judges, view, compute })
}

fn last_words(result: Result<(), Box<dyn Any + Send>>) -> String {
    let Err(payload) = result else { return "no reason given".into() };
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".into())
}
