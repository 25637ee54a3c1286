//! Waits for the runs of comparisons, queues those that follow from them, and puts results together. What a kill cuts off is done again:
//! answers are greedy, so the result is the same. Never trains.

use super::asked::{planned, queued};
use super::assemble::{ArmRecord, RunRecord, assemble};
use super::next::{Ended, next, settle};
use super::plan::Plan;
use crate::headless::compare::run_card;
use crate::open::Inner;
use crate::{Service, ServiceError};
use clicker_dataset::World;
use clicker_lm::{LoadedModel, Precision};
use clicker_store::{Digest, Key};
use clicker_train::compare::answers;
use clicker_train::compare::paired::RESAMPLES;
use clicker_train::eval::spread;
use clicker_train::rollout::Language;
use clicker_wire::{
    AnsweredItem, Comparison, ComparisonPart, ComparisonRun, Event, FileKind, Manifest, RunCard, RunStatus, Split,
    StoredComparison,
};
use std::sync::Arc;
use std::time::Duration;

/// Events come many a second; the table of open comparisons is read no oftener than this.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause after an error of the database.
const RETRY: Duration = Duration::from_secs(5);

/// Until the service ends.
pub(crate) async fn watch(inner: Arc<Inner>) {
    let service = Service { inner };
    let mut changed = service.inner.changed.subscribe();
    let mut closing = service.inner.closing.subscribe();
    while !*closing.borrow_and_update() {
        changed.mark_unchanged();
        let pause = match look(&service).await {
            Ok(()) => PAUSE,
            Err(e) => {
                tracing::error!("comparisons cannot be read: {e}");
                changed.mark_changed();
                RETRY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = closing.changed() => return,
        }
        tokio::select! {
            _ = changed.changed() => {}
            _ = closing.changed() => return,
        }
    }
}

/// Go on with every open comparison. One that cannot be gone on with does not hold up the others.
async fn look(service: &Service) -> Result<(), ServiceError> {
    let mut all = Ok(());
    for open in service.inner.store.open_comparisons().await? {
        if let Err(e) = go_on(service, &open).await {
            tracing::error!(comparison = %open.id, "cannot go on: {e}");
            all = Err(e);
        }
    }
    all
}

/// Where the runs have all ended, queue the next ones, or put the result together.
async fn go_on(service: &Service, open: &StoredComparison) -> Result<(), ServiceError> {
    let store = &service.inner.store;
    let Some(ended) = ended(service, open).await? else { return Ok(()) };
    // What was good when it was asked for may be refused by a later version of this program.
    let plan = planned(&open.experiment).map_err(|e| e.to_string());
    let outcome = match plan.and_then(|plan| Ok((next(&plan, &ended)?, plan))) {
        Err(words) => Err(words),
        Ok((wanted, _)) if !wanted.is_empty() => {
            tracing::info!(comparison = %open.id, runs = wanted.len(), "the next runs are queued");
            store.extend_comparison(&open.id, &queued(&open.experiment.name, wanted, service.inner.now())?).await?;
            service.inner.queued.notify_one();
            service.inner.announce();
            return Ok(());
        }
        Ok((_, plan)) => {
            tracing::info!(comparison = %open.id, "all runs have ended; the held-out questions are asked");
            match result(service, open, &plan, &ended).await {
                Ok(Some(result)) => Ok(result),
                // The server ends: the next one does it.
                Ok(None) => return Ok(()),
                Err(e) => Err(e.to_string()),
            }
        }
    };
    if let Err(words) = &outcome {
        tracing::warn!(comparison = %open.id, "comparison failed: {words}");
    }
    store.end_comparison(&open.id, outcome.as_ref().map_err(String::as_str), service.inner.now()).await?;
    service.inner.announce();
    Ok(())
}

/// The runs of a comparison, if all of them have ended, or one has ended badly: then nobody waits for the others.
async fn ended(service: &Service, open: &StoredComparison) -> Result<Option<Vec<Ended>>, ServiceError> {
    let (mut all, mut waits, mut bad) = (Vec::new(), false, false);
    for of in &open.runs {
        let run = service.run(&of.run).await?;
        match run.status {
            RunStatus::Succeeded => {}
            RunStatus::Failed | RunStatus::Stopped => bad |= !matches!(of.part, ComparisonPart::Rate { .. }),
            RunStatus::Queued | RunStatus::Running | RunStatus::Paused => {
                waits = true;
                continue;
            }
        }
        all.push(Ended { of: of.clone(), run, events: Vec::new() });
    }
    if waits && !bad {
        return Ok(None);
    }
    for one in all.iter_mut().filter(|one| one.of.part.tunes()) {
        one.events = events(service, &one.of).await?;
    }
    Ok(Some(all))
}

/// What a run told, its samples left out.
async fn events(service: &Service, of: &ComparisonRun) -> Result<Vec<Event>, ServiceError> {
    let events = service.run_events(&of.run, 0).await?.into_iter().map(|e| e.event);
    Ok(events.filter(|e| !matches!(e, Event::Samples { .. })).collect())
}

/// The result of a comparison whose runs have all ended well; none if the service ends meanwhile.
async fn result(
    service: &Service,
    open: &StoredComparison,
    plan: &Plan,
    ended: &[Ended],
) -> Result<Option<Comparison>, ServiceError> {
    let start = match open.experiment.model.as_str() {
        "builtin" => service.builtin().await?,
        id => service.checkpoint(&id.into()).await?,
    };
    let mut records = Vec::new();
    for arm in &plan.arms {
        let mut record = ArmRecord { recipe: None, rate: None, runs: Vec::new() };
        if arm.recipe.is_none() {
            let answers = ask(service, open, &start, plan.world_seed()).await?;
            let place = start.name.clone();
            record.runs.push(RunRecord { seed: 0, place, events: Vec::new(), before: Vec::new(), answers });
        } else if let Ok(settled) = settle(plan, arm, ended).map_err(|reason| ServiceError::Model { reason })? {
            (record.recipe, record.rate) = (Some(settled.recipe), settled.rate);
        }
        let of_part = |part| open.runs.iter().filter(move |run| run.arm == arm.name && run.part == part);
        for of in of_part(ComparisonPart::Seed) {
            if service.is_closing() {
                return Ok(None);
            }
            let checkpoints = service.run_checkpoints(&of.run).await?;
            let last = checkpoints
                .last()
                .ok_or_else(|| ServiceError::Model { reason: format!("run {} ended without a checkpoint", of.run) })?;
            let answers = ask(service, open, last, plan.world_seed()).await?;
            let before = match of_part(ComparisonPart::RewardModel).find(|model| model.seed == of.seed) {
                Some(model) => events(service, model).await?,
                None => Vec::new(),
            };
            let events = events(service, of).await?;
            record.runs.push(RunRecord { seed: of.seed, place: of.run.to_string(), events, before, answers });
        }
        records.push(record);
    }
    let master = start.file(FileKind::Master).map_or_else(String::new, |file| file.sha256.clone());
    let told = vec![format!("this server's page /truth/compare/{}", open.id)];
    let made = tokio::task::spawn_blocking(move || run_card(told));
    let made = RunCard { model_sha256: master, ended_ms: service.inner.now(), ..made.await.map_err(lost)? };
    let plan = plan.clone();
    let put = move || assemble(&plan, &records, made, RESAMPLES);
    let result = tokio::task::spawn_blocking(put).await.map_err(lost)?;
    result.map(Some).map_err(|e| ServiceError::Model { reason: e.to_string() })
}

/// What a checkpoint says to the held-out questions.
async fn ask(
    service: &Service,
    open: &StoredComparison,
    manifest: &Manifest,
    world_seed: u64,
) -> Result<Vec<AnsweredItem>, ServiceError> {
    let unusable = |reason: String| ServiceError::Model { reason };
    let digest = manifest.file(FileKind::Master).and_then(|file| Digest::parse(&file.sha256));
    let digest = digest.ok_or_else(|| unusable(format!("{} has no master file", manifest.name)))?;
    let bytes = service.inner.store.objects.get(&Key::Object(digest)).await?;
    let most = open.experiment.items as usize;
    let work = move || -> Result<Vec<AnsweredItem>, String> {
        let model = LoadedModel::from_gguf(&bytes, Precision::Full).map_err(|e| e.to_string())?;
        let language = Language::of(&model).map_err(|e| e.to_string())?;
        let items = spread(World::new(world_seed).items(Split::Eval), most);
        let said = answers::ask(&model.snapshot, &language, &items).map_err(|e| e.to_string())?;
        // As `clicker compare` keeps them: reading JSON rounds the last digit of some numbers, and both shall compute with the same.
        let kept = serde_json::to_string(&said).map_err(|e| e.to_string())?;
        serde_json::from_str(&kept).map_err(|e| e.to_string())
    };
    tokio::task::spawn_blocking(work).await.map_err(lost)?.map_err(unusable)
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` gives")]
fn lost(error: tokio::task::JoinError) -> ServiceError {
    ServiceError::Model { reason: format!("the measurement broke off: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServiceConfig;
    use clicker_train::compare::experiment::from_toml;

    #[tokio::test]
    async fn one_that_cannot_be_planned_ends_with_the_reason_and_holds_up_no_other() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let config = ServiceConfig { worker: false, ..ServiceConfig::local(dir.path().to_owned(), None) };
        let service = Service::open(config).await.expect("opens");
        for (id, recipe) in [("bad", "no-such-recipe"), ("good", "sft"), ("worse", "nor-this")] {
            let text = format!(
                "name = 'x'\nseeds = [1]\nbudget = {{ kind = 'prompts', amount = 64 }}\n[[arms]]\nname = 'base'\n[[arms]]\nname \
                 = 'a'\nrecipe = '{recipe}'\n"
            );
            let experiment = from_toml(&text).expect("an experiment");
            service.inner.store.insert_comparison(id, &experiment, &[], 1).await.expect("is stored");
        }
        look(&service).await.expect("goes on");
        for (id, recipe) in [("bad", "no-such-recipe"), ("worse", "nor-this")] {
            let error = service.comparison(id).await.expect("is there").error;
            assert!(error.as_deref().is_some_and(|words| words.contains(recipe)), "{error:?}");
        }
        let good = service.comparison("good").await.expect("is there");
        assert_eq!((good.error, good.ended_ms, good.runs.len()), (None, None, 1));
        service.shutdown().await;
    }
}
