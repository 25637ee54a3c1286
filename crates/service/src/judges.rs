//! The models that have judged or explained lately, loaded once each. Knows checkpoints, not graders.

use crate::judge::{Panel, Seat};
use crate::{Service, ServiceError};
use bytes::Bytes;
use clicker_lm::{LoadedModel, Precision};
use clicker_store::{Digest, Key};
use clicker_train::judging::JudgeModel;
use clicker_wire::{CheckpointId, FileKind, Manifest};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// So many models stay in memory.
const KEPT: usize = 3;

/// So many graders run at a time: anybody may ask, and training and pages need the processor too.
const AT_ONCE: usize = 2;

/// The models that were used lately. Both lists are locked while a model is loaded, so that it is loaded once.
pub(crate) struct Judges {
    /// With full weights, for explanations.
    masters: Mutex<Recent<LoadedModel>>,
    /// As browsers have them, for graders.
    engines: Mutex<Recent<JudgeModel>>,
    /// One permit per running grader.
    pub(crate) permits: Arc<Semaphore>,
}

/// Some models, the one used last at the end.
struct Recent<M>(VecDeque<(CheckpointId, Arc<M>)>);

impl<M> Default for Recent<M> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<M> Recent<M> {
    fn get(&mut self, id: &CheckpointId) -> Option<Arc<M>> {
        let place = self.0.iter().position(|(known, _)| known == id)?;
        let found = self.0.remove(place)?;
        self.0.push_back(found.clone());
        Some(found.1)
    }

    fn keep(&mut self, id: CheckpointId, model: M) -> Arc<M> {
        let model = Arc::new(model);
        self.0.push_back((id, Arc::clone(&model)));
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
        model
    }
}

impl Default for Judges {
    fn default() -> Self {
        Self { masters: Mutex::default(), engines: Mutex::default(), permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Service {
    /// The model that judges under this name, or the reason why none does. It is the engine on the file that browsers get, so that
    /// a grader says here what it says in a tab.
    ///
    /// # Errors
    /// A store that fails.
    pub(crate) async fn seat(&self, name: &str) -> Result<Result<Seat, String>, ServiceError> {
        let manifest = match self.judge_named(name).await? {
            Ok(manifest) => manifest,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut engines = self.inner.judges.engines.lock().await;
        let model = match engines.get(&manifest.id) {
            Some(model) => model,
            None => {
                let bytes = match self.judge_file(&manifest).await? {
                    Ok(bytes) => bytes,
                    Err(reason) => return Ok(Err(reason)),
                };
                match tokio::task::spawn_blocking(move || JudgeModel::from_gguf(&bytes)).await {
                    Ok(Ok(model)) => engines.keep(manifest.id.clone(), model),
                    Ok(Err(e)) => return Ok(Err(format!("the checkpoint {} cannot be loaded: {e}", manifest.id))),
                    Err(e) => return Err(ServiceError::Grading { reason: e.to_string() }),
                }
            }
        };
        Ok(Ok(Seat { name: name.to_owned(), identity: manifest.id.0, model }))
    }

    /// Everybody whom a reward's graders ask.
    ///
    /// # Errors
    /// A store that fails.
    pub(crate) async fn panel(&self, names: impl IntoIterator<Item = String>) -> Result<Panel, ServiceError> {
        let mut seats = BTreeMap::new();
        for name in names {
            let seat = self.seat(&name).await?;
            seats.insert(name, seat);
        }
        Ok(Panel { seats })
    }

    /// The checkpoint that a grader means by this name, or the reason why there is none.
    ///
    /// # Errors
    /// A store that fails.
    pub(crate) async fn judge_named(&self, name: &str) -> Result<Result<Manifest, String>, ServiceError> {
        let manifest = match name {
            "builtin" => self.inner.builtin.clone(),
            id => self.inner.store.checkpoint(&CheckpointId::from(id)).await?,
        };
        Ok(manifest.ok_or_else(|| {
            format!(
                "there is no model {name:?} on this server; a grader may name \"builtin\" (where the server has one) or the id \
                 of a checkpoint, as /api/checkpoints lists them"
            )
        }))
    }

    /// The file of a checkpoint that a judge runs on, or the reason why it has none.
    ///
    /// # Errors
    /// A store that fails.
    pub(crate) async fn judge_file(&self, manifest: &Manifest) -> Result<Result<Bytes, String>, ServiceError> {
        let file = manifest.file(FileKind::Browser).and_then(|file| Digest::parse(&file.sha256));
        let Some(digest) = file else {
            return Ok(Err(format!("the checkpoint {} has no file for browsers, which a judge runs on", manifest.id)));
        };
        Ok(Ok(self.inner.store.objects.get(&Key::Object(digest)).await?))
    }

    /// A checkpoint's full weights, from memory where they have been used lately, or the reason why they cannot be had.
    ///
    /// # Errors
    /// A store that fails.
    pub(crate) async fn judging_model(
        &self,
        manifest: &Manifest,
    ) -> Result<Result<Arc<LoadedModel>, String>, ServiceError> {
        let mut masters = self.inner.judges.masters.lock().await;
        if let Some(found) = masters.get(&manifest.id) {
            return Ok(Ok(found));
        }
        Ok(self.load_master(manifest).await?.map(|model| masters.keep(manifest.id.clone(), model)))
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
