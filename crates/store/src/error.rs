//! What can go wrong below the use cases.

/// What went wrong in the database or the object store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error("the database failed while it was to {action}: {source}")]
    Sql {
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error(
        "the database schema could not be brought up to date: {source}; was this data directory written by a newer version?"
    )]
    Migrate {
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// The data directory cannot be used.
    #[error("the data directory {path} cannot be used: {reason}")]
    DataDir {
        /// The directory.
        path: String,
        /// Why.
        reason: String,
    },
    /// A stored value cannot be read.
    #[error("table {table} holds a {column} that cannot be read: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Why.
        reason: String,
    },
    /// There is no object under this key.
    #[error("there is no object {key}")]
    MissingObject {
        /// The key.
        key: String,
    },
    /// Bytes are not what their name says.
    #[error("object {key} holds bytes with sha256 {found}; expected {expected}: the file is damaged")]
    WrongHash {
        /// The key.
        key: String,
        /// What the name promises.
        expected: String,
        /// What the bytes are.
        found: String,
    },
    /// The object store failed.
    #[error("object {key} could not be {action}: {reason}")]
    Object {
        /// The key.
        key: String,
        /// What was being done, as a participle.
        action: &'static str,
        /// Why it failed.
        reason: String,
    },
    /// Another worker holds the run now.
    #[error("run {run} is no longer leased to worker {worker}; nothing of this step was stored")]
    LeaseLost {
        /// The run.
        run: String,
        /// Who thought to hold it.
        worker: String,
    },
    /// A step came out of order.
    #[error("step {given} of run {run} cannot follow step {last}; steps come in rising order")]
    StepOrder {
        /// The run.
        run: String,
        /// The last committed step.
        last: u32,
        /// What was given.
        given: u32,
    },
}

impl StoreError {
    /// For `map_err` on a query.
    pub(crate) fn sql(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Sql { action, source }
    }
}
