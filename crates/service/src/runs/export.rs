//! A run of this server as files for other programs.

use crate::exports::{RunExport, RunFormat, RunLog, export};
use crate::{Service, ServiceError};
use clicker_wire::RunId;

impl Service {
    /// Write a run, as far as it is, in one format.
    ///
    /// # Errors
    /// There is no such run; a store that fails.
    pub async fn export_run(&self, id: &RunId, format: RunFormat) -> Result<RunExport, ServiceError> {
        let run = self.run(id).await?;
        let events = self.run_events(id, 0).await?;
        let log = RunLog {
            recipe: run.recipe,
            started_ms: run.started_ms.unwrap_or(run.created_ms),
            events: events.into_iter().map(|event| (Some(event.at_ms), event.event)).collect(),
        };
        export(&log, format).map_err(|e| ServiceError::invalid("run", e.to_string(), "a run whose events are JSON"))
    }
}
