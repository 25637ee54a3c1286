//! The review queue: answers come in, people decide, decisions become rows that a run learns from.

use crate::bench::{recipe, shape};
use clicker_service::{Backend, ExportFormat, Service, ServiceConfig, ServiceError};
use clicker_wire::{
    Algorithm, CheckpointId, Item, Recipe, ReviewAnswer, ReviewDecision, ReviewEntry, ReviewReason, ReviewScan,
    ReviewSource, ReviewVerdict, Sampling, Split, Standing,
};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// A service with the shipped model, that trains nothing.
pub(crate) async fn with_builtin(dir: &Path) -> Service {
    let model = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../public/models/builtin.gguf");
    Service::open(ServiceConfig {
        backend: Backend::Local { dir: dir.to_owned() },
        builtin_model: Some(std::fs::read(model).expect("the shipped model")),
        worker: false,
        quantizer: Arc::new(|_| Ok((b"small".to_vec(), shape()))),
        ..ServiceConfig::memory()
    })
    .await
    .expect("opens")
}

fn handed_in(id: u32) -> ReviewEntry {
    ReviewEntry {
        id: format!("{id:032x}"),
        item: Item::free("What is the capital of Zoria?"),
        checkpoint: CheckpointId("ab".repeat(32)),
        // What a client may not say of its own answers.
        source: ReviewSource::Scan,
        sampling: Sampling::default(),
        answers: vec![ReviewAnswer { text: "Bor.".into(), logprob: None }],
        reasons: vec![ReviewReason::LowAgreement { agreement: 0.0, threshold: 1.0 }],
        by: "anna".into(),
        note: "it cannot know that".into(),
    }
}

fn decision(id: u32, review: &str, reviewer: &str, verdict: ReviewVerdict) -> ReviewDecision {
    ReviewDecision {
        id: format!("{id:032x}"),
        review: review.into(),
        verdict,
        reviewer: reviewer.into(),
        owner: true,
        decided_ms: 1,
    }
}

#[tokio::test]
async fn a_scan_files_unsure_answers_to_training_questions_once() {
    let dir = TempDir::new().expect("a folder");
    let service = with_builtin(dir.path()).await;
    let scan = ReviewScan { questions: 24, samples: 3, ..ReviewScan::default() };
    let first = service.scan_reviews(scan.clone()).await.expect("scans");
    assert_eq!(first.asked, 24);
    assert!(first.found > 0 && first.filed == first.found, "{first:?}");
    let again = service.scan_reviews(scan.clone()).await.expect("scans");
    assert_eq!((again.found, again.filed), (first.found, 0), "the same scan files nothing twice");
    let all = service.reviews().await.expect("lists");
    assert_eq!(all.len() as u32, first.filed);
    for reviewed in &all {
        let entry = &reviewed.entry;
        assert_eq!(entry.item.split, Split::Rl, "held-out questions are never asked: {}", entry.item.id);
        assert_eq!((entry.answers.len(), entry.source), (4, ReviewSource::Scan));
        assert!(!entry.reasons.is_empty());
        for reason in &entry.reasons {
            match reason {
                ReviewReason::LowAgreement { agreement, threshold } => assert!(agreement < threshold),
                ReviewReason::LowProbability { probability, threshold } => {
                    assert!(probability < threshold);
                    let own = entry.answers[0].logprob.expect("known").exp();
                    assert!((own - probability).abs() < 1e-9);
                }
                ReviewReason::NoMajority { different, samples } => assert!(different > &1 && samples == &3),
                ReviewReason::NearMiss { broken, samples, .. } => assert!(broken > &0 && broken <= samples),
                ReviewReason::RuleBroken { rule } => assert!(!rule.is_empty()),
            }
        }
    }
    // Bounds that every answer keeps leave what disagrees or touches a rule; another seed asks other questions.
    let lax = ReviewScan { agreement: 0.0, probability: Some(0.0), ..scan.clone() };
    let found = service.scan_reviews(lax).await.expect("scans");
    assert!(found.found <= first.found && found.filed == 0, "{found:?}");
    let other = service.scan_reviews(ReviewScan { seed: 2, ..scan.clone() }).await.expect("scans");
    assert!(other.filed > 0, "{other:?}");
    for bad in [
        ReviewScan { questions: 0, ..scan.clone() },
        ReviewScan { samples: 1, ..scan.clone() },
        ReviewScan { agreement: f64::NAN, ..scan.clone() },
    ] {
        assert!(matches!(service.scan_reviews(bad).await, Err(ServiceError::Invalid { .. })));
    }
    let nowhere = service.scan_reviews(ReviewScan { checkpoint: "../x".into(), ..scan }).await;
    assert!(matches!(nowhere, Err(ServiceError::NotFound { .. })));
}

#[tokio::test]
async fn people_hand_in_decide_and_disagree_and_the_owner_settles_it() {
    let dir = TempDir::new().expect("a folder");
    let service = with_builtin(dir.path()).await;
    let ids = service.hand_in(vec![handed_in(1), handed_in(2)]).await.expect("takes");
    assert_eq!(service.hand_in(vec![handed_in(1)]).await.expect("takes"), ids[..1]);
    let changed = ReviewEntry { note: "other".into(), ..handed_in(1) };
    assert!(matches!(service.hand_in(vec![changed]).await, Err(ServiceError::ReviewConflict { .. })));
    let stored = service.review(&ids[0]).await.expect("is there");
    assert_eq!((stored.entry.source, stored.entry.reasons.len()), (ReviewSource::HandedIn, 0));
    for bad in [
        ReviewEntry { id: "x".into(), ..handed_in(3) },
        ReviewEntry { answers: Vec::new(), ..handed_in(3) },
        ReviewEntry { note: "x".repeat(3000), ..handed_in(3) },
        ReviewEntry { item: Item::free("x".repeat(20_000)), ..handed_in(3) },
    ] {
        assert!(matches!(service.hand_in(vec![bad]).await, Err(ServiceError::Invalid { .. })));
    }

    let (review, abstain) = (&ids[0], ReviewVerdict::ShouldAbstain);
    let one = service.decide(decision(1, review, "anna", ReviewVerdict::Right), false).await.expect("stores");
    assert!(!one.decisions[0].owner, "nobody makes himself the owner");
    assert!(one.decisions[0].decided_ms > 1, "the server says when");
    service.decide(decision(1, review, "anna", ReviewVerdict::Right), false).await.expect("once however often");
    let two = service.decide(decision(2, review, "ben", abstain.clone()), false).await.expect("stores");
    assert_eq!(two.standing(), Standing::Disputed);
    let none = service.export_reviews(ExportFormat::Unpaired).await.expect("exports");
    assert_eq!((none.counts.disputed, none.counts.open, none.counts.rows), (1, 1, 0));
    let settled = service.decide(decision(3, review, "whoever", abstain), true).await.expect("stores");
    assert!(matches!(settled.standing(), Standing::Decided(d) if d.owner && d.reviewer == "owner"));
    for (bad, field) in [
        (decision(4, review, " ", ReviewVerdict::Right), "reviewer"),
        (decision(4, review, "Owner", ReviewVerdict::Right), "reviewer"),
        (decision(4, review, "eve", ReviewVerdict::Corrected { text: " ".into() }), "verdict.text"),
    ] {
        match service.decide(bad, false).await {
            Err(ServiceError::Invalid { field: named, .. }) => assert_eq!(named, field),
            other => panic!("{other:?}"),
        }
    }
    let gone = service.decide(decision(5, "none", "eve", ReviewVerdict::Right), false).await;
    assert!(matches!(gone, Err(ServiceError::NotFound { .. })));
    let reused = service.decide(decision(3, review, "eve", ReviewVerdict::Right), false).await;
    assert!(matches!(reused, Err(ServiceError::ReviewConflict { .. })));
}

#[tokio::test]
async fn a_run_learns_from_decisions_as_they_stood_when_it_was_asked_for() {
    let dir = TempDir::new().expect("a folder");
    let service = with_builtin(dir.path()).await;
    let asks = |algorithm: Algorithm| {
        let mut recipe = Recipe { algorithm, ..recipe(1) };
        recipe.data.preferences = Some("reviews".into());
        recipe
    };
    let none = service.start_run(asks(Algorithm::Dpo)).await;
    assert!(matches!(none, Err(ServiceError::Invalid { field, .. }) if field == "recipe.data.preferences"));
    let ids = service.hand_in(vec![handed_in(1)]).await.expect("takes");
    service.decide(decision(1, &ids[0], "anna", ReviewVerdict::ShouldAbstain), false).await.expect("stores");
    for (algorithm, format) in [(Algorithm::Dpo, ExportFormat::Preference), (Algorithm::Kto, ExportFormat::Unpaired)] {
        let run = service.start_run(asks(algorithm)).await.expect("starts");
        let named = run.recipe.data.preferences.expect("names its rows");
        let rows = service.export_reviews(format).await.expect("exports").jsonl;
        assert_eq!(service.object_size(&named).await.expect("is there"), rows.len() as u64);
        assert!(rows.contains("\"reviewer\":\"anna\"") && rows.contains("\"decision\":\"should_abstain\""), "{rows}");
    }
}
