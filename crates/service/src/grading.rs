//! OpenAI's graders: check one, run one on a sample. What the API and the command line have in common, the clock included.

use crate::{Service, ServiceError};
use clicker_rewards::openai::{self, Grader, Judge, Run, Sample};
use clicker_wire::grader_run::{RunRequest, RunResult, ValidateRequest, ValidateResponse};
use serde_json::Value;
use std::time::Instant;

/// Grade one sample, and note how long it took.
pub(crate) fn grade(grader: &Grader, sample: &Sample<'_>, item: &Value, judge: &dyn Judge) -> Run {
    let start = Instant::now();
    let mut run = openai::run(grader, sample, item, Some(judge));
    run.result.metadata.execution_time = start.elapsed().as_secs_f64();
    run
}

impl Service {
    /// Check a grader: it comes back as it was understood.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub async fn validate_grader(&self, request: ValidateRequest) -> Result<ValidateResponse, ServiceError> {
        Ok(ValidateResponse { grader: openai::validate(&request.grader)? })
    }

    /// Run a grader on a sample. What goes wrong with the sample, or with a model that is to judge it, is a flag of the
    /// receipt.
    ///
    /// # Errors
    /// What is wrong with the grader, and where; a store that fails.
    pub async fn run_grader(&self, request: RunRequest) -> Result<RunResult, ServiceError> {
        let grader = openai::validate(&request.grader)?;
        let permit = self.inner.judges.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| ServiceError::ShuttingDown)?;
        let panel = self.panel(grader.models().into_iter().map(str::to_owned)).await?;
        let graded = tokio::task::spawn_blocking(move || {
            // Held until the work ends, also where whoever asked has gone.
            let _permit = permit;
            grade(&grader, &request.model_sample.as_str().into(), &request.item, &panel)
        });
        Ok(graded.await.map_err(|e| ServiceError::Grading { reason: e.to_string() })?.result)
    }
}
