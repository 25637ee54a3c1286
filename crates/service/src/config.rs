//! What a service is made of: where it keeps things, what it trains with, and what time it is.

use clicker_lm::Compute;
use clicker_store::Backend;
use clicker_train::{Control, Outcome, Sink, Start};
use clicker_wire::{ModelShape, Recipe};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Runs a recipe, blocking: [`clicker_train::run`], or something quick in a test.
pub type Trainer =
    Arc<dyn Fn(&Recipe, Start, &mut dyn Sink, &dyn Fn() -> Control) -> Result<Outcome, String> + Send + Sync>;

/// Makes the browser's file of a master file: [`clicker_lm::weights::quantized_copy`], or something quick in a test.
pub type Quantizer = Arc<dyn Fn(&[u8]) -> Result<(Vec<u8>, ModelShape), String> + Send + Sync>;

/// Tells the time, Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a service is made of.
#[derive(Clone)]
pub struct ServiceConfig {
    /// Where database and objects are kept.
    pub backend: Backend,
    /// The built-in model as a GGUF master file; without one, runs start from checkpoints only.
    pub builtin_model: Option<Vec<u8>>,
    /// Whether this process trains. At most one process per data directory may.
    pub worker: bool,
    /// How long a worker may be silent before its run is given to another.
    pub lease: Duration,
    /// Where runs are trained.
    pub compute: Compute,
    /// How runs are trained.
    pub trainer: Trainer,
    /// How browser files are made.
    pub quantizer: Quantizer,
    /// What time it is.
    pub clock: Clock,
}

impl ServiceConfig {
    /// A service that keeps its things in a folder and trains for real.
    #[must_use]
    pub fn local(data_dir: PathBuf, builtin_model: Option<Vec<u8>>) -> Self {
        Self { backend: Backend::Local { dir: data_dir }, builtin_model, ..Self::memory() }
    }

    /// A service that forgets everything when it ends.
    #[must_use]
    pub fn memory() -> Self {
        Self {
            backend: Backend::Memory,
            builtin_model: None,
            worker: true,
            lease: Duration::from_secs(30),
            compute: Compute::cpu(),
            trainer: Arc::new(|recipe, start, sink, control| {
                clicker_train::run(recipe, &start, sink, control).map_err(|e| e.to_string())
            }),
            quantizer: Arc::new(|master| clicker_lm::weights::quantized_copy(master).map_err(|e| e.to_string())),
            clock: Arc::new(|| {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }),
        }
    }
}
