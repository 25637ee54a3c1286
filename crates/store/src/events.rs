//! Table `events`: what happened in a run, numbered from 1 without gaps.

use crate::codec::{json, parse};
use crate::{Store, StoreError};
use clicker_wire::{Event, RunEvent, RunId};
use sqlx::{FromRow, SqliteConnection};

#[derive(FromRow)]
struct EventRow {
    seq: i64,
    at_ms: i64,
    event: String,
}

impl Store {
    /// The events of a run after a number, in order, at most `limit`.
    ///
    /// # Errors
    /// A database that fails; a stored event that cannot be read.
    pub async fn events(&self, run: &RunId, after: u64, limit: u32) -> Result<Vec<RunEvent>, StoreError> {
        let rows: Vec<EventRow> =
            sqlx::query_as("SELECT seq, at_ms, event FROM events WHERE run = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3")
                .bind(run.as_str())
                .bind(i64::try_from(after).unwrap_or(i64::MAX))
                .bind(limit)
                .fetch_all(&self.pool)
                .await
                .map_err(StoreError::sql("read events"))?;
        rows.into_iter()
            .map(|row| {
                let event = parse("events", "event", &row.event)?;
                Ok(RunEvent { seq: row.seq.unsigned_abs(), run: run.clone(), at_ms: row.at_ms, event })
            })
            .collect()
    }
}

/// Append events within a transaction. The transaction holds the write lock, so the numbers cannot collide.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    run: &RunId,
    at_ms: i64,
    events: &[Event],
) -> Result<(), StoreError> {
    let last: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM events WHERE run = ?1")
        .bind(run.as_str())
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::sql("number events"))?;
    for (event, seq) in events.iter().zip(last + 1..) {
        sqlx::query("INSERT INTO events (run, seq, at_ms, event) VALUES (?1, ?2, ?3, ?4)")
            .bind(run.as_str())
            .bind(seq)
            .bind(at_ms)
            .bind(json("events", "event", event)?)
            .execute(&mut *connection)
            .await
            .map_err(StoreError::sql("append an event"))?;
    }
    Ok(())
}
