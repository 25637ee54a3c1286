//! What can go wrong in training, in words for the person who runs it.

/// Any error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A recipe that cannot be run.
    #[error("recipe: {0}")]
    Recipe(String),
    /// An experiment that cannot be made, or runs that cannot be compared.
    #[error("comparison: {0}")]
    Comparison(String),
    /// A constitution that cannot be read.
    #[error("constitution: {0}")]
    Constitution(String),
    /// A saved state that does not belong to this run, or is broken.
    #[error("saved state: {0}")]
    State(String),
    /// The numbers have gone wrong.
    #[error(
        "step {step}: {what} is {value}; lower the learning rate, or raise beta, and start again from the last checkpoint"
    )]
    Diverged {
        /// The step.
        step: u32,
        /// Which number.
        what: &'static str,
        /// What it became.
        value: f64,
    },
    /// The reward was tried before the first step and should not be trained on.
    #[error(
        "the dry run advises against this run: {advice} To start it anyway, give a reason: `start_anyway` under [dry_run] in the recipe, `--skip-dry-run` on the command line, or the button on the run's page"
    )]
    DryRun {
        /// What was seen, and its cure.
        advice: String,
    },
    /// The rows were looked at before the first step and should not be trained on.
    #[error(
        "the look at {file} advises against this run: {advice} `clicker data check {file} --fix NEW.jsonl` writes a repaired copy. To start it anyway, give a reason: `start_anyway` under [data] in the recipe, or `--skip-data-check` on the command line"
    )]
    Rows {
        /// The file.
        file: String,
        /// What was seen, and its cure.
        advice: String,
    },
    /// The sink could not store a step.
    #[error("step {step} could not be stored: {reason}")]
    Sink {
        /// The step.
        step: u32,
        /// Why.
        reason: String,
    },
    /// Something that cannot be explained.
    #[error("{0}")]
    Explain(String),
    /// Data that cannot be read.
    #[error("data: {0}")]
    Data(#[from] clicker_dataset::Error),
    /// The model.
    #[error(transparent)]
    Lm(#[from] clicker_lm::LmError),
    /// The mathematics.
    #[error(transparent)]
    Rl(#[from] clicker_rl::RlError),
    /// The reward.
    #[error(transparent)]
    Reward(#[from] clicker_rewards::RewardError),
    /// Tensor arithmetic.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl TrainError {
    /// Whether the words of an error that was stored are those of [`TrainError::Diverged`].
    #[must_use]
    pub fn tells_of_divergence(words: &str) -> bool {
        words.contains("; lower the learning rate, or raise beta, and start again from the last checkpoint")
    }
}

/// Result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, TrainError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_is_known_by_its_words() {
        let diverged = TrainError::Diverged { step: 3, what: "loss", value: f64::NAN };
        assert!(TrainError::tells_of_divergence(&diverged.to_string()));
        assert!(!TrainError::tells_of_divergence(&TrainError::Recipe("loss".into()).to_string()));
    }
}
