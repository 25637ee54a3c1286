//! The files of checkpoints, by hash.

use crate::{ObjectRead, Service, ServiceError};
use clicker_store::{Digest, Key, StoreError};
use std::ops::Range;

impl Service {
    /// Size of an object in bytes.
    ///
    /// # Errors
    /// There is none with this hash; a store that fails.
    pub async fn object_size(&self, sha256: &str) -> Result<u64, ServiceError> {
        let key = key(sha256)?;
        self.inner.store.objects.size(&key).await?.ok_or_else(|| missing(sha256))
    }

    /// Read an object piece by piece, all of it or a range (end exclusive, within the object).
    ///
    /// # Errors
    /// There is none with this hash; a store that fails.
    pub async fn object(&self, sha256: &str, range: Option<Range<u64>>) -> Result<ObjectRead, ServiceError> {
        match self.inner.store.objects.read(&key(sha256)?, range).await {
            Err(StoreError::MissingObject { .. }) => Err(missing(sha256)),
            other => Ok(other?),
        }
    }
}

fn key(sha256: &str) -> Result<Key, ServiceError> {
    Digest::parse(sha256).map(Key::Object).ok_or_else(|| missing(sha256))
}

fn missing(sha256: &str) -> ServiceError {
    ServiceError::NotFound {
        what: "object",
        id: sha256.to_owned(),
        hint: "an object is named by its sha256, 64 lower-case hex digits; a checkpoint's `files` list them",
    }
}
