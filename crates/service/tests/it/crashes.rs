//! Kills and shutdowns: nothing committed is lost, nothing half-done is seen.

use crate::bench::{Gate, Told, config, is_status, is_step, recipe, state, story, trainer, until};
use clicker_service::{Service, ServiceConfig, ServiceError};
use clicker_store::{Backend, Digest, Key, StateRef, StepCommit, Store};
use clicker_wire::{Event, RunId, RunStatus};
use std::collections::BTreeMap;
use tempfile::TempDir;

async fn raw(dir: &TempDir) -> Store {
    Store::open(&Backend::Local { dir: dir.path().to_owned() }).await.expect("opens")
}

/// Leave a folder as a server leaves it that is killed after committing step 2 and writing the objects of step 3.
async fn killed_after_step_2(dir: &TempDir) -> RunId {
    let (trainer, _told) = trainer(&Gate::default());
    let service = Service::open(ServiceConfig { worker: false, ..config(dir, trainer) }).await.expect("opens");
    let run = service.start_run(recipe(4)).await.expect("starts").id;
    let (store, worker) = (raw(dir).await, "embedded-1-of-another-life");
    // Its lease has not run out, and will not for a long time.
    store.claim(worker, 0, i64::MAX).await.expect("claims").expect("the run");
    for step in 0..=3 {
        let bytes = bytes::Bytes::from(state(step));
        let state = StateRef { step, digest: Digest::of(&bytes) };
        store.objects.put(&Key::RunState(run.clone(), step), bytes).await.expect("stores");
        if step < 3 {
            let events = [Event::Metrics { step, values: BTreeMap::new() }];
            let commit =
                StepCommit { run: &run, worker, events: &events, state, checkpoint: None, eta_s: None, now_ms: 1 };
            store.commit_step(&commit).await.expect("commits");
        }
    }
    run
}

#[tokio::test]
async fn a_killed_run_goes_on_from_its_last_committed_step() {
    let dir = TempDir::new().expect("a folder");
    let run = killed_after_step_2(&dir).await;
    let gate = Gate::default();
    let (trainer, mut told) = trainer(&gate);
    let service = Service::open(config(&dir, trainer)).await.expect("opens");
    assert_eq!(told.recv().await, Some(Told::Start(Some(state(2)))));
    let folder = dir.path().join(format!("runs/{run}/state"));
    let names = || {
        let entries = std::fs::read_dir(&folder).expect("lists");
        entries.map(|e| e.expect("an entry").file_name().into_string().expect("text")).collect::<Vec<_>>()
    };
    assert_eq!(names(), ["2"], "what was never committed is swept up");
    gate.allow(9);
    until(&mut service.follow(&run, 0).await.expect("follows"), is_status(RunStatus::Succeeded)).await;
    let expected = [
        "queued",
        "running",
        "step 0",
        "step 1",
        "step 2",
        "queued",
        "running",
        "step 3",
        "step 4",
        "checkpoint 4",
        "succeeded",
    ];
    assert_eq!(story(&service, &run).await, expected);
    service.shutdown().await;
    assert!(names().is_empty(), "an ended run needs no state");
}

#[tokio::test]
async fn a_damaged_state_fails_the_run_instead_of_training_on_it() {
    let dir = TempDir::new().expect("a folder");
    let run = killed_after_step_2(&dir).await;
    std::fs::write(dir.path().join(Key::RunState(run.clone(), 2).path()), b"state after step 9").expect("damages it");
    let (trainer, _told) = trainer(&Gate::open());
    let service = Service::open(config(&dir, trainer)).await.expect("opens");
    until(&mut service.follow(&run, 0).await.expect("follows"), is_status(RunStatus::Failed)).await;
    let error = service.run(&run).await.expect("is there").error.expect("an error");
    assert!(error.contains("damaged"), "{error}");
}

#[tokio::test]
async fn a_shutdown_waits_for_the_step_and_the_next_start_goes_on() {
    let dir = TempDir::new().expect("a folder");
    let gate = Gate::default();
    let (first, _told) = trainer(&gate);
    let service = Service::open(config(&dir, first)).await.expect("opens");
    let run = service.start_run(recipe(3)).await.expect("starts").id;
    let mut events = service.follow(&run, 0).await.expect("follows");
    gate.allow(1);
    until(&mut events, is_step(0)).await;
    gate.asked(2).await;
    service.begin_shutdown();
    assert!(matches!(service.start_run(recipe(1)).await, Err(ServiceError::ShuttingDown)));
    gate.allow(1);
    service.shutdown().await;
    let stored = raw(&dir).await.run(&run).await.expect("reads").expect("is there");
    assert_eq!((stored.status, stored.step), (RunStatus::Queued, 1));
    drop((service, events));

    let (second, mut told) = trainer(&Gate::open());
    let service = Service::open(config(&dir, second)).await.expect("opens again");
    until(&mut service.follow(&run, 0).await.expect("follows"), is_status(RunStatus::Succeeded)).await;
    assert_eq!(told.recv().await, Some(Told::Start(Some(state(1)))));
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_stores_nothing_and_ends_nothing() {
    let dir = TempDir::new().expect("a folder");
    let gate = Gate::default();
    let (trainer, mut told) = trainer(&gate);
    let service = Service::open(config(&dir, trainer)).await.expect("opens");
    let run = service.start_run(recipe(3)).await.expect("starts").id;
    assert_eq!(told.recv().await, Some(Told::Start(None)));
    let store = raw(&dir).await;
    // As if this worker had slept through its lease.
    assert_eq!(store.take_back(None, i64::MAX).await.expect("takes"), vec![run.clone()]);
    let now = service.run(&run).await.expect("is there").created_ms;
    store.claim("remote", now, 1 << 40).await.expect("claims").expect("the run");
    gate.allow(1);
    assert!(matches!(told.recv().await, Some(Told::Refused(error)) if error.contains("no longer leased")));
    service.shutdown().await;
    let stored = store.run(&run).await.expect("reads").expect("is there");
    assert_eq!((stored.status, stored.step), (RunStatus::Running, 0));
    assert!(store.heartbeat(&run, "remote", now, 1).await.is_ok());
}

#[tokio::test]
async fn two_servers_do_not_train_on_one_folder() {
    let dir = TempDir::new().expect("a folder");
    let (trainer, _told) = trainer(&Gate::open());
    let service = Service::open(config(&dir, trainer.clone())).await.expect("opens");
    assert!(matches!(Service::open(config(&dir, trainer.clone())).await, Err(ServiceError::DataDirInUse { .. })));
    service.shutdown().await;
    drop(service);
    Service::open(config(&dir, trainer)).await.expect("opens when the first is gone");
}
