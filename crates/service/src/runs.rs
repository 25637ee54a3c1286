//! Training runs: asking for one, looking at it, commanding it.

mod export;
mod preferences;
mod reward_models;
mod rows;

use crate::ids::random_hex;
use crate::{Service, ServiceError};
use clicker_store::Wanted;
use clicker_wire::{CheckpointId, Manifest, Recipe, Run, RunCommand, RunEvent, RunId, RunStatus};

/// Lists show at most this many.
const LIST: u32 = 500;
/// Events are read in batches of this many.
pub(crate) const EVENT_BATCH: u32 = 256;

impl Service {
    /// Queue a run.
    ///
    /// # Errors
    /// A recipe that cannot work; a server that is stopping; a store that fails.
    pub async fn start_run(&self, recipe: Recipe) -> Result<Run, ServiceError> {
        if self.is_closing() {
            return Err(ServiceError::ShuttingDown);
        }
        let refused = |e: clicker_train::TrainError| ServiceError::Recipe { reason: e.to_string() };
        let mut recipe = clicker_train::recipe::resolved(recipe).map_err(refused)?;
        clicker_train::recipe::validate(&recipe).map_err(refused)?;
        self.starting_checkpoint(&recipe).await?;
        self.check_models_of_reward(&recipe).await?;
        self.freeze_preferences(&mut recipe).await?;
        self.freeze_rows(&mut recipe).await?;
        let run = Run::queued(RunId(random_hex::<8>()?), recipe, self.inner.now());
        self.inner.store.insert_run(&run).await?;
        self.inner.announce();
        self.inner.queued.notify_one();
        Ok(run)
    }

    /// The newest runs, newest first.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn runs(&self) -> Result<Vec<Run>, ServiceError> {
        Ok(self.inner.store.runs(LIST).await?)
    }

    /// One run.
    ///
    /// # Errors
    /// There is none with this id; a store that fails.
    pub async fn run(&self, id: &RunId) -> Result<Run, ServiceError> {
        self.inner.store.run(id).await?.ok_or_else(|| ServiceError::NotFound {
            what: "run",
            id: id.to_string(),
            hint: "the list of runs names those that exist",
        })
    }

    /// The events of a run after a number, all of them.
    ///
    /// # Errors
    /// There is no such run; a store that fails.
    pub async fn run_events(&self, id: &RunId, after: u64) -> Result<Vec<RunEvent>, ServiceError> {
        self.run(id).await?;
        let (mut all, mut last) = (Vec::new(), after);
        loop {
            let batch = self.inner.store.events(id, last, EVENT_BATCH).await?;
            let Some(event) = batch.last() else { return Ok(all) };
            last = event.seq;
            all.extend(batch);
        }
    }

    /// What a run has published, in the order of its steps.
    ///
    /// # Errors
    /// There is no such run; a store that fails.
    pub async fn run_checkpoints(&self, id: &RunId) -> Result<Vec<Manifest>, ServiceError> {
        self.run(id).await?;
        Ok(self.inner.store.run_checkpoints(id).await?)
    }

    /// Pause, resume or stop a run. What holds already is fine; a running run obeys after its current step.
    ///
    /// # Errors
    /// There is no such run; it has ended; a store that fails.
    pub async fn command(&self, id: &RunId, command: RunCommand) -> Result<Run, ServiceError> {
        loop {
            let run = self.run(id).await?;
            let (store, now) = (&self.inner.store, self.inner.now());
            // Each write names the status that it was decided on; if that has changed meanwhile, decide again.
            let done = match answer(run.status, command)? {
                Answer::Nothing => true,
                Answer::Become(status) => store.change_status(id, run.status, status, now).await?,
                Answer::Ask(wanted) => store.want(id, wanted).await?,
            };
            if done {
                self.inner.announce();
                self.inner.queued.notify_one();
                return self.run(id).await;
            }
        }
    }

    /// The checkpoint that a recipe starts from.
    pub(crate) async fn starting_checkpoint(&self, recipe: &Recipe) -> Result<Manifest, ServiceError> {
        if recipe.model == "builtin" {
            return self.builtin().await;
        }
        match self.inner.store.checkpoint(&CheckpointId::from(recipe.model.as_str())).await? {
            Some(manifest) => Ok(manifest),
            None => Err(ServiceError::invalid(
                "recipe.model",
                format!("`{}` is no model of this server", recipe.model),
                "`builtin` or the id of a checkpoint (files and folders are for `clicker train`)",
            )),
        }
    }
}

/// What a command comes to.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// It holds already.
    Nothing,
    /// Nobody works on the run: change its status.
    Become(RunStatus),
    /// A worker holds the run: tell it (or take back what it was told).
    Ask(Option<Wanted>),
}

fn answer(status: RunStatus, command: RunCommand) -> Result<Answer, ServiceError> {
    use {RunCommand as C, RunStatus as S};
    Ok(match (status, command) {
        (S::Queued, C::Pause) => Answer::Become(S::Paused),
        (S::Queued | S::Paused, C::Stop) => Answer::Become(S::Stopped),
        (S::Paused, C::Resume) => Answer::Become(S::Queued),
        (S::Running, C::Pause) => Answer::Ask(Some(Wanted::Pause)),
        (S::Running, C::Stop) => Answer::Ask(Some(Wanted::Stop)),
        (S::Running, C::Resume) => Answer::Ask(None),
        (S::Paused, C::Pause) | (S::Queued, C::Resume) | (S::Stopped, C::Stop) => Answer::Nothing,
        (S::Succeeded | S::Failed | S::Stopped, command) => {
            let command = match command {
                C::Pause => "pause",
                C::Resume => "resume",
                C::Stop => "stop",
            };
            let hint = "start a new run from its last checkpoint";
            return Err(ServiceError::RunState { status, command, hint });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Answer, answer};
    use clicker_store::Wanted;
    use clicker_wire::{RunCommand, RunStatus};

    #[test]
    fn every_command_has_an_answer_for_every_status() {
        use {RunCommand as C, RunStatus as S};
        let ok = |status, command| answer(status, command).ok();
        assert_eq!(ok(S::Queued, C::Pause), Some(Answer::Become(S::Paused)));
        assert_eq!(ok(S::Running, C::Pause), Some(Answer::Ask(Some(Wanted::Pause))));
        assert_eq!(ok(S::Running, C::Resume), Some(Answer::Ask(None)), "a pause can be taken back before it happens");
        assert_eq!(ok(S::Paused, C::Resume), Some(Answer::Become(S::Queued)));
        assert_eq!(ok(S::Stopped, C::Stop), Some(Answer::Nothing));
        for status in [S::Succeeded, S::Failed, S::Stopped] {
            assert_eq!(ok(status, C::Resume), None);
            assert_eq!(ok(status, C::Pause), None);
        }
    }
}
