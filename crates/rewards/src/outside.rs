//! What some graders need from outside the text: the scores of learned reward models, the verdicts of models that judge,
//! people's votes, the other answers of the group. All of it is an argument, so that this crate stays without tensors, stores
//! and files; a grader whose source is missing does not apply, and its receipt says what was missing.

use crate::group::Group;
use crate::votes::Ballot;
use clicker_wire::Item;

/// Sources beside the answer itself. `Outside::default()` has none.
#[derive(Clone, Copy, Default)]
pub struct Outside<'a> {
    /// Learned reward models.
    pub models: Option<&'a dyn RewardModels>,
    /// Models that judge for OpenAI's model graders.
    #[cfg(feature = "openai")]
    pub judge: Option<&'a dyn crate::openai::Judge>,
    /// Stored votes, counted.
    pub votes: Option<&'a Ballot>,
    /// The answers that were drawn together, this one among them. [`crate::Scorer::group`] fills it in.
    pub group: Option<&'a Group>,
}

/// Learned reward models that can be asked. Whoever has tensors implements it: by asking them here, or by looking up
/// scores that were computed for the whole batch before.
pub trait RewardModels {
    /// The scores of an answer under the models of this checkpoint: one, or one of each member of an ensemble.
    ///
    /// # Errors
    /// Why there is none, in words for the receipt.
    fn scores(&self, checkpoint: &str, item: &Item, text: &str) -> Result<Vec<f64>, String>;
}
