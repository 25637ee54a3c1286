//! Comparisons into a folder: cut off and gone on with they give what they would have given, another experiment is refused, and
//! tuning asks its own questions. On a server: queued, run and put together.

use clicker_lm::weights::{Encoding, export};
use clicker_service::headless::{CompareProgress, CompareRequest, HeadlessError, compare, compared};
use clicker_service::{ComparisonOrder, Control, Service, ServiceConfig};
use clicker_train::pretrain::{PretrainSpec, pretrain};
use clicker_wire::{Budget, BudgetKind, Comparison, Cost, EvalReport, Event, RunStatus, StoredComparison};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) fn model() -> &'static [u8] {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    MODEL.get_or_init(|| {
        let shape = [16, 1, 2, 1, 32, 192];
        let spec =
            PretrainSpec { steps: 3, batch: 8, vocab: 400, tokenizer_documents: 300, shape, ..PretrainSpec::default() };
        let (snapshot, tokenizer) = pretrain(&spec, &mut |_| {}).expect("pretrains");
        export(&snapshot, Some(&tokenizer), "tiny", Encoding::F32).expect("exports")
    })
}

const EXPERIMENT: &str = "name = 'test'\nseeds = [1, 2]\nitems = 60\nbudget = { kind = 'prompts', amount = 16 }\n\
     tuning = { factors = [1.0, 8.0], share = 0.5 }\n\
     [[arms]]\nname = 'base'\n\
     [[arms]]\nname = 'sft'\nrecipe = 'sft'\nset = { sft = { batch = 4 } }\n\
     [[arms]]\nname = 'raft'\nrecipe = 'raft'\n\
     set = { raft = { accept_above = -9.0 }, rollout = { prompts = 4, group_size = 2, sampling = { max_new_tokens = 4 } } }\n";

fn request(dir: &TempDir, out: &str, experiment: &str) -> CompareRequest {
    let (file, builtin) = (dir.path().join(format!("{out}.toml")), dir.path().join("model.gguf"));
    fs::write(&file, experiment).expect("writes");
    fs::write(&builtin, model()).expect("writes");
    CompareRequest { experiment: file, out: dir.path().join(out), builtin, resamples: 200 }
}

fn play(request: &CompareRequest, asks: u32) -> Result<Option<Comparison>, Box<HeadlessError>> {
    let asked = Cell::new(0);
    let control = || {
        asked.set(asked.get() + 1);
        if asked.get() > asks { Control::Pause } else { Control::Continue }
    };
    compare(request, &mut |_: CompareProgress| (), &control).map_err(Box::new)
}

/// What time and place decide.
fn without_time(mut comparison: Comparison) -> Comparison {
    for arm in &mut comparison.arms {
        arm.cost.seconds = 0.0;
        arm.cost.watt_hours = 0.0;
        for run in &mut arm.runs {
            run.cost = Cost { seconds: 0.0, watt_hours: 0.0, ..run.cost };
        }
    }
    comparison.made.ended_ms = 0;
    comparison.made.commands.clear();
    comparison
}

#[test]
fn a_comparison_that_was_cut_off_ends_as_it_would_have() {
    let dir = TempDir::new().expect("a folder");
    let whole = play(&request(&dir, "whole", EXPERIMENT), u32::MAX).expect("compares").expect("ends");
    let cut = request(&dir, "cut", EXPERIMENT);
    let mut times = 0;
    let ended = loop {
        times += 1;
        if let Some(ended) = play(&cut, 5).expect("compares") {
            break ended;
        }
    };
    assert!(times > 3, "{times}");
    assert_eq!(without_time(ended.clone()), without_time(whole.clone()));
    let stored = compared(&cut.out).expect("is there");
    assert_eq!((stored.figures.len(), &stored.limitations), (ended.figures.len(), &ended.limitations));
    // Nothing is trained again: without a single step allowed it is done.
    assert!(play(&cut, 0).expect("compares").is_some());

    assert_eq!(whole.arms.iter().map(|arm| arm.runs.len()).collect::<Vec<_>>(), [1, 2, 2]);
    for arm in &whole.arms[1..] {
        let recipe = arm.recipe.as_ref().expect("a recipe");
        assert_eq!((recipe.steps, arm.saw.prompts), (4, 16), "{}", arm.name);
        assert!(arm.cost.trained > 0.0 && arm.rate.as_ref().expect("a rate").tried.len() == 2);
    }
    assert!(whole.arms[2].cost.generated > 0.0 && whole.arms[1].cost.generated == 0.0);
    let halluc = whole.figures.iter().find(|f| f.id == "hallucination").expect("the figure");
    assert_eq!((halluc.arms.len(), halluc.differences.len()), (3, 3));
    assert_eq!(whole.data.held_out, 60);
    assert!(whole.limitations.iter().any(|l| l.starts_with("Two seeds")), "{:?}", whole.limitations);
    tuning_asks_its_own_questions(&cut.out, whole.data.validation);
}

fn tuning_asks_its_own_questions(out: &Path, validation: u32) {
    let last = |place: &str| -> EvalReport {
        let text = fs::read_to_string(out.join(place).join("eval.jsonl")).expect("a log");
        match serde_json::from_str(text.lines().last().expect("a line")).expect("an event") {
            Event::Eval { report, .. } => report,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(last("tuning/sft/times-8").items, validation);
    assert_ne!(last("runs/sft/seed-1").items, validation);
}

#[test]
fn another_experiment_in_the_same_folder_is_refused() {
    let dir = TempDir::new().expect("a folder");
    play(&request(&dir, "out", EXPERIMENT), 1).expect("begins");
    let changed = request(&dir, "out", &EXPERIMENT.replace("amount = 16", "amount = 32"));
    let message = play(&changed, 1).expect_err("is another").to_string();
    assert!(message.contains("`budget`") && message.contains("another --out"), "{message}");
    let changed = request(&dir, "out", &EXPERIMENT.replace("batch = 4", "batch = 5"));
    assert!(play(&changed, 1).expect_err("is another").to_string().contains("`arms`"));
}

#[test]
fn labels_and_tokens_are_budgets_too() {
    let dir = TempDir::new().expect("a folder");
    let untuned = EXPERIMENT.replace("tuning = { factors = [1.0, 8.0], share = 0.5 }\n", "").replace("[1, 2]", "[1]");
    let labels = untuned.replace("{ kind = 'prompts', amount = 16 }", "{ kind = 'labels', amount = 6 }");
    let labels =
        labels.replace("set = { sft", "set = { steps = 3, sft").replace("set = { raft", "set = { steps = 3, raft");
    let result = play(&request(&dir, "labels", &labels), u32::MAX).expect("compares").expect("ends");
    for arm in &result.arms[1..] {
        assert_eq!((arm.saw.labels, arm.saw.prompts), (6, 12), "{}", arm.name);
    }
    let tokens = untuned.replace("{ kind = 'prompts', amount = 16 }", "{ kind = 'tokens', amount = 1500 }");
    let result = play(&request(&dir, "tokens", &tokens), u32::MAX).expect("compares").expect("ends");
    for arm in &result.arms[1..] {
        let spent = arm.cost.generated + arm.cost.trained;
        assert!((900.0..2300.0).contains(&spent), "{}: {spent}", arm.name);
    }
}

#[test]
fn what_an_arm_has_beside_the_budget_is_said() {
    let dir = TempDir::new().expect("a folder");
    let experiment = "name = 'test'\nseeds = [1]\nitems = 20\nbudget = { kind = 'prompts', amount = 8 }\n[[arms]]\nname = 'base'\n\
        [[arms]]\nname = 'cold'\nrecipe = 'raft'\nset = { raft = { accept_above = -9.0 }, data = { more = { rules = 10 } }, \
        cold_start = { steps = 2, batch = 4 }, rollout = { prompts = 4, group_size = 2, sampling = { max_new_tokens = 4 } } }\n\
        [[arms]]\nname = 'shown'\nrecipe = 'sft'\nset = { sft = { batch = 12 } }\n";
    let result = play(&request(&dir, "cold", experiment), u32::MAX).expect("compares").expect("ends");
    let saw = &result.arms[1].saw;
    assert_eq!((saw.prompts, saw.demonstrations, saw.labels), (8, 8, 16));
    let said = |words: &str| result.limitations.iter().any(|l| l.contains(words));
    assert!(said("cold (8 demonstrations of a cold start, repetitions counted; 10 further questions)"));
    assert!(
        said("shown had 12 training prompts instead of 8 (+50 %)") && !said("cold had"),
        "{:?}",
        result.limitations
    );
}

fn order() -> ComparisonOrder {
    ComparisonOrder { budget: Budget { kind: BudgetKind::Prompts, amount: 64 }, ..ComparisonOrder::default() }
}

async fn end_of(service: &Service, id: &str) -> StoredComparison {
    let ended = async {
        loop {
            let now = service.comparison(id).await.expect("is there");
            if now.ended_ms.is_some() {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(240), ended).await.expect("in time")
}

/// Tokens counted, rates tuned, a reward model first: the figures of a server are those of `clicker compare`, digit by digit, though the
/// server ended in the midst of it.
#[tokio::test]
async fn a_server_tunes_and_counts_like_the_command() {
    let experiment = "name = 'test'\nseeds = [1]\nitems = 60\nbudget = { kind = 'tokens', amount = 1500 }\n\
        tuning = { factors = [1.0, 8.0], share = 0.5 }\n[[arms]]\nname = 'base'\n\
        [[arms]]\nname = 'sft'\nrecipe = 'sft'\nset = { sft = { batch = 4 } }\n\
        [[arms]]\nname = 'scored'\nrecipe = 'raft'\nreward_model = 'reward-model'\n\
        set = { raft = { accept_above = -9.0 }, rollout = { prompts = 4, group_size = 2, sampling = { max_new_tokens = 4 } } }\n";
    let dir = TempDir::new().expect("a folder");
    let resamples = clicker_train::compare::paired::RESAMPLES;
    let asked = CompareRequest { resamples, ..request(&dir, "told", experiment) };
    play(&asked, u32::MAX).expect("compares").expect("ends");
    // Both as they were stored: JSON rounds the last digit of some numbers.
    let told = compared(&asked.out).expect("is there");

    let data = dir.path().join("data");
    let config = || ServiceConfig::local(data.clone(), Some(model().to_vec()));
    let service = Service::open(config()).await.expect("opens");
    let experiment = clicker_train::compare::experiment::from_toml(experiment).expect("an experiment");
    let started = service.start_comparison(experiment).await.expect("starts");
    assert_eq!(started.runs.len(), 2, "tokens of a step, and a reward model");
    service.shutdown().await;
    drop(service);
    let service = Service::open(config()).await.expect("opens");
    let ended = end_of(&service, &started.id).await;
    assert_eq!(ended.error, None);
    let result = service.comparison_result(&started.id).await.expect("reads").expect("a result");
    service.shutdown().await;

    assert_eq!(ended.runs.len(), 2 + 4 + 1 + 3, "{:?}", ended.runs);
    let differs = result.figures.iter().zip(&told.figures).find(|(served, told)| served != told);
    assert!(result.figures.len() == told.figures.len() && differs.is_none(), "{differs:?}");
    let rates = |c: &Comparison| c.arms.iter().map(|arm| arm.rate.clone()).collect::<Vec<_>>();
    assert_eq!(rates(&result), rates(&told));
    for (served, told) in result.arms.iter().zip(&told.arms) {
        assert_eq!(served.recipe.as_ref().map(|r| r.steps), told.recipe.as_ref().map(|r| r.steps));
        assert_eq!((&served.saw, &served.reward), (&told.saw, &told.reward));
        assert_eq!((served.cost.trained, served.cost.generated), (told.cost.trained, told.cost.generated));
    }
}

#[tokio::test]
async fn a_server_queues_the_runs_and_puts_the_result_together() {
    let dir = TempDir::new().expect("a folder");
    let config = || ServiceConfig::local(dir.path().to_owned(), Some(model().to_vec()));
    let service = Service::open(config()).await.expect("opens");
    let order = ComparisonOrder { name: "two".into(), arms: vec!["sft".into()], seeds: 2, ..order() };
    let started = service.start_comparison(order.experiment()).await.expect("starts");
    assert_eq!(started.runs.len(), 2);
    // The server ends in the midst of it, and goes on. Its folder is free once nothing of it is left.
    service.shutdown().await;
    drop(service);
    let service = Service::open(config()).await.expect("opens");
    let ended = end_of(&service, &started.id).await;
    assert_eq!(ended.error, None);
    for run in &ended.runs {
        let run = service.run(&run.run).await.expect("is there");
        assert_eq!((run.status, run.recipe.steps), (RunStatus::Succeeded, 1));
    }
    let result = service.comparison_result(&started.id).await.expect("reads").expect("a result");
    assert_eq!(result.arms.iter().map(|arm| arm.runs.len()).collect::<Vec<_>>(), [1, 2]);
    assert!(result.limitations.iter().any(|l| l.starts_with("Learning rates are those of the recipes")));
    service.shutdown().await;
}

#[tokio::test]
async fn a_stopped_run_ends_a_comparison_with_the_reason() {
    let dir = TempDir::new().expect("a folder");
    let config = ServiceConfig { worker: false, ..ServiceConfig::local(dir.path().to_owned(), Some(model().to_vec())) };
    let service = Service::open(config).await.expect("opens");
    let order = ComparisonOrder { arms: vec!["sft".into()], seeds: 1, ..order() };
    let started = service.start_comparison(order.experiment()).await.expect("starts");
    service.command(&started.runs[0].run, clicker_wire::RunCommand::Stop).await.expect("stops");
    service.shutdown().await;
    let service =
        Service::open(ServiceConfig::local(dir.path().to_owned(), Some(model().to_vec()))).await.expect("opens");
    let ended = async {
        loop {
            let now = service.comparison(&started.id).await.expect("is there");
            if let Some(error) = now.error {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let error = tokio::time::timeout(Duration::from_secs(30), ended).await.expect("in time");
    assert!(error.contains("sft, seed 1") && error.contains("stopped"), "{error}");
    let factors = vec![1.0; 9];
    let tuning = clicker_wire::TuningSpec { factors, ..Default::default() };
    let message = service.start_comparison(clicker_wire::Experiment { tuning, ..order.experiment() }).await;
    assert!(message.expect_err("too many").to_string().contains("9 factors"));
    service.shutdown().await;
}
