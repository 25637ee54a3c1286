//! Rows of one's own on a server: kept by their hash, looked at, trained on; the shipped prompts that fooled the model as a preset.

use crate::comparing::model;
use clicker_service::{Service, ServiceConfig, ServiceError};
use clicker_wire::{Decision, Recipe, Run, RunStatus};
use std::time::Duration;
use tempfile::TempDir;

async fn ended(service: &Service, run: &Run) -> Run {
    let ended = async {
        loop {
            let now = service.run(&run.id).await.expect("is there");
            if now.ended_ms.is_some() {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), ended).await.expect("in time")
}

fn short(mut recipe: Recipe) -> Recipe {
    (recipe.steps, recipe.rollout.prompts, recipe.rollout.group_size) = (1, 2, 2);
    recipe.rollout.sampling.max_new_tokens = 4;
    (recipe.eval.items, recipe.sft.batch) = (8, 2);
    recipe.dry_run.start_anyway = "a test".into();
    recipe
}

#[tokio::test]
async fn the_prompts_that_fooled_the_model_are_a_preset() {
    let dir = TempDir::new().expect("a folder");
    let service =
        Service::open(ServiceConfig::local(dir.path().to_owned(), Some(model().to_vec()))).await.expect("opens");
    let presets = service.presets().await.expect("presets");
    let preset = presets.into_iter().find(|recipe| recipe.name == "adversarial").expect("is offered");
    let run = service.start_run(short(preset)).await.expect("starts");
    assert_eq!(run.recipe.data.sha256.as_ref().map(String::len), Some(64), "it will never go on with other rows");
    let ended = ended(&service, &run).await;
    assert_eq!((ended.status, ended.error), (RunStatus::Succeeded, None));
    service.shutdown().await;
}

#[tokio::test]
async fn rows_are_looked_at_kept_and_trained_on() {
    let dir = TempDir::new().expect("a folder");
    let service =
        Service::open(ServiceConfig::local(dir.path().to_owned(), Some(model().to_vec()))).await.expect("opens");
    let broken = service.keep_rows("{\"prompt\": 3}\n".into()).await.expect_err("is no row").to_string();
    assert!(broken.contains("line 1"), "{broken}");
    assert!(service.keep_rows("\n".into()).await.expect_err("is empty").to_string().contains("no row"));

    let rows: String =
        (2..30).map(|n| format!("{{\"prompt\": \"What is {n} + 1?\", \"completion\": \"{}\"}}\n", n + 1)).collect();
    let kept = service.keep_rows(rows.clone().into()).await.expect("keeps");
    assert_eq!((kept.rows, kept.format.starts_with("prompt-completion")), (28, true));
    assert_eq!(
        service.keep_rows(rows.into()).await.expect("keeps").file,
        kept.file,
        "the same bytes are the same file"
    );

    let text = format!(
        "name = 'mine'\nalgorithm = 'sft'\nsteps = 1\n[data]\nfile = '{}'\nstart_anyway = 'a test'\n",
        kept.file
    );
    let recipe = short(clicker_train::recipe::from_toml(&text).expect("a recipe"));
    let run = service.start_run(recipe.clone()).await.expect("starts");
    assert_eq!(ended(&service, &run).await.status, RunStatus::Succeeded);
    let mut other = recipe;
    other.data.file = Some("0".repeat(64));
    match service.start_run(other).await {
        Err(ServiceError::Invalid { field, .. }) => assert_eq!(field, "recipe.data.file"),
        other => panic!("{other:?}"),
    }

    let twice = "{\"prompt\": \"What is 2 + 2?\", \"answer\": \"4\"}\n".repeat(20);
    let advice = service.keep_rows(twice.into()).await.expect("keeps").advice;
    assert!(advice.iter().any(|a| a.decision != Decision::Go && !a.words.is_empty()), "{advice:?}");
    service.shutdown().await;
}
