//! The store through its public face, on temporary folders.

use bytes::Bytes;
use clicker_store::{
    Backend, Claim, Digest, Filed, Finish, Insertion, Key, StateRef, StepCommit, Store, StoreError, Wanted,
};
use clicker_wire::{
    Algorithm, CheckpointFile, CheckpointId, Event, Feedback, FeedbackBody, FeedbackFilter, FeedbackId, FeedbackKind,
    FileKind, Item, Manifest, ModelShape, NewRewardVersion, PairChoice, Principle, Recipe, ReviewAnswer,
    ReviewDecision, ReviewEntry, ReviewSource, ReviewVerdict, RewardConfig, Run, RunId, RunStatus, SampleRef, Sampling,
};
use futures::TryStreamExt;
use std::collections::BTreeMap;
use tempfile::TempDir;

const LEASE: i64 = 1000;

async fn open(dir: &TempDir) -> Store {
    Store::open(&Backend::Local { dir: dir.path().to_owned() }).await.expect("the store opens")
}

fn recipe() -> Recipe {
    serde_json::from_value(serde_json::json!({"name": "t", "algorithm": "grpo", "steps": 4})).expect("a recipe")
}

async fn queued(store: &Store, id: &str, created_ms: i64) -> RunId {
    let run = Run::queued(RunId::from(id), recipe(), created_ms);
    store.insert_run(&run).await.expect("stored");
    run.id
}

async fn claim(store: &Store, worker: &str, now: i64) -> Claim {
    store.claim(worker, now, LEASE).await.expect("claims").expect("a queued run")
}

fn metrics(step: u32) -> Event {
    Event::Metrics { step, values: BTreeMap::from([("loss".to_owned(), 0.1 + f64::from(step))]) }
}

fn manifest(run: &RunId, step: u32) -> Manifest {
    let sha256 = Digest::of(b"weights").to_string();
    Manifest {
        id: CheckpointId(sha256.clone()),
        name: format!("t, step {step}"),
        run: Some(run.clone()),
        step,
        created_ms: 5,
        shape: ModelShape { architecture: "llama".into(), parameters: 1, vocab: 2, width: 3, layers: 4, context: 5 },
        files: vec![CheckpointFile { kind: FileKind::Master, sha256, bytes: 7 }],
        principles: vec![Principle {
            id: "truthful".into(),
            text: "Say what is true.".into(),
            why: "People act on it.".into(),
            graders: vec!["truthful".into()],
            limit: None,
        }],
        ask_below: None,
    }
}

async fn commit(
    store: &Store,
    run: &RunId,
    worker: &str,
    step: u32,
    checkpoint: Option<&Manifest>,
) -> Result<Option<Wanted>, StoreError> {
    let state = StateRef { step, digest: Digest::of(&step.to_le_bytes()) };
    let events = [metrics(step), metrics(step)];
    let commit = StepCommit { run, worker, events: &events, state, checkpoint, eta_s: Some(1.5), now_ms: 7 };
    store.commit_step(&commit).await
}

fn vote(id: &str, up: bool) -> Feedback {
    Feedback {
        id: FeedbackId::from(id),
        item: Item::free("What is it?"),
        checkpoint: CheckpointId::from("c"),
        sampling: Sampling { seed: u64::MAX, temperature: 0.7, ..Sampling::default() },
        body: FeedbackBody::Thumbs { sample: SampleRef { sample: 1, text: "That.".into(), logprob: -0.1 - 0.2 }, up },
        said_ms: 1,
        dwell_ms: 2,
        annotator: "a".into(),
    }
}

#[tokio::test]
async fn a_lease_is_exclusive_and_runs_are_claimed_in_order() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    let (second, first) = (queued(&store, "b", 20).await, queued(&store, "a", 10).await);
    assert_eq!(claim(&store, "w1", 100).await.run.id, first);
    assert_eq!(claim(&store, "w2", 100).await.run.id, second);
    assert!(store.claim("w3", 100, LEASE).await.expect("claims").is_none());
    assert!(matches!(store.heartbeat(&first, "w2", 100, LEASE).await, Err(StoreError::LeaseLost { .. })));
    assert_eq!(store.heartbeat(&first, "w1", 100, LEASE).await.expect("beats"), None);
}

#[tokio::test]
async fn a_lease_that_runs_out_is_taken_back_and_its_holder_can_store_nothing_more() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    let run = queued(&store, "a", 0).await;
    claim(&store, "w1", 0).await;
    commit(&store, &run, "w1", 1, None).await.expect("commits");
    store.heartbeat(&run, "w1", 500, LEASE).await.expect("beats");
    assert!(store.take_back(None, 1500).await.expect("looks").is_empty(), "the heartbeat prolonged the lease");
    assert_eq!(store.take_back(None, 1501).await.expect("looks"), vec![run.clone()]);
    let again = claim(&store, "w2", 1600).await;
    assert_eq!(again.state, Some(StateRef { step: 1, digest: Digest::of(&1u32.to_le_bytes()) }));
    assert_eq!(again.run.started_ms, Some(0), "the first start counts");
    assert!(matches!(commit(&store, &run, "w1", 2, None).await, Err(StoreError::LeaseLost { .. })));
    assert!(matches!(store.finish(&run, "w1", &Finish::Succeeded, 9).await, Err(StoreError::LeaseLost { .. })));
    assert_eq!(store.run(&run).await.expect("reads").expect("is there").step, 1);
}

#[tokio::test]
async fn workers_known_to_be_dead_lose_their_runs_at_once() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    let (mine, other) = (queued(&store, "a", 1).await, queued(&store, "b", 2).await);
    claim(&store, "embedded-1", 0).await;
    claim(&store, "remote-1", 0).await;
    assert_eq!(store.take_back(Some("embedded-"), 1).await.expect("looks"), vec![mine]);
    assert_eq!(store.run(&other).await.expect("reads").expect("is there").status, RunStatus::Running);
}

#[tokio::test]
async fn a_step_is_committed_whole_or_not_at_all() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    let run = queued(&store, "a", 0).await;
    claim(&store, "w", 0).await;
    commit(&store, &run, "w", 0, None).await.expect("commits");
    commit(&store, &run, "w", 1, Some(&manifest(&run, 1))).await.expect("commits");
    let before = store.events(&run, 0, 100).await.expect("reads");
    assert!(matches!(commit(&store, &run, "w", 1, Some(&manifest(&run, 9))).await, Err(StoreError::StepOrder { .. })));
    assert!(matches!(commit(&store, &run, "x", 2, Some(&manifest(&run, 9))).await, Err(StoreError::LeaseLost { .. })));
    assert_eq!(store.events(&run, 0, 100).await.expect("reads"), before);
    assert_eq!(store.run_checkpoints(&run).await.expect("reads"), vec![manifest(&run, 1)]);
    let now = store.run(&run).await.expect("reads").expect("is there");
    assert_eq!((now.step, now.eta_s, now.checkpoint), (1, Some(1.5), Some(manifest(&run, 1).id)));
}

#[tokio::test]
async fn events_are_numbered_without_gaps_and_read_from_any_place() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    let run = queued(&store, "a", 0).await;
    claim(&store, "w", 0).await;
    for step in 0..5 {
        commit(&store, &run, "w", step, None).await.expect("commits");
    }
    store.finish(&run, "w", &Finish::Succeeded, 9).await.expect("ends");
    let all = store.events(&run, 0, 100).await.expect("reads");
    assert_eq!(all.iter().map(|e| e.seq).collect::<Vec<_>>(), (1..=13).collect::<Vec<_>>());
    assert_eq!(store.events(&run, 4, 3).await.expect("reads"), all[4..7].to_vec());
    assert_eq!(store.events(&run, u64::MAX, 3).await.expect("reads"), Vec::new());
    assert!(matches!(&all[12].event, Event::Status { status: RunStatus::Succeeded, message: None }));
}

#[tokio::test]
async fn what_is_wanted_decides_where_a_yielded_run_stands() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    let yielded = Finish::Yielded { reason: "the server stopped" };
    for (wanted, status) in
        [(Some(Wanted::Pause), RunStatus::Paused), (Some(Wanted::Stop), RunStatus::Stopped), (None, RunStatus::Queued)]
    {
        let run = queued(&store, status_word(status), 0).await;
        assert!(!store.want(&run, wanted).await.expect("asks"), "nobody holds it yet");
        claim(&store, "w", 0).await;
        assert!(store.want(&run, wanted).await.expect("asks"));
        assert_eq!(commit(&store, &run, "w", 1, None).await.expect("commits"), wanted);
        assert_eq!(store.heartbeat(&run, "w", 1, LEASE).await.expect("beats"), wanted);
        assert_eq!(store.finish(&run, "w", &yielded, 9).await.expect("ends"), status);
        let stored = store.run(&run).await.expect("reads").expect("is there");
        assert_eq!((stored.status, stored.ended_ms.is_some()), (status, status.is_final()));
    }
}

fn status_word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Paused => "p",
        RunStatus::Stopped => "s",
        _ => "q",
    }
}

#[tokio::test]
async fn a_status_changes_only_from_what_it_was() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    let run = queued(&store, "a", 0).await;
    assert!(store.change_status(&run, RunStatus::Queued, RunStatus::Paused, 1).await.expect("changes"));
    assert!(!store.change_status(&run, RunStatus::Queued, RunStatus::Stopped, 1).await.expect("changes"));
    assert!(store.claim("w", 0, LEASE).await.expect("claims").is_none(), "a paused run is not claimed");
}

#[tokio::test]
async fn one_content_made_by_two_runs_is_listed_once_and_belongs_to_both() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    let (a, b) = (queued(&store, "a", 0).await, queued(&store, "b", 1).await);
    for run in [&a, &b, &a] {
        store.insert_checkpoint(&manifest(run, 3)).await.expect("publishes");
    }
    assert_eq!(store.checkpoints(10).await.expect("lists"), vec![manifest(&a, 3)]);
    assert_eq!(store.run_checkpoints(&b).await.expect("lists"), vec![manifest(&b, 3)]);
    assert_eq!(store.checkpoint(&manifest(&a, 3).id).await.expect("reads"), Some(manifest(&a, 3)));
}

#[tokio::test]
async fn reward_models_are_not_among_those_that_answer() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    let policy = queued(&store, "a", 0).await;
    let scores = Recipe { algorithm: Algorithm::RewardModel, ..recipe() };
    let scoring = Run::queued(RunId::from("b"), scores, 1);
    store.insert_run(&scoring).await.expect("stored");
    let of = |run: Option<&RunId>, step| Manifest {
        id: CheckpointId(format!("checkpoint {step}")),
        run: run.cloned(),
        ..manifest(&policy, step)
    };
    let all = [of(None, 1), of(Some(&policy), 2), of(Some(&scoring.id), 3)];
    for one in &all {
        store.insert_checkpoint(one).await.expect("publishes");
    }
    assert_eq!(store.checkpoints(10).await.expect("lists").len(), 3);
    let [builtin, trained, _] = all;
    assert_eq!(store.answering_checkpoints(10).await.expect("lists"), [trained, builtin]);
}

#[tokio::test]
async fn a_vote_is_stored_once_and_never_changed() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    let (one, two) = (vote("1", true), vote("2", true));
    assert_eq!(store.insert_feedback(&[one.clone(), two.clone()], 5).await.expect("stores"), Insertion::Stored);
    assert_eq!(store.insert_feedback(&[two.clone(), one.clone()], 6).await.expect("stores"), Insertion::Stored);
    let clash = store.insert_feedback(&[vote("3", true), vote("1", false)], 7).await.expect("answers");
    assert_eq!(clash, Insertion::Conflict(FeedbackId::from("1")));
    let rows = store.feedback(&FeedbackFilter::default(), 10).await.expect("lists");
    assert_eq!(rows.iter().map(|r| &r.feedback).collect::<Vec<_>>(), vec![&two, &one], "all or nothing, newest first");
    assert!(rows.iter().all(|r| r.stored_ms == 5), "the first storing counts");
    drop(store);
    assert_eq!(open(&dir).await.feedback(&FeedbackFilter::default(), 10).await.expect("lists"), rows);
}

#[tokio::test]
async fn votes_are_filtered_and_paged() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    let mut pair = vote("4", true);
    let sample = SampleRef { sample: 0, text: "x".into(), logprob: -1.0 };
    pair.body = FeedbackBody::Pair { a: sample.clone(), b: sample, choice: PairChoice::Tie };
    pair.checkpoint = CheckpointId::from("d");
    store.insert_feedback(&[vote("1", true), vote("2", true), vote("3", true), pair], 5).await.expect("stores");
    let ids = async |filter: FeedbackFilter, limit| {
        let rows = store.feedback(&filter, limit).await.expect("lists");
        rows.into_iter().map(|r| r.feedback.id.0).collect::<Vec<_>>()
    };
    assert_eq!(ids(FeedbackFilter { kind: Some(FeedbackKind::Pair), ..Default::default() }, 9).await, ["4"]);
    assert_eq!(
        ids(FeedbackFilter { checkpoint: Some(CheckpointId::from("c")), ..Default::default() }, 2).await,
        ["3", "2"]
    );
    assert_eq!(ids(FeedbackFilter { before: Some(FeedbackId::from("3")), ..Default::default() }, 9).await, ["2", "1"]);
    let (page, last) = store.feedback_page(0, 3).await.expect("reads");
    assert_eq!(page.len(), 3);
    assert_eq!(store.feedback_page(last, 3).await.expect("reads").0[0].feedback.id.0, "4");
}

#[tokio::test]
async fn objects_are_what_their_names_say() {
    let dir = TempDir::new().expect("a folder");
    for store in [open(&dir).await, Store::open(&Backend::Memory).await.expect("opens")] {
        let objects = &store.objects;
        let digest = objects.put_content(Bytes::from_static(b"0123456789")).await.expect("stores");
        let key = Key::Object(digest);
        assert_eq!(objects.get(&key).await.expect("reads"), "0123456789");
        assert_eq!(objects.put_content(Bytes::from_static(b"0123456789")).await.expect("stores again"), digest);
        let part = objects.read(&key, Some(2..5)).await.expect("reads a range");
        assert_eq!((part.size, part.range), (10, 2..5));
        let bytes: Vec<Bytes> = part.stream.try_collect().await.expect("bytes");
        assert_eq!(bytes.concat(), b"234");
        assert!(matches!(objects.put(&key, Bytes::from_static(b"other")).await, Err(StoreError::WrongHash { .. })));
        let missing = Key::Object(Digest::of(b"nothing"));
        assert!(matches!(objects.get(&missing).await, Err(StoreError::MissingObject { .. })));
        assert_eq!(objects.size(&missing).await.expect("answers"), None);
        objects.delete(&missing).await.expect("that is fine");
    }
    let digest = Digest::of(b"0123456789");
    std::fs::write(dir.path().join(Key::Object(digest).path()), b"012345678X").expect("damages it");
    let damaged = open(&dir).await.objects.get(&Key::Object(digest)).await;
    assert!(matches!(damaged, Err(StoreError::WrongHash { .. })));
}

#[tokio::test]
async fn a_sweep_leaves_only_the_committed_state() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    let run = RunId::from("00ff");
    for step in 1..=3 {
        store.objects.put(&Key::RunState(run.clone(), step), Bytes::from_static(b"s")).await.expect("stores");
    }
    let folder = dir.path().join("runs/00ff/state");
    std::fs::write(folder.join("4#1"), b"half").expect("what a kill leaves");
    store.objects.sweep_states(&run, Some(2)).await.expect("sweeps");
    let left: Vec<_> = std::fs::read_dir(&folder).expect("lists").map(|e| e.expect("entry").file_name()).collect();
    assert_eq!(left, ["2"]);
}

#[tokio::test]
async fn a_reward_is_kept_once_under_its_hash_and_every_name() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    let new = |name: &str, weight: f64| {
        let mut reward = RewardConfig::default();
        reward.graders[0].weight = weight;
        NewRewardVersion { name: name.into(), note: String::new(), reward }
    };
    let first = store.insert_reward(&new("a", 1.0), 5).await.expect("keeps");
    let again = store.insert_reward(&new("a", 1.0), 9).await.expect("keeps");
    assert_eq!(again, first, "the first one stands");
    let renamed = store.insert_reward(&new("b", 1.0), 10).await.expect("keeps");
    let other = store.insert_reward(&new("a", 2.0), 11).await.expect("keeps");
    assert_eq!(renamed.hash, first.hash);
    assert_ne!(other.hash, first.hash);
    let content = serde_json::to_string(&first.reward).expect("JSON");
    assert_eq!(first.hash, Digest::of(content.as_bytes()).to_string());
    assert_eq!(store.rewards(10).await.expect("lists"), vec![other, renamed.clone(), first.clone()]);
    assert_eq!(store.rewards(1).await.expect("lists").len(), 1);
    assert_eq!(store.reward(&first.hash).await.expect("reads"), Some(renamed));
    assert_eq!(store.reward("none").await.expect("reads"), None);
}

fn for_review(id: &str) -> ReviewEntry {
    ReviewEntry {
        id: id.into(),
        item: Item::free("What is the capital of Zoria?"),
        checkpoint: CheckpointId::from("c"),
        source: ReviewSource::Scan,
        sampling: Sampling::default(),
        answers: vec![ReviewAnswer { text: "Bor.".into(), logprob: Some(-0.5) }],
        reasons: Vec::new(),
        by: String::new(),
        note: String::new(),
    }
}

#[tokio::test]
async fn reviews_and_decisions_are_stored_once_and_outlive_a_kill() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir).await;
    assert_eq!(store.insert_review(&for_review("a"), 1).await.expect("files"), Filed::New);
    assert_eq!(store.insert_review(&for_review("a"), 2).await.expect("files"), Filed::Known);
    let other = ReviewEntry { note: "another".into(), ..for_review("a") };
    assert_eq!(store.insert_review(&other, 2).await.expect("files"), Filed::Conflict);
    store.insert_review(&for_review("b"), 3).await.expect("files");
    assert_eq!(store.untouched_reviews().await.expect("counts"), 2);

    let decision = |id: &str, review: &str, reviewer: &str, verdict: ReviewVerdict, decided_ms: i64| ReviewDecision {
        id: id.into(),
        review: review.into(),
        verdict,
        reviewer: reviewer.into(),
        owner: false,
        decided_ms,
    };
    let first = decision("1", "a", "anna", ReviewVerdict::Right, 5);
    assert_eq!(store.insert_decision(&first).await.expect("stores"), Filed::New);
    let again = ReviewDecision { decided_ms: 9, ..first.clone() };
    assert_eq!(store.insert_decision(&again).await.expect("stores"), Filed::Known, "the time is the server's");
    let changed = decision("1", "a", "anna", ReviewVerdict::Wrong, 9);
    assert_eq!(store.insert_decision(&changed).await.expect("stores"), Filed::Conflict);
    let orphan = decision("9", "none", "anna", ReviewVerdict::Wrong, 9);
    assert_eq!(store.insert_decision(&orphan).await.expect("stores"), Filed::Orphan);
    store.insert_decision(&decision("2", "a", "ben", ReviewVerdict::Wrong, 6)).await.expect("stores");
    store.insert_decision(&decision("3", "a", "anna", ReviewVerdict::ShouldAbstain, 7)).await.expect("stores");

    // A second process, while the first has neither closed nor flushed anything: what a kill leaves.
    let after = open(&dir).await;
    let all = after.reviews().await.expect("lists");
    assert_eq!(all.iter().map(|r| r.entry.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(all[0].entry, for_review("a"));
    let last: Vec<(&str, &ReviewVerdict)> =
        all[0].decisions.iter().map(|d| (d.reviewer.as_str(), &d.verdict)).collect();
    assert_eq!(last, [("ben", &ReviewVerdict::Wrong), ("anna", &ReviewVerdict::ShouldAbstain)], "the last word counts");
    assert_eq!(after.review("b").await.expect("reads").map(|r| r.decisions.len()), Some(0));
    assert_eq!(after.review("none").await.expect("reads"), None);
    assert_eq!(after.untouched_reviews().await.expect("counts"), 1);
}
