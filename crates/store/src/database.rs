//! Opening the database: pragmas, pool, migrations.

use crate::{Objects, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};
use std::path::PathBuf;
use std::time::Duration;

/// Where things are kept.
#[derive(Clone, Debug)]
pub enum Backend {
    /// A data directory: `clicker.db`, `objects/`, `runs/`.
    Local {
        /// The directory; created if it is not there.
        dir: PathBuf,
    },
    /// Nothing outlives the process: for tests.
    Memory,
}

/// Database and objects; cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: SqlitePool,
    /// The bytes beside the database.
    pub objects: Objects,
}

impl Store {
    /// Open (or create) the store and bring its schema up to date.
    ///
    /// # Errors
    /// A directory that cannot be written, a database that cannot be opened, a schema from a newer version.
    pub async fn open(backend: &Backend) -> Result<Self, StoreError> {
        let (pool, objects) = match backend {
            Backend::Local { dir } => {
                let unusable =
                    |e: std::io::Error| StoreError::DataDir { path: dir.display().to_string(), reason: e.to_string() };
                tokio::fs::create_dir_all(dir).await.map_err(unusable)?;
                let options = options().filename(dir.join("clicker.db")).create_if_missing(true);
                // SQLite has one writer at a time; a few connections let readers go on beside it.
                let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await;
                (pool, Objects::local(dir)?)
            }
            Backend::Memory => {
                // The database lives in its one connection, so that connection must never be dropped.
                let pool = SqlitePoolOptions::new().min_connections(1).max_connections(1);
                let pool = pool.idle_timeout(None).max_lifetime(None);
                (pool.connect_with(options().in_memory(true)).await, Objects::memory())
            }
        };
        let pool = pool.map_err(StoreError::sql("open"))?;
        sqlx::migrate!("./migrations").run(&pool).await.map_err(|source| StoreError::Migrate { source })?;
        Ok(Self { pool, objects })
    }

    /// Wait for open statements and close all connections, so that the write-ahead log is folded into the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Begin a transaction that will write. `IMMEDIATE` takes the write lock at once, so that what it reads cannot
    /// change before it writes (and SQLite cannot refuse the upgrade halfway).
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(StoreError::sql("begin a transaction"))
    }
}

/// WAL lets pages read while the trainer writes. `synchronous = FULL` syncs the log at every commit: an acknowledged vote
/// survives a power cut, and at a few commits a second the price is nothing beside a training step.
fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
}
