//! clicker-store

/// What went wrong in the database or the object store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error("the database failed while it was to {action}: {source}")]
    Sql {
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        source: sqlx::Error,
    },
}
