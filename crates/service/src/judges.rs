//! The models that have graded lately, loaded once each. Knows checkpoints, not graders.

use crate::{Service, ServiceError, judge::Seat};
use clicker_lm::{LoadedModel, Precision};
use clicker_store::{Digest, Key};
use clicker_wire::{CheckpointId, FileKind, Manifest};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// So many models stay in memory.
const KEPT: usize = 3;

/// So many graders run at a time: anybody may ask, and training and pages need the processor too.
const AT_ONCE: usize = 2;

/// The models, the one used last at the end.
pub(crate) struct Judges {
    /// Locked while a model is loaded, so that it is loaded once.
    kept: Mutex<VecDeque<(CheckpointId, Arc<LoadedModel>)>>,
    /// One permit per running grader.
    pub(crate) permits: Arc<Semaphore>,
}

impl Default for Judges {
    fn default() -> Self {
        Self { kept: Mutex::default(), permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Service {
    /// The model that judges under this name, or the reason why none does.
    ///
    /// # Errors
    /// A store that fails.
    pub(crate) async fn seat(&self, name: &str) -> Result<Result<Seat, String>, ServiceError> {
        let manifest = match name {
            "builtin" => self.inner.builtin.clone(),
            id => self.inner.store.checkpoint(&CheckpointId::from(id)).await?,
        };
        let Some(manifest) = manifest else {
            return Ok(Err(format!(
                "there is no model {name:?} on this server; a grader may name \"builtin\" (where the server has one) or the id \
                 of a checkpoint, as /api/checkpoints lists them"
            )));
        };
        let model = self.judging_model(&manifest).await?;
        Ok(model.map(|model| Seat { name: name.to_owned(), model }))
    }

    /// A checkpoint's full weights, from memory where they have been used lately, or the reason why they cannot be had.
    ///
    /// # Errors
    /// A store that fails.
    pub(crate) async fn judging_model(
        &self,
        manifest: &Manifest,
    ) -> Result<Result<Arc<LoadedModel>, String>, ServiceError> {
        let mut kept = self.inner.judges.kept.lock().await;
        if let Some(place) = kept.iter().position(|(id, _)| *id == manifest.id)
            && let Some(found) = kept.remove(place)
        {
            kept.push_back(found.clone());
            return Ok(Ok(found.1));
        }
        let model = match self.load_master(manifest).await? {
            Ok(model) => Arc::new(model),
            Err(reason) => return Ok(Err(reason)),
        };
        kept.push_back((manifest.id.clone(), Arc::clone(&model)));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        Ok(Ok(model))
    }

    /// A checkpoint's full weights, loaded anew, or the reason why they cannot be.
    ///
    /// # Errors
    /// A store that fails.
    pub(crate) async fn load_master(&self, manifest: &Manifest) -> Result<Result<LoadedModel, String>, ServiceError> {
        let Some(master) = manifest.file(FileKind::Master).and_then(|file| Digest::parse(&file.sha256)) else {
            return Ok(Err(format!("the checkpoint {} has no master file to load", manifest.id)));
        };
        let bytes = self.inner.store.objects.get(&Key::Object(master)).await?;
        match tokio::task::spawn_blocking(move || LoadedModel::from_gguf(&bytes, Precision::Full)).await {
            Ok(Ok(model)) => Ok(Ok(model)),
            Ok(Err(e)) => Ok(Err(format!("the checkpoint {} cannot be loaded: {e}", manifest.id))),
            Err(e) => Err(ServiceError::Grading { reason: e.to_string() }),
        }
    }
}
