//! Opening and closing a service.

use crate::judges::Judges;
use crate::queue::Queue;
use crate::{ServiceConfig, ServiceError, builtin, comparisons, evaluations, worker, world};
use clicker_store::{Backend, Store};
use clicker_wire::Manifest;
use std::fs::{File, TryLockError};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Every use case; cheap to clone.
#[derive(Clone)]
pub struct Service {
    pub(crate) inner: Arc<Inner>,
}

/// What the use cases share.
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) config: ServiceConfig,
    pub(crate) builtin: Option<Manifest>,
    pub(crate) world: OnceLock<world::Questions>,
    /// The models that have graded lately.
    pub(crate) judges: Judges,
    /// Counts writes to runs and events; followers wait for it to move and then read the database.
    pub(crate) changed: watch::Sender<u64>,
    /// Wakes the worker when a run was queued.
    pub(crate) queued: Notify,
    /// Wakes the evaluator when an evaluation was asked for.
    pub(crate) ordered: Notify,
    /// Becomes true once, when the service is to end.
    pub(crate) closing: watch::Sender<bool>,
    worker: Mutex<Option<JoinHandle<()>>>,
    /// Held while this process trains on a local data directory; the operating system frees it however the process ends.
    _lock: Option<File>,
}

impl Service {
    /// Open the store, publish the built-in model and, if asked to, start the worker. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// A data directory that cannot be used or that another server trains on; a built-in model that cannot be read.
    pub async fn open(config: ServiceConfig) -> Result<Self, ServiceError> {
        let store = Store::open(&config.backend).await?;
        let lock = if config.worker { lock(&config.backend)? } else { None };
        let builtin = builtin::publish(&store, &config).await?;
        let inner = Arc::new(Inner {
            store,
            builtin,
            world: OnceLock::new(),
            judges: Judges::default(),
            changed: watch::Sender::new(0),
            queued: Notify::new(),
            ordered: Notify::new(),
            closing: watch::Sender::new(false),
            worker: Mutex::new(None),
            _lock: lock,
            config,
        });
        if inner.config.worker {
            let queue = Queue::embedded(Arc::clone(&inner))?;
            queue.recover().await?;
            evaluations::recover(&inner).await?;
            let evaluator = evaluations::work(Arc::clone(&inner));
            let comparisons = comparisons::watch::watch(Arc::clone(&inner));
            // One task for all three: a service that has ended holds its folder no longer.
            let task = tokio::spawn(async move {
                tokio::join!(worker::work(queue), evaluator, comparisons);
            });
            *inner.worker.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        }
        Ok(Self { inner })
    }

    /// Whether the service is ending: followers are let go and the worker stops after its current step.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        *self.inner.closing.borrow()
    }

    /// Begin to end: let followers go, and ask the worker to stop after its current step.
    pub fn begin_shutdown(&self) {
        self.inner.closing.send_replace(true);
    }

    /// End: wait until the current step is stored and its run is back in the queue, then close the database.
    pub async fn shutdown(&self) {
        self.begin_shutdown();
        let task = self.inner.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(e) = task.await
        {
            tracing::error!("the worker ended badly: {e}");
        }
        self.inner.store.close().await;
    }
}

impl Inner {
    /// Unix milliseconds.
    pub(crate) fn now(&self) -> i64 {
        (self.config.clock)()
    }

    /// Tell followers that there is something new to read.
    pub(crate) fn announce(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

/// Take the data directory for this process's worker.
fn lock(backend: &Backend) -> Result<Option<File>, ServiceError> {
    let Backend::Local { dir } = backend else { return Ok(None) };
    let unusable = |e: std::io::Error| {
        ServiceError::Store(clicker_store::StoreError::DataDir {
            path: dir.display().to_string(),
            reason: e.to_string(),
        })
    };
    let file = File::options().create(true).append(true).open(dir.join("worker.lock")).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(ServiceError::DataDirInUse { path: dir.display().to_string() }),
        Err(TryLockError::Error(e)) => Err(unusable(e)),
    }
}
