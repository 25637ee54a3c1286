//! Starting, pausing, resuming and stopping runs.

use crate::bench::{Gate, Told, config, is_status, is_step, recipe, state, story, trainer, until};
use clicker_service::{Service, ServiceError};
use clicker_wire::{Recipe, RunCommand, RunId, RunStatus};
use std::sync::Arc;
use tempfile::TempDir;

#[tokio::test]
async fn a_run_goes_through_all_its_steps_and_publishes_its_weights() {
    let dir = TempDir::new().expect("a folder");
    let (trainer, _told) = trainer(&Gate::open());
    let service = Service::open(config(&dir, trainer)).await.expect("opens");
    let run = service.start_run(recipe(3)).await.expect("starts");
    assert_eq!(run.status, RunStatus::Queued);
    let mut events = service.follow(&run.id, 0).await.expect("follows");
    until(&mut events, is_status(RunStatus::Succeeded)).await;
    let expected = ["queued", "running", "step 0", "step 1", "step 2", "step 3", "checkpoint 3", "succeeded"];
    assert_eq!(story(&service, &run.id).await, expected);

    let run = service.run(&run.id).await.expect("is there");
    assert_eq!((run.status, run.step, run.eta_s, run.error), (RunStatus::Succeeded, 3, None, None));
    assert!(run.started_ms >= Some(run.created_ms) && run.ended_ms >= run.started_ms);
    let published = service.run_checkpoints(&run.id).await.expect("lists");
    assert_eq!(published.len(), 1);
    assert_eq!((Some(&published[0].id), published[0].name.as_str()), (run.checkpoint.as_ref(), "test, step 3"));
    for file in &published[0].files {
        assert_eq!(service.object_size(&file.sha256).await.expect("is there"), file.bytes);
    }
    // The stored weights are what the next run can begin with.
    let next = Recipe { model: published[0].id.to_string(), ..recipe(1) };
    service.start_run(next).await.expect("starts");
}

#[tokio::test]
async fn a_run_pauses_after_its_step_resumes_there_and_stops() {
    let dir = TempDir::new().expect("a folder");
    let gate = Gate::default();
    let (trainer, mut told) = trainer(&gate);
    let service = Service::open(config(&dir, trainer)).await.expect("opens");
    let run = service.start_run(recipe(9)).await.expect("starts").id;
    let mut events = service.follow(&run, 0).await.expect("follows");
    gate.allow(2);
    until(&mut events, is_step(1)).await;
    gate.asked(3).await;
    assert_eq!(service.command(&run, RunCommand::Pause).await.expect("obeys").status, RunStatus::Running);
    gate.allow(1);
    until(&mut events, is_status(RunStatus::Paused)).await;
    assert_eq!(service.run(&run).await.expect("is there").step, 2);

    assert_eq!(service.command(&run, RunCommand::Resume).await.expect("obeys").id, run);
    gate.allow(1);
    until(&mut events, is_step(3)).await;
    assert_eq!(told.recv().await, Some(Told::Start(None)));
    assert_eq!(told.recv().await, Some(Told::Start(Some(state(2)))));

    gate.asked(5).await;
    service.command(&run, RunCommand::Stop).await.expect("obeys");
    gate.allow(1);
    until(&mut events, is_status(RunStatus::Stopped)).await;
    let again = service.command(&run, RunCommand::Resume).await;
    assert!(matches!(again, Err(ServiceError::RunState { status: RunStatus::Stopped, .. })));
    let expected = [
        "queued", "running", "step 0", "step 1", "step 2", "paused", "queued", "running", "step 3", "step 4", "stopped",
    ];
    assert_eq!(story(&service, &run).await, expected);
}

#[tokio::test]
async fn a_waiting_run_obeys_at_once() {
    let dir = TempDir::new().expect("a folder");
    let (trainer, _told) = trainer(&Gate::default());
    let service =
        Service::open(clicker_service::ServiceConfig { worker: false, ..config(&dir, trainer) }).await.expect("opens");
    let run = service.start_run(recipe(1)).await.expect("starts").id;
    for (command, status) in [
        (RunCommand::Resume, RunStatus::Queued),
        (RunCommand::Pause, RunStatus::Paused),
        (RunCommand::Pause, RunStatus::Paused),
        (RunCommand::Resume, RunStatus::Queued),
        (RunCommand::Stop, RunStatus::Stopped),
        (RunCommand::Stop, RunStatus::Stopped),
    ] {
        assert_eq!(service.command(&run, command).await.expect("obeys").status, status);
    }
}

#[tokio::test]
async fn an_error_and_a_panic_fail_the_run_with_their_words() {
    let dir = TempDir::new().expect("a folder");
    let trainer: clicker_service::Trainer = Arc::new(|recipe, _, _, _| match recipe.steps {
        1 => Err("the learning rate is not a number".into()),
        _ => panic!("index 7 of 7"),
    });
    let service = Service::open(config(&dir, trainer)).await.expect("opens");
    for (steps, words) in [(1, "the learning rate is not a number"), (2, "index 7 of 7")] {
        let run = service.start_run(recipe(steps)).await.expect("starts").id;
        until(&mut service.follow(&run, 0).await.expect("follows"), is_status(RunStatus::Failed)).await;
        let error = service.run(&run).await.expect("is there").error.expect("an error");
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_work_is_refused_before_it_is_queued() {
    let dir = TempDir::new().expect("a folder");
    let (trainer, _told) = trainer(&Gate::open());
    let service = Service::open(config(&dir, trainer)).await.expect("opens");
    let mut lonely = recipe(1);
    lonely.rollout.group_size = 1;
    let nowhere = Recipe { model: "../../etc/passwd".into(), ..recipe(1) };
    let nameless = Recipe { name: "  ".into(), ..recipe(1) };
    for bad in [recipe(0), lonely, nowhere, nameless] {
        let refused = service.start_run(bad).await;
        assert!(matches!(refused, Err(ServiceError::Invalid { .. } | ServiceError::Recipe { .. })), "{refused:?}");
    }
    assert!(service.runs().await.expect("lists").is_empty());
    let missing = service.command(&RunId::from("nothing"), RunCommand::Stop).await;
    assert!(matches!(missing, Err(ServiceError::NotFound { what: "run", .. })));
}
