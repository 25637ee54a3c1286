//! Table `feedback`: votes, each stored once however often it is sent.

use crate::codec::{json, parse};
use crate::{Store, StoreError};
use clicker_wire::{CheckpointId, Feedback, FeedbackFilter, FeedbackId, FeedbackKind, FeedbackRow};
use sqlx::FromRow;

/// What became of a list of votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// All are stored now (some may have been before).
    Stored,
    /// Nothing was stored: this id names another vote already.
    Conflict(FeedbackId),
}

#[derive(FromRow)]
struct VoteRow {
    position: i64,
    stored_ms: i64,
    content: String,
}

impl Store {
    /// Store votes, all or none.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn insert_feedback(&self, votes: &[Feedback], now_ms: i64) -> Result<Insertion, StoreError> {
        let mut tx = self.begin().await?;
        for vote in votes {
            let content = json("feedback", "content", vote)?;
            // The update changes nothing; it is there so that RETURNING gives the stored row in both cases.
            let stored: String = sqlx::query_scalar(
                "INSERT INTO feedback (id, kind, checkpoint, stored_ms, content) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING content",
            )
            .bind(vote.id.as_str())
            .bind(vote.body.kind().as_str())
            .bind(vote.checkpoint.as_str())
            .bind(now_ms)
            .bind(&content)
            .fetch_one(&mut *tx)
            .await
            .map_err(StoreError::sql("store a vote"))?;
            if stored != content {
                return Ok(Insertion::Conflict(vote.id.clone()));
            }
        }
        tx.commit().await.map_err(StoreError::sql("store votes"))?;
        Ok(Insertion::Stored)
    }

    /// Votes, newest first, at most `limit`. A `before` that names no vote gives none.
    ///
    /// # Errors
    /// A database that fails; a stored vote that cannot be read.
    pub async fn feedback(&self, filter: &FeedbackFilter, limit: u32) -> Result<Vec<FeedbackRow>, StoreError> {
        let rows: Vec<VoteRow> = sqlx::query_as(
            "SELECT position, stored_ms, content FROM feedback
             WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR checkpoint = ?2)
               AND (?3 IS NULL OR position < (SELECT position FROM feedback WHERE id = ?3))
             ORDER BY position DESC LIMIT ?4",
        )
        .bind(filter.kind.map(FeedbackKind::as_str))
        .bind(filter.checkpoint.as_ref().map(CheckpointId::as_str))
        .bind(filter.before.as_ref().map(FeedbackId::as_str))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(StoreError::sql("list votes"))?;
        rows.into_iter().map(|row| read(&row)).collect()
    }

    /// Votes in the order of storing, after a position (0 for the first), for reading all of them in pages: the votes and
    /// the position to go on from.
    ///
    /// # Errors
    /// A database that fails; a stored vote that cannot be read.
    pub async fn feedback_page(&self, after: i64, limit: u32) -> Result<(Vec<FeedbackRow>, i64), StoreError> {
        let rows: Vec<VoteRow> = sqlx::query_as(
            "SELECT position, stored_ms, content FROM feedback WHERE position > ?1 ORDER BY position LIMIT ?2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(StoreError::sql("read votes"))?;
        let last = rows.last().map_or(after, |row| row.position);
        Ok((rows.iter().map(read).collect::<Result<_, _>>()?, last))
    }
}

fn read(row: &VoteRow) -> Result<FeedbackRow, StoreError> {
    Ok(FeedbackRow { stored_ms: row.stored_ms, feedback: parse("feedback", "content", &row.content)? })
}
