//! Following a run from any place, without gaps and without repeats.

use crate::bench::{Gate, config, is_status, is_step, recipe, trainer, until};
use clicker_service::{Service, ServiceError};
use clicker_wire::{RunId, RunStatus};
use futures::StreamExt;
use tempfile::TempDir;

#[tokio::test]
async fn a_follower_gets_what_was_what_comes_and_an_end() {
    let dir = TempDir::new().expect("a folder");
    let gate = Gate::default();
    let (trainer, _told) = trainer(&gate);
    let service = Service::open(config(&dir, trainer)).await.expect("opens");
    let run = service.start_run(recipe(300)).await.expect("starts").id;
    let mut first = service.follow(&run, 0).await.expect("follows");
    gate.allow(2);
    let mut seen = until(&mut first, is_step(1)).await;
    // A second one begins in the middle, a third beyond the end, while the run goes on.
    let mut second = service.follow(&run, 3).await.expect("follows");
    let third = service.follow(&run, 10_000).await.expect("follows");
    gate.allow(1000);
    seen.extend(until(&mut first, is_status(RunStatus::Succeeded)).await);
    let later = until(&mut second, is_status(RunStatus::Succeeded)).await;
    assert_eq!(seen.iter().map(|e| e.seq).collect::<Vec<_>>(), (1..=seen.len() as u64).collect::<Vec<_>>());
    assert_eq!(later, seen[3..]);
    assert_eq!(seen, service.run_events(&run, 0).await.expect("reads"));
    assert!(first.next().await.is_none(), "after a final status there is nothing");
    assert!(second.next().await.is_none());
    assert_eq!(third.count().await, 0);
}

#[tokio::test]
async fn a_finished_run_is_replayed_and_ends() {
    let dir = TempDir::new().expect("a folder");
    let (trainer, _told) = trainer(&Gate::open());
    let service = Service::open(config(&dir, trainer)).await.expect("opens");
    let run = service.start_run(recipe(2)).await.expect("starts").id;
    until(&mut service.follow(&run, 0).await.expect("follows"), is_status(RunStatus::Succeeded)).await;
    let all = service.run_events(&run, 0).await.expect("reads");
    for after in 0..=all.len() {
        let events: Vec<_> = service.follow(&run, after as u64).await.expect("follows").collect().await;
        let events: Vec<_> = events.into_iter().map(|e| e.expect("an event")).collect();
        assert_eq!(events, all[after..]);
    }
    let missing = service.follow(&RunId::from("nothing"), 0).await;
    assert!(matches!(missing, Err(ServiceError::NotFound { .. })));
}

#[tokio::test]
async fn followers_are_let_go_when_the_service_ends() {
    let dir = TempDir::new().expect("a folder");
    let gate = Gate::default();
    let (trainer, _told) = trainer(&gate);
    let service = Service::open(config(&dir, trainer)).await.expect("opens");
    let run = service.start_run(recipe(2)).await.expect("starts").id;
    let mut events = service.follow(&run, 0).await.expect("follows");
    until(&mut events, is_status(RunStatus::Running)).await;
    service.begin_shutdown();
    assert!(events.next().await.is_none());
}
