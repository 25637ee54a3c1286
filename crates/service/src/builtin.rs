//! Publishing the built-in model: its master file and the browser's file made from it, once per content.

use crate::{ServiceConfig, ServiceError};
use bytes::Bytes;
use clicker_store::{Digest, Key, Store};
use clicker_wire::{CheckpointFile, CheckpointId, FileKind, Manifest};
use std::sync::Arc;

/// Publish the configured model. The second start finds everything by its hash and computes nothing but that hash.
pub(crate) async fn publish(store: &Store, config: &ServiceConfig) -> Result<Option<Manifest>, ServiceError> {
    let Some(master) = config.builtin_model.clone() else { return Ok(None) };
    let failed = |reason: String| ServiceError::Model { reason };
    let master = Bytes::from(master);
    let digest = Digest::of(&master);
    let id = CheckpointId(digest.to_string());
    if let Some(known) = store.checkpoint(&id).await?
        && is_complete(store, &known).await?
    {
        return Ok(Some(known));
    }
    let (quantizer, bytes) = (Arc::clone(&config.quantizer), master.clone());
    let (browser, shape) = tokio::task::spawn_blocking(move || quantizer(&bytes))
        .await
        .map_err(|e| failed(e.to_string()))?
        .map_err(failed)?;
    let browser_bytes = browser.len() as u64;
    let files = vec![
        CheckpointFile { kind: FileKind::Master, sha256: digest.to_string(), bytes: master.len() as u64 },
        CheckpointFile {
            kind: FileKind::Browser,
            sha256: store.objects.put_content(browser.into()).await?.to_string(),
            bytes: browser_bytes,
        },
    ];
    store.objects.put_content(master).await?;
    let manifest = Manifest {
        id,
        name: "builtin".into(),
        run: None,
        step: 0,
        created_ms: (config.clock)(),
        shape,
        files,
        principles: Vec::new(),
        ask_below: None,
    };
    store.insert_checkpoint(&manifest).await?;
    Ok(Some(manifest))
}

/// Whether all files of a manifest are there (somebody may have emptied the folder but kept the database).
async fn is_complete(store: &Store, manifest: &Manifest) -> Result<bool, ServiceError> {
    for file in &manifest.files {
        let Some(digest) = Digest::parse(&file.sha256) else { return Ok(false) };
        if store.objects.size(&Key::Object(digest)).await? != Some(file.bytes) {
            return Ok(false);
        }
    }
    Ok(true)
}
