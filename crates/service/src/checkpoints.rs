//! Published weights.

use crate::{Service, ServiceError};
use clicker_wire::{CheckpointId, Manifest};

/// Lists show at most this many.
const LIST: u32 = 500;

impl Service {
    /// The newest checkpoints, newest first; the built-in model among them.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn checkpoints(&self) -> Result<Vec<Manifest>, ServiceError> {
        Ok(self.inner.store.checkpoints(LIST).await?)
    }

    /// Those that answer questions, newest first: the words of a reward model, which only scores, mean nothing.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn answering_checkpoints(&self) -> Result<Vec<Manifest>, ServiceError> {
        Ok(self.inner.store.answering_checkpoints(LIST).await?)
    }

    /// One checkpoint.
    ///
    /// # Errors
    /// There is none with this id; a store that fails.
    pub async fn checkpoint(&self, id: &CheckpointId) -> Result<Manifest, ServiceError> {
        self.inner.store.checkpoint(id).await?.ok_or_else(|| ServiceError::NotFound {
            what: "checkpoint",
            id: id.to_string(),
            hint: "the list of checkpoints names those that exist",
        })
    }

    /// The built-in model, with what evaluations have said of it since the start.
    ///
    /// # Errors
    /// The server was started without one; a store that fails.
    pub async fn builtin(&self) -> Result<Manifest, ServiceError> {
        let known = self.inner.builtin.clone().ok_or(ServiceError::NoBuiltin)?;
        Ok(self.inner.store.checkpoint(&known.id).await?.unwrap_or(known))
    }
}
