//! Explaining with files: an answer under two models, and a run's folder seen through one question.

use super::export_run::run_of;
use super::{HeadlessError, Result, at, load};
use clicker_dataset::World;
use clicker_train::explain::{Subject, influence, inspect, timeline, tokens};
use clicker_wire::{Event, Influence, InfluenceOver, Inspection, Item, Recipe, Split, Timeline, TokenView};
use std::fs;
use std::path::{Path, PathBuf};

/// A run's folder and the question that it is seen through.
#[derive(Clone, Debug)]
pub struct ExplainRun {
    /// The `--out` of a `clicker train`.
    pub run: PathBuf,
    /// The model that it started from; none takes the recipe's.
    pub model: Option<PathBuf>,
    /// What the recipe means by `builtin`.
    pub builtin: PathBuf,
    /// The question.
    pub prompt: String,
}

/// An answer under two models; without one, the greedy answer of the model after.
///
/// # Errors
/// A model that cannot be loaded; two models that cut text into different tokens.
pub fn explain_tokens(before: &Path, after: &Path, prompt: &str, answer: Option<&str>) -> Result<TokenView> {
    let (old, new) = (load(before)?, load(after)?);
    let (old, new) = (Subject::new(name(before), &old)?, Subject::new(name(after), &new)?);
    Ok(tokens::token_view(&question(prompt, 1), answer, &old, &new)?)
}

/// A question over the checkpoints of a run.
///
/// # Errors
/// A folder that holds no run; a checkpoint that cannot be loaded.
pub fn explain_timeline(request: &ExplainRun) -> Result<Timeline> {
    let (recipe, _) = run_of(&request.run)?;
    let item = question(&request.prompt, recipe.data.world_seed);
    let mut points = Vec::new();
    for (step, path) in checkpoints(request, &recipe)? {
        let model = load(&path)?;
        points.push(timeline::point(step, &Subject::new(name(&path), &model)?, &item)?);
    }
    Ok(timeline::timeline(item, points))
}

/// The rollouts of a run that pushed most towards an answer and away from it. `step` names the checkpoint at which gradients are
/// taken; none takes the model that the run started from.
///
/// # Errors
/// A folder that holds no run or a run without rollouts; a step without a checkpoint.
pub fn explain_influence(
    request: &ExplainRun,
    answer: Option<&str>,
    over: InfluenceOver,
    step: Option<u32>,
) -> Result<Influence> {
    let (recipe, events) = run_of(&request.run)?;
    let all = checkpoints(request, &recipe)?;
    let wanted = step.unwrap_or(0);
    let Some((_, path)) = all.iter().find(|(step, _)| *step == wanted) else {
        let steps: Vec<String> = all.iter().map(|(step, _)| step.to_string()).collect();
        return Err(HeadlessError::Request(format!(
            "the run has no checkpoint of step {wanted}; it has those of {} (0 is the model that it started from)",
            steps.join(", ")
        )));
    };
    let model = load(path)?;
    let item = question(&request.prompt, recipe.data.world_seed);
    let subject = Subject::new(format!("step {wanted}"), &model)?;
    Ok(influence::influence(&recipe, &events, &subject, &item, answer, over)?)
}

/// A stored answer of a run, token by token under its loss. `place` is (step, group, sample).
///
/// # Errors
/// A folder that holds no run; an answer that is not stored.
pub fn explain_step(run: &Path, place: (u32, u32, u32)) -> Result<Inspection> {
    let (recipe, events) = run_of(run)?;
    let at = |wanted: &u32| *wanted == place.0;
    let figures = events.iter().find_map(|event| match event {
        Event::Metrics { step, values } if at(step) => Some(values.clone()),
        _ => None,
    });
    let groups = events.into_iter().find_map(|event| match event {
        Event::Samples { step, groups } if at(&step) => Some(groups),
        _ => None,
    });
    Ok(inspect::inspect(&recipe, &figures.unwrap_or_default(), &groups.unwrap_or_default(), place)?)
}

/// The world's own question where the text is one, so that its truth is known; else a free one.
fn question(text: &str, world_seed: u64) -> Item {
    let world = World::new(world_seed);
    let mut all = [Split::Eval, Split::Rl, Split::Sft].into_iter().flat_map(|split| world.items(split));
    let found = all.find(|item| item.messages.len() == 1 && item.question() == text);
    found.cloned().unwrap_or_else(|| Item::free(text))
}

/// The models of a run in the order of their steps; 0 is the one that it started from.
fn checkpoints(request: &ExplainRun, recipe: &Recipe) -> Result<Vec<(u32, PathBuf)>> {
    let start = match (&request.model, recipe.model.as_str()) {
        (Some(model), _) => model.clone(),
        (None, "builtin") => request.builtin.clone(),
        (None, path) => PathBuf::from(path),
    };
    let folder = request.run.join("checkpoints");
    let mut all = vec![(0, start)];
    for entry in fs::read_dir(&folder).map_err(at(&folder))? {
        let path = entry.map_err(at(&folder))?.path();
        // `000040.gguf`; beside it lie `000040.q8_0.gguf` and folders of adapters.
        let step = path.file_name().and_then(|n| n.to_str()?.strip_suffix(".gguf")?.parse().ok());
        if let Some(step) = step {
            all.push((step, path));
        }
    }
    all.sort();
    Ok(all)
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
