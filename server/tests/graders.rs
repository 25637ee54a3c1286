//! OpenAI's two grader routes through the router, and `clicker grade` on files, with the shipped model as judge.

use axum::Router;
use axum::body::{Body, to_bytes};
use clicker_server::{AppState, Hosts, OwnerKey, router};
use clicker_service::headless::{self, GradeRequest, GradedLine, HeadlessError};
use clicker_service::{Service, ServiceConfig};
use clicker_wire::grader_run::{RunErrors, RunResult};
use http::{Request, StatusCode};
use leptos::config::LeptosOptions;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tower::ServiceExt;

const VALIDATE: &str = "/v1/fine_tuning/alpha/graders/validate";
const RUN: &str = "/v1/fine_tuning/alpha/graders/run";

fn shipped_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../public/models/builtin.gguf")
}

/// A server that keeps nothing, with a built-in model or without.
async fn server(builtin_model: Option<Vec<u8>>) -> (Service, Router) {
    let config = ServiceConfig { builtin_model, worker: false, ..ServiceConfig::memory() };
    let service = Service::open(config).await.expect("opens");
    let options = LeptosOptions::builder().output_name("clicker").build();
    let owner = OwnerKey::new("0123456789abcdef0123456789abcdef");
    let state = AppState { service: service.clone(), options, owner, hosts: Hosts::Loopback };
    (service, router(state))
}

async fn with_model() -> (Service, Router) {
    server(Some(std::fs::read(shipped_model()).expect("the shipped model"))).await
}

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = router.clone().oneshot(request).await.expect("infallible");
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&bytes)));
    (status, body)
}

/// A request as OpenAI's own clients make it: a key of theirs, no cookie, no origin.
async fn post(router: &Router, path: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::post(path).header("content-type", "application/json").header("authorization", "Bearer sk-x");
    send(router, request.body(Body::from(body.to_owned())).expect("a request")).await
}

async fn graded(router: &Router, grader: &Value, sample: &str, item: &Value) -> RunResult {
    let body = json!({"grader": grader, "model_sample": sample, "item": item});
    let (status, receipt) = post(router, RUN, &body.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{receipt}");
    let read: RunResult = serde_json::from_value(receipt.clone()).expect("a receipt");
    assert_eq!(json!(read), receipt, "the receipt has the fields of the schema and no other");
    read
}

fn equal() -> Value {
    json!({
        "type": "string_check", "name": "equal", "operation": "eq",
        "input": "{{sample.output_text}}", "reference": "{{item.answer}}",
    })
}

fn label(model: &str) -> Value {
    json!({
        "type": "label_model", "name": "tone", "model": model, "labels": ["good", "bad"], "passing_labels": ["good", "bad"],
        "input": [{"role": "user", "content": "Is this good or bad? {{sample.output_text}}"}],
    })
}

fn score(model: &str, range: &Value) -> Value {
    json!({
        "type": "score_model", "name": "how good", "model": model, "range": range,
        "input": [{"role": "developer", "content": "Judge."}, {"role": "user", "content": "{{sample.output_text}}"}],
    })
}

#[tokio::test]
async fn a_good_grader_comes_back_as_it_was() {
    let (_service, router) = server(None).await;
    let multi = json!({"type": "multi", "name": "both", "calculate_output": "a + b", "graders": {"a": equal(), "b": label("m")}});
    for grader in [equal(), label("gpt-4o"), multi] {
        let (status, body) = post(&router, VALIDATE, &json!({"grader": grader}).to_string()).await;
        assert_eq!((status, body), (StatusCode::OK, json!({"grader": grader})));
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_in_openais_envelope() {
    let (_service, router) = server(None).await;
    let mut misspelt = equal();
    misspelt["operation"] = json!("equals");
    let mut unknown = equal();
    unknown["refrence"] = json!("x");
    let multi = json!({"type": "multi", "name": "m", "calculate_output": "a + b", "graders": {"a": misspelt}});
    for path in [VALIDATE, RUN] {
        for (grader, param, words) in [
            (&misspelt, "grader.operation", "equals"),
            (&unknown, "grader", "did you mean \"reference\"?"),
            (&multi, "grader.graders.a.operation", "eq"),
            (&json!(3), "grader", "expected"),
        ] {
            let mut body = json!({"grader": grader});
            if path == RUN {
                body["model_sample"] = json!("x");
            }
            let (status, body) = post(&router, path, &body.to_string()).await;
            let error = &body["error"];
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
            assert_eq!((&error["type"], &error["code"]), (&json!("invalid_request_error"), &json!("invalid_grader")));
            assert_eq!(error["param"], param, "{body}");
            assert!(error["message"].as_str().is_some_and(|message| message.contains(words)), "{body}");
            assert_eq!(error.as_object().map(|error| error.len()), Some(4), "{body}");
        }
    }
}

#[tokio::test]
async fn every_refusal_under_v1_has_that_form() {
    let (_service, router) = server(None).await;
    let huge = format!("{{\"grader\": \"{}\"}}", "x".repeat(5 << 20));
    for (path, body, status, code, words) in [
        (VALIDATE, "{", StatusCode::BAD_REQUEST, "invalid_json", "JSON"),
        (VALIDATE, "{}", StatusCode::BAD_REQUEST, "invalid_json", "grader"),
        (RUN, "{\"grader\": {}}", StatusCode::BAD_REQUEST, "invalid_json", "model_sample"),
        (RUN, "{\"grader\": {}, \"model_sample\": \"\", \"itme\": 1}", StatusCode::BAD_REQUEST, "invalid_json", "itme"),
        (RUN, huge.as_str(), StatusCode::PAYLOAD_TOO_LARGE, "too_large", "4194304"),
        ("/v1/chat/completions", "{}", StatusCode::NOT_FOUND, "no_route", "/v1/chat/completions"),
    ] {
        let (got, answer) = post(&router, path, body).await;
        let error = &answer["error"];
        assert_eq!((got, &error["code"], &error["param"]), (status, &json!(code), &Value::Null), "{answer}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(words)), "{answer}");
    }
    let (status, answer) = send(&router, Request::get(RUN).body(Body::empty()).expect("a request")).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("wrong_method")));
    let foreign = Request::post(RUN).header("host", "127.0.0.1:3000").header("origin", "http://evil.example");
    let (status, answer) = send(&router, foreign.body(Body::empty()).expect("a request")).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::FORBIDDEN, &json!("cross_origin")));
}

#[tokio::test]
async fn a_sample_is_graded_and_what_is_missing_is_a_flag() {
    let (_service, router) = server(None).await;
    let receipt = graded(&router, &equal(), "Paris", &json!({"answer": "Paris"})).await;
    assert_eq!((receipt.reward, receipt.metadata.name.as_str()), (1.0, "equal"));
    assert_eq!(receipt.metadata.errors, RunErrors::default());
    assert!(receipt.metadata.execution_time > 0.0, "the clock was read");
    let missing = graded(&router, &equal(), "Paris", &json!({"reply": "Paris"})).await;
    assert_eq!(missing.reward, 0.0);
    assert_eq!(missing.metadata.errors, RunErrors { invalid_variable_error: true, ..RunErrors::default() });
    let (status, receipt) = post(&router, RUN, &json!({"grader": equal(), "model_sample": "Paris"}).to_string()).await;
    assert_eq!((status, &receipt["metadata"]["errors"]["invalid_variable_error"]), (StatusCode::OK, &json!(true)));
}

#[tokio::test]
async fn python_is_not_run_and_the_receipt_says_what_to_use() {
    let (_service, router) = server(None).await;
    let source = "def grade(sample, item):\n    return float(sample['output_text'] == item['answer'])";
    let receipt = graded(&router, &json!({"type": "python", "name": "py", "source": source}), "x", &json!({})).await;
    let errors = receipt.metadata.errors;
    assert!(errors.python_grader_server_error && receipt.reward == 0.0);
    let said = errors.python_grader_server_error_type.expect("words");
    assert!(said.contains("string_check with eq"), "{said}");
}

#[tokio::test]
async fn a_multi_shows_its_parts() {
    let (_service, router) = server(None).await;
    let close = json!({
        "type": "text_similarity", "name": "close", "evaluation_metric": "fuzzy_match",
        "input": "{{sample.output_text}}", "reference": "{{item.answer}}",
    });
    let grader = json!({
        "type": "multi", "name": "both", "calculate_output": "0.5 * same + 0.5 * close",
        "graders": {"same": equal(), "close": close},
    });
    let receipt = graded(&router, &grader, "abcd", &json!({"answer": "abce"})).await;
    assert_eq!(json!(receipt.sub_rewards), json!({"close": 0.75, "same": 0.0}));
    assert_eq!((receipt.reward, receipt.metadata.kind.as_str()), (0.375, "multi"));
}

#[tokio::test]
async fn the_builtin_model_judges() {
    let (service, router) = with_model().await;
    let id = service.builtin().await.expect("a model").id.to_string();
    for name in ["builtin", id.as_str()] {
        let receipt = graded(&router, &label(name), "A fine answer.", &json!({})).await;
        assert_eq!((receipt.metadata.errors, receipt.reward), (RunErrors::default(), 1.0), "either label passes");
        assert_eq!(receipt.metadata.sampled_model_name.as_deref(), Some(name));
        let tokens = receipt.metadata.token_usage.expect("tokens were used");
        assert_eq!(json!(receipt.model_grader_token_usage_per_model), json!({ name: tokens }));
    }
    // One of the two labels was chosen, and the same one each time.
    let mut one = label("builtin");
    let mut rewards = Vec::new();
    for passing in ["good", "bad", "good"] {
        one["passing_labels"] = json!([passing]);
        rewards.push(graded(&router, &one, "A fine answer.", &json!({})).await.reward);
    }
    assert!(rewards == [1.0, 0.0, 1.0] || rewards == [0.0, 1.0, 0.0], "{rewards:?}");

    for (range, low, high) in [(Value::Null, 0.0, 1.0), (json!([1, 7]), 1.0, 7.0)] {
        let receipt = graded(&router, &score("builtin", &range), "A fine answer.", &json!({})).await;
        assert_eq!(receipt.metadata.errors, RunErrors::default());
        assert!((low..=high).contains(&receipt.reward), "{}", receipt.reward);
    }
}

#[tokio::test]
async fn a_model_that_cannot_judge_is_a_flag_with_a_reason() {
    let (_service, router) = with_model().await;
    let (_bare, without) = server(None).await;
    for (router, model, sample, words) in [
        (&router, "gpt-4o", "x".to_owned(), "\"gpt-4o\" on this server"),
        (&without, "builtin", "x".to_owned(), "\"builtin\" (where the server has one)"),
        (&router, "builtin", "many words ".repeat(2000), "tokens"),
    ] {
        let errors = graded(router, &label(model), &sample, &json!({})).await.metadata.errors;
        assert!(errors.model_grader_server_error, "{errors:?}");
        let said = errors.model_grader_server_error_details.expect("a reason");
        assert!(said.contains(words), "{said}");
    }
}

/// Files for `clicker grade`.
struct Files {
    dir: TempDir,
}

impl Files {
    fn new(grader: &Value, lines: &str) -> Self {
        let dir = TempDir::new().expect("a folder");
        std::fs::write(dir.path().join("grader.json"), grader.to_string()).expect("written");
        std::fs::write(dir.path().join("samples.jsonl"), lines).expect("written");
        Self { dir }
    }

    fn request(&self) -> GradeRequest {
        GradeRequest {
            grader: self.dir.path().join("grader.json"),
            input: self.dir.path().join("samples.jsonl"),
            model: None,
            builtin: shipped_model(),
        }
    }

    fn run(&self, json: bool) -> std::process::Output {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_clicker"));
        command.arg("grade").arg("--grader").arg(self.request().grader).arg("--input").arg(self.request().input);
        command.args(json.then_some("--json"));
        command.output().expect("runs")
    }
}

const LINES: &str = r#"{"sample": "Paris", "answer": "Paris"}
{"sample": {"output_text": "Rome"}, "item": {"answer": "Paris"}}
this is no JSON

{"sample": "Paris"}
"#;

#[test]
fn a_file_is_graded_line_by_line_and_a_bad_line_stops_nothing() {
    let files = Files::new(&equal(), LINES);
    let mut seen = Vec::new();
    let summary = headless::grade(&files.request(), &mut |line, read| {
        seen.push(match line {
            GradedLine::Receipt(receipt) => (receipt.line, Some(receipt.result.reward), receipt.problems.join("; ")),
            GradedLine::Bad { line, problem } => (*line, None, problem.clone()),
        });
        assert!(read <= LINES.len() as u64);
    })
    .expect("grades");
    let told: Vec<_> = seen.iter().map(|(line, reward, _)| (*line, *reward)).collect();
    assert_eq!(told, [(1, Some(1.0)), (2, Some(0.0)), (3, None), (5, Some(0.0))]);
    assert!(seen[2].2.contains("not JSON") && seen[3].2.contains("item.answer"), "{seen:?}");
    assert_eq!((summary.graded, summary.bad), (3, 1));
    let (name, scores) = &summary.scores[0];
    assert_eq!((name.as_str(), scores.n, scores.errors, scores.min, scores.max), ("equal", 3, 1, 0.0, 1.0));
    // mean 1/3, variance 1/3 - 1/9
    assert!((scores.mean - 1.0 / 3.0).abs() < 1e-12 && (scores.std - (2.0f64 / 9.0).sqrt()).abs() < 1e-12);
}

#[test]
fn a_model_of_ones_own_judges_under_any_name() {
    let files = Files::new(&label("gpt-4o"), "{\"sample\": \"x\"}\n");
    let ask = |model| {
        let mut heard = None;
        let request = GradeRequest { model, ..files.request() };
        headless::grade(&request, &mut |line, _| heard = Some(line.clone())).expect("grades");
        let Some(GradedLine::Receipt(receipt)) = heard else { panic!("no receipt: {heard:?}") };
        receipt
    };
    let alone = ask(None);
    assert!(alone.result.metadata.errors.model_grader_server_error && alone.problems[0].contains("--model"));
    let judged = ask(Some(shipped_model()));
    assert_eq!(judged.problems, [""; 0]);
    assert!(judged.result.metadata.sampled_model_name.is_some_and(|name| name.ends_with("builtin.gguf")));
}

#[test]
fn the_command_prints_a_table_or_receipts_and_exits_with_2_for_a_bad_grader() {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let files = Files::new(&equal(), LINES);
    let table = files.run(false);
    assert_eq!(table.status.code(), Some(0));
    let printed = text(table.stdout);
    assert!(printed.contains("mean") && printed.contains("equal") && printed.contains("33.3 %"), "{printed}");
    let said = text(table.stderr);
    assert!(said.contains("samples.jsonl, line 3: not JSON") && said.contains("1 of 4 lines"), "{said}");

    let receipts = text(files.run(true).stdout);
    let receipts: Vec<Value> = receipts.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let rewards: Vec<_> = receipts.iter().map(|receipt| (&receipt["line"], &receipt["reward"])).collect();
    assert_eq!(json!(rewards), json!([[1, 1.0], [2, 0.0], [5, 0.0]]));

    let broken = Files::new(&json!({"type": "string_chek", "name": "x"}), LINES);
    let refused = broken.run(false);
    assert_eq!((refused.status.code(), text(refused.stdout).as_str()), (Some(2), ""));
    let said = text(refused.stderr);
    assert!(said.contains("grader.json") && said.contains("string_check"), "{said}");
    assert!(matches!(headless::grade(&broken.request(), &mut |_, _| ()), Err(HeadlessError::Grader { .. })));
    std::fs::remove_file(files.request().input).expect("removed");
    assert_eq!(files.run(false).status.code(), Some(1));
}
