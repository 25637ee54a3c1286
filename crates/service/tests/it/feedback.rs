//! Votes: once, never changed, well formed.

use crate::bench::{Gate, config, recipe, record, trainer, until};
use clicker_service::{Control, ExportFormat, Outcome, Service, ServiceError, Sink, Start};
use clicker_wire::{
    Algorithm, CheckpointId, Feedback, FeedbackBody, FeedbackFilter, FeedbackId, Item, PairChoice, Recipe, SampleRef,
    Sampling,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::mpsc;

fn vote(id: u32) -> Feedback {
    let sample = |sample| SampleRef { sample, text: format!("Answer {sample}."), logprob: -1.1 };
    Feedback {
        id: FeedbackId(format!("{id:032x}")),
        item: Item::free("What is the capital of France?"),
        checkpoint: CheckpointId("ab".repeat(32)),
        sampling: Sampling { seed: 7, ..Sampling::default() },
        body: FeedbackBody::Pair { a: sample(0), b: sample(1), choice: PairChoice::A },
        said_ms: 1,
        dwell_ms: 2,
        annotator: "someone".into(),
    }
}

async fn open(dir: &TempDir) -> Service {
    let (trainer, _told) = trainer(&Gate::open());
    Service::open(config(dir, trainer)).await.expect("opens")
}

#[tokio::test]
async fn a_vote_sent_again_is_stored_once_and_a_changed_one_is_refused() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir).await;
    let ids = service.submit_feedback(vec![vote(1), vote(2)]).await.expect("stores");
    assert_eq!(service.submit_feedback(vec![vote(2), vote(1)]).await.expect("stores").len(), ids.len());
    let changed = Feedback { dwell_ms: 3, ..vote(1) };
    let refused = service.submit_feedback(vec![vote(3), changed]).await;
    assert!(matches!(refused, Err(ServiceError::FeedbackConflict { id }) if id == vote(1).id.0));
    let rows = service.feedback(FeedbackFilter::default()).await.expect("lists");
    assert_eq!(rows.into_iter().map(|r| r.feedback).collect::<Vec<_>>(), vec![vote(2), vote(1)]);
}

#[tokio::test]
async fn a_malformed_vote_is_named_and_nothing_is_stored() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir).await;
    let blank = FeedbackBody::Correction {
        sample: SampleRef { sample: 0, text: "x".into(), logprob: -1.0 },
        corrected: " ".into(),
    };
    let long =
        FeedbackBody::Thumbs { sample: SampleRef { sample: 0, text: "x".repeat(20_000), logprob: -1.0 }, up: true };
    for (field, bad) in [
        ("id", Feedback { id: FeedbackId::from("ABC"), ..vote(1) }),
        ("checkpoint", Feedback { checkpoint: CheckpointId::from(""), ..vote(1) }),
        ("annotator", Feedback { annotator: "x".repeat(65), ..vote(1) }),
        ("item.messages", Feedback { item: Item { messages: Vec::new(), ..Item::free("") }, ..vote(1) }),
        ("item.messages", Feedback { item: Item::free("x".repeat(20_000)), ..vote(1) }),
        ("body.corrected", Feedback { body: blank, ..vote(1) }),
        ("body.sample", Feedback { body: long, ..vote(1) }),
    ] {
        match service.submit_feedback(vec![vote(9), bad]).await {
            Err(ServiceError::Invalid { field: named, .. }) => assert_eq!(named, format!("votes[1].{field}")),
            other => panic!("{field}: {other:?}"),
        }
    }
    assert!(service.feedback(FeedbackFilter::default()).await.expect("lists").is_empty());
}

#[tokio::test]
async fn lists_are_limited() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir).await;
    service.submit_feedback((0..150).map(vote).collect()).await.expect("stores");
    assert_eq!(service.feedback(FeedbackFilter::default()).await.expect("lists").len(), 100);
    let rest = FeedbackFilter { before: Some(vote(50).id), limit: Some(u32::MAX), ..Default::default() };
    assert_eq!(service.feedback(rest).await.expect("lists").len(), 50);
    let flood = service.submit_feedback((0..201).map(vote).collect()).await;
    assert!(matches!(flood, Err(ServiceError::Invalid { .. })));
}

#[tokio::test]
async fn all_votes_are_exported_in_their_order() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir).await;
    for batch in 0..6 {
        service.submit_feedback((0..200).map(|i| vote(batch * 200 + i)).collect()).await.expect("stores");
    }
    let export = service.export_feedback(ExportFormat::Preference).await.expect("exports");
    assert_eq!((export.counts.votes, export.counts.rows, export.jsonl.lines().count()), (1200, 1200, 1200));
    assert!(export.jsonl.lines().last().is_some_and(|line| line.contains(&vote(1199).id.0)));
    let none = service.export_feedback(ExportFormat::Unpaired).await.expect("exports");
    assert_eq!((none.jsonl.as_str(), none.counts.skipped_other_kind), ("", 1200));
}

#[tokio::test]
async fn a_run_learns_from_the_votes_as_they_stood_when_it_was_asked_for() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir).await;
    let asks = |named: &str| {
        let mut recipe = Recipe { algorithm: Algorithm::Dpo, ..recipe(1) };
        recipe.data.preferences = Some(named.into());
        recipe
    };
    let refused = |result: Result<_, ServiceError>| match result {
        Err(ServiceError::Invalid { field, .. }) => assert_eq!(field, "recipe.data.preferences"),
        Err(other) => panic!("{other:?}"),
        Ok(run) => panic!("{run:?}"),
    };
    refused(service.start_run(asks("feedback")).await);
    refused(service.start_run(asks("/etc/passwd")).await);
    let mut named = recipe(1);
    named.data.file = Some("/etc/passwd".into());
    match service.start_run(named).await {
        Err(ServiceError::Invalid { field, .. }) => assert_eq!(field, "recipe.data.file"),
        other => panic!("{other:?}"),
    }
    service.submit_feedback(vec![vote(1)]).await.expect("stores");
    let run = service.start_run(asks("feedback")).await.expect("starts");
    let named = run.recipe.data.preferences.expect("names its rows");
    let rows = service.export_feedback(ExportFormat::Preference).await.expect("exports").jsonl;
    assert_eq!(service.object_size(&named).await.expect("is there"), rows.len() as u64);
    // Later votes are another run's; the same rows can be asked for again.
    service.submit_feedback(vec![vote(2)]).await.expect("stores");
    let later = service.start_run(asks("feedback")).await.expect("starts");
    assert_ne!(later.recipe.data.preferences, Some(named.clone()));
    let again = service.start_run(asks(&named)).await.expect("starts");
    assert_eq!(again.recipe.data.preferences, Some(named));
}

/// A trainer publishes at its first step and then asks, whenever it is told to, what people said.
#[tokio::test]
async fn a_run_hears_thumbs_on_its_own_answers_each_once() {
    let dir = TempDir::new().expect("a folder");
    let gate = Gate::default();
    let (tell, mut heard) = mpsc::unbounded_channel::<BTreeMap<String, f64>>();
    let asks = gate.clone();
    let trainer = move |_: &Recipe, _: Start, sink: &mut dyn Sink, _: &dyn Fn() -> Control| {
        sink.commit(record(1, 1))?;
        for _ in 0..3 {
            asks.pass();
            tell.send(sink.heard()?).expect("the test listens");
        }
        Ok(Outcome::Finished)
    };
    let service = Service::open(config(&dir, Arc::new(trainer))).await.expect("opens");
    let run = service.start_run(recipe(2)).await.expect("queues");
    let mut events = service.follow(&run.id, 0).await.expect("follows");
    until(&mut events, |event| matches!(event, clicker_wire::Event::Checkpoint { .. })).await;
    let own = service.run_checkpoints(&run.id).await.expect("lists")[0].id.clone();
    let thumbs = |id: u32, text: &str, up| Feedback {
        checkpoint: own.clone(),
        body: FeedbackBody::Thumbs { sample: SampleRef { sample: 0, text: text.into(), logprob: -1.0 }, up },
        ..vote(id)
    };
    let elsewhere = Feedback { checkpoint: CheckpointId("cd".repeat(32)), ..thumbs(3, "Bonn.", true) };
    service.submit_feedback(vec![vote(1), thumbs(2, "Paris.", true), elsewhere]).await.expect("stores");
    gate.allow(1);
    let first = heard.recv().await.expect("asked");
    assert_eq!((first["votes/liked"], first["votes/answers"]), (1.0, 1.0), "{first:?}");
    gate.allow(1);
    assert!(heard.recv().await.expect("asked").is_empty(), "nothing is heard twice");
    service.submit_feedback(vec![thumbs(4, "Paris.", false)]).await.expect("stores");
    gate.allow(1);
    assert_eq!(heard.recv().await.expect("asked")["votes/liked"], 0.0);
}
