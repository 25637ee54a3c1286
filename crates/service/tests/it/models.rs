//! The built-in model, its objects, the world's questions and the presets.

use crate::bench::{Gate, config, shape, trainer};
use clicker_service::{Service, ServiceConfig, ServiceError};
use clicker_wire::{Domain, FileKind};
use futures::TryStreamExt;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

#[tokio::test]
async fn the_builtin_model_is_made_ready_once() {
    let dir = TempDir::new().expect("a folder");
    let made = Arc::new(AtomicU32::new(0));
    let open = async || {
        let (trainer, _told) = trainer(&Gate::open());
        let made = Arc::clone(&made);
        let quantizer = Arc::new(move |master: &[u8]| {
            made.fetch_add(1, Ordering::Relaxed);
            Ok(([b"small ", master].concat(), shape()))
        });
        Service::open(ServiceConfig { quantizer, ..config(&dir, trainer) }).await.expect("opens")
    };
    let service = open().await;
    let builtin = service.builtin().await.expect("a model");
    assert_eq!(service.checkpoint(&builtin.id).await.expect("is there"), builtin);
    let file = builtin.file(FileKind::Browser).expect("a browser file");
    let read = service.object(&file.sha256, Some(0..5)).await.expect("reads");
    assert_eq!((read.size, read.range.clone()), (file.bytes, 0..5));
    let bytes: Vec<_> = read.stream.try_collect().await.expect("bytes");
    assert_eq!(bytes.concat(), b"small");
    service.shutdown().await;
    drop(service);

    let service = open().await;
    assert_eq!(service.builtin().await.expect("a model"), builtin);
    assert_eq!(service.checkpoints().await.expect("lists"), vec![builtin]);
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_server_without_a_model_says_so() {
    let service = Service::open(ServiceConfig::memory()).await.expect("opens");
    assert!(matches!(service.builtin().await, Err(ServiceError::NoBuiltin)));
    let recipe = service.presets().await.expect("presets").remove(0);
    assert!(matches!(service.start_run(recipe).await, Err(ServiceError::NoBuiltin)));
    assert!(matches!(service.object_size("../x").await, Err(ServiceError::NotFound { what: "object", .. })));
}

#[tokio::test]
async fn the_offered_questions_are_varied_and_found_by_their_ids() {
    let service = Service::open(ServiceConfig::memory()).await.expect("opens");
    let items = service.world_items(None, 40).await.expect("questions");
    assert_eq!(items.len(), 40);
    let domains: BTreeSet<_> = items.iter().map(|item| item.domain).collect();
    assert_eq!(domains, Domain::WORLD.into_iter().collect());
    assert_eq!(service.world_items(None, 40).await.expect("questions"), items);
    assert_eq!(service.world_item(&items[7].id).await.expect("is there"), items[7]);
    let capitals = service.world_items(Some(Domain::Capitals), 10).await.expect("questions");
    assert!(capitals.len() == 10 && capitals.iter().all(|item| item.domain == Domain::Capitals));
}
