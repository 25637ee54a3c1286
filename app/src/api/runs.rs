//! Training runs.

use super::json::Json;
use clicker_wire::{LessonRuns, Manifest, Recipe, Run, RunCommand, RunId};
use leptos::prelude::*;

/// Recipes to start from.
#[server(prefix = "/rpc", endpoint = "presets", input = Json, output = Json)]
pub async fn presets() -> Result<Vec<Recipe>, ServerFnError> {
    super::ssr::service().presets().await.map_err(super::ssr::told)
}

/// Lessons in reward hacking, as runs.
#[server(prefix = "/rpc", endpoint = "lessons", input = Json, output = Json)]
pub async fn lessons() -> Result<Vec<LessonRuns>, ServerFnError> {
    super::ssr::service().lessons().await.map_err(super::ssr::told)
}

/// Queues a run. Owner only.
#[server(prefix = "/rpc", endpoint = "start_run", input = Json, output = Json)]
pub async fn start_run(recipe: Recipe) -> Result<Run, ServerFnError> {
    super::ssr::owner_only()?;
    super::ssr::service().start_run(recipe).await.map_err(super::ssr::told)
}

/// Every run, newest first.
#[server(prefix = "/rpc", endpoint = "runs", input = Json, output = Json)]
pub async fn runs() -> Result<Vec<Run>, ServerFnError> {
    super::ssr::service().runs().await.map_err(super::ssr::told)
}

/// One run.
#[server(name = AskRun, prefix = "/rpc", endpoint = "run", input = Json, output = Json)]
pub async fn run(id: RunId) -> Result<Run, ServerFnError> {
    super::ssr::service().run(&id).await.map_err(super::ssr::told)
}

/// Pauses, resumes or stops a run. Owner only.
#[server(prefix = "/rpc", endpoint = "command_run", input = Json, output = Json)]
pub async fn command_run(id: RunId, command: RunCommand) -> Result<Run, ServerFnError> {
    super::ssr::owner_only()?;
    super::ssr::service().command(&id, command).await.map_err(super::ssr::told)
}

/// The checkpoints of a run, oldest first.
#[server(prefix = "/rpc", endpoint = "run_checkpoints", input = Json, output = Json)]
pub async fn run_checkpoints(id: RunId) -> Result<Vec<Manifest>, ServerFnError> {
    super::ssr::service().run_checkpoints(&id).await.map_err(super::ssr::told)
}
