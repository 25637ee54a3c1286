//! The use cases by name; bodies follow.
#![allow(missing_docs)]

use crate::ServiceError;
use clicker_wire::*;
use futures::stream::BoxStream;

/// The events of a run as they come.
pub type RunEvents = BoxStream<'static, Result<RunEvent, ServiceError>>;

/// Every use case; cheap to clone.
#[derive(Clone)]
pub struct Service {}

type R<T> = Result<T, ServiceError>;

impl Service {
    pub async fn world_items(&self, _domain: Option<Domain>, _limit: u32) -> R<Vec<Item>> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn world_item(&self, _id: &ItemId) -> R<Item> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn checkpoints(&self) -> R<Vec<Manifest>> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn checkpoint(&self, _id: &CheckpointId) -> R<Manifest> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn builtin(&self) -> R<Manifest> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn start_run(&self, _recipe: Recipe) -> R<Run> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn runs(&self) -> R<Vec<Run>> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn run(&self, _id: &RunId) -> R<Run> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn command(&self, _id: &RunId, _command: RunCommand) -> R<Run> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn run_events(&self, _id: &RunId, _after: u64) -> R<Vec<RunEvent>> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn follow(&self, _id: &RunId, _after: u64) -> R<RunEvents> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn run_checkpoints(&self, _id: &RunId) -> R<Vec<Manifest>> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn presets(&self) -> R<Vec<Recipe>> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn submit_feedback(&self, _votes: Vec<Feedback>) -> R<Vec<FeedbackId>> {
        Err(ServiceError::ShuttingDown)
    }
    pub async fn feedback(&self, _filter: FeedbackFilter) -> R<Vec<FeedbackRow>> {
        Err(ServiceError::ShuttingDown)
    }
}
