//! Explaining with this server's checkpoints and runs: anybody may ask, a few at a time.

use crate::{Service, ServiceError};
use clicker_lm::LoadedModel;
use clicker_train::TrainError;
use clicker_train::explain::{Subject, influence, inspect, timeline, tokens};
use clicker_wire::{
    CheckpointId, Event, Influence, InfluenceOver, Inspection, Item, ItemId, Manifest, Run, RunId, Timeline, TokenView,
};
use std::sync::Arc;

/// Longest question or answer, in bytes.
const TEXT: usize = 4 << 10;

/// Checkpoints of a timeline at most; of more, an evenly spaced choice with both ends.
const POINTS: usize = 40;

/// What is asked: a question of the world by its id, or any text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The id; wins over the text.
    pub item: Option<String>,
    /// The text.
    pub text: Option<String>,
}

/// A question with the answer that is asked about.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The question.
    pub item: Item,
    /// The answer; none is the model's own.
    pub answer: Option<String>,
}

impl Service {
    /// The question that is meant; none where nothing is asked. A text that a question of the world says is that question.
    ///
    /// # Errors
    /// There is no such question; a text that is too long.
    pub async fn question(&self, question: &Question) -> Result<Option<Item>, ServiceError> {
        if let Some(id) = &question.item {
            return Ok(Some(self.world_item(&ItemId::from(id.as_str())).await?));
        }
        let Some(text) = &question.text else { return Ok(None) };
        short("question", text)?;
        Ok(Some(self.questions().saying(text).cloned().unwrap_or_else(|| Item::free(text))))
    }

    /// An answer token by token under two checkpoints (`builtin` or ids).
    ///
    /// # Errors
    /// A model that is not there or cannot be loaded; models that cut text into different tokens; texts that are too long.
    pub async fn explain_tokens(&self, before: &str, after: &str, asked: Asked) -> Result<TokenView, ServiceError> {
        checked(&asked)?;
        let (old, new) = (self.manifest(before).await?, self.manifest(after).await?);
        let (first, second) = (self.loaded(&old).await?, self.loaded(&new).await?);
        self.computed(move || {
            let (first, second) = (Subject::new(old.name, &first)?, Subject::new(new.name, &second)?);
            tokens::token_view(&asked.item, asked.answer.as_deref(), &first, &second)
        })
        .await
    }

    /// A question over the checkpoints of a run.
    ///
    /// # Errors
    /// There is no such run; a checkpoint that cannot be loaded.
    pub async fn explain_timeline(&self, run: &RunId, item: Item) -> Result<Timeline, ServiceError> {
        let run = self.run(run).await?;
        let all = self.models_of(&run).await?;
        let kept: Vec<usize> = match all.len() {
            few @ 0..=POINTS => (0..few).collect(),
            many => (0..POINTS).map(|i| i * (many - 1) / (POINTS - 1)).collect(),
        };
        let mut points = Vec::new();
        for place in &kept {
            let (step, manifest) = &all[*place];
            // Not kept in memory: each is asked once, and the models that are in use should stay.
            let model = self.load_master(manifest).await?.map_err(|reason| ServiceError::Explain { reason })?;
            let (step, name, item) = (*step, manifest.id.to_string(), item.clone());
            points.push(self.computed(move || timeline::point(step, &Subject::new(name, &model)?, &item)).await?);
        }
        let mut out = timeline::timeline(item, points);
        if kept.len() < all.len() {
            out.words.push(format!(
                "The run has published {} checkpoints; {} evenly spaced ones are shown.",
                all.len() - 1,
                kept.len()
            ));
        }
        Ok(out)
    }

    /// The rollouts of a run that pushed most towards an answer and away from it, at the checkpoint of a step (0 is the model
    /// that the run started from).
    ///
    /// # Errors
    /// There is no such run or checkpoint; a run that stores no rollouts; texts that are too long.
    pub async fn explain_influence(
        &self,
        run: &RunId,
        step: u32,
        over: InfluenceOver,
        asked: Asked,
    ) -> Result<Influence, ServiceError> {
        checked(&asked)?;
        let run = self.run(run).await?;
        let all = self.models_of(&run).await?;
        let Some((_, manifest)) = all.into_iter().find(|(of, _)| *of == step) else {
            return Err(ServiceError::NotFound {
                what: "checkpoint of step",
                id: step.to_string(),
                hint: "the run's page lists the steps that have one; 0 is the model that it started from",
            });
        };
        let model = self.loaded(&manifest).await?;
        let events: Vec<Event> = self.run_events(&run.id, 0).await?.into_iter().map(|e| e.event).collect();
        self.computed(move || {
            let subject = Subject::new(format!("step {step}"), &model)?;
            influence::influence(&run.recipe, &events, &subject, &asked.item, asked.answer.as_deref(), over)
        })
        .await
    }

    /// The answers that a run stored: steps with the sizes of their groups.
    ///
    /// # Errors
    /// There is no such run; a store that fails.
    pub async fn stored_answers(&self, run: &RunId) -> Result<Vec<(u32, Vec<u32>)>, ServiceError> {
        let events = self.run_events(run, 0).await?;
        let sizes = events.into_iter().filter_map(|event| match event.event {
            Event::Samples { step, groups } => {
                Some((step, groups.iter().map(|g| g.completions.len() as u32).collect()))
            }
            _ => None,
        });
        Ok(sizes.collect())
    }

    /// A stored answer of a run, token by token under its loss. `place` is (step, group, sample).
    ///
    /// # Errors
    /// There is no such run or answer; an algorithm that stores none.
    pub async fn inspect_step(&self, run: &RunId, place: (u32, u32, u32)) -> Result<Inspection, ServiceError> {
        let run = self.run(run).await?;
        let (mut figures, mut found) = (None, None);
        for event in self.run_events(&run.id, 0).await? {
            match event.event {
                Event::Metrics { step, values } if step == place.0 => figures = Some(values),
                Event::Samples { step, groups } if step == place.0 => found = Some(groups),
                _ => {}
            }
        }
        let (figures, groups) = (figures.unwrap_or_default(), found.unwrap_or_default());
        inspect::inspect(&run.recipe, &figures, &groups, place).map_err(refused)
    }

    /// The models of a run in the order of their steps; 0 is the one that it started from.
    ///
    /// # Errors
    /// A starting model that is gone; a store that fails.
    pub async fn models_of(&self, run: &Run) -> Result<Vec<(u32, Manifest)>, ServiceError> {
        let mut all = vec![(0, self.starting_checkpoint(&run.recipe).await?)];
        all.extend(self.run_checkpoints(&run.id).await?.into_iter().map(|m| (m.step, m)));
        Ok(all)
    }

    /// A checkpoint by the name that addresses use.
    pub(crate) async fn manifest(&self, name: &str) -> Result<Manifest, ServiceError> {
        match name {
            "builtin" => self.builtin().await,
            id => self.checkpoint(&CheckpointId::from(id)).await,
        }
    }

    /// Its weights.
    pub(crate) async fn loaded(&self, manifest: &Manifest) -> Result<Arc<LoadedModel>, ServiceError> {
        self.judging_model(manifest).await?.map_err(|reason| ServiceError::Explain { reason })
    }

    /// Run something heavy off the async threads, as few at a time as graders.
    pub(crate) async fn computed<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> clicker_train::Result<T> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let permit = Arc::clone(&self.inner.judges.permits).acquire_owned().await;
        let permit = permit.map_err(|_| ServiceError::ShuttingDown)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        match done.await {
            Ok(done) => done.map_err(refused),
            Err(e) => Err(ServiceError::Grading { reason: e.to_string() }),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: TrainError) -> ServiceError {
    ServiceError::Explain { reason: error.to_string() }
}

fn checked(asked: &Asked) -> Result<(), ServiceError> {
    short("question", asked.item.question())?;
    short("answer", asked.answer.as_deref().unwrap_or_default())
}

fn short(what: &'static str, text: &str) -> Result<(), ServiceError> {
    if text.len() <= TEXT {
        return Ok(());
    }
    Err(ServiceError::invalid(what, format!("{} bytes", text.len()), format!("at most {TEXT} bytes")))
}
