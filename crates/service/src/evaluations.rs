//! Evaluations on the server: asked for, queued, done one at a time on a thread of their own beside training, kept with their reports.
//! One that a killed server left in the midst is done again from its beginning: it has no steps to go on from, and is seeded.

use crate::headless::threshold_of;
use crate::open::Inner;
use crate::{Service, ServiceError};
use clicker_dataset::World;
use clicker_lm::{LoadedModel, Precision};
use clicker_store::{Digest, Key};
use clicker_train::eval::spread;
use clicker_train::rollout::Language;
use clicker_train::suites::{Suite, SuiteOptions, further_rules, run};
use clicker_wire::{
    CheckpointId, ConfidenceSource, Evaluation, EvaluationOrder, EvaluationStatus, FileKind, Manifest, Split,
    SuiteReport,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Lists show at most this many.
const LIST: u32 = 200;
/// So many may wait.
const WAITING: usize = 20;
/// Most questions and answers per question of one evaluation.
const MOST: (u32, u32) = (2_000, 16);
/// An evaluation that has ended the server so often is not begun again.
const ATTEMPTS: u32 = 3;
/// Deep graphs are walked recursively.
const STACK: usize = 32 << 20;
/// Pause after an error of the database.
const RETRY: Duration = Duration::from_secs(5);
/// The world whose held-out questions are asked: the one that the built-in model comes from.
const WORLD: u64 = 1;

impl Service {
    /// Queue an evaluation.
    ///
    /// # Errors
    /// An unknown checkpoint or suite, numbers out of range, a queue that is full; a store that fails.
    pub async fn start_evaluation(&self, order: EvaluationOrder) -> Result<Evaluation, ServiceError> {
        if self.is_closing() {
            return Err(ServiceError::ShuttingDown);
        }
        if Suite::named(&order.suite).is_none() {
            let names: Vec<&str> = Suite::ALL.iter().map(|(_, name, _)| *name).collect();
            return Err(ServiceError::invalid("suite", format!("`{}`", short(&order.suite)), names.join(", ")));
        }
        let (items, resamples) = MOST;
        if order.items > items {
            return Err(ServiceError::invalid(
                "items",
                order.items.to_string(),
                format!("at most {items}; 0 asks all"),
            ));
        }
        if order.resamples > resamples {
            return Err(ServiceError::invalid(
                "resamples",
                order.resamples.to_string(),
                format!("at most {resamples}"),
            ));
        }
        if !(order.alpha > 0.0 && order.alpha < 1.0) {
            return Err(ServiceError::invalid("alpha", order.alpha.to_string(), "a share, above 0 and below 1"));
        }
        self.ordered_checkpoint(&order).await?;
        let waiting = self.evaluations().await?.iter().filter(|e| e.status == EvaluationStatus::Queued).count();
        if waiting >= WAITING {
            let expected = "the ones before it to be done first";
            return Err(ServiceError::invalid("order", format!("{waiting} evaluations are waiting"), expected));
        }
        let evaluation = self.inner.store.insert_eval(&order, self.inner.now()).await?;
        self.inner.ordered.notify_one();
        Ok(evaluation)
    }

    /// The newest evaluations without their reports, newest first.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn evaluations(&self) -> Result<Vec<Evaluation>, ServiceError> {
        Ok(self.inner.store.evals(LIST).await?)
    }

    /// One evaluation with its report.
    ///
    /// # Errors
    /// There is none of this number; a store that fails.
    pub async fn evaluation(&self, id: i64) -> Result<Evaluation, ServiceError> {
        self.inner.store.eval(id).await?.ok_or_else(|| ServiceError::NotFound {
            what: "evaluation",
            id: id.to_string(),
            hint: "the list of evaluations names those that exist",
        })
    }

    /// The suites: name, and what it is for.
    #[must_use]
    pub fn suites(&self) -> Vec<(&'static str, &'static str)> {
        Suite::ALL.iter().map(|(_, name, about)| (*name, *about)).collect()
    }

    async fn ordered_checkpoint(&self, order: &EvaluationOrder) -> Result<Manifest, ServiceError> {
        if order.checkpoint == "builtin" {
            return self.builtin().await;
        }
        self.checkpoint(&CheckpointId(short(&order.checkpoint))).await
    }
}

/// At start: put back what a killed server left in the midst.
pub(crate) async fn recover(inner: &Inner) -> Result<(), ServiceError> {
    let (again, given_up) = inner.store.recover_evals(ATTEMPTS, inner.now()).await?;
    if again + given_up > 0 {
        tracing::info!(again, given_up, "evaluations were cut off by the end of the server");
    }
    Ok(())
}

/// Evaluate until the service ends. What is being done then is left to the next start.
pub(crate) async fn work(inner: Arc<Inner>) {
    let mut closing = inner.closing.subscribe();
    while !*closing.borrow_and_update() {
        let claimed = match inner.store.claim_eval(inner.now()).await {
            Ok(Some(claimed)) => claimed,
            Ok(None) => {
                tokio::select! {
                    () = inner.ordered.notified() => {}
                    _ = closing.changed() => {}
                }
                continue;
            }
            Err(e) => {
                tracing::error!("the evaluations cannot be read: {e}");
                tokio::select! {
                    () = tokio::time::sleep(RETRY) => {}
                    _ = closing.changed() => {}
                }
                continue;
            }
        };
        tracing::info!(id = claimed.id, suite = claimed.order.suite, "evaluation starts");
        let done = tokio::select! {
            done = evaluate(&inner, &claimed) => done,
            _ = closing.changed() => return,
        };
        let stored = match &done {
            Ok((report, checkpoint)) => {
                let ask = threshold_of(report, ConfidenceSource::Tokens).map(|ask| (checkpoint, ask));
                inner.store.finish_eval(&claimed, Ok((report, ask)), inner.now()).await
            }
            Err(error) => {
                tracing::warn!(id = claimed.id, "evaluation failed: {error}");
                inner.store.finish_eval(&claimed, Err(error), inner.now()).await
            }
        };
        match stored {
            Ok(_) => tracing::info!(id = claimed.id, "evaluation ends"),
            Err(e) => tracing::error!(id = claimed.id, "the evaluation could not be stored: {e}"),
        }
    }
}

/// Do one, or say why it cannot be done.
async fn evaluate(inner: &Arc<Inner>, claimed: &Evaluation) -> Result<(SuiteReport, CheckpointId), String> {
    let service = Service { inner: Arc::clone(inner) };
    let order = claimed.order.clone();
    let manifest = service.ordered_checkpoint(&order).await.map_err(|e| e.to_string())?;
    let master = manifest.file(FileKind::Master).and_then(|file| Digest::parse(&file.sha256));
    let master = master.ok_or_else(|| format!("{} has no master file", manifest.name))?;
    let bytes = inner.store.objects.get(&Key::Object(master)).await.map_err(|e| e.to_string())?;
    let (sender, receiver) = oneshot::channel();
    let name = manifest.name.clone();
    let thread = std::thread::Builder::new().name("evaluate".into()).stack_size(STACK).spawn(move || {
        // Nobody listens any more where the service has ended.
        let _ = sender.send(measure(&bytes, name, &order));
    });
    thread.map_err(|e| format!("no thread to evaluate on: {e}"))?;
    // The thread drops its end without a word where it panicked.
    let report = receiver.await.map_err(|_| "the evaluating thread panicked; the log says where".to_owned())??;
    Ok((report, manifest.id))
}

fn measure(bytes: &[u8], name: String, order: &EvaluationOrder) -> Result<SuiteReport, String> {
    let suite = Suite::named(&order.suite).ok_or_else(|| format!("there is no suite `{}`", order.suite))?;
    let model = LoadedModel::from_gguf(bytes, Precision::Full).map_err(|e| e.to_string())?;
    let language = Language::of(&model).map_err(|e| e.to_string())?;
    let world = World::new(WORLD);
    let items = spread(world.items(Split::Eval), order.items as usize);
    let options = SuiteOptions {
        model: name,
        seed: order.seed,
        resamples: order.resamples,
        alpha: order.alpha,
        further_rules: further_rules(&world, suite, Split::Eval),
        ..SuiteOptions::default()
    };
    run(suite, &model.snapshot, &language, &items, &options).map(|done| done.report).map_err(|e| e.to_string())
}

/// What a visitor wrote, for an error message.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}
