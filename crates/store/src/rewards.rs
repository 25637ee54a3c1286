//! Table `rewards`: rewards that people keep. Rows are never changed and never removed.

use crate::codec::{json, parse};
use crate::{Digest, Store, StoreError};
use clicker_wire::{NewRewardVersion, RewardVersion};
use sqlx::FromRow;

#[derive(FromRow)]
struct RewardRow {
    hash: String,
    name: String,
    note: String,
    saved_ms: i64,
    content: String,
}

impl Store {
    /// Keep a reward under the hash of its JSON. Keeping it again under the same name and note gives the first row.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn insert_reward(&self, new: &NewRewardVersion, now_ms: i64) -> Result<RewardVersion, StoreError> {
        let content = json("rewards", "content", &new.reward)?;
        let hash = Digest::of(content.as_bytes()).to_string();
        // The update changes nothing; it is there so that RETURNING gives the stored row in both cases.
        let row: RewardRow = sqlx::query_as(
            "INSERT INTO rewards (hash, name, note, saved_ms, content) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (hash, name, note) DO UPDATE SET hash = excluded.hash
             RETURNING hash, name, note, saved_ms, content",
        )
        .bind(&hash)
        .bind(&new.name)
        .bind(&new.note)
        .bind(now_ms)
        .bind(&content)
        .fetch_one(&self.pool)
        .await
        .map_err(StoreError::sql("keep a reward"))?;
        read(row)
    }

    /// Kept rewards, newest first, at most `limit`.
    ///
    /// # Errors
    /// A database that fails; a stored reward that cannot be read.
    pub async fn rewards(&self, limit: u32) -> Result<Vec<RewardVersion>, StoreError> {
        let rows: Vec<RewardRow> =
            sqlx::query_as("SELECT hash, name, note, saved_ms, content FROM rewards ORDER BY position DESC LIMIT ?1")
                .bind(limit)
                .fetch_all(&self.pool)
                .await
                .map_err(StoreError::sql("list rewards"))?;
        rows.into_iter().map(read).collect()
    }

    /// The newest reward of a hash.
    ///
    /// # Errors
    /// A database that fails; a stored reward that cannot be read.
    pub async fn reward(&self, hash: &str) -> Result<Option<RewardVersion>, StoreError> {
        let row: Option<RewardRow> = sqlx::query_as(
            "SELECT hash, name, note, saved_ms, content FROM rewards WHERE hash = ?1 ORDER BY position DESC LIMIT 1",
        )
        .bind(hash)
        .fetch_optional(&self.pool)
        .await
        .map_err(StoreError::sql("read a reward"))?;
        row.map(read).transpose()
    }
}

fn read(row: RewardRow) -> Result<RewardVersion, StoreError> {
    let reward = parse("rewards", "content", &row.content)?;
    Ok(RewardVersion { hash: row.hash, name: row.name, note: row.note, saved_ms: row.saved_ms, reward })
}
