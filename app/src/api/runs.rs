//! Training runs.

use super::json::Json;
use clicker_wire::{Manifest, RunCommand, RunId, Sketch};
use leptos::prelude::*;

/// A run as pages know it.
pub type Run = clicker_wire::Run<Sketch>;
/// A lesson's runs as pages know them.
pub type LessonRuns = clicker_wire::LessonRuns<Sketch>;

/// Recipes to start from.
#[server(prefix = "/rpc", endpoint = "presets", input = Json, output = Json)]
pub async fn presets() -> Result<Vec<Sketch>, ServerFnError> {
    let recipes = super::ssr::service().presets().await.map_err(super::ssr::told)?;
    Ok(recipes.iter().map(Sketch::from).collect())
}

/// Lessons in reward hacking, as runs.
#[server(prefix = "/rpc", endpoint = "lessons", input = Json, output = Json)]
pub async fn lessons() -> Result<Vec<LessonRuns>, ServerFnError> {
    let lessons = super::ssr::service().lessons().await.map_err(super::ssr::told)?;
    let seen = |lesson: clicker_wire::LessonRuns| LessonRuns {
        name: lesson.name,
        about: lesson.about,
        broken: Sketch::from(&lesson.broken),
        repaired: Sketch::from(&lesson.repaired),
    };
    Ok(lessons.into_iter().map(seen).collect())
}

/// Queues a run. Owner only.
#[server(prefix = "/rpc", endpoint = "start_run", input = Json, output = Json)]
pub async fn start_run(recipe: Sketch) -> Result<Run, ServerFnError> {
    super::ssr::owner_only()?;
    let recipe = clicker_wire::Recipe::try_from(recipe).map_err(|e| ServerFnError::new(format!("the recipe: {e}")))?;
    super::ssr::service().start_run(recipe).await.map(seen).map_err(super::ssr::told)
}

/// Every run, newest first.
#[server(prefix = "/rpc", endpoint = "runs", input = Json, output = Json)]
pub async fn runs() -> Result<Vec<Run>, ServerFnError> {
    let runs = super::ssr::service().runs().await.map_err(super::ssr::told)?;
    Ok(runs.into_iter().map(seen).collect())
}

/// One run.
#[server(name = AskRun, prefix = "/rpc", endpoint = "run", input = Json, output = Json)]
pub async fn run(id: RunId) -> Result<Run, ServerFnError> {
    let page = super::ssr::page_below("/runs/");
    super::ssr::service().run(&id).await.map(seen).map_err(|error| super::ssr::missing(error, page))
}

/// Pauses, resumes or stops a run. Owner only.
#[server(prefix = "/rpc", endpoint = "command_run", input = Json, output = Json)]
pub async fn command_run(id: RunId, command: RunCommand) -> Result<Run, ServerFnError> {
    super::ssr::owner_only()?;
    super::ssr::service().command(&id, command).await.map(seen).map_err(super::ssr::told)
}

/// The checkpoints of a run, oldest first.
#[server(prefix = "/rpc", endpoint = "run_checkpoints", input = Json, output = Json)]
pub async fn run_checkpoints(id: RunId) -> Result<Vec<Manifest>, ServerFnError> {
    super::ssr::service().run_checkpoints(&id).await.map_err(super::ssr::told)
}

/// What the page is told of a run.
#[cfg(feature = "ssr")]
fn seen(run: clicker_wire::Run) -> Run {
    run.told(|recipe| Sketch::from(&recipe))
}
