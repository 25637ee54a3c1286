//! The bytes beside the database. Every path comes from a [`Key`]; nobody formats one by hand.

use crate::{Digest, StoreError};
use bytes::Bytes;
use clicker_wire::RunId;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload};
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// The name of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Immutable bytes under their own sha256.
    Object(Digest),
    /// Where a run stands after a step; replaced by the next step's.
    RunState(RunId, u32),
}

impl Key {
    /// Where it lies, relative to the root of the store.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Object(digest) => {
                let hex = digest.to_string();
                // Two digits of fan-out keep folders small enough to list.
                format!("objects/{}/{hex}", &hex[..2])
            }
            Self::RunState(run, step) => format!("{}/{step}", state_folder(run)),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

/// Part of an object, as it is read.
pub struct ObjectRead {
    /// Size of the whole object in bytes.
    pub size: u64,
    /// The bytes that come.
    pub range: Range<u64>,
    /// The bytes.
    pub stream: BoxStream<'static, Result<Bytes, StoreError>>,
}

/// The object store.
#[derive(Clone)]
pub struct Objects {
    /// For immutable objects: writes are synced to disk.
    durable: Arc<dyn ObjectStore>,
    /// For run states, which are replaced every step: atomic, but not synced, because tens of megabytes a step would be
    /// felt on a slow disk. A kill loses nothing; after a power cut the hash in the database tells.
    quick: Arc<dyn ObjectStore>,
    /// Folder of the local backend.
    root: Option<PathBuf>,
}

impl Objects {
    /// Objects in a folder that exists.
    pub(crate) fn local(root: &std::path::Path) -> Result<Self, StoreError> {
        let open = |fsync| {
            LocalFileSystem::new_with_prefix(root)
                .map(|store| store.with_fsync(fsync))
                .map_err(|e| StoreError::DataDir { path: root.display().to_string(), reason: e.to_string() })
        };
        Ok(Self { durable: Arc::new(open(true)?), quick: Arc::new(open(false)?), root: Some(root.to_owned()) })
    }

    /// Objects in memory.
    pub(crate) fn memory() -> Self {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        Self { durable: Arc::clone(&store), quick: store, root: None }
    }

    /// Store bytes under a key: all or nothing. Content-addressed bytes must have the hash that their key says.
    ///
    /// # Errors
    /// A wrong hash; a store that cannot be written.
    pub async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        let store = match key {
            Key::Object(digest) => {
                verify(key, *digest, &bytes)?;
                &self.durable
            }
            Key::RunState(..) => &self.quick,
        };
        store.put(&path(key), PutPayload::from(bytes)).await.map_err(failed(key, "written"))?;
        Ok(())
    }

    /// Store immutable bytes under their hash; bytes that are there already are not written again.
    ///
    /// # Errors
    /// A store that cannot be read or written.
    pub async fn put_content(&self, bytes: Bytes) -> Result<Digest, StoreError> {
        let digest = Digest::of(&bytes);
        if self.size(&Key::Object(digest)).await? == Some(bytes.len() as u64) {
            return Ok(digest);
        }
        let key = Key::Object(digest);
        self.durable.put(&path(&key), PutPayload::from(bytes)).await.map_err(failed(&key, "written"))?;
        Ok(digest)
    }

    /// All bytes of an object; content-addressed ones are verified.
    ///
    /// # Errors
    /// No such object; damaged bytes; a store that cannot be read.
    pub async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        let result = self.durable.get(&path(key)).await.map_err(failed(key, "read"))?;
        let bytes = result.bytes().await.map_err(failed(key, "read"))?;
        if let Key::Object(digest) = key {
            verify(key, *digest, &bytes)?;
        }
        Ok(bytes)
    }

    /// A run's state, verified against the hash that was committed with it.
    ///
    /// # Errors
    /// No such object; damaged bytes; a store that cannot be read.
    pub async fn get_verified(&self, key: &Key, expected: Digest) -> Result<Bytes, StoreError> {
        let bytes = self.get(key).await?;
        verify(key, expected, &bytes)?;
        Ok(bytes)
    }

    /// Size of an object in bytes, none where there is none.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        match self.durable.head(&path(key)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(failed(key, "found")(e)),
        }
    }

    /// Read an object piece by piece, all of it or a range (end exclusive, within the object). Not verified here: a
    /// reader of pieces has to hash what it gets.
    ///
    /// # Errors
    /// No such object; a range outside of it; a store that cannot be read.
    pub async fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<ObjectRead, StoreError> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let result = self.durable.get_opts(&path(key), options).await.map_err(failed(key, "read"))?;
        let (size, range, key) = (result.meta.size, result.range.clone(), key.clone());
        let stream = result.into_stream().map_err(move |e| failed(&key, "read")(e)).boxed();
        Ok(ObjectRead { size, range, stream })
    }

    /// Delete an object; that it is gone already is fine.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        match self.durable.delete(&path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(failed(key, "deleted")(e)),
        }
    }

    /// Delete every state of a run but one: what a kill left between writing an object and committing it. The caller
    /// must hold the run.
    ///
    /// # Errors
    /// A store that cannot be read or written.
    pub async fn sweep_states(&self, run: &RunId, keep: Option<u32>) -> Result<(), StoreError> {
        let folder = state_folder(run);
        let keep = keep.map(|step| Key::RunState(run.clone(), step).path());
        let listed: Vec<_> = self
            .quick
            .list(Some(&Path::from(folder.as_str())))
            .try_collect()
            .await
            .map_err(|e| StoreError::Object { key: folder.clone(), action: "listed", reason: e.to_string() })?;
        for meta in listed.iter().filter(|meta| Some(meta.location.as_ref()) != keep.as_deref()) {
            self.quick.delete(&meta.location).await.map_err(|e| StoreError::Object {
                key: meta.location.to_string(),
                action: "deleted",
                reason: e.to_string(),
            })?;
        }
        if let Some(root) = &self.root {
            remove_staging(&root.join(folder)).await;
        }
        Ok(())
    }

    /// Delete what a kill left half-written among the immutable objects. Only for the one owner of a local folder.
    pub async fn sweep_staging(&self) {
        let Some(root) = &self.root else { return };
        let Ok(mut folders) = tokio::fs::read_dir(root.join("objects")).await else { return };
        while let Ok(Some(folder)) = folders.next_entry().await {
            remove_staging(&folder.path()).await;
        }
    }
}

fn state_folder(run: &RunId) -> String {
    format!("runs/{run}/state")
}

fn path(key: &Key) -> Path {
    Path::from(key.path())
}

fn verify(key: &Key, expected: Digest, bytes: &[u8]) -> Result<(), StoreError> {
    let found = Digest::of(bytes);
    if found == expected {
        return Ok(());
    }
    Err(StoreError::WrongHash { key: key.path(), expected: expected.to_string(), found: found.to_string() })
}

fn failed(key: &Key, action: &'static str) -> impl FnOnce(object_store::Error) -> StoreError {
    let key = key.path();
    move |e| match e {
        object_store::Error::NotFound { .. } => StoreError::MissingObject { key },
        e => StoreError::Object { key, action, reason: e.to_string() },
    }
}

/// Remove the `name#1` files in which object_store stages a write before it renames it. Best effort: a leftover costs
/// space, never correctness.
async fn remove_staging(folder: &std::path::Path) {
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else { return };
    while let Ok(Some(entry)) = entries.next_entry().await {
        if entry.file_name().to_string_lossy().contains('#') {
            let _ = tokio::fs::remove_file(entry.path()).await;
        }
    }
}
