//! Tables `reviews` and `review_decisions`: answers that wait for a person, and what people decided. Rows are never changed and
//! never removed.

use crate::codec::{json, parse, small};
use crate::{Store, StoreError};
use clicker_wire::{ReviewDecision, ReviewEntry, Reviewed};
use sqlx::FromRow;
use std::collections::BTreeMap;

/// What became of something that was sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filed {
    /// It is stored now.
    New,
    /// It was stored already, word for word.
    Known,
    /// Nothing was stored: its id names something else already.
    Conflict,
    /// Nothing was stored: it belongs to an entry that is not there.
    Orphan,
}

#[derive(FromRow)]
struct EntryRow {
    id: String,
    stored_ms: i64,
    content: String,
}

#[derive(FromRow)]
struct DecisionRow {
    review: String,
    content: String,
}

impl Store {
    /// Put an entry into the queue.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn insert_review(&self, entry: &ReviewEntry, now_ms: i64) -> Result<Filed, StoreError> {
        let content = json("reviews", "content", entry)?;
        let mut tx = self.begin().await?;
        let known: Option<String> = sqlx::query_scalar("SELECT content FROM reviews WHERE id = ?1")
            .bind(&entry.id)
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::sql("look for an entry"))?;
        if let Some(known) = known {
            return Ok(if known == content { Filed::Known } else { Filed::Conflict });
        }
        sqlx::query("INSERT INTO reviews (id, checkpoint, source, stored_ms, content) VALUES (?1, ?2, ?3, ?4, ?5)")
            .bind(&entry.id)
            .bind(entry.checkpoint.as_str())
            .bind(entry.source.as_str())
            .bind(now_ms)
            .bind(&content)
            .execute(&mut *tx)
            .await
            .map_err(StoreError::sql("file an entry"))?;
        tx.commit().await.map_err(StoreError::sql("file an entry"))?;
        Ok(Filed::New)
    }

    /// Store a decision. Sent again under the same id it is known, whenever it was decided.
    ///
    /// # Errors
    /// A database that fails; a stored decision that cannot be read.
    pub async fn insert_decision(&self, decision: &ReviewDecision) -> Result<Filed, StoreError> {
        let content = json("review_decisions", "content", decision)?;
        let mut tx = self.begin().await?;
        let known: Option<String> = sqlx::query_scalar("SELECT content FROM review_decisions WHERE id = ?1")
            .bind(&decision.id)
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::sql("look for a decision"))?;
        if let Some(known) = known {
            let known: ReviewDecision = parse("review_decisions", "content", &known)?;
            let same = ReviewDecision { decided_ms: decision.decided_ms, ..known } == *decision;
            return Ok(if same { Filed::Known } else { Filed::Conflict });
        }
        let entries: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM reviews WHERE id = ?1")
            .bind(&decision.review)
            .fetch_one(&mut *tx)
            .await
            .map_err(StoreError::sql("look for an entry"))?;
        if entries == 0 {
            return Ok(Filed::Orphan);
        }
        sqlx::query(
            "INSERT INTO review_decisions (id, review, reviewer, stored_ms, content) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .bind(&decision.id)
        .bind(&decision.review)
        .bind(&decision.reviewer)
        .bind(decision.decided_ms)
        .bind(&content)
        .execute(&mut *tx)
        .await
        .map_err(StoreError::sql("store a decision"))?;
        tx.commit().await.map_err(StoreError::sql("store a decision"))?;
        Ok(Filed::New)
    }

    /// One entry with its decisions.
    ///
    /// # Errors
    /// A database that fails; a stored row that cannot be read.
    pub async fn review(&self, id: &str) -> Result<Option<Reviewed>, StoreError> {
        let row: Option<EntryRow> = sqlx::query_as("SELECT id, stored_ms, content FROM reviews WHERE id = ?1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::sql("read an entry"))?;
        let Some(row) = row else { return Ok(None) };
        let rows: Vec<DecisionRow> =
            sqlx::query_as("SELECT review, content FROM review_decisions WHERE review = ?1 ORDER BY position")
                .bind(id)
                .fetch_all(&self.pool)
                .await
                .map_err(StoreError::sql("read an entry's decisions"))?;
        Ok(joined(vec![row], rows)?.pop())
    }

    /// All entries with their decisions, in the order of storing.
    ///
    /// # Errors
    /// A database that fails; a stored row that cannot be read.
    pub async fn reviews(&self) -> Result<Vec<Reviewed>, StoreError> {
        let rows: Vec<EntryRow> = sqlx::query_as("SELECT id, stored_ms, content FROM reviews ORDER BY position")
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::sql("list entries"))?;
        let decisions: Vec<DecisionRow> =
            sqlx::query_as("SELECT review, content FROM review_decisions ORDER BY position")
                .fetch_all(&self.pool)
                .await
                .map_err(StoreError::sql("list decisions"))?;
        joined(rows, decisions)
    }

    /// Entries that nobody has decided anything about.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn untouched_reviews(&self) -> Result<u32, StoreError> {
        let count: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM reviews WHERE id NOT IN (SELECT review FROM review_decisions)")
                .fetch_one(&self.pool)
                .await
                .map_err(StoreError::sql("count entries"))?;
        small("reviews", "position", count)
    }
}

/// Entries with each person's last decision, in the order in which these were stored.
fn joined(entries: Vec<EntryRow>, decisions: Vec<DecisionRow>) -> Result<Vec<Reviewed>, StoreError> {
    let mut of: BTreeMap<String, Vec<ReviewDecision>> = BTreeMap::new();
    for row in decisions {
        let decision: ReviewDecision = parse("review_decisions", "content", &row.content)?;
        let all = of.entry(row.review).or_default();
        all.retain(|earlier| (&earlier.reviewer, earlier.owner) != (&decision.reviewer, decision.owner));
        all.push(decision);
    }
    entries
        .into_iter()
        .map(|row| {
            let entry = parse("reviews", "content", &row.content)?;
            Ok(Reviewed { stored_ms: row.stored_ms, entry, decisions: of.remove(&row.id).unwrap_or_default() })
        })
        .collect()
}
