//! Evaluations on the server: refused where they make no sense, done one after the other, and done again after a kill.

use crate::bench::{Gate, config, trainer};
use clicker_service::{Service, ServiceConfig, ServiceError};
use clicker_store::{Backend, Store};
use clicker_wire::{Evaluation, EvaluationOrder, EvaluationStatus};
use std::time::Duration;
use tempfile::TempDir;

const BUILTIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../public/models/builtin.gguf");

fn order(suite: &str) -> EvaluationOrder {
    let checkpoint = "builtin".to_owned();
    EvaluationOrder { checkpoint, suite: suite.into(), items: 24, resamples: 0, seed: 1, alpha: 0.2 }
}

async fn open(dir: &TempDir, worker: bool) -> Service {
    let (trainer, _told) = trainer(&Gate::open());
    let builtin_model = Some(std::fs::read(BUILTIN).expect("the built-in model"));
    Service::open(ServiceConfig { builtin_model, worker, ..config(dir, trainer) }).await.expect("opens")
}

async fn ended(service: &Service, id: i64) -> Evaluation {
    let wait = async {
        loop {
            let now = service.evaluation(id).await.expect("is there");
            if matches!(now.status, EvaluationStatus::Succeeded | EvaluationStatus::Failed) {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(300), wait).await.expect("it ends")
}

#[tokio::test]
async fn a_killed_evaluation_is_done_again_and_its_threshold_travels_with_the_checkpoint() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir, false).await;
    let id = service.start_evaluation(order("world")).await.expect("queued").id;
    let later = service.start_evaluation(order("safety")).await.expect("queued").id;
    service.shutdown().await;
    // A server that was killed in the midst of the first one.
    let store = Store::open(&Backend::Local { dir: dir.path().to_owned() }).await.expect("opens");
    let cut_off = store.claim_eval(5).await.expect("claims").expect("the first");
    assert_eq!((cut_off.id, cut_off.status), (id, EvaluationStatus::Running));
    store.close().await;

    let service = open(&dir, true).await;
    let done = ended(&service, id).await;
    assert_eq!((done.status, done.attempts, done.error.as_deref()), (EvaluationStatus::Succeeded, 2, None));
    let report = done.report.expect("a report");
    assert_eq!((report.items, report.measured.is_some()), (24, true));
    let ask = done.ask_person.expect("a threshold");
    assert!((ask.alpha - 0.2).abs() < 1e-12);
    let builtin = service.builtin().await.expect("a model").id;
    assert_eq!(service.checkpoint(&builtin).await.expect("is there").ask_below, Some(ask.threshold.unwrap_or(1.0)));
    let second = ended(&service, later).await;
    assert_eq!(second.report.expect("a report").sections[0].name, "rules");
    let list = service.evaluations().await.expect("lists");
    assert!(list.iter().map(|e| e.id).eq([later, id]) && list.iter().all(|e| e.report.is_none()));
    service.shutdown().await;
}

#[tokio::test]
async fn what_ends_the_server_again_and_again_is_given_up_and_an_old_attempt_ends_nothing() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir, false).await;
    let id = service.start_evaluation(order("world")).await.expect("queued").id;
    service.shutdown().await;
    let store = Store::open(&Backend::Local { dir: dir.path().to_owned() }).await.expect("opens");
    let first = store.claim_eval(1).await.expect("claims").expect("it");
    assert_eq!(store.recover_evals(3, 2).await.expect("recovers"), (1, 0));
    let second = store.claim_eval(3).await.expect("claims").expect("it");
    assert!(!store.finish_eval(&first, Err("late"), 4).await.expect("asks"), "the first attempt is over");
    assert_eq!(store.eval(id).await.expect("reads").expect("is there"), second);
    assert_eq!(store.recover_evals(3, 5).await.expect("recovers"), (1, 0));
    store.claim_eval(6).await.expect("claims").expect("it");
    assert_eq!(store.recover_evals(3, 7).await.expect("recovers"), (0, 1));
    let given_up = store.eval(id).await.expect("reads").expect("is there");
    assert_eq!(given_up.status, EvaluationStatus::Failed);
    assert!(given_up.error.expect("a reason").contains("3 times"));
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let dir = TempDir::new().expect("a folder");
    let service = open(&dir, false).await;
    let refused = async |order| match service.start_evaluation(order).await.expect_err("refused") {
        ServiceError::Invalid { field, .. } => field,
        other => other.to_string(),
    };
    assert_eq!(refused(order("wrold")).await, "suite");
    assert_eq!(refused(EvaluationOrder { items: 1 << 30, ..order("world") }).await, "items");
    assert_eq!(refused(EvaluationOrder { resamples: 1 << 30, ..order("world") }).await, "resamples");
    assert_eq!(refused(EvaluationOrder { alpha: f64::NAN, ..order("world") }).await, "alpha");
    assert!(refused(EvaluationOrder { checkpoint: "nothing".into(), ..order("world") }).await.contains("nothing"));
    for _ in 0..20 {
        service.start_evaluation(order("world")).await.expect("queued");
    }
    assert_eq!(refused(order("world")).await, "order");
    assert!(matches!(service.evaluation(99).await, Err(ServiceError::NotFound { what: "evaluation", .. })));
}
